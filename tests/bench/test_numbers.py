"""Quartiles, ratios, and when a result is not believed."""
from __future__ import annotations

import math
import unittest

from tests.bench import samples
from tests.bench.comparison import ALL, contestants
from tests.bench.cost import Cost, Row
from tests.bench.loads import loads
from tests.bench.quartiles import Quartiles, jain, quartiles


class QuartilesTest(unittest.TestCase):
    def test_of_an_odd_and_an_even_count(self) -> None:
        self.assertEqual(quartiles([5, 1, 4, 2, 3]), Quartiles(2, 3, 4))
        self.assertEqual(quartiles([1, 2, 3, 4]), Quartiles(1.75, 2.5, 3.25))
        self.assertEqual(quartiles([7]), Quartiles(7, 7, 7))

    def test_of_nothing(self) -> None:
        with self.assertRaises(ValueError):
            quartiles([])

    def test_spread_is_by_the_median(self) -> None:
        self.assertAlmostEqual(Quartiles(9, 10, 12).spread, 0.3)
        self.assertTrue(Quartiles(9, 10, 12).steady)
        self.assertFalse(Quartiles(9, 10, 12.1).steady)
        self.assertEqual(Quartiles(0, 0, 0).spread, math.inf)

    def test_one_outlier_of_seven_is_no_spread(self) -> None:
        self.assertTrue(quartiles([10, 10, 10, 10, 10, 11, 99]).steady)

    def test_fairness(self) -> None:
        self.assertEqual(jain([2, 2, 2]), 1)
        self.assertAlmostEqual(jain([1, 0, 0, 0]), 0.25)
        self.assertEqual(jain([]), 0)


class ComparisonTest(unittest.TestCase):
    def test_a_ratio_is_other_by_ours(self) -> None:
        result = samples.result([2.0])
        ratios = {ratio.comparison.title: ratio for ratio in result.ratios}
        self.assertEqual(len(ratios), len(ALL))
        durable = ratios["scp + sync -f / dync"]
        self.assertEqual((durable.cpu.median, durable.seconds.median), (3, 2))
        self.assertEqual(ratios["bare libzmq + CURVE / dync"].seconds.median, 1.5)
        self.assertEqual(ratios["scp / dync without sync"].seconds.median, 1)

    def test_who_is_not_there_is_not_compared(self) -> None:
        crowd = loads(quick=True)["crowd"]
        self.assertNotIn("bare libzmq + CURVE", contestants(crowd))

    def test_steady_rounds_are_believed(self) -> None:
        self.assertEqual(samples.result([2.0, 2.1, 2.0], [1e9, 1.1e9, 1e9]).doubts, [])

    def test_doubts_say_what_is_unsteady(self) -> None:
        [*unsteady] = samples.result([1.0, 2.0, 4.0]).doubts
        self.assertTrue(unsteady)
        self.assertTrue(all(" / dync by seconds " in doubt or "/ dync " in doubt for doubt in unsteady), unsteady)
        [disk] = samples.result([2.0, 2.0, 2.0], [1e9, 2e9, 3e9]).doubts
        self.assertEqual(disk, "the disk's speed has a spread of 50%")


class CostTest(unittest.TestCase):
    def test_sums_rows_and_leaves_out_nothings(self) -> None:
        cost, row = Cost(), Row("sender", "dync", "main")
        for nanoseconds in (5, 7, 0, -3):
            cost.add(row, nanoseconds)
        self.assertEqual((cost.cpu_ns, cost.total_ns), ({row: 12}, 12))

    def test_memory_is_of_one_side(self) -> None:
        run = samples.run(1, 2)
        self.assertEqual((run.memory("receiver"), run.memory("sender"), run.memory("nobody")), (4 << 20, 1 << 20, None))
        self.assertEqual(run.ns_per_byte, 2)


class LoadsTest(unittest.TestCase):
    def test_both_sizes_have_the_same_loads(self) -> None:
        self.assertEqual(list(loads(quick=True)), list(loads(quick=False)))

    def test_full_sizes(self) -> None:
        full = loads(quick=False)
        self.assertEqual({name: (load.count, load.size) for name, load in full.items()},
                         {"single": (1, 2 << 30), "small": (10000, 4096), "middle": (64, 16 << 20),
                          "crowd": (500, 1 << 20), "resume": (1, 2 << 30)})


if __name__ == "__main__":
    unittest.main()
