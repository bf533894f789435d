"""Who has no listed key, or not this session: nothing gets in, nobody is disturbed."""
from __future__ import annotations

import hashlib
import selectors
import socket
import time
from typing import Optional

import zmq

from tests.e2e.harness import STOLEN_ROUTING_ID, ServerTest, main
from tests.e2e.timing import PATIENCE, say, scaled, wait_until
from tests.peer import wire
from tests.peer.proxy import Proxy
from tests.peer.raw import RawPeer

HANDSHAKE = 10.0  # promised: a connection that does not shake hands is closed within 10 s
GREETING = b"\xff" + bytes(8) + b"\x7f"  # ZMTP 3: signature


def greeting(mechanism: bytes, major: int = 3) -> bytes:
    return GREETING + bytes([major, 0]) + mechanism.ljust(20, b"\0") + b"\0" + bytes(31)


class ConnectionTest(ServerTest):
    def test_connections_that_are_none(self) -> None:
        says = {
            "silence": b"",
            "garbage": bytes(range(200)) * 10,
            "an HTTP request": b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n",
            "ZMTP 1": b"\x11\x00" + b"0123456789abcdef",
            "ZMTP 2": GREETING + b"\x01\x05\x00\x00",
            "half a greeting": GREETING + b"\x03",
            "NULL": greeting(b"NULL") + b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER",
            "PLAIN": greeting(b"PLAIN") + b"\x04\x0f\x05HELLO\x04user\x04pass",
            "a frame of 2^63 bytes": greeting(b"CURVE") + b"\x06" + (2**63).to_bytes(8, "big") + bytes(100),
            "a frame of 2^63 bytes at once": b"\xff" + (2**63 - 1).to_bytes(8, "big") + b"\x01",
        }
        host, port = self.server.address.removeprefix("tcp://").split(":")
        start = time.monotonic()
        open_ones = {}
        for what, text in says.items():
            connection = socket.create_connection((host, int(port)))
            connection.sendall(text)
            connection.setblocking(False)
            open_ones[connection] = what
        self._await_closed(open_ones, start)
        self.assertEqual(self.server.ledger.uploads(), [])
        self.assert_serves()

    def _await_closed(self, open_ones: dict[socket.socket, str], start: float) -> None:
        with selectors.DefaultSelector() as selector:
            for each in open_ones:
                selector.register(each, selectors.EVENT_READ)
            while open_ones:
                left = start + HANDSHAKE * PATIENCE - time.monotonic()
                self.assertGreater(left, 0, f"still open: {list(open_ones.values())}")
                for key, _ in selector.select(left):
                    connection = key.fileobj
                    assert isinstance(connection, socket.socket)
                    if self._ended(connection):
                        selector.unregister(connection)
                        what = open_ones.pop(connection)
                        say(f"closed: {what}: {time.monotonic() - start:.2f} s (promised {HANDSHAKE:g} s)")
                        connection.close()

    @staticmethod
    def _ended(connection: socket.socket) -> bool:
        try:
            return connection.recv(65536) == b""
        except ConnectionError:
            return True

    def assert_serves(self) -> None:
        file = self.file("afterwards.bin", 100_000)
        self.assert_sent(self.sender.send(file))
        self.assert_stored(file, "any")

    def test_an_unlisted_key_never_gets_in(self) -> None:
        for number in range(scaled(100, 10)):
            with RawPeer(self.server.address, self.server.public_key) as stranger:
                stranger.send(wire.post_file(f"stranger{number}.bin"))
                self.assertFalse(stranger.await_handshake(30))
                self.assertIsNone(stranger.receive(0))
        self.assertEqual(self.server.ledger.uploads(), [])
        self.assert_serves()

    def test_a_wrong_server_key(self) -> None:
        public, _ = zmq.curve_keypair()
        with RawPeer(self.server.address, public, self.sender.keys) as peer:
            peer.send(wire.post_file("x.bin"))
            self.assertIsNone(peer.receive(2))
        self.assertEqual(self.server.ledger.uploads(), [])

    def test_our_client_with_an_unlisted_key_ends(self) -> None:
        stranger = self.another_sender("user2", listed=False)
        file = self.file("never.bin", 10)
        done = stranger.send("--timeout=5", file)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertTrue(done.stderr)
        self.assertEqual(self.server.ledger.uploads(), [])

    def test_revoked_in_mid_upload(self) -> None:
        """403 for every kind of message, and not one byte more is taken."""
        revoked = self.another_sender("user2")
        revoked.await_listed()
        for opts in (None, {"dync": 2, "key": "ab" * 16}):
            with self.subTest(ours=opts is not None), revoked.raw() as peer:
                name = "ours.bin" if opts else "original.bin"
                peer.ask(wire.post_file(name, b"{}", opts), wire.UploadApproved)
                peer.send(wire.post_chunk(0, b"data"))
                revoked.revoke_key()
                wait_until(lambda: self._hears_403(peer), 20, "the revoked key hears 403")
                for frames in (wire.post_chunk(4, b"more"), wire.post_file("next.bin", b"{}", opts),
                               wire.post_chunk(4, b"", hashlib.sha256(b"data").digest())):
                    self.assertEqual(self._insist(peer, frames).code, 403, frames[0])
                (row,) = self.server.ledger.named(name)
                self.assertNotEqual(row["state"], "committed")
                staged = self.server.layout.staging / row["upload_id"] / "data"
                self.assertLessEqual(staged.stat().st_size if staged.exists() else 0, 4)
                revoked.list_key()
                revoked.await_listed()
        self.assertEqual(list(self.server.dropbox("any").iterdir()), [])
        self.assert_serves()

    def test_another_users_routing_id(self) -> None:
        self.expected_errors += STOLEN_ROUTING_ID
        thief_user = self.another_sender("user2")
        thief_user.await_listed()
        data = b"of the victim"
        proxy = self.enterContext(Proxy(("127.0.0.1", self.server.port)))
        with self.sender.raw(endpoint=proxy.endpoint) as victim:
            victim.ask(wire.post_file("victim.bin"), wire.UploadApproved)
            victim.send(wire.post_chunk(0, data[:5]))
            with thief_user.raw(routing_id=victim.routing_id) as thief:
                for frames in (wire.post_chunk(5, b"of the thief"), wire.query_status(), wire.error(400, "Stop it.")):
                    error = self._insist(thief, frames)
                    self.assertEqual(error.code, 403, error.message)
                    self.assertNotIn("victim", error.message)
            proxy.cut()
            self._go_on(victim, data)
        self.assertEqual((self.server.dropbox("any") / "victim.bin" / "victim.bin").read_bytes(), data)

    @staticmethod
    def _hears_403(peer: RawPeer) -> bool:
        """Before the key is out it hears something else."""
        peer.send(wire.query_status())
        message = peer.receive(0.3)
        return isinstance(message, wire.Error) and message.code == 403

    def _insist(self, thief: RawPeer, frames: list[bytes]) -> wire.Error:
        """It asks until it hears something."""
        def answer() -> Optional[wire.ServerMessage]:
            thief.send(frames)
            return thief.receive(0.3)

        message = wait_until(answer, 30, f"an answer to {frames[0]!r}")
        assert isinstance(message, wire.Error), f"the thief got {message}"
        return message

    def _go_on(self, victim: RawPeer, data: bytes) -> None:
        """The thief has left. libzmq 4.3.4 leaves the victim's old connection open but mute, so only its next one,
        with the same routing id, goes on."""
        last = wire.post_chunk(len(data), b"", hashlib.sha256(data).digest())

        seek = 5

        def finished() -> bool:
            nonlocal seek
            victim.send(wire.post_chunk(seek, data[seek:]))
            victim.send(last)
            message = victim.receive(0.5)
            self.assertNotIsInstance(message, wire.Error, f"{message}")
            if isinstance(message, wire.StatusReport):
                seek = message.seek
            return isinstance(message, wire.UploadFinished)

        wait_until(finished, 60, "the victim finishes")


if __name__ == "__main__":
    main()
