-- Checkpoints: the state at some point of the log, so that a start need not read every transaction since its beginning.
--
-- checkpoints         one row for each checkpoint that may be used. kvs keeps the last two.
--     base            everything up to this lsn is in it; a start continues with the transaction after it.
--     log_end         it may show what happened up to this lsn.
--     entries, bytes  how many entries it has, and the size of its batches.
--     batches         how many rows of checkpoint_batches belong to it.
-- checkpoint_batches  the entries, in batches of the same form as those that kvs writes to files, with checksums. Rows whose
--                     checkpoint_id is not in checkpoints belong to one that is being written, or was never finished; the next
--                     one removes them.

CREATE TABLE checkpoints (
    id       BIGINT PRIMARY KEY,
    base     BIGINT NOT NULL,
    log_end  BIGINT NOT NULL,
    entries  BIGINT NOT NULL,
    bytes    BIGINT NOT NULL,
    batches  BIGINT NOT NULL,
    begun_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE checkpoint_batches (
    checkpoint_id BIGINT NOT NULL,
    number        BIGINT NOT NULL,
    batch         BYTEA NOT NULL,
    PRIMARY KEY (checkpoint_id, number)
);
-- Compression would cost the server more than the space is worth: a checkpoint is overwritten soon.
ALTER TABLE checkpoint_batches ALTER COLUMN batch SET STORAGE EXTERNAL;
