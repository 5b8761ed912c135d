#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What stress/report and stress/soak conclude from what the programs say."""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import evidence  # noqa: E402
import jobs  # noqa: E402
from evidence import Job, Row, Runner  # noqa: E402

GOOD = "row\tspsc.push\tkill-real\tok\tkills=1000 seed=7"


def script(name):
    """An executable of this folder, as a module."""
    path = str(pathlib.Path(__file__).resolve().parent / name)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def run(command, timeout=60):
    return Runner().run(Job("it", "", command, command, timeout), command, timeout)


def said(*lines, status=0):
    """What became of a program that prints these lines."""
    quoted = "\n".join(lines).replace("'", "'\\''")
    return run(f"printf '%s\\n' '{quoted}'; exit {status}")


def verdict(results, required=None):
    """passed, failed, skipped"""
    return evidence.counts(*evidence.judge(results, required or {}))


class Rows(unittest.TestCase):
    def test_a_row_is_parsed(self):
        self.assertEqual(
            evidence.parse_row(GOOD),
            Row("spsc.push", "kill-real", "ok", {"kills": 1000, "seed": 7}))

    def test_other_lines_are_no_rows(self):
        for line in ("", "rows: 3", "seed 7: ok", "operation  check", " row\ta"):
            self.assertIsNone(evidence.parse_row(line))

    def test_bad_rows_are_refused(self):
        for line in ("row\tspsc.push\tkill-real\tok", "row\t\tkill-real\tok\ta=1",
                     "row\tspsc.push\tkill-real\tOK\ta=1", GOOD + "\tmore",
                     "row\tspsc.push\tkill-real\tok\t1000", "row\ta\tb\tok\t=1"):
            with self.assertRaises(ValueError, msg=line):
                evidence.parse_row(line)

    def test_the_json_of_slipring_stress_is_rows(self):
        ring = ('{"ring": "spsc", "popped": 5, "kills": 2, "stops": 1, '
                '"takeovers": 2}')
        good = said('{"verdict": "PASSED", "rings": [%s]}' % ring)
        bad = said('{"verdict": "FAILED", "rings": [%s]}' % ring, status=1)
        self.assertEqual(good.rows[0][:3], ("spsc.all", "slipring-stress", "ok"))
        self.assertEqual(verdict([good]), (1, 0, 0))
        self.assertEqual(verdict([bad]), (0, 1, 0))

    def test_rows_of_one_operation_and_check_are_added_up(self):
        rows = evidence.merge([
            Row("a", "b", "ok", {"runs": 3, "seed": 1}),
            Row("a", "b", "skip", {"why": "arch"}),
            Row("a", "b", "ok", {"runs": 4, "seed": 2}),
            Row("a", "c", "ok", {"runs": 9}),
        ])
        self.assertEqual([(r.check, r.verdict, r.values.get("runs")) for r in rows],
                         [("b", "ok", 7), ("c", "ok", 9)])

    def test_one_failure_among_many_is_a_failure(self):
        rows = evidence.merge([Row("a", "b", v, {"runs": 1})
                               for v in ("ok", "FAIL", "ok", "skip")])
        self.assertEqual([r.verdict for r in rows], ["FAIL"])

    def test_models_are_counted_and_seeded_bugs_stand_apart(self):
        rows = evidence.merge([
            Row("a", "b", "ok", {"runs": 3, "model": "x", "complete": "yes"}),
            Row("a", "b", "ok", {"runs": 4, "model": "y", "complete": "no"}),
            Row("a", "b", "ok", {"runs": 1, "model": "z", "bug": "found"}),
            Row("a", "c", "ok", {"runs": 1, "model": "z", "bug": "early"}),
        ])
        self.assertEqual([r[1:] for r in rows], [
            ("b", "ok", {"models": 2, "runs": 7, "complete": "no/yes"}),
            ("seeded-bugs", "ok", {"bugs": 2, "models": 1, "runs": 2}),
        ])

    def test_components(self):
        for operation, component in (
            ("spsc.push+pop", "spsc"), ("ring/spsc_pvt.h", "spsc"),
            ("futex/region_format.h", "region"), ("role.takeover", "role"),
            ("atomics", "atomics"),
        ):
            self.assertEqual(evidence.component(operation), component)


