"""Small file systems of a test's own, as root, always unmounted again."""
from __future__ import annotations

import subprocess
from pathlib import Path
from unittest import TestCase


def run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=100)


def mount(test: TestCase, directory: Path, *arguments: object) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    run("mount", *arguments, directory)
    test.addCleanup(run, "umount", "--lazy", directory)


def mount_tmpfs(test: TestCase, directory: Path, megabytes: int) -> None:
    mount(test, directory, "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs")


def mount_ext4(test: TestCase, directory: Path, image: Path, megabytes: int) -> None:
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    run("mkfs.ext4", "-q", "-F", image)
    mount(test, directory, "-o", "loop", image)


def mount_bind(test: TestCase, directory: Path, source: Path) -> None:
    source.mkdir(parents=True, exist_ok=True)
    mount(test, directory, "--bind", source)
