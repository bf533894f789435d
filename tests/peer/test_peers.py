"""The peers against each other: what they prove about dync later must hold between themselves first."""
from __future__ import annotations

import hashlib
import io
import os
import random
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Any, Callable, Optional

import zmq

from tests.peer import keys, wire
from tests.peer.dync_client import DyncClient, Upload
from tests.peer.original_client import (Died, GaveUp, Habits, OriginalClient, Refused, Window,
                                        parse_as_original)
from tests.peer.original_server import CHUNK_SIZE, UNKNOWN, OriginalServer
from tests.peer.proxy import Faults, Proxy
from tests.peer.raw import RawPeer


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("the condition did not come true")
        time.sleep(0.005)


class WireTest(unittest.TestCase):
    def test_frames_have_the_widths_of_the_contract(self) -> None:
        self.assertEqual(wire.post_file("a", {"k": 1}), [b"post-file", b"\0\0\0\0", b"a", b'{"k": 1}'])
        self.assertEqual(wire.post_chunk(258, b"x"), [b"post-chunk", b"\0\0\0\0", b"\0\0\0\0\0\0\1\2", b"x"])
        self.assertEqual(wire.post_chunk(1, b"", b"s" * 32)[1], b"\0\0\0\1")
        self.assertEqual(wire.upload_approved(1, 2, 3)[1:], [b"\0\0\0\1", b"\0\0\0\2", b"\0\0\0\3"])

    def test_what_is_written_is_read(self) -> None:
        self.assertEqual(wire.parse_server(wire.status_report(2**40, 7)), wire.StatusReport(2**40, 7))
        self.assertEqual(wire.parse_server(wire.error(422, "No dropbox.")), wire.Error(422, "No dropbox."))
        self.assertEqual(wire.parse_client(wire.post_chunk(5, b"ab")), wire.PostChunk(0, 5, b"ab"))
        options = {"dync": 2, "key": "0" * 32}
        self.assertEqual(wire.parse_client(wire.post_file("n", "{}", options)), wire.PostFile(0, "n", "{}", options))

    def test_a_wrong_width_is_malformed(self) -> None:
        cases: list[list[bytes]] = [[b"transfer-credit", b"\0"], [b"status-report", b"\0" * 4, b"\0" * 4], [b"hello"],
                                    []]
        for frames in cases:
            with self.subTest(frames=frames), self.assertRaises(wire.Malformed):
                wire.parse_server(frames)


class WindowTest(unittest.TestCase):
    def window(self, data: bytes, maxqueue: int) -> Window:
        return Window(io.BytesIO(data), 2, maxqueue)

    def test_dies_of_a_report_before_its_first_chunk(self) -> None:
        with self.assertRaises(Died):
            self.window(b"abcd", 4).rewind(0)

    def test_rewinds_to_a_kept_chunk_only(self) -> None:
        window = self.window(b"abcdef", 2)
        sent = [window.next() for _ in range(3)]
        with self.assertRaises(Died):
            window.rewind(0)
        with self.assertRaises(Died):
            window.rewind(3)
        with self.assertRaises(Died):
            window.rewind(6)  # where the next chunk would begin
        window.rewind(2)
        self.assertEqual([window.next(), window.next()], sent[1:])

    def test_each_further_empty_chunk_pushes_one_out(self) -> None:
        window = self.window(b"ab", 2)
        self.assertEqual([window.next().last for _ in range(3)], [False, True, True])
        with self.assertRaises(Died):
            window.rewind(0)