class Verdicts(unittest.TestCase):
    def test_all_is_well(self):
        self.assertEqual(verdict([said(GOOD)], {"spsc": {"kill-real"}}), (1, 0, 0))

    def test_a_program_without_rows_fails(self):
        self.assertEqual(verdict([said("all is well")]), (0, 1, 0))

    def test_a_bad_row_fails(self):
        self.assertEqual(verdict([said(GOOD, "row\tspsc.pop")])[1], 1)

    def test_a_FAIL_row_fails_whatever_the_exit_status(self):
        for status in (0, 1):
            bad = said(GOOD.replace("ok", "FAIL"), status=status)
            self.assertEqual(verdict([bad]), (0, 1, 0))

    def test_an_exit_status_fails_though_all_rows_are_ok(self):
        self.assertEqual(verdict([said(GOOD, status=3)]), (1, 1, 0))

    def test_a_program_that_is_not_there_fails(self):
        self.assertEqual(verdict([run("./no-such-program")])[1], 1)

    def test_a_row_that_counted_nothing_fails(self):
        for values in ("kills=0 seed=7", "", "why=none"):
            empty = said(f"row\tspsc.push\tkill-real\tok\t{values}")
            self.assertEqual(verdict([empty]), (0, 1, 0), msg=values)

    def test_a_skip_is_counted_as_such(self):
        skip = said("row\tspsc.push\told-kernel\tskip\twhy=no-seccomp")
        self.assertEqual(verdict([skip]), (0, 0, 1))

    def test_what_is_required_and_not_there_fails(self):
        required = {"spsc": {"kill-real", "fuzz"}, "record": {"kill-real"}}
        self.assertEqual(evidence.missing(said(GOOD).rows, required),
                         [("record", "kill-real"), ("spsc", "fuzz")])
        self.assertEqual(verdict([said(GOOD)], required), (1, 2, 0))

    def test_nothing_at_all_is_no_success(self):
        passed, failed, _ = verdict([], jobs.REQUIRED)
        self.assertEqual(passed, 0)
        self.assertGreater(failed, 0)


class Programs(unittest.TestCase):
    def test_one_that_hangs_is_ended_with_its_children(self):
        began = time.monotonic()
        result = run(f"printf '{GOOD}\\n'; sleep 600 & sleep 600; echo", 0.1)
        self.assertEqual(result.status, evidence.LATE)
        self.assertLess(time.monotonic() - began, 300)
        self.assertEqual(verdict([result]), (1, 1, 0))

    def test_one_that_is_cut_off_is_neither_passed_nor_failed(self):
        runner = Runner()
        threading.Timer(0.2, runner.end_all).start()
        result = runner.run(Job("it", "", "", "", 1), "sleep 600", 600)
        self.assertEqual(result.status, evidence.CUT)
        self.assertEqual(verdict([result]), (0, 0, 0))
        # A failure at that moment stays one.
        runner.cut = False
        threading.Timer(0.2, runner.end_all).start()
        result = runner.run(Job("it", "", "", "", 1), "trap 'exit 1' TERM; sleep 600", 600)
        self.assertEqual(verdict([result]), (0, 1, 0))
        again = runner.run(Job("it", "", "", "", 1), "sleep 600", 600)
        self.assertEqual(again.status, evidence.CUT)

    def test_every_job_can_be_written_out(self):
        names = [job.name for job in jobs.JOBS]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(jobs.RANDOM)
        for job in jobs.JOBS + jobs.RANDOM:
            self.assertNotIn("{", evidence.filled(job.quick, 1, 1))
            self.assertNotIn("{", evidence.filled(job.full, 1, 1))
            self.assertGreater(job.timeout, 0)

    def test_every_component_has_something_to_show(self):
        for name in ("spsc", "record", "event", "role", "region", "peer"):
            self.assertTrue(jobs.REQUIRED.get(name), msg=name)


