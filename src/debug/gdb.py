"""Commands for gdb that show greenlets, of a process that runs or of a core:

    (gdb) source src/debug/gdb.py
    (gdb) greenlets             lists those of the selected thread; `greenlets all` those of every thread
    (gdb) greenlet 7            goes to the frames of number 7: `bt`, `up`, `info locals` are about it
    (gdb) greenlet -            goes back to where the thread is

Needs gdb 13 with Python, x86-64, and the debug information of the crate `greenlet` (`debug = true` in the profile).

Nothing in the process is changed, and no register: gdb is told that the thread's own innermost frame was called by the greenlet's. That frame stays
number 0, and `bt` leaves it out. Go back before `step`, `next` and `finish`; when the process goes on, gdb is back by itself.

A core that gdb writes itself (`generate-core-file`) lacks the stacks: it cannot read past their guards. Those that the kernel writes have them.
"""

import collections
import contextlib
import itertools
import re

import gdb
import gdb.frames
import gdb.unwinder

STATE = "greenlet::greenlet::block::Thread"
BLOCK = "greenlet::greenlet::block::Block"
HUB = "greenlet::hub::state::Hub"


# What the debug information says.


def word(address):
    """The eight bytes there."""
    return int.from_bytes(bytes(gdb.selected_inferior().read_memory(address, 8)), "little")


def at(address, name):
    """The value of that type there."""
    try:
        kind = gdb.lookup_type(name)
    except gdb.error:
        raise gdb.GdbError("no debug information about %s: build with `debug = true`" % name)
    return gdb.Value(int(address)).cast(kind.pointer()).dereference()


def fields_of(value):
    """The names of a struct's fields, but for those without a size; of an enum's, that of its variant."""
    return [field.name for field in value.type.fields() if field.name and field.type.sizeof]


def bare(value):
    """What is in cells, and in structs of one field."""
    while value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        fields = fields_of(value)
        if str(value.type).startswith("core::cell::RefCell<"):
            value = value["value"]
        elif len(fields) == 1 and not is_enum(value):
            value = value[fields[0]]
        else:
            break
    return value


def is_enum(value):
    """Its discriminant has no name, and is there even if nothing else is."""
    return any(field.name is None for field in value.type.fields())


def some(value):
    """What is in an `Option`, or `None`."""
    value = bare(value)
    return value["Some"]["__0"] if "Some" in fields_of(value) else None


def variant(value):
    """The name of an enum's variant that holds nothing."""
    return str(bare(value)).rsplit("::", 1)[-1]


def text(value):
    """A `str`."""
    value = bare(value)
    length = int(value["length"])
    # A pointer of no length may point anywhere.
    data = gdb.selected_inferior().read_memory(int(value["data_ptr"]), length) if length else b""
    return bytes(data).decode("utf-8", "replace")


def location(reference):
    """As `src/main.rs:7:5`."""
    place = bare(reference).dereference()
    file = next(name for name in fields_of(place) if name.startswith("file"))
    return "%s:%d:%d" % (text(place[file]), int(place["line"]), int(place["col"]))


# What the library keeps.

Greenlet = collections.namedtuple("Greenlet", "id name state waits_at created_at block")


def names_of_here():
    """The thread-local that points to a thread's state, once for each version of the crate."""
    listed = gdb.execute("info variables thread::HERE", to_string=True)
    return sorted(set(re.findall(r"\S*greenlet\S*::thread::HERE::\S+", listed)))


@contextlib.contextmanager
def speaking(language):
    """Names are looked up as that language has them, whatever the selected frame is written in."""
    before = gdb.parameter("language")
    gdb.execute("set language " + language, to_string=True)
    try:
        yield
    finally:
        gdb.execute("set language " + before, to_string=True)


def address_of(name):
    """Of a symbol; if it is a thread-local, in the selected thread."""
    with speaking("c"):
        return int(gdb.parse_and_eval("(unsigned long)&'%s'" % name))


def state():
    """What the library keeps of the selected thread; `None` if nothing."""
    names = names_of_here()
    if not names:
        raise gdb.GdbError("the crate `greenlet` is not in this program, or without its symbols")
    for name in names:
        address = word(address_of(name))
        if address:
            return at(address, STATE)
    return None


def elements(vec):
    """Those of a `Vec`."""
    kind = vec.type.template_argument(0)
    first = gdb.Value(int(bare(vec["buf"]["inner"]["ptr"]))).cast(kind.pointer())
    return [first[i] for i in range(int(vec["len"]))]


