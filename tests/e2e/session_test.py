"""What tests of sessions share: files, connections of clients of our kind, and how an upload stands."""
from __future__ import annotations

import hashlib
from typing import Callable, Optional

from tests.e2e.harness import Sender, ServerTest
from tests.peer import wire
from tests.peer.dync_client import DyncClient, Refused, Upload

KIB = 1024
CHUNK = 64 * KIB
HALF = 5 * CHUNK + 1000  # a position in mid-file that is no multiple of anything
SIZE = 10 * CHUNK + 77


def upload(name: str, seed: int = 0, size: int = SIZE) -> Upload:
    """Bytes that differ at each place and from those of another seed."""
    blocks = (hashlib.sha256(f"{seed} {at}".encode()).digest() for at in range(0, size, 32))
    return Upload(name, b"".join(blocks)[:size])


class SessionTest(ServerTest):
    def connect(self, sender: Optional[Sender] = None, **options: object) -> DyncClient:
        peer: DyncClient = self.enterContext((sender or self.sender).peer(**options))
        peer.chunk_size = CHUNK
        return peer

    def half(self, sent: Upload, peer: Optional[DyncClient] = None) -> DyncClient:
        """A connection over which HALF of it has come."""
        peer = peer or self.connect()
        peer.send_until(peer.open(sent), HALF)
        return peer

    def assert_refused(self, code: int, action: Callable[[], object]) -> Refused:
        with self.assertRaises(Refused) as caught:
            action()
        self.assertEqual(caught.exception.code, code, str(caught.exception))
        return caught.exception

    def assert_undisturbed(self, peer: DyncClient) -> None:
        """Nothing came but credit."""
        for message in peer.drain():
            self.assertIsInstance(message, wire.TransferCredit)

    def assert_committed_once(self, sent: Upload, clean: Optional[str] = None, copies: int = 1) -> None:
        clean = clean or sent.name
        stored = (self.server.dropbox("any") / clean / clean).read_bytes()
        self.assertEqual(hashlib.sha256(stored).hexdigest(), sent.sha256.hex(), clean)
        rows = [row for row in self.server.ledger.uploads("committed") if row["filename"] == sent.name]
        self.assertEqual(len(rows), copies)

    def assert_resumes_at(self, sent: Upload, position: int, peer: Optional[DyncClient] = None) -> None:
        peer = peer or self.connect()
        transfer = peer.open(sent)
        self.assertEqual(transfer.position, position, "it goes on where it was")
        peer.finish(transfer)
        self.assert_committed_once(sent)
