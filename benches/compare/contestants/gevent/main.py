"""gevent, measured: `contestant WORKLOAD [N]` prints `key value` lines, `contestant list` the workloads.

CPython 3.11 with its defaults, gevent with the event loop that it has by default (libev over epoll). Where work is short, the iterations
are doubled until one loop takes 50 ms, and the last loop counts.
"""

import os
import sys
from socket import IPPROTO_TCP, TCP_NODELAY
from time import monotonic, perf_counter_ns

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from gevent.queue import Queue
from gevent.server import StreamServer

LONG_ENOUGH_NS = 50_000_000
# Tells the caller that there is no such workload here.
EXIT_UNKNOWN = 64
HOUR = 3600
# The size of a buffer for messages, in every contestant.
ROOM = 4096
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"


def measure(units, loop):
    """Prints what one of a loop's iterations takes, of the first loop that is long enough.

    The loop gives the nanoseconds that its iterations took, so that it may prepare and clear up off the clock. An iteration is
    `units` of what is reported.
    """
    iterations = 1
    while True:
        took = loop(iterations)
        if took >= LONG_ENOUGH_NS:
            report(took, iterations * units)
            return
        iterations *= 2


def report(took, units):
    print(f"ns {took / units:.3f}")


def timed(loop):
    """For a loop that has nothing to prepare."""

    def taking_time(iterations):
        start = perf_counter_ns()
        loop(iterations)
        return perf_counter_ns() - start

    return taking_time


def nothing():
    pass


def yield_(count):
    """The greenlet that measures is one of those that run. As the hub is fair, each of its turns is a turn of all."""
    stop = False

    def give_way():
        while not stop:
            gevent.sleep(0)

    others = [gevent.spawn(give_way) for _ in range(count - 1)]
    gevent.sleep(0)  # now all have begun

    def loop(iterations):
        sleep = gevent.sleep
        for _ in range(iterations):
            sleep(0)

    measure(count, timed(loop))
    stop = True
    gevent.joinall(others)


def spawn_join(_):
    def loop(iterations):
        spawn = gevent.spawn
        for _ in range(iterations):
            spawn(nothing).join()

    measure(1, timed(loop))


def spawn_many(count):
    start = perf_counter_ns()
    gevent.joinall([gevent.spawn(nothing) for _ in range(count)])
    report(perf_counter_ns() - start, count)


def channel(_):
    there, back = Queue(1), Queue(1)

    def answer():
        while (value := there.get()) is not None:
            back.put(value)

    other = gevent.spawn(answer)

    def loop(iterations):
        put, get = there.put, back.get
        for _ in range(iterations):
            put(1)
            get()

    measure(1, timed(loop))
    there.put(None)
    other.join()


def mutex(_):
    """The lock that gevent puts in the place of threading.Lock is one of these."""
    lock = BoundedSemaphore(1)

    def loop(iterations):
        acquire, release = lock.acquire, lock.release
        for _ in range(iterations):
            acquire()
            release()

    measure(1, timed(loop))


def timer(count):
    """Arms and cancels a limit of half a minute, while as many are pending as asked for, due in an hour."""
    pending = [gevent.Timeout.start_new(HOUR) for _ in range(count)]

    def loop(iterations):
        for _ in range(iterations):
            with gevent.Timeout(30):
                pass

    measure(1, timed(loop))
    for each in pending:
        each.close()


def resident():
    """How many bytes of this process are in memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sleepers(count):
    """All sleep until one common instant. The time in which all sleep and nothing is to do is left out."""
    asleep = 0
    before = resident()
    start = monotonic()
    due = start + 0.2 + count * 100e-6

    def sleep_until_due():
        nonlocal asleep
        asleep += 1
        gevent.sleep(due - monotonic())

    all_of_them = [gevent.spawn(sleep_until_due) for _ in range(count)]
    while asleep < count:
        gevent.sleep(0)
    fell_asleep = monotonic() - start
    resident_bytes = resident() - before
    if monotonic() >= due:
        sys.exit("some woke before all slept")
    gevent.joinall(all_of_them)
    woke = monotonic() - due
    print(f"bytes {resident_bytes / count:.1f}")
    report((fell_asleep + woke) * 1e9, count)


def fanout(count):
    def once():
        event, all_gone = Event(), Event()
        waiting = gone = 0

        def wait():
            nonlocal waiting, gone
            waiting += 1
            event.wait()
            gone += 1
            if gone == count:
                all_gone.set()

        waiters = [gevent.spawn(wait) for _ in range(count)]
        while waiting < count:
            gevent.sleep(0)
        start = perf_counter_ns()
        event.set()
        all_gone.wait()
        took = perf_counter_ns() - start
        gevent.joinall(waiters)
        return took

    measure(count, lambda iterations: sum(once() for _ in range(iterations)))


def kill(count):
    def once():
        waiting = 0

        def wait():
            nonlocal waiting
            waiting += 1
            gevent.sleep(HOUR)

        parked = [gevent.spawn(wait) for _ in range(count)]
        while waiting < count:
            gevent.sleep(0)
        start = perf_counter_ns()
        gevent.killall(parked)
        return perf_counter_ns() - start

    measure(count, lambda iterations: sum(once() for _ in range(iterations)))


def serve(converse):
    """A greenlet for each connection, until stdin ends; a thread of the hub's pool reads that."""

    def handle(sock, _):
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, True)
        try:
            converse(sock)
        except ConnectionError:
            pass

    server = StreamServer(("127.0.0.1", 0), handle, backlog=4096)
    server.start()
    print(f"port {server.server_port}", flush=True)
    gevent.get_hub().threadpool.apply(sys.stdin.buffer.read)
    os._exit(0)


def echo(sock):
    while message := sock.recv(ROOM):
        sock.sendall(message)


def http(sock):
    """Works on the bare connection, as all contestants do: what gevent.pywsgi parses and makes would not be compared with anything."""
    request = b""
    while len(request) < ROOM and (more := sock.recv(ROOM)):
        *whole, request = (request + more).split(b"\r\n\r\n")
        for _ in whole:
            sock.sendall(ANSWER)


WORKLOADS = {
    "yield": (yield_, 2),
    "spawn_join": (spawn_join, 1),
    "spawn_many": (spawn_many, 100_000),
    "channel": (channel, 1),
    "mutex": (mutex, 1),
    "timer": (timer, 1_000_000),
    "sleepers": (sleepers, 100_000),
    "fanout": (fanout, 1_000),
    "kill": (kill, 1_000),
    "serve_echo": (lambda _: serve(echo), 1),
    "serve_http": (lambda _: serve(http), 1),
}


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: contestant WORKLOAD [N]")
    name = sys.argv[1]
    if name == "list":
        print("\n".join(WORKLOADS))
        return
    if name not in WORKLOADS:
        print(f"gevent has no workload {name}", file=sys.stderr)
        sys.exit(EXIT_UNKNOWN)
    run, default = WORKLOADS[name]
    count = int(sys.argv[2]) if len(sys.argv) == 3 else default
    if count < 1:
        sys.exit("N is a whole number from 1 up")
    run(count)


main()
