"""The key is the upload, on any connection, after any restart: takeover, resume, and an upload that replaces another."""
from __future__ import annotations

import threading
from dataclasses import replace

from tests.e2e.harness import main
from tests.e2e.session_test import CHUNK, HALF, KIB, SIZE, SessionTest, upload
from tests.e2e.timing import promise, say, wait_until
from tests.peer import wire
from tests.peer.dync_client import Refused, Upload
from tests.peer.raw import NoAnswer


class TakeoverTest(SessionTest):
    def test_the_same_key_takes_over(self) -> None:
        sent = upload("taken.bin")
        old = self.half(sent)
        new = self.connect()
        transfer = new.open(sent)
        told = old.expect(wire.Error)
        self.assertEqual(told.code, 409, told.message)
        self.assertIn("taken over", told.message)
        self.assertEqual((told.options or {}).get("key"), sent.key)
        self.assertEqual(transfer.position, HALF)
        for frames in (wire.post_chunk(HALF, b"of the old connection"), wire.query_status()):
            old.send(frames)
        new.finish(transfer)
        self.assert_committed_once(sent)
        self.assertEqual(len(self.server.ledger.uploads()), 1)

    def test_back_and_forth(self) -> None:
        sent, at = upload("back.bin"), 0
        peers = [self.connect() for _ in range(3)]
        for step in range(9):
            transfer = peers[step % 3].open(sent)
            self.assertEqual(transfer.position, at)
            at += CHUNK + step
            peers[step % 3].send_until(transfer, at)
            if step:
                self.assertEqual(peers[(step - 1) % 3].expect(wire.Error).code, 409)
        self.assert_resumes_at(sent, at)
        self.assertEqual(len(self.server.ledger.uploads()), 1)

    def test_while_chunks_are_on_their_way(self) -> None:
        sent = upload("under way.bin", size=4 * KIB * KIB)
        old, new = self.connect(), self.connect()
        transfer = old.open(sent)
        for seek in range(0, min(transfer.credit, 30) * CHUNK, CHUNK):
            old.send(sent.chunk(seek, CHUNK))
        taken = new.open(sent)
        say(f"taken over at {taken.position} of {min(transfer.credit, 30) * CHUNK} bytes that were sent")
        self.assertEqual(taken.upload_id, transfer.upload_id)
        new.finish(taken)
        self.assert_committed_once(sent, "underway.bin")

    def test_when_all_has_been_sent(self) -> None:
        """The old connection sent its last chunk: the new one hears the receipt, and no byte is sent again."""
        sent = upload("complete.bin")
        old = self.half(sent)
        old.send(sent.chunk(HALF, SIZE - HALF))
        old.send(sent.last())
        new = self.connect()
        answer = new.post(sent)
        if isinstance(answer, wire.UploadApproved):  # the post-file was faster than the last chunk
            answer = new.finish(new.begin(sent, answer))
        assert answer.receipt is not None
        self.assertEqual(answer.receipt["sha256"], sent.sha256.hex())
        self.assert_committed_once(sent)
        self.assertEqual(len(self.server.ledger.uploads()), 1)

    def test_another_users_key_is_another_upload(self) -> None:
        other = self.another_sender("user2")
        other.await_listed()
        mine, theirs = upload("mine.bin", 1), upload("theirs.bin", 2)
        theirs = replace(theirs, key=mine.key)
        old = self.half(mine)
        self.connect(other).upload(theirs)
        self.assert_undisturbed(old)
        self.assert_resumes_at(mine, HALF)
        self.assert_committed_once(theirs)

    def test_a_burst_of_takeovers(self) -> None:
        """Many connections with one key at once: each but one hears `taken over`, and the upload goes on by its key."""
        for number in range(10):
            sent = upload(f"burst{number}.bin", number)
            self.half(sent)
            peers = [self.connect() for _ in range(6)]
            for peer in peers:
                self.assertTrue(peer.await_handshake(20))
            for peer in peers:
                peer.send(sent.post())
            answers = [wait_until(lambda: peer.receive(1), 30, "an answer to post-file") for peer in peers]
            for answer in answers:
                if isinstance(answer, wire.Error):
                    self.assertIn("taken over", answer.message, f"burst {number}")
            self.assert_resumes_at(sent, HALF)

    def test_two_connections_with_one_key_never_mix(self) -> None:
        """Both come back again and again while both send: one copy in the end, and the right one."""
        sent = upload("contended.bin", size=40 * CHUNK)
        ended: list[str] = []
        others: list[str] = []

        def contend() -> None:
            for _ in range(30):
                peer = self.connect()
                try:
                    ended.append(peer.upload(sent).upload_id)
                    return
                except (Refused, NoAnswer) as problem:
                    if "taken over" not in str(problem):
                        others.append(str(problem))

        threads = [threading.Thread(target=contend) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(others, [], "nothing but taken over")
        self.assertEqual(len(set(ended)), 1, ended)
        self.assert_committed_once(sent)
        self.assertEqual(len(self.server.ledger.uploads()), 1)


class ResumeTest(SessionTest):
    def test_after_the_connection_went_away(self) -> None:
        sent = upload("went.bin")
        self.half(sent).close()
        self.assert_resumes_at(sent, HALF)

    def test_after_a_restart_of_the_server(self) -> None:
        sent = upload("restarted.bin")
        self.half(sent).close()
        self.server.restart()
        self.assert_resumes_at(sent, HALF)

    def test_on_the_same_connection_after_a_restart(self) -> None:
        """Without a new post-file: the session goes on."""
        sent = upload("goes on.bin")
        peer = self.connect()
        transfer = peer.open(sent)
        peer.send_until(transfer, HALF)
        self.server.restart()
        peer.finish(transfer)
        self.assert_committed_once(sent, "goeson.bin")

    def test_a_stream(self) -> None:
        sent = replace(upload("stream.bin"), stream=True)
        self.half(sent).close()
        self.assert_resumes_at(sent, HALF)
        self.assertIsNone(self.server.ledger.named("stream.bin")[0]["size_declared"])

    def test_other_size_or_mtime_under_one_key(self) -> None:
        sent = upload("guarded.bin")
        grown, touched = replace(sent, data=sent.data + b"more"), replace(sent, mtime_ns=sent.mtime_ns + 1)
        others = (grown, touched, replace(sent, stream=True))

        def assert_all_refused(what: str) -> None:
            for other in others:
                with self.subTest(what, options=other.options()):
                    self.assert_refused(409, lambda: self.connect().post(other))

        live = self.half(sent)
        assert_all_refused("live")
        self.assert_undisturbed(live)
        live.close()
        assert_all_refused("its connection is closed")
        self.assert_resumes_at(sent, HALF)
        assert_all_refused("finished")
        self.assert_committed_once(sent)

    def test_new_metadata_wins(self) -> None:
        sent = replace(upload("described.bin"), metadata='{"sample":"old","gone":1}')
        self.half(sent).close()
        self.assert_resumes_at(replace(sent, metadata='{ "sample" : "new" }'), HALF)
        (row,) = self.server.ledger.uploads()
        self.assertEqual(row["metadata"], '{ "sample" : "new" }')
        sidecar = self.server.dropbox("any") / "described.bin" / "described.bin.metadata.json"
        self.assertEqual(sidecar.read_bytes(), b'{ "sample" : "new" }')

    def test_metadata_that_is_refused_leaves_the_partial(self) -> None:
        sent = upload("judged.bin")
        self.half(sent).close()
        self.assert_refused(400, lambda: self.connect().post(replace(sent, metadata="[]")))
        self.assert_refused(422, lambda: self.connect().post(replace(sent, name="nobody.wants")))
        self.assert_resumes_at(sent, HALF)


class ReplacesTest(SessionTest):
    def test_a_live_upload(self) -> None:
        first, second = upload("again.bin", 1), upload("again.bin", 2)
        old = self.half(first)
        new = self.connect()
        transfer = new.open(second, replaces=first.key)
        self.assertEqual(transfer.position, 0)
        self.assertEqual(old.expect(wire.Error).code, 409)
        new.finish(transfer)
        self.assert_committed_once(second)
        self.assert_ended(first)

    def test_one_whose_client_went_away(self) -> None:
        first, second = upload("again.bin", 1), upload("again.bin", 2)
        self.half(first).close()
        self.connect().upload(second, replaces=first.key)
        self.assert_committed_once(second)
        self.assert_ended(first)

    def assert_ended(self, sent: Upload) -> None:
        (row,) = self.server.ledger.uploads("aborted")
        self.assertEqual(row["filename"], sent.name)
        self.assertTrue(row["finished_at"])
        promise("its staging is gone", 2, lambda: not (self.server.layout.staging / row["upload_id"]).exists())

    def test_another_users_upload_is_not_ended(self) -> None:
        other = self.another_sender("user2")
        other.await_listed()
        mine = upload("mine.bin", 1)
        peer = self.half(mine)
        self.connect(other).upload(upload("theirs.bin", 2), replaces=mine.key)
        self.assert_undisturbed(peer)
        self.assert_resumes_at(mine, HALF)

    def test_an_unknown_or_a_finished_one(self) -> None:
        first = upload("first.bin", 1)
        self.connect().upload(first, replaces="ab" * 16)
        self.connect().upload(upload("second.bin", 2), replaces=first.key)
        self.assert_committed_once(first)
        self.assertEqual(len(self.server.ledger.uploads("committed")), 2)

    def test_a_key_that_is_none(self) -> None:
        self.assert_refused(400, lambda: self.connect().post(upload("x.bin"), replaces="short"))

if __name__ == "__main__":
    main()