def registered(thread):
    """The control blocks of a thread's greenlets, but for the hub's."""
    found = []
    for entry in elements(bare(thread["registry"])["entries"]):
        if "Occupied" in fields_of(entry):
            block = at(bare(entry["Occupied"]["__0"]), BLOCK)
            if variant(block["role"]) != "Hub":
                found.append(block)
    return found


def runnable(thread):
    """The addresses of the control blocks in the run queue."""
    part = some(thread["hub_part"]["inner"])
    if part is None:
        return set()
    queue = bare(at(bare(part["data"]), HUB)["run_queue"])
    first, room = int(bare(queue["buf"]["inner"]["ptr"])), int(bare(queue["buf"]["inner"]["cap"]))
    places = range(int(queue["head"]), int(queue["head"]) + int(queue["len"]))
    return {word(first + 8 * (place % room)) for place in places}


def describe(thread, block, ready):
    address = int(block.address)
    expects = str(bare(block["expects"]).dereference()["name"])
    if address == current(thread):
        state = "running"
    elif address in ready:
        state = "runnable"
    elif variant(block["stage"]) != "Started":
        state = "not started" if variant(block["stage"]) == "New" else "dead"
    else:
        state = "parked" if "kind::Parked>" in expects else "suspended"
    name = some(block["name"])
    is_main = address == main(thread)
    return Greenlet(
        id=int(bare(block["id"])),
        name="main" if is_main else name and "`%s`" % text(name),
        state=state,
        waits_at=location(block["waits_at"]) if state in ("parked", "suspended") else None,
        created_at=None if is_main else location(block["created_at"]),
        block=block,
    )


def current(thread):
    return int(bare(thread["current"]))


def main(thread):
    name = some(thread["main"])
    return name is not None and int(bare(name))


def greenlets_here():
    """Those of the selected thread, in the order of their making."""
    with speaking("rust"):
        thread = state()
        if thread is None:
            return []
        ready = runnable(thread)
        all = [describe(thread, block, ready) for block in registered(thread)]
        return sorted(all, key=lambda greenlet: greenlet.id)


class EachThread:
    """Every thread in turn; the selected one first, and again at the end."""

    def __iter__(self):
        selected = gdb.selected_thread()
        others = [thread for thread in gdb.selected_inferior().threads() if thread.num != selected.num]
        try:
            for thread in [selected] + sorted(others, key=lambda thread: thread.num):
                thread.switch()
                yield thread
        finally:
            selected.switch()


# The frames of a greenlet that does not run.

Registers = collections.namedtuple("Registers", "rip rsp rbp rbx")


def saved(block):
    """The registers of a suspended greenlet. What its stack ends with: return address, rbx, rbp."""
    context = some(block["context"])
    pointer = context and some(bare(context)["stack_ptr"])
    if pointer is None:
        return None
    top = int(bare(pointer))
    return Registers(rip=word(top), rbx=word(top + 8), rbp=word(top + 16), rsp=top + 24)


def saved_native(thread):
    """Those of the native stack below a running greenlet. The link to it lies at the top of the greenlet's stack; what it ends with: rbp, return
    address, rbx."""
    context = some(at(current(thread), BLOCK)["context"])
    if context is None:
        return None
    top = word(int(bare(context)["stack"]["top"]) - 16)
    return Registers(rbp=word(top), rip=word(top + 8), rbx=word(top + 16), rsp=top + 24)


def beginning():
    """Where a greenlet's first frame returns to, which it never does."""
    try:
        return address_of("stack_init_trampoline_return")
    except gdb.error:
        return None


class Id:
    """What gdb tells a frame from others by."""

    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


class Detour(gdb.unwinder.Unwinder):
    """Has a thread's innermost frame be called by a greenlet's, and that one's stack end where the greenlet began."""

    def __init__(self):
        super().__init__("greenlet")
        self.thread = None

    def begin(self, thread, registers):
        self.end()
        frame = gdb.newest_frame()
        self.innermost = tuple(int(frame.read_register(name)) for name in ("rsp", "rip"))
        self.registers = registers
        self.beginning = beginning()
        self.thread = thread.ptid
        gdb.invalidate_cached_frames()

    def end(self):
        self.thread = None
        gdb.invalidate_cached_frames()

    def is_on(self):
        selected = gdb.selected_thread()
        return self.thread is not None and selected is not None and selected.ptid == self.thread

    def __call__(self, pending):
        if not self.is_on():
            return None
        rsp, rip = (pending.read_register(name) for name in ("rsp", "rip"))
        place = int(rsp), int(rip)
        if place == self.innermost:
            # Inner to the frame that it is said to be called by.
            unwound = pending.create_unwind_info(Id(self.registers.rsp - 24, place[1]))
            for name, value in zip(Registers._fields, self.registers):
                unwound.add_saved_register(name, gdb.Value(value).cast(pending.read_register(name).type))
            return unwound
        if place[1] == self.beginning:
            # The link to the native stack is old.
            unwound = pending.create_unwind_info(Id(*place))
            unwound.add_saved_register("rip", gdb.Value(0).cast(rip.type))
            unwound.add_saved_register("rsp", rsp)
            return unwound
        return None


