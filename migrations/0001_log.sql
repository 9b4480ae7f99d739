-- The log as tables: for each value type one of unique keys and one of transactions, as in
--
--     int_keys(id, key)          integer_transactions(id, transaction_type, key_id, value, operand, timestamp)
--
-- id          of a transaction: its lsn, its place in the log's one total order. Each lsn is in exactly one of the tables;
--             only a del-all, which is kept in key_transactions, has in addition a row of that lsn in the table of each type
--             from which it deleted something, so that the history of a type is whole in its own table.
--             of a key: a number that the writer gives, from 1 without holes.
-- value       what was put; of a counter, what the increment resulted in.
-- operand     of an increment: what was added. Of map-get, map-set, map-del: the field. Of set-add, set-rem, set-has: the members.
-- timestamp   when kvs carried the operation out, in microseconds.
--
-- transaction_type: get put del del-all incr incrby set-add set-rem set-has map-get map-set map-del.
-- Reads (get, set-has, map-get) are there only when kvs records all operations.
--
-- No index on key_id: every row would pay for it, and kvs reads by lsn only. To ask for the history of single keys, add one:
--     CREATE INDEX CONCURRENTLY ON integer_transactions (key_id, id);
-- ON DELETE CASCADE without that index reads the whole table for every deleted key, and what it deletes are holes in the log,
-- on which recovery stops. So keys are not deleted: a trigger refuses it.

