"""Files of many sizes and names, from our client and from an original: bit-identical, with all that belongs to them."""
from __future__ import annotations

import datetime
import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e import store
from tests.e2e.harness import ServerTest, main
from tests.e2e.timing import scaled
from tests.peer import wire
from tests.peer.original_client import upload_file

MIB = 1024 * 1024
SMALL = (0, 1, 4095, 4096, MIB - 1, MIB, MIB + 1)


def sizes() -> list[int]:
    return [*SMALL, 5 * MIB + 17, scaled(64 * MIB, MIB)]


class OurClientTest(ServerTest):
    def assert_checksums_accepted(self, receipts: str, directory: Path) -> None:
        checked = subprocess.run(["sha256sum", "-c", "--strict", "-"], input=receipts, text=True, cwd=directory,
                                 capture_output=True, check=False)
        self.assertEqual(checked.returncode, 0, f"{receipts}\n{checked.stderr}")

    def test_many_sizes_in_one_call(self) -> None:
        files = [self.file(f"size{size}.bin", size) for size in sizes()]
        done = self.sender.send(*(file.name for file in files), cwd=self.lab)
        self.assert_sent(done)
        for file in files:
            with self.subTest(file=file.name):
                row = self.assert_stored(file, "any")
                self.assertEqual(row["size_declared"], file.stat().st_size)
        lines = done.stdout.splitlines()
        self.assertEqual(sorted(lines), sorted(f"{store.sha256(file)}  {file.name}" for file in files))
        self.assert_checksums_accepted(done.stdout, self.lab)

    def test_sidecars_and_marker(self) -> None:
        file = self.file("run 7 (ä).raw", 70_000)
        metadata = {"sample": "Größe", "nested": {"n": [1, 2.5, None]}}
        meta = self.lab / "meta.json"
        meta.write_text(json.dumps(metadata, ensure_ascii=False))
        self.assert_sent(self.sender.send(f"--meta={meta}", "--key-value=operator:ada:lovelace", file))
        clean = "run7.raw"
        item = self.server.dropbox("any") / clean
        self.assertEqual(
            sorted(path.name for path in item.iterdir()),
            sorted([clean, f"{clean}.sha256sum", f"{clean}.origlabfilename", f"{clean}.metadata.json",
                    "source_dropbox.txt"]),
        )
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        self.assertEqual((item / clean).read_bytes(), file.read_bytes())
        self.assertEqual((item / f"{clean}.sha256sum").read_bytes(), f"{digest}\t{clean}".encode())
        self.assertEqual((item / f"{clean}.origlabfilename").read_bytes(), "run 7 (ä).raw".encode())
        self.assertEqual((item / "source_dropbox.txt").read_bytes(), b"user1")
        stored = json.loads((item / f"{clean}.metadata.json").read_bytes())
        self.assertEqual(stored, {**metadata, "operator": "ada:lovelace"})
        marker = self.server.dropbox("any") / f".MARKER_is_finished_{clean}"
        self.assertEqual(marker.read_bytes(), b"")
        self.assertEqual({entry.name for entry in self.server.dropbox("any").iterdir()}, {clean, marker.name})
        self.assert_checksums_accepted((item / f"{clean}.sha256sum").read_text(), item)
        for path in (item, *item.iterdir(), marker):
            self.assertEqual(path.stat().st_mode & 0o077, 0, f"{path}: umask 0077 is for all that is written")

    def test_ledger_row_and_events(self) -> None:
        file = self.file("events.bin", 3 * MIB)
        self.assert_sent(self.sender.send("-kproject:q", file))
        row = self.assert_stored(file, "any")
        self.assertEqual((row["origin"], row["filename"], row["clean_name"], row["state"]),
                         ("user1", "events.bin", "events.bin", "committed"))
        self.assertEqual((row["bytes_received"], row["sha256"]), (3 * MIB, store.sha256(file)))
        self.assertEqual(json.loads(row["metadata"]), {"project": "q"})
        self.assertEqual((row["error"], row["error_code"]), (None, None))
        times = [datetime.datetime.fromisoformat(row[name]) for name in ("created_at", "updated_at", "finished_at")]
        self.assertEqual([time.utcoffset() for time in times], [datetime.timedelta(0)] * 3)
        self.assertLessEqual(times[0], times[2])
        events = self.server.ledger.events(row["upload_id"])
        self.assertEqual([event["event"] for event in events],
                         ["opened", "received", "verified", "committing", "committed"])
        self.assertTrue(all(event["process"] for event in events))
        self.assertEqual([e["at"] for e in events], sorted(e["at"] for e in events))

    def test_names_with_spaces_and_unicode(self) -> None:
        names = {"a b c.txt": "abc.txt", "Ünïcödé_1.txt": "ncd_1.txt", "x(1)[2]{3}'\"$;.txt": "x123.txt",
                 "tab-less.v1.txt": "tabless.v1.txt", "-dash.txt": "dash.txt"}
        for name in names:
            self.file(name, 1000)
        done = self.sender.send(*(f"./{name}" for name in names), cwd=self.lab)
        self.assert_sent(done)
        for name, clean in names.items():
            with self.subTest(name=name):
                row = self.assert_stored(self.lab / name, "any", clean)
                self.assertEqual(row["filename"], name)
        self.assert_checksums_accepted(done.stdout, self.lab)

    def test_a_name_that_sha256sum_must_escape(self) -> None:
        directory = self.lab / "back\\slash"
        directory.mkdir()
        file = directory / "plain.txt"
        store.write_random(file, 10)
        done = self.sender.send("back\\slash/plain.txt", cwd=self.lab)
        self.assert_sent(done)
        self.assertEqual(done.stdout, f"\\{store.sha256(file)}  back\\\\slash/plain.txt\n")
        self.assert_checksums_accepted(done.stdout, self.lab)

    def test_standard_input(self) -> None:
        data = os.urandom(2 * MIB + 5)
        source = self.lab / "piped"
        source.write_bytes(data)
        for arguments in (("--name=piped one.dat",), ("--name=piped two.dat", "-")):
            with self.subTest(arguments=arguments), open(source, "rb") as stdin:
                done = self.sender.send(*arguments, stdin=stdin)
                self.assert_sent(done)
                name = arguments[0].removeprefix("--name=")
                row = self.assert_stored(source, "any", name.replace(" ", ""))
                self.assertIsNone(row["size_declared"])
                self.assertEqual(done.stdout, f"# {hashlib.sha256(data).hexdigest()}  {name}\n")

    def test_standard_input_needs_a_name(self) -> None:
        self.assertEqual(self.sender.send().returncode, 2)
        self.assertEqual(self.server.ledger.uploads(), [])

    def test_json_receipts(self) -> None:
        good, bad = self.file("good.bin", 5000), self.file("nowhere.xyz", 10)
        done = self.sender.send("--json", good, bad, self.lab / "missing.bin")
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(lines), 3, done.stdout)
        self.assertEqual([line["stored"] for line in lines], [True, False, False], done.stdout)
        receipts = lines[:1]
        self.assertEqual(lines[1]["code"], 422)
        self.assertTrue(lines[1]["error"] and lines[2]["error"])
        row = self.assert_stored(good, "any")
        for key, value in (("upload_id", row["upload_id"]), ("sha256", row["sha256"]), ("size", 5000),
                           ("destination", row["destination"])):
            self.assertEqual(receipts[0].get(key), value, key)
        datetime.datetime.fromisoformat(receipts[0]["committed_at"])

    def test_one_bad_file_does_not_end_the_rest(self) -> None:
        files = [self.file("first.bin", 10), self.file("nowhere.xyz", 10), self.file("second.bin", 10)]
        done = self.sender.send(*files)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nowhere.xyz", done.stderr)
        self.assertEqual(len(done.stdout.splitlines()), 2, done.stdout)
        self.assert_stored(files[0], "any")
        self.assert_stored(files[2], "any")

    def test_passthrough_goes_to_manual(self) -> None:
        file = self.file("by hand.xyz", 2000)
        (self.server.layout.manual / "project_1").mkdir()
        self.assert_sent(self.sender.send("-kpassthrough:project_1", file))
        item = self.server.layout.manual / "project_1" / "byhand.xyz"
        self.assertEqual((item / "byhand.xyz").read_bytes(), file.read_bytes())
        self.assertTrue(store.marker_of(item).is_file())
        for word in ("project_2", "../any", "a b"):  # a directory that is not there, and words that are none
            refused = self.sender.send(f"-kpassthrough:{word}", file)
            self.assertEqual((refused.returncode, refused.stdout), (1, ""), word)

    def test_a_barcode(self) -> None:
        file = self.file("QQBIC001AH_lane1.fastq", 2000)
        self.assert_sent(self.sender.send(file))
        self.assert_stored(file, "fastq")


