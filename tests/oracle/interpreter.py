"""Runs programs of the switch graph language on Python's greenlet, and prints what they log.

Each line of standard input is a number and a program: `12 t | -create:1:- | -return:5`. After that many lines of log
the program is abandoned, because what would come next is known to differ. The answer to each is its log, a line
each, and a line with a full stop.

Lifetimes are Python's own: the handles of the table are plain references, names are weak ones, and no frame keeps a
greenlet in a local, so that the last `del` of a handle is what kills. What Python has no word for is emulated in
three places, each marked EMULATED.
"""

import sys
import weakref

from greenlet import GreenletExit, getcurrent, gettrace, greenlet, settrace

STEPS = 150


class Oops(Exception):
    """The error of a program."""


class Refused(Exception):
    """A switch that was not tried went to the dead."""


class Exited(Exception):
    """A child exited while a switch that was not tried waited."""


class Halt(BaseException):
    """The program is abandoned."""


ERRORS = (Oops, Refused, Exited)

CAUGHT = {
    "-": (),
    "e": ERRORS,
    "x": (GreenletExit,),
    "a": ERRORS + (GreenletExit,),
}

AGAIN = object()


def describe(error):
    if isinstance(error, Oops):
        return f"error {error.args[0]}"
    if isinstance(error, GreenletExit):
        return "exit"
    return type(error).__name__.lower()


class Return(Exception):
    """Ends a script; never leaves it."""


class Frame:
    def __init__(self, me, last):
        self.me = me
        self.last = last
        self.guards = []


