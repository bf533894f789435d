"""One large file: bit-identical, with flat memory, hashed from the slots and written past the page cache."""
from __future__ import annotations

import time

from tests.e2e.harness import ServerTest, main
from tests.e2e.sampler import MIB, Sampler
from tests.e2e.timing import SANITIZED, say, scaled

MEMORY = 64 * MIB  # anonymous, of receiver and hasher each, beside the slots


class LargeTest(ServerTest):
    def test_two_gibibytes(self) -> None:
        size = scaled(2048, 64) * MIB
        file = self.file("large.raw", size)
        pids = {f"{name} {pid}": pid for name in ("dync-receiver", "dync-hasher") for pid in self.server.workers(name)}
        self.assertGreaterEqual(len(pids), 2)
        sampler = Sampler(pids)
        sampler.start()
        start = time.monotonic()
        done = self.sender.send(file)
        seconds = time.monotonic() - start
        sampler.end()
        self.assert_sent(done)
        say(f"{size // MIB} MiB in {seconds:.1f} s, {size / 1e6 / seconds:.0f} MB/s; most anonymous memory: {sampler}")
        row = self.assert_stored(file, "any")
        self.assertEqual(row["bytes_received"], size)
        self.assertGreater(sampler.samples, 10)
        if not SANITIZED:
            for name, most in sampler.most.items():
                self.assertLess(most, MEMORY, name)
        self.assert_fast_path(row["upload_id"], size)
        file.unlink()

    def assert_fast_path(self, upload_id: str, size: int) -> None:
        details = {event["event"]: event["detail"] for event in self.server.ledger.events(upload_id)}
        received, verified = details["received"], details["verified"]
        say(f"received {received}, verified {verified}")
        self.assertEqual(received["direct"] + received["buffered"], size)
        self.assertEqual(verified["from_slots"] + verified["from_file"], size)
        self.assertGreaterEqual(received["direct"], 0.95 * size)
        self.assertGreaterEqual(verified["from_slots"], 0.95 * size)
        self.assertLessEqual(received["unhashed_at_last"], 32 * MIB)


if __name__ == "__main__":
    main()