CREATE TABLE int_keys (
    id  BIGINT PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE integer_transactions (
    id               BIGINT PRIMARY KEY,
    transaction_type VARCHAR(32) NOT NULL,
    key_id           BIGINT NOT NULL REFERENCES int_keys (id) ON DELETE CASCADE,
    value            INTEGER,
    operand          BIGINT,
    timestamp        TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE uint_keys (
    id  BIGINT PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE uint_transactions (
    id               BIGINT PRIMARY KEY,
    transaction_type VARCHAR(32) NOT NULL,
    key_id           BIGINT NOT NULL REFERENCES uint_keys (id) ON DELETE CASCADE,
    value            BIGINT,
    operand          BIGINT,
    timestamp        TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE float_keys (
    id  BIGINT PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE float_transactions (
    id               BIGINT PRIMARY KEY,
    transaction_type VARCHAR(32) NOT NULL,
    key_id           BIGINT NOT NULL REFERENCES float_keys (id) ON DELETE CASCADE,
    value            REAL,
    timestamp        TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE string_keys (
    id  BIGINT PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE string_transactions (
    id               BIGINT PRIMARY KEY,
    transaction_type VARCHAR(32) NOT NULL,
    key_id           BIGINT NOT NULL REFERENCES string_keys (id) ON DELETE CASCADE,
    value            TEXT,
    timestamp        TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- value: of a put the whole map, an object of strings; of a map-set the field's value, a string.
CREATE TABLE map_keys (
    id  BIGINT PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE map_transactions (
    id               BIGINT PRIMARY KEY,
    transaction_type VARCHAR(32) NOT NULL,
    key_id           BIGINT NOT NULL REFERENCES map_keys (id) ON DELETE CASCADE,
    value            JSONB,
    operand          TEXT,
    timestamp        TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE set_keys (
    id  BIGINT PRIMARY KEY,
    key TEXT COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE set_transactions (
    id               BIGINT PRIMARY KEY,
    transaction_type VARCHAR(32) NOT NULL,
    key_id           BIGINT NOT NULL REFERENCES set_keys (id) ON DELETE CASCADE,
    value            TEXT[],
    operand          TEXT[],
    timestamp        TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- Deletions of a key from every type. value: the types that had it.
CREATE TABLE key_transactions (
    id               BIGINT PRIMARY KEY,
    transaction_type VARCHAR(32) NOT NULL,
    key              TEXT NOT NULL,
    value            TEXT[] NOT NULL,
    timestamp        TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- One row: who writes, and how far the log goes. Every group of transactions moves it on in its own database transaction,
-- comparing epoch and lsn with what its writer knows; that makes a group stored once, and by the latest writer only.
CREATE TABLE producer (
    only_row   BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_row),
    log_id     BIGINT NOT NULL,
    epoch      BIGINT NOT NULL,
    lsn        BIGINT NOT NULL,
    checksum   BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE FUNCTION refuse_deletion_of_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'keys are not deleted: their transactions would go with them, and recovery stops at a hole in the log'
        USING HINT = 'Delete entries through kvs. To begin a new log, drop the schema or the database and create it again.';
END $$;
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON int_keys    EXECUTE FUNCTION refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON uint_keys   EXECUTE FUNCTION refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON float_keys  EXECUTE FUNCTION refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON string_keys EXECUTE FUNCTION refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON map_keys    EXECUTE FUNCTION refuse_deletion_of_keys();
CREATE TRIGGER no_deletion BEFORE DELETE OR TRUNCATE ON set_keys    EXECUTE FUNCTION refuse_deletion_of_keys();

-- The present value of every key, its lsn and its time. A view reads the whole history of its type.

CREATE VIEW current_int AS
SELECT k.key, t.value, t.id AS lsn, t.timestamp
FROM (SELECT DISTINCT ON (key_id) * FROM integer_transactions WHERE transaction_type <> 'get' ORDER BY key_id, id DESC) t
JOIN int_keys k ON k.id = t.key_id
WHERE t.transaction_type NOT IN ('del', 'del-all');

CREATE VIEW current_uint AS
SELECT k.key, t.value, t.id AS lsn, t.timestamp
FROM (SELECT DISTINCT ON (key_id) * FROM uint_transactions WHERE transaction_type <> 'get' ORDER BY key_id, id DESC) t
JOIN uint_keys k ON k.id = t.key_id
WHERE t.transaction_type NOT IN ('del', 'del-all');

CREATE VIEW current_float AS
SELECT k.key, t.value, t.id AS lsn, t.timestamp
FROM (SELECT DISTINCT ON (key_id) * FROM float_transactions WHERE transaction_type <> 'get' ORDER BY key_id, id DESC) t
JOIN float_keys k ON k.id = t.key_id
WHERE t.transaction_type NOT IN ('del', 'del-all');

CREATE VIEW current_string AS
SELECT k.key, t.value, t.id AS lsn, t.timestamp
FROM (SELECT DISTINCT ON (key_id) * FROM string_transactions WHERE transaction_type <> 'get' ORDER BY key_id, id DESC) t
JOIN string_keys k ON k.id = t.key_id
WHERE t.transaction_type NOT IN ('del', 'del-all');

-- Maps and sets change element by element: their present value is what the transactions since the last put or deletion lead to.

CREATE FUNCTION map_after(state JSONB, transaction_type TEXT, operand TEXT, value JSONB) RETURNS JSONB
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE transaction_type
        WHEN 'put'     THEN value
        WHEN 'map-set' THEN coalesce(state, '{}') || jsonb_build_object(operand, value)
        WHEN 'map-del' THEN state - operand
        WHEN 'del'     THEN NULL
        WHEN 'del-all' THEN NULL
        ELSE state
    END
$$;
CREATE AGGREGATE map_state (transaction_type TEXT, operand TEXT, value JSONB) (SFUNC = map_after, STYPE = JSONB);

CREATE FUNCTION set_after(state TEXT[], transaction_type TEXT, operand TEXT[], value TEXT[]) RETURNS TEXT[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE transaction_type
        WHEN 'put'     THEN value
        WHEN 'set-add' THEN CASE WHEN cardinality(operand) = 0 THEN state
                                 ELSE ARRAY(SELECT DISTINCT m FROM unnest(coalesce(state, '{}') || operand) m) END
        WHEN 'set-rem' THEN CASE WHEN state IS NULL THEN NULL
                                 ELSE ARRAY(SELECT m FROM unnest(state) m WHERE m <> ALL (operand)) END
        WHEN 'del'     THEN NULL
        WHEN 'del-all' THEN NULL
        ELSE state
    END
$$;
CREATE AGGREGATE set_state (transaction_type TEXT, operand TEXT[], value TEXT[]) (SFUNC = set_after, STYPE = TEXT[]);

CREATE VIEW current_map AS
SELECT * FROM (
    SELECT k.key, map_state(t.transaction_type, t.operand, t.value ORDER BY t.id) AS value,
           max(t.id) AS lsn, (array_agg(t.timestamp ORDER BY t.id DESC))[1] AS timestamp
    FROM map_transactions t
    JOIN map_keys k ON k.id = t.key_id
    LEFT JOIN (SELECT key_id, max(id) AS id FROM map_transactions
               WHERE transaction_type IN ('put', 'del', 'del-all') GROUP BY key_id) base ON base.key_id = t.key_id
    WHERE t.transaction_type <> 'get' AND t.transaction_type <> 'map-get' AND t.id >= coalesce(base.id, 0)
    GROUP BY k.key
) present
WHERE value IS NOT NULL;

CREATE VIEW current_set AS
SELECT key, ARRAY(SELECT m FROM unnest(value) m ORDER BY m COLLATE "C") AS value, lsn, timestamp FROM (
    SELECT k.key, set_state(t.transaction_type, t.operand, t.value ORDER BY t.id) AS value,
           max(t.id) AS lsn, (array_agg(t.timestamp ORDER BY t.id DESC))[1] AS timestamp
    FROM set_transactions t
    JOIN set_keys k ON k.id = t.key_id
    LEFT JOIN (SELECT key_id, max(id) AS id FROM set_transactions
               WHERE transaction_type IN ('put', 'del', 'del-all') GROUP BY key_id) base ON base.key_id = t.key_id
    WHERE t.transaction_type <> 'get' AND t.transaction_type <> 'set-has' AND t.id >= coalesce(base.id, 0)
    GROUP BY k.key
) present
WHERE value IS NOT NULL;
