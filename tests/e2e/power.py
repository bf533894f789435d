"""The tree that a power cut leaves: only what was synced, as libdync-fault.so kept it (ops/fault/power.cc), or with it
whatever the kernel may have written by itself."""
from __future__ import annotations

import fcntl
import os
import random
import shutil
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Optional

from tests.e2e.fault import Faults

FS_IOC_GETVERSION = 0x80087601
RECORDED, OFF = 1, 2
FILE, DIRECTORY = b"file", b"directory"


def key_of(path: Path) -> str:
    """As key_of() in power.cc."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        generation = struct.unpack("=I4x", fcntl.ioctl(fd, FS_IOC_GETVERSION, bytes(8)))[0]
        return f"{os.fstat(fd).st_ino}-{generation}"
    finally:
        os.close(fd)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@dataclass
class Entry:
    kind: bytes
    mode: int
    key: str
    name: str


@dataclass
class Listing:
    sequence: int = -1
    entries: list[Entry] = field(default_factory=list)


class Disk:
    """The directories `roots` of one machine, while all that its processes sync is recorded."""

    def __init__(self, faults: Faults, roots: Iterable[Path]) -> None:
        self._faults = faults
        self.roots = list(roots)

    # ---- before ----

    def record(self) -> None:
        """What is there now counts as durable."""
        for file in self._faults.durable.iterdir():
            file.unlink()
        self._faults.set("sequence", 0)
        for root in self.roots:
            self._keep_directory(root)
        self._faults.set("sequence", 1)
        self._faults.set("power", RECORDED)

    def _keep_directory(self, directory: Path) -> None:
        text = b"directory 0\n"
        for path in directory.iterdir():
            kind = DIRECTORY if path.is_dir() else FILE
            text += b"%s %d %s %s\0" % (kind, mode_of(path), key_of(path).encode(), os.fsencode(path.name))
            if path.is_dir():
                self._keep_directory(path)
            else:
                self._durable(key_of(path)).write_bytes(b"file %d\n" % mode_of(path) + path.read_bytes())
        self._durable(key_of(directory)).write_bytes(text)

    # ---- the cut ----

    def freeze(self) -> None:
        """From this moment on nothing gets durable. Kill all processes then."""
        self._faults.set("power", OFF)

    def restore(self, rng: random.Random, journal: Optional[bool]) -> str:
        """Replaces the roots by what the cut has left; how that was chosen. `journal`: None leaves it to `rng`."""
        self._faults.set("power", 0)
        if journal is None:
            journal = rng.random() < 0.5
        trees = self._after_journal(rng) if journal else self._synced_only()
        for root, tree in trees.items():
            fresh = root.with_name(f"{root.name}.after")
            fresh.mkdir()
            os.chmod(fresh, mode_of(root))
            self._write(fresh, tree)
            shutil.rmtree(root)
            fresh.rename(root)
        return "names by the journal" if journal else "only what was synced"

    def _write(self, directory: Path, tree: dict[str, "Node"]) -> None:
        for name, node in tree.items():
            path = directory / name
            if node.children is None:
                path.write_bytes(node.content)
            else:
                path.mkdir()
                self._write(path, node.children)
            os.chmod(path, node.mode)

    # ---- only what was synced: an inode in two directories is where it was synced last ----

    def _synced_only(self) -> dict[Path, dict[str, "Node"]]:
        homes: dict[str, tuple[int, str, str]] = {}
        for root in self.roots:
            self._claim(key_of(root), homes)
        return {root: self._tree(key_of(root), homes) for root in self.roots}

    def _claim(self, directory: str, homes: dict[str, tuple[int, str, str]]) -> None:
        listing = self._listing(directory)
        for entry in listing.entries:
            claim = (listing.sequence, directory, entry.name)
            homes[entry.key] = max(homes.get(entry.key, claim), claim)
            if entry.kind == DIRECTORY:
                self._claim(entry.key, homes)

    def _tree(self, directory: str, homes: dict[str, tuple[int, str, str]]) -> dict[str, "Node"]:
        tree = {}
        for entry in self._listing(directory).entries:
            if homes[entry.key][1:] != (directory, entry.name):
                continue
            if entry.kind == DIRECTORY:
                tree[entry.name] = Node(entry.mode, self._tree(entry.key, homes))
            else:
                tree[entry.name] = Node(entry.mode, None, self._content(entry.key) or b"")
        return tree

    # ---- the journal wrote all names; of what was never synced, the kernel wrote some ----

    def _after_journal(self, rng: random.Random) -> dict[Path, dict[str, "Node"]]:
        return {root: self._present(root, rng) for root in self.roots}

    def _present(self, directory: Path, rng: random.Random) -> dict[str, "Node"]:
        tree = {}
        for path in sorted(directory.iterdir()):
            if path.is_dir():
                tree[path.name] = Node(mode_of(path), self._present(path, rng))
            else:
                written = path.read_bytes() if rng.random() < 0.5 else self._content(key_of(path))
                tree[path.name] = Node(mode_of(path), None, written or b"")
        return tree

    # ---- what libdync-fault.so kept ----

    def _durable(self, key: str) -> Path:
        return self._faults.durable / key

    def _listing(self, key: str) -> Listing:
        try:
            head, _, rest = self._durable(key).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return Listing()
        entries = []
        for text in rest.split(b"\0")[:-1]:
            kind, mode, child, name = text.split(b" ", 3)
            entries.append(Entry(kind, int(mode), child.decode(), os.fsdecode(name)))
        return Listing(int(head.split()[1]), entries)

    def _content(self, key: str) -> Optional[bytes]:
        try:
            return self._durable(key).read_bytes().partition(b"\n")[2]
        except FileNotFoundError:
            return None


@dataclass
class Node:
    mode: int
    children: Optional[dict[str, "Node"]] = None
    content: bytes = b""
