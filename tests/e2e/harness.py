"""A real server in a temporary home, real clients, and the checks after each test."""
from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, Collection, Optional, Sequence, Union

from tests.e2e import processes, store
from tests.e2e.config import Dropbox, Layout, standard_dropboxes
from tests.e2e.ledger import Ledger
from tests.e2e.timing import PATIENCE, SANITIZED, promise, say, wait_until
from tests.peer import keys
from tests.peer.keys import KeyPair
from tests.peer.dync_client import DyncClient
from tests.peer.original_client import Habits, OriginalClient
from tests.peer.raw import RawPeer

START = 10.0  # promised: serving again within 10 s
STOP = 10.0  # promised: a clean stop within 10 s
CONFIG_MISTAKE = 78
RUN = 600.0  # a program that hangs fails its test
# libzmq 4.3.4 sometimes ends itself by an assertion when a stolen routing id's connection breaks. Then the receiver starts
# anew, and the victim goes on all the same.
STOLEN_ROUTING_ID = (r"worker\.died worker=receiver .*Aborted", r"Assertion failed: !_io_error")
ERROR_LINE = re.compile(r"\bERROR\b|\[error\]|\[critical\]|Sanitizer|runtime error:")
Argument = Union[str, Path]


def prefix() -> Path:
    value = os.environ.get("DYNC_PREFIX")
    if not value:
        raise RuntimeError("DYNC_PREFIX must name the prefix where dync is installed (cmake --install … --prefix …)")
    return Path(value)


def program(name: str) -> str:
    return str(prefix() / "bin" / name)


def worker_program(name: str) -> str:
    return str(prefix() / "libexec" / "dync" / name)


