"""Checkpoints: no crash, no resume and no restart makes the server read or the client send much of a file again."""
from __future__ import annotations

import os
import threading
from typing import Any, Optional
from unittest import mock

from tests.e2e.harness import ServerTest, main
from tests.e2e.session_test import upload
from tests.e2e.timing import promise, say, wait_until
from tests.peer.dync_client import DyncClient, Transfer
from tests.peer.original_client import Habits, Refused
from tests.peer.proxy import Proxy

MIB = 1024 * 1024
SIZE = 16 * MIB + 77


class Machine(ServerTest):
    """The interval is made small, and the machine's boot has an id of the test's own."""

    EXPECTED_ERRORS = ("dync-hasher", "dync-receiver", "dync-committer", "hasher", "receiver", "committer")
    SETTINGS = {"DYNC_TEST_CHECKPOINT": str(2 * MIB)}

    def setUp(self) -> None:
        self.settings = self.enterContext(mock.patch.dict(os.environ, {**self.SETTINGS, "DYNC_TEST_BOOT_ID": "first"}))
        super().setUp()

    def checkpoint(self, upload_id: Optional[str] = None) -> dict[str, Any]:
        """The newest one, and the bytes that are known to be synced."""
        rows = self.server.ledger.query("SELECT upload_id, offset, durable_bytes FROM checkpoints "
                                        "JOIN sessions USING (upload_id)")
        rows = [row for row in rows if upload_id in (None, row["upload_id"])]
        self.assertLessEqual(len(rows), 1, "one for each upload at most")
        return rows[0] if rows else {"offset": 0, "durable_bytes": 0}

    def await_checkpoint(self, least: int) -> int:
        row = wait_until(lambda: (found := self.checkpoint())["offset"] >= least and found, 30,
                         f"a checkpoint at {least} bytes or later")
        self.assertEqual(row["offset"] % MIB, 0, "a multiple of the chunk size")
        self.assertGreaterEqual(row["durable_bytes"], row["offset"])
        return int(row["offset"])

    def reboot(self) -> int:
        """All processes die at once and the machine with them: what was not synced is lost. Returns what was known
        to be synced."""
        self.server.kill_everything()
        durable = int(self.checkpoint()["durable_bytes"])
        for data in self.server.layout.staging.glob("*/data"):
            with open(data, "r+b") as file:
                lost = max(0, file.seek(0, os.SEEK_END) - durable)
                file.seek(durable)
                file.write(bytes(lost))
        os.environ["DYNC_TEST_BOOT_ID"] = "second"
        self.server.start()
        return durable

    def verified(self, upload_id: str) -> dict[str, Any]:
        return {event["event"]: event["detail"] for event in self.server.ledger.events(upload_id)}["verified"]

    def assert_stored_once(self, name: str, sha256: str) -> dict[str, Any]:
        (row,) = self.server.ledger.uploads()
        self.assertEqual((row["state"], row["sha256"], row["filename"]), ("committed", sha256, name))
        self.assertEqual(self.server.ledger.query("SELECT * FROM checkpoints"), [], "not needed any more")
        return row

    def original(self, size: int, until: int, rate: Optional[float]) -> object:
        """How the upload of an original ended during which the machine died."""
        file = self.file("original.bin", size)
        ended: list[object] = []
        with Proxy(("127.0.0.1", self.server.port)) as proxy:
            proxy.slow(rate)
            client = self.sender.original(Habits(2), proxy.endpoint)

            def send() -> None:
                try:
                    with open(file, "rb") as source:
                        ended.append(client.upload(source, file.name))
                except Exception as problem:  # the test tells it
                    ended.append(problem)
                finally:
                    client.close()

            thread = threading.Thread(target=send, daemon=True)
            thread.start()
            wait_until(lambda: proxy.counters.up > until, 120, "the upload is under way")
            self.reboot()
            proxy.slow(None)
            thread.join(120)
        self.assertTrue(ended, "the original client still waits")
        if isinstance(ended[0], str):
            self.assert_stored(file, "any")
        return ended[0]


class RereadTest(Machine):
    """The server reads no more than what came since the last one."""

    def most_of(self, peer: DyncClient) -> Transfer:
        """No faster than checkpoints come, so that the last one is not far."""
        transfer = peer.open(self.sent)
        for position in range(MIB, 15 * MIB + 1, MIB):
            peer.send_until(transfer, position)
            if position > 3 * MIB:
                self.await_checkpoint(position - 3 * MIB)
        peer.send_until(transfer, 15 * MIB + 1000)
        return transfer

    def check_rehash(self, disturb: Any) -> None:
        self.sent = upload("sent.bin", size=SIZE)
        peer = self.enterContext(self.sender.peer())
        transfer = self.most_of(peer)
        at = self.await_checkpoint(12 * MIB)
        peer, transfer = disturb(peer, transfer)
        self.assertGreaterEqual(transfer.position, at)
        peer.finish(transfer)
        self.assert_stored_once("sent.bin", self.sent.sha256.hex())
        verified = self.verified(transfer.upload_id)
        say(f"checkpoint at {at}, then hashed {verified['from_slots'] + verified['from_file']} of {SIZE} bytes")
        self.assertLessEqual(verified["from_slots"] + verified["from_file"], SIZE - at)

    def test_a_new_hasher(self) -> None:
        def kill(peer: DyncClient, transfer: Transfer) -> tuple[DyncClient, Transfer]:
            self.server.kill_worker("dync-hasher")
            return peer, transfer

        self.check_rehash(kill)

    def test_a_new_receiver(self) -> None:
        def kill(peer: DyncClient, transfer: Transfer) -> tuple[DyncClient, Transfer]:
            self.server.kill_worker("dync-receiver")
            return self.again(None)

        self.check_rehash(kill)

    def test_a_new_committer(self) -> None:
        def kill(peer: DyncClient, transfer: Transfer) -> tuple[DyncClient, Transfer]:
            self.server.kill_worker("dync-committer")
            self.server.kill_worker("dync-hasher")
            return peer, transfer

        self.check_rehash(kill)

    def test_a_resume(self) -> None:
        """Another connection with the key: the upload is parked and goes on in another epoch."""
        self.check_rehash(lambda peer, transfer: self.again(transfer.position))

    def test_all_processes_at_once(self) -> None:
        def kill(peer: DyncClient, transfer: Transfer) -> tuple[DyncClient, Transfer]:
            self.server.kill_everything()
            self.server.start()
            return self.again(15 * MIB + 1000)

        self.check_rehash(kill)

    def again(self, position: Optional[int]) -> tuple[DyncClient, Transfer]:
        peer = self.enterContext(self.sender.peer())
        transfer = peer.open(self.sent)
        if position is not None:
            self.assertEqual(transfer.position, position)
        return peer, transfer


