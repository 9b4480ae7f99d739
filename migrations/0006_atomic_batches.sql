-- Which transactions are one step.
--
-- atomic_batches  one row for each atomic batch of more than one operation (with an idempotency key, its outcome counts as one):
--                 its transactions are those with an id from first to last, in whichever tables. All others are a step each. They were committed together in any case; this tells
--                 readers of the log, such as the change feed, where a step begins and ends. Those of before this table are not
--                 known. A row is removed with the history that it is about.

-- A writer of the version before may be within a transaction; what it commits has to be seen here.
LOCK TABLE producer IN ACCESS EXCLUSIVE MODE;

CREATE TABLE atomic_batches (
    first BIGINT PRIMARY KEY,
    last  BIGINT NOT NULL CHECK (last > first)
);
