#!/usr/bin/env python3
"""Measures the contestants side by side, and writes what came out.

Two halves that meet in one file, `results.json`. The first runs every contestant and keeps every single measurement. The second
reads that file, and nothing else, and makes from it the tables, the plots and the block in the front page, so that no figure is ever
typed by hand and `--render` can make them again.

How it is fair: the contestants take turns. In each round each of them does the same row once, in an order that moves on by one from
round to round, so that a noisy minute hits all. All of them are pinned to one core; of servers the load has another.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

HERE = pathlib.Path(__file__).resolve().parent
OURS = "greenlet"

# --------------------------------------------------------------------------------------------------------------------------------
# What is measured
# --------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contestant:
    """One of those compared: how it is called in the tables, its colour in the plots, and where its version is to be read."""

    name: str
    colour: str
    version: tuple
    floor: bool = False


# In the order of the tables' columns. The colours have enough contrast on white and on black.
CONTESTANTS = [
    Contestant("greenlet", "#f0540f", ("crate", "greenlet")),
    Contestant("corosensei", "#868e96", ("crate", "corosensei"), floor=True),
    Contestant("go", "#0d9fc4", ("go",)),
    Contestant("tokio", "#8b6fd8", ("crate", "tokio")),
    Contestant("may", "#2f9e55", ("crate", "may")),
    Contestant("boost-context", "#a98a4b", ("debian", "libboost-context-dev"), floor=True),
    Contestant("boost-fiber", "#b7860b", ("debian", "libboost-fiber-dev")),
    Contestant("python-greenlet", "#7d8fd1", ("python", "greenlet")),
    Contestant("gevent", "#d0559a", ("python", "gevent")),
    Contestant("threads", "#5f8296", ("rustc",)),
    Contestant("epoll", "#868e96", ("cc",), floor=True),
    Contestant("pages", "#868e96", ("rustc",), floor=True),
]
NAMES = [contestant.name for contestant in CONTESTANTS]

# The largest number that one is asked for, and why: a contestant, or one of its workloads. What is above is left out, by this name.
# A contestant may have limits of its own besides: it refuses what is above them, and says why.
LIMITS = {
    "threads": (10_000, "each is a thread of the system"),
    "boost-fiber sleepers": (100_000, "a million take longer than a measurement may"),
    "python-greenlet": (100_000, "a million take longer than a measurement may"),
    "gevent": (100_000, "a million take longer than a measurement may"),
}

SHORT_ROUNDS = 5
LARGE_ROUNDS = 3
LARGE = 100_000
CURVE = [10, 100, 1_000, 10_000, 100_000, 1_000_000]
SECONDS_EACH = 20
SECONDS_EACH_LARGE = 45
SECONDS_IN_ALL = 12 * 60
# After that only short rows are begun, so that a slow machine has their rounds all the same.
SECONDS_BEFORE_LARGE = 10 * 60
SERVED_SECONDS = 1
CONNECTIONS = 50
QUICK_N = 1_000
QUICK_SERVED_SECONDS = 0.2
SERVED = ("echo", "http")


@dataclass(frozen=True)
class Row:
    """One workload at one size: what every contestant does once in a round."""

    workload: str
    n: int | None = None
    rounds: int = SHORT_ROUNDS

    @property
    def key(self):
        return self.workload if self.n is None else f"{self.workload} {self.n}"

    @property
    def is_large(self):
        return (self.n or 0) >= LARGE


@dataclass(frozen=True)
class Line:
    """One line of the table: one of the figures that a row's measurements have."""

    row: str
    figure: str
    title: str
    unit: str

    @property
    def key(self):
        return f"{self.row} {self.figure}"

    @property
    def more_is_better(self):
        return self.figure == "per_second"


LINES = [
    Line("switch", "ns", "switch there and back", "ns"),
    Line("switch_deep", "ns", "the same, below 200 frames", "ns"),
    Line("ring 10", "ns", "switch round a ring of 10, a hop", "ns"),
    Line("ring 1000", "ns", "ring of 1 000", "ns"),
    Line("ring 100000", "ns", "ring of 100 000", "ns"),
    Line("yield 2", "ns", "yield, 2 runnable", "ns"),
    Line("yield 100000", "ns", "yield, 100 000 runnable", "ns"),
    Line("spawn_join", "ns", "spawn and join, one after another", "ns"),
    Line("spawn_many 100000", "ns", "spawn 100 000, then join all, each", "ns"),
    Line("channel", "ns", "ping-pong over two channels, round trip", "ns"),
    Line("mutex", "ns", "lock and unlock, nobody else", "ns"),
    Line("timer 1000000", "ns", "arm and cancel a timer, 1 000 000 pending", "ns"),
    Line("sleepers 1000000", "bytes", "1 000 000 sleep, memory each", "bytes"),
    Line("sleepers 1000000", "ns", "1 000 000 sleep, time each", "ns"),
    Line("fanout 100000", "ns", "wake 100 000 with one event, each", "ns"),
    Line("kill 100000", "ns", "kill 100 000 that wait, each", "ns"),
    Line("echo", "per_second", "TCP echo, 50 connections, 64 bytes", "a second"),
    Line("http", "per_second", "HTTP keep-alive, 50 connections", "a second"),
]


