"""The config file of a test's server, laid out as the original's."""
from __future__ import annotations

import json
import random
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Dropbox:
    name: str
    regexp: str
    rules: dict[str, Any] = field(default_factory=lambda: {"requires_barcode": False})


def standard_dropboxes() -> list[Dropbox]:
    return [
        Dropbox("pdf", r"(.|\n)*\.pdf$", {"origin": ["user1"], "requires_barcode": False, "match_file": True}),
        Dropbox("tar", r".*\.(tar|tgz|tar\.gz)$"),
        Dropbox("any", r".*\.(bin|txt|raw|dat)$"),
        Dropbox("fastq", r".*\.fastq$", {}),  # a barcode is asked for, as by default
    ]


def free_port() -> int:
    """A port that the kernel gives to nobody by itself, so that a server finds it free again after a restart: else a
    client that connects again and again may meet itself there."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


@dataclass
class Layout:
    """The directories of one server below its home."""

    home: Path
    dropboxes: list[Dropbox]
    address: str = field(default_factory=lambda: f"tcp://127.0.0.1:{free_port()}")

    @property
    def keys(self) -> Path:
        return self.home / ".dync"

    @property
    def store(self) -> Path:
        return self.home / "store"

    @property
    def staging(self) -> Path:
        return self.home / "tmp"

    @property
    def manual(self) -> Path:
        return self.home / "manual"

    @property
    def ledger(self) -> Path:
        return self.store / "dync.sqlite"

    @property
    def run_file(self) -> Path:
        return self.store / "dync.sqlite.run"

    @property
    def log(self) -> Path:
        return self.home / "dync-server.log"

    @property
    def config(self) -> Path:
        return self.home / "dyncserver.yaml"

    def dropbox(self, name: str) -> Path:
        return self.home / name

    def make(self) -> None:
        for directory in (self.store, self.staging, self.manual, *(self.dropbox(box.name) for box in self.dropboxes)):
            directory.mkdir(parents=True, exist_ok=True)

    def text(self, extra: str = "", umask: str = "0077", address: str = "") -> str:
        boxes = "\n".join(self._rule(box) for box in self.dropboxes)
        return f"""\
options: {{pidfile: {self.home}/dync.pid, umask: {umask}}}
address: "{address or self.address}"
storage:
  tmp_dir: {self.staging}
  path: {self.store}
  manual: {self.manual}
  dropboxes:
{boxes}
logging:
  version: 1
  disable_existing_loggers: False
  root: {{level: INFO, handlers: [file, console]}}
  handlers:
    file: {{class: logging.handlers.RotatingFileHandler, level: INFO, formatter: detailed, filename: dync-server.log,
           mode: a, maxBytes: 104857600, backupCount: 5}}
    console: {{class: logging.StreamHandler, level: ERROR, formatter: detailed}}
  formatters: {{detailed: {{format: "%(asctime)s %(levelname)-8s %(message)s"}}}}
{extra}"""

    def _rule(self, box: Dropbox) -> str:
        fields = {"regexp": box.regexp, "path": str(self.dropbox(box.name)), **box.rules}
        return "    - " + json.dumps(fields)
