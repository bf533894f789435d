"""Tables, charts, and what gets into BENCHMARKS.md."""
from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from tests.bench import publish, samples, table
from tests.bench.chart import BARS, STYLE, Bar, Panel, svg
from tests.bench.comparison import Result
from tests.bench.loads import Load
from tests.bench.quartiles import Quartiles

SVG = "{http://www.w3.org/2000/svg}"
STEADY = [2.0] * publish.LEAST_ROUNDS


class TableTest(unittest.TestCase):
    def test_a_table(self) -> None:
        self.assertEqual(table.table(["a", "b"], [["x|y", "1"]]), "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n")

    def test_three_numbers(self) -> None:
        self.assertEqual(table.three(Quartiles(1, 2, 3.456)), "2.00 (1.00–3.46)")

    def test_a_section_has_every_contestant_ratio_and_thread(self) -> None:
        text = table.section(samples.result(STEADY), jobs=False)
        self.assertIn("## One upload of 1 MiB\n", text)
        self.assertIn("| scp + sync -f / dync | 3.00 (3.00–3.00) | 2.00 (2.00–2.00) |", text)
        self.assertIn("| dync | 2.00 (2.00–2.00) | – | 1 (1–1) | 2.00 (2.00–2.00) | 4.0 (4.0–4.0) | 1.0 (1.0–1.0) |", text)
        self.assertIn("| dync | receiver | far | a\\|b | 1.000 |", text)
        self.assertNotIn("Unreliable", text)

    def test_small_threads_share_a_row(self) -> None:
        result = samples.result([2.0])
        cost = result.rounds[0]["dync"].cost
        for name in ("x", "y"):
            cost.add(next(iter(cost.cpu_ns))._replace(thread=name), int(0.004 * samples.LOAD.bytes))
        self.assertIn("| dync |  |  | all others | 0.008 |", table.section(result, jobs=True))

    def test_many_files_are_counted(self) -> None:
        result = samples.result([2.0])
        many = Result(Load("single", "ten files", 10, samples.LOAD.bytes // 10), result.rounds, result.probes)
        text = table.contestants(many)
        self.assertIn("| files/s | CPU µs/file |", text)
        self.assertIn("| 5 (5–5) | 210 (210–210) |", text)

    def test_doubts_are_told(self) -> None:
        self.assertIn("**Unreliable:** the disk's speed", table.section(samples.result([2.0] * 3, [1, 2, 3]), jobs=True))


class ChartTest(unittest.TestCase):
    def chart(self) -> ElementTree.Element:
        bars = [Bar("dync <ours>", Quartiles(1, 2, 3), True), Bar("other", Quartiles(4, 4, 4), False)]
        return ElementTree.fromstring(svg("a & b", [Panel("s", bars)]))

    def test_is_well_formed(self) -> None:
        root = self.chart()
        self.assertEqual(root.findtext(f"{SVG}title"), "a & b")
        self.assertIn("dync <ours>", [text.text for text in root.iter(f"{SVG}text")])

    def test_bars_are_in_proportion(self) -> None:
        first, second = self.chart().iter(f"{SVG}rect")
        self.assertEqual((float(first.get("width", 0)), float(second.get("width", 0))), (BARS / 2, BARS))
        self.assertEqual((first.get("class"), second.get("class")), ("ours", "bar"))

    def test_both_grounds(self) -> None:
        self.assertIn("prefers-color-scheme: dark", STYLE)

    def test_of_nothing(self) -> None:
        ElementTree.fromstring(svg("", [Panel("", []), Panel("", [Bar("", Quartiles(0, 0, 0), False)])]))

    def test_of_a_result(self) -> None:
        root = ElementTree.fromstring(publish.chart(samples.result(STEADY)))
        self.assertEqual(len(list(root.iter(f"{SVG}rect"))), 5 + 3)  # CPU of all, seconds of those that are durable


class PublishTest(unittest.TestCase):
    def setUp(self) -> None:
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.document = self.home / "BENCHMARKS.md"

    def publish(self, seconds: list[float]) -> bool:
        return publish.publish(self.document, self.home / "charts", samples.result(seconds), True, "A machine.")

    def test_a_reliable_result_replaces_the_one_before(self) -> None:
        self.assertTrue(self.publish(STEADY))
        self.document.write_text(self.document.read_text() + "\nMore text.\n")
        self.assertTrue(self.publish([4.0] * publish.LEAST_ROUNDS))
        text = self.document.read_text()
        self.assertTrue(text.startswith(publish.HEAD))
        self.assertTrue(text.endswith("\nMore text.\n"))
        self.assertEqual(text.count("## One upload"), 1)
        self.assertIn("| dync | 4.00 ", text)
        self.assertIn("](charts/single.svg)", text)
        self.assertTrue((self.home / "charts/single.svg").exists())

    def test_what_is_unreliable_or_short_stays_out(self) -> None:
        self.assertFalse(self.publish([1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0]))
        self.assertFalse(self.publish(STEADY[1:]))
        self.assertFalse(self.document.exists())

    def test_all_numbers_are_kept(self) -> None:
        publish.write_results(self.home / "out", samples.result([1.0, 5.0, 9.0]), False)
        self.assertEqual(sorted(file.name for file in (self.home / "out").iterdir()), ["single.json", "single.md", "single.svg"])


if __name__ == "__main__":
    unittest.main()
