"""300 clients with equal uploads on a small budget, some on slow links, some vanishing: a fair share for everyone alive.

Fair is among clients of one speed: Jain's index over what the server took from each while all of them were active.
"""
from __future__ import annotations

import time

from tests.e2e.crowd import Crowd, Load, Member, granted, jain
from tests.e2e.harness import ServerTest, main
from tests.e2e.sampler import MIB, Sampler
from tests.e2e.timing import SANITIZED, say, scaled
from tests.peer.proxy import Faults, Proxy

KIB = 1024
BUDGET = MIB  # 64 chunks for 300 clients
LOAD = Load(5 * MIB // 2, 16 * KIB)
SLOW_RATE = 200 * KIB  # bytes a second of each slow link
FAIR = 0.95
MEMORY = 64 * MIB + BUDGET  # of the receiver
GIVES_UP = 30.0  # an original without an answer to post-file


class FairnessTest(ServerTest):
    EXTRA = f"flow: {{budget: {BUDGET}, chunk_size: {LOAD.chunk}}}\n"

    def setUp(self) -> None:
        super().setUp()
        self.crowd = Crowd(self.server.public_key, self.sender.keys, LOAD)
        self.addCleanup(self.crowd.close)
        self.slow_link = self.enterContext(Proxy(("127.0.0.1", self.server.port), lambda _: Faults(rate=SLOW_RATE)))

    def members(self, kind: str, count: int, endpoint: str) -> list[Member]:
        """Every other one is an original."""
        return [self.crowd.add(f"{kind}{number}.bin", endpoint, ours=number % 2 == 0) for number in range(count)]

    def test_a_crowd(self) -> None:
        fast = self.members("fast", scaled(230, 10), self.server.address)
        slow = self.members("slow", scaled(50, 4), self.slow_link.endpoint)
        vanishing = self.members("vanishing", scaled(20, 2), self.server.address)
        sampler = Sampler({name: self.server.workers(name)[0] for name in ("dync-receiver", "dync-committer")})
        sampler.start()
        start = time.monotonic()
        self.approve(fast + slow + vanishing)
        self.crowd.start()
        self.let_vanish(vanishing, fast)
        self.fair_share("fast", fast)
        self.fair_share("slow", slow)
        self.crowd.run(lambda: all(member.ended for member in fast + slow), 300, sending=True)
        sampler.end()
        seconds = time.monotonic() - start
        total = len(fast + slow) * LOAD.size
        say(f"{len(fast + slow)} of {len(fast + slow + vanishing)} clients finished in {seconds:.1f} s, "
            f"{total / 1e6 / seconds:.0f} MB/s; most anonymous memory: {sampler}")
        self.assert_all_stored(fast + slow)
        if not SANITIZED:
            self.assertLess(sampler.most["dync-receiver"], MEMORY)

    def approve(self, members: list[Member]) -> None:
        """A new upload is approved at once, if with credit 0."""
        start = time.monotonic()
        for member in members:
            member.post()
        self.crowd.run(lambda: all(member.approved or member.ended for member in members), 100, sending=False)
        self.assertEqual([member.error for member in members if member.error], [])
        slowest = max(member.approved or 0 for member in members) - start
        waiting = sum(member.granted == 0 for member in members)
        say(f"{len(members)} clients approved within {slowest:.1f} s, {waiting} of them with credit 0")
        self.assertLess(slowest, GIVES_UP)

    def let_vanish(self, members: list[Member], others: list[Member]) -> None:
        """Each in the middle of its file."""
        def next_one() -> bool:
            for member in members:
                if not member.vanished and member.half_sent:
                    self.crowd.vanish(member)
            self.assertFalse(any(member.finished for member in others + members), "they vanished too late")
            return all(member.vanished for member in members)

        self.crowd.run(next_one, 100, sending=True)

    def fair_share(self, what: str, members: list[Member]) -> None:
        """Until the first of them has finished."""
        self.crowd.run(lambda: any(member.ended for member in members), 300, sending=True)
        shares = granted(members)
        index = jain(shares)
        say(f"{what}: {len(members)} clients, Jain index {index:.4f} when the first ended; "
            f"{min(shares):.0f} to {max(shares):.0f} chunks each")
        self.assertGreaterEqual(index, FAIR)

    def assert_all_stored(self, members: list[Member]) -> None:
        self.assertEqual([f"{member.name}: {member.error}" for member in members if member.error], [])
        rows = {row["filename"]: row for row in self.server.ledger.uploads("committed")}
        self.assertEqual(set(rows), {member.name for member in members})
        self.assertEqual({row["sha256"] for row in rows.values()}, {LOAD.sha256.hex()})
        self.assertEqual({row["bytes_received"] for row in rows.values()}, {LOAD.size})


if __name__ == "__main__":
    main()
