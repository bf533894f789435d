"""What a result was measured with, in one sentence for the documents."""
from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from tests.bench import disk

TELLING = ("aes", "sha_ni", "avx2", "avx512f", "vaes", "sha2", "sve")  # what ciphers and hashes are fast by


def describe(prefix: Path, directory: Path) -> str:
    cpu = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)", cpu, re.M)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)", cpu, re.M)
    known = set(flags.group(1).split()) if flags else set()
    can = ", ".join(flag for flag in TELLING if flag in known)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    versions = ", ".join([_version([str(prefix / "bin" / "dync"), "--version"]), _version(["ssh", "-V"]),
                          _version(["rsync", "--version"])])
    return (f"{os.cpu_count()} cores of {model.group(1) if model else platform.machine()} ({can}), {memory} GiB, "
            f"Linux {platform.release()}, {disk.file_system(directory)}; {versions}.")


def _version(command: list[str]) -> str:
    """The first line up to the version."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    line = (done.stdout or done.stderr).strip().splitlines()[0]
    return " ".join(re.split(r",|\sprotocol", line)[0].split())
