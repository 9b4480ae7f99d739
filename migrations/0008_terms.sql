-- Where the terms of the log's writers begin.
--
-- A writer that dies takes with it what was not stored, and the next one gives the same lsns to other transactions. What clients
-- hold of the lost ones must not pass for what is there now.
--
-- terms    one row for each term that has left transactions, and for the last one that began.
-- base     the last lsn before it.
-- epoch    its number.
--
-- Terms of before this table are not known; the first row is that of the first one after it. In which term a transaction was
-- carried out:
--     SELECT epoch FROM terms WHERE base < 4711 ORDER BY base DESC LIMIT 1;

-- A writer of the version before may be within a transaction; what it commits has to be seen here.
LOCK TABLE producer IN ACCESS EXCLUSIVE MODE;

CREATE TABLE terms (
    base  BIGINT PRIMARY KEY,
    epoch BIGINT NOT NULL UNIQUE
);
