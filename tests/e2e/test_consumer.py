"""A consumer never sees half a data set, and the watcher that says so can tell the difference."""
from __future__ import annotations

import hashlib
import os
import random
import tempfile
import unittest
from pathlib import Path
from typing import Callable

from tests.e2e.consumer import Consumer
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import say, scaled, wait_until

UPLOADS = 1000
CLIENTS = 8


class CommitOrderTest(ServerTest):
    def test_a_thousand_uploads(self) -> None:
        batches = [self._make_batch(client) for client in range(CLIENTS)]
        trash = self.server.home / "consumed"
        trash.mkdir()
        consumer = Consumer(self.server.dropbox("any"), trash)
        consumer.start()
        clients = [self.sender.start(*batch) for batch in batches]
        for client in clients:
            self.assert_sent(self.finish(client))
        expected = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for batch in batches for file in batch}
        wait_until(lambda: len(consumer.taken) == len(expected) or consumer.violations, 30, "all is taken away")
        consumer.end()
        say(f"{len(consumer.taken)} data sets taken away, {consumer.events} events, {consumer.polls} polls")
        self.assertEqual(consumer.violations, [])
        self.assertEqual(consumer.taken, expected)
        self.assertGreaterEqual(consumer.events, 2 * len(expected))
        self.consumed.update(expected)
        self.assertEqual(len(self.server.ledger.uploads("committed")), len(expected))

    def _make_batch(self, client: int) -> list[Path]:
        chance = random.Random(client)
        files = []
        for number in range(scaled(UPLOADS // CLIENTS, 10)):
            files.append(self.lab / f"c{client}_{number}.bin")
            files[-1].write_bytes(chance.randbytes(chance.randrange(20_000)))
        return files


class PlantedTest(unittest.TestCase):
    """Wrong orders, made by hand in a plain directory: each must be caught."""

    def setUp(self) -> None:
        home = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.box, self.work = home / "box", home / "work"
        (home / "trash").mkdir()
        self.box.mkdir()
        self.work.mkdir()
        self.consumer = Consumer(self.box, home / "trash")

    def item(self, where: Path, name: str = "x.bin", leave_out: str = "") -> Path:
        files = {name: b"data", f"{name}.sha256sum": f"{hashlib.sha256(b'data').hexdigest()}\t{name}".encode(),
                 f"{name}.origlabfilename": name.encode(), f"{name}.metadata.json": b"{}", "source_dropbox.txt": b"user1"}
        directory = where / name
        directory.mkdir()
        for file, data in files.items():
            if file != leave_out:
                (directory / file).write_bytes(data)
        return directory

    def marker(self) -> None:
        (self.box / ".MARKER_is_finished_x.bin").touch()

    def publish(self, **options: str) -> None:
        os.rename(self.item(self.work, **options), self.box / "x.bin")

    def assert_caught(self, plant: Callable[[], object], words: str) -> None:
        self.consumer.start()
        plant()
        wait_until(lambda: any(words in each for each in self.consumer.violations), 30, f"the watcher says: {words}")
        self.consumer.end()

    def test_the_right_order_is_fine(self) -> None:
        self.consumer.start()
        self.publish()
        self.marker()
        wait_until(lambda: "x.bin" in self.consumer.taken, 30, "it is taken away")
        self.consumer.end()
        self.assertEqual(self.consumer.violations, [])

    def test_the_marker_first(self) -> None:
        self.assert_caught(self.marker, "before its directory")
        self.assertTrue(any("without its directory" in each for each in self.consumer.violations))

    def test_the_marker_first_by_a_moment(self) -> None:
        def plant() -> None:
            self.marker()
            self.publish()

        self.assert_caught(plant, "before its directory")

    def test_a_directory_without_all_its_files(self) -> None:
        self.assert_caught(lambda: self.publish(leave_out="source_dropbox.txt"), "without all its files")

    def test_a_directory_filled_in_place(self) -> None:
        self.assert_caught(lambda: self.item(self.box), "not renamed into it")

    def test_other_data(self) -> None:
        def plant() -> None:
            directory = self.item(self.work)
            (directory / "x.bin").write_bytes(b"dat")
            os.rename(directory, self.box / "x.bin")

        self.assert_caught(plant, "other data")

    def test_anything_else(self) -> None:
        self.assert_caught(lambda: (self.box / "x.part").touch(), "x.part")

    def test_published_twice(self) -> None:
        def plant() -> None:
            self.publish()
            self.marker()
            wait_until(lambda: "x.bin" in self.consumer.taken, 30, "it is taken away")
            wait_until(lambda: not list(self.box.iterdir()), 30, "the dropbox is empty")
            self.publish()
            self.marker()

        self.assert_caught(plant, "twice")


if __name__ == "__main__":
    main()
