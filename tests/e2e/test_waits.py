"""Sessions that fall silent: what happens after 30, 60 and 120 seconds. All wait side by side, each kind with a server.

Section 4 of the contract: a session of our client ends after 60 s of silence, its name is free and its partial waits.
An original's upload is taken over only by the same user with the same name, after 120 s of silence, 15 min if it still
holds credit, or 30 s after its connection was found gone.
"""
from __future__ import annotations

import hashlib
import random
import threading
import time
import traceback
from typing import Callable, Optional

from tests.e2e.harness import Sender, Server, ServerTest, main
from tests.e2e.timing import say, wait_until
from tests.peer import wire
from tests.peer.dync_client import DyncClient, Refused, Upload
from tests.peer.raw import RawPeer


class Waits:
    """Scenarios that mostly wait, each in a thread, all with one server."""

    def __init__(self, server: Server, first: Sender, second: Sender) -> None:
        self.server, self.first, self.second = server, first, second
        self.started = time.monotonic()

    def until(self, seconds: float) -> None:
        """So long after the start: what is waited for is that nothing happens."""
        time.sleep(max(0.0, self.started + seconds - time.monotonic()))

    def scenarios(self) -> list[Callable[[], None]]:
        return [getattr(self, name) for name in dir(self) if name.startswith("scenario_")]

    def run(self) -> list[str]:
        """What went wrong."""
        problems: list[str] = []
        self.started = time.monotonic()

        def one(scenario: Callable[[], None]) -> None:
            try:
                scenario()
            except Exception:  # the test tells it
                problems.append(f"{scenario.__name__}:\n{traceback.format_exc()}")

        threads = [threading.Thread(target=one, args=(scenario,)) for scenario in self.scenarios()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return problems

    def half(self, name: str, seed: int) -> tuple[Upload, DyncClient]:
        sent = Upload(name, random.Random(seed).randbytes(300_000))
        peer = self.first.peer()
        peer.send_until(peer.open(sent), 123_457)
        return sent, peer

    @staticmethod
    def refused(peer: DyncClient, sent: Upload) -> Optional[int]:
        """The code of a refusal; None if the upload was approved."""
        try:
            peer.open(sent)
        except Refused as refused:
            return refused.code
        return None

    @staticmethod
    def open(peer: RawPeer, name: str) -> wire.UploadApproved:
        return peer.ask(wire.post_file(name), wire.UploadApproved)

    @staticmethod
    def code(sender: Sender, name: str) -> Optional[int]:
        with sender.raw() as peer:
            peer.send(wire.post_file(name))
            answer = wait_until(lambda: peer.receive(1), 60, "an answer to post-file")
            if isinstance(answer, wire.UploadApproved):
                peer.send(wire.error(500, "Only asking."))
                return None
            assert isinstance(answer, wire.Error), answer
            return answer.code

    def await_free(self, peer: DyncClient, sent: Upload, seconds: float) -> float:
        """Asks each second until the name is free and `sent` is approved; when that was, after the start."""
        def approved() -> bool:
            code = self.refused(peer, sent)
            assert code in (None, 409), code
            return code is None

        wait_until(approved, seconds, f"the name {sent.name} is free", pause=1)
        return time.monotonic() - self.started

    def committed(self, name: str) -> bytes:
        (row,) = [row for row in self.server.ledger.uploads("committed") if row["filename"] == name]
        return (self.server.dropbox("any") / row["clean_name"] / row["clean_name"]).read_bytes()


class OurClients(Waits):
    def resume(self, sent: Upload) -> None:
        with self.first.peer() as peer:
            transfer = peer.open(sent)
            assert transfer.position == 123_457, f"{sent.name} resumes at {transfer.position}"
            peer.finish(transfer)
        assert self.committed(sent.name) == sent.data

    def scenario_silent(self) -> None:
        """60 s of silence: the name is free, the partial waits; a resume while somebody has the name hears 409."""
        sent, peer = self.half("silent.bin", 1)
        with peer, self.first.peer() as other:
            assert self.refused(other, sent.another()) == 409
            self.until(50)
            assert self.refused(other, sent.another()) == 409, "free before 60 s of silence"
            second = sent.another()
            free = self.await_free(other, second, 600)
            say(f"the name of a silent upload is free after {free:.1f} s (promised 60 s)")
            with self.first.peer() as late:
                assert self.refused(late, sent) == 409, "a resume while somebody has the name"
            other.send(wire.error(500, "The second gives up."))
            wait_until(lambda: self.server.ledger.uploads("aborted"), 20, "the second has ended")
            self.resume(sent)

    def scenario_alive(self) -> None:
        """A query-status each 20 s keeps the session, and its name."""
        sent, peer = self.half("alive.bin", 2)
        with peer, self.first.peer() as other:
            for at in (20, 40, 60, 80):
                self.until(at)
                peer.send(wire.query_status())
                assert self.refused(other, sent.another()) == 409, f"its name was free after {at} s"
            peer.drain()
            transfer = peer.open(sent)
            assert transfer.position == 123_457
            peer.finish(transfer)
        assert self.committed(sent.name) == sent.data

    def scenario_an_original_that_holds_credit(self) -> None:
        """It waits for its source, and may for 15 min."""
        with self.first.raw() as holder:
            assert self.open(holder, "holder.bin").credit
            for at in (30, 61, 125):
                self.until(at)
                assert self.code(self.first, "holder.bin") == 409, f"taken over after {at} s"
            holder.send(wire.post_chunk(0, b"data"))
            holder.ask(wire.post_chunk(4, b"", hashlib.sha256(b"data").digest()), wire.UploadFinished)
        assert self.committed("holder.bin") == b"data"

    def scenario_two_partials_for_one_name(self) -> None:
        first, peer = self.half("double.bin", 3)
        peer.close()
        second = Upload("double.bin", b"second" * 50_000)
        with self.first.peer() as other:
            say(f"the name of one that left is free after {self.await_free(other, second, 600):.1f} s")
            other.send_until(other.open(second), 77_777)
        with self.first.peer() as back:
            say(f"and again after {self.await_free(back, first, 600):.1f} s")
            transfer = back.open(first)
            assert transfer.position == 123_457, str(transfer)
            back.finish(transfer)
        assert self.committed("double.bin") == first.data
        with self.first.peer() as late:
            assert self.refused(late, second) == 409, "the name is taken for good"
        states = {row["state"] for row in self.server.ledger.named("double.bin")}
        assert states == {"committed", "receiving"}, states


class Expiry(Waits):
    """With limits.partial_ttl 5 s."""

    def scenario_expires(self) -> None:
        sent, peer = self.half("expires.bin", 4)
        kept, other = self.half("kept.bin", 5)
        with peer, other:
            for at in (20, 40, 60):
                self.until(at)
                other.send(wire.query_status())
            row = wait_until(lambda: next(iter(self.server.ledger.uploads("expired")), None), 650, "it expires")
            say(f"expired after {time.monotonic() - self.started:.1f} s (60 s of silence, limits.partial_ttl 5 s)")
            assert time.monotonic() - self.started > 60
            assert row["filename"] == sent.name and row["finished_at"], row
            staged = self.server.layout.staging / row["upload_id"]
            wait_until(lambda: not staged.exists(), 20, "its staging is gone")
            other.drain()
            transfer = other.open(kept)
            assert transfer.position == 123_457
            other.finish(transfer)
        with self.first.peer() as again:
            code = self.refused(again, sent)
            assert code in (None, 404, 408, 409), code


class Originals(Waits):
    """With a budget that one client of ours holds, so that originals have no credit until it lets go."""

    NAME, SAME_PLACE = "silent one.bin", "silentone.bin"

    def scenario_takeover(self) -> None:
        with self.first.peer() as hog, self.first.raw() as silent:
            hog.open(Upload("hog.bin", bytes(8 << 20)))
            credit = self.open(silent, self.NAME).credit
            assert credit == 0, f"it was approved with credit {credit}"
            keeping = threading.Thread(target=self.keep, args=(hog, 125.0))
            keeping.start()
            self.refuse_others(110)
            keeping.join()
            self.await_takeover(silent)

    def keep(self, hog: DyncClient, until: float) -> None:
        """A silent session's share would go back to the budget after 45 s."""
        while time.monotonic() < self.started + until:
            hog.send(wire.query_status())
            time.sleep(10)  # how often it says that it lives
        hog.drain()

    def refuse_others(self, until: float) -> None:
        """Nobody takes over before 120 s, and others never: another user, another name for the same place."""
        while time.monotonic() < self.started + until:
            self.assert_refused_for_others()
            assert self.code(self.first, self.NAME) == 409, "taken over before 120 s of silence"
            time.sleep(10)  # how often they try

    def assert_refused_for_others(self) -> None:
        assert self.code(self.second, self.NAME) == 409, "another user"
        assert self.code(self.first, self.SAME_PLACE) == 409, "another name for the same place"

    def await_takeover(self, silent: RawPeer) -> None:
        self.until(125)
        self.assert_refused_for_others()
        wait_until(lambda: self.code(self.first, self.NAME) is None, 1200, "taken over", pause=2)
        say(f"a silent original without credit was taken over after {time.monotonic() - self.started:.1f} s (120 s)")
        told = silent.expect(wire.Error)
        assert told.code == 409 and "taken over" in told.message, told


class Gone(Waits):
    """The same budget: when it is free again the server sends credit to the one that left, and finds that out."""

    def scenario_gone(self) -> None:
        with self.first.peer() as hog, self.first.raw() as gone:
            hog.open(Upload("hog.bin", bytes(8 << 20)))
            assert self.open(gone, "gone.bin").credit == 0
            gone.close()
            assert self.code(self.first, "gone.bin") == 409
            hog.send(wire.error(500, "The hog lets go."))
        self.until(20)
        assert self.code(self.first, "gone.bin") == 409, "taken over before 30 s"
        wait_until(lambda: self.code(self.first, "gone.bin") is None, 300, "taken over", pause=1)
        taken = time.monotonic() - self.started
        say(f"an original whose connection was found gone was taken over after {taken:.1f} s (30 s)")
        assert taken < 100, "not before it was silent for 120 s"


class WaitsTest(ServerTest):
    EXTRAS = {
        OurClients: "",
        Expiry: "limits: {partial_ttl: 5}\n",
        Originals: "flow: {budget: 1048576, chunk_size: 262144}\n",
        Gone: "flow: {budget: 1048576, chunk_size: 262144}\n",
    }

    def setUp(self) -> None:
        super().setUp()
        self.waits = [kind(*self.another_server(extra)) for kind, extra in self.EXTRAS.items()]

    def another_server(self, extra: str) -> tuple[Server, Sender, Sender]:
        """With the users user1 and user2; checked after the test as the first one is."""
        server = Server(extra)
        self.addCleanup(server.remove)
        senders = Sender(server, "user1"), Sender(server, "user2")
        for sender in senders:
            sender.list_key()
        server.start()
        self.addCleanup(lambda: self.assertEqual(server.problems([], []), []))
        return server, *senders

    def test_side_by_side(self) -> None:
        found: list[str] = []
        threads = [threading.Thread(target=lambda each=each: found.extend(each.run())) for each in self.waits]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [], "\n".join(found))


if __name__ == "__main__":
    main()
