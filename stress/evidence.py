# SPDX-License-Identifier: MIT
"""What stress/report and stress/soak share: which programs there are, running
them, the rows that they print, and what is missing."""

import collections
import datetime
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]

Row = collections.namedtuple("Row", "operation check verdict values")
Job = collections.namedtuple("Job", "name target quick full timeout")
Result = collections.namedtuple("Result", "job command status output rows seconds")

VERDICTS = ("ok", "FAIL", "skip")
CUT = "cut"  # instead of an exit status: ended because the time was over
LATE = "late"  # ended because it took too long
BAD = "bad rows"
ENDED = {LATE, *(s for n in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
                 for s in (-n, 128 + n))}


# --- rows ---------------------------------------------------------------------


def parse_row(line):
    """The Row that a line is, None if it is none; ValueError if it is a bad one."""
    fields = line.rstrip("\n").split("\t")
    if fields[0] != "row":
        return None
    if len(fields) != 5 or not fields[1] or not fields[2]:
        raise ValueError(f"five fields are wanted: {line!r}")
    if fields[3] not in VERDICTS:
        raise ValueError(f"no verdict: {line!r}")
    values = {}
    for pair in fields[4].split():
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise ValueError(f"no key=value: {line!r}")
        values[key] = int(value) if value.isdigit() else value
    return Row(*fields[1:4], values)


def json_rows(text):
    """The report of `slipring stress --json`, as rows."""
    report = json.loads(text[text.index("{") : text.rindex("}") + 1])
    verdict = "FAIL" if report["verdict"] == "FAILED" else "ok"
    for ring in report["rings"]:
        values = {k: ring[k] for k in ("popped", "kills", "stops", "takeovers")}
        yield Row(ring["ring"] + ".all", "slipring-stress", verdict, values)


def rows_of(output):
    """(rows, what is wrong with them) of a program's output."""
    rows, faults = [], []
    for line in output.split("\n"):
        try:
            row = parse_row(line)
        except ValueError as error:
            faults.append(str(error))
            continue
        if row:
            rows.append(row)
    if not rows and not faults:
        try:
            rows = list(json_rows(output))
        except (ValueError, KeyError):
            faults.append("it printed no rows")
    return rows, faults


def is_vacuous(row):
    """Says ok, but counted nothing."""
    counts = [v for k, v in row.values.items() if isinstance(v, int) and k != "seed"]
    return row.verdict == "ok" and not any(counts)


def merge(rows):
    """One row for each operation and check: numbers are added up, models are
    counted, other words stand side by side. The worst verdict is the verdict; a
    skip counts only if nothing else is there. Models with a bug on purpose are
    a check of their own."""
    groups = collections.defaultdict(list)
    for row in rows:
        check = "seeded-bugs" if "bug" in row.values else row.check
        groups[row.operation, check].append(row)
    merged = [Row(*key, worst(r.verdict for r in group), total(group))
              for key, group in groups.items()]
    return sorted(merged, key=lambda r: (component(r.operation), r[:2]))


def worst(verdicts):
    verdicts = set(verdicts)
    return next(v for v in ("FAIL", "ok", "skip") if v in verdicts)


def total(rows):
    """The values of rows that belong together."""
    values = collections.defaultdict(list)
    for row in rows:
        for name, value in row.values.items():
            values[name].append(value)
    values.pop("seed", None)
    counted = {"bugs": len(values.pop("bug", ())),
               "models": len(set(values.pop("model", ())))}
    sums = {k: sum(v) if all(isinstance(x, int) for x in v)
            else "/".join(sorted({str(x) for x in v})) for k, v in values.items()}
    return {**{k: n for k, n in counted.items() if n}, **sums}


def component(operation):
    """spsc of spsc.push+pop, and of ring/spsc_pvt.h."""
    return re.split(r"[._+]", operation.rsplit("/", 1)[-1])[0]


