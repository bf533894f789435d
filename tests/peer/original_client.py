"""An original client (1.0.3) as the contract describes it: it must work against our server unchanged.

It knows no options, no resume and no heartbeats, and it has one routing id for its life: libzmq reconnects by itself.
While its source is silent it reads there and says nothing at all. It dies of what it can't follow.

Run by hand: python3 -m tests.peer.original_client --help
"""
from __future__ import annotations

import argparse
import hashlib
import json
import sys
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Optional, Union

import zmq

from tests.peer import keys as certificates
from tests.peer import wire
from tests.peer.keys import KeyPair


class Refused(Exception):
    """The server sent an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Died(Exception):
    """The server sent what an original can't survive."""


class GaveUp(Exception):
    """The server said nothing for too long."""


@dataclass(frozen=True)
class Chunk:
    seek: int
    data: bytes
    last: bool


class Window:
    """The chunks of one file: new ones are read from the source, the last `maxqueue` are kept for sending again."""

    def __init__(self, source: BinaryIO, chunk_size: int, maxqueue: int) -> None:
        self._source = source
        self._chunk_size = chunk_size
        self._kept: deque[Chunk] = deque(maxlen=maxqueue)
        self._again: deque[Chunk] = deque()
        self._end = 0
        self._digest = hashlib.sha256()
        self.finished = False

    @property
    def digest(self) -> bytes:
        return self._digest.digest()

    def next(self) -> Chunk:
        """After the end: an empty last chunk, each time anew, and each pushes a kept one out."""
        if self._again:
            return self._again.popleft()
        data = self._source.read(self._chunk_size)
        chunk = Chunk(self._end, data, last=not data)
        self._digest.update(data)
        self._end += len(data)
        self._kept.append(chunk)
        self.finished = chunk.last
        return chunk

    @property
    def pending(self) -> bool:
        return bool(self._again) or not self.finished

    def rewind(self, seek: int) -> None:
        """Only to the start of a chunk that is kept; where the next one would begin is no such place."""
        if not self._kept:
            raise Died(f"a status-report ({seek}) before the first chunk")
        starts = [chunk.seek for chunk in self._kept]
        if seek not in starts:
            raise Died(f"can't rewind to {seek}: {len(starts)} chunks are kept, from {starts[0]} to {starts[-1]}")
        self._again = deque(list(self._kept)[starts.index(seek):])


@dataclass(frozen=True)
class Habits:
    """An original waits 30 s; tests make that short. `attentive`: it looks for messages between two chunks."""

    receive_timeout: float = 30.0
    approval_timeout: float = 30.0  # of the answer to post-file, after which it gives up
    tries: int = 120
    attentive: bool = False
    chunk_size: Optional[int] = None  # smaller than the server allows


