# SPDX-License-Identifier: MIT
"""What the check scripts share: file lists, warning lists, parallel commands."""

import concurrent.futures
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("atomics", "futex", "ring")
# The headers that need a library, which this one is, and what links it. It is there
# for this machine's own compilers alone.
LIBURCU = tuple(f"ring/{n}.h" for n in ("rcu", "chain", "chain_pvt",
                                        "chain_segment_pvt", "directory"))
LINK_LIBURCU = ("-lurcu-cds", "-lurcu-bp")

# The warning lists, as Bazel sees them.
COPTS = {}
exec((ROOT / "tools/rules/copts.bzl").read_text(), COPTS)


def headers():
    """Every public header, lower layers first, as paths from the root."""
    found = [p for f in FOLDERS for p in sorted((ROOT / f).glob("*.h"))]
    found += sorted(ROOT.glob("*.h"))
    return [str(p.relative_to(ROOT)) for p in found]


def warnings(compiler, language, for_headers=False):
    """The strict warnings of "gcc" or "clang" for "c" or "c++"."""
    names = ["COMMON", "C_ONLY" if language == "c" else "CXX_ONLY"]
    names.append("GCC_ONLY" if compiler == "gcc" else "CLANG_ONLY")
    if for_headers and language == "c":
        names.append("HEADERS_C_ONLY")
    if for_headers and compiler == "gcc":
        names.append("HEADERS_GCC_ONLY")
    return [flag for name in names for flag in COPTS[name]]


def run(argv, text=None, seconds=120):
    """Runs a command from the root. Returns its exit status and its output."""
    try:
        done = subprocess.run(
            argv,
            cwd=ROOT,
            input=text,
            stdin=None if text is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
        return 124, output.decode(errors="replace") + f"\nstopped after {seconds} s\n"
    except OSError as error:
        return 127, f"{argv[0]}: {error.strerror}\n"


def libraries(path):
    """What links a C file, by what it includes."""
    text = (ROOT / path).read_text()
    return LINK_LIBURCU if any(f'"{h}"' in text for h in LIBURCU) else ()


def plain_tests(folders):
    """Yields (C file, its C++ half or None) of every unit test."""
    for folder in folders:
        for path in sorted((ROOT / folder / "test").glob("*_test.c")):
            half = path.with_name(path.name.replace("_test.c", "_half.cc"))
            yield path, half if half.exists() else None


def build_plain(test, where, cc, cxx, link=("-static",)):
    """Builds one plain test: its program and None, or None and why not. With -O2
    unless the compiler's flags say otherwise."""
    path, half = test
    family = "clang" if "clang" in cc[0] else "gcc"
    objects = []
    for source, compiler, standard, language in (
        (path, cc, "c11", "c"),
        (half, cxx, "c++11", "c++"),
    ):
        if source is None:
            continue
        objects.append(str(where / f"{path.parent.parent.name}_{source.name}.o"))
        argv = [compiler[0], "-O2", *compiler[1:], f"-std={standard}", "-I.",
                "-DSLIP_TEST_PLAIN"]
        argv += warnings(family, language)
        argv += ["-c", "-o", objects[-1], str(source)]
        status, output = run(argv)
        if status:
            return None, f"$ {' '.join(argv)}\n{output}"
    program = objects[0][: -len(".c.o")]
    argv = (cxx if half else cc) + [*link, "-pthread", "-o", program]
    status, output = run(argv + objects + [*libraries(path)])
    return (None, output) if status else (program, None)


def build_and_run(test, where, cc, cxx, runner, link):
    """Builds one plain test and runs it: exit status, output."""
    program, trouble = build_plain(test, where, cc, cxx, link)
    if not program:
        return 1, trouble
    return run(runner + [program], seconds=600)


def run_plain_tests(
    report, where, folders, cc, cxx, runner, link=("-static",), forbidden=None
):
    """Reports one line for each plain test binary.

    Those that need a library are left out: it is not built in these ways.

    forbidden: words that fail a test which prints them. A tool's complaint in a
    child that the test expects to die would go unnoticed otherwise.
    """
    tests = [t for t in plain_tests(folders)
             if (cxx or not t[1]) and not libraries(t[0])]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(
            lambda t: build_and_run(t, where, cc, cxx, runner, link), tests
        )
        for (path, _), (status, output) in zip(tests, results):
            name = str(path.relative_to(ROOT))
            last = output.strip().split("\n")[-1]
            if forbidden and forbidden in output:
                status = status or 1
            if not status and last == "0 passed, 0 failed":
                report.skip(f"{name}: every test of it skips here")
            else:
                report.add(f"{name}: {last}" if not status else name, not status, output)


class Report:
    """Counts results; prints failures in full, and successes when asked to."""

    def __init__(self, show_passes=False):
        self.show_passes = show_passes
        self.passed = 0
        self.failed = 0
        self.skipped = 0

    def skip(self, name):
        self.skipped += 1
        print("skip", name)

    def add(self, name, ok, output=""):
        if ok:
            self.passed += 1
            if self.show_passes:
                print("ok  ", name)
            return
        self.failed += 1
        print("FAIL", name)
        if output:
            print(output.rstrip())

    def run_all(self, jobs):
        """Runs (name, argv, stdin text) jobs, one per core at a time."""
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda job: run(job[1], job[2]), jobs)
            for (name, argv, _), (status, output) in zip(jobs, results):
                self.add(name, status == 0, f"$ {' '.join(argv)}\n{output}")

    def finish(self):
        """Prints the counts and leaves with the exit status they mean."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}")
        sys.exit(1 if self.failed or not self.passed else 0)
