"""Our client against an original server, also through a bad network: stored bit-identical."""
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from tests.e2e import store
from tests.e2e.harness import RUN, program, run
from tests.e2e.timing import say, scaled, wait_until
from tests.peer import keys
from tests.peer.original_server import CHUNK_SIZE, OriginalServer
from tests.peer.proxy import Proxy

MIB = 1024 * 1024


class OriginalServerTest(unittest.TestCase):
    def setUp(self) -> None:
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="dync-e2e-")))
        self.config_dir, self.server_home, self.store = self.home / ".dync", self.home / "server", self.home / "store"
        self.store.mkdir()
        made = run([program("dync-keygen"), "client", "-u", "user1", "-d", self.config_dir], self.home)
        self.assertEqual(made.returncode, 0, made.stderr)
        keys.create(self.server_home, "server")  # by pyzmq, as an original server's are
        (self.server_home / "clients").mkdir()
        shutil.copy(self.config_dir / "client.key", self.server_home / "clients" / "user1.key")
        shutil.copy(self.server_home / "server.key", self.config_dir / "server.key")
        self.server = OriginalServer(self.server_home, self.store)
        self.addCleanup(self.server.stop)

    def command(self, *arguments: object, port: int = 0) -> list[str]:
        words = [str(argument) for argument in arguments]
        options = [word for word in words if word.startswith("-")]
        files = [word for word in words if not word.startswith("-")]
        return [program("dync"), f"--config-dir={self.config_dir}", f"--port={port or self.server.port}", *options,
                "127.0.0.1", *files]

    def send(self, *arguments: object, port: int = 0, **options: object) -> "subprocess.CompletedProcess[str]":
        return run(self.command(*arguments, port=port), self.home, **options)

    def file(self, name: str, size: int) -> Path:
        store.write_random(self.home / name, size)
        return self.home / name

    def assert_stored(self, *files: Path) -> None:
        for file in files:
            self.assertEqual(store.sha256(self.store / file.name), store.sha256(file), file.name)

    def test_sizes(self) -> None:
        sizes = (0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 5 * MIB + 17, scaled(64 * MIB, MIB))
        files = [self.file(f"size{size}.bin", size) for size in sizes]
        done = self.send(*files)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_stored(*files)
        self.assertEqual(sorted(done.stdout.splitlines()), sorted(f"{store.sha256(file)}  {file}" for file in files))
        self.assertEqual(self.server.posts, len(files), "one post-file for each")

    def test_standard_input_and_metadata(self) -> None:
        data = os.urandom(MIB + 3)
        source = self.home / "piped"
        source.write_bytes(data)
        with open(source, "rb") as stdin:
            done = self.send("--name=piped.bin", "-ksample:q", stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, f"# {hashlib.sha256(data).hexdigest()}  piped.bin\n")
        self.assertEqual((self.store / "piped.bin").read_bytes(), data)

    def test_its_refusal_is_told(self) -> None:
        file = self.file("fine.bin", 10)
        hidden = self.file(".hidden", 10)
        done = self.send(hidden, file)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Invalid filename.", done.stderr)
        self.assert_stored(file)

    def test_through_a_slow_network_with_cuts(self) -> None:
        """An original server says nothing of a gap, so the client finds out by its query-status of 30 s."""
        file = self.file("cut.bin", scaled(24 * MIB, 8 * MIB))
        size = file.stat().st_size
        with Proxy(("127.0.0.1", self.server.port)) as proxy:
            proxy.faults.delay = 0.005
            proxy.slow(8 * MIB)
            start = time.monotonic()
            client = subprocess.Popen(self.command(file, port=proxy.port), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env={**os.environ, "HOME": str(self.home)}, text=True)
            wait_until(lambda: proxy.counters.up > size // 3, 60, "a third is under way")
            proxy.cut()
            proxy.slow(None)
            out, err = client.communicate(timeout=RUN)
            say(f"with a cut: {time.monotonic() - start:.1f} s, {self.server.queries} query-status")
        self.assertEqual(client.returncode, 0, err)
        self.assert_stored(file)
        self.assertEqual(out, f"{store.sha256(file)}  {file}\n")
        self.assertEqual(self.server.posts, 1, "after an approval never post-file again")

    def test_a_restarted_server_has_forgotten(self) -> None:
        """The client can't go on; it must end, and not say that it stored the file."""
        file = self.file("forgotten.bin", 24 * MIB)
        with Proxy(("127.0.0.1", self.server.port)) as proxy:
            proxy.slow(8 * MIB)
            client = subprocess.Popen(self.command(file, port=proxy.port), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      env={**os.environ, "HOME": str(self.home)}, text=True)
            wait_until(lambda: proxy.counters.up > 4 * MIB, 60, "the upload is under way")
            self.server.restart()
            proxy.slow(None)
            out, err = client.communicate(timeout=RUN)
        self.assertEqual((client.returncode, out), (1, ""), err)
        self.assertIn("Unknown connection.", err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