class Run:
    def __init__(self, limit, traced, scripts):
        self.limit = limit
        self.traced = traced
        self.scripts = scripts
        self.lines = []
        self.steps = STEPS
        self.stopped = False
        self.sabotage = None
        self.diverted = None
        self.handles = [[] for _ in scripts]
        self.names = [None for _ in scripts]
        self.names[0] = weakref.ref(getcurrent())

    # What is logged, and when it stops.

    def say(self, line):
        self.halt_if_stopped()
        self.lines.append(line)
        if len(self.lines) == self.limit:
            self.stopped = True
            self.halt_if_stopped()

    def halt_if_stopped(self):
        if self.stopped:
            if getcurrent().parent is not None:
                self.names[0]().throw(Halt)
            raise Halt

    def step(self):
        self.halt_if_stopped()
        if self.steps == 0:
            return False
        self.steps -= 1
        return True

    def observe(self, event, args):
        if self.stopped:
            return
        if self.sabotage is not None:
            error, self.sabotage = self.sabotage, None
            raise Oops(error)
        origin, target = self.slot_of(args[0]), self.slot_of(args[1])
        # Should an error keep this frame, it shall not keep greenlets.
        del args
        self.lines.append(f"trace {event} {origin}>{target}")
        # The next line or step halts: not in here, where control is in between.
        self.stopped = len(self.lines) == self.limit
        if self.diverted is not None and not self.stopped:
            to, self.diverted = self.diverted, None
            if self.step():
                self.send(Frame(target, 0), to[0], "t", "switch", to[1])

    # Greenlets by slot.

    def slot_of(self, wanted):
        for slot, name in enumerate(self.names):
            if name is not None and name() is wanted:
                return slot
        return "?"

    def is_made(self, slot):
        return self.names[slot] is not None

    def state(self, slot):
        target = self.names[slot]()
        # EMULATED: one that was freed is dead.
        if target is None or target.dead:
            return "dead"
        if target is getcurrent():
            return "running"
        return "suspended" if target or target.parent is None else "new"

    # One program.

    def main(self):
        try:
            if self.traced:
                settrace(self.observe)
            self.whole()
        except Halt:
            pass
        finally:
            self.stopped = True
            settrace(None)
            for handles in self.handles:
                while handles:
                    del handles[-1]
        return self.lines

    def whole(self):
        try:
            self.body(0, 0)
        except ERRORS + (GreenletExit,) as error:
            self.say(f"0 died of {describe(error)}")
        self.steps = 0
        for slot in range(len(self.scripts)):
            while self.handles[slot]:
                try:
                    del self.handles[slot][-1]
                except ERRORS + (GreenletExit,) as error:
                    self.say(f"0 caught {describe(error)}")
        for slot in range(1, len(self.scripts)):
            if self.is_made(slot) and self.state(slot) != "dead":
                self.say(f"0 ends {slot}")
                try:
                    self.kill(slot)
                except ERRORS + (GreenletExit,) as error:
                    self.say(f"0 caught {describe(error)}")

    def body(self, me, argument):
        self.say(f"{me} starts with {argument}")
        frame = Frame(me, argument)
        try:
            result = self.script(frame)
        except BaseException:
            self.unwind(frame)
            if not self.stopped:
                self.say(f"{me} unwinds")
            raise
        self.unwind(frame)
        self.say(f"{me} returns {result}")
        return result

    def unwind(self, frame):
        while frame.guards and not self.stopped:
            act = frame.guards.pop()
            self.say(f"{frame.me} guard")
            if self.step():
                try:
                    self.attempt(frame, "a", act)
                except Return:
                    pass

    def script(self, frame):
        script = self.scripts[frame.me]
        at = 0
        try:
            while at < len(script) and self.step():
                again = self.attempt(frame, *script[at]) is AGAIN
                at = 0 if again else at + 1
        except Return as end:
            return end.args[0]
        return frame.last

    def attempt(self, frame, catch, act):
        try:
            return getattr(self, "do_" + act[0])(frame, *act[1:])
        except CAUGHT[catch] as error:
            if self.stopped:
                raise
            said = describe(error)
        self.say(f"{frame.me} caught {said}")
        return None

    # The operations.

    def do_create(self, frame, slot, parent):
        slot = int(slot)
        if self.is_made(slot):
            return
        run = lambda argument: self.body(slot, argument)
        if parent != "-" and self.is_made(int(parent)):
            self.handles[slot].append(greenlet(run, self.names[int(parent)]()))
        else:
            self.handles[slot].append(greenlet(run))
        self.names[slot] = weakref.ref(self.handles[slot][0])
        self.say(f"{frame.me} creates {slot}")

    def do_switch(self, frame, to, value, tried):
        self.send(frame, int(to), tried, "switch", int(value))

    def do_throw(self, frame, to, error, tried):
        self.send(frame, int(to), tried, "throw", Oops(int(error)))

    def do_exit(self, frame, to, tried):
        self.send(frame, int(to), tried, "throw", GreenletExit)

    def send(self, frame, to, tried, how, what):
        if not self.is_made(to):
            return
        # EMULATED: the dead refuse; Python would forward to the nearest live ancestor (item 40).
        if self.state(to) == "dead":
            if tried != "t":
                raise Refused
            self.say(f"{frame.me} is refused")
            return
        try:
            # No local: while this call waits, it alone refers to the target.
            result = getattr(self.names[to](), how)(what)
        except ERRORS as error:
            error.__traceback__ = None
            if tried != "t":
                raise
            said = f"{frame.me} is told of {describe(error)}"
        else:
            if isinstance(result, GreenletExit):
                if tried != "t":
                    raise Exited
                said = f"{frame.me} is told of an exit"
            else:
                frame.last = result
                said = f"{frame.me} got {result}"
        self.say(said)

    def do_kill(self, frame, slot):
        slot = int(slot)
        if self.is_made(slot):
            self.kill(slot)
            self.say(f"{frame.me} killed {slot}")

    def kill(self, slot):
        # EMULATED: a kill is a thrown exit, with the killer as parent for its duration.
        state = self.state(slot)
        if state == "dead":
            return
        if state == "running":
            raise GreenletExit
        if slot == 0:
            self.names[0]().throw(GreenletExit)
            return
        before = self.names[slot]().parent
        self.names[slot]().parent = getcurrent()
        try:
            self.names[slot]().throw(GreenletExit)
        finally:
            if self.names[slot]() is not None:
                self.names[slot]().parent = before
            # A traceback could keep this frame.
            del before

    def do_drop(self, frame, slot):
        slot = int(slot)
        if self.handles[slot]:
            del self.handles[slot][-1]
            self.say(f"{frame.me} dropped {slot}")

    def do_own(self, frame, slot):
        slot = int(slot)
        if self.is_made(slot):
            self.handles[slot].append(self.names[slot]())

    def do_reparent(self, frame, slot, parent):
        slot, parent = int(slot), int(parent)
        if not self.is_made(slot) or not self.is_made(parent):
            return
        try:
            self.names[slot]().parent = self.names[parent]()
            verdict = "ok"
        except ValueError:
            verdict = "cycle"
        except AttributeError:
            verdict = "main"
        self.say(f"{frame.me} reparents {slot} to {parent}: {verdict}")

    def do_state(self, frame, slot):
        if self.is_made(int(slot)):
            self.say(f"{frame.me} sees {slot} {self.state(int(slot))}")

    def do_parent(self, frame, slot):
        if not self.is_made(int(slot)):
            return
        parent = self.names[int(slot)]().parent
        seen = "none" if parent is None else self.slot_of(parent)
        del parent
        self.say(f"{frame.me} sees parent of {slot}: {seen}")

    def do_guard(self, frame, *act):
        frame.guards.append(act)

    def do_sabotage(self, frame, error):
        if gettrace() is not None:
            self.sabotage = int(error)

    def do_divert(self, frame, to, value):
        if gettrace() is not None:
            self.diverted = (int(to), int(value))

    def do_return(self, frame, value):
        raise Return(int(value))

    def do_panic(self, frame, error):
        raise Oops(int(error))

    def do_raise(self, frame):
        raise GreenletExit

    def do_again(self, frame):
        return AGAIN


def parse(line):
    head, *scripts = line.split("|")
    limit, traced = head.split()
    read = [
        [(word[0], word[1:].split(":")) for word in script.split()]
        for script in scripts
    ]
    return Run(int(limit), traced == "t", read)


def main():
    # Errors of greenlets killed by a drop go nowhere (item 45).
    sys.unraisablehook = lambda unraisable: None
    for line in sys.stdin:
        lines = parse(line).main()
        print("\n".join(lines + ["."]), flush=True)


if __name__ == "__main__":
    main()
