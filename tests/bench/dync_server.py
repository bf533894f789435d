"""An installed dync-server in a fresh home, and one user's `dync` for it. Python's standard library only."""
from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any, Optional

from tests.bench import proc
from tests.e2e.config import Dropbox, Layout
from tests.e2e.timing import wait_until

PATIENCE = 60.0  # seconds for anything that does not depend on the load
HOST = "127.0.0.1"


class DyncServer:
    """`no_sync`: a library that takes away its syncs, or None."""

    def __init__(self, prefix: Path, home: Path, no_sync: Optional[Path] = None) -> None:
        home.mkdir(parents=True)
        self._prefix, self._home, self._no_sync = prefix, home, no_sync
        self.layout = Layout(home, [Dropbox("any", ".*")])
        self.layout.make()
        self.layout.config.write_text(self.layout.text())
        self._lab = home / "lab"
        self._make_keys()
        self._start()

    def _program(self, name: str) -> str:
        return str(self._prefix / "bin" / name)

    def _make_keys(self) -> None:
        for words in (["server"], ["client", "-u", "user1"]):
            directory = self.layout.keys if words[0] == "server" else self._lab
            subprocess.run([self._program("dync-keygen"), *words, "-d", directory], check=True, stdout=subprocess.DEVNULL)
        listed = self.layout.keys / "clients"
        listed.mkdir(exist_ok=True)
        shutil.copy(self._lab / "client.key", listed / "user1.key")
        shutil.copy(self.layout.keys / "server.key", self._lab / "server.key")

    def _start(self) -> None:
        environment = {**os.environ, "HOME": str(self._home)}
        if self._no_sync:
            environment["LD_PRELOAD"] = str(self._no_sync)
        with open(self._home / "console.log", "ab") as console:
            self._process = subprocess.Popen([self._program("dync-server"), "-c", str(self.layout.config)], env=environment,
                                             stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        facts = wait_until(self._facts, PATIENCE, "dync-server serves")
        self._port = facts["address"].rsplit(":", 1)[1]
        if self._no_sync and str(self._no_sync) not in (proc.read(proc.PROC / str(self.pid) / "maps") or ""):
            raise RuntimeError(f"{self._no_sync} was not loaded")

    def _facts(self) -> dict[str, Any]:
        if self._process.poll() is not None:
            raise RuntimeError(f"dync-server ended: {(self._home / 'console.log').read_text()}")
        try:
            return dict(json.loads(self.layout.run_file.read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}

    @property
    def pid(self) -> int:
        return self._process.pid

    def client(self, *words: str) -> list[str]:
        """A command of `dync` with these options and files: options first, each with its value in one word."""
        options = [word for word in words if word.startswith("-")]
        files = [word for word in words if not word.startswith("-")]
        return [self._program("dync"), f"--config-dir={self._lab}", f"--port={self._port}", "-q", *options, HOST, *files]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What the ledger says."""
        ledger = sqlite3.connect(f"file:{self.layout.ledger}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return ledger.execute(sql).fetchall()
        finally:
            ledger.close()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def has_jobs(prefix: Path) -> bool:
    """Whether this `dync` sends several files at once by itself."""
    done = subprocess.run([prefix / "bin" / "dync", "--help"], check=True, capture_output=True, text=True)
    return "--jobs" in done.stdout
