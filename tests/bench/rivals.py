"""scp and rsync through one sshd, and libzmq with CURVE alone."""
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Optional

from tests.bench import disk
from tests.bench.contestant import Contestant, Setting, await_childless, count_files
from tests.bench.loads import Load
from tests.bench.ssh_server import ALIAS, SshServer


class OverSsh(Contestant):
    """What scp and rsync share: the files arrive in `arrived/`."""

    def __init__(self, setting: Setting, load: Load, directory: Path, server: SshServer) -> None:
        super().__init__(setting, load, directory)
        self._server = server
        self._arrived = directory / "arrived"

    def prepare(self) -> None:
        self._arrived.mkdir()

    def living(self) -> list[int]:
        return [self._server.pid]

    def commands(self) -> list[list[str]]:
        if self.load.clients:
            return [self._copy(self.source, self._arrived / name) for name in self.load.names]
        return [self._copy(self.source, self._arrived)]

    def _copy(self, source: Path, target: Path) -> list[str]:
        raise NotImplementedError

    def settle(self) -> None:
        await_childless(self._server.pid)

    def check(self) -> None:
        arrived = count_files(self._arrived, self.load.size)
        if arrived != self.load.count:
            raise RuntimeError(f"{arrived} of {self.load.count} files have arrived: {self._arrived}")


class Scp(OverSsh):
    def _copy(self, source: Path, target: Path) -> list[str]:
        return ["scp", "-q", "-r", "-F", str(self._server.config), str(source), f"{ALIAS}:{target}"]


class Rsync(OverSsh):
    def prepare(self) -> None:
        super().prepare()
        if self.load.resumed_at:
            part = self._arrived / self.source.name
            shutil.copy(self.source, part)
            os.truncate(part, int(self.load.size * self.load.resumed_at))
            disk.sync(part)

    def growing(self) -> Optional[Path]:
        return self._arrived / self.source.name if self.load.resumed_at else None

    def _copy(self, source: Path, target: Path) -> list[str]:
        resume = ["--append-verify"] if self.load.resumed_at else []
        return ["rsync", "-r", "-e", f"ssh -F {self._server.config}", *resume, str(source), f"{ALIAS}:{target}"]

    def facts(self) -> dict[str, float]:
        return {"resumed_at_percent": 100 * self.load.resumed_at} if self.load.resumed_at else {}


class Bare(Contestant):
    _receiver: "Optional[subprocess.Popen[bytes]]" = None

    def prepare(self) -> None:
        self._program = str(self.setting.programs / "bare_transfer")
        self._receiver = subprocess.Popen([self._program, "receive", str(self.load.bytes)], stdout=subprocess.PIPE)
        assert self._receiver.stdout is not None
        with self._receiver.stdout as said:
            self._address = said.readline().decode().split()

    def receivers(self) -> list[tuple[str, "subprocess.Popen[bytes]"]]:
        return [("bare_transfer", self._receiver)] if self._receiver else []

    def commands(self) -> list[list[str]]:
        return [[self._program, "send", *self._address, str(self.load.bytes)]]

    def finish(self) -> None:
        if self._receiver and self._receiver.returncode is None:
            self._receiver.kill()
            self._receiver.wait()
