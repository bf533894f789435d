"""A client of dync's own kind, from section 4 of the contract alone: a key for each upload, options at the end of
post-file, resume and takeover by the key, and several uploads over one connection.

It sends byte strings. Every step can be made alone, so that a test can stop, lose or repeat it.
"""
from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field, replace
from typing import Optional, Union

from tests.peer import wire
from tests.peer.raw import NoAnswer, RawPeer

Answer = Union[wire.UploadApproved, wire.UploadFinished]


class Refused(Exception):
    """The server sent an error."""

    def __init__(self, error: wire.Error) -> None:
        super().__init__(f"{error.code}: {error.message}")
        self.code, self.message, self.options = error.code, error.message, error.options or {}


@dataclass(frozen=True)
class Upload:
    """What is to be sent, and by which key it is known. size None: a stream, which declares neither size nor mtime."""

    name: str
    data: bytes = field(repr=False)
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    metadata: str = "{}"
    stream: bool = False
    mtime_ns: int = 1_700_000_000_000_000_000

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()

    def options(self, **more: object) -> wire.Json:
        guards = {} if self.stream else {"size": len(self.data), "mtime_ns": self.mtime_ns}
        return {"dync": 2, "key": self.key, **guards, **more}

    def post(self, **more: object) -> list[bytes]:
        return wire.post_file(self.name, self.metadata, self.options(**more))

    def chunk(self, seek: int, size: int) -> list[bytes]:
        return wire.post_chunk(seek, self.data[seek:seek + size])

    def last(self) -> list[bytes]:
        """An empty last chunk."""
        return wire.post_chunk(len(self.data), b"", self.sha256)

    def another(self, **changes: object) -> "Upload":
        """Another upload that differs by this and by its key."""
        return replace(self, **{"key": secrets.token_hex(16), **changes})  # type: ignore[arg-type]


@dataclass
class Transfer:
    """Where one upload stands on this connection."""

    upload: Upload
    upload_id: str
    chunksize: int
    position: int
    credit: int
    last_sent: bool = False


class DyncClient(RawPeer):
    """One connection. `chunk_size` bounds the chunks below what the server allows; `repeat` sends each message so
    many times. Raises Refused, or NoAnswer when the time is over."""

    chunk_size = 1 << 20
    repeat = 1
    query_after = 20.0  # an idle client says that it lives

    def say(self, frames: list[bytes]) -> None:
        for _ in range(self.repeat):
            self.send(frames)

    # ---- post-file ----

    def post(self, upload: Upload, seconds: float = 30.0, **more: object) -> Answer:
        """The approval or the receipt. Whatever belongs to an upload before it is not listened to."""
        self.say(upload.post(**more))
        return self.await_answer(upload, seconds)

    def await_answer(self, upload: Upload, seconds: float = 30.0) -> Answer:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if isinstance(message, wire.Error) and (message.options or {}).get("key") in (None, upload.key):
                raise Refused(message)
            if isinstance(message, wire.UploadApproved) and (message.options or {}).get("key") == upload.key:
                return message
            receipt = (message.receipt or {}) if isinstance(message, wire.UploadFinished) else {}
            if receipt.get("sha256") == upload.sha256.hex():
                return message
        raise NoAnswer(f"no answer to post-file of {upload.name} within {seconds} s")

    def open(self, upload: Upload, seconds: float = 30.0, **more: object) -> Transfer:
        """A transfer that begins where the server says."""
        approved = self.post(upload, seconds, **more)
        if not isinstance(approved, wire.UploadApproved):
            raise NoAnswer(f"{approved} where an approval was awaited")
        return self.begin(upload, approved)

    @staticmethod
    def begin(upload: Upload, approved: wire.UploadApproved) -> Transfer:
        options = approved.options or {}
        return Transfer(upload, str(options["upload_id"]), approved.chunksize, int(options["seek"]), approved.credit)

    # ---- chunks ----

    def send_until(self, transfer: Transfer, until: int, seconds: float = 60.0) -> None:
        """Sends data up to `until`, as credit comes, and waits until the server says that it has it."""
        end = time.monotonic() + seconds
        while transfer.position < until:
            if transfer.credit:
                self._send_chunk(transfer, until)
            else:
                self._heed(transfer, end)
        self.say(wire.query_status())
        report = self.expect(wire.StatusReport, max(0.0, end - time.monotonic()))
        if report.seek != until:
            raise NoAnswer(f"the server has {report.seek} bytes, {until} were sent")
        transfer.credit = report.credit

    def finish(self, transfer: Transfer, seconds: float = 60.0) -> wire.UploadFinished:
        """Everything that is left, and the receipt."""
        end = time.monotonic() + seconds
        while True:
            while transfer.credit and transfer.position < len(transfer.upload.data):
                self._send_chunk(transfer, len(transfer.upload.data))
            if transfer.credit and not transfer.last_sent:
                self.say(transfer.upload.last())
                transfer.credit -= 1
                transfer.last_sent = True
            finished = self._heed(transfer, end)
            if finished is not None:
                return finished

    def upload(self, upload: Upload, seconds: float = 60.0, **more: object) -> wire.UploadFinished:
        """From post-file to the receipt."""
        answer = self.post(upload, seconds, **more)
        return answer if isinstance(answer, wire.UploadFinished) else self.finish(self.begin(upload, answer), seconds)

    def _send_chunk(self, transfer: Transfer, until: int) -> None:
        size = min(self.chunk_size, transfer.chunksize, until - transfer.position)
        self.say(transfer.upload.chunk(transfer.position, size))
        transfer.position += size
        transfer.credit -= 1

    def _heed(self, transfer: Transfer, end: float) -> Optional[wire.UploadFinished]:
        """One message of the server. A receipt of another upload is none."""
        left = end - time.monotonic()
        if left <= 0:
            raise NoAnswer(f"{transfer.upload.name} did not end in time; the client is at {transfer}")
        message = self.receive(min(left, self.query_after))
        if message is None:
            self.say(wire.query_status())
        elif isinstance(message, wire.Error):
            raise Refused(message)
        elif isinstance(message, wire.TransferCredit):
            transfer.credit += message.amount
        elif isinstance(message, wire.StatusReport):
            transfer.position, transfer.credit, transfer.last_sent = message.seek, message.credit, False
        elif isinstance(message, wire.UploadFinished) and message.upload_id == transfer.upload_id:
            return message
        return None
