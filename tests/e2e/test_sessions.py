"""Sessions of clients of our kind, message by message (section 4): the key is the upload, on any connection, after any
restart. What takes longer than a few seconds by contract is in test_silence."""
from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Optional

from tests.e2e import store
from tests.e2e.harness import STOLEN_ROUTING_ID, main
from tests.e2e.session_test import CHUNK, HALF, SIZE, SessionTest, upload
from tests.e2e.timing import promise, say, wait_until
from tests.peer import wire
from tests.peer.dync_client import DyncClient, Upload
from tests.peer.raw import RawPeer


class CheckTest(SessionTest):
    def traces(self) -> tuple[int, int, list[str]]:
        ledger = self.server.ledger
        staging = sorted(path.name for path in self.server.layout.staging.iterdir())
        return len(ledger.uploads()), len(ledger.all_events()), staging

    def test_it_leaves_no_trace(self) -> None:
        before = self.traces()
        peer = self.connect()
        self.assertIsInstance(peer.post(upload("fine.bin"), check=True), wire.UploadApproved)
        self.assert_refused(422, lambda: peer.post(upload("nobody.wants"), check=True))
        self.assert_refused(400, lambda: peer.post(upload("../fine.bin"), check=True))
        self.assert_refused(400, lambda: peer.post(replace(upload("fine.bin"), metadata="[]"), check=True))
        self.assertEqual(self.traces(), before)

    def test_it_reserves_nothing_and_tells_of_conflicts(self) -> None:
        sent = upload("asked.bin")
        asking = self.connect()
        asking.post(sent.another(), check=True)
        self.connect().upload(sent)
        promise("staging is empty", 2, lambda: not list(self.server.layout.staging.iterdir()))
        before = self.traces()
        self.assert_refused(409, lambda: asking.post(sent.another(), check=True))
        self.assertEqual(self.traces(), before)
        self.assert_committed_once(sent)

    def test_then_the_upload_itself(self) -> None:
        sent = upload("then.bin")
        peer = self.connect()
        peer.post(sent, check=True)
        peer.upload(sent)
        self.assert_committed_once(sent)


class ReceiptTest(SessionTest):
    def test_a_lost_receipt_is_told_again(self) -> None:
        """After the connection, after the server, and after the consumer: always the same, and stored once."""
        sent = upload("lost.bin")
        first = self.connect().upload(sent)
        self.assertEqual(self.connect().post(sent), first, "on another connection")
        self.assert_committed_once(sent)
        self.take(self.server.dropbox("any") / sent.name)
        self.assertEqual(self.connect().post(sent), first, "after the consumer")
        self.server.restart()
        self.assertEqual(self.connect().post(sent), first, "after a restart")
        self.assertEqual(list(self.server.dropbox("any").iterdir()), [])
        self.assertEqual(len(self.server.ledger.uploads()), 1)

    def take(self, item: Path) -> None:
        """As a consumer does."""
        store.marker_of(item).unlink()
        shutil.rmtree(item)
        self.consumed.add(item.name)

    def test_its_name_is_free_for_another_once_it_was_taken(self) -> None:
        first, second = upload("name.bin", 1), upload("name.bin", 2)
        receipt = self.connect().upload(first)
        self.assert_refused(409, lambda: self.connect().post(second))
        item = self.server.dropbox("any") / first.name
        self.take(item)
        self.connect().upload(second)
        self.assertEqual(self.connect().post(first), receipt)
        self.assert_committed_once(second, copies=2)
        self.take(item)  # two rows name it: the check after the test can't tell them apart


