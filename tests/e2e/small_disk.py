"""A file system of a few MiB on a loop device, and a stranger who fills it."""
from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

MIB = 1024 * 1024


class SmallDisk:
    """Mounted at `path` until close(). Needs root; where it can't be mounted the test fails."""

    def __init__(self, size: int = 64 * MIB) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="dync-disk-", dir=os.environ.get("DYNC_TEST_DIR")))
        self._image = self._directory / "image"
        self.path = self._directory / "disk"
        self.path.mkdir()
        with open(self._image, "wb") as image:
            image.truncate(size)
        self._run("mkfs.ext4", "-q", "-m", "0", str(self._image))
        self._run("mount", "-o", "loop", str(self._image), str(self.path))
        (self.path / "lost+found").rmdir()

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"

    @property
    def free(self) -> int:
        room = os.statvfs(self.path)
        return room.f_bavail * room.f_frsize

    @property
    def _foreign(self) -> Path:
        return self.path / "foreign"

    def fill(self, leave: int = 0) -> None:
        """A stranger takes all but `leave` bytes, to the last block if that is 0."""
        with open(self._foreign, "ab") as file:
            take = self.free - leave
            while take > 0:
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, min(take, MIB))
                except OSError:
                    break
                take = self.free - leave
            try:
                while leave == 0:
                    os.write(file.fileno(), bytes(4096))
            except OSError:
                pass

    def empty(self) -> None:
        self._foreign.unlink()

    def close(self) -> None:
        done = subprocess.run(["umount", str(self.path)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self._run("umount", "-l", str(self.path))
        self._image.unlink()
        self.path.rmdir()
        self._directory.rmdir()
        assert done.returncode == 0, f"somebody still used the disk: {done.stderr}"
