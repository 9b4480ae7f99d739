//! Reads the tables of keys.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use sqlx::{Executor, Row};

use super::binary::Fields;
use super::copy_out::{CopyOut, corrupt};
use super::errors::step;
use super::key_names::{CHUNK_NAMES, Chunk, KeyNames};
use super::keys::KeyIds;
use super::parse;
use super::session::{BY_INDEX, Session};
use super::tables::{KEYS, TYPES};
use crate::SinkError;

/// Keys per query: 8 MiB if all have the maximum length.
const KEYS_PER_QUERY: usize = 16 << 10;

/// Chunks of names to read ahead.
const CHUNKS_AHEAD: i64 = KEYS_PER_QUERY as i64 / CHUNK_NAMES;

/// The ids of the database, as many as fit into `budget` bytes.
pub(super) async fn load_ids(session: &mut Session, budget: usize) -> Result<KeyIds, SinkError> {
    let mut ids = KeyIds::new(budget);
    session.begin_transaction().await?;
    ids.next = next_ids(session).await?;
    'types: for (ty, table) in KEYS.into_iter().enumerate() {
        let mut last = 0;
        loop {
            let (mut count, from) = (0, last);
            let select = format!("SELECT id, key FROM {table} WHERE id > {from} ORDER BY id LIMIT {KEYS_PER_QUERY}");
            let mut rows = CopyOut::start(table, session, &select).await?;
            while let Some(row) = rows.next().await? {
                let (id, key) = parse::key(Fields::of(&row)).map_err(|e| corrupt(table, 0, &e))?;
                ids.insert(ty, key, id);
                (last, count) = (id, count + 1);
            }
            drop(rows);
            if !ids.knows_all() {
                ids.lack_some();
                break 'types;
            }
            if count < KEYS_PER_QUERY {
                break;
            }
        }
    }
    step(session.connection.execute("COMMIT")).await?;
    Ok(ids)
}

/// After a connection was lost: forgets the ids that did not become durable.
pub(super) async fn rewind_ids(session: &mut Session, ids: &mut KeyIds) -> Result<(), SinkError> {
    session.begin_transaction().await?;
    let next = next_ids(session).await?;
    step(session.connection.execute("COMMIT")).await?;
    ids.rewind(next);
    Ok(())
}

/// For each type, the id of the next new key.
async fn next_ids(session: &mut Session) -> Result<[i64; TYPES], SinkError> {
    let columns = KEYS.map(|table| format!("(SELECT coalesce(max(id), 0) + 1 FROM {table})"));
    let select = format!("SELECT {}", columns.join(", "));
    let row = step(session.connection.fetch_one(select.as_str())).await?;
    Ok(std::array::from_fn(|ty| row.get(ty)))
}

/// The ids of those `keys` of a type that the database has. Runs within the current transaction.
pub(super) async fn ids_of(
    session: &mut Session,
    ty: usize,
    keys: &[&str],
) -> Result<HashMap<Box<str>, i64>, SinkError> {
    let select = format!("SELECT id, key FROM {} WHERE key = ANY ($1)", KEYS[ty]);
    let mut ids = HashMap::with_capacity(keys.len());
    step(session.connection.execute(BY_INDEX)).await?;
    for keys in keys.chunks(KEYS_PER_QUERY) {
        // Unnamed, and in a transaction, so that a pooler keeps it on one server.
        let query = sqlx::query(&select).persistent(false).bind(keys);
        for row in step(query.fetch_all(&mut session.connection)).await? {
            ids.insert(row.get::<String, _>(1).into_boxed_str(), row.get(0));
        }
    }
    Ok(ids)
}

/// Adds the names of `missing`, and of the ids that follow. Runs within the current transaction.
pub(super) async fn load_names(
    session: &mut Session,
    names: &mut KeyNames,
    missing: &[BTreeSet<i64>; TYPES],
) -> Result<(), SinkError> {
    for (ty, (table, missing)) in KEYS.into_iter().zip(missing).enumerate() {
        let needed: BTreeSet<i64> = missing.iter().map(|id| id.div_euclid(CHUNK_NAMES)).collect();
        let Some(last) = needed.last() else { continue };
        // Once the reader gets beyond what was read in sequence, reading ahead pays off.
        let from = names.read_to(ty);
        let to = if *last >= from { from + CHUNKS_AHEAD } else { from };
        let apart = needed.iter().filter(|chunk| !(from..to).contains(*chunk));
        let apart = apart.flat_map(|chunk| (0..CHUNK_NAMES).map(move |n| chunk * CHUNK_NAMES + n));
        let list: Vec<String> = apart.map(|id| id.to_string()).collect();
        let list = if list.is_empty() { "NULL".to_string() } else { list.join(", ") };
        let (first, end) = (from.saturating_mul(CHUNK_NAMES), to.saturating_mul(CHUNK_NAMES));
        let select = format!(
            "SELECT id, key FROM {table} WHERE id IN ({list}) \
             UNION ALL SELECT id, key FROM {table} WHERE id >= {first} AND id < {end}"
        );
        let mut chunks = BTreeMap::<i64, Box<Chunk>>::new();
        let mut rows = CopyOut::start(table, session, &select).await?;
        while let Some(row) = rows.next().await? {
            let (id, key) = parse::key(Fields::of(&row)).map_err(|e| corrupt(table, 0, &e))?;
            let chunk = chunks.entry(id.div_euclid(CHUNK_NAMES)).or_default();
            chunk[id.rem_euclid(CHUNK_NAMES) as usize] = key.into();
        }
        for (number, chunk) in chunks {
            names.insert(ty, number, chunk, needed.contains(&number));
        }
    }
    Ok(())
}
