#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What ./run makes of a trace, and that it finds one instruction more."""

import importlib.machinery
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
RUN = HERE / "run"


def script(path):
    """An executable, as a module."""
    loader = importlib.machinery.SourceFileLoader("counts_run", str(path))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("counts_run", loader))
    loader.exec_module(module)
    return module


run = script(RUN)

# Where things are in the made-up traces.
WHERE = {"_init": range(0x1000, 0x1001), "_fini": range(0x2000, 0x2001),
         "settle": range(0x1100, 0x1110), "counted": range(0x1110, 0x1120),
         "producer": range(0x1200, 0x1208), "consumer": range(0x1208, 0x1210),
         run.LEFT_OUT: range(0x1300, 0x1310), "shared": range(0x8000, 0x8200)}
SETTLE, COUNTED, BACK = "I  1100,4", "I  1110,4", "I  1114,4"
PUT, GET, OWN, LEFT_OUT, LIBC = ("I  1200,2", "I  1208,2", "I  1400,3", "I  1304,3",
                                 "I  4001400,3")


def rows(announced, *lines):
    """What is found in a trace of one scene."""
    found = run.Trace(WHERE).read([SETTLE, *lines], iter([announced]))
    return {name: row for scene in found for name, row in scene.rows()}


class Reading(unittest.TestCase):
    def test_instructions_are_counted_per_call_from_the_entry_to_the_return(self):
        found = rows("1\tput", PUT, OWN, BACK, COUNTED, OWN, PUT, OWN, OWN, BACK,
                     OWN, PUT, OWN, BACK)
        self.assertEqual(found, {"put": ("1.5", "0", "0", "0")})

    def test_libc_and_what_depends_on_the_day_are_left_out(self):
        found = rows("1\tput", COUNTED, PUT, LIBC, OWN, LEFT_OUT, BACK)
        self.assertEqual(found["put"][0], "1")

    def test_a_line_is_counted_once_a_call_read_or_written(self):
        found = rows("1\tput", COUNTED, PUT, " L 8000,8", " L 803f,1", " L 8040,8",
                     " S 8080,8", " S 7fff,1", " S 8200,8", BACK)
        self.assertEqual(found["put"], ("0", "2", "1", "0"))

    def test_what_is_modified_is_read_and_written(self):
        found = rows("1\tput", COUNTED, PUT, " M 8000,8", BACK)
        self.assertEqual(found["put"], ("0", "1", "1", "0"))

    def test_a_line_moves_when_the_other_side_has_written_it(self):
        turn = (PUT, " S 8000,8", BACK, GET, " L 8000,8", BACK)
        found = rows("2\tput\tget", *turn, COUNTED, *turn, *turn)
        self.assertEqual(found, {"put": ("0", "0", "1", "1"),
                                 "get": ("0", "1", "0", "1")})

    def test_a_line_moves_only_once_for_many_words(self):
        turn = (PUT, " S 8000,8", " S 8008,8", BACK, GET, " L 8000,8", BACK,
                GET, " L 8008,8", BACK)
        found = rows("2\tput\tget", *turn, COUNTED, *turn)
        self.assertEqual(found["put"][3], "1")
        self.assertEqual(found["get"][3], "0.5")

    def test_what_both_only_read_or_one_has_alone_stays(self):
        turn = (PUT, " L 8000,8", " S 8040,8", BACK, GET, " L 8000,8", " M 8080,8",
                BACK)
        found = rows("2\tput\tget", *turn, COUNTED, *turn)
        self.assertEqual([found["put"][3], found["get"][3]], ["0", "0"])

    def test_nothing_moves_where_one_side_plays_both(self):
        turn = (PUT, " S 8000,8", BACK, GET, " S 8000,8", BACK)
        found = rows("1\tjoin\tleave", *turn, COUNTED, *turn)
        self.assertEqual([found["join"][3], found["leave"][3]], ["0", "0"])

    def test_each_scene_begins_with_cold_caches(self):
        turn = (PUT, " S 8000,8", BACK)
        found = list(run.Trace(WHERE).read(
            [SETTLE, GET, " S 8000,8", BACK, SETTLE, COUNTED, *turn],
            iter(["2\ta\tb", "2\tc"])))
        self.assertEqual(found[1].sums[0]["moved"], 0)


class Table(unittest.TestCase):
    ROWS = {"b": ("1", "2", "3", "4.125"), "a near": ("5", "0", "0", "0")}

    def test_what_is_written_is_read_again(self):
        text = run.table_text(self.ROWS)
        self.assertEqual(run.table_parse(text),
                         (run.compiler_version(), self.ROWS))
        self.assertLess(text.index("a near"), text.index("b\t"))

    def test_other_columns_are_refused(self):
        text = run.table_text(self.ROWS)
        for other in (text.replace("moved", "shifted"), text + "c\t1\t2\n",
                      text.replace("# gcc", "# icc")):
            with self.assertRaises(ValueError):
                run.table_parse(other)

    def test_a_difference_names_what_differs(self):
        self.assertEqual(run.difference(("26", "1", "1", "0"), ("28", "1", "1", "1")),
                         "26 -> 28 instructions, 0 -> 1 lines moved")
        self.assertEqual(run.difference(("1",), ("1",)), "")
        self.assertIn("not in the table", run.difference(None, ("1",)))
        self.assertIn("no longer", run.difference(("1",), None))

    def test_the_committed_one_is_sorted_and_has_each_operation_once(self):
        text = (HERE / "table.tsv").read_text()
        names = [line.split("\t")[0] for line in text.splitlines()[2:]]
        self.assertEqual(names, sorted(set(names)))
        self.assertIn("spsc_push_8 near", names)


