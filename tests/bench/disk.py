"""The disk under the test: is it steady, and is there room?"""
from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.bench.loads import MIB


def probe(directory: Path, size: int) -> float:
    """Bytes a second: a new file of `size` bytes is written and synced. The file stays until the end."""
    directory.mkdir(parents=True, exist_ok=True)
    block = os.urandom(MIB)
    path = directory / f"probe-{time.monotonic_ns()}"
    start = time.monotonic()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        for _ in range(size // MIB):
            os.write(descriptor, block)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return size / (time.monotonic() - start)


def sync(path: Path) -> None:
    """All of the file system that holds this path."""
    subprocess.run(["sync", "-f", path], check=True)


def free(path: Path) -> int:
    return shutil.disk_usage(path).free


def file_system(path: Path) -> str:
    done = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", path], check=True, capture_output=True, text=True)
    return done.stdout.strip()