class NextFileTest(SessionTest):
    def test_after_finished_and_after_an_error(self) -> None:
        peer = self.connect()
        for number in range(3):
            sent = upload(f"next{number}.bin", number)
            self.assertEqual((peer.upload(sent).receipt or {})["sha256"], sent.sha256.hex())
            self.assert_committed_once(sent)
            self.assert_refused(422, lambda: peer.post(upload("nobody.wants")))
            wrong = upload(f"wrong{number}.bin")
            transfer = peer.open(wrong)
            peer.send(wire.post_chunk(0, b"data", bytes(32)))
            self.assert_refused(422, lambda: peer.finish(replace(transfer, credit=0)))

    def test_while_an_upload_runs(self) -> None:
        """Another key on the connection of an unfinished upload: 409, and the first goes on."""
        sent = upload("running.bin")
        peer = self.connect()
        transfer = peer.open(sent)
        peer.send_until(transfer, HALF)
        refused = self.assert_refused(409, lambda: peer.post(upload("second.bin")))
        self.assertTrue(refused.options.get("key"))
        peer.finish(transfer)
        self.assert_committed_once(sent)

    def test_an_originals_next_file(self) -> None:
        with self.sender.raw() as peer:
            ids = [self.original_upload(peer, upload(f"original{number}.bin", number)) for number in range(3)]
        self.assertEqual(len(set(ids)), 3)

    def original_upload(self, peer: RawPeer, sent: Upload) -> str:
        approved = peer.ask(wire.post_file(sent.name), wire.UploadApproved)
        self.assertIsNone(approved.options)
        for seek in range(0, SIZE, CHUNK):
            peer.send(sent.chunk(seek, CHUNK))
        upload_id = peer.ask(sent.last(), wire.UploadFinished).upload_id
        self.assert_committed_once(sent)
        return upload_id


class RepeatTest(SessionTest):
    def test_each_message_several_times(self) -> None:
        for times in (2, 3, 5):
            with self.subTest(times=times):
                sent = upload(f"times{times}.bin", times)
                peer = self.connect()
                peer.repeat = times
                finished = peer.upload(sent)
                self.assert_committed_once(sent)
                for message in peer.drain(1):  # answers to repeated questions come at most a few a second
                    self.assertNotIsInstance(message, wire.Error, str(message))
                    if isinstance(message, wire.UploadFinished):
                        self.assertEqual(message, finished)
        self.assertEqual(len(self.server.ledger.uploads()), 3)

    def test_each_message_of_an_original_several_times(self) -> None:
        for times in (2, 3, 5):
            sent = upload(f"original{times}.bin", times)
            with self.subTest(times=times), self.sender.raw() as peer:
                self.say(peer, wire.post_file(sent.name), times)
                approved = peer.expect(wire.UploadApproved)
                self.say(peer, wire.post_file(sent.name), times)
                self.assertEqual(peer.expect(wire.UploadApproved), approved)
                self.assertLessEqual(set(map(str, peer.drain(1))), {str(approved)})
                for seek in range(0, SIZE, CHUNK):
                    self.say(peer, sent.chunk(seek, CHUNK), times)
                    self.say(peer, wire.query_status(), times)
                self.say(peer, sent.last(), times)
                finished = peer.expect(wire.UploadFinished)
                for message in peer.drain(1):  # answers to repeated questions come at most a few a second
                    self.assertIn(message, (finished, wire.TransferCredit(0)))
                self.assert_committed_once(sent)
        self.assertEqual(len(self.server.ledger.uploads()), 3)

    @staticmethod
    def say(peer: RawPeer, frames: list[bytes], times: int) -> None:
        for _ in range(times):
            peer.send(frames)

    def test_after_the_end_at_most_a_few_a_second(self) -> None:
        sent = upload("ended.bin")
        peer = self.connect()
        finished = peer.upload(sent)
        end = time.monotonic() + 2
        answers: list[wire.ServerMessage] = []
        while time.monotonic() < end:
            for frames in (wire.query_status(), sent.last(), sent.chunk(0, CHUNK)):
                peer.send(frames)
            while (message := peer.receive(0.01)) is not None:
                answers.append(message)
        say(f"a flood after the end: {len(answers)} answers in 2 s")
        self.assertEqual({str(answer) for answer in answers}, {str(finished)})
        self.assertLessEqual(len(answers), 2 * 5 + 1)