@dataclass(frozen=True)
class Panel:
    """One plot: a workload's figure against the number of greenlets."""

    workload: str
    figure: str
    title: str


PANELS = [
    Panel("yield", "ns", "Yield, with so many runnable"),
    Panel("fanout", "ns", "Wake so many with one event, each"),
    Panel("timer", "ns", "Arm and cancel a timer, so many pending"),
    Panel("sleepers", "bytes", "Memory of each, so many asleep"),
]


def all_rows():
    """The rows of the table, then what only the plots want. A row that both want is measured once."""
    keys = list(dict.fromkeys(line.row for line in LINES))
    keys += [f"{panel.workload} {n}" for panel in PANELS for n in CURVE]
    in_table = {line.row for line in LINES}
    rows = []
    for key in dict.fromkeys(keys):
        workload, _, n = key.partition(" ")
        row = Row(workload, int(n) if n else None)
        few = row.is_large or key not in in_table
        rows.append(Row(row.workload, row.n, LARGE_ROUNDS if few else SHORT_ROUNDS))
    return rows


@dataclass(frozen=True)
class Rule:
    """What ours must reach in a line: a bound in the line's unit, or a factor of somebody else's figure.

    `of` is one contestant, or PEERS: the best of those that are no floor. `in_line` is where its figure stands, if in another line.
    `paired`: the ratio is formed within each round and the median is taken, for rows in which the machine itself varies.
    """

    line: str
    bound: float
    of: str | None = None
    in_line: str | None = None
    paired: bool = False


PEERS = "every peer"

# The targets of the project, as they were set before the first line was written.
RULES = [
    Rule("switch ns", 3, "corosensei"),
    Rule("ring 10 ns", 1.2, "corosensei"),
    Rule("ring 1000 ns", 1.2, "corosensei"),
    Rule("yield 2 ns", 12),
    Rule("yield 2 ns", 0.25, "go"),
    Rule("yield 100000 ns", 1, "corosensei", in_line="ring 100000 ns"),
    Rule("spawn_join ns", 100),
    Rule("spawn_many 100000 ns", 1, "go"),
    Rule("spawn_many 100000 ns", 1, "tokio"),
    Rule("channel ns", 80),
    Rule("mutex ns", 1, "threads"),
    Rule("timer 1000000 ns", 100),
    Rule("timer 1000000 ns", 1, "tokio"),
    Rule("sleepers 1000000 bytes", 4_700),
    Rule("sleepers 1000000 ns", 1.3, "pages", paired=True),
    Rule("echo per_second", 0.95, "epoll"),
    Rule("echo per_second", 1, PEERS),
]

# --------------------------------------------------------------------------------------------------------------------------------
# Measuring
# --------------------------------------------------------------------------------------------------------------------------------


TOOK_TOO_LONG = "left out: limit: took longer than"


class Missing(Exception):
    """There is no figure, and why."""


class Failed(Missing):
    """There is no figure because something is broken."""


def cores():
    """The core of what is measured and that of the load. On a machine with one core they are the same."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[min(1, len(usable) - 1)], usable[0]


def command_of(name):
    """What starts a contestant: its own script, or what cargo has built."""
    for path in (HERE / "contestants" / name / "contestant", HERE / "target" / "release" / name):
        if os.access(path, os.X_OK):
            return str(path)
    raise Failed("it was not built")


def without_paths(text):
    """The last line of `text`, with nothing in it of the machine's directories."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else "no word on stderr"
    return re.sub(r"(?:/[\w.+@-]+)+/([\w.+@-]+)", r"\1", last)[:200]


def end(process):
    """Ends a process that was started in a group of its own, with all that it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


def start(command, core):
    """Starts `command` on one core, in a group of its own."""
    return subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def output_of(command, core, limit):
    """What `command` prints. Raises `Missing` if it takes longer than `limit` seconds, refuses so many, or fails."""
    process = start(command, core)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise Missing(f"{TOOK_TOO_LONG} {limit} s") from None
    finally:
        end(process)
    if process.returncode == 64:
        raise Missing(f"left out: limit: {without_paths(err)}")
    if process.returncode < 0:
        raise Failed(f"failed: ended by {signal.Signals(-process.returncode).name}: {without_paths(err)}")
    if process.returncode:
        raise Failed(f"failed: {without_paths(err)}")
    return out


def figures_in(out):
    """The lines `key value` of a contestant's output."""
    figures = {}
    for line in out.splitlines():
        key, _, value = line.partition(" ")
        try:
            figures[key] = float(value)
        except ValueError:
            raise Failed(f"failed: printed `{without_paths(line)}`") from None
    if not figures:
        raise Failed("failed: printed nothing")
    return figures


