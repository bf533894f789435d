-- uploads, events and members are read by operators, scripts and dashboards: their columns are stable.
CREATE TABLE uploads (
  upload_id TEXT PRIMARY KEY NOT NULL CHECK (length(upload_id) = 32),
  origin TEXT NOT NULL,
  filename TEXT NOT NULL,
  clean_name TEXT NOT NULL,
  destination TEXT NOT NULL,
  metadata TEXT NOT NULL,
  untar INTEGER NOT NULL CHECK (untar IN (0, 1)),
  size_declared INTEGER CHECK (size_declared >= 0),
  bytes_received INTEGER NOT NULL DEFAULT 0 CHECK (bytes_received >= 0),
  sha256 TEXT CHECK (length(sha256) = 64),
  state TEXT NOT NULL CHECK (state IN ('receiving', 'received', 'verified', 'extracting', 'committing',
                                       'committed', 'failed', 'aborted', 'expired')),
  error_code INTEGER,
  error TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  finished_at TEXT
) STRICT;

CREATE INDEX uploads_created ON uploads (created_at);
CREATE INDEX uploads_origin ON uploads (origin, created_at);
CREATE INDEX uploads_state ON uploads (state, created_at);

-- No foreign key: what happened stays on record whatever becomes of the row.
CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  upload_id TEXT,
  at TEXT NOT NULL,
  process TEXT NOT NULL,
  event TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

CREATE INDEX events_upload ON events (upload_id, seq);

CREATE TRIGGER events_keep BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append only'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are append only'); END;

CREATE TABLE members (
  upload_id TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE,
  path TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  PRIMARY KEY (upload_id, path)
) STRICT, WITHOUT ROWID;

-- Internal from here on.
CREATE TABLE sessions (
  upload_id TEXT PRIMARY KEY NOT NULL REFERENCES uploads ON DELETE CASCADE,
  origin TEXT NOT NULL,
  routing_id BLOB NOT NULL,
  upload_key TEXT CHECK (length(upload_key) = 32),
  mtime_ns INTEGER,
  original INTEGER NOT NULL CHECK (original = (upload_key IS NULL)),
  first_chunk_seen INTEGER NOT NULL DEFAULT 0 CHECK (first_chunk_seen IN (0, 1)),
  chunk_size INTEGER NOT NULL,
  max_queue INTEGER NOT NULL,
  epoch INTEGER NOT NULL DEFAULT 0,
  client_sha256 TEXT CHECK (length(client_sha256) = 64),
  reserves TEXT UNIQUE,
  kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
  held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1))
) STRICT;

CREATE INDEX sessions_key ON sessions (origin, upload_key) WHERE upload_key IS NOT NULL;
CREATE INDEX sessions_routing_id ON sessions (origin, routing_id);

CREATE TABLE checkpoints (
  upload_id TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE,
  offset INTEGER NOT NULL CHECK (offset > 0 AND offset % 64 = 0),
  state BLOB NOT NULL CHECK (length(state) = 32),
  PRIMARY KEY (upload_id, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
  name TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