class OnlyItsFrames:
    """Leaves out of backtraces what is not the greenlet's."""

    name, priority, enabled = "greenlet", 100, True

    def filter(self, frames):
        if not detour.is_on():
            return frames
        is_its = lambda frame: frame.inferior_frame().pc() != detour.beginning
        return itertools.takewhile(is_its, itertools.islice(frames, 1, None))


detour = Detour()
gdb.unwinder.register_unwinder(None, detour, replace=True)
gdb.frame_filters[OnlyItsFrames.name] = OnlyItsFrames()
gdb.events.cont.connect(lambda _: detour.end())
gdb.events.exited.connect(lambda _: detour.end())


# The commands.


def label(greenlet):
    return "#%d%s" % (greenlet.id, " " + greenlet.name if greenlet.name else "")


class Greenlets(gdb.Command):
    """Lists the greenlets of the selected thread, or with `greenlets all` those of every thread: number, name, state, where it waits, where it
was created."""

    def __init__(self):
        super().__init__("greenlets", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        if argument not in ("", "all"):
            raise gdb.GdbError("either `greenlets` or `greenlets all`")
        needs_threads()
        for thread in EachThread():
            greenlets = greenlets_here()
            if argument == "all" and greenlets:
                print("thread %d:" % thread.num)
            for greenlet in greenlets:
                self.tell(greenlet)
            if not greenlets and not argument:
                print("this thread has no greenlets")
            if not argument:
                break

    def tell(self, greenlet):
        line = "%-24s %-12s" % (label(greenlet), greenlet.state)
        if greenlet.waits_at:
            line += " at " + greenlet.waits_at
        if greenlet.created_at:
            line += (", " if greenlet.waits_at else " ") + "created at " + greenlet.created_at
        print(line)


class ToGreenlet(gdb.Command):
    """Goes to the frames of a greenlet, by its number: `bt`, `up`, `info locals` are about it then. `greenlet -` goes back to where the thread is."""

    def __init__(self):
        super().__init__("greenlet", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        needs_threads()
        if argument == "-":
            detour.end()
            return self.show(0)
        try:
            wanted = int(argument.lstrip("#"))
        except ValueError:
            raise gdb.GdbError("either the number of a greenlet, as in `greenlet 7`, or `greenlet -`")
        for thread in EachThread():
            for greenlet in greenlets_here():
                if greenlet.id == wanted:
                    break
            else:
                continue
            break
        else:
            raise gdb.GdbError("there is no greenlet #%d" % wanted)
        thread.switch()
        self.go(thread, greenlet)

    def go(self, thread, greenlet):
        with speaking("rust"):
            kept = state()
            is_main = int(greenlet.block.address) == main(kept)
            registers = saved_native(kept) if is_main else saved(greenlet.block)
        if greenlet.state == "running" or (is_main and registers is None):
            # The frames that the thread has anyway.
            detour.end()
            first = 0
        elif registers is None:
            raise gdb.GdbError("%s has not started: it has no frames" % label(greenlet))
        else:
            detour.begin(thread, registers)
            first = 1
        print("%s, %s" % (label(greenlet), greenlet.state))
        self.show(first)

    def show(self, first):
        """Selects the innermost frame that is not the library's."""
        frame, level = gdb.newest_frame(), 0
        while frame and (level < first or is_ours(frame)):
            frame, level = frame.older(), level + 1
        gdb.execute("frame %d" % (level if frame else first))


def is_ours(frame):
    return (frame.name() or "").lstrip("<&").startswith(("greenlet::", "corosensei::"))


def needs_threads():
    if gdb.selected_thread() is None:
        raise gdb.GdbError("there is no process, and no core")


Greenlets()
ToGreenlet()