def ask(*arguments, **more):
    """The exit status of ./run and what it says."""
    done = subprocess.run(
        [sys.executable, str(RUN), *map(str, arguments)], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, universal_newlines=True, check=False, **more)
    return done.returncode, done.stdout


class Lacking(unittest.TestCase):
    """Without its tools it says so, and that counts as skipped."""

    def setUp(self):
        self.where = pathlib.Path(self.enterWith(tempfile.TemporaryDirectory()))

    def enterWith(self, context):
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def ask(self, *tools):
        for tool in tools:
            (self.where / tool).symlink_to(shutil.which(tool))
        return ask(env={"PATH": str(self.where)})

    def test_no_compiler(self):
        self.assertEqual(self.ask("nm"), (
            0, "skip every count: there is no gcc\n"
               "1 passed, 0 failed, 1 skipped\n"))

    def test_no_valgrind(self):
        self.assertEqual(self.ask("gcc", "nm"), (
            0, "skip every count: there is no valgrind\n"
               "1 passed, 0 failed, 1 skipped\n"))

    def test_another_compiler(self):
        for tool in ("gcc", "valgrind"):
            (self.where / tool).write_text("#!/bin/sh\necho 99.1\n")
            (self.where / tool).chmod(0o755)
        status, said = self.ask("nm")
        self.assertEqual(status, 0)
        self.assertRegex(said, "skip every count: the table is of gcc .*, this is "
                               "gcc 99.1 99.1\n1 passed, 0 failed, 1 skipped\n")

    def test_nothing_is_written_then(self):
        table = self.where / "table"
        status, said = ask("--write", "--table", table,
                           env={"PATH": str(self.where)})
        self.assertEqual((status, said, table.exists()),
                         (1, "there is no gcc\n", False))


@unittest.skipIf(run.lacking(), f"{run.lacking()}")
class Counting(unittest.TestCase):
    """The whole way, for a few operations."""

    WORDS = ("spsc_push_8", "peer_")

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.where = pathlib.Path(cls.folder.name)
        cls.rows = run.measure(words=cls.WORDS)
        cls.table = cls.where / "table"
        cls.table.write_text(run.table_text(cls.rows))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def changed(self, name, **columns):
        """A table in which one row says something else."""
        row = [columns.get(c, v) for c, v in zip(run.COLUMNS, self.rows[name])]
        table = self.where / "changed"
        table.write_text(run.table_text({**self.rows, name: tuple(row)}))
        return table

    def test_the_same_once_more(self):
        status, said = ask("--table", self.table, *self.WORDS)
        self.assertEqual((status, said),
                         (0, f"{len(self.rows) + 1} passed, 0 failed\n"))

    def test_neither_surroundings_nor_libcs_choice_matter(self):
        tunables = "glibc.cpu.hwcaps=-AVX2_Usable,-AVX2,-ERMS,-AVX512F"
        surroundings = {**os.environ, "PADDING": "x" * 5000,
                        "GLIBC_TUNABLES": tunables}
        status, said = ask("--table", self.table, *self.WORDS, cwd="/",
                           env=surroundings)
        self.assertEqual(status, 0, said)

    def test_a_changed_table_fails_by_name(self):
        now = self.rows["spsc_push_8 near"][2]
        table = self.changed("spsc_push_8 near", written="7")
        status, said = ask("--table", table, *self.WORDS)
        self.assertEqual(status, 1)
        self.assertIn(f"FAIL spsc_push_8 near: 7 -> {now} lines written\n", said)
        self.assertIn(" passed, 1 failed\n", said)

    def test_a_row_too_many_and_one_too_few_fail(self):
        rows = dict(self.rows, spsc_push_8_more=("1",) * 4)
        del rows["peer_join"]
        table = self.where / "other"
        table.write_text(run.table_text(rows))
        status, said = ask("--table", table, *self.WORDS)
        self.assertEqual(status, 1)
        self.assertIn("FAIL peer_join: is not in the table\n", said)
        self.assertIn("FAIL spsc_push_8_more: is in the table, but", said)

    def plant(self, code):
        """A tree of headers with `code` at the start of slip_peer_alive(): apart
        from its callers, so that no other code comes out differently."""
        root = pathlib.Path(tempfile.mkdtemp(dir=self.where))
        for folder in run.lib.FOLDERS:
            shutil.copytree(run.lib.ROOT / folder, root / folder)
        header = root / "futex/peer.h"
        planted, times = re.subn(
            r"(\bint slip_peer_alive\([^{;]*\{\n)",
            lambda found: found[1] + code, header.read_text())
        self.assertEqual(times, 1, "slip_peer_alive() looks different")
        header.write_text(planted)
        return root

    def test_one_instruction_more_in_a_header_is_found(self):
        root = self.plant('__asm__ __volatile__("nop");')
        status, said = ask("--table", self.table, "--root", root, *self.WORDS)
        was = self.rows["peer_alive"][0]
        now = run.shortest(float(was) + 1)
        self.assertEqual((status, said), (
            1, f"FAIL peer_alive: {was} -> {now} instructions\n"
               f"{len(self.rows)} passed, 1 failed\n"))

    def test_what_returns_early_is_not_counted(self):
        root = self.plant("if (id) return 0;")
        status, said = ask("--print", "--root", root, "peer_alive")
        self.assertEqual(status, 1)
        self.assertIn("does not do as it says", said)

    def test_an_unknown_word_fails(self):
        status, said = ask("--table", self.table, "spsc_psuh")
        self.assertEqual((status, said), (
            1, "FAIL no operation is called so\n1 passed, 1 failed\n"))


if __name__ == "__main__":
    unittest.main()
