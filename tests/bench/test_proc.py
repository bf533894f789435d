"""/proc as it is written, and real processes whose CPU time is known."""
from __future__ import annotations

import os
import subprocess
import sys
import time
import unittest

from tests.bench import proc
from tests.bench.cost import REST, Owner, Row
from tests.bench.meter import Meter

STAT = ("4711 (a (b) c) S 1 4711 4711 0 -1 4194560 12 0 0 0 {} {} {} {} 20 0 1 0 99 1000 200 18446744073709551615 "
        "1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0")
BURN = "import time\nwhile time.process_time() < {}: pass\n"
MS = 10**6  # nanoseconds


class ParseTest(unittest.TestCase):
    def test_stat(self) -> None:
        stat = proc.parse_stat(STAT.format(3, 4, 5, 6))
        self.assertEqual(stat, proc.Stat("a (b) c", 7 * proc.TICK_NS, 11 * proc.TICK_NS))

    def test_schedstat(self) -> None:
        self.assertEqual(proc.parse_schedstat("7857671 1777009 3\n"), 7857671)

    def test_anonymous_memory(self) -> None:
        self.assertEqual(proc.parse_anonymous("Name:\tx\nVmRSS:\t 9 kB\nRssAnon:\t     812 kB\nRssFile:\t 3 kB\n"), 812 << 10)
        self.assertEqual(proc.parse_anonymous("Name:\tx\nState:\tZ (zombie)\n"), 0)

    def test_what_has_ended_is_nothing(self) -> None:
        child = subprocess.Popen([sys.executable, "-c", ""])
        child.wait()
        self.assertIsNone(proc.process(child.pid))
        self.assertEqual(proc.threads(child.pid), {})

    def test_this_process(self) -> None:
        threads = proc.threads(os.getpid())
        self.assertIn(os.getpid(), threads)
        self.assertGreater(threads[os.getpid()].cpu_ns, 0)
        self.assertIn(os.getpid(), list(proc.tree(os.getpid())))


class MeterTest(unittest.TestCase):
    def test_a_client_is_exact_whatever_was_seen(self) -> None:
        meter = Meter()
        meter.start()
        child = subprocess.Popen([sys.executable, "-c", BURN.format(0.3)])
        meter.add("sender", child.pid)
        _, _, used = os.wait4(child.pid, 0)
        child.returncode = 0
        exact = int((used.ru_utime + used.ru_stime) * 1e9)
        meter.ended("sender", "burner", child.pid, exact)
        meter.end()
        cost = meter.cost()
        self.assertAlmostEqual(cost.total_ns, exact, delta=5 * MS)
        seen = [row for row in cost.cpu_ns if row.thread == "main"]
        self.assertEqual([row.side for row in seen], ["sender"])
        self.assertGreater(cost.memory[Owner("sender", seen[0].process)], 0)

    def test_a_client_that_nobody_watched(self) -> None:
        meter = Meter()
        meter.start()
        meter.ended("sender", "short", 1 << 30, 5 * MS)
        meter.end()
        self.assertEqual(meter.cost().cpu_ns, {Row("sender", "short", REST): 5 * MS})

    def test_a_server_from_before_to_after_with_a_child_that_ended(self) -> None:
        """The server burns before it is asked, which does not count; then its child does, which counts."""
        text = (f"{BURN.format(0.2)}import subprocess, sys\nprint(flush=True)\nsys.stdin.readline()\n"
                f"subprocess.run([sys.executable, '-c', '''{BURN.format(0.3)}'''])\nprint(flush=True)\nsys.stdin.readline()\n")
        with subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdin and server.stdout
            server.stdout.readline()
            meter = Meter()
            meter.add_living("receiver", server.pid)
            meter.start()
            server.stdin.write(b"\n")
            server.stdin.flush()
            server.stdout.readline()
            time.sleep(0.01)
            meter.end()
            cost = meter.cost()
            server.stdin.close()
        self.assertGreater(cost.total_ns, 270 * MS)
        self.assertLess(cost.total_ns, 450 * MS)
        self.assertEqual({row.side for row in cost.cpu_ns}, {"receiver"})


if __name__ == "__main__":
    unittest.main()
