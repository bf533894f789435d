"""The ledger as an operator reads it: sqlite3, read-only, while the server runs or after it stopped."""
from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Optional

LIVE = ("receiving", "received", "verified", "extracting", "committing")
Row = dict[str, Any]


class Ledger:
    def __init__(self, file: Path) -> None:
        self.file = file

    def query(self, sql: str, *values: object) -> list[Row]:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=10)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def uploads(self, state: Optional[str] = None) -> list[Row]:
        if state is None:
            return self.query("SELECT * FROM uploads ORDER BY created_at")
        return self.query("SELECT * FROM uploads WHERE state = ? ORDER BY created_at", state)

    def upload(self, upload_id: str) -> Row:
        rows = self.query("SELECT * FROM uploads WHERE upload_id = ?", upload_id)
        assert len(rows) == 1, f"{len(rows)} rows for upload {upload_id}"
        return rows[0]

    def named(self, filename: str) -> list[Row]:
        return self.query("SELECT * FROM uploads WHERE filename = ? ORDER BY created_at", filename)

    def events(self, upload_id: str) -> list[Row]:
        rows = self.query("SELECT * FROM events WHERE upload_id = ? ORDER BY seq", upload_id)
        for row in rows:
            row["detail"] = json.loads(row["detail"]) if row["detail"] else {}
        return rows

    def all_events(self) -> list[Row]:
        return self.query("SELECT * FROM events ORDER BY seq")

    def members(self, upload_id: str) -> list[Row]:
        return self.query("SELECT path, size, sha256 FROM members WHERE upload_id = ? ORDER BY path", upload_id)
