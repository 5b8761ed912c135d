# SPDX-License-Identifier: MIT
"""The checks that may kill a mutant, from cheap to dear, and where they run.

Each runs in a scratch copy of the tree, in which one header has been mutated.
"""

import contextlib
import functools
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

import lib

# Which mutants a check cannot notice, or only at a price: x86-64 shows weaker
# orders to no unit test; a bound is for those, not for schedules (but MPMC, and
# the rwlock and the waitset, which choose their instructions by a comparison, and
# robust_sem, where one decides what a death leaves).
BLIND = {"unit": ("order",), "asan": ("order", "fence"), "tsan": ("boundary",),
         "explore": ("boundary",), "kill": ("order", "fence")}
MPMC = "ring/mpmc"
APART = ("ring/chain", "ring/directory", "ring/rcu")  # not in ring/slipring.h
SCHEDULED = (MPMC, "futex/rwlock", "futex/robust_sem", "futex/seats", "futex/pi_mutex",
             "futex/waitset")
OUT = "out"  # of a tree: what was built for the mutant at hand
BOUND = ("--executions", "5000", "--seconds", "60")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
KILLED, HANG, PASSED, BROKEN = "killed", "hang", "passed", "does not compile"

# A mutant may spin for ever, leave processes and files behind, or signal the
# wrong ones: so it gets a limit of processor seconds, and namespaces of its own
# where that is allowed.
LIMIT = ["sh", "-c", 'ulimit -t "$0"; exec "$@"']
BOX = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh",
       "-c", 'mount -t tmpfs none /dev/shm && ulimit -t "$0" && "$@"; exit $?']