class Bench:
    """One run: who takes part, what each offers, and where the measurements go."""

    def __init__(self, names, quick):
        self.quick = quick
        self.core, self.load_core = cores()
        self.offers = {}
        self.left_out = {}
        self.measurements = []
        self.missing = {}
        self.began = time.monotonic()
        for name in names:
            self.ask_for_offer(name)

    def ask_for_offer(self, name):
        """Asks a contestant for its workloads. One that cannot even say that is left out altogether."""
        try:
            self.offers[name] = set(output_of([command_of(name), "list"], self.core, SECONDS_EACH).split())
        except Missing as why:
            self.left_out[name] = str(why)

    def run(self, rows):
        """Round by round, row by row, each contestant once."""
        for turn in range(1 if self.quick else max((row.rounds for row in rows), default=0)):
            for row in rows:
                if turn < row.rounds:
                    self.run_row(row, turn)

    def run_row(self, row, turn):
        """One row of one round. The order moves on by one from round to round."""
        said = []
        offered = [name for name in self.offers if self.is_offered(name, row)]
        at = turn % len(offered) if offered else 0
        for name in offered[at:] + offered[:at]:
            if (row.key, name) not in self.missing:
                said.append(f"{name} {self.measure_once(row, name, turn)}")
        if said:
            print(f"[{self.seconds():4.0f} s] round {turn + 1}, {row.key}: {', '.join(said)}", flush=True)

    def seconds(self):
        return time.monotonic() - self.began

    def is_offered(self, name, row):
        """Whether a contestant has the row; notes why not."""
        workload = f"serve_{row.workload}" if row.workload in SERVED else row.workload
        if workload not in self.offers[name]:
            self.missing[row.key, name] = "not offered"
            return False
        most, reason = LIMITS.get(f"{name} {row.workload}") or LIMITS.get(name) or (math.inf, "")
        if row.n and self.size_of(row) > most:
            self.missing[row.key, name] = f"left out: limit of {spaced(most)}: {reason}"
            return False
        return True

    def measure_once(self, row, name, turn):
        """Measures, keeps what came out, and says it in a word. What has no figure is not tried again."""
        until = SECONDS_BEFORE_LARGE if row.is_large else SECONDS_IN_ALL
        if self.seconds() >= until:
            if turn == 0:
                self.missing[row.key, name] = f"left out: limit of {until} s for the whole run"
            return "(no time left)"
        began = time.monotonic()
        try:
            figures = self.figures_of(row, name)
        except Missing as why:
            self.missing[row.key, name] = str(why)
            return f"({why})"
        measured = {"row": row.key, "contestant": name, "round": turn + 1, "seconds": round(time.monotonic() - began, 2)}
        if self.quick and row.n:
            measured["n"] = self.size_of(row)
        self.measurements.append(measured | figures)
        return " ".join(f"{value:g}" for value in figures.values())

    def size_of(self, row):
        return min(row.n, QUICK_N) if self.quick else row.n

    def figures_of(self, row, name):
        """One measurement: a contestant's own, or that of the load on its server."""
        if row.workload in SERVED:
            return self.served(row.workload, name)
        command = [command_of(name), row.workload] + ([str(self.size_of(row))] if row.n else [])
        return figures_in(output_of(command, self.core, SECONDS_EACH_LARGE if row.is_large else SECONDS_EACH))

    def served(self, protocol, name):
        """Starts a contestant's server on its core, puts the load on the other, and ends the server by the end of its stdin."""
        server = start([command_of(name), f"serve_{protocol}"], self.core)
        try:
            port = self.port_of(server)
            rate = self.echo_rate(port) if protocol == "echo" else self.http_rate(port)
            server.stdin.close()
            server.wait(timeout=SECONDS_EACH)
            if server.returncode:
                raise Failed(f"failed: ended with {server.returncode}: {without_paths(server.stderr.read())}")
            return {"per_second": rate}
        except subprocess.TimeoutExpired:
            raise Failed("failed: the server did not end with its stdin") from None
        finally:
            end(server)

    def port_of(self, server):
        """Waits for the line `port P`. A server that ends instead has said why on stderr."""
        if not select.select([server.stdout], [], [], SECONDS_EACH)[0]:
            raise Failed("failed: the server does not say its port")
        line = server.stdout.readline()
        if not line.startswith("port "):
            server.kill()
            raise Failed(f"failed: {without_paths(server.stderr.read())}")
        return line.split()[1]

    def echo_rate(self, port):
        """Messages a second that 50 connections get back, 64 bytes each."""
        duration = QUICK_SERVED_SECONDS if self.quick else SERVED_SECONDS
        command = [str(HERE / "target" / "load" / "load"), "127.0.0.1", port, str(CONNECTIONS), "64", str(duration)]
        return figures_in(self.load(command))["per_second"]

    def http_rate(self, port):
        """Answers a second, as wrk counts them. An answer that is not right is a failure, not a figure."""
        out = self.load(["wrk", "-t1", f"-c{CONNECTIONS}", "-d1s", f"http://127.0.0.1:{port}/"])
        wrong = re.search(r"Non-2xx.*|Socket errors.*", out)
        rate = re.search(r"Requests/sec:\s*([\d.]+)", out)
        if wrong or not rate or float(rate[1]) == 0:
            raise Failed(f"failed: wrk: {wrong[0] if wrong else 'no answers'}")
        return float(rate[1])

    def load(self, command):
        """Runs a load generator. That there is none is nobody's failure; that it fails is the server's."""
        if not shutil.which(command[0]):
            raise Missing(f"left out: there is no {os.path.basename(command[0])}")
        try:
            return output_of(command, self.load_core, SECONDS_EACH)
        except Missing as why:
            raise Failed(f"failed: load: {why}") from None

    def results(self, left_out, versions):
        """All that is known after a run, as it is written."""
        why = left_out | {name: left_out.get(name, reason) for name, reason in self.left_out.items()}
        return {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "quick": self.quick,
            "machine": machine(self.core, self.load_core),
            "versions": versions,
            "left_out": why,
            "missing": [{"row": row, "contestant": name, "why": why} for (row, name), why in sorted(self.missing.items())],
            "measurements": self.measurements,
        }


