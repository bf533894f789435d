"""Many clients of both kinds in one thread: each sends the same bytes under its own name as its credit allows."""
from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Callable, Iterable, Optional, Sequence

import zmq

from tests.peer import wire
from tests.peer.keys import KeyPair

QUERY_AFTER = 20.0  # of silence


@dataclass(frozen=True)
class Load:
    """What each of them sends: `size` zeros in chunks of `chunk`."""

    size: int
    chunk: int

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(bytes(self.size)).digest()


class Member:
    """One client. `granted`: chunks that the server ever allowed it, which is what the server took and a window more."""

    def __init__(self, name: str, load: Load, socket: zmq.Socket, ours: bool) -> None:
        self.name, self.socket = name, socket
        self._load, self._last = load, wire.post_chunk(load.size, b"", load.sha256)
        self._block = bytes(load.chunk)
        self._options = {"dync": 2, "key": secrets.token_hex(16), "size": load.size, "mtime_ns": 0} if ours else None
        self._position = self._credit = 0
        self._last_sent = False
        self._heard = time.monotonic()
        self.granted = 0
        self.approved: Optional[float] = None
        self.finished: Optional[float] = None
        self.vanished = False
        self.error: Optional[wire.Error] = None

    @property
    def ended(self) -> bool:
        return self.finished is not None or self.vanished or self.error is not None

    @property
    def half_sent(self) -> bool:
        return self._position >= self._load.size // 2

    def post(self) -> None:
        self.socket.send_multipart(wire.post_file(self.name, b"{}", self._options))

    def hear(self) -> None:
        """All that has come for it."""
        self._heard = time.monotonic()
        while not self.ended and self.socket.poll(0):
            self._take(wire.parse_server(self.socket.recv_multipart()))

    def _take(self, message: wire.ServerMessage) -> None:
        if isinstance(message, wire.UploadApproved):
            self.approved = time.monotonic()
            self._grant(message.credit)
        elif isinstance(message, wire.TransferCredit):
            self._grant(message.amount)
        elif isinstance(message, wire.StatusReport):
            self._position, self._credit, self._last_sent = message.seek, message.credit, False
        elif isinstance(message, wire.UploadFinished):
            self.finished = time.monotonic()
        else:
            self.error = message

    def _grant(self, amount: int) -> None:
        self.granted += amount
        self._credit += amount

    def send(self) -> None:
        while self._credit and self._position < self._load.size:
            size = min(self._load.chunk, self._load.size - self._position)
            self.socket.send_multipart(wire.post_chunk(self._position, self._block[:size]))
            self._position += size
            self._credit -= 1
        if self._credit and not self._last_sent:
            self.socket.send_multipart(self._last)
            self._credit -= 1
            self._last_sent = True

    def ask_if_silent(self, now: float) -> None:
        if now > self._heard + QUERY_AFTER:
            self._heard = now
            self.socket.send_multipart(wire.query_status())

    def vanish(self) -> None:
        self.socket.close(0)
        self.vanished = True


class Crowd:
    """Its members share one context; all calls come from one thread."""

    def __init__(self, server_public: bytes, keys: KeyPair, load: Load) -> None:
        self._server_public, self._keys, self._load = server_public, keys, load
        self._context = zmq.Context()
        self._poller = zmq.Poller()
        self._by_socket: dict[zmq.Socket, Member] = {}

    def add(self, name: str, endpoint: str, ours: bool) -> Member:
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.IDENTITY, uuid.uuid4().bytes)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.curve_serverkey = self._server_public
        socket.curve_publickey, socket.curve_secretkey = self._keys.public, self._keys.secret
        socket.connect(endpoint)
        member = Member(name, self._load, socket, ours)
        self._by_socket[socket] = member
        self._poller.register(socket, zmq.POLLIN)
        return member

    def close(self) -> None:
        for socket in self._by_socket:
            socket.close(0)
        self._context.term()

    def vanish(self, member: Member) -> None:
        self._poller.unregister(member.socket)
        member.vanish()

    def run(self, until: Callable[[], bool], seconds: float, sending: bool) -> None:
        """Hears all and, if `sending`, lets them send, until the condition is true after a round."""
        end = time.monotonic() + seconds
        while not until():
            now = time.monotonic()
            if now > end:
                raise AssertionError(f"not within {seconds:.0f} s: {self._left()}")
            for socket, _ in self._poller.poll(100):
                self._by_socket[socket].hear()
                if sending and not self._by_socket[socket].ended:
                    self._by_socket[socket].send()
            for member in self._by_socket.values():
                if not member.ended:
                    member.ask_if_silent(now)

    def start(self) -> None:
        for member in self._by_socket.values():
            if not member.ended:
                member.send()

    def _left(self) -> str:
        left = [member for member in self._by_socket.values() if not member.ended]
        return f"{len(left)} of {len(self._by_socket)} have not ended, such as {[vars(m) for m in left[:2]]}"


def jain(shares: Sequence[float]) -> float:
    """1 when all are equal, 1/n when one has everything."""
    total = sum(shares)
    return total * total / (len(shares) * sum(share * share for share in shares)) if total else 0.0


def granted(members: Iterable[Member]) -> list[float]:
    return [float(member.granted) for member in members]
