"""The disk against the ledger: what is committed is there, whole, and nothing else is."""
from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Collection, Iterable

from tests.e2e.ledger import LIVE, Ledger, Row

MARKER = ".MARKER_is_finished_"
ORPHANS = "orphans"
BLOCK = 1024 * 1024


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def tree(directory: Path) -> dict[str, str]:
    """Every file below, by its path, with its sha256; a directory is there with an empty one."""
    found: dict[str, str] = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        found[name] = "link" if path.is_symlink() else sha256(path) if path.is_file() else ""
    return found


def write_random(path: Path, size: int) -> str:
    """Writes `size` bytes of which no two blocks are equal; their sha256."""
    digest, block, written = hashlib.sha256(), os.urandom(BLOCK), 0
    with open(path, "wb") as file:
        while written < size:
            part = (written.to_bytes(8, "big") + block[8:])[: size - written]
            digest.update(part)
            file.write(part)
            written += len(part)
    return digest.hexdigest()


def item_of(row: Row) -> Path:
    return Path(row["destination"])


def marker_of(item: Path) -> Path:
    return item.parent / f"{MARKER}{item.name}"


def sidecars(row: Row) -> dict[str, bytes]:
    """Section 6, word by word: the files beside the data and their bytes."""
    clean = row["clean_name"]
    return {
        f"{clean}.sha256sum": f"{row['sha256']}\t{clean}".encode(),
        f"{clean}.origlabfilename": row["filename"].encode(),
        f"{clean}.metadata.json": row["metadata"].encode(),
        "source_dropbox.txt": row["origin"].encode(),
    }


def check_file_item(row: Row) -> list[str]:
    item, clean = item_of(row), row["clean_name"]
    if not item.is_dir():
        return [f"{item}: committed, but not there"]
    problems = []
    expected = sidecars(row)
    names = {entry.name for entry in item.iterdir()}
    if item.name != clean or names != {clean, *expected}:
        return [f"{item}: holds {sorted(names)}"]
    if (item / clean).stat().st_size != row["bytes_received"] or sha256(item / clean) != row["sha256"]:
        problems.append(f"{item}: the data differs from the ledger's size or sha256")
    for name, content in expected.items():
        if (item / name).read_bytes() != content:
            problems.append(f"{item / name}: {(item / name).read_bytes()!r} instead of {content!r}")
    json.loads((item / f"{clean}.metadata.json").read_bytes())
    return problems


def check_tree_item(row: Row, members: Iterable[Row]) -> list[str]:
    item = item_of(row)
    listed = {m["path"].rstrip("/"): m["sha256"] or "" for m in members}
    if item.is_file():
        found = {item.name: sha256(item)}
    else:
        found = {f"{item.name}/{name}": digest for name, digest in tree(item).items()}
        found[item.name] = ""
    files = {name: digest for name, digest in found.items() if digest}
    if files != {name: digest for name, digest in listed.items() if digest}:
        return [f"{item}: holds {found}, the ledger's members are {listed}"]
    return []


def staged_sizes(staging: Path) -> list[int]:
    """Of each upload's staged data that is there now: it may be moved away at any moment."""
    sizes = []
    for data in staging.glob("*/data"):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(data.stat().st_size)
    return sizes


def rests(ledger: Ledger, staging: Path) -> set[str]:
    """What staging holds of uploads that are not live. A stop may leave some of it to the next start."""
    left = {entry.name for entry in staging.iterdir()}
    left -= {row["upload_id"] for row in ledger.uploads() if row["state"] in LIVE}
    left -= {row["upload_id"] for row in ledger.query("SELECT upload_id FROM sessions WHERE kept = 1")}  # for a retry
    if ORPHANS in left and not any((staging / ORPHANS).iterdir()):
        left.discard(ORPHANS)
    return left


def check_disk(ledger: Ledger, staging: Path, dropboxes: Iterable[Path], consumed: Collection[str] = ()) -> list[str]:
    """Every way in which disk and ledger disagree. `consumed`: names that a consumer has taken away."""
    problems: list[str] = []
    rows = ledger.uploads()
    expected: dict[Path, set[str]] = {dropbox: set() for dropbox in dropboxes}
    for row in rows:
        if row["state"] != "committed" or item_of(row).name in consumed:
            continue
        item, members = item_of(row), ledger.members(row["upload_id"])
        expected.setdefault(item.parent, set()).update((item.name, marker_of(item).name))
        problems += check_tree_item(row, members) if members else check_file_item(row)
        marker = marker_of(item)
        if not marker.is_file() or marker.stat().st_size:
            problems.append(f"{marker}: not there, or not empty")
    for dropbox, names in expected.items():
        there = {entry.name for entry in dropbox.iterdir()}
        if there != names:
            problems.append(f"{dropbox}: too much {sorted(there - names)}, too little {sorted(names - there)}")
    left = rests(ledger, staging)
    if left:
        problems.append(f"{staging}: holds {sorted(left)} of uploads that are not live")
    return problems