def machine(core, load_core):
    """What the figures depend on. Neither names nor paths."""
    info = pathlib.Path("/proc/cpuinfo").read_text(errors="replace")
    model = re.search(r"^model name\s*:\s*(.+)$", info, re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 2**20),
        "kernel": platform.release(),
        "core_of_contestants": core,
        "core_of_load": load_core,
    }


# --------------------------------------------------------------------------------------------------------------------------------
# Versions
# --------------------------------------------------------------------------------------------------------------------------------


def first_line(*command):
    """What a command says of itself, or nothing if there is no such command."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_EACH)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else ""


def crate_version(name):
    """The version that the workspace's lock file has."""
    lock = HERE / "Cargo.lock"
    found = re.search(rf'name = "{name}"\nversion = "([^"]+)"', lock.read_text()) if lock.exists() else None
    return found[1] if found else ""


def version_of(source):
    """The version of a contestant, from where its entry says that it is to be read."""
    kind, *what = source
    venv = HERE / "target" / "venv" / "bin"
    if kind == "crate":
        return crate_version(what[0])
    if kind == "debian":
        return first_line("dpkg-query", "-W", "-f", "${Version}", what[0])
    if kind == "python":
        ask = f"import platform, importlib.metadata as m; print(m.version('{what[0]}') + ', Python ' + platform.python_version())"
        return first_line(str(venv / "python"), "-c", ask)
    if kind == "go":
        return first_line(str(venv / "go"), "env", "GOVERSION").removeprefix("go")
    return first_line(kind, "--version")


def versions_of(names):
    """Of all that take part, and of the compiler and the load generator of all."""
    found = {one.name: version_of(one.version) or "unknown" for one in CONTESTANTS if one.name in names}
    return found | {"rustc": first_line("rustc", "--version") or "unknown"}


# --------------------------------------------------------------------------------------------------------------------------------
# Figures
# --------------------------------------------------------------------------------------------------------------------------------


class Results:
    """What a results file says, by row, contestant and figure."""

    def __init__(self, data):
        self.data = data
        self.values = {}
        for one in data["measurements"]:
            for figure in ("ns", "bytes", "per_second"):
                if figure in one:
                    key = (f"{one['row']} {figure}", one["contestant"])
                    self.values.setdefault(key, {})[one["round"]] = one[figure]
        self.missing = {(one["row"], one["contestant"]): one["why"] for one in data["missing"]}

    def all(self, line, name):
        """The figures of all rounds; none if there are none."""
        return list(self.values.get((line, name), {}).values())

    def best(self, line, name):
        """The best figure of all rounds: the least, or of rates the greatest. None if there is none."""
        figures = self.all(line, name)
        return best_of(line, figures) if figures else None

    def contestants(self):
        """Those that have any figure, in the tables' order."""
        named = {name for _, name in self.values}
        return [name for name in NAMES if name in named]


def spaced(count):
    """A whole number with a space between thousands that no line is broken at."""
    return f"{count:,}".replace(",", "\u00a0")


def is_rate(line):
    return line.endswith("per_second")


def best_of(line, figures):
    return max(figures) if is_rate(line) else min(figures)


