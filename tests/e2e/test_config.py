"""Options, config files, and how the server is run: a mistake is told in one line, with the exit code of the contract."""
from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e import processes
from tests.e2e.harness import START, ServerTest, main, program, run, worker_program
from tests.e2e.timing import promise, wait_until

USAGE, CONFIG = 2, 78
PROGRAMS = ("dync", "dync-keygen", "dync-server", "dync-admin")
WORKERS = ("dync-receiver", "dync-hasher", "dync-committer", "dync-untar")


class OptionsTest(ServerTest):
    def call(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        return run([str(argument) for argument in arguments], self.lab)

    def test_every_program_knows_help_and_version(self) -> None:
        for path in [*map(program, PROGRAMS), *map(worker_program, WORKERS)]:
            for option in ("--help", "--version"):
                with self.subTest(program=path, option=option):
                    done = self.call(path, option)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    self.assertTrue(done.stdout.strip())

    def test_a_bad_option_is_a_usage_error(self) -> None:
        for path in [*map(program, PROGRAMS), *map(worker_program, WORKERS)]:
            with self.subTest(program=path):
                done = self.call(path, "--no-such-option")
                self.assertEqual((done.returncode, done.stdout), (USAGE, ""), done.stderr)
                self.assertTrue(done.stderr.strip())

    def test_a_worker_is_not_started_by_hand(self) -> None:
        for name in WORKERS:
            with self.subTest(name):
                done = self.call(worker_program(name))
                self.assertEqual(done.returncode, USAGE)
                self.assertTrue(done.stderr)

    def test_usage_of_each_program(self) -> None:
        config = self.server.layout.config
        for arguments in (
            ("dync",), ("dync", "-p", "99999", "host", "file"), ("dync", "-p", "x", "host", "file"),
            ("dync", "-k", "no-colon", "host", "file"),
            ("dync", "-n", "one", "host", "two", "files"), ("dync-keygen",), ("dync-keygen", "clients"),
            ("dync-keygen", "fingerprint"), ("dync-server", "begin"), ("dync-admin", "-c", config),
            ("dync-admin", "-c", config, "frobnicate"), ("dync-admin", "-c", config, "uploads", "--state", "lost"),
            ("dync-admin", "-c", config, "uploads", "--limit", "x"), ("dync-admin", "-c", config, "show"),
        ):
            with self.subTest(arguments):
                done = self.call(program(str(arguments[0])), *arguments[1:])
                self.assertEqual((done.returncode, done.stdout), (USAGE, ""), done.stderr)
                self.assertTrue(done.stderr.strip())

    def test_a_metadata_file_must_be_an_object(self) -> None:
        file = self.file("meta.bin", 10)
        for number, text in enumerate(("[1]", "{", "")):
            meta = self.lab / f"meta{number}.json"
            meta.write_text(text)
            done = self.sender.send(f"--meta={meta}", file)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(meta.name, done.stderr)
        self.assertEqual(self.server.ledger.uploads(), [])


class BadConfigTest(ServerTest):
    """The server of the fixture is only there for its directories and keys."""

    def setUp(self) -> None:
        super().setUp()
        self.server.stop()
        self.good = self.server.layout.config.read_text()

    def start(self, words: list[Any]) -> "subprocess.CompletedProcess[str]":
        """A config that is refused ends the server at once; one that is taken runs until this kills it."""
        try:
            return run([program("dync-server"), *words], self.server.home, timeout=START)
        except subprocess.TimeoutExpired:
            self.server.layout.run_file.unlink(missing_ok=True)
            self.fail(f"dync-server {words} took this config:\n{Path(words[-1]).read_text()}")

    def both(self, config: Path) -> list["subprocess.CompletedProcess[str]"]:
        """`check`, and a start in the foreground."""
        return [self.start(["check", "-c", config]), self.start(["-c", config])]

    def assert_config_refused(self, text: str, *mentions: str) -> None:
        config = self.server.home / "bad.yaml"
        config.write_text(text)
        for done in self.both(config):
            self.assertEqual(done.returncode, CONFIG, f"{done.args}\n{done.stdout}{done.stderr}")
            lines = done.stderr.strip().splitlines()
            self.assertEqual(len(lines), 1, done.stderr)
            self.assertRegex(lines[0], rf"^dync-server: {re.escape(str(config))}:[0-9]+: ")
            for mention in mentions:
                self.assertIn(mention, lines[0])
        self.assertFalse(self.server.layout.run_file.exists())

    def replaced(self, old: str, new: str) -> str:
        self.assertIn(old, self.good)
        return self.good.replace(old, new, 1)

    def test_a_good_one(self) -> None:
        done = run([program("dync-server"), "check", "-c", self.server.layout.config], self.server.home)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_bad_ones(self) -> None:
        layout = self.server.layout
        (self.server.home / "bad.json").write_text('{"properties": {"a": {"format": "date"}}}')
        (self.server.home / "cut.json").write_text('{\n"type": ')
        cases = {
            "an unknown key": (self.good + "limits: {max_metadta: 1}\n", "max_metadta"),
            "an unknown part": (self.good + "limit: {max_metadata: 1}\n", "limit"),
            "an unknown key of a dropbox": (self.replaced('"requires_barcode"', '"requires_barcod"'), "requires_barcod"),
            "a word for a number": (self.good + "flow: {chunk_size: many}\n", "chunk_size"),
            "a negative number": (self.good + "flow: {max_queue: -1}\n", "max_queue"),
            "out of range": (self.good + "limits: {idle_timeout: 9}\n", "idle_timeout"),
            "no hashers": (self.good + "workers: {hashers: 0}\n", "hashers"),
            "a key twice": (self.good + "untar: {max_members: 1, max_members: 2}\n", "max_members"),
            "a part twice": (self.good + "untar: {}\nuntar: {}\n", "untar"),
            "a bad regexp": (self.replaced('"(.|\\\\n)*\\\\.pdf$"', '"(.*\\\\.pdf$"'), "regexp"),
            "a missing directory": (self.replaced(f"tmp_dir: {layout.staging}", "tmp_dir: /nonexistent/tmp"), "tmp_dir"),
            "a missing dropbox": (self.replaced(str(layout.dropbox("pdf")), "/nonexistent/pdf"), "path"),
            "a relative path": (self.replaced(f"path: {layout.store}", "path: store"), "path"),
            "no path at all": (self.replaced(f"  path: {layout.store}\n", ""), "storage.path"),
            "a bad address": (self.replaced(self.server.layout.address, "http://127.0.0.1"), "address"),
            "a bad umask": (self.replaced("umask: 0077", "umask: seldom"), "umask"),
            "the ledger in a dropbox": (self.good + f"ledger: {layout.dropbox('pdf')}/dync.sqlite\n", "ledger"),
            "a mode without the owner": (self.replaced('"requires_barcode"', '"mode": 0070, "requires_barcode"'), "mode"),
            "an unknown group": (self.replaced('"requires_barcode"', '"group": "no-such", "requires_barcode"'), "group"),
            "keys that are no list": (self.replaced('"requires_barcode"', '"required_metadata": {}, "requires_barcode"'),
                                      "required_metadata"),
            "a missing schema": (self.replaced('"requires_barcode"', '"schema": "no.json", "requires_barcode"'),
                                 "no.json"),
            "a schema with an unknown keyword": (
                self.replaced('"requires_barcode"', '"schema": "bad.json", "requires_barcode"'), "/properties/a/format"),
            "a schema that is no JSON": (
                self.replaced('"requires_barcode"', '"schema": "cut.json", "requires_barcode"'), "cut.json: in line 2"),
            "a key that comes later": (self.replaced('"requires_barcode"', '"stage": "/tmp", "requires_barcode"'),
                                       "stage"),
            "a missing keys.dir": (self.good + "keys: {dir: /nonexistent}\n", "keys.dir"),
            "a ledger elsewhere": (self.good + "ledger: /nonexistent/dync.sqlite\n", "ledger"),
            "a runtime_dir that is not there": (self.good + "runtime_dir: /nonexistent\n", "runtime_dir"),
            "a list": ("- a\n- b\n", ""),
            "no YAML": ("address: [\n", ""),
        }
        for what, (text, mention) in cases.items():
            with self.subTest(what):
                self.assert_config_refused(text, mention)

    def test_a_missing_file(self) -> None:
        for done in self.both(Path("/nonexistent/dync.yaml")):
            self.assertEqual(done.returncode, CONFIG)
            self.assertIn("/nonexistent/dync.yaml", done.stderr)

    def test_keys_that_the_server_needs(self) -> None:
        secret = self.server.layout.keys / "server.key_secret"
        for mode in (0o644, 0o640):
            secret.chmod(mode)
            done = self.start(["-c", self.server.layout.config])
            self.assertEqual(done.returncode, CONFIG, done.stderr)
            self.assertIn(str(secret), done.stderr)
        secret.rename(secret.with_name("elsewhere"))
        done = self.start(["-c", self.server.layout.config])
        self.assertEqual(done.returncode, CONFIG, done.stderr)
        self.assertIn("server.key_secret", done.stderr)

    def test_what_the_original_knew_never_stops_the_start(self) -> None:
        text = self.replaced(f"  manual: {self.server.layout.manual}\n", "  manual: /nonexistent\n  storage: /nowhere\n")
        text = text.replace("version: 1", "version: 1\n  filters: {f: {name: x}}\n  loggers: {dync: {level: DEBUG}}", 1)
        self.server.layout.config.write_text(text)
        self.server.start()
        refused = self.sender.send("-kpassthrough:word", self.file("manual.bin", 10))
        self.assertEqual(refused.returncode, 1)
        file = self.file("fine.bin", 10)
        self.assert_sent(self.sender.send(file))
        self.assert_stored(file, "any")

    def test_yaml_1_1_scalars(self) -> None:
        """`no` and 0077 mean what Python reads."""
        text = self.good.replace('"requires_barcode": false', "requires_barcode: no").replace("umask: 0077", "umask: 0027")
        self.server.layout.config.write_text(text)
        self.server.start()
        file = self.file("scalars.bin", 10)
        self.assert_sent(self.sender.send(file))
        self.assert_stored(file, "any")
        item = self.server.dropbox("any") / "scalars.bin"
        self.assertEqual((item.stat().st_mode & 0o777, (item / "scalars.bin").stat().st_mode & 0o777), (0o750, 0o640))


class RunningTest(ServerTest):
    def server_command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        # Its children in the background keep the pipes, so the output goes to a file.
        with open(self.server.home / "command.log", "w+") as output:
            done = subprocess.run([program("dync-server"), *words, "-c", str(self.server.layout.config)], stdout=output,
                                  stderr=output, stdin=subprocess.DEVNULL, timeout=100, check=False, text=True,
                                  env={**os.environ, "HOME": str(self.server.home)})
            output.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")

    def test_a_second_instance_is_refused(self) -> None:
        second = self.server_command()
        self.assertNotIn(second.returncode, (0, None), second.stdout)
        self.assertTrue(second.stdout.strip())
        file = self.file("first-goes-on.bin", 1000)
        self.assert_sent(self.sender.send(file))
        self.assertTrue(self.server.layout.run_file.exists())

    def test_the_workers_are_there_and_the_sockets_are_private(self) -> None:
        for name in ("dync-receiver", "dync-hasher", "dync-committer"):
            self.assertTrue(self.server.workers(name), name)
        self.assertEqual(self.server.runtime_dir.stat().st_mode & 0o007, 0)
        self.assertEqual(self.server.layout.run_file.stat().st_mode & 0o777, 0o640)

    def test_background(self) -> None:
        status = self.server_command("status")
        self.assertEqual(status.returncode, 0, status.stdout)
        self.server.stop()
        self.assertNotEqual(self.server_command("status").returncode, 0)
        started = self.server_command("start", "-d")
        self.assertEqual(started.returncode, 0, started.stdout)
        pidfile = self.server.home / "dync.pid"
        wait_until(self.server.layout.run_file.exists, START * 10, "the server in the background serves")
        pid = int(pidfile.read_text())
        self.assertTrue(processes.alive(pid))
        self.assertEqual(self.server_command("status").returncode, 0)
        self.assertEqual(self.server_command("restart", "-d").returncode, 0)
        wait_until(self.server.layout.run_file.exists, START * 10, "the server in the background serves again")
        self.assertNotEqual(int(pidfile.read_text()), pid)
        self.assertEqual(self.server_command("stop").returncode, 0)
        promise("it is gone", 10, lambda: not processes.of_home(self.server.home))
        self.assertFalse(self.server.layout.run_file.exists())
        self.assertFalse(pidfile.exists())

    def test_dead_workers_are_replaced(self) -> None:
        self.expected_errors += ["dync-", "worker"]
        for name in ("dync-hasher", "dync-committer", "dync-receiver"):
            address = self.server.address
            self.server.kill_worker(name)
            file = self.file(f"{name.removeprefix('dync-')}.bin", 5000)
            self.assert_sent(self.sender.send(file))
            self.assert_stored(file, "any")
            self.assertEqual(self.server.address, address)


if __name__ == "__main__":
    main()