@functools.lru_cache(maxsize=None)
def box():
    """The prefix of commands that run mutants: BOX or LIMIT."""
    done = subprocess.run([*BOX, "9", "true"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False)
    return BOX if done.returncode == 0 else LIMIT


def run(argv, where, seconds, environment=None):
    """(exit status or None if it hung, output). Ends all that it started, and
    that at once if a test fails: the others might take long to."""
    with subprocess.Popen(
        argv, cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True, text=True,
        errors="replace", env={**os.environ, **(environment or {})},
    ) as there:
        late = threading.Event()

        def end():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(there.pid, signal.SIGKILL)

        watchdog = threading.Timer(seconds, lambda: (late.set(), end()))
        watchdog.start()
        output = []
        for line in there.stdout:
            output.append(line)
            if line.startswith("FAIL "):
                break
        else:
            there.wait()
        watchdog.cancel()
        end()
        status = there.wait() or (line.startswith("FAIL ") if output else 0)
    return (None if late.is_set() else int(status)), "".join(output)


def includes(tree, path, seen=None):
    """Every header of ours that a file includes, as paths from the root."""
    seen = set() if seen is None else seen
    text = (tree / path).read_text()
    for name in INCLUDE.findall(text):
        for at in (os.path.normpath(os.path.join(os.path.dirname(path), name)), name):
            if (tree / at).is_file():
                if at not in seen:
                    seen.add(at)
                    includes(tree, at, seen)
                break
    return seen


class Check:
    """A program: how to build it, how to run it, how long it may take."""

    def __init__(self, name, rung, sources, program, build, arguments=(),
                 cpu_seconds=3, seconds=30, environment=None):
        self.name = name
        self.rung = rung  # 0: tried before the code is compared
        self.sources = sources  # what makes it depend on a header
        self.headers = None
        self.program = program
        self.build = build  # how, if the program is not there yet
        self.command = [f"./{program}", *arguments]
        self.cpu_seconds = cpu_seconds  # of each process
        self.seconds = seconds
        self.environment = environment

    def concerns(self, tree, mutant):
        """Can it notice? Of the sanitized tests, those named like the header."""
        tool = self.name.split()[0]
        if mutant.group in BLIND.get(tool, ()) and not (
                tool == "explore" and mutant.header.startswith(SCHEDULED)):
            return False
        near = mutant.header.split(".")[0].split("_")[0]  # futex/region_tools.h
        if tool == "asan" and not self.name.startswith(f"asan {near}"):
            return False
        if self.headers is None:
            self.headers = set().union(*(includes(tree, s) for s in self.sources))
        return mutant.header in self.headers

    def __call__(self, tree):
        """(verdict, output) on a tree."""
        if not (tree / self.program).exists():
            status, output = run(self.build, tree, 120)
            if status != 0:
                return BROKEN, output
        status, output = run(
            [*box(), str(self.cpu_seconds), *self.command], tree, self.seconds,
            self.environment)
        if status is None:
            return HANG, output
        return (KILLED if status else PASSED), output


PLAIN = ["gcc", "-std=c11", "-O0", "-w", "-DSLIP_TEST_PLAIN", "-I.", "-pthread"]


def unit(path):
    """A unit test without Criterion, unoptimised: built in 0.3 s."""
    name = path[:-2].replace("/test/", "/")
    out = f"{OUT}/{name.replace('/', '_')}"
    build = [*PLAIN, "-o", out, path, *lib.libraries(path)]
    if path.endswith("_step_test.c"):  # single steps: 15 s of the kernel's time
        return Check(f"unit {name}", 5, [path], out, build, (), 60, 120)
    return Check(f"unit {name}", 0, [path], out, build)


def asan(path):
    """The same, optimised, so that inlined sizes are constants, and under the
    sanitizers of addresses and undefined behaviour."""
    name = path[:-2].replace("/test/", "/")
    out = f"{OUT}/asan_{name.replace('/', '_')}"
    return Check(f"asan {name}", 3, [path], out,
                 [*PLAIN, "-O1", "-fsanitize=address,undefined", "-DSLIP_URCU_LINKED",
                  "-fno-sanitize-recover=all", "-o", out, path,
                  *lib.libraries(path)], (), 10, 60,
                 {"ASAN_OPTIONS": "detect_stack_use_after_return=0"})


def explore(tree, path):
    """The models of one program of the explorer, a bounded run of each."""
    name = pathlib.Path(path).stem.replace("_models", "")
    out = f"{OUT}/{name}_models"
    build = ["stress/explore/build", out, path, "."]
    status, _ = run(build, tree, 300)
    if status != 0:  # let the baseline say so
        yield Check(f"explore {name}", 1, [path], out, build)
        return
    for model in run([f"./{out}", "--list"], tree, 60)[1].split():
        yield Check(f"explore {name}/{model}", 1, [path], out, build,
                    ("--model", model, *BOUND), 20, 60)


def kill(component):
    """Kill points of one component's operations: what each instruction leaves
    behind, in every tenth state."""
    out = f"{OUT}/kill"
    return Check(f"kill {component}", 3, [f"stress/kill/ops_{component}.c"], out,
                 ["stress/kill/build", out, "."],
                 ("--op", component, "--how", "snapshot", "--every", "10"), 20, 60)


def parts(tree, path):
    """The C files that a program of stress/ is made of: itself, and for each
    header of its folder the file of the same name."""
    near = [h for h in includes(tree, path) if h.startswith("stress/")]
    found = {path, *(h[:-2] + ".c" for h in near)}
    more = set().union(*(includes(tree, p) for p in found if (tree / p).exists()))
    found |= {h[:-2] + ".c" for h in more if h.startswith("stress/")}
    return sorted(p for p in found if (tree / p).exists())


def threads(tree, path):
    """A thread program of stress/ under ThreadSanitizer, for a second."""
    name = path[len("stress/"):-2]
    out = f"{OUT}/{name}"
    files = parts(tree, path)
    return Check(f"tsan {name}", 4, files,
                 out, ["gcc", "-std=c11", "-O1", "-w", "-I.", "-pthread",
                       "-fsanitize=thread", "-o", out, *files,
                       *lib.libraries(path)],
                 ("--seconds", "1"), 20, 60)


def ladder(tree):
    """Every check, from cheap to dear. A test with a C++ half is left out."""
    units = [str(path.relative_to(lib.ROOT))
             for path, half in lib.plain_tests(lib.FOLDERS) if not half]
    units = [path for path in units if (tree / path).exists()]
    return [
        *(unit(path) for path in units),
        *(check for path in sorted(tree.glob("stress/*/*_models.c"))
          for check in explore(tree, str(path.relative_to(tree)))),
        Check("fences", 2, ["ring/slipring.h"], "tools/check/fences", None, (), 20, 60),
        kill("mpmc"),
        *(asan(path) for path in units if not path.endswith("_step_test.c")),
        *(threads(tree, path) for path in
          sorted(str(p.relative_to(tree)) for p in tree.glob("stress/*_threads.c"))),
    ]


def make_tree(where):
    """A copy of all that a check may compile."""
    for folder in (*lib.FOLDERS, "stress", "tools"):
        shutil.copytree(lib.ROOT / folder, where / folder, symlinks=True,
                        ignore=shutil.ignore_patterns("__pycache__"))
    (where / OUT).mkdir()
    return where


def clear(tree):
    """Forgets what was built for a mutant, but for the explorer's runtime."""
    for path in (tree / OUT).iterdir():
        if path.suffix != ".a":
            path.unlink()


# Functions that nobody calls are kept, so that one file holds all of them.
# Without the attribute, for one that must be inlined is not kept.
PROBE = ["-std=c11", "-w", "-I.", "-Dalways_inline=unused",
         "-fkeep-inline-functions", "-fkeep-static-functions",
         "-S", "-o", "-", "-x", "c"]
BUILDS = (["gcc", "-O1", "-fsanitize=thread", "-U__SANITIZE_THREAD__", "-Wno-tsan",
           "-DSLIP_FENCE_PORTABLE=x_portable"],
          ["gcc", "-O2"], ["aarch64-linux-gnu-gcc", "-O2"])


def whole(header):
    """The header in which all is that a change of this one can change; or None."""
    if header.startswith(APART):
        return None
    return "ring/mpmc.h" if header.startswith(MPMC) else "ring/slipring.h"


def code(tree, header):
    """Yields a name for the instructions, as explored and as shipped; None if
    that does not compile."""
    for compiler in BUILDS:
        status, output = run([*compiler, *PROBE, header], tree, 120)
        yield hashlib.sha256(output.encode()).hexdigest() if status == 0 else None
