"""Archives, good and bad, made in memory."""
from __future__ import annotations

import gzip
import io
import tarfile
from typing import Callable, Union

Entry = Union[str, tuple[str, bytes], tarfile.TarInfo]


def member(name: str, data: bytes = b"", **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def tar(*entries: Entry, fmt: int = tarfile.PAX_FORMAT) -> bytes:
    """A name that ends in / is a directory; (name, data) is a file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=fmt) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
            elif isinstance(entry, tuple):
                archive.addfile(member(entry[0], entry[1]), io.BytesIO(entry[1]))
            else:
                archive.addfile(member(entry.rstrip("/"), type=tarfile.DIRTYPE, mode=0o755))
    return buffer.getvalue()


def special(kind: bytes, name: str = "top/special", linkname: str = "") -> tarfile.TarInfo:
    return member(name, type=kind, linkname=linkname)


def with_path_override(path: str) -> bytes:
    """The header says top/innocent, the extended one says something else."""
    return tar("top/", member("top/innocent", pax_headers={"path": path}))


def base256(number: int) -> bytes:
    """How GNU tar writes a number that is too large for octal digits."""
    return b"\x80" + number.to_bytes(11, "big")


def sparse(size: int) -> bytes:
    """GNU sparse: a file of `size` bytes that is nothing but a hole."""
    info = member("top/sparse")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = base256(size) + base256(0)  # one extent, empty, at the end
    header[483:495] = base256(size)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return tar("top/")[:512] + bytes(header) + bytes(1024)


FILES = {"top/a.txt": b"alpha\n", "top/sub/b.bin": bytes(range(256)) * 50, "top/empty": b""}
GOOD = tar("top/", "top/sub/", *FILES.items())


def ten_members(extra: int = 0) -> bytes:
    return tar("top/", *((f"top/f{number}", b"x") for number in range(9 + extra)))


BAD: dict[str, Callable[[], bytes]] = {
    "eleven members": lambda: ten_members(1),
    "a symlink": lambda: tar("top/", special(tarfile.SYMTYPE, linkname="/etc/passwd")),
    "a symlink and a write through it": lambda: tar("top/", special(tarfile.SYMTYPE, "top/d", "/tmp"), ("top/d/x", b"x")),
    "TOP is a symlink": lambda: tar(special(tarfile.SYMTYPE, "top", "/etc")),
    "a hard link": lambda: tar("top/", ("top/a", b"a"), special(tarfile.LNKTYPE, linkname="top/a")),
    "a hard link to outside": lambda: tar("top/", special(tarfile.LNKTYPE, linkname="/etc/passwd")),
    "a character device": lambda: tar("top/", special(tarfile.CHRTYPE)),
    "a block device": lambda: tar("top/", special(tarfile.BLKTYPE)),
    "a FIFO": lambda: tar("top/", special(tarfile.FIFOTYPE)),
    "an absolute path": lambda: tar(("/tmp/dync-absolute", b"x")),
    "an absolute path inside": lambda: tar("top/", ("/top/a", b"x")),
    "dot dot": lambda: tar("top/", ("top/../../escaped", b"x")),
    "dot dot first": lambda: tar(("../escaped", b"x")),
    "dot dot within TOP": lambda: tar("top/", "top/sub/", ("top/sub/../a", b"x")),
    "a PAX path with dot dot": lambda: with_path_override("top/../../escaped"),
    "an absolute PAX path": lambda: with_path_override("/tmp/dync-absolute"),
    "two top-level entries": lambda: tar("top/", ("top/a", b"x"), "other/"),
    "two top-level files": lambda: tar(("one", b"x"), ("two", b"x")),
    "TOP is not clean": lambda: tar("my top/", ("my top/a", b"x")),
    "TOP is hidden": lambda: tar(".top/", (".top/a", b"x")),
    "TOP is a marker": lambda: tar((".MARKER_is_finished_top", b"")),
    "TOP is a dot": lambda: tar("./", ("./a", b"x"), ("./b", b"x")),
    "a name twice": lambda: tar("top/", ("top/a", b"1"), ("top/a", b"2")),
    "names that differ in case": lambda: tar("top/", ("top/a", b"1"), ("top/A", b"2")),
    "a file that is a directory too": lambda: tar("top/", ("top/a", b"1"), ("top/a/b", b"2")),
    "truncated": lambda: GOOD[:1900],
    "truncated gzip": lambda: gzip.compress(GOOD)[:-9],
    "two archives, one after the other": lambda: GOOD + GOOD,
    "data after the end": lambda: GOOD + b"more",
    "data after the gzip": lambda: gzip.compress(GOOD) + b"more",
    "two gzip streams": lambda: gzip.compress(GOOD) + gzip.compress(GOOD),
    "a bad header checksum": lambda: GOOD[:512] + b"x" + GOOD[513:],
    "sparse, 1 TB": lambda: sparse(2**40),
    "a ratio of a thousand": lambda: gzip.compress(tar("top/", ("top/zeros", bytes(40_000_000)))),
}

