//! Reading the tables of keys.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use sqlx::{Executor, Row};

use super::copy_out::{CopyOut, corrupt};
use super::errors::step;
use super::key_names::KeyNames;
use super::keys::KeyIds;
use super::parse::{self, Fields};
use super::session::Session;
use super::tables::{KEYS, TYPES};
use crate::SinkError;

/// Keys that are asked for at a time: 8 MiB if all are as long as can be.
const KEYS_PER_QUERY: usize = 16 << 10;

/// The ids that the database has, as many as there is room for in `budget` bytes.
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

/// Of each type, the id of the next new key.
async fn next_ids(session: &mut Session) -> Result<[i64; TYPES], SinkError> {
    let columns = KEYS.map(|table| format!("(SELECT coalesce(max(id), 0) + 1 FROM {table})"));
    let select = format!("SELECT {}", columns.join(", "));
    let row = step(session.connection.fetch_one(select.as_str())).await?;
    Ok(std::array::from_fn(|ty| row.get(ty)))
}

/// The ids of those of a type's `keys` that the database has, within the transaction that is under way.
pub(super) async fn ids_of(
    session: &mut Session,
    ty: usize,
    keys: &[&str],
) -> Result<HashMap<Box<str>, i64>, SinkError> {
    let select = format!("SELECT id, key FROM {} WHERE key = ANY ($1)", KEYS[ty]);
    let mut ids = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(KEYS_PER_QUERY) {
        // Under no name, and in a transaction: a pooler keeps it with one server.
        let query = sqlx::query(&select).persistent(false).bind(keys);
        for row in step(query.fetch_all(&mut session.connection)).await? {
            ids.insert(row.get::<String, _>(1).into_boxed_str(), row.get(0));
        }
    }
    Ok(ids)
}

/// Adds the names of `missing`, and of those that come next, within the transaction that is under way.
pub(super) async fn load_names(
    session: &mut Session,
    names: &mut KeyNames,
    missing: &[BTreeSet<i64>; TYPES],
) -> Result<(), SinkError> {
    for (ty, (table, missing)) in KEYS.into_iter().zip(missing).enumerate() {
        let Some(last) = missing.last() else { continue };
        let highest = names.highest(ty);
        let list: Vec<String> = missing.iter().map(i64::to_string).collect();
        // What follows the highest id is worth reading ahead once the reader gets there.
        let ahead = if *last > highest { highest.saturating_add(KEYS_PER_QUERY as i64) } else { highest };
        let select = format!(
            "SELECT id, key FROM {table} WHERE id IN ({}) UNION ALL \
             SELECT id, key FROM {table} WHERE id > {highest} AND id <= {ahead}",
            list.join(", ")
        );
        let mut rows = CopyOut::start(table, session, &select).await?;
        while let Some(row) = rows.next().await? {
            let (id, key) = parse::key(Fields::of(&row)).map_err(|e| corrupt(table, 0, &e))?;
            match missing.contains(&id) {
                true => names.hold(ty, id, key),
                false => names.insert(ty, id, key),
            }
        }
    }
    Ok(())
}