def missing(rows, required):
    """The (component, check) pairs that should be there and are not."""
    there = {(component(r.operation), r.check) for r in rows}
    return sorted((c, k) for c, checks in required.items() for k in checks
                  if (c, k) not in there)


def filled(command, seconds, seed):
    """With what a command of a Job leaves open."""
    return command.format(seconds=seconds, each=max(1, seconds // 20), seed=seed)


# --- programs -----------------------------------------------------------------


class Runner:
    """Runs programs, each in a session of its own, and can end them all."""

    def __init__(self):
        self.running = set()
        self.cut = False

    def run(self, job, command, timeout):
        began = time.monotonic()
        if self.cut:
            return Result(job, command, CUT, "", [], 0)
        there = subprocess.Popen(
            command, shell=True, cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, text=True, errors="replace")
        self.running.add(there)
        if self.cut:  # meanwhile
            signal_group(there, signal.SIGTERM)
        output, status = wait_for(there, timeout, self)
        self.running.discard(there)
        rows, faults = rows_of(output)
        if self.cut and status in ENDED:
            status = CUT
        elif faults and status == 0:
            status, output = BAD, output + "\n" + "\n".join(faults) + "\n"
        return Result(job, command, status, output, rows, time.monotonic() - began)

    def end_all(self, *_):
        """What runs is ended, and nothing more is begun. A signal handler too."""
        self.cut = True
        for there in list(self.running):
            signal_group(there, signal.SIGTERM)

    def ends_on_signals(self):
        """Ctrl-C and SIGTERM end the programs; run() then says CUT."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.end_all)


def signal_group(there, number):
    """To the group of a child of ours; not once it has been waited for."""
    if there.returncode is None:
        try:
            os.killpg(there.pid, number)
        except ProcessLookupError:
            pass


def wait_for(there, timeout, runner):
    """(output, exit status or LATE). Politely ended, it has 5 s to end."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return there.communicate(timeout=0.5)[0], there.returncode
        except subprocess.TimeoutExpired:
            if runner.cut or time.monotonic() > deadline:
                break
    signal_group(there, signal.SIGTERM)
    try:
        output = there.communicate(timeout=5)[0]
    except subprocess.TimeoutExpired:
        signal_group(there, signal.SIGKILL)
        output = there.communicate()[0]
    return output, LATE


def build(targets):
    """Builds them with Bazel: None, or its output."""
    targets = list(targets)
    if not targets:
        return None
    argv = ["bazel", "build", "--color=no", "--curses=no", "--noshow_progress"]
    done = subprocess.run(argv + targets, cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    return done.stdout if done.returncode else None


# --- verdict ------------------------------------------------------------------


def faults_of(result):
    """What a program did wrong beyond the FAIL rows that it printed."""
    if result.status in (0, CUT):
        return []
    if any(row.verdict == "FAIL" for row in result.rows):
        return []
    said = {LATE: "took too long, and was ended", BAD: "its rows are bad"}
    why = said.get(result.status, f"exit status {result.status}")
    return [f"{result.job.name}: {why}"]


def judge(results, required):
    """(merged rows, faults that are not in them)."""
    rows = merge(row for result in results for row in result.rows)
    faults = [fault for result in results for fault in faults_of(result)]
    faults += [f"{r.operation} {r.check}: says ok, and did nothing"
               for r in rows if is_vacuous(r)]
    faults += [f"{c}: nothing says {k}" for c, k in missing(rows, required)]
    return rows, faults


def counts(rows, faults):
    """passed, failed, skipped"""
    said = collections.Counter(row.verdict for row in rows)
    empty = sum(is_vacuous(row) for row in rows)
    return said["ok"] - empty, said["FAIL"] + len(faults), said["skip"]


# --- text ---------------------------------------------------------------------


# One line for each operation: title, checks (or what they begin with), value.
COLUMNS = (
    ("rc11", ("explore-rc11",), "executions"),
    ("tso", ("explore-tso",), "executions"),
    ("sc", ("explore-sc",), "executions"),
    ("bugs", ("seeded-bugs",), "bugs"),
    ("points", ("kill-snapshot",), "points"),
    ("states", ("kill-snapshot",), "states"),
    ("kills", ("kill-real",), "kills"),
    ("stops", ("stop-real",), "stops"),
    ("steps", ("kill-step",), "runs"),
    ("hostile", ("hostile", "bare"), "runs"),
    ("fuzz", ("fuzz",), "executions"),
)
LEGEND = (
    "rc11, tso, sc: executions under the explorer; bugs: seeded, and found; points: "
    "instructions to be killed at; states: distinct ones there, recovered and "
    "checked; kills, stops: of real processes at such points; steps: single-stepped "
    "runs; hostile: runs beside a peer that scribbles; fuzz: executions.")
ZEROS = {"uncommented"}  # of which 0 is worth saying


def short(number):
    """At most five characters."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= 10 * size:
            return f"{number // size}{unit}"
    return str(number)


def is_of(row, checks):
    return any(row.check == c or row.check.startswith(c + "-") for c in checks)


def cell(rows, checks, value):
    found = [r for r in rows if is_of(r, checks)]
    if not found:
        return ""
    verdict = worst(r.verdict for r in found)
    if verdict != "ok":
        return verdict
    return short(sum(r.values.get(value, 0) for r in found))


def values_text(values):
    return ", ".join(f"{v:,} {k}" if isinstance(v, int) else f"{k} {v}"
                     for k, v in values.items() if v or k in ZEROS)


def said_of(row):
    failed = "" if row.verdict == "ok" else f" {row.verdict}"
    return f"{row.check}{failed}: {values_text(row.values)}"


def tables(rows):
    """Two, as lists of lines of cells: with a column for each check that goes
    by operation; and what was done besides."""
    by_operation = collections.defaultdict(list)
    for row in rows:
        by_operation[row.operation].append(row)
    narrow = [["operation", *(title for title, _, _ in COLUMNS)]]
    wide = [["of", "besides"]]
    for operation, here in by_operation.items():
        cells = [cell(here, checks, value) for _, checks, value in COLUMNS]
        if any(cells):
            narrow.append([operation, *cells])
        rest = [r for r in here if not any(is_of(r, c) for _, c, _ in COLUMNS)]
        if rest:
            wide.append([operation, "; ".join(map(said_of, rest))])
    return narrow, wide[:1] + sorted(wide[1:])


def plain_tables(rows):
    narrow, wide = tables(rows)
    first = max(len(line[0]) for line in narrow + wide)
    for name, *cells in narrow:
        yield f"{name:{first}}" + "".join(
            f" {c:>{max(5, len(title))}}" for c, (title, _, _) in zip(cells, COLUMNS))
    yield from ("", *textwrap.wrap(LEGEND, 100), "")
    for name, text in wide:
        yield f"{name:{first}}  {text}"


def markdown_tables(rows):
    narrow, wide = tables(rows)
    for table, align in ((narrow, "--:"), (wide, "---")):
        yield "| " + " | ".join(table[0]) + " |"
        yield "|---|" + f"{align}|" * (len(table[0]) - 1)
        for name, *cells in table[1:]:
            yield f"| `{name}` | " + " | ".join(cells) + " |"
        yield ""
    yield LEGEND


def first_line(command):
    try:
        done = subprocess.run(shlex.split(command), cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.split("\n")[0].strip()


def machine():
    """Date, commit, processor, kernel, compilers, in one line."""
    found = re.search(r"^model name\s*: (.*)$",
                      pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    changed = " and changes" if first_line("git status --porcelain") else ""
    return ", ".join((
        datetime.date.today().isoformat(),
        f"commit {first_line('git rev-parse --short HEAD') or 'unknown'}{changed}",
        f"{found[1].strip() if found else os.uname().machine}, "
        f"{len(os.sched_getaffinity(0))} CPUs",
        f"Linux {os.uname().release}",
        first_line("gcc --version"),
        first_line("clang --version"),
    ))