class OriginalClient:
    """Sends one file over one connection."""

    def __init__(self, endpoint: str, server_public: bytes, keys: KeyPair, habits: Habits = Habits(),
                 routing_id: Optional[bytes] = None) -> None:
        self._habits = habits
        self._began = time.monotonic()
        self.approved = threading.Event()
        self.rewinds: list[int] = []  # where status-reports sent it back to
        self.queries = 0
        self.trace: deque[str] = deque(maxlen=60)  # its last messages, for who looks for a fault
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, routing_id or uuid.uuid4().bytes)
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.curve_serverkey = server_public
        self._socket.curve_publickey, self._socket.curve_secretkey = keys.public, keys.secret
        self._socket.connect(endpoint)

    def close(self) -> None:
        self._socket.close()
        self._context.term()

    def upload(self, source: BinaryIO, name: str, metadata: Optional[dict[str, object]] = None) -> str:
        """The upload's id. Raises Refused, Died or GaveUp."""
        self._socket.send_multipart(wire.post_file(name, json.dumps(metadata or {})))
        approved = self._receive(self._habits.approval_timeout)
        if approved is None:
            raise GaveUp(f"no answer to post-file within {self._habits.approval_timeout} s")
        if not isinstance(approved, wire.UploadApproved):
            raise Died(f"{approved} in answer to post-file")
        self.approved.set()
        chunk_size = min(self._habits.chunk_size or approved.chunksize, approved.chunksize)
        return self._transfer(Window(source, chunk_size, approved.maxqueue), approved.credit)

    def _transfer(self, window: Window, credit: int) -> str:
        while True:
            credit = self._send_what_is_allowed(window, credit)
            message = self._await_message()
            if isinstance(message, wire.UploadFinished):
                return message.upload_id
            if isinstance(message, wire.StatusReport):
                window.rewind(message.seek)
                self.rewinds.append(message.seek)
                credit = message.credit
            elif isinstance(message, wire.TransferCredit):
                credit += message.amount
                if not window.pending:  # after its end each credit message costs one more empty chunk
                    self._send(window)
                    credit = max(0, credit - 1)
            else:
                raise Died(f"{message} in the middle of a transfer")

    def _send_what_is_allowed(self, window: Window, credit: int) -> int:
        """The credit that is left: some, if there is nothing more to send, or if a message came between two chunks."""
        while credit > 0 and window.pending:
            self._send(window)
            credit -= 1
            if self._habits.attentive and self._socket.poll(0):
                break
        return credit

    def _send(self, window: Window) -> None:
        chunk = window.next()
        self._socket.send_multipart(wire.post_chunk(chunk.seek, chunk.data, window.digest if chunk.last else None))
        self._note(f"> {'last' if chunk.last else 'chunk'} {chunk.seek} +{len(chunk.data)}")

    def _await_message(self) -> wire.ServerMessage:
        for _ in range(self._habits.tries):
            message = self._receive(self._habits.receive_timeout)
            if message is not None:
                return message
            self.queries += 1
            self._note("> query-status")
            self._socket.send_multipart(wire.query_status())
        self._socket.send_multipart(wire.error(408, "The server does not answer."))
        raise GaveUp(f"no answer to {self._habits.tries} query-status")

    def _note(self, text: str) -> None:
        self.trace.append(f"{time.monotonic() - self._began:.3f} {text}")

    def _receive(self, seconds: float) -> Optional[wire.ServerMessage]:
        if not self._socket.poll(int(seconds * 1000)):
            return None
        message = parse_as_original(self._socket.recv_multipart())
        self._note(f"< {message}")
        if isinstance(message, wire.Error):
            raise Refused(message.code, message.message)
        return message


ARGUMENTS = {b"upload-approved": 3, b"transfer-credit": 1, b"status-report": 2, b"upload-finished": 1, b"error": 2}


def parse_as_original(frames: list[bytes]) -> wire.ServerMessage:
    """Trailing frames that the original does not know are ignored."""
    return wire.parse_server(frames[: 1 + ARGUMENTS.get(frames[0], len(frames))])


def upload_file(endpoint: str, server_public: bytes, keys: KeyPair, path: Union[str, Path], name: Optional[str] = None,
                metadata: Optional[dict[str, object]] = None, receive_timeout: float = 30.0,
                chunk_size: Optional[int] = None) -> str:
    client = OriginalClient(endpoint, server_public, keys, Habits(receive_timeout, chunk_size=chunk_size))
    try:
        with open(path, "rb") as source:
            return client.upload(source, name or Path(path).name, metadata)
    finally:
        client.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Sends files as the original client does.")
    parser.add_argument("--config-dir", type=Path, default=Path.home() / ".dync")
    parser.add_argument("--port", type=int, default=8889)
    parser.add_argument("--receive-timeout", type=float, default=30.0)
    parser.add_argument("server")
    parser.add_argument("files", nargs="+", type=Path)
    args = parser.parse_args()
    own = certificates.load(args.config_dir / "client.key_secret")
    server_public = certificates.load_public(args.config_dir / "server.key")
    for path in args.files:
        endpoint = f"tcp://{args.server}:{args.port}"
        print(path, upload_file(endpoint, server_public, own, path, receive_timeout=args.receive_timeout))
    return 0


if __name__ == "__main__":
    sys.exit(main())
