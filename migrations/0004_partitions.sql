-- The history in partitions, so that old history can be removed: a table that only grows fills the disk in the end.
--
-- *_transactions   each is partitioned by ranges of lsn. kvs creates the partition of a type when the first row of that type
--                  in that range comes, and names it after the range's first lsn: integer_transactions_1. What the tables had
--                  before this migration is their first partition.
-- history_ranges   the ranges that are kept, first and last lsn included. All types have the same ranges.
-- *_base           what the ranges that were removed have left, for the present state: one row for each key that existed at
--                  their end, with its value (of a map or a set the whole of it), and the lsn and time of its last write.
--                  There is none for key_transactions: a del-all has rows in the tables of the types, too.
-- producer.first   the oldest lsn that is kept.
--
-- A range is removed in one transaction, which also writes its rest into *_base. Nothing is removed unless kvs or txnd was
-- started with --retain, and never what no checkpoint covers.
--
-- An index on a type's table is an index of each partition, also of those to come. For the history of single keys:
--     CREATE INDEX ON integer_transactions (key_id, id);
-- This holds up writing until it is complete. On a large history, create it with ON ONLY, then on each partition with
-- CONCURRENTLY, and attach those with ALTER INDEX ... ATTACH PARTITION.
--
-- Indexes and privileges of the tables are taken over. Views that read them would still read the first partition alone, so the
-- migration refuses them: drop them, and create them again after it. It reads the whole history once.

-- A writer of the version before may be within a transaction; what it commits has to be seen here.
LOCK TABLE producer IN ACCESS EXCLUSIVE MODE;

ALTER TABLE producer ADD COLUMN first BIGINT NOT NULL DEFAULT 1;

CREATE TABLE history_ranges (
    first BIGINT PRIMARY KEY,
    last  BIGINT NOT NULL
);

-- No foreign keys: the rows come from tables that have them, and checking them again would lock the keys.
CREATE TABLE integer_base (
    key_id BIGINT PRIMARY KEY, value INTEGER NOT NULL, lsn BIGINT NOT NULL, timestamp TIMESTAMPTZ NOT NULL
);
CREATE TABLE uint_base (
    key_id BIGINT PRIMARY KEY, value BIGINT NOT NULL, lsn BIGINT NOT NULL, timestamp TIMESTAMPTZ NOT NULL
);
CREATE TABLE float_base (
    key_id BIGINT PRIMARY KEY, value REAL NOT NULL, lsn BIGINT NOT NULL, timestamp TIMESTAMPTZ NOT NULL
);
CREATE TABLE string_base (
    key_id BIGINT PRIMARY KEY, value TEXT NOT NULL, lsn BIGINT NOT NULL, timestamp TIMESTAMPTZ NOT NULL
);
CREATE TABLE map_base (
    key_id BIGINT PRIMARY KEY, value JSONB NOT NULL, lsn BIGINT NOT NULL, timestamp TIMESTAMPTZ NOT NULL
);
CREATE TABLE set_base (
    key_id BIGINT PRIMARY KEY, value TEXT[] NOT NULL, lsn BIGINT NOT NULL, timestamp TIMESTAMPTZ NOT NULL
);

-- The old tables become partitions, the new ones have their columns, defaults, indexes and privileges.
DO $$
DECLARE
    own CONSTANT TEXT[] := '{current_int, current_uint, current_float, current_string, current_map, current_set}';
    types CONSTANT TEXT[] := '{integer, uint, float, string, map, set, key}';
    keys CONSTANT TEXT[] := '{int_keys, uint_keys, float_keys, string_keys, map_keys, set_keys}';
    named TEXT;
    partition TEXT;
    others TEXT;
    entry RECORD;
