"""A process that recovers dies at each point of its way back, and the next one once more."""
from __future__ import annotations

import os
import signal
import shutil
import uuid
from pathlib import Path

from tests.e2e import store
from tests.e2e.crash_matrix import COMMITTER_STARTS, RECEIVER_STARTS, ROUNDS, CrashMatrix
from tests.e2e.crash_points import points_of
from tests.e2e.flights import MIB, Flight
from tests.e2e.harness import START, main
from tests.e2e.timing import PATIENCE, wait_until
from tests.peer.dync_client import Upload

SET_ASIDE, MENDED = "recover.2.set_aside", "recover.3.mended"
GREETED = "recover.6.greeted"
EXPIRED = "commit.2.expired"


class RecoveryMatrix(CrashMatrix):
    def fly(self, point: str) -> list[Flight]:
        return self.flights()

    def test_committer(self) -> None:
        points = [point for point in points_of("committer") if point.startswith("recover.")
                  and point not in (SET_ASIDE, MENDED)]
        triggers = {point: self.rng.choice(("commit.1.opened", "commit.5.data_moved", "commit.7.renamed"))
                    for point in points}
        triggers[GREETED] = "receive.2.written"
        self.turns(points, COMMITTER_STARTS, self.fly, triggers)

    def test_receiver(self) -> None:
        points = [point for point in points_of("receiver") if point.startswith("restore.")]
        self.turns(points, RECEIVER_STARTS, self.fly, {point: "receive.2.written" for point in points})

    # ---- what only damage leads to ----

    def die_at(self, point: str) -> None:
        """The committer is killed, and the next one dies at the point."""
        self.tokens.lay(point)
        [committer] = self.server.workers("dync-committer")
        os.kill(committer, signal.SIGKILL)
        wait_until(lambda: not self.tokens.left(), START * PATIENCE, f"{point} is passed")

    def staged(self, upload_id: str) -> Path:
        return self.server.layout.staging / upload_id

    def test_an_orphan_is_set_aside(self) -> None:
        for _ in range(ROUNDS):
            with self.sender.peer() as peer:
                upload = Upload("known.bin", self.rng.randbytes(MIB))
                transfer = peer.open(upload)
                orphan = uuid.UUID(bytes=self.rng.randbytes(16), version=4).hex
                self.staged(orphan).mkdir()
                stamp = (self.staged(transfer.upload_id) / "stamp").read_text()
                (self.staged(orphan) / "data").write_bytes(b"somebody's")
                (self.staged(orphan) / "stamp").write_text(stamp.replace(transfer.upload_id, orphan))
                self.die_at(SET_ASIDE)
                aside = self.server.layout.staging / store.ORPHANS / orphan
                wait_until(aside.exists, START * PATIENCE, "the orphan is set aside")
                peer.finish(transfer)
            self.assertFalse(self.staged(orphan).exists())
            self.assertEqual((aside / "data").read_bytes(), b"somebody's")
            shutil.rmtree(aside)
            self.take_away("known.bin")

    def test_a_row_without_files_gets_them_again(self) -> None:
        for _ in range(ROUNDS):
            with self.sender.peer() as peer:
                upload = Upload("mended.bin", self.rng.randbytes(MIB))
                transfer = peer.open(upload)
                shutil.rmtree(self.staged(transfer.upload_id))
                self.die_at(MENDED)
                wait_until((self.staged(transfer.upload_id) / "stamp").exists, START * PATIENCE, "its stamp is there")
                peer.finish(transfer)
            item = self.server.dropbox("any") / "mended.bin"
            self.assertEqual(store.sha256(item / "mended.bin"), upload.sha256.hex())
            self.take_away("mended.bin")

    def take_away(self, name: str) -> None:
        item = self.server.dropbox("any") / name
        shutil.rmtree(item)
        store.marker_of(item).unlink()
        self.consumed.add(name)


class ExpiryMatrix(CrashMatrix):
    EXTRA = "limits: {partial_ttl: 1}\n"

    def test_a_partial_expires(self) -> None:
        """The committer dies when it is durable that a partial has expired: it expires once, and nothing is left."""
        self.tokens.lay(EXPIRED)
        with self.sender.peer() as peer:
            transfer = peer.open(Upload("partial.bin", self.rng.randbytes(2 * MIB)))
            peer.send_until(transfer, MIB)
        wait_until(lambda: not self.tokens.left(), 20 * PATIENCE, "the partial expires")
        wait_until(lambda: not self.staged_directories(), START * PATIENCE, "its staging is gone")
        [row] = self.server.ledger.named("partial.bin")
        self.assertEqual(row["state"], "expired")
        events = [event["event"] for event in self.server.ledger.events(row["upload_id"])]
        self.assertEqual(events.count("expired"), 1)

    def staged_directories(self) -> list[Path]:
        return [entry for entry in self.server.layout.staging.iterdir() if entry.name != store.ORPHANS]


if __name__ == "__main__":
    main()