def number(value):
    """Three digits that count, and a space between thousands: 3.61, 44.2, 951, 25 900."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    digits = max(0, 2 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{digits}f}".replace(",", "\u00a0")


@dataclass(frozen=True)
class Verdict:
    """A rule and what came of it. `ours` and `bound` are in the line's unit; of a paired rule both are ratios."""

    rule: Rule
    said: str
    ours: float | None
    bound: float | None

    @property
    def met(self):
        """True, False, or None if one of the two was not measured."""
        if self.ours is None or self.bound is None:
            return None
        return self.ours >= self.bound if is_rate(self.rule.line) else self.ours <= self.bound


def rule_in_words(rule):
    """A rule as a reader would write it: `<= 3 x corosensei`."""
    sign = "≥" if is_rate(rule.line) else "≤"
    if rule.of is None:
        return f"{sign} {rule.bound:,g}".replace(",", "\u00a0")
    factor = "" if rule.bound == 1 else f"{rule.bound:g} × "
    where = f", {row_in_words(rule.in_line.rsplit(' ', 1)[0])}" if rule.in_line else ""
    return f"{sign} {factor}{rule.of}{where}"


def figure_to_beat(results, rule):
    """The best figure of the one that a rule names, or of the best peer."""
    line = rule.in_line or rule.line
    if rule.of != PEERS:
        return results.best(line, rule.of)
    peers = [one.name for one in CONTESTANTS if one.name != OURS and not one.floor]
    figures = [figure for figure in (results.best(line, name) for name in peers) if figure is not None]
    return best_of(line, figures) if figures else None


def paired_ratio(results, rule):
    """The median of ours divided by theirs within each round in which both have a figure."""
    ours = results.values.get((rule.line, OURS), {})
    theirs = results.values.get((rule.line, rule.of), {})
    ratios = [ours[turn] / theirs[turn] for turn in ours if theirs.get(turn)]
    return statistics.median(ratios) if ratios else None


def verdict_on(results, rule):
    """Whether ours keeps a rule."""
    said = rule_in_words(rule)
    if rule.paired:
        return Verdict(rule, f"{said}, in the same round", paired_ratio(results, rule), rule.bound)
    ours = results.best(rule.line, OURS)
    if rule.of is None:
        return Verdict(rule, said, ours, rule.bound)
    theirs = figure_to_beat(results, rule)
    return Verdict(rule, said, ours, None if theirs is None else rule.bound * theirs)


# --------------------------------------------------------------------------------------------------------------------------------
# Tables
# --------------------------------------------------------------------------------------------------------------------------------

ABSENT = {"not offered": "–", "left out": "limit", "failed": "failed"}


def markdown(head, rows, texts=1):
    """A table: so many columns are text, the others are figures."""
    lines = [head, ["---"] * texts + ["--:"] * (len(head) - texts)] + rows
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def why_missing(results, row, name):
    """Why a cell is empty. One that nobody has a word about was not asked for."""
    return results.missing.get((row, name), "not measured")


def cell(results, line, name):
    """The best figure, or in one word why there is none."""
    best = results.best(line.key, name)
    if best is None:
        return ABSENT.get(why_missing(results, line.row, name).split(":")[0], "")
    return f"**{number(best)}**" if name == OURS else number(best)


def lines_measured(results):
    return [line for line in LINES if any(results.all(line.key, name) for name in NAMES)]


def figures_table(results):
    """One row a workload, one column a contestant."""
    names = results.contestants()
    rows = []
    for line in lines_measured(results):
        rows.append([f"{line.title} ({line.unit})"] + [cell(results, line, name) for name in names])
    return markdown(["best of all rounds"] + [f"**{name}**" if name == OURS else name for name in names], rows)


def targets_table(results):
    """One row a rule: what was asked, what that is today, what ours is, and whether it is met."""
    titles = {line.key: line for line in LINES}
    words = {True: "met", False: "**missed**", None: "not measured"}
    rows = []
    for verdict in (verdict_on(results, rule) for rule in RULES):
        line = titles[verdict.rule.line]
        unit = "ratio" if verdict.rule.paired else line.unit
        figures = ["" if figure is None else number(figure) for figure in (verdict.bound, verdict.ours)]
        rows.append([f"{line.title} ({unit})", verdict.said, *figures, words[verdict.met]])
    return markdown(["target", "rule", "which is", "ours", ""], rows, texts=2)


def notes(results, also_not_offered=True):
    """Why cells are empty, by name: first who was left out altogether, then cell by cell, what is alike together."""
    said = [f"{name} was left out: {why.removeprefix('failed: ')}." for name, why in results.data["left_out"].items()]
    groups = {}
    in_table = {line.row: line for line in LINES}
    for (row, name), why in results.missing.items():
        if why == "not offered" and not (also_not_offered and row in in_table):
            continue
        if name in results.contestants():
            groups.setdefault((name, why), []).append(row_in_words(row))
    order = sorted(groups, key=lambda group: (group[1] == "not offered", NAMES.index(group[0])))
    said += [f"{name}, {why}: {', '.join(groups[name, why])}." for name, why in order]
    return "\n".join(f"- {line}" for line in said)


