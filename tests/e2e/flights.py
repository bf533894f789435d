"""Uploads of each kind that can be in flight when something dies, and what has to become of them."""
from __future__ import annotations

import hashlib
import io
import random
import secrets
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, Optional

from tests.e2e import archives
from tests.e2e.harness import Sender
from tests.peer.dync_client import Refused, Upload
from tests.peer.original_client import GaveUp, Habits
from tests.peer.raw import NoAnswer
from tests.peer import wire

KIB, MIB = 1024, 1024 * 1024
PATIENCE = 120.0  # for one upload, whatever dies meanwhile
ORIGINAL = Habits(receive_timeout=1.0, approval_timeout=10.0)  # instead of 30 s for both


class Flight:
    """One upload under `name`; afterwards `files` of the item `item`, by their path with their sha256, are stored."""

    def __init__(self, name: str, item: str, files: dict[str, str]) -> None:
        self.name, self.item, self.files = name, item, files
        self.failure: Optional[str] = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Flight":
        self._thread.start()
        return self

    def join(self, seconds: float = PATIENCE) -> Optional[str]:
        """Nothing, or why its sender could not finish."""
        self._thread.join(seconds)
        return "its client still waits" if self._thread.is_alive() else self.failure

    def _run(self) -> None:
        try:
            self.failure = self.send()
        except Exception as problem:  # the test tells it
            self.failure = repr(problem)

    def send(self) -> Optional[str]:
        raise NotImplementedError


class Command(Flight):
    """By `dync` itself."""

    def __init__(self, sender: Sender, path: Path, item: str, files: dict[str, str], *options: str) -> None:
        super().__init__(path.name, item, files)
        self._command = sender.command(*options, path)

    def send(self) -> Optional[str]:
        done = subprocess.run(self._command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"


class Original(Flight):
    """`unanswered`: its post-file got lost with the receiver that had taken it. It never says that again, and gives up."""

    unanswered = False

    def __init__(self, sender: Sender, name: str, data: bytes) -> None:
        super().__init__(name, name, {name: hashlib.sha256(data).hexdigest()})
        self._sender, self._data = sender, data

    def send(self) -> Optional[str]:
        client = self._sender.original(ORIGINAL)
        try:
            client.upload(io.BytesIO(self._data), self.name)
            return None
        except GaveUp as silence:
            self.unanswered = not client.approved.is_set()
            return None if self.unanswered else str(silence)
        except Exception as problem:
            return f"{problem!r} after {list(client.trace)[-8:]}"
        finally:
            client.close()


class TakenOver(Flight):
    """Half of it over one connection, the rest over a second one, which takes over; again if that is lost."""

    def __init__(self, sender: Sender, name: str, data: bytes) -> None:
        super().__init__(name, name, {name: hashlib.sha256(data).hexdigest()})
        self._sender, self._upload = sender, Upload(name, data)

    def send(self) -> Optional[str]:
        first = self._sender.peer()
        try:
            self._half(first)
            return self._until_finished()
        finally:
            first.close()

    def _half(self, peer) -> None:  # type: ignore[no-untyped-def]
        try:
            peer.send_until(peer.open(self._upload, 3.0), len(self._upload.data) // 2, 3.0)
        except (NoAnswer, Refused):
            pass  # then the second connection begins where the first came to

    def _until_finished(self) -> Optional[str]:
        end = time.monotonic() + PATIENCE
        failure = "not tried"
        while time.monotonic() < end:
            with self._sender.peer() as peer:
                try:
                    answer = peer.post(self._upload, 3.0)
                    if isinstance(answer, wire.UploadApproved):
                        peer.finish(peer.begin(self._upload, answer), 3.0)
                    return None
                except NoAnswer as silence:
                    failure = str(silence)
                except Refused as refused:
                    failure = str(refused)
                    if refused.code not in (409, 503):
                        return failure
        return failure


class Fleet:
    """Makes flights with names of their own. Each name begins with its dropbox's prefix; by default every second one is
    `snatched_`, for a consumer that waits for nothing."""

    def __init__(self, sender: Sender, rng: random.Random) -> None:
        self._sender, self._rng = sender, rng
        self._number = 0
        self.all: list[Flight] = []

    def _name(self, kind: str, suffix: str, box: Optional[str]) -> str:
        self._number += 1
        prefix = box if box is not None else "snatched_" if self._number % 2 else ""
        return f"{prefix}{kind}_{self._number}{suffix}"

    def _added(self, flight: Flight) -> Flight:
        self.all.append(flight)
        return flight

    def _file(self, name: str, data: bytes) -> Path:
        path = self._sender.home / name
        path.write_bytes(data)
        return path

    def ours(self, size: int, box: Optional[str] = None) -> Flight:
        data = self._rng.randbytes(size)
        path = self._file(self._name("ours", ".bin", box), data)
        return self._added(Command(self._sender, path, path.name, {path.name: hashlib.sha256(data).hexdigest()}))

    def original(self, size: int, box: Optional[str] = None) -> Flight:
        return self._added(Original(self._sender, self._name("original", ".bin", box), self._rng.randbytes(size)))

    def taken_over(self, size: int) -> Flight:
        return self._added(TakenOver(self._sender, self._name("taken_over", ".bin", None), self._rng.randbytes(size)))

    def archive(self, size: int, box: Optional[str] = None) -> Flight:
        data = self._rng.randbytes(size)
        top = f"top_{secrets.token_hex(6)}"
        content = {f"{top}/a.bin": data, f"{top}/sub/empty": b""}
        packed = archives.tar(f"{top}/", f"{top}/sub/", *content.items())
        path = self._file(self._name("archive", ".tar", box), packed)
        files = {name.removeprefix(f"{top}/"): hashlib.sha256(each).hexdigest() for name, each in content.items()}
        return self._added(Command(self._sender, path, top, {**files, "sub": ""}, "-kuntar:True"))


def in_parallel(flights: list[Flight], then: Callable[[], None] = lambda: None) -> list[str]:
    """Starts all and waits for them; what could not finish."""
    for flight in flights:
        flight.start()
    then()
    return [f"{flight.name}: {failure}" for flight in flights if (failure := flight.join())]