class DestinationTest(SessionTest):
    def test_two_connections_for_one_destination(self) -> None:
        first, second = upload("one place.bin", 1), upload("one_place.bin", 2)
        second = replace(second, name="oneplace.bin")
        peer, other = self.connect(), self.connect()
        transfer = peer.open(first)
        for position in range(CHUNK, SIZE, CHUNK):
            self.assert_refused(409, lambda: other.post(second))
            other.send(second.chunk(position - CHUNK, CHUNK))
            self.assertIn(other.expect(wire.Error).code, (404, 409))
            peer.send_until(transfer, position)
        peer.finish(transfer)
        self.assert_committed_once(first, "oneplace.bin")
        self.assert_refused(409, lambda: other.post(second))

    def test_a_race_for_one_destination(self) -> None:
        """Both kinds of client and two users at once: one is approved, the others hear 409."""
        other = self.another_sender("user2")
        other.await_listed()
        uploads = [upload("race.bin", number) for number in range(12)]
        peers = [self.connect((self.sender, other)[number % 2]) for number in range(12)]
        for number, (peer, sent) in enumerate(zip(peers, uploads)):
            peer.send(sent.post() if number % 3 else wire.post_file(sent.name))
        answers = [self.answer(peer) for peer in peers]
        approved = [number for number, answer in enumerate(answers) if isinstance(answer, wire.UploadApproved)]
        self.assertEqual([answer.code for answer in answers if isinstance(answer, wire.Error)], [409] * 11)
        (winner,) = approved
        sent, peer = uploads[winner], peers[winner]
        for seek in range(0, SIZE, CHUNK):
            for each in range(12):
                peers[each].send(uploads[each].chunk(seek, CHUNK))
        peer.ask(sent.last(), wire.UploadFinished)
        self.assert_committed_once(sent)

    @staticmethod
    def answer(peer: DyncClient) -> wire.ServerMessage:
        return wait_until(lambda: peer.receive(1), 30, "an answer to post-file")

    def test_an_ended_upload_holds_no_name(self) -> None:
        first, second = upload("held.bin", 1), upload("held.bin", 2)
        peer = self.half(first)
        peer.send(wire.error(500, "The sender gives up."))
        promise("it is aborted", 2, lambda: self.server.ledger.uploads("aborted"))
        self.connect().upload(second)
        self.assert_committed_once(second)


class ThiefTest(SessionTest):
    def test_another_users_routing_id(self) -> None:
        """403 for the thief; the victim goes on by a new connection with its key, while the thief stays."""
        self.expected_errors += STOLEN_ROUTING_ID
        thief_user = self.another_sender("user2")
        thief_user.await_listed()
        sent = upload("victim.bin")
        victim = self.half(sent)
        thief = self.connect(thief_user, routing_id=victim.routing_id)
        for frames in (wire.query_status(), wire.post_chunk(HALF, b"of the thief"), upload("own.bin", 5).post(),
                       wire.error(400, "Stop it.")):
            error = self.insist(thief, frames)
            self.assertEqual(error.code, 403, f"{frames[0]!r}: {error.message}")
            self.assertNotIn("victim", error.message)
            self.assertNotIn(sent.key, json.dumps(error.options))
        self.assert_resumes_at(sent, HALF)
        while (message := thief.receive(0)) is not None:
            self.assertEqual(getattr(message, "code", None), 403, str(message))
        (row,) = self.server.ledger.uploads()
        self.assertEqual(row["origin"], "user1")

    @staticmethod
    def insist(thief: DyncClient, frames: list[bytes]) -> wire.Error:
        def answer() -> Optional[wire.ServerMessage]:
            thief.send(frames)
            return thief.receive(0.5)

        message = wait_until(answer, 30, "an answer to the thief")
        assert isinstance(message, wire.Error), f"the thief got {message}"
        return message

    def test_another_users_key(self) -> None:
        """A key that somebody else found out opens nothing of its owner's."""
        other = self.another_sender("user2")
        other.await_listed()
        sent = upload("secret.bin")
        self.connect().upload(sent)
        self.assert_refused(409, lambda: self.connect(other).post(sent))  # the name, for an upload of its own

if __name__ == "__main__":
    main()
