"""Python's greenlets, measured: `contestant WORKLOAD [N]` prints `key value` lines, `contestant list` the workloads.

greenlet alone, without a hub: there is no scheduler, nothing waits, one greenlet switches to another. CPython 3.11 with its defaults.
Where work is short, the iterations are doubled until one loop takes 50 ms, and the last loop counts.
"""

import sys
from time import perf_counter_ns

from greenlet import getcurrent, greenlet

LONG_ENOUGH_NS = 50_000_000
# Tells the caller that there is no such workload here.
EXIT_UNKNOWN = 64
FRAMES = 200


def measure(loop):
    """Prints what one of a loop's iterations takes, of the first loop that is long enough."""
    iterations = 1
    while True:
        start = perf_counter_ns()
        loop(iterations)
        took = perf_counter_ns() - start
        if took >= LONG_ENOUGH_NS:
            print(f"ns {took / iterations:.3f}")
            return
        iterations *= 2


def answer_from(depth, value):
    """Answers every value with itself, from `depth` calls below the first one."""
    if depth > 0:
        return answer_from(depth - 1, value)
    switch = getcurrent().parent.switch
    while value is not None:
        value = switch(value)
    return value


def switch_from(depth):
    """There and back: two switches."""
    other = greenlet(answer_from)
    other.switch(depth, 1)

    def loop(iterations):
        switch = other.switch
        for _ in range(iterations):
            switch(1)

    measure(loop)
    other.switch(None)


def switch(_):
    switch_from(0)


def switch_deep(_):
    """The calls below are Python's. From 3.11 on, a Python function that calls one takes none of the machine's stack, so that
    there is hardly more to save than without them. Calls through C would have the switch copy more."""
    switch_from(FRAMES)


def go_round(to_next, to_main):
    """Hops on as long as there are hops left, else goes to the main greenlet; whoever comes back says how many hops there are."""
    left = to_main()
    while left is not None:
        left = to_next(left - 1) if left else to_main()


def ring(count):
    """Each greenlet switches to the next one. All are started from the main greenlet: so none begins deeper in the machine's stack
    than another."""
    greenlets = [greenlet(go_round) for _ in range(count)]
    for at, each in enumerate(greenlets):
        each.switch(greenlets[(at + 1) % count].switch, getcurrent().switch)
    measure(greenlets[0].switch)
    for each in greenlets:
        each.switch(None)


def spawn_join(_):
    """A greenlet is made, runs and ends."""

    def nothing():
        pass

    def loop(iterations):
        for _ in range(iterations):
            greenlet(nothing).switch()

    measure(loop)


WORKLOADS = {
    "switch": (switch, 1),
    "switch_deep": (switch_deep, 1),
    "ring": (ring, 1000),
    "spawn_join": (spawn_join, 1),
}


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: contestant WORKLOAD [N]")
    name = sys.argv[1]
    if name == "list":
        print("\n".join(WORKLOADS))
        return
    if name not in WORKLOADS:
        print(f"python-greenlet has no workload {name}", file=sys.stderr)
        sys.exit(EXIT_UNKNOWN)
    run, default = WORKLOADS[name]
    count = int(sys.argv[2]) if len(sys.argv) == 3 else default
    if count < 1 or (name == "ring" and count < 2):
        sys.exit("N is a whole number from 1 up, for a ring from 2 up")
    run(count)


main()
