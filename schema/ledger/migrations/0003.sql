-- Who may read the data set, as its dropbox said when the upload was accepted. NULL: as umask and process leave it.
ALTER TABLE sessions ADD COLUMN mode INTEGER CHECK (mode BETWEEN 0 AND 511);
ALTER TABLE sessions ADD COLUMN group_id INTEGER CHECK (group_id >= 0);