def row_in_words(key):
    """`sleepers 1000000` as `sleepers 1 000 000`."""
    workload, _, n = key.partition(" ")
    return f"{workload} {spaced(int(n))}" if n else workload


def details_table(results):
    """Everything measured, those of the plots too: best and median, and of how many rounds."""
    rows = []
    keys = dict.fromkeys([line.key for line in LINES] + [key for key, _ in results.values])
    for key in keys:
        row, figure = key.rsplit(" ", 1)
        for name in results.contestants():
            figures = results.all(key, name)
            if figures:
                rows.append([f"{row_in_words(row)}, {figure.replace('_', ' ')}", name, *of_rounds(key, figures)])
    return markdown(["workload", "contestant", "best", "median", "worst", "rounds"], rows, texts=2)


def of_rounds(line, figures):
    worst = min(figures) if is_rate(line) else max(figures)
    return [number(best_of(line, figures)), number(statistics.median(figures)), number(worst), str(len(figures))]


def where_measured(results):
    """The machine and the date, in a sentence."""
    machine = results.data["machine"]
    quick = f"A quick run, with {spaced(QUICK_N)} greenlets at most, whatever a row says: nothing to compare by. "
    return (quick if results.data["quick"] else "") + (
        f"Measured {results.data['date']} on {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"Linux {machine['kernel']}; every contestant alone on one core, all taking turns."
    )


def versions_in_words(results):
    versions = results.data["versions"]
    return "Versions: " + "; ".join(f"{name} {version}" for name, version in versions.items()) + "."


def counted(results):
    """How many of the targets are met, counted."""
    met = [verdict_on(results, rule).met for rule in RULES]
    return f"{met.count(True)} of {len(met)} targets are met, {met.count(False)} missed, {met.count(None)} not measured."


def summary(results, folder):
    """What goes into the front page: figures, why some are missing, plots, targets."""
    return "\n\n".join(
        [
            where_measured(results),
            figures_table(results),
            "“–” is not offered, “limit” left out by a stated limit; the full list of reasons, medians and versions is in "
            f"[`table.md`]({folder}table.md)." + left_out_in_words(results),
            f"![Cost against the number of greenlets: yield, wake-up, timer, memory]({folder}growth.svg)",
            targets_table(results),
            counted(results),
        ]
    )


def left_out_in_words(results):
    """Who is not in the table at all."""
    left_out = results.data["left_out"]
    return " Left out: " + "; ".join(f"{name} ({why})" for name, why in left_out.items()) + "." if left_out else ""


def table_page(results):
    """All of `table.md`."""
    made = "<!-- Written by `run`. Not edited by hand. -->"
    parts = ["# Side by side", made, summary(results, ""), "## What is missing, and why", notes(results) or "Nothing."]
    parts += ["## Versions", versions_in_words(results), "## Every row: best, median, worst", details_table(results)]
    return "\n\n".join(parts) + "\n"


BEGIN, END = "<!-- compare:begin -->", "<!-- compare:end -->"


def with_block(page, block):
    """The page with what is between the two marks replaced; None if it has no such marks."""
    head, begin, rest = page.partition(BEGIN)
    _, end_mark, tail = rest.partition(END)
    if not begin or not end_mark:
        return None
    return f"{head}{BEGIN}\n\n{block}\n\n{END}{tail}"


# --------------------------------------------------------------------------------------------------------------------------------
# Plots
# --------------------------------------------------------------------------------------------------------------------------------

PLOT_WIDTH, PLOT_HEIGHT = 960, 760
PANEL_WIDTH, PANEL_HEIGHT = 460, 360
LEFT, RIGHT, TOP, BOTTOM = 58, 112, 44, 34
LABEL_GAP = 14.5
GREY = "#7f8790"
FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
COLOURS = {contestant.name: contestant.colour for contestant in CONTESTANTS}


def curve(results, panel, name):
    """The points of one line: how many, and the best figure."""
    points = [(n, results.best(f"{panel.workload} {n} {panel.figure}", name)) for n in CURVE]
    return [(n, figure) for n, figure in points if figure]


def extent(figures):
    """The powers of ten that an axis goes from and to, in halves, at least one whole apart."""
    low = math.floor(2 * math.log10(min(figures))) / 2
    high = math.ceil(2 * math.log10(max(figures))) / 2
    return low, max(high, low + 1)


def in_unit(figure, exponent):
    """A power of ten as the axis says it."""
    if figure == "bytes":
        return f"{10**exponent} B" if exponent < 3 else f"{10 ** (exponent - 3)} kB" if exponent < 6 else f"{10 ** (exponent - 6)} MB"
    value, unit = (10**exponent, "ns") if exponent < 3 else (10 ** (exponent - 3), "µs") if exponent < 6 else (10 ** (exponent - 6), "ms")
    return f"{value:g} {unit}"


