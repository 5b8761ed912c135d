#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What ../scale must say of cases that can be worked out by hand."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
SCALE = pathlib.Path(__file__).resolve().parent.parent / "scale"


def script(path):
    """An executable, as a module."""
    loader = importlib.machinery.SourceFileLoader("scale", str(path))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("scale", loader))
    loader.exec_module(module)
    return module


scale = script(SCALE)


class Lines(unittest.TestCase):
    def setUp(self):
        self.machine = scale.Machine(100)

    def test_a_line_is_kept(self):
        self.assertEqual(self.machine.access(1, "x", True), 100)
        self.machine.now = 100.0
        self.assertEqual(self.machine.access(1, "x", True),
                         100 + scale.HIT_NS)

    def test_sharers_read_and_do_not_write(self):
        for core in (1, 2):
            self.machine.now = self.machine.access(core, "x", False)
        self.assertEqual(self.machine.access(1, "x", False),
                         self.machine.now + scale.HIT_NS)
        self.assertEqual(self.machine.access(1, "x", True),
                         self.machine.now + 100)

    def test_a_line_serves_one_at_a_time(self):
        self.assertEqual([self.machine.access(core, "x", True)
                          for core in range(4)], [100, 200, 300, 400])


class Rates(unittest.TestCase):
    def test_one_core_does_not_wait_for_the_index(self):
        self.assertGreater(scale.rate(1, 100, 1, 1, 0.05),
                           5 * scale.rate(2, 100, 1, 1, 0.05))

    def test_a_ring_falls_with_the_cores(self):
        rates = [scale.rate(n, 100, 1, 1, 0.1) for n in (2, 8, 32)]
        self.assertEqual(rates, sorted(rates, reverse=True))

    def test_lanes_add_up(self):
        one = scale.rate(4, 100, 1, 1, 0.1)
        self.assertAlmostEqual(scale.rate(16, 100, 1, 4, 0.1), 4 * one,
                               delta=0.2 * one)

    def test_batches_pay_once(self):
        self.assertGreater(scale.rate(8, 100, 32, 1, 0.1),
                           8 * scale.rate(8, 100, 1, 1, 0.1))


if __name__ == "__main__":
    unittest.main()
