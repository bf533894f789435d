"""A consumer of a dropbox: it watches by inotify and by polling, takes data sets away as their markers appear,
and notes everything that a consumer must never see."""
from __future__ import annotations

import ctypes
import hashlib
import os
import select
import shutil
import struct
import threading
from pathlib import Path

from tests.e2e.store import MARKER

IN_CREATE, IN_MOVED_TO, IN_Q_OVERFLOW, IN_ISDIR = 0x100, 0x80, 0x4000, 0x40000000
EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Inotify:
    """Names that appear in one directory, in their order."""

    def __init__(self, directory: Path) -> None:
        self.fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or _libc.inotify_add_watch(self.fd, os.fsencode(directory), IN_CREATE | IN_MOVED_TO) < 0:
            raise OSError(ctypes.get_errno(), f"inotify on {directory}")

    def read(self, seconds: float) -> list[tuple[int, str]]:
        if not select.select([self.fd], [], [], seconds)[0]:
            return []
        data, found, at = os.read(self.fd, 1 << 20), [], 0
        while at < len(data):
            _, mask, _, length = EVENT.unpack_from(data, at)
            at += EVENT.size + length
            found.append((mask, data[at - length:at].rstrip(b"\0").decode()))
        return found

    def close(self) -> None:
        os.close(self.fd)


class Consumer(threading.Thread):
    """`violations` stays empty if the server keeps its promise. `taken`: item to sha256, once each."""

    def __init__(self, dropbox: Path, trash: Path) -> None:
        super().__init__(daemon=True)
        self.dropbox = dropbox
        self.taken: dict[str, str] = {}
        self.violations: list[str] = []
        self.polls = 0
        self.events = 0
        self._trash = trash
        self._announced: set[str] = set()  # items of which inotify told
        self._inotify = Inotify(dropbox)
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            for mask, name in self._inotify.read(0.001):
                self.events += 1
                self._hear(mask, name)
            self.polls += 1
            self._poll()
        self._inotify.close()

    def end(self) -> None:
        self._ended.set()
        self.join()

    def _violation(self, text: str) -> None:
        if text not in self.violations:
            self.violations.append(text)

    # ---- by inotify: the order in which names appear ----

    def _hear(self, mask: int, name: str) -> None:
        if mask & IN_Q_OVERFLOW:
            self._violation("inotify lost events: the watcher is too slow")
        elif name.startswith(MARKER):
            if name.removeprefix(MARKER) not in self._announced:
                self._violation(f"the marker of {name.removeprefix(MARKER)} came before its directory")
        elif mask & IN_ISDIR:
            self._announced.add(name)
            if mask & IN_CREATE:
                self._violation(f"{name} was made in the dropbox, not renamed into it")
            if name not in self.taken:
                self._check_whole(name)
        else:
            self._violation(f"{name} appeared in the dropbox")

    # ---- by polling: what is there at any moment ----

    def _poll(self) -> None:
        for name in os.listdir(self.dropbox):
            if name.startswith(MARKER):
                self._take(name.removeprefix(MARKER))
            else:
                self._check_whole(name)

    def _take(self, item: str) -> None:
        directory, marker = self.dropbox / item, self.dropbox / f"{MARKER}{item}"
        if item in self.taken:
            self._violation(f"{item} was published twice")
        if not directory.is_dir():
            self._violation(f"the marker of {item} is there without its directory")
        elif self._check_whole(item):
            self.taken[item] = hashlib.sha256((directory / item).read_bytes()).hexdigest()
            os.rename(directory, self._trash / item)
            shutil.rmtree(self._trash / item)
        marker.unlink()

    def _check_whole(self, item: str) -> bool:
        """All five files, and the data has the checksum beside it."""
        directory = self.dropbox / item
        names = {item, f"{item}.sha256sum", f"{item}.origlabfilename", f"{item}.metadata.json", "source_dropbox.txt"}
        if not directory.is_dir():
            if directory.exists() or item not in self.taken:
                self._violation(f"{item} is in the dropbox, and is no directory")
            return False
        if set(os.listdir(directory)) != names:
            self._violation(f"{item} was visible without all its files: {sorted(os.listdir(directory))}")
            return False
        digest = hashlib.sha256((directory / item).read_bytes()).hexdigest()
        if (directory / f"{item}.sha256sum").read_text() != f"{digest}\t{item}":
            self._violation(f"{item} was visible with other data than its checksum says")
            return False
        return True
