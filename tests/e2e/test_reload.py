"""SIGHUP: new rules, schemas and limits count for the next file; nothing that runs is disturbed."""
from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any, Optional

from tests.e2e.config import Dropbox
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import PATIENCE, promise, wait_until
from tests.peer import wire
from tests.peer.proxy import Proxy

RELOAD = 2.0  # as for keys
FREE = {"requires_barcode": False}


class ReloadTest(ServerTest):
    EXPECTED_ERRORS = ("config.not_reloaded",)
    DROPBOXES = (Dropbox("first", r"moved.*", dict(FREE)), Dropbox("second", r"elsewhere.*", dict(FREE)))

    def write_config(self, extra: str = "", umask: str = "0077") -> None:
        self.replace_config(self.server.layout.text(extra, umask))

    def replace_config(self, text: str) -> None:
        """At once, as an editor does it: the server never sees half of it."""
        temporary = self.server.home / "new.yaml"
        temporary.write_text(text)
        temporary.rename(self.server.layout.config)

    def hang_up(self, expected: str) -> str:
        """Asks for a reload; the log line that tells what became of it."""
        log = self.server.layout.log
        seen = log.stat().st_size
        os.kill(self.server.pid, signal.SIGHUP)

        def told() -> Optional[str]:
            lines = [line for line in log.read_text()[seen:].splitlines() if " server config." in line]
            return lines[0] if lines else None

        line = promise("a reload is told", RELOAD, told)
        self.assertIn(expected, line)
        return line

    def reload(self, extra: str = "") -> None:
        self.write_config(extra)
        self.hang_up("config.reloaded")

    def swap_rules(self) -> None:
        """Names that went to `first` go to `second`."""
        first, second = self.server.layout.dropboxes[:2]
        first.regexp, second.regexp = second.regexp, first.regexp

    def goes_to(self, name: str, dropbox: str, *options: str) -> None:
        file = self.file(name, 1000)
        self.assert_sent(self.sender.send(*options, file))
        self.assert_stored(file, dropbox)

    def refused(self, name: str, *mentions: str) -> None:
        done = self.sender.send(self.file(name, 10))
        self.assertEqual(done.returncode, 1, done.stderr)
        for mention in mentions:
            self.assertIn(mention, done.stderr)

    def start_slowly(self, proxy: Proxy, file: Path) -> Any:
        client = self.sender.start(file, port=proxy.port)
        wait_until(lambda: proxy.counters.up > 200_000, 60, "the upload is on its way")
        return client

    def test_an_upload_under_way_keeps_its_rule_and_the_next_meets_the_new_one(self) -> None:
        file = self.file("moved_slowly.dat", 4_000_000)
        with Proxy(("127.0.0.1", self.server.port)) as proxy:
            proxy.slow(100_000)
            client = self.start_slowly(proxy, file)
            self.swap_rules()
            self.reload()
            self.goes_to("moved_quickly.dat", "second")
            self.assertIsNone(client.poll(), "the upload was over before the reload")
            proxy.slow(None)
            self.assert_sent(self.finish(client))
            self.assertEqual(proxy.counters.connections, 1, "the reload cut the connection")
        self.assert_stored(file, "first")

    def goes_on(self) -> None:
        """By the rules of the start."""
        number = len(self.server.ledger.uploads())
        self.goes_to(f"moved{number}.dat", "first")

    def test_a_bad_file_changes_nothing(self) -> None:
        config = self.server.layout.config
        good = config.read_text()
        line_of = good.splitlines().index(next(line for line in good.splitlines() if "moved" in line)) + 1
        self.swap_rules()
        for text, mention in (
            (self.server.layout.text("limits: {idle_timeout: never}"), ": limits.idle_timeout: "),
            (good.replace("moved.*", "moved(.*"), f":{line_of}: storage.dropboxes[0].regexp: "),
            (good.replace(str(self.server.dropbox("second")), "/nonexistent"), "storage.dropboxes[1].path"),
            (good.replace('"requires_barcode"', '"requires_barcod"', 1), f":{line_of}: 'storage.dropboxes[0].requires_barcod'"),
            ("address: [\n", "no valid YAML"), ("", "storage.tmp_dir"),
        ):
            with self.subTest(mention):
                self.replace_config(text)
                line = self.hang_up("ERROR server config.not_reloaded")
                self.assertIn(f"{config}:", line)
                self.assertIn(mention, line)
                self.goes_on()
        config.unlink()
        self.assertIn(str(config), self.hang_up("ERROR server config.not_reloaded"))
        self.goes_on()
        self.reload()
        self.goes_to("elsewhere.dat", "first")

    def test_what_needs_a_restart_is_named_and_nothing_is_taken_over(self) -> None:
        self.swap_rules()
        self.write_config("flow: {budget: 2097152}\nlimits: {partial_ttl: 99}", umask="0027")
        line = self.hang_up("ERROR server config.not_reloaded")
        self.assertIn("options.umask, flow.budget: only a restart", line)
        self.assertNotIn("partial_ttl", line)
        self.goes_on()

    def test_what_changed_is_told(self) -> None:
        self.write_config()
        self.hang_up("config.reloaded changed=nothing")
        self.swap_rules()
        self.write_config("untar: {max_ratio: 99}")
        self.hang_up('config.reloaded changed="storage.dropboxes, untar.max_ratio"')

    def test_a_new_schema_counts_after_the_reload(self) -> None:
        schema = self.server.home / "first.schema.json"
        self.server.layout.dropboxes[0].rules["schema"] = schema.name
        self.write_config()
        self.assertIn(schema.name, self.hang_up("config.not_reloaded"))
        schema.write_text(json.dumps({"required": ["sample"]}))
        self.goes_to("moved1.dat", "first")
        self.hang_up("config.reloaded changed=storage.dropboxes")
        self.refused("moved2.dat", "'/sample'")
        schema.write_text(json.dumps({"required": ["person"]}))
        self.refused("moved3.dat", "'/sample'")
        self.assertIn(schema.name, self.hang_up("config.reloaded"))
        self.refused("moved4.dat", "'/person'")
        schema.write_text(json.dumps({"requires": ["person"]}))
        self.assertIn("'/requires'", self.hang_up("config.not_reloaded"))
        self.refused("moved5.dat", "'/person'")
        self.goes_to("moved6.dat", "first", "-kperson:Ada")

    def test_a_worker_that_starts_later_has_the_new_rules(self) -> None:
        self.expected_errors += ["worker.died"]
        schema = self.server.home / "first.schema.json"
        schema.write_text(json.dumps({"required": ["sample"]}))
        self.server.layout.dropboxes[0].rules["schema"] = schema.name
        self.reload()
        schema.unlink()
        self.replace_config("broken: [")
        for name in ("dync-committer", "dync-receiver", "dync-hasher"):
            self.server.kill_worker(name)
        self.refused("moved1.dat", "'/sample'")
        self.goes_to("moved2.dat", "first", "-ksample:S1")

    def test_limits_count_for_the_next_file(self) -> None:
        self.reload("limits: {max_metadata: 1024, max_uploads_per_user: 1, idle_timeout: 10}")
        self.refused_metadata("moved1.dat", 413)
        with self.sender.raw() as peer, self.sender.raw() as other:
            peer.ask(wire.post_file("moved2.dat"), wire.UploadApproved)
            self.assertEqual(other.ask(wire.post_file("moved3.dat"), wire.Error).code, 429)
            promise("the idle timeout counts", 12, lambda: self.ended_by(peer, 408))
        self.reload()
        with self.sender.raw() as peer:
            peer.ask(wire.post_file("moved4.dat", json.dumps({"a": "x" * 2000})), wire.UploadApproved)
            peer.send(wire.error(500, "the client gives up"))

    def refused_metadata(self, name: str, code: int) -> None:
        with self.sender.raw() as peer:
            error = peer.ask(wire.post_file(name, json.dumps({"a": "x" * 2000})), wire.Error)
        self.assertEqual(error.code, code, error.message)

    @staticmethod
    def ended_by(peer: Any, code: int) -> bool:
        message = peer.receive(1)
        return isinstance(message, wire.Error) and message.code == code

    def test_many_reloads_at_once(self) -> None:
        files = [self.file(f"moved{i}.dat", 300_000) for i in range(30)]
        clients = [self.sender.start(*files[part::3]) for part in range(3)]
        for number in range(30):
            self.write_config(f"untar: {{max_members: {11 + number}}}")
            os.kill(self.server.pid, signal.SIGHUP)
        wait_until(lambda: "changed=untar.max_members" in self.server.log(), RELOAD * PATIENCE, "a reload is told")
        for client in clients:
            self.assert_sent(self.finish(client))
        for file in files:
            self.assert_stored(file, "first")
        self.write_config("untar: {max_members: 40}")
        self.hang_up("config.reloaded")
        self.assertNotIn("config.not_reloaded", self.server.log())

    def test_the_level_of_the_log(self) -> None:
        self.replace_config(self.server.layout.text().replace("root: {level: INFO", "root: {level: DEBUG"))
        self.hang_up("config.reloaded changed=logging.root.level")
        promise("debug lines of a worker come", RELOAD, lambda: self.debug_line_of("receiver"))
        self.write_config()
        self.hang_up("config.reloaded changed=logging.root.level")

    def debug_line_of(self, worker: str) -> bool:
        with self.sender.raw() as peer:
            self.assertTrue(peer.await_handshake(20))
        return f"DEBUG {worker}" in self.server.log()


if __name__ == "__main__":
    main()
