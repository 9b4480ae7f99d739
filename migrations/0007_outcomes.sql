-- What requests with idempotency keys have come to.
--
-- outcomes     one row for each request that had a key and was carried out. It is the first record of the request: what the
--              request has written has the next lsns, in the tables *_transactions.
-- key          the name of the identity, a space, and the idempotency key; of an operation of a batch that is not atomic also its
--              number.
-- fingerprint  a hash of the request.
-- outcome      what its response is made of, in a form of its own (proto/src/outcome.rs).
-- expires_at   until when the same request gets that response again, and does nothing.
--
-- Which request has written a key, for example:
--     SELECT o.key, o.timestamp FROM outcomes o JOIN integer_transactions t ON t.id = o.id + 1;
--
-- The table is partitioned like the others. It has nothing of the present state, so a range that is removed leaves nothing of it.

-- A writer of the version before may be within a transaction; what it commits has to be seen here.
LOCK TABLE producer IN ACCESS EXCLUSIVE MODE;

CREATE TABLE outcomes (
    id          BIGINT PRIMARY KEY,
    key         TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    outcome     BYTEA NOT NULL,
    timestamp   TIMESTAMPTZ NOT NULL,
    expires_at  TIMESTAMPTZ
) PARTITION BY RANGE (id);

-- Who may read the history may read this part of it.
DO $$
DECLARE
    entry RECORD;
BEGIN
    FOR entry IN SELECT a.* FROM pg_class c, aclexplode(c.relacl) a
                 WHERE c.oid = 'key_transactions'::regclass AND a.grantee <> c.relowner LOOP
        EXECUTE format('GRANT %s ON outcomes TO %s%s', entry.privilege_type,
            CASE entry.grantee WHEN 0 THEN 'PUBLIC' ELSE entry.grantee::regrole::text END,
            CASE WHEN entry.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
END $$;
