"""Power cuts at chosen moments: not a byte or name more than what was synced is left, and nothing of it is missed."""
from __future__ import annotations

import io
import threading

from tests.e2e import archives, store
from tests.e2e.harness import main
from tests.e2e.power_case import LOST, MIB, PowerCase, Slow
from tests.e2e.timing import PATIENCE, say, wait_until
from tests.peer.dync_client import Upload
from tests.peer.original_client import Habits, Refused
from tests.peer.raw import NoAnswer

# Where the committer is when the power goes; before, between and after the two renames.
STEPS = ("commit.5.prepared", "commit.7.renamed", "commit.8.renamed")


class DurableTest(PowerCase):
    CHECKPOINT = 1024 * MIB

    def test_right_after_the_receipt(self) -> None:
        """File and archive, small and large, are there with all that belongs to them, and in the ledger."""
        files = [self.file(f"{name}.bin", size) for name, size in (("small", 1), ("large", 3 * MIB + 5))]
        archive = self.lab / "sent.tar"
        archive.write_bytes(archives.tar("top/", ("top/a", b"alpha"), "top/below/", ("top/below/b", bytes(70000))))
        self.assert_sent(self.sender.send(*files))
        self.assert_sent(self.sender.send(archive, "-kuntar:True"))
        client = self.sender.original()
        client.upload(io.BytesIO(b"by an original"), "original.raw")
        client.close()
        self.power_cut()
        self.power_on()
        for file in files:
            self.assert_stored(file, "any")
        self.assertEqual((self.server.dropbox("any") / "original.raw" / "original.raw").read_bytes(), b"by an original")
        self.assertEqual(set(store.tree(self.server.dropbox("tar") / "top")), {"a", "below", "below/b"})
        self.assertEqual(len(self.server.ledger.uploads("committed")), 4)  # and the check after the test looks at each

    def test_what_waits_for_its_client_goes_on(self) -> None:
        upload = Upload("waits.bin", self.rng.randbytes(5 * MIB))
        with self.sender.peer() as first, self.sender.peer() as second:
            first.send_until(first.open(upload), 3 * MIB)
            self.assertEqual(second.open(upload).position, 3 * MIB, "taken over, so it was parked and synced")
            self.power_cut()
        self.power_on()
        with self.sender.peer() as third:
            transfer = third.open(upload)
            self.assertEqual(transfer.position, 3 * MIB)
            third.finish(transfer)
        item = self.server.dropbox("any") / "waits.bin"
        self.assertEqual((item / "waits.bin").read_bytes(), upload.data)

    def test_an_original_out_of_reach(self) -> None:
        """It keeps 100 chunks of 256 KiB, and the server has nothing that was synced."""
        source = Slow(self.rng.randbytes(48 * MIB))
        client = self.sender.original(Habits(receive_timeout=1.0))
        ended: list[object] = []

        def upload() -> None:
            try:
                ended.append(client.upload(source, "far.raw"))
            except Exception as problem:  # the test tells it
                ended.append(problem)

        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        wait_until(lambda: source.tell() > 40 * MIB, 60, "more than it keeps is sent")
        source.pause = 0.5
        self.power_cut()
        self.power_on()
        source.pause = 0.0
        thread.join(100)
        client.close()
        (end,) = ended
        self.assertIsInstance(end, Refused, f"{end!r}\n{self.server.log()[-3000:]}")
        self.assertIn(LOST, str(end))
        self.assertEqual(list(self.server.dropbox("any").iterdir()), [])


class CheckpointTest(PowerCase):
    EXPECTED_ERRORS = (r"worker\.died worker=committer .*Bus error",)  # its -shm no longer grows when the power goes

    def test_what_a_checkpoint_holds_is_there(self) -> None:
        upload = Upload("held.bin", self.rng.randbytes(8 * MIB))
        with self.sender.peer() as first:
            first.send_until(first.open(upload), 5 * MIB)
            wait_until(lambda: self.durable_bytes() >= 2 * MIB, 60, "a checkpoint is recorded")
            self.power_cut()
        held = self.durable_bytes()
        self.power_on()
        with self.sender.peer() as second:
            transfer = second.open(upload)
            self.assertEqual(transfer.position, held)
            second.finish(transfer)
        item = self.server.dropbox("any") / upload.name
        self.assertEqual((item / upload.name).read_bytes(), upload.data)

    def durable_bytes(self) -> int:
        """What the ledger says to be sure of the one upload."""
        (row,) = self.server.ledger.query("SELECT durable_bytes FROM sessions")
        return int(row["durable_bytes"])


class CommitTest(PowerCase):
    EXPECTED_ERRORS = ("committer",)

    def test_in_the_middle_of_a_commit(self) -> None:
        for step in STEPS:
            with self.subTest(step):
                self.server.stop()
                self.server.environment["DYNC_CRASH_AT"] = step
                self.power_on()
                upload = Upload(f"{step}.bin", self.rng.randbytes(70000))
                with self.sender.peer() as peer:
                    transfer = peer.open(upload)
                    self.assertRaises(NoAnswer, peer.finish, transfer, 0.2)
                wait_until(lambda: "signal 9" in self.server.log().rpartition("server.ready")[2], 5 * PATIENCE, "it came there")
                self.power_cut()
                del self.server.environment["DYNC_CRASH_AT"]
                self.power_on()
                with self.sender.peer() as peer:
                    peer.upload(upload)
                item = self.server.dropbox("any") / upload.name
                self.assertEqual((item / upload.name).read_bytes(), upload.data)


if __name__ == "__main__":
    main()