def count_in_words(n):
    return f"{n}" if n < 1_000 else f"{n // 1_000} k" if n < 1_000_000 else f"{n // 1_000_000} M"


def spread(wanted, lowest, highest):
    """Places near the wanted ones, in the same order, a label's height apart and within the panel.

    Neighbours that are too close push each other apart, half the way each, until none is.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [wanted[index] for index in order]
    for _ in range(1_000):
        placed = [min(max(place, lowest), highest) for place in placed]
        for index in range(len(placed) - 1):
            overlap = LABEL_GAP - (placed[index + 1] - placed[index])
            if overlap > 0:
                placed[index] -= overlap / 2
                placed[index + 1] += overlap / 2
    return [placed[order.index(index)] for index in range(len(wanted))]


def text(x, y, said, fill=GREY, anchor="start", size=12, weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">{said}</text>'


class Scale:
    """From counts and figures to places in a panel; both axes are logarithmic."""

    def __init__(self, low, high):
        self.low, self.high = low, high
        self.right, self.bottom = PANEL_WIDTH - RIGHT, PANEL_HEIGHT - BOTTOM

    def x(self, n):
        first, last = math.log10(CURVE[0]), math.log10(CURVE[-1])
        return LEFT + (math.log10(n) - first) / (last - first) * (self.right - LEFT)

    def y(self, figure):
        return self.bottom - (math.log10(figure) - self.low) / (self.high - self.low) * (self.bottom - TOP)


def axes(panel, scale):
    """The title, a thin line for each power of ten with its figure, and the counts below."""
    drawn = [text(LEFT, 20, panel.title, size=15, weight="600")]
    for exponent in range(math.ceil(scale.low), math.floor(scale.high) + 1):
        y = scale.y(10**exponent)
        drawn.append(f'<path d="M{LEFT} {y:.1f}H{scale.right}" stroke="{GREY}" stroke-opacity="0.25" fill="none"/>')
        drawn.append(text(LEFT - 8, y + 4, in_unit(panel.figure, exponent), anchor="end"))
    drawn += [text(scale.x(n), scale.bottom + 20, count_in_words(n), anchor="middle") for n in CURVE]
    return drawn


def stroke_of(name):
    """Ours is thick; a floor is broken."""
    floor = next(one.floor for one in CONTESTANTS if one.name == name)
    width = 3.5 if name == OURS else 1.7
    return f'stroke="{COLOURS[name]}" stroke-width="{width}"' + (' stroke-dasharray="5 4"' if floor else "")


def line_of(name, places):
    """A contestant's line and its points."""
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    radius = 4 if name == OURS else 2.4
    drawn = [f'<path d="{path}" {stroke_of(name)} fill="none" stroke-linejoin="round" stroke-linecap="round"/>']
    return drawn + [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{COLOURS[name]}"/>' for x, y in places]


def label_of(name, end_of_line, y, scale):
    """A contestant's name beside its line's end, and a dotted way to it if that is far."""
    x = scale.right + 14
    way = f'<path d="M{end_of_line[0] + 6:.1f} {end_of_line[1]:.1f}L{x - 10} {end_of_line[1]:.1f}L{x - 2} {y:.1f}"'
    dotted = f'{way} stroke="{COLOURS[name]}" stroke-width="0.9" stroke-dasharray="1.5 3" fill="none"/>'
    return [dotted, text(x, y + 4, name, COLOURS[name], size=13, weight="700" if name == OURS else "normal")]


def panel_drawn(results, panel):
    """One panel; an empty one says so."""
    curves = {name: curve(results, panel, name) for name in NAMES}
    curves = {name: points for name, points in curves.items() if points}
    if not curves:
        return [text(LEFT, 20, f"{panel.title}: not measured")]
    figures = [figure for points in curves.values() for _, figure in points]
    scale = Scale(*extent(figures))
    places = {name: [(scale.x(n), scale.y(figure)) for n, figure in points] for name, points in curves.items()}
    labels = spread([way[-1][1] for way in places.values()], TOP, scale.bottom)
    drawn = axes(panel, scale)
    for (name, way), y in zip(places.items(), labels):
        drawn += label_of(name, way[-1], y, scale)
    # Ours comes last, on top of the others.
    for name in sorted(places, key=lambda one: one == OURS):
        drawn += line_of(name, places[name])
    return drawn


def plots(results):
    """Four panels in one picture, on no background: it is readable on white and on black."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" font-family="{FONT}">'
    drawn = [head, "<title>Cost against the number of greenlets</title>"]
    for index, panel in enumerate(PANELS):
        x = index % 2 * (PLOT_WIDTH - PANEL_WIDTH)
        y = index // 2 * (PLOT_HEIGHT - PANEL_HEIGHT)
        drawn += [f'<g transform="translate({x} {y})">', *panel_drawn(results, panel), "</g>"]
    return "\n".join([*drawn, "</svg>"]) + "\n"


# --------------------------------------------------------------------------------------------------------------------------------
# The command
# --------------------------------------------------------------------------------------------------------------------------------


def as_json(data):
    """One measurement a line, so that two runs can be compared line by line."""
    lists = ("missing", "measurements")
    head = json.dumps({key: value for key, value in data.items() if key not in lists}, indent=2, ensure_ascii=False)
    parts = [head.removesuffix("\n}")]
    for key in lists:
        lines = ",\n".join("    " + json.dumps(one, ensure_ascii=False) for one in data[key])
        parts.append(f'  "{key}": [\n{lines}\n  ]' if lines else f'  "{key}": []')
    return ",\n".join(parts) + "\n}\n"


def render(data, folder, front_page):
    """Writes the tables and the plots into `folder`, and the block into the front page if there is one to write to."""
    results = Results(data)
    (folder / "table.md").write_text(table_page(results))
    (folder / "growth.svg").write_text(plots(results))
    if front_page:
        page = with_block(front_page.read_text(), summary(results, "benches/compare/"))
        if page is None:
            print(f"no `{BEGIN}` and `{END}` in the front page: nothing written there")
        else:
            front_page.write_text(page)


def names_left_out(path):
    """Lines `name<tab>reason` of those that could not be installed or built."""
    if not path:
        return {}
    lines = [line.partition("\t") for line in path.read_text().splitlines() if line.strip()]
    return {name: without_paths(reason) for name, _, reason in lines}


def rows_asked_for(asked, quick):
    """The rows of these workloads, or of these alone at their size; quick ones leave out what differs only in size."""
    rows = all_rows()
    if asked:
        rows = [row for row in rows if row.key in asked or row.workload in asked]
    if quick:
        rows = [row for row in rows if row.key in {line.row for line in LINES}]
    return rows


def verdict_on_run(data, asked_names):
    """What makes the run fail: nothing measured, or ours failed anywhere."""
    if not data["measurements"]:
        return "nothing was measured"
    if OURS not in asked_names:
        return None
    if OURS in data["left_out"]:
        return f"{OURS} was left out: {data['left_out'][OURS]}"
    ours = [one for one in data["missing"] if one["contestant"] == OURS and one["why"].startswith(("failed", TOOK_TOO_LONG))]
    return "; ".join(f"{OURS}, {one['row']}: {one['why']}" for one in ours) or None


def parsed_arguments():
    """The command line."""
    commas = lambda said: [part.strip() for part in said.split(",")]
    parser = argparse.ArgumentParser(description="Measures the contestants side by side.")
    parser.add_argument("--quick", action="store_true", help="one round of small numbers, into a temporary folder")
    parser.add_argument("--only", type=commas, metavar="NAMES", help="these contestants, into a temporary folder")
    parser.add_argument("--rows", type=commas, metavar="ROWS", help="these workloads, or rows such as 'yield 2', into a temporary folder")
    parser.add_argument("--left-out", type=pathlib.Path, metavar="FILE", help="lines `name<tab>reason` of those that cannot take part")
    parser.add_argument("--render", action="store_true", help="measure nothing: write the tables and plots of results.json again")
    parser.add_argument("--check", action="store_true", help="measure nothing: only refuse arguments that make no sense")
    arguments = parser.parse_args()
    unknown = set(arguments.only or []) - set(NAMES)
    if unknown:
        parser.error(f"no such contestant: {', '.join(sorted(unknown))}")
    if not rows_asked_for(arguments.rows, False):
        parser.error("no such row")
    return arguments


def measured(arguments, names):
    """Runs everything that is asked for."""
    left_out = {name: why for name, why in names_left_out(arguments.left_out).items() if name in names}
    bench = Bench([name for name in names if name not in left_out], arguments.quick)
    os.sched_setaffinity(0, {bench.load_core})
    bench.run(rows_asked_for(arguments.rows, arguments.quick))
    print(f"measured for {bench.seconds():.0f} s")
    return bench.results(left_out, versions_of(names))


def main():
    arguments = parsed_arguments()
    front_page = HERE.parent.parent / "README.md"
    if arguments.check:
        return 0
    if arguments.render:
        render(json.loads((HERE / "results.json").read_text()), HERE, front_page)
        return 0
    partial = bool(arguments.quick or arguments.only or arguments.rows)
    names = arguments.only or NAMES
    data = measured(arguments, names)
    broken = verdict_on_run(data, names)
    if broken:
        print(f"FAILED: {broken}", file=sys.stderr)
    if not data["measurements"]:
        return 1
    folder = pathlib.Path(tempfile.mkdtemp(prefix="compare-")) if partial else HERE
    (folder / "results.json").write_text(as_json(data))
    render(data, folder, None if partial else front_page)
    results = Results(data)
    print(figures_table(results))
    print(notes(results, also_not_offered=False))
    print(f"written to {folder}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
