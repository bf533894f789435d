"""Who looks at a dropbox all the time and notes what is whole when it appears; and a consumer that waits for no marker:
it takes item and marker away at the moment when each appears."""
from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

from tests.e2e import store
from tests.e2e.consumer import Inotify
from tests.e2e.store import MARKER


class Watcher(threading.Thread):
    """`items`: item to its files with their sha256, as they were when it appeared. `violations` stays empty if nothing
    was published twice, and no marker without its item."""

    def __init__(self, dropbox: Path) -> None:
        super().__init__(daemon=True)
        self.dropbox = dropbox
        self.items: dict[str, dict[str, str]] = {}
        self.markers: set[str] = set()
        self.violations: list[str] = []
        self.looks = 0
        self._inotify = Inotify(dropbox)
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            self._inotify.read(0.05)
            self.look()
        self._inotify.close()

    def stop(self) -> None:
        self._ended.set()
        self.join()

    def end(self) -> None:
        """Looks once more, then no more."""
        self.stop()
        self.look()

    def look(self) -> None:
        self.looks += 1
        names = os.listdir(self.dropbox)
        for name in names:
            if not name.startswith(MARKER):
                self.see_item(name)
        for name in names:
            if name.startswith(MARKER):
                self._check_item_of(name)
                self.see_marker(name)

    def _check_item_of(self, marker: str) -> None:
        """The listing may have missed an item that appeared while it was made; then it is there now."""
        item = marker.removeprefix(MARKER)
        if item not in self.items and (self.dropbox / item).exists():
            self.see_item(item)
        if item not in self.items:
            self.violations.append(f"{marker} came without its item")

    def see_item(self, name: str) -> None:
        if name not in self.items:
            self.items[name] = store.tree(self.dropbox / name)

    def see_marker(self, name: str) -> None:
        self.markers.add(name)


class Snatcher(Watcher):
    """With `keep` false only the checksums of what it took stay."""

    def __init__(self, dropbox: Path, place: Path, keep: bool = True) -> None:
        super().__init__(dropbox)
        self._place, self._keep = place, keep
        place.mkdir()

    def see_item(self, name: str) -> None:
        if name in self.items:
            self.violations.append(f"{name} was published twice")
            return
        os.rename(self.dropbox / name, self._place / name)
        self.items[name] = store.tree(self._place / name)
        if not self._keep:
            shutil.rmtree(self._place / name)

    def see_marker(self, name: str) -> None:
        if name in self.markers:
            self.violations.append(f"{name} was published twice")
        self.markers.add(name)
        os.unlink(self.dropbox / name)


class Patient(Snatcher):
    """A consumer as they should be: the item is taken when its marker is there."""

    def see_item(self, name: str) -> None:
        if (self.dropbox / f"{MARKER}{name}").exists():
            super().see_item(name)
