"""dync itself, and dync with a server that syncs nothing."""
from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Optional

from tests.bench.contestant import Contestant, await_idle
from tests.bench.dync_server import PATIENCE, DyncServer
from tests.bench.loads import LANES
from tests.e2e.timing import wait_until

STOPS_BEFORE = 0.005  # of the file: what is still on its way when the first client is killed
LOOK = 0.001  # seconds


class Dync(Contestant):
    server: Optional[DyncServer] = None
    _staged: Optional[Path] = None

    def _no_sync(self) -> Optional[Path]:
        return None

    def prepare(self) -> None:
        self.server = DyncServer(self.setting.prefix, self.directory / "home", self._no_sync())
        if self.load.resumed_at:
            self._send_part()

    def _serving(self) -> DyncServer:
        assert self.server is not None
        return self.server

    def living(self) -> list[int]:
        return [self._serving().pid]

    def commands(self) -> list[list[str]]:
        client = self._serving().client
        if self.load.clients:
            return [client(f"--name={name}", str(self.source)) for name in self.load.names]
        if not self.load.many:
            return [client(str(self.source))]
        files = [str(self.source / name) for name in self.load.names]
        if self.setting.jobs:
            return [client(f"--jobs={LANES}", *files)]
        return [client(*files[lane::LANES]) for lane in range(min(LANES, len(files)))]

    def settle(self) -> None:
        await_idle(self._serving().pid)

    def check(self) -> None:
        server = self._serving()
        [(stored,)] = server.query("SELECT count(*) FROM uploads WHERE state = 'committed'")
        if stored != self.load.count:
            raise RuntimeError(f"{stored} of {self.load.count} uploads are committed: {server.layout.log}")

    def finish(self) -> None:
        if self.server:
            self.server.stop()

    # ---- a resume ----

    def growing(self) -> Optional[Path]:
        return self._staged

    def facts(self) -> dict[str, float]:
        return {"resumed_at_percent": 100 * self._part / self.load.size} if self._staged else {}

    def _send_part(self) -> None:
        """A first client is killed when most of the file is there; the server keeps the partial."""
        server = self._serving()
        with open(self.directory / "first-client.log", "wb") as log:
            first = subprocess.Popen(server.client(str(self.source)), stdout=log, stderr=log)
        wanted = (self.load.resumed_at - STOPS_BEFORE) * self.load.size
        while first.poll() is None and self._size_staged() < wanted:
            time.sleep(LOOK)
        first.kill()
        first.wait()
        if not self._size_staged():
            raise RuntimeError(f"the first client had ended before it was killed: {log.name}")
        wait_until(lambda: server.query("SELECT 1 FROM events WHERE event = 'parked'"), 2 * PATIENCE, "the partial is kept")
        self._part = self._size_staged()

    def _size_staged(self) -> int:
        if self._staged is None:
            self._staged = next(self._serving().layout.staging.glob("*/data"), None)
        try:
            return self._staged.stat().st_size if self._staged else 0
        except FileNotFoundError:  # it was seen under the name of its making
            self._staged = None
            return 0


class DyncWithoutSync(Dync):
    def _no_sync(self) -> Optional[Path]:
        return self.setting.programs / "libno_sync.so"
