"""The client's memory: a run that ended goes on in the next one, at the server's position or with its receipt."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Optional
from unittest import mock

from tests.e2e import store
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import promise, say, scaled, wait_until
from tests.peer.proxy import Proxy

KIB = 1024
MIB = 1024 * KIB
SIZE = 32 * MIB
FIRST_BYTE = 1.0  # promised: the first new byte of a resumed upload, after the start of dync
TAKEOVER = 2.0  # promised: the same key takes over at once
WINDOW = 34 * MIB  # what can be on its way
AGAIN = "run the same command again to go on"


class ClientResumeTest(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.proxy = self.enterContext(Proxy(("127.0.0.1", self.server.port)))

    # ---- the client's runs, all over the proxy: to another port it would be another upload ----

    def run_until(self, file: Path, sent: int, *arguments: str, rate: Optional[float] = None) -> "subprocess.Popen[str]":
        """A run over the proxy of which `sent` bytes have gone to the server."""
        self.proxy.slow(rate)
        before = self.proxy.counters.up
        client = self.sender.start(file, *arguments, port=self.proxy.port)
        wait_until(lambda: self.proxy.counters.up - before >= sent, 120, f"{sent} bytes are under way")
        self.assertIsNone(client.poll(), "it was interrupted in the middle")
        return client

    def kill(self, client: "subprocess.Popen[str]", how: int = signal.SIGKILL) -> "subprocess.CompletedProcess[str]":
        client.send_signal(how)
        self.proxy.slow(None)
        return self.finish(client, 60)

    def half(self, file: Path, *arguments: str) -> None:
        self.kill(self.run_until(file, SIZE // 2, *arguments, rate=SIZE))

    def again(self, file: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        done = self.sender.send(file, *arguments, port=self.proxy.port)
        self.assert_sent(done)
        self.assertEqual(done.stdout, f"{store.sha256(file)}  {file}\n")
        return done

    def crash_at(self, point: str, file: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        with mock.patch.dict(os.environ, DYNC_CRASH_AT=point):
            done = self.sender.send(file, *arguments, port=self.proxy.port)
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        return done

    # ---- what is there ----

    def states(self) -> list[Path]:
        directory = self.sender.config_dir / "state"
        return sorted(directory.iterdir()) if directory.is_dir() else []

    def resumed_at(self) -> list[int]:
        events = [event for event in self.server.ledger.all_events() if event["event"] == "resumed"]
        return [int(json.loads(event["detail"])["bytes"]) for event in events]

    def assert_resumed(self, file: Path, least: int = 1) -> int:
        """It is stored, in one upload that went on at `least` or later; where."""
        self.assert_stored(file, "any")
        (position,) = self.resumed_at()
        self.assertGreaterEqual(position, least)
        self.assertEqual(len(self.server.ledger.uploads()), 1)
        self.assertEqual(self.states(), [], "the receipt was read")
        return position

    def assert_replaced(self, file: Path) -> None:
        """It is stored by a new upload, and nothing is left of the one before."""
        self.assert_stored(file, "any")
        (old,) = self.server.ledger.uploads("aborted")
        promise("the old partial is gone", 2, lambda: not (self.server.layout.staging / old["upload_id"]).exists())
        self.assertEqual(self.states(), [])

    # ---- resume ----

    def test_killed_at_99_percent(self) -> None:
        size = scaled(256 * MIB, 64 * MIB)
        file = self.file("large.bin", size)
        rest = max(size // 100, 8 * MIB)
        client = self.run_until(file, size - 2 * rest, rate=32 * MIB)
        self.proxy.slow(rest)
        wait_until(lambda: self.proxy.counters.up > size - rest, 60, "99 % are under way")
        client.kill()
        self.proxy.cut()
        self.kill(client)
        sent = self.proxy.counters.up
        (state,) = self.states()
        self.assertGreaterEqual(len(state.read_text().splitlines()), 1 + sent // (64 * MIB))
        client = self.sender.start(file, port=self.proxy.port)
        promise("dync's first new byte", FIRST_BYTE, lambda: self.proxy.counters.up > sent + 16 * KIB)
        done = self.finish(client)
        self.assert_sent(done)
        self.assertEqual(done.stdout, f"{store.sha256(file)}  {file}\n")
        position = self.assert_resumed(file, sent - WINDOW)
        again = self.proxy.counters.up - size
        say(f"killed at {sent / size:.1%}, went on at {position / size:.1%}, sent again {again / MIB:.2f} MiB")
        self.assertLess(again, sent - position + 2 * MIB, "only what the server did not have")

    def test_interrupted(self) -> None:
        file = self.file("interrupted.bin", SIZE)
        for how in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(how):
                client = self.run_until(file, SIZE // 8, rate=SIZE / 8)
                client.send_signal(how)
                done = self.finish(client, 60)  # what it has on its way goes out in the second that it lingers
                self.assertEqual((done.returncode, done.stdout), (130, ""))
                self.assertEqual(done.stderr, f"dync: interrupted: {AGAIN}\n")
        self.proxy.slow(None)
        self.again(file)
        self.assert_stored(file, "any")
        first, second = self.resumed_at()
        self.assertGreater(first, SIZE // 16)
        self.assertGreater(second, first)
        self.assertEqual(len(self.server.ledger.uploads()), 1)
        self.assertLess(self.proxy.counters.up, SIZE + 6 * MIB)

    def test_interrupted_when_all_is_on_its_way(self) -> None:
        """The next run may be approved, and hear of the end before it has looked at the file."""
        for number in range(5):
            file = self.file(f"late{number}.bin", SIZE)
            self.kill(self.run_until(file, SIZE // 2, rate=SIZE), signal.SIGINT)
            self.again(file)
            self.assert_stored(file, "any")
            self.assertEqual(len(self.server.ledger.named(file.name)), 1)

    def test_the_servers_old_connection_still_lives(self) -> None:
        """The first run's network is a black hole: the server hears nothing of its death. The key takes over at once."""
        file = self.file("hole.bin", SIZE)
        client = self.run_until(file, SIZE // 2, rate=SIZE)
        self.proxy.swallow()
        self.kill(client)
        client = self.sender.start(file, port=self.proxy.port)
        promise("the upload is taken over", TAKEOVER, self.resumed_at)
        self.assert_sent(self.finish(client))
        self.assert_resumed(file, SIZE // 4)

    def test_the_server_is_killed_too(self) -> None:
        file = self.file("both.bin", SIZE)
        self.half(file)
        self.server.kill_everything()
        self.server.start()
        self.again(file)
        self.assert_resumed(file, SIZE // 4)

    def test_the_servers_machine_crashed(self) -> None:
        """Another boot: the server goes on at what is surely on its disk, and the client's hash fits to any position."""
        file = self.file("rebooted.bin", SIZE)
        client = self.run_until(file, SIZE // 2, rate=SIZE)
        self.server.kill_everything()
        self.kill(client)
        with mock.patch.dict(os.environ, DYNC_TEST_BOOT_ID="another-boot"):
            self.server.start()
        self.again(file)
        say(f"went on at {self.assert_resumed(file, 0) / MIB:g} of {SIZE / MIB:g} MiB")

    def test_torn_and_broken_states(self) -> None:
        file = self.file("torn.bin", SIZE)
        self.half(file)
        (state,) = self.states()
        with open(state, "a") as torn:
            torn.write("67108864 0123")
        self.again(file)
        self.assert_resumed(file)
        other = self.file("broken.bin", SIZE)
        self.crash_at("client.state", other)
        (state,) = self.states()
        state.write_bytes(b"\0" * 300)
        self.assertEqual(self.again(other).stderr, f"dync: {other}: starts over, for {state} does not tell how far it was\n")
        self.assert_stored(other, "any")
        self.assertEqual(self.states(), [])

    # ---- the receipt ----

    def test_the_receipt_got_lost(self) -> None:
        for point in ("client.receipt", "client.written"):
            with self.subTest(point):
                file = self.file(f"{point}.bin", 100 * KIB)
                self.crash_at(point, file)
                row = self.assert_stored(file, "any")
                self.assertEqual(len(self.states()), 1)
                sent = self.proxy.counters.up
                receipt = self.fetch(file)
                self.assertEqual(receipt["upload_id"], row["upload_id"])
                self.assertEqual(receipt["sha256"], row["sha256"])
                self.assertEqual(receipt["destination"], row["destination"])
                self.assertLess(self.proxy.counters.up - sent, 16 * KIB, "no byte of it is sent again")
                self.assertEqual(len(self.server.ledger.named(file.name)), 1)
                self.assertEqual(self.states(), [])

    def test_the_receipt_got_lost_and_the_consumer_took_the_data(self) -> None:
        for size in (0, 1, 100 * KIB, 9 * MIB):
            with self.subTest(size=size):
                file = self.file(f"consumed{size}.bin", size)
                self.crash_at("client.receipt", file)
                row = self.assert_stored(file, "any")
                item = self.server.dropbox("any") / file.name
                shutil.rmtree(item)
                store.marker_of(item).unlink()
                self.consumed.add(file.name)
                self.assertEqual(self.fetch(file)["upload_id"], row["upload_id"])
                self.assertFalse(item.exists(), "stored twice")
                self.assertEqual(len(self.server.ledger.named(file.name)), 1)

    def fetch(self, file: Path) -> dict[str, Any]:
        done = self.sender.send(file, "--json", port=self.proxy.port)
        self.assert_sent(done)
        receipt: dict[str, Any] = json.loads(done.stdout)
        self.assertTrue(receipt["stored"])
        return receipt

    def test_it_is_over_while_nobody_listens(self) -> None:
        """The client dies when all is sent: the commit goes on without it."""
        file = self.file("alone.bin", 4 * MIB)
        self.proxy.faults.delay = 0.5  # for so long the receipt is on its way
        client = self.run_until(file, 4 * MIB)
        self.kill(client)
        self.proxy.faults.delay = 0.0
        self.again(file)
        self.assert_stored(file, "any")
        self.assertEqual(len(self.server.ledger.uploads()), 1)

    def test_killed_before_anything_was_posted(self) -> None:
        file = self.file("early.bin", 9 * MIB)
        self.crash_at("client.state", file)
        self.assertEqual(len(self.states()), 1)
        self.assertEqual(self.server.ledger.uploads(), [])
        self.again(file)
        self.assert_stored(file, "any")
        self.assertEqual(self.states(), [])

    # ---- starting over ----

    def test_a_changed_file(self) -> None:
        file = self.file("changed.bin", SIZE)
        self.half(file)
        with open(file, "r+b") as changed:
            changed.write(b"other bytes")
        self.crash_at("client.replacing", file)
        done = self.again(file)
        self.assertEqual(done.stderr, f"dync: {file}: starts over, for it has changed since its upload began\n")
        self.assert_replaced(file)

    def test_a_changed_file_whose_new_upload_was_never_posted(self) -> None:
        file = self.file("twice.bin", SIZE)
        self.half(file)
        file.write_bytes(b"much shorter")
        self.crash_at("client.state", file)
        self.again(file)
        self.assert_replaced(file)

    def test_no_resume(self) -> None:
        file = self.file("anew.bin", SIZE)
        self.half(file)
        sent = self.proxy.counters.up
        self.assertEqual(self.again(file, "--no-resume").stderr, "")
        self.assertGreater(self.proxy.counters.up - sent, SIZE, "all of it is sent")
        self.assertEqual(self.resumed_at(), [])
        self.assert_replaced(file)

    def test_a_stream_says_that_it_cannot(self) -> None:
        command = self.sender.command("--name=stream.bin", "--timeout=5", "-", port=self.proxy.port)
        client = subprocess.Popen(command, env={**os.environ, "HOME": str(self.sender.home)}, text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert client.stdin
        client.stdin.write("x" * 2**21)  # more than one piece; sent only when `dync` has read that it is approved
        client.stdin.flush()
        wait_until(lambda: self.proxy.counters.up > 2**20, 60, "it is approved")
        self.proxy.stall()
        client.wait(60)  # with its standard input still open: there is more to come
        done = self.finish(client, 60)
        self.proxy.resume()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "dync: -: no answer from the server for 5 s; standard input cannot be resumed: "
                                      "send it again\n")
        self.assertEqual(self.states(), [])

    def test_a_refused_file_leaves_no_state(self) -> None:
        file = self.file("nobody.wants", 10)
        self.assertEqual(self.sender.send(file).returncode, 1)
        self.assertEqual(self.states(), [])

    # ---- runs beside each other ----

    def test_two_at_once(self) -> None:
        file = self.file("contended.bin", SIZE)
        client = self.run_until(file, SIZE // 4, rate=SIZE)
        second = self.sender.send(file, port=self.proxy.port)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another dync is sending it to this server", second.stderr)
        self.proxy.slow(None)
        self.assert_sent(self.finish(client))
        self.assert_stored(file, "any")
        self.assertEqual(len(self.server.ledger.uploads()), 1)

    def test_a_home_without_a_place(self) -> None:
        (self.sender.config_dir / "state").write_text("no directory")
        files = [self.file(f"{name}.bin", 100) for name in ("a", "b")]
        done = self.sender.send(*files)
        self.assert_sent(done)
        self.assertEqual(done.stderr.count("cannot be resumed after this run: "), 1, done.stderr)
        for file in files:
            self.assert_stored(file, "any")


if __name__ == "__main__":
    main()
