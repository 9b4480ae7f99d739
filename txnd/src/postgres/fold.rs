//! What a range that is removed contributes to the present state: SQL that moves it into the tables `*_base`.
//!
//! A key whose last write in the range is a deletion loses its row there, every other key that was written gets one. Of maps
//! and sets the last write of each field or member counts, as far as no put or deletion of the whole comes after it. So this
//! takes time in proportion to the rows, and not to the size of a map for each of its changes.

use proto::{Operations, ValueType};

use super::tables::{Kind, Table};

/// The statement that folds `partition`, which is one of `table`, into its base. `None` for deletions of whole keys, which
/// are in the tables of the types, too.
pub(super) fn statement(table: &Table, partition: &str) -> Option<String> {
    let (Kind::Typed(ty), Some(base)) = (table.kind, table.base()) else { return None };
    let present = match elements(ty) {
        None => last_writes(partition, &base),
        Some(elements) => last_elements(partition, &base, elements),
    };
    Some(format!(
        "WITH {present}, \
         deleted AS (DELETE FROM {base} b USING present p WHERE NOT p.exists AND b.key_id = p.key_id) \
         INSERT INTO {base} (key_id, value, lsn, timestamp, expires_at) \
             SELECT key_id, value, lsn, timestamp, expires_at FROM present WHERE present.exists \
         ON CONFLICT (key_id) DO UPDATE \
             SET value = excluded.value, lsn = excluded.lsn, timestamp = excluded.timestamp, \
                 expires_at = excluded.expires_at"
    ))
}

/// `present`: the state of each key that was written, where each write sets the whole value, but for a touch, which has none.
fn last_writes(partition: &str, base: &str) -> String {
    format!(
        "writes AS MATERIALIZED ( \
             SELECT DISTINCT ON (key_id) key_id, value, id AS lsn, timestamp, expires_at, \
                 transaction_type NOT IN ('del', 'del-all', 'expire') AS exists \
             FROM {partition} WHERE transaction_type NOT IN ('get', 'touch') ORDER BY key_id, id DESC), \
         touches AS MATERIALIZED ( \
             SELECT DISTINCT ON (key_id) key_id, id AS lsn, timestamp, expires_at \
             FROM {partition} WHERE transaction_type = 'touch' ORDER BY key_id, id DESC), \
         touched AS ( \
             SELECT t.*, coalesce(w.value, b.value) AS value FROM touches t \
             LEFT JOIN writes w USING (key_id) LEFT JOIN {base} b USING (key_id) \
             WHERE CASE WHEN w.key_id IS NULL THEN b.key_id IS NOT NULL ELSE w.exists AND t.lsn > w.lsn END), \
         present AS MATERIALIZED ( \
             SELECT key_id, value, lsn, timestamp, expires_at, true AS exists FROM touched \
             UNION ALL SELECT key_id, value, lsn, timestamp, expires_at, exists FROM writes w \
             WHERE NOT EXISTS (SELECT FROM touched t WHERE t.key_id = w.key_id))"
    )
}

/// How the elements of a type are in its rows.
struct Elements {
    /// The types of transactions that change nothing.
    reads: &'static str,
    /// Of the rows in `writes`: those that make a key exist.
    creates: &'static str,
    /// Each write of an element: `key_id`, `id`, `element`, and its `value`, which is NULL if it was removed.
    select: &'static str,
    /// All elements of a key, in one value.
    all: &'static str,
    none: &'static str,
}

const MAP: Elements = Elements {
    reads: "'get', 'map-get'",
    creates: "transaction_type IN ('put', 'map-set')",
    select: "SELECT key_id, id, f.key COLLATE \"C\" AS element, f.value FROM writes, jsonb_each(writes.value) f \
                 WHERE transaction_type = 'put' \
             UNION ALL SELECT key_id, id, operand COLLATE \"C\", CASE transaction_type WHEN 'map-set' THEN value END \
                 FROM writes WHERE transaction_type IN ('map-set', 'map-del')",
    all: "jsonb_object_agg(element, latest.value)",
    none: "'{}'::jsonb",
};

const SET: Elements = Elements {
    reads: "'get', 'set-has'",
    creates: "(transaction_type = 'put' OR transaction_type = 'set-add' AND cardinality(operand) > 0)",
    select: "SELECT key_id, id, unnest(value) COLLATE \"C\" AS element, true AS value FROM writes \
                 WHERE transaction_type = 'put' \
             UNION ALL SELECT key_id, id, unnest(operand) COLLATE \"C\", CASE transaction_type WHEN 'set-add' THEN true END \
                 FROM writes WHERE transaction_type IN ('set-add', 'set-rem')",
    all: "array_agg(element ORDER BY element)",
    none: "'{}'::text[]",
};

/// How the elements of `ty` are in its rows; `None` if it has none.
const fn elements(ty: ValueType) -> Option<&'static Elements> {
    match ty {
        ValueType::Map => Some(&MAP),
        ValueType::Set => Some(&SET),
        _ => None,
    }
}

// Every collection is above, and nothing else.
const _: () = {
    let mut index = 0;
    while index < ValueType::ALL.len() {
        let ty = ValueType::ALL[index];
        assert!(elements(ty).is_some() == matches!(ty.operations(), Operations::Collection));
        index += 1;
    }
};

/// `present`: the state of each key that was written, where a write may change one element.
fn last_elements(partition: &str, base: &str, elements: &Elements) -> String {
    let Elements { reads, creates, select, all, none } = elements;
    format!(
        "changed AS MATERIALIZED (SELECT key_id, max(id) AS lsn FROM {partition} \
             WHERE transaction_type NOT IN ({reads}) GROUP BY key_id), \
         resets AS MATERIALIZED (SELECT key_id, max(id) AS id FROM {partition} \
             WHERE transaction_type IN ('put', 'del', 'del-all', 'expire') GROUP BY key_id), \
         writes AS MATERIALIZED ( \
             SELECT t.key_id, t.id, t.transaction_type, t.operand, t.value FROM {partition} t LEFT JOIN resets USING (key_id) \
                 WHERE t.transaction_type NOT IN ({reads}) AND t.id >= coalesce(resets.id, 0) \
             UNION ALL SELECT b.key_id, b.lsn, 'put', NULL, b.value FROM {base} b JOIN changed USING (key_id) \
                 LEFT JOIN resets USING (key_id) WHERE resets.id IS NULL), \
         elements AS ({select}), \
         latest AS (SELECT DISTINCT ON (key_id, element) key_id, element, value FROM elements \
             ORDER BY key_id, element, id DESC), \
         existing AS (SELECT DISTINCT key_id FROM writes WHERE {creates}), \
         whole AS (SELECT key_id, coalesce({all} FILTER (WHERE latest.value IS NOT NULL), {none}) AS value \
             FROM existing LEFT JOIN latest USING (key_id) GROUP BY key_id), \
         present AS MATERIALIZED ( \
             SELECT changed.key_id, whole.value, changed.lsn, last.timestamp, last.expires_at, whole.key_id IS NOT NULL AS exists \
             FROM changed JOIN {partition} last ON last.id = changed.lsn LEFT JOIN whole ON whole.key_id = changed.key_id)"
    )
}
