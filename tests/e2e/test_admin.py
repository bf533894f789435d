"""dync-admin and sqlite3: the operator's answers, while the server runs and after it stopped, with read permission alone."""
from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

from tests.e2e.harness import ServerTest, main, program
from tests.e2e.timing import wait_until
from tests.peer import wire

NOBODY = 65534


def parse(text: str) -> list[Any]:
    """One JSON value, or one a line."""
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()]


class AdminTest(ServerTest):
    UMASK = "0027"  # the operator's group may read

    def setUp(self) -> None:
        super().setUp()
        self.stored = self.file("stored.bin", 5000)
        self.assert_sent(self.sender.send("-ksample:q", self.stored))
        self.assertEqual(self.sender.send(self.file("nobody.wants", 5)).returncode, 1)
        (row,) = self.server.ledger.uploads("committed")
        self.upload_id = str(row["upload_id"])
        self.sha256 = str(row["sha256"])

    def admin_ok(self, *arguments: str) -> str:
        done = self.server.admin(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def check_answers(self) -> None:
        for words, mentions in (
            (("uploads",), (self.upload_id[:8], "stored.bin", "committed", "user1")),
            (("show", self.upload_id), (self.upload_id, self.sha256, "stored.bin", "committed", "verified")),
            (("events",), ("committed", "refused")),
        ):
            with self.subTest(words):
                text = self.admin_ok(*words)
                for mention in mentions:
                    self.assertIn(mention, text)
                found = json.dumps(parse(self.admin_ok("--json", *words)))
                for mention in mentions:
                    self.assertIn(mention, found)
        self.check_filters()

    def check_filters(self) -> None:
        for option, value, there in (("--state", "committed", True), ("--state", "failed", False),
                                     ("--origin", "user1", True), ("--origin", "user2", False),
                                     ("--since", "2000-01-01T00:00:00Z", True),
                                     ("--since", "2999-01-01T00:00:00Z", False)):
            with self.subTest(option=option, value=value):
                self.assertEqual("stored.bin" in self.admin_ok("uploads", option, value), there)

    def test_while_it_runs_and_after(self) -> None:
        running = self.admin_ok("status")
        self.assertIn(str(self.server.pid), running)
        self.assertIn(self.server.address, running)
        (facts,) = parse(self.admin_ok("--json", "status"))
        self.assertIn(str(self.server.pid), json.dumps(facts))
        self.check_answers()
        address = self.server.address
        self.server.stop()
        stopped = self.server.admin("status")
        self.assertNotIn(address, stopped.stdout)
        self.assertTrue(stopped.stdout.strip(), stopped.stderr)
        self.check_answers()

    def test_a_running_upload_is_seen(self) -> None:
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("running.bin"), wire.UploadApproved)
            self.assertIn("running.bin", self.admin_ok("uploads", "--state", "receiving"))

    def test_an_unknown_upload(self) -> None:
        done = self.server.admin("show", "f" * 32)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("f" * 32, done.stderr)

    def test_without_a_ledger(self) -> None:
        self.server.stop()
        shutil.move(self.server.layout.ledger, self.server.home / "elsewhere.sqlite")
        done = self.server.admin("uploads")
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.server.layout.ledger), done.stderr)
        self.assertFalse(self.server.layout.ledger.exists(), "a question never makes a ledger")
        shutil.move(self.server.home / "elsewhere.sqlite", self.server.layout.ledger)

    # ---- a reader without privileges ----

    def as_reader(self, group: int, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={group}", "--clear-groups", *command], cwd="/",
                              capture_output=True, text=True, timeout=100, check=False)

    def check_reader(self) -> None:
        group = self.server.layout.ledger.stat().st_gid
        ledger, config = str(self.server.layout.ledger), str(self.server.layout.config)
        admin = str(self.tools / "dync-admin")
        probe = self.as_reader(group, "sh", "-c", f"test ! -w {ledger} && test ! -w {self.server.layout.store}")
        self.assertEqual(probe.returncode, 0, f"the reader must not be able to write: {probe.stderr}")
        for command in ((admin, "-c", config, "uploads"), (admin, "-c", config, "--json", "show", self.upload_id),
                        (admin, "-c", config, "events"), ("sqlite3", "-readonly", ledger, "SELECT upload_id FROM uploads")):
            with self.subTest(command=command[:4]):
                done = self.as_reader(group, *command)
                self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
                self.assertIn(self.upload_id[:8], done.stdout)
        stranger = self.as_reader(NOBODY, admin, "-c", config, "uploads")
        self.assertNotEqual(stranger.returncode, 0)
        self.assertTrue(stranger.stderr)

    def test_an_unprivileged_reader(self) -> None:
        self.server.home.chmod(0o755)
        self.server.layout.store.chmod(0o750)
        self.server.layout.config.chmod(0o644)
        self.tools = self.server.home / "tools"
        self.tools.mkdir()
        shutil.copy(program("dync-admin"), self.tools / "dync-admin")
        self.tools.chmod(0o755)
        self.check_reader()
        group = self.server.layout.ledger.stat().st_gid
        status = self.as_reader(group, str(self.tools / "dync-admin"), "-c", str(self.server.layout.config), "status")
        self.assertIn(self.server.address, status.stdout)
        self.server.stop()
        self.check_reader()

    def test_events_follow(self) -> None:
        follower = subprocess.Popen([program("dync-admin"), "-c", str(self.server.layout.config), "events", "--follow",
                                     "--limit", "0"],
                                    stdout=open(self.lab / "followed", "w"), stderr=subprocess.DEVNULL)
        try:
            file = self.file("followed.bin", 10)
            self.assert_sent(self.sender.send(file))
            (row,) = self.server.ledger.named("followed.bin")
            wait_until(lambda: row["upload_id"][:8] in (self.lab / "followed").read_text(), 30, "the follower tells of it")
            self.assertIsNone(follower.poll())
        finally:
            follower.terminate()
            follower.wait(30)


if __name__ == "__main__":
    main()
