-- Partials that wait for their client. NULL: a session of the receiver serves the upload, or it has ended; else
-- for how long it has waited so far, by the server's own clock and only while the server ran.
ALTER TABLE sessions ADD COLUMN parked_seconds INTEGER CHECK (parked_seconds >= 0);

-- Bytes of the staged file that are known to be synced: where a resume goes on.
ALTER TABLE sessions ADD COLUMN durable_bytes INTEGER NOT NULL DEFAULT 0 CHECK (durable_bytes >= 0);