class RebootTest(Machine):
    """The machine dies: what was not synced is lost."""

    def test_another_boot_goes_on_at_the_checkpoint(self) -> None:
        file = self.file("ours.bin", SIZE)
        with Proxy(("127.0.0.1", self.server.port)) as proxy:
            proxy.slow(4 * MIB)
            client = self.sender.start(file, port=proxy.port)
            self.await_checkpoint(6 * MIB)
            sent = proxy.counters.up
            durable = self.reboot()
            sent = max(sent, proxy.counters.up)
            proxy.slow(None)
            self.assert_sent(self.finish(client, 120))
            again = proxy.counters.up - SIZE
        row = self.assert_stored(file, "any")
        say(f"durable {durable}, sent before {sent}, sent again {again} bytes")
        self.assertGreaterEqual(durable, 6 * MIB)
        self.assertLess(again, sent - durable + 2 * MIB, "not more than what was not synced")
        events = {event["event"]: event["detail"] for event in self.server.ledger.events(row["upload_id"])}
        if "cut" in events:
            self.assertEqual(events["cut"]["bytes"], durable)

    def test_another_boot_and_a_parked_one(self) -> None:
        sent = upload("sent.bin", size=SIZE)
        peer = self.enterContext(self.sender.peer())
        peer.send_until(peer.open(sent), 5 * MIB + 1000)
        other = self.enterContext(self.sender.peer())  # parks it, and goes on
        other.send_until(other.open(sent), 9 * MIB)
        self.await_checkpoint(6 * MIB)
        durable = self.reboot()
        last = self.enterContext(self.sender.peer())
        transfer = last.open(sent)
        self.assertEqual(transfer.position, durable)
        last.finish(transfer)
        self.assert_stored_once("sent.bin", sent.sha256.hex())

    def test_another_boot_and_an_original(self) -> None:
        """The checkpoint is within what it keeps: it goes back there and finishes."""
        self.assertIsInstance(self.original(SIZE, 8 * MIB, 4 * MIB), str)
        (row,) = self.server.ledger.uploads()
        self.assertEqual(row["state"], "committed")


class SlowLinkTest(Machine):
    """Long before 256 MiB have come; the pause is made small."""

    SETTINGS = {"DYNC_TEST_CHECKPOINT_PAUSE": "1"}

    def test_after_a_pause(self) -> None:
        sent = upload("slow.bin", size=4 * MIB)
        peer = self.enterContext(self.sender.peer())
        peer.chunk_size = 64 * 1024
        transfer = peer.open(sent)
        peer.send_until(transfer, MIB // 2)

        def more() -> bool:
            if transfer.position < 3 * MIB:
                peer.send_until(transfer, transfer.position + 64 * 1024)
            return bool(self.checkpoint()["offset"])

        promise("a checkpoint on a slow link", 2, more)
        peer.finish(transfer)
        self.assert_stored_once("slow.bin", sent.sha256.hex())


class UsualIntervalTest(Machine):
    SETTINGS: dict[str, str] = {}

    def test_another_boot_and_an_original_that_is_too_far(self) -> None:
        """Nothing was synced yet, and it keeps 25 MiB: it hears that it must start again."""
        ended = self.original(64 * MIB, 40 * MIB, 32 * MIB)
        self.assertIsInstance(ended, Refused, f"{ended!r}")
        self.assertEqual(getattr(ended, "code"), 500)
        self.assertIn("the server lost data, send the file again", str(ended))

    def test_six_hundred_mebibytes(self) -> None:
        size = 600 * MIB
        file = self.file("large.bin", size)
        with Proxy(("127.0.0.1", self.server.port)) as proxy:
            proxy.slow(100 * MIB)
            client = self.sender.start(file, port=proxy.port)
            wait_until(lambda: proxy.counters.up > 560 * MIB, 120, "nearly all is under way", pause=0.001)
            proxy.stall()
            at = self.await_checkpoint(512 * MIB)
            self.server.kill_worker("dync-hasher")
            proxy.slow(None)
            proxy.resume()
            self.assert_sent(self.finish(client, 300))
        row = self.assert_stored(file, "any")
        verified = self.verified(row["upload_id"])
        say(f"checkpoint at {at}, then hashed {verified['from_slots'] + verified['from_file']} of {size} bytes")
        self.assertLessEqual(verified["from_slots"] + verified["from_file"], size - at)


if __name__ == "__main__":
    main()