class OriginalClientTest(ServerTest):
    def upload(self, file: Path, **options: Any) -> str:
        return upload_file(self.server.address, self.server.public_key, self.sender.keys, file, **options)

    def test_sizes(self) -> None:
        for size in sizes():
            with self.subTest(size=size):
                file = self.file(f"original{size}.bin", size)
                upload_id = self.upload(file, metadata={"by": "an original"})
                row = self.assert_stored(file, "any")
                self.assertEqual((row["upload_id"], row["size_declared"]), (upload_id, None))
                self.assertEqual(json.loads(row["metadata"]), {"by": "an original"})

    def test_odd_and_aligned_chunks(self) -> None:
        for chunk_size in (1000, 4096, 65_536, 99_991, 262_143):
            with self.subTest(chunk_size=chunk_size):
                file = self.file(f"chunks{chunk_size}.bin", min(scaled(20 * MIB, MIB), 2000 * chunk_size) + 3)
                self.upload(file, chunk_size=chunk_size)
                self.assert_stored(file, "any")

    def test_it_is_given_what_fits_an_original(self) -> None:
        with self.sender.raw() as peer:
            approved = peer.ask(wire.post_file("first.bin"), wire.UploadApproved)
            self.assertEqual((approved.chunksize, approved.maxqueue), (256 * 1024, 100))
            self.assertIsNone(approved.options)
            self.assertLessEqual(approved.credit, approved.maxqueue - 16)
            peer.send(wire.error(400, "The client gives up."))


if __name__ == "__main__":
    main()
