-- The epoch whose bytes the state is of. One row at most for each upload: its newest.
ALTER TABLE checkpoints ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0 CHECK (epoch >= 0);