class PeersTest(unittest.TestCase):
    def setUp(self) -> None:
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.store = self.home / "store"
        self.store.mkdir()
        keys.create(self.home, "server")
        self.client_keys = keys.create(self.home / "clients", "client", "user1")
        self.server_public = keys.load_public(self.home / "server.key")
        self.server = OriginalServer(self.home, self.store, credit=8)
        self.addCleanup(lambda: self.server.stop())

    def client(self, endpoint: Optional[str] = None, timeout: float = 30.0, **habits: Any) -> OriginalClient:
        client = OriginalClient(endpoint or self.server.endpoint, self.server_public, self.client_keys,
                                Habits(timeout, **habits))
        self.addCleanup(client.close)
        return client

    def raw(self, endpoint: Optional[str] = None) -> RawPeer:
        return RawPeer(endpoint or self.server.endpoint, self.server_public, self.client_keys)

    def proxy(self) -> Proxy:
        return self.enterContext(Proxy(("127.0.0.1", self.server.port)))

    def assert_stored(self, name: str, data: bytes) -> None:
        self.assertEqual(hashlib.sha256((self.store / name).read_bytes()).digest(), hashlib.sha256(data).digest())
        self.assertEqual((self.store / f"{name}.sha256sum").read_text(), f"{hashlib.sha256(data).hexdigest()}\t{name}")

    def test_sizes_around_a_chunk(self) -> None:
        for size in (0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 40 * CHUNK_SIZE + 17):
            with self.subTest(size=size):
                data = random.Random(size).randbytes(size)
                self.client().upload(io.BytesIO(data), f"file{size}")
                self.assert_stored(f"file{size}", data)

    def test_odd_chunks(self) -> None:
        data = random.Random(1).randbytes(1_000_003)
        self.client(chunk_size=9_973).upload(io.BytesIO(data), "odd")
        self.assert_stored("odd", data)

    def test_cuts(self) -> None:
        data = random.Random(2).randbytes(4_000_000)
        proxy = self.proxy()
        proxy.faults.cut_after = 1_000_000
        client = self.client(proxy.endpoint, timeout=0.3)
        client.upload(io.BytesIO(data), "cut")
        self.assert_stored("cut", data)
        self.assertEqual(proxy.counters.cuts, 1)
        self.assertGreaterEqual(proxy.counters.connections, 2)
        self.assertTrue(client.rewinds)

    def test_stall_and_delay(self) -> None:
        data = random.Random(3).randbytes(3_000_000)
        proxy = self.proxy()
        proxy.faults.delay = 0.02
        proxy.slow(2_000_000)
        client = self.client(proxy.endpoint, timeout=0.5)
        ended: list[str] = []
        thread = threading.Thread(target=lambda: ended.append(client.upload(io.BytesIO(data), "stalled")))
        thread.start()
        wait_until(lambda: proxy.counters.up > 500_000)
        proxy.stall()
        wait_until(lambda: self.server.live == 1)
        before = proxy.counters.up
        time.sleep(0.2)  # what is observed here is that nothing moves
        self.assertLessEqual(proxy.counters.up - before, 128 * 1024)
        self.assertEqual(ended, [])
        proxy.resume()
        proxy.slow(None)
        thread.join(30)
        self.assertEqual(len(ended), 1)
        self.assert_stored("stalled", data)

    def test_the_rate_is_kept(self) -> None:
        proxy = self.proxy()
        proxy.slow(1_000_000)
        start = time.monotonic()
        self.client(proxy.endpoint).upload(io.BytesIO(bytes(1_000_000)), "slow")
        self.assertGreater(time.monotonic() - start, 0.9)

    def test_each_connection_has_its_own_faults(self) -> None:
        rates: list[Optional[float]] = [None, 500_000]
        proxy = self.enterContext(Proxy(("127.0.0.1", self.server.port), lambda number: Faults(rate=rates[number])))
        times = []
        for name in ("fast", "slow"):
            start = time.monotonic()
            self.client(proxy.endpoint).upload(io.BytesIO(bytes(1_000_000)), name)
            times.append(time.monotonic() - start)
        self.assertGreater(times[1], 1.9)
        self.assertLess(times[0], times[1] / 2)

    def test_a_cut_of_one_connection_leaves_the_others(self) -> None:
        faults = [Faults(cut_after=1000), Faults(), Faults()]
        proxy = self.enterContext(Proxy(("127.0.0.1", self.server.port), faults.__getitem__))
        cut = self.client(proxy.endpoint, timeout=0.3)
        wait_until(lambda: proxy.counters.accepted == 1)
        with self.raw(proxy.endpoint) as other:
            other.send(wire.post_file("other"))
            cut.upload(io.BytesIO(bytes(500_000)), "cut")
            other.expect(wire.UploadApproved)
        self.assertEqual((proxy.counters.cuts, proxy.counters.accepted), (1, 3))

    def test_a_black_hole_swallows_the_connections_of_now(self) -> None:
        proxy = self.proxy()
        with self.raw(proxy.endpoint) as mute:
            mute.ask(wire.post_file("mute"), wire.UploadApproved)
            proxy.swallow()
            mute.send(wire.query_status())
            self.client(proxy.endpoint).upload(io.BytesIO(b"new"), "new")
            self.assertIsNone(mute.receive(0))
            proxy.cut()
            self.assertIsInstance(mute.ask(wire.query_status(), wire.StatusReport), wire.StatusReport)

    def test_a_refusing_proxy_lets_nobody_through(self) -> None:
        proxy = self.proxy()
        proxy.faults.refusing = True
        with self.assertRaises(GaveUp):
            self.client(proxy.endpoint, approval_timeout=0.3).upload(io.BytesIO(b"x"), "never")
        self.assertEqual(self.server.posts, 0)

    def test_silent_while_its_source_is(self) -> None:
        """It reads, and says nothing: no query-status, whatever its receive timeout is."""
        ours, theirs = os.pipe()
        client = self.client(timeout=0.1)
        with open(ours, "rb") as source:
            thread = threading.Thread(target=client.upload, args=(source, "slow-source"))
            thread.start()
            with open(theirs, "wb", buffering=0) as sink:
                sink.write(b"first")
                wait_until(lambda: self.server.live == 1)
                time.sleep(0.5)  # what is observed here is that nothing is said
                self.assertEqual((client.queries, self.server.queries), (0, 0))
                sink.write(b" second")
            thread.join(30)
        self.assert_stored("slow-source", b"first second")

    def test_it_asks_so_often_and_gives_up(self) -> None:
        proxy = self.proxy()
        proxy.slow(500_000)
        client = self.client(proxy.endpoint, timeout=0.05, tries=5)
        threading.Thread(target=lambda: (client.approved.wait(30), proxy.stall()), daemon=True).start()
        with self.assertRaises(GaveUp):
            client.upload(io.BytesIO(bytes(3_000_000)), "unheard")
        self.assertEqual(client.queries, 5)

    def test_an_attentive_client_hears_of_a_gap_in_mid_window(self) -> None:
        data = random.Random(4).randbytes(4_000_000)
        proxy = self.proxy()
        proxy.faults.cut_after = 1_000_000
        client = self.client(proxy.endpoint, timeout=0.3, attentive=True)
        client.upload(io.BytesIO(data), "attentive")
        self.assert_stored("attentive", data)

    def test_trailing_frames_are_ignored(self) -> None:
        approved = wire.UploadApproved(1, 2, 3)
        self.assertEqual(parse_as_original([*wire.upload_approved(1, 2, 3), b"{not json"]), approved)
        self.assertEqual(parse_as_original([*wire.upload_finished("id"), b"{}", b""]), wire.UploadFinished("id"))
        with self.raw() as peer:
            peer.ask(wire.post_file("trailing", b"{}", b"no json"), wire.UploadApproved)
            peer.ask([*wire.query_status(), b"more"], wire.StatusReport)

    def test_the_data_of_a_last_chunk_is_ignored(self) -> None:
        with self.raw() as peer:
            peer.ask(wire.post_file("last"), wire.UploadApproved)
            peer.send(wire.post_chunk(0, b"data"))
            peer.ask(wire.post_chunk(4, b"more", hashlib.sha256(b"data").digest()), wire.UploadFinished)
            self.assertEqual(peer.ask(wire.query_status(), wire.Error), wire.Error(500, UNKNOWN))
        self.assert_stored("last", b"data")

    def test_what_our_client_sends_means_nothing_to_it(self) -> None:
        """It answers as ever, without options: who awaits an echo of the key waits in vain."""
        upload = Upload("ours", b"data")
        with DyncClient(self.server.endpoint, self.server_public, self.client_keys) as ours:
            ours.send(upload.post())
            self.assertIsNone(ours.expect(wire.UploadApproved).options)
            ours.send(upload.chunk(0, 4))
            self.assertIsNone(ours.ask(upload.last(), wire.UploadFinished).receipt)
        self.assert_stored("ours", b"data")

    def test_a_restarted_server_has_forgotten(self) -> None:
        proxy = self.proxy()
        proxy.slow(500_000)
        client = self.client(proxy.endpoint, timeout=0.3)
        caught: list[Exception] = []

        def upload() -> None:
            try:
                client.upload(io.BytesIO(bytes(5_000_000)), "forgotten")
            except Refused as refused:
                caught.append(refused)

        thread = threading.Thread(target=upload)
        thread.start()
        wait_until(lambda: proxy.counters.up > 200_000)
        self.server.restart()
        proxy.slow(None)
        thread.join(30)
        self.assertEqual([str(each) for each in caught], [f"500: {UNKNOWN}"])
        self.assertEqual(list(self.store.iterdir()), [])

    def test_an_unlisted_key_gets_no_answer(self) -> None:
        with RawPeer(self.server.endpoint, self.server_public) as stranger:
            stranger.send(wire.post_file("x"))
            self.assertFalse(stranger.await_handshake(10))
        self.assertEqual(self.server.posts, 0)
        with self.raw() as listed:
            self.assertTrue(listed.await_handshake(10))

    def test_a_wrong_checksum_and_a_wrong_seek(self) -> None:
        with self.raw() as peer:
            peer.ask(wire.post_file("wrong"), wire.UploadApproved)
            peer.send(wire.post_chunk(7, b"gap"))
            self.assertEqual(peer.ask(wire.query_status(), wire.StatusReport), wire.StatusReport(0, 8))
            self.assertEqual(self.server.dropped, 1)
            self.assertEqual(peer.ask(wire.post_chunk(0, b"", bytes(32)), wire.Error).code, 500)
        self.assertEqual(list(self.store.iterdir()), [])

    def test_a_certificate_is_what_pyzmq_writes(self) -> None:
        file = self.home / "clients" / "client.key"
        self.assertEqual(keys.user_of(file), "user1")
        public, secret = zmq.auth.load_certificate(str(file))
        self.assertEqual((public, secret), (self.client_keys.public, None))


if __name__ == "__main__":
    unittest.main()
