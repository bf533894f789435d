-- The directory in which ID/out lies, where its dropbox is on another file system than storage.tmp_dir. NULL: in
-- storage.tmp_dir.
ALTER TABLE sessions ADD COLUMN dropbox_staging TEXT;

-- Staging directories without an upload, which were set aside. They expire; how long they have waited so far is counted
-- as that of partials is.
CREATE TABLE orphans (
  directory TEXT PRIMARY KEY NOT NULL,
  upload_id TEXT NOT NULL,
  waited_seconds INTEGER NOT NULL DEFAULT 0 CHECK (waited_seconds >= 0)
) STRICT, WITHOUT ROWID;