class Soaks(unittest.TestCase):
    def soak(self, commands, seconds):
        """(the finished Soak, its report)"""
        module = script("soak")
        module.JOBS = [Job(name, "", "", command, 1) for name, command in commands.items()]
        with tempfile.TemporaryDirectory() as where:
            output = pathlib.Path(where) / "soak.md"
            soak = module.Soak(argparse.Namespace(
                only=[], jobs=2, seconds=seconds, output=output,
                executions=None))
            clock = threading.Timer(seconds, soak.runner.end_all)
            clock.start()
            with contextlib.redirect_stdout(io.StringIO()):
                soak.run()
                soak.counts = soak.write("it was interrupted")
            clock.join()
            return soak, output.read_text()

    def test_seeds_are_fresh_and_counts_add_up(self):
        soak, report = self.soak({"it": f"sleep 0.1; echo '{GOOD}' # {{seed}}"}, 1.5)
        self.assertGreater(len({r.command for r in soak.results}), 1)
        good = sum(r.status == 0 for r in soak.results)
        self.assertIn(f"| {evidence.short(good * 1000)} |", report)
        self.assertIn("**Partial: it was interrupted.**", report)

    def test_a_failure_is_shown_and_the_rest_goes_on(self):
        _, report = self.soak({
            "bad": "sleep 0.1; echo replay it; exit 1",
            "good": f"sleep 0.1; echo '{GOOD}'",
        }, 1)
        self.assertIn("## Failed: bad", report)
        self.assertIn("\treplay it", report)
        self.assertIn("| `spsc.push` |", report)

    def test_what_must_be_there_is_missed_after_a_whole_cycle(self):
        soak, report = self.soak({"it": f"echo '{GOOD}'; sleep 0.2"}, 1)
        self.assertGreater(soak.counts[1], 0)
        self.assertIn("FAIL record: nothing says", report)

    def test_it_ends_when_there_were_as_many_executions(self):
        module = script("soak")
        row = GOOD.replace("kills", "executions")
        for command, runs in ((f"echo '{row}'", 3), ("echo nothing", 1)):
            module.RANDOM = [Job("it", "", "", command, 1)]
            with tempfile.TemporaryDirectory() as where:
                soak = module.Soak(argparse.Namespace(
                    only=[], jobs=1, seconds=600, executions=2500,
                    output=pathlib.Path(where) / "soak.md"))
                with contextlib.redirect_stdout(io.StringIO()):
                    soak.run()
            self.assertEqual(len(soak.results), runs)

    def test_what_had_no_turn_is_named(self):
        _, report = self.soak({"slow": "sleep 600", "slower": "sleep 600",
                               "third": "sleep 600"}, 0.5)
        self.assertIn("Not run: third.", report)
        self.assertIn("0 passed, 0 failed", report)


class Tables(unittest.TestCase):
    ROWS = [
        Row("ring/spsc.h", "mutants", "ok", {"killed": 30, "total": 31}),
        Row("spsc.pop", "kill-real", "FAIL", {"kills": 7}),
        Row("spsc.push", "hostile", "ok", {"runs": 12000}),
        Row("spsc.push", "hostile-thread", "ok", {"runs": 8000}),
        Row("spsc.push", "kill-real", "ok", {"kills": 7}),
        Row("spsc.push", "threads", "skip", {"why": "tired"}),
    ]

    def test_a_line_for_each_operation_and_all_is_somewhere(self):
        text = "\n".join(evidence.markdown_tables(evidence.merge(self.ROWS)))
        for line in ("| `spsc.push` |  |  |  |  |  |  | 7 |  |  | 20k |  |",
                     "| `spsc.pop` |  |  |  |  |  |  | FAIL |  |  |  |  |",
                     "| `ring/spsc.h` | mutants: 30 killed, 31 total |",
                     "| `spsc.push` | threads skip: why tired |"):
            self.assertIn(line + "\n", text)

    def test_plain_lines_are_aligned(self):
        lines = list(evidence.plain_tables(evidence.merge(self.ROWS)))
        self.assertEqual(lines[0].index("kills") + 5, lines[2].index(" 7 ") + 2)

    def test_short_numbers(self):
        for number, text in ((0, "0"), (9999, "9999"), (10000, "10k"),
                             (9999999, "9999k"), (12345678, "12M"),
                             (10**11, "100G")):
            self.assertEqual(evidence.short(number), text)


class Pages(unittest.TestCase):
    def test_the_table_goes_between_the_markers_and_nothing_else_changes(self):
        report = script("report")
        page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
        new = report.put_in(page, "new\n")
        self.assertEqual(new, page.replace("old", "new"))
        with self.assertRaises(SystemExit):
            report.put_in("no markers", "new\n")


if __name__ == "__main__":
    unittest.main()