def run(arguments: Sequence[Argument], home: Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Runs a program to its end with its own home; texts in and out."""
    environment = {**os.environ, "HOME": str(home)}
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("timeout", RUN)
    return subprocess.run([str(argument) for argument in arguments], env=environment, text=True, capture_output=True,
                          check=False, **options)


class Sender:
    """A user in the lab: keys made by dync-keygen, and the client `dync`."""

    def __init__(self, server: "Server", user: str) -> None:
        self.user = user
        self.home = server.labs / f"lab-{user}"
        self.home.mkdir()
        self.config_dir = self.home / ".dync"
        made = run([program("dync-keygen"), "client", "-u", user, "-d", self.config_dir], self.home)
        assert made.returncode == 0, f"dync-keygen client: {made.stderr}"
        shutil.copy(server.layout.keys / "server.key", self.config_dir / "server.key")
        self._server = server

    @property
    def keys(self) -> KeyPair:
        return keys.load(self.config_dir / "client.key_secret")

    def list_key(self) -> None:
        """What the administrator does with the key that was sent in."""
        listed = self._server.layout.keys / "clients"
        temporary = listed / f".{self.user}.new"
        shutil.copy(self.config_dir / "client.key", temporary)
        temporary.rename(listed / f"{self.user}.key")

    def revoke_key(self) -> None:
        (self._server.layout.keys / "clients" / f"{self.user}.key").unlink()

    def command(self, *arguments: Argument, port: Optional[int] = None, host: str = "127.0.0.1") -> list[str]:
        """`arguments` are options, each with its value as one word (--name=x, -kA:b), and files, in any order."""
        options = [str(a) for a in arguments if str(a).startswith("-") and str(a) != "-"]
        files = [str(a) for a in arguments if not str(a).startswith("-") or str(a) == "-"]
        return [program("dync"), f"--config-dir={self.config_dir}", f"--port={port or self._server.port}",
                *options, host, *files]

    def send(self, *arguments: Argument, port: Optional[int] = None, **options: Any) -> "subprocess.CompletedProcess[str]":
        return run(self.command(*arguments, port=port), self.home, **options)

    def start(self, *arguments: Argument, port: Optional[int] = None) -> "subprocess.Popen[str]":
        """In the background; the test must collect it by finish()."""
        return subprocess.Popen(self.command(*arguments, port=port), env={**os.environ, "HOME": str(self.home)}, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def raw(self, **options: Any) -> RawPeer:
        return RawPeer(options.pop("endpoint", self._server.address), self._server.public_key, self.keys, **options)

    def peer(self, **options: Any) -> DyncClient:
        """A connection of a client of our kind, made in Python."""
        return DyncClient(options.pop("endpoint", self._server.address), self._server.public_key, self.keys, **options)

    def original(self, habits: Habits = Habits(), endpoint: Optional[str] = None, **options: Any) -> OriginalClient:
        return OriginalClient(endpoint or self._server.address, self._server.public_key, self.keys, habits, **options)

    def await_listed(self) -> None:
        """A key that was just listed is known to the server within 2 s."""
        def gets_in() -> bool:
            with self.raw() as peer:
                return peer.await_handshake(20)

        wait_until(gets_in, 20, f"the key of {self.user} is known")


class Server:
    """One installed dync-server with everything that it needs, in the foreground."""

    def __init__(self, extra: str = "", dropboxes: Optional[list[Dropbox]] = None, umask: str = "0077",
                 parent: Optional[Path] = None, labs: Optional[Path] = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="dync-e2e-", dir=parent or os.environ.get("DYNC_TEST_DIR")))
        self.labs = labs or self.home
        self.layout = Layout(self.home, dropboxes or standard_dropboxes())
        self.layout.make()
        self.layout.config.write_text(self.layout.text(extra, umask))
        made = run([program("dync-keygen"), "server", "-d", self.layout.keys], self.home)
        assert made.returncode == 0, f"dync-keygen server: {made.stderr}"
        (self.layout.keys / "clients").mkdir(exist_ok=True)
        self.ledger = Ledger(self.layout.ledger)
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.environment: dict[str, str] = {}  # more of it, from the next start on
        self._facts: dict[str, Any] = {}

    # ---- its life ----

    def start(self) -> None:
        started = time.monotonic()
        console = open(self.home / "console.log", "ab")
        with console:
            self.process = subprocess.Popen([program("dync-server"), "-c", str(self.layout.config)],
                                            env={**os.environ, "HOME": str(self.home), **self.environment},
                                            stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        self._facts = wait_until(self._read_run_file, START * PATIENCE, "dync-server serves")
        say(f"dync-server serves: {time.monotonic() - started:.2f} s (promised {START:g} s)")

    def _read_run_file(self) -> dict[str, Any]:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"dync-server ended with {self.process.returncode}:\n{self.log()}")
        try:
            facts = json.loads(self.layout.run_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return facts if facts.get("pid") == self.process.pid and facts.get("address") else {}

    def stop(self) -> None:
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"dync-server did not stop within {STOP * PATIENCE} s:\n{self.log()}") from None
        say(f"clean stop: {time.monotonic() - started:.2f} s (promised {STOP:g} s)")
        self.process = None
        assert code == 0, f"a clean stop exits 0, this one {code}:\n{self.log()}"
        assert not self.layout.run_file.exists(), f"{self.layout.run_file} must go at a clean stop"

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """The machine room's way: nothing is told to anybody."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def kill_everything(self) -> None:
        """Supervisor and workers at the same moment, as by the kernel when memory runs out."""
        assert self.process is not None
        pids = processes.children(self.pid)
        for pid in (self.pid, *pids):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        wait_until(lambda: not any(processes.program(pid) for pid in pids), 20, "all processes are gone")

    # ---- what is known of it ----

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def address(self) -> str:
        return str(self._facts["address"])

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    @property
    def runtime_dir(self) -> Path:
        return Path(self._facts["runtime_dir"])

    @property
    def public_key(self) -> bytes:
        return keys.load_public(self.layout.keys / "server.key")

    def log(self) -> str:
        files = (self.layout.log, self.home / "console.log")
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def workers(self, name: str) -> list[int]:
        return processes.workers(self.pid, name)

    def kill_worker(self, name: str, number: int = signal.SIGKILL) -> None:
        """Kills each worker of this name and waits until others have taken their places."""
        old = self.workers(name)
        assert old, f"no {name} runs"
        for pid in old:
            os.kill(pid, number)
        promise(f"{name} runs again", START,
                lambda: len(self.workers(name)) == len(old) and not set(old) & set(self.workers(name)))

    def admin(self, *arguments: Argument) -> "subprocess.CompletedProcess[str]":
        return run([program("dync-admin"), "-c", self.layout.config, *arguments], self.home)

    def dropbox(self, name: str) -> Path:
        return self.layout.dropbox(name)

    # ---- after a test ----

    def problems(self, expected_errors: Sequence[str], consumed: Collection[str]) -> list[str]:
        found = []
        if self.process is not None:
            self._await_tidy_staging()
            try:
                self.stop()
            except AssertionError as failed:
                found.append(str(failed))
        for line in self.log().splitlines():
            if ERROR_LINE.search(line) and not any(re.search(pattern, line) for pattern in expected_errors):
                found.append(f"log: {line}")
        if found:  # what a process that aborted said
            console = (self.home / "console.log").read_text(errors="replace").splitlines()
            found += [f"console: {line}" for line in console if not re.match(r"\d{4}-\d\d-\d\dT", line)]
        if self.layout.ledger.exists():
            boxes = [self.dropbox(box.name) for box in self.layout.dropboxes]
            found += store.check_disk(self.ledger, self.layout.staging, boxes, consumed)
            verified = self.admin("verify")
            if verified.returncode not in (0, CONFIG_MISTAKE):  # some tests leave a config that nobody can read
                found += [f"dync-admin verify: {line}" for line in (verified.stdout + verified.stderr).splitlines()]
        try:
            wait_until(lambda: not processes.of_home(self.home), STOP, "no process is left over")
        except AssertionError:
            found += [f"left over: {process}" for process in processes.of_home(self.home)]
        return found

    def _await_tidy_staging(self) -> None:
        """It is tidied after the answer; a stop leaves the rest of that to the next start."""
        if self.process is None or self.process.poll() is not None or not self.layout.ledger.exists():
            return
        with contextlib.suppress(AssertionError):  # the checks that follow tell what is left
            wait_until(lambda: not store.rests(self.ledger, self.layout.staging), STOP, "staging is cleaned up")

    def remove(self) -> None:
        self.kill()
        if self._facts:
            shutil.rmtree(self.runtime_dir, ignore_errors=True)  # a server that was killed leaves it
        if os.environ.get("DYNC_TEST_KEEP"):
            say(f"kept: {self.home}")
        else:
            shutil.rmtree(self.home)


class ServerTest(unittest.TestCase):
    """A test with a server and the user `user1`, who is listed. Disk, ledger, log and processes are checked after it."""

    EXTRA = ""  # more lines of the config
    DROPBOXES: Sequence[Dropbox] = ()  # before the standard ones
    UMASK = "0077"
    EXPECTED_ERRORS: Sequence[str] = ()  # patterns of error lines that belong to the test

    def setUp(self) -> None:
        self.consumed: set[str] = set()
        self.expected_errors = list(self.EXPECTED_ERRORS)
        boxes = [*copy.deepcopy(self.DROPBOXES), *standard_dropboxes()]
        self.server = self.make_server(boxes)
        self.addCleanup(self.server.remove)
        self.sender = Sender(self.server, "user1")
        self.sender.list_key()
        self.prepare()
        self.server.start()
        self.addCleanup(self._check)
        self.lab = self.sender.home

    def make_server(self, boxes: list[Dropbox]) -> Server:
        return Server(self.EXTRA, boxes, umask=self.UMASK)

    def prepare(self) -> None:
        """What has to be there before the server starts."""

    def _check(self) -> None:
        problems = self.server.problems(self.expected_errors, self.consumed)
        if problems:
            self.fail("after the test:\n" + "\n".join(problems))

    def another_sender(self, user: str, listed: bool = True) -> Sender:
        sender = Sender(self.server, user)
        if listed:
            sender.list_key()
        return sender

    def file(self, name: str, size: int) -> Path:
        path = self.lab / name
        store.write_random(path, size)
        return path

    def assert_sent(self, done: "subprocess.CompletedProcess[str]") -> None:
        self.assertEqual(done.returncode, 0, f"{done.args}\n{done.stdout}\n{done.stderr}\n{self.server.log()[-3000:]}")

    def finish(self, process: "subprocess.Popen[str]", seconds: float = RUN) -> "subprocess.CompletedProcess[str]":
        """Waits for a client in the background."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.fail(f"{process.args!r} did not end within {seconds} s\n{out!r}\n{err!r}\n{self.server.log()[-3000:]}")
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def assert_stored(self, source: Path, dropbox: str, clean: Optional[str] = None) -> dict[str, Any]:
        """Bit-identical, exactly once; the ledger's row."""
        clean = clean or source.name
        item = self.server.dropbox(dropbox) / clean
        self.assertEqual(store.sha256(item / clean), store.sha256(source), f"{item} differs from {source}")
        rows = [row for row in self.server.ledger.uploads("committed") if row["destination"] == str(item)]
        self.assertEqual(len(rows), 1, f"{len(rows)} committed uploads of {item}")
        self.assertTrue(store.marker_of(item).is_file())
        return rows[0]


def main() -> None:
    if SANITIZED:
        say("sanitizers: sizes and counts are scaled down")
    unittest.main(verbosity=2)
