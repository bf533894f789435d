"""A listed key fills the receiver's memory by one endless message: it starts anew, and honest uploads go on."""
from __future__ import annotations

import threading

from tests.e2e import processes
from tests.e2e.harness import START, ServerTest, main
from tests.e2e.timing import promise, say, wait_until
from tests.peer.proxy import Proxy

MIB = 1024 * 1024
FRAME = bytes(MIB)
BUDGET = 16 * MIB
MOST = BUDGET + 256 * MIB  # what the receiver takes before it starts anew


class MemoryTest(ServerTest):
    EXTRA = f"flow: {{budget: {BUDGET}}}\n"
    EXPECTED_ERRORS = (r"receiver\.too_much_memory", r"worker\.(ended|died)")

    def test_an_endless_message_ends_only_the_receiver(self) -> None:
        file = self.file("honest.bin", 24 * MIB)
        [receiver] = self.server.workers("dync-receiver")
        other = self.another_sender("user2")
        other.await_listed()
        with Proxy(("127.0.0.1", self.server.port)) as proxy, other.raw() as evil:
            self.assertTrue(evil.await_handshake(20))
            proxy.slow(4 * MIB)
            honest = self.sender.start(file, port=proxy.port)
            wait_until(lambda: proxy.counters.up > MIB, 60, "the honest upload is under way")
            flood = threading.Thread(target=lambda: evil.send([b"post-chunk"] + [FRAME] * 1200))
            flood.start()
            peak = 0

            def renewed() -> bool:
                nonlocal peak
                if processes.alive(receiver):
                    peak = max(peak, processes.anonymous_memory(receiver))
                return bool(set(self.server.workers("dync-receiver")) - {receiver})

            promise("a receiver with too much memory starts anew", START, renewed)
            say(f"peak {peak / MIB:.0f} MiB, allowed {MOST / MIB:.0f} MiB and what a second brings")
            flood.join()
            self.assert_sent(self.finish(honest))
        self.assert_stored(file, "any")
        self.assertEqual(len(self.server.ledger.uploads()), 1)


if __name__ == "__main__":
    main()
