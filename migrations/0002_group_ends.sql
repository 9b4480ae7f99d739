-- Where the log ends, moved from the one row of producer into a table that is only inserted into.
--
-- An update leaves the row's old version behind until no snapshot can see it any more. One update for each group, while somebody
-- else held a snapshot for an hour (a backup does), made each group walk through all the versions of that hour.
--
-- producer    still one row: whose term it is. Every group's transaction locks it, which leaves no version behind, and checks
--             the epoch. updated_at: when the term began.
-- group_ends  one row for each group that was stored, with the lsn and the checksum of its end. The log ends at the highest
--             lsn. A group inserts its row if the log ends where the group begins; that, and the lock, make a group stored
--             once, and by the latest writer only. Rows before the last one serve nobody, and writers delete them in bulk.

-- A writer of the version before may be within a transaction; what it commits has to be seen here.
LOCK TABLE producer IN ACCESS EXCLUSIVE MODE;

CREATE TABLE group_ends (
    lsn       BIGINT PRIMARY KEY,
    checksum  BIGINT NOT NULL,
    stored_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
INSERT INTO group_ends (lsn, checksum, stored_at) SELECT lsn, checksum, updated_at FROM producer;
ALTER TABLE producer DROP COLUMN lsn, DROP COLUMN checksum;
