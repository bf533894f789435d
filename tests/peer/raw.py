"""A raw CURVE DEALER that sends any frames and reads what comes back."""
from __future__ import annotations

import time
import uuid
from types import TracebackType
from typing import Callable, Optional, Sequence, Type, TypeVar

import zmq
from zmq.utils.monitor import recv_monitor_message

from tests.peer import wire
from tests.peer.keys import KeyPair

Message = TypeVar("Message")


class NoAnswer(Exception):
    """The server said nothing of that kind in time."""


class RawPeer:
    """One connection. Deadlines are in seconds."""

    def __init__(self, endpoint: str, server_public: bytes, keys: Optional[KeyPair] = None,
                 routing_id: Optional[bytes] = None, configure: Optional[Callable[[zmq.Socket], None]] = None) -> None:
        self.routing_id = routing_id if routing_id is not None else uuid.uuid4().bytes
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IDENTITY, self.routing_id)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.SNDTIMEO, 30_000)  # libzmq drops the pipe of a connection whose key was refused
        if keys is None:
            keys = KeyPair(*zmq.curve_keypair())
        self.socket.curve_serverkey = server_public
        self.socket.curve_publickey, self.socket.curve_secretkey = keys.public, keys.secret
        if configure is not None:
            configure(self.socket)
        self._monitor = self.socket.get_monitor_socket()
        self.socket.connect(endpoint)

    def __enter__(self) -> "RawPeer":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def close(self, linger: float = 0.0) -> None:
        """What was sent last may need `linger` seconds; without them it is lost."""
        if not self.socket.closed:
            self.socket.disable_monitor()
            self.socket.close(int(linger * 1000))
            self._monitor.close(0)
            self._context.term()

    def send(self, frames: Sequence[bytes]) -> None:
        self.socket.send_multipart(list(frames))

    def receive(self, seconds: float) -> Optional[wire.ServerMessage]:
        """The next message, or None if none came in time."""
        if not self.socket.poll(int(seconds * 1000)):
            return None
        return wire.parse_server(self.socket.recv_multipart())

    def drain(self, quiet: float = 0.0) -> list[wire.ServerMessage]:
        """All that has come, and comes until nothing did for `quiet` seconds."""
        messages = []
        while (message := self.receive(quiet)) is not None:
            messages.append(message)
        return messages

    def expect(self, kind: Type[Message], seconds: float = 30.0) -> Message:
        """The next message of this kind; others are skipped, but an unexpected error ends the wait."""
        end = time.monotonic() + seconds
        skipped: list[object] = []
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if isinstance(message, kind):
                return message
            if isinstance(message, wire.Error):
                raise NoAnswer(f"waited for {kind.__name__}, got {message}")
            if message is not None:
                skipped.append(message)
        raise NoAnswer(f"no {kind.__name__} within {seconds} s; got {skipped}")

    def ask(self, frames: Sequence[bytes], kind: Type[Message], seconds: float = 30.0) -> Message:
        self.send(frames)
        return self.expect(kind, seconds)

    def await_handshake(self, seconds: float) -> bool:
        """True if the server let us in, False if it refused our key."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not self._monitor.poll(int(left * 1000)):
                break
            event = recv_monitor_message(self._monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return True
            if event in (zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL):
                return False
        raise NoAnswer(f"the handshake neither succeeded nor failed within {seconds} s")
