-- Entries that expire.
--
-- expires_at         of a transaction that leaves an entry: when the entry expires after it; NULL if it does not. Every write has it,
--                    also one that does not change it, as an increment.
-- transaction_type   two more: touch, which changes nothing but expires_at, and expire, which deletes an entry that has expired.
--
-- An entry is nowhere to be found from expires_at on. Its expire follows within a moment: the views current_* say what the
-- transactions say, so until then they still show it. They have expires_at, too.

-- A writer of the version before may be within a transaction; what it commits has to be seen here.
LOCK TABLE producer IN ACCESS EXCLUSIVE MODE;

ALTER TABLE integer_transactions ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE uint_transactions    ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE float_transactions   ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE string_transactions  ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE map_transactions     ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE set_transactions     ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE integer_base ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE uint_base    ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE float_base   ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE string_base  ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE map_base     ADD COLUMN expires_at TIMESTAMPTZ;
ALTER TABLE set_base     ADD COLUMN expires_at TIMESTAMPTZ;

-- The present value of every key. A touch has no value: that of the write before it counts.

DO $$
DECLARE
    type TEXT[];
BEGIN
    FOREACH type SLICE 1 IN ARRAY '{{int, integer}, {uint, uint}, {float, float}, {string, string}}'::TEXT[] LOOP
        EXECUTE format($view$
            CREATE OR REPLACE VIEW %1$I AS
            SELECT k.key, t.value, coalesce(touched.id, t.id) AS lsn, coalesce(touched.timestamp, t.timestamp) AS timestamp,
                   CASE WHEN touched.id IS NULL THEN t.expires_at ELSE touched.expires_at END AS expires_at
            FROM (SELECT DISTINCT ON (key_id) * FROM (
                      SELECT key_id, id, transaction_type, value, timestamp, expires_at FROM %2$I
                      WHERE transaction_type <> 'get' AND transaction_type <> 'touch'
                      UNION ALL SELECT key_id, lsn, 'put', value, timestamp, expires_at FROM %3$I
                  ) writes ORDER BY key_id, id DESC) t
            JOIN %4$I k ON k.id = t.key_id
            LEFT JOIN (SELECT DISTINCT ON (key_id) key_id, id, timestamp, expires_at FROM %2$I
                       WHERE transaction_type = 'touch' ORDER BY key_id, id DESC) touched
                   ON touched.key_id = t.key_id AND touched.id > t.id
            WHERE t.transaction_type NOT IN ('del', 'del-all', 'expire')
        $view$, 'current_' || type[1], type[2] || '_transactions', type[2] || '_base', type[1] || '_keys');
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION map_after(state JSONB, transaction_type TEXT, operand TEXT, value JSONB) RETURNS JSONB
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE transaction_type
        WHEN 'put'     THEN value
        WHEN 'map-set' THEN coalesce(state, '{}') || jsonb_build_object(operand, value)
        WHEN 'map-del' THEN state - operand
        WHEN 'del'     THEN NULL
        WHEN 'del-all' THEN NULL
        WHEN 'expire'  THEN NULL
        ELSE state
    END
$$;

CREATE OR REPLACE FUNCTION set_after(state TEXT[], transaction_type TEXT, operand TEXT[], value TEXT[]) RETURNS TEXT[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE transaction_type
        WHEN 'put'     THEN value
        WHEN 'set-add' THEN CASE WHEN cardinality(operand) = 0 THEN state
                                 ELSE ARRAY(SELECT DISTINCT m FROM unnest(coalesce(state, '{}') || operand) m) END
        WHEN 'set-rem' THEN CASE WHEN state IS NULL THEN NULL
                                 ELSE ARRAY(SELECT m FROM unnest(state) m WHERE m <> ALL (operand)) END
        WHEN 'del'     THEN NULL
        WHEN 'del-all' THEN NULL
        WHEN 'expire'  THEN NULL
        ELSE state
    END
$$;

CREATE OR REPLACE VIEW current_map AS
SELECT * FROM (
    SELECT k.key, map_state(t.transaction_type, t.operand, t.value ORDER BY t.id) AS value,
           max(t.id) AS lsn, (array_agg(t.timestamp ORDER BY t.id DESC))[1] AS timestamp,
           (array_agg(t.expires_at ORDER BY t.id DESC))[1] AS expires_at
    FROM (SELECT key_id, id, transaction_type, operand, value, timestamp, expires_at FROM map_transactions
          WHERE transaction_type <> 'get' AND transaction_type <> 'map-get'
          UNION ALL SELECT key_id, lsn, 'put', NULL, value, timestamp, expires_at FROM map_base) t
    JOIN map_keys k ON k.id = t.key_id
    LEFT JOIN (SELECT key_id, max(id) AS id FROM map_transactions
               WHERE transaction_type IN ('put', 'del', 'del-all', 'expire') GROUP BY key_id) base ON base.key_id = t.key_id
    WHERE t.id >= coalesce(base.id, 0)
    GROUP BY k.key
) present
WHERE value IS NOT NULL;

CREATE OR REPLACE VIEW current_set AS
SELECT key, ARRAY(SELECT m FROM unnest(value) m ORDER BY m COLLATE "C") AS value, lsn, timestamp, expires_at FROM (
    SELECT k.key, set_state(t.transaction_type, t.operand, t.value ORDER BY t.id) AS value,
           max(t.id) AS lsn, (array_agg(t.timestamp ORDER BY t.id DESC))[1] AS timestamp,
           (array_agg(t.expires_at ORDER BY t.id DESC))[1] AS expires_at
    FROM (SELECT key_id, id, transaction_type, operand, value, timestamp, expires_at FROM set_transactions
          WHERE transaction_type <> 'get' AND transaction_type <> 'set-has'
          UNION ALL SELECT key_id, lsn, 'put', NULL, value, timestamp, expires_at FROM set_base) t
    JOIN set_keys k ON k.id = t.key_id
    LEFT JOIN (SELECT key_id, max(id) AS id FROM set_transactions
               WHERE transaction_type IN ('put', 'del', 'del-all', 'expire') GROUP BY key_id) base ON base.key_id = t.key_id
    WHERE t.id >= coalesce(base.id, 0)
    GROUP BY k.key
) present
WHERE value IS NOT NULL;