BEGIN
    FOR number IN 1 .. array_length(types, 1) LOOP
        named := types[number] || '_transactions';
        partition := named || '_1';
        SELECT string_agg(pg_describe_object(d.classid, d.objid, d.objsubid), ', ') INTO others
        FROM (SELECT DISTINCT d.classid, d.objid, d.objsubid FROM pg_depend d
              LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
              WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = named::regclass AND d.deptype = 'n'
                  AND (r.oid IS NULL OR r.ev_class <> ALL (own::regclass[]))) d;
        IF others IS NOT NULL THEN
            RAISE EXCEPTION 'these use the table %, which is to be divided into partitions: %. Drop them, start again, and create them again after that',
                named, others;
        END IF;
        EXECUTE format('ALTER TABLE %I RENAME TO %I', named, partition);
        EXECUTE format('ALTER INDEX %I RENAME TO %I', named || '_pkey', partition || '_pkey');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (id)', named, partition);
        IF number <= array_length(keys, 1) THEN
            EXECUTE format('ALTER TABLE %I ADD FOREIGN KEY (key_id) REFERENCES %I (id) ON DELETE CASCADE', named, keys[number]);
        END IF;
        FOR entry IN SELECT a.* FROM pg_class c, aclexplode(c.relacl) a
                     WHERE c.oid = partition::regclass AND a.grantee <> c.relowner LOOP
            EXECUTE format('GRANT %s ON %I TO %s%s', entry.privilege_type, named,
                CASE entry.grantee WHEN 0 THEN 'PUBLIC' ELSE entry.grantee::regrole::text END,
                CASE WHEN entry.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
        END LOOP;
    END LOOP;
END $$;

-- The present value of every key, its lsn and its time. A view reads the whole history of its type that is kept. What was
-- removed before is like a put at the lsn of the last write.

CREATE OR REPLACE VIEW current_int AS
SELECT k.key, t.value, t.id AS lsn, t.timestamp
FROM (SELECT DISTINCT ON (key_id) * FROM (
          SELECT key_id, id, transaction_type, value, timestamp FROM integer_transactions WHERE transaction_type <> 'get'
          UNION ALL SELECT key_id, lsn, 'put', value, timestamp FROM integer_base
      ) writes ORDER BY key_id, id DESC) t
JOIN int_keys k ON k.id = t.key_id
WHERE t.transaction_type NOT IN ('del', 'del-all');

CREATE OR REPLACE VIEW current_uint AS
SELECT k.key, t.value, t.id AS lsn, t.timestamp
FROM (SELECT DISTINCT ON (key_id) * FROM (
          SELECT key_id, id, transaction_type, value, timestamp FROM uint_transactions WHERE transaction_type <> 'get'
          UNION ALL SELECT key_id, lsn, 'put', value, timestamp FROM uint_base
      ) writes ORDER BY key_id, id DESC) t
JOIN uint_keys k ON k.id = t.key_id
WHERE t.transaction_type NOT IN ('del', 'del-all');

CREATE OR REPLACE VIEW current_float AS
SELECT k.key, t.value, t.id AS lsn, t.timestamp
FROM (SELECT DISTINCT ON (key_id) * FROM (
          SELECT key_id, id, transaction_type, value, timestamp FROM float_transactions WHERE transaction_type <> 'get'
          UNION ALL SELECT key_id, lsn, 'put', value, timestamp FROM float_base
      ) writes ORDER BY key_id, id DESC) t
JOIN float_keys k ON k.id = t.key_id
WHERE t.transaction_type NOT IN ('del', 'del-all');

CREATE OR REPLACE VIEW current_string AS
SELECT k.key, t.value, t.id AS lsn, t.timestamp
FROM (SELECT DISTINCT ON (key_id) * FROM (
          SELECT key_id, id, transaction_type, value, timestamp FROM string_transactions WHERE transaction_type <> 'get'
          UNION ALL SELECT key_id, lsn, 'put', value, timestamp FROM string_base
      ) writes ORDER BY key_id, id DESC) t
JOIN string_keys k ON k.id = t.key_id
WHERE t.transaction_type NOT IN ('del', 'del-all');

CREATE OR REPLACE VIEW current_map AS
SELECT * FROM (
    SELECT k.key, map_state(t.transaction_type, t.operand, t.value ORDER BY t.id) AS value,
           max(t.id) AS lsn, (array_agg(t.timestamp ORDER BY t.id DESC))[1] AS timestamp
    FROM (SELECT key_id, id, transaction_type, operand, value, timestamp FROM map_transactions
          WHERE transaction_type <> 'get' AND transaction_type <> 'map-get'
          UNION ALL SELECT key_id, lsn, 'put', NULL, value, timestamp FROM map_base) t
    JOIN map_keys k ON k.id = t.key_id
    LEFT JOIN (SELECT key_id, max(id) AS id FROM map_transactions
               WHERE transaction_type IN ('put', 'del', 'del-all') GROUP BY key_id) base ON base.key_id = t.key_id
    WHERE t.id >= coalesce(base.id, 0)
    GROUP BY k.key
) present
WHERE value IS NOT NULL;

CREATE OR REPLACE VIEW current_set AS
SELECT key, ARRAY(SELECT m FROM unnest(value) m ORDER BY m COLLATE "C") AS value, lsn, timestamp FROM (
    SELECT k.key, set_state(t.transaction_type, t.operand, t.value ORDER BY t.id) AS value,
           max(t.id) AS lsn, (array_agg(t.timestamp ORDER BY t.id DESC))[1] AS timestamp
    FROM (SELECT key_id, id, transaction_type, operand, value, timestamp FROM set_transactions
          WHERE transaction_type <> 'get' AND transaction_type <> 'set-has'
          UNION ALL SELECT key_id, lsn, 'put', NULL, value, timestamp FROM set_base) t
    JOIN set_keys k ON k.id = t.key_id
    LEFT JOIN (SELECT key_id, max(id) AS id FROM set_transactions
               WHERE transaction_type IN ('put', 'del', 'del-all') GROUP BY key_id) base ON base.key_id = t.key_id
    WHERE t.id >= coalesce(base.id, 0)
    GROUP BY k.key
) present
WHERE value IS NOT NULL;

-- After the views, which depended on the old tables. One without rows is of no use; nor is the one of a new log.
DO $$
DECLARE
    types CONSTANT TEXT[] := '{integer, uint, float, string, map, set, key}';
    log_end BIGINT := (SELECT coalesce(max(lsn), 0) FROM group_ends);
    table_end BIGINT;
    type TEXT;
BEGIN
    -- A log that lost its end must not lose its rows: the program finds out, and says so.
    FOREACH type IN ARRAY types LOOP
        EXECUTE format('SELECT max(id) FROM %I', type || '_transactions_1') INTO table_end;
        log_end := greatest(log_end, table_end);
    END LOOP;
    FOREACH type IN ARRAY types LOOP
        EXECUTE format('SELECT max(id) FROM %I', type || '_transactions_1') INTO table_end;
        IF table_end IS NULL THEN
            EXECUTE format('DROP TABLE %I', type || '_transactions_1');
        ELSE
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%s)',
                type || '_transactions', type || '_transactions_1', log_end + 1);
        END IF;
    END LOOP;
    IF log_end > 0 THEN
        INSERT INTO history_ranges (first, last) VALUES (1, log_end);
    END IF;
END $$;
