"""A ledger that is lost, or another one's staging: nobody's partial is deleted by mistake."""
from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.e2e.harness import ServerTest, main, program, run
from tests.e2e.timing import promise, wait_until
from tests.peer import wire

PARTIAL = b"a part of a file" * 1000
TTL = 8


class ForeignLedgerTest(ServerTest):
    EXPECTED_ERRORS = (r"worker\.failed", r"worker\.failed_to_start", r"staging\.orphaned", r"staging\.orphan_expired")
    EXTRA = f"limits: {{partial_ttl: {TTL}}}\n"

    def leave_partial(self, name: str = "partial.bin") -> str:
        """An upload that waits for its client when the server stops. Its id."""
        key = "0123456789abcdef" * 2
        with self.sender.raw() as peer:
            peer.ask(wire.post_file(name, b"{}", {"dync": 2, "key": key, "size": 10**6, "mtime_ns": 1}), wire.UploadApproved)
            peer.send(wire.post_chunk(0, PARTIAL))
            (row,) = self.server.ledger.named(name)
            data = self.server.layout.staging / row["upload_id"] / "data"
            wait_until(lambda: data.stat().st_size == len(PARTIAL), 30, "the part is staged")
        return str(row["upload_id"])

    def lose_ledger(self) -> str:
        """Its id."""
        (old,) = self.server.ledger.query("SELECT value FROM meta WHERE name = 'ledger_id'")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.server.layout.ledger}{suffix}").unlink(missing_ok=True)
        return str(old["value"])

    def start_refused(self) -> str:
        """What the server says; it must not change what is staged."""
        done = run([program("dync-server"), "-c", self.server.layout.config], self.server.home)
        self.assertEqual(done.returncode, 78, done.stderr)
        (line,) = [line for line in done.stderr.splitlines() if "belong to the ledger" in line]
        return line

    def staged(self, upload: str) -> Path:
        return self.server.layout.staging / upload

    def test_refused_until_adopted_and_then_set_aside(self) -> None:
        upload = self.leave_partial()
        self.server.stop()
        old = self.lose_ledger()
        for _ in range(2):
            line = self.start_refused()
            for word in (old, upload, "dync-admin adopt", "dync-server --fresh"):
                self.assertIn(word, line)
            self.assertEqual((self.staged(upload) / "data").read_bytes(), PARTIAL)
        told = json.loads(self.server.admin("--json", "adopt").stdout)
        self.assertEqual(told["adopted"], [{"path": str(self.staged(upload)), "ledger": old, "bytes": len(PARTIAL)}])
        self.assertIn("no upload", self.server.admin("adopt").stdout)
        self.server.start()
        aside = self.server.layout.staging / "orphans" / upload
        self.assertEqual((aside / "data").read_bytes(), PARTIAL, "set aside, for the operator to look into")
        (event,) = [e for e in self.server.ledger.events(upload) if e["event"] == "orphaned"]
        self.assertEqual(event["detail"]["directory"], str(aside))
        self.assertIn(str(aside), self.server.admin("verify").stdout)
        self.assert_sent(self.sender.send(self.file("next.bin", 100)))
        promise("a directory that was set aside expires", TTL + 1, lambda: not aside.exists())
        self.assertEqual([e["event"] for e in self.server.ledger.events(upload)], ["orphaned", "orphan_expired"])

    def test_left_alone_now_and_later(self) -> None:
        upload = self.leave_partial()
        self.server.stop()
        old = self.lose_ledger()
        self.start_refused()
        before = self.tree(upload)
        fresh = run([program("dync-server"), "start", "--fresh", "-c", self.server.layout.config], self.server.home)
        self.assertEqual(fresh.returncode, 0, fresh.stderr)
        stopped = run([program("dync-server"), "stop", "-c", self.server.layout.config], self.server.home)
        self.assertEqual(stopped.returncode, 0, stopped.stderr)
        self.server.start()
        self.assert_sent(self.sender.send(self.file("next.bin", 100)))
        self.assertEqual(self.tree(upload), before)
        (event,) = [e for e in self.server.ledger.all_events() if e["event"] == "left_alone"]
        self.assertEqual(json.loads(event["detail"]), {"ledger": old, "uploads": 1})
        self.server.stop()
        self.assertIn("no upload", self.server.admin("adopt").stdout)
        self.assertEqual(self.tree(upload), before, "adopt leaves it alone too, unless it is named")
        self.server.start()
        shutil.rmtree(self.staged(upload))

    def tree(self, upload: str) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.staged(upload).iterdir()}

    def test_a_running_server_keeps_adopt_out(self) -> None:
        done = self.server.admin("adopt")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("stop dync-server first", done.stderr)

    def test_what_is_nobodys(self) -> None:
        """A shared tmp_dir: files and directories without a stamp stay, whatever their names."""
        self.server.stop()
        staging = self.server.layout.staging
        (staging / ("a" * 32)).mkdir()
        (staging / ("a" * 32) / "data").write_bytes(b"somebody's")
        (staging / "notes").write_text("by hand")
        (staging / "orphans").mkdir()
        (staging / "orphans" / ("b" * 32)).mkdir()
        self.lose_ledger()
        self.server.start()
        self.assert_sent(self.sender.send(self.file("next.bin", 100)))
        self.server.restart()
        self.assertEqual((staging / ("a" * 32) / "data").read_bytes(), b"somebody's")
        self.assertTrue((staging / "notes").exists() and (staging / "orphans" / ("b" * 32)).exists())
        shutil.rmtree(staging / ("a" * 32))
        shutil.rmtree(staging / "orphans")
        (staging / "notes").unlink()


if __name__ == "__main__":
    main()
