"""The frames of dync's wire protocol, written from section 4 of the contract alone.

Nothing here shares code with the programs: what both sides agree on is proven by talking.
"""
from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any, Optional, Sequence, Union

LAST = 1  # bit 0 of post-chunk's flags
Json = dict[str, Any]


class Malformed(ValueError):
    """Frames that no peer may send."""


def u32(number: int) -> bytes:
    return struct.pack(">I", number)


def u64(number: int) -> bytes:
    return struct.pack(">Q", number)


def read_u32(frame: bytes) -> int:
    if len(frame) != 4:
        raise Malformed(f"a u32 has 4 bytes, this one has {len(frame)}")
    return int(struct.unpack(">I", frame)[0])


def read_u64(frame: bytes) -> int:
    if len(frame) != 8:
        raise Malformed(f"a u64 has 8 bytes, this one has {len(frame)}")
    return int(struct.unpack(">Q", frame)[0])


def _as_bytes(text: Union[str, bytes]) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _as_json(value: Union[Json, str, bytes]) -> bytes:
    return json.dumps(value).encode() if isinstance(value, dict) else _as_bytes(value)


# ---- what a client says ----


@dataclass(frozen=True)
class PostFile:
    flags: int
    filename: str
    metadata: str
    options: Optional[Json] = None


@dataclass(frozen=True)
class PostChunk:
    flags: int
    seek: int
    data: bytes
    sha256: Optional[bytes] = None

    @property
    def last(self) -> bool:
        return bool(self.flags & LAST)


@dataclass(frozen=True)
class QueryStatus:
    pass


@dataclass(frozen=True)
class Error:
    code: int
    message: str
    options: Optional[Json] = None


ClientMessage = Union[PostFile, PostChunk, QueryStatus, Error]


def post_file(filename: Union[str, bytes], metadata: Union[Json, str, bytes] = b"{}",
              options: Optional[Union[Json, str, bytes]] = None, flags: int = 0) -> list[bytes]:
    frames = [b"post-file", u32(flags), _as_bytes(filename), _as_json(metadata)]
    return frames if options is None else frames + [_as_json(options)]


def post_chunk(seek: int, data: bytes, sha256: Optional[bytes] = None, flags: Optional[int] = None) -> list[bytes]:
    """With a checksum it is the last chunk, unless `flags` says otherwise."""
    if flags is None:
        flags = 0 if sha256 is None else LAST
    frames = [b"post-chunk", u32(flags), u64(seek), data]
    return frames if sha256 is None else frames + [sha256]


def query_status() -> list[bytes]:
    return [b"query-status"]


def parse_client(frames: Sequence[bytes]) -> ClientMessage:
    if not frames:
        raise Malformed("a message without frames")
    command, args = frames[0], frames[1:]
    if command == b"post-file" and len(args) >= 3:
        options = json.loads(args[3]) if len(args) > 3 else None
        return PostFile(read_u32(args[0]), args[1].decode(), args[2].decode(), options)
    if command == b"post-chunk" and len(args) >= 3:
        return PostChunk(read_u32(args[0]), read_u64(args[1]), args[2], args[3] if len(args) > 3 else None)
    if command == b"query-status":
        return QueryStatus()
    if command == b"error" and len(args) >= 2:
        return Error(read_u32(args[0]), args[1].decode())
    raise Malformed(f"{command!r} with {len(args)} arguments is no message of a client")


# ---- what a server says ----


@dataclass(frozen=True)
class UploadApproved:
    credit: int
    chunksize: int
    maxqueue: int
    options: Optional[Json] = None


@dataclass(frozen=True)
class TransferCredit:
    amount: int


@dataclass(frozen=True)
class StatusReport:
    seek: int
    credit: int


@dataclass(frozen=True)
class UploadFinished:
    upload_id: str
    receipt: Optional[Json] = None


ServerMessage = Union[UploadApproved, TransferCredit, StatusReport, UploadFinished, Error]


def upload_approved(credit: int, chunksize: int, maxqueue: int) -> list[bytes]:
    return [b"upload-approved", u32(credit), u32(chunksize), u32(maxqueue)]


def transfer_credit(amount: int) -> list[bytes]:
    return [b"transfer-credit", u32(amount)]


def status_report(seek: int, credit: int) -> list[bytes]:
    return [b"status-report", u64(seek), u32(credit)]


def upload_finished(upload_id: str) -> list[bytes]:
    return [b"upload-finished", upload_id.encode()]


def error(code: int, message: str) -> list[bytes]:
    return [b"error", u32(code), message.encode()]


def _options(args: Sequence[bytes], index: int) -> Optional[Json]:
    if len(args) <= index:
        return None
    value = json.loads(args[index])
    if not isinstance(value, dict):
        raise Malformed(f"options are a JSON object, not {args[index]!r}")
    return value


def parse_server(frames: Sequence[bytes]) -> ServerMessage:
    """Strict: exactly the frames of the table, with our optional one at the end."""
    if not frames:
        raise Malformed("a message without frames")
    command, args = frames[0], frames[1:]
    count = len(args)
    if command == b"upload-approved" and count in (3, 4):
        return UploadApproved(read_u32(args[0]), read_u32(args[1]), read_u32(args[2]), _options(args, 3))
    if command == b"transfer-credit" and count == 1:
        return TransferCredit(read_u32(args[0]))
    if command == b"status-report" and count == 2:
        return StatusReport(read_u64(args[0]), read_u32(args[1]))
    if command == b"upload-finished" and count in (1, 2):
        return UploadFinished(args[0].decode(), _options(args, 1))
    if command == b"error" and count in (2, 3):
        return Error(read_u32(args[0]), args[1].decode(), _options(args, 2))
    raise Malformed(f"{command!r} with {count} arguments is no message of a server")
