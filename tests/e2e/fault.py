"""The control file of libdync-fault.so (ops/fault/control.h): calls that fail, a clock that jumps, a power cut."""
from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Optional

OPEN, WRITE, SYNC, RENAME, MAKE, CUT, ALLOCATE, REMOVE, READ, STREAM = (1 << bit for bit in range(10))
ALL = (1 << 10) - 1
_FIELDS = {"kinds": (0, "I"), "error": (4, "i"), "at": (8, "Q"), "for_good": (16, "I"), "power": (20, "I"),
           "calls": (24, "Q"), "failures": (32, "Q"), "sequence": (40, "Q"), "clock_shift": (48, "q")}
_TEXTS = {"program": (64, 64), "home": (128, 512), "prefix": (640, 512)}
_BYTES = 64 + 64 + 512 + 512


def library() -> str:
    value = os.environ.get("DYNC_FAULT_LIB")
    if not value:
        raise RuntimeError("DYNC_FAULT_LIB must name libdync-fault.so")
    return value


class Faults:
    """Everything below `home` is within reach. `environment` is for the programs that shall feel it."""

    def __init__(self, home: Path) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="dync-fault-", dir=os.environ.get("DYNC_TEST_DIR")))
        self.durable = self.directory / "durable"
        self.durable.mkdir()
        (self.directory / "control").write_bytes(bytes(_BYTES))
        with open(self.directory / "control", "r+b") as file:
            self._map = mmap.mmap(file.fileno(), _BYTES)
        self._text("home", f"{home}/")
        self.environment = {"LD_PRELOAD": library(), "DYNC_FAULT_DIR": str(self.directory)}

    def remove(self) -> None:
        self._map.close()
        shutil.rmtree(self.directory)

    # ---- calls that fail ----

    def arm(self, kinds: int, at: int, error: int = errno.EIO, for_good: bool = False, program: str = "",
            prefix: Optional[Path] = None) -> None:
        """The `at`-th call from now on fails, and with `for_good` each one after it."""
        self.disarm()
        self._text("program", program)
        self._text("prefix", str(prefix or ""))
        for name, value in (("error", error), ("at", at), ("for_good", int(for_good)), ("calls", 0), ("failures", 0),
                            ("kinds", kinds)):
            self.set(name, value)

    def disarm(self) -> None:
        self.set("kinds", 0)

    @property
    def calls(self) -> int:
        return self.get("calls")

    @property
    def failures(self) -> int:
        return self.get("failures")

    def log(self) -> list[str]:
        """One line for each call that failed."""
        file = self.directory / "log"
        return file.read_text(errors="replace").splitlines() if file.exists() else []

    # ---- the clock ----

    def shift_clock(self, seconds: float) -> None:
        self.set("clock_shift", int(seconds * 1e9))

    # ---- the layout ----

    def get(self, name: str) -> int:
        at, kind = _FIELDS[name]
        return int(struct.unpack_from(f"={kind}", self._map, at)[0])

    def set(self, name: str, value: int) -> None:
        at, kind = _FIELDS[name]
        struct.pack_into(f"={kind}", self._map, at, value)

    def _text(self, name: str, value: str) -> None:
        at, size = _TEXTS[name]
        data = os.fsencode(value)
        assert len(data) < size, f"{name} is too long: {value}"
        self._map[at:at + size] = data.ljust(size, b"\0")
