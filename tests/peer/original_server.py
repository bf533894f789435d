"""An original server (1.0.3) as the contract describes it: our client must work against it unchanged.

It stores directory/NAME and directory/NAME.sha256sum, forgets every session when it is restarted, and knows
neither resume nor options: frames beyond those that it knows are ignored, whatever they hold.
"""
from __future__ import annotations

import hashlib
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Optional

import zmq

from tests.peer import keys as certificates
from tests.peer import wire

CHUNK_SIZE = 120 * 1024
CREDIT = 200
UNKNOWN = "Unknown connection."


class ZapHandler(threading.Thread):
    """Answers libzmq's question (RFC 27) from the certificates in a directory."""

    def __init__(self, context: zmq.Context, clients: Path) -> None:
        super().__init__(daemon=True)
        self._clients = clients
        self._stopping = threading.Event()
        self._socket = context.socket(zmq.REP)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind("inproc://zeromq.zap.01")
        self.start()

    def _user(self, key: bytes) -> Optional[str]:
        for file in sorted(self._clients.glob("*.key")):
            if certificates.load_public(file) == zmq.utils.z85.encode(key):
                return certificates.user_of(file)
        return None

    def run(self) -> None:
        while not self._stopping.is_set():
            if not self._socket.poll(20):
                continue
            version, request, _domain, _address, _identity, mechanism, *credentials = self._socket.recv_multipart()
            user = self._user(credentials[0]) if mechanism == b"CURVE" else None
            status = (b"200", b"OK", user.encode()) if user else (b"400", b"Unknown key", b"")
            self._socket.send_multipart([version, request, *status, b""])
        self._socket.close()

    def stop(self) -> None:
        self._stopping.set()
        self.join()


@dataclass
class Session:
    name: str
    part: Path
    file: BinaryIO
    credit: int
    seek: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class Problem(Exception):
    """What the client hears as an error; the original's code is mostly 500."""

    def __init__(self, message: str, code: int = 500) -> None:
        super().__init__(message)
        self.code = code


ARGUMENTS = {b"post-file": 3, b"post-chunk": 4, b"query-status": 0, b"error": 2}


def parse_as_original(frames: list[bytes]) -> wire.ClientMessage:
    """Trailing frames that the original does not know are ignored."""
    known = ARGUMENTS.get(frames[0], len(frames)) if frames else 0
    return wire.parse_client(frames[: 1 + known])


class OriginalServer:
    """Serves in a thread of its own. `home` holds server.key_secret and clients/."""

    def __init__(self, home: Path, store: Path, port: int = 0, credit: int = CREDIT, chunk_size: int = CHUNK_SIZE,
                 maxqueue: Optional[int] = None) -> None:
        self._home = home
        self._store = store
        self._credit = credit
        self._chunk_size = chunk_size
        self._maxqueue = maxqueue if maxqueue is not None else credit
        self._port = port
        self._stopping = threading.Event()
        self._sessions: dict[tuple[str, bytes], Session] = {}
        self.posts = 0  # post-file messages since the start
        self.queries = 0
        self.dropped = 0  # chunks at a wrong seek
        self.start()

    @property
    def port(self) -> int:
        return self._port

    @property
    def endpoint(self) -> str:
        return f"tcp://127.0.0.1:{self._port}"

    @property
    def live(self) -> int:
        return len(self._sessions)

    def start(self) -> None:
        own = certificates.load(self._home / "server.key_secret")
        self._stopping.clear()
        self._context = zmq.Context()
        self._zap = ZapHandler(self._context, self._home / "clients")
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.setsockopt(zmq.ZAP_DOMAIN, b"global")
        self._socket.curve_server = True
        self._socket.curve_publickey, self._socket.curve_secretkey = own.public, own.secret
        if self._port:
            self._socket.bind(self.endpoint)
        else:
            self._port = self._socket.bind_to_random_port("tcp://127.0.0.1")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._zap.stop()
        self._context.term()

    def restart(self) -> None:
        """The same port, and all sessions are forgotten."""
        self.stop()
        self.start()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            if self._socket.poll(20):
                frames = self._socket.recv_multipart(copy=False)
                user = str(frames[-1].get("User-Id"))  # type: ignore[arg-type]
                self._handle(frames[0].bytes, user, [frame.bytes for frame in frames[1:]])
        for session in self._sessions.values():
            session.file.close()
            session.part.unlink()
        self._sessions.clear()
        self._socket.close()

    def _handle(self, peer: bytes, user: str, frames: list[bytes]) -> None:
        try:
            for answer in self._answers((user, peer), parse_as_original(frames)):
                self._socket.send_multipart([peer, *answer])
        except (Problem, wire.Malformed) as problem:
            self._forget((user, peer))
            code = problem.code if isinstance(problem, Problem) else 400
            self._socket.send_multipart([peer, *wire.error(code, str(problem))])

    def _forget(self, who: tuple[str, bytes]) -> None:
        session = self._sessions.pop(who, None)
        if session is not None:
            session.file.close()
            session.part.unlink(missing_ok=True)

    def _answers(self, who: tuple[str, bytes], message: wire.ClientMessage) -> list[list[bytes]]:
        if isinstance(message, wire.PostFile):
            return self._open(who, message)
        session = self._sessions.get(who)
        if session is None:
            raise Problem(UNKNOWN)
        if isinstance(message, wire.QueryStatus):
            self.queries += 1
            return [wire.status_report(session.seek, session.credit)]
        if isinstance(message, wire.PostChunk):
            return self._take(who, session, message)
        self._forget(who)
        return []

    def _open(self, who: tuple[str, bytes], message: wire.PostFile) -> list[list[bytes]]:
        self.posts += 1
        if who in self._sessions:
            raise Problem("This connection has an upload already.")
        if "/" in message.filename or message.filename.startswith("."):
            raise Problem("Invalid filename.", 400)
        part = self._store / f".{uuid.uuid4().hex}.part"
        self._sessions[who] = Session(message.filename, part, open(part, "wb"), self._credit)
        return [wire.upload_approved(self._credit, self._chunk_size, self._maxqueue)]

    def _take(self, who: tuple[str, bytes], session: Session, chunk: wire.PostChunk) -> list[list[bytes]]:
        if chunk.seek != session.seek:
            self.dropped += 1
            return []
        if chunk.last:  # its data is ignored
            return self._finish(who, session, chunk)
        session.file.write(chunk.data)
        session.digest.update(chunk.data)
        session.seek += len(chunk.data)
        session.credit -= 1
        if session.credit > self._credit // 2:
            return []
        amount = self._credit - session.credit
        session.credit = self._credit
        return [wire.transfer_credit(amount)]

    def _finish(self, who: tuple[str, bytes], session: Session, chunk: wire.PostChunk) -> list[list[bytes]]:
        if chunk.sha256 != session.digest.digest():
            raise Problem("Checksums do not match.")
        session.file.close()
        target = self._store / session.name
        session.part.rename(target)
        target.with_name(target.name + ".sha256sum").write_text(f"{session.digest.hexdigest()}\t{session.name}")
        del self._sessions[who]
        return [wire.upload_finished(uuid.uuid4().hex)]
