"""What takes its time by contract: an original that falls silent, and a committer that does."""
from __future__ import annotations

import os
import signal
import time

from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import PATIENCE, promise, say
from tests.peer import wire


class IdleTest(ServerTest):
    EXTRA = "limits: {idle_timeout: 10}\n"  # the shortest there is

    def test_a_silent_original_ends_with_408(self) -> None:
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("silent.bin"), wire.UploadApproved)
            peer.send(wire.post_chunk(0, b"data"))
            start = time.monotonic()
            error = peer.expect(wire.Error, 10 * PATIENCE)
            say(f"408 after {time.monotonic() - start:.1f} s of silence (limits.idle_timeout is 10 s)")
            self.assertEqual(error.code, 408, error.message)
            self.assertGreater(time.monotonic() - start, 9)
        promise("the ledger tells it", 2, lambda: [r["error_code"] for r in self.server.ledger.uploads()] == [408])
        (row,) = self.server.ledger.uploads()
        self.assertIn(row["state"], ("failed", "aborted"))
        promise("its partial is removed", 2, lambda: not (self.server.layout.staging / row["upload_id"]).exists())


class CommitterTest(ServerTest):
    EXPECTED_ERRORS = ("committer",)

    def test_a_silent_committer_means_503(self) -> None:
        (committer,) = self.server.workers("dync-committer")
        os.kill(committer, signal.SIGSTOP)
        try:
            with self.sender.raw() as peer:
                start = time.monotonic()
                error = peer.ask(wire.post_file("waiting.bin"), wire.Error, 20 * PATIENCE)
                say(f"503 after {time.monotonic() - start:.1f} s (the committer has 20 s)")
                self.assertEqual(error.code, 503, error.message)
        finally:
            os.kill(committer, signal.SIGCONT)
        file = self.file("later.bin", 1000)
        self.assert_sent(self.sender.send(file))
        self.assert_stored(file, "any")


if __name__ == "__main__":
    main()
