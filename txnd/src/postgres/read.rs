//! The tables as batches, in lsn order.
//!
//! ```text
//!   sessions ── one query each ──> rows, merged by lsn ──> window ── names of keys ──> batches ──> visit
//! ```
//!
//! A read needs two connections: one streams rows, the other looks up the names of keys that are not known yet, one window
//! of rows at a time. A read of more rows has a connection for each table, if the server allows that.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use proto::limits::BATCH_TARGET_BYTES;
use proto::options::RecordOptions;
use proto::{Batch, BatchBuffer, Chain, Epoch, Lsn, StringsBuf};
use sqlx::postgres::PgRow;
use sqlx::{Executor, Row as _};
use tracing::debug;

use super::binary::{Fields, RowError};
use super::copy_out::corrupt;
use super::database::Database;
use super::errors::step;
use super::key_names::KeyNames;
use super::key_tables;
use super::parse::{self, Logged};
use super::producer::Producer;
use super::session::Session;
use super::streams::{Row, RowStream};
use super::tables::{self, ATOMIC_BATCHES, Kind, TABLES, TYPES, Table};
use crate::sink::{SinkError, VisitError};
use crate::thread::Pauses;

/// Rows that are collected before the names of their keys are looked up.
const WINDOW_ROWS: usize = 4096;

/// The same in bytes; a larger row is alone in its window.
const WINDOW_BYTES: usize = 4 << 20;

/// Passes the records of `lsns` to `visit`, in batches that are cut here. Fails if one is missing. `session` is within
/// a transaction. The names of keys take up to `key_cache_bytes`.
pub(super) async fn read(
    database: &Database,
    mut session: Session,
    lsns: RangeInclusive<Lsn>,
    producer: &Producer,
    key_cache_bytes: usize,
    visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
) -> Result<(), SinkError> {
    let (tables, mut steps) = find(&mut session, &lsns).await?;
    let is_short = lsns.end() - lsns.start() < WINDOW_ROWS as Lsn;
    let mut sessions = connect(database, if is_short { tables.len().min(1) } else { tables.len() }).await?;
    let mut shares = vec![Vec::new(); sessions.len()];
    tables.iter().enumerate().for_each(|(n, index)| shares[n % sessions.len()].push(*index));
    let mut streams = Vec::new();
    for (share, session) in shares.iter().zip(&mut sessions) {
        streams.push(RowStream::start(share, session, &lsns).await?);
    }

    let mut names = KeyNames::new(key_cache_bytes);
    let mut batches = Batches::before(*lsns.start(), producer);
    let mut list = StringsBuf::default();
    let mut window = Vec::new();
    let mut next = *lsns.start();
    let mut pauses = Pauses::begin();
    while next <= *lsns.end() {
        pauses.pause().await;
        window.clear();
        names.release();
        let mut bytes = 0;
        // A missing lsn ends the window: the rows before it are passed on first.
        while next <= *lsns.end() && window.len() < WINDOW_ROWS && bytes < WINDOW_BYTES {
            let Some(stream) =
                streams.iter_mut().find(|stream| stream.next.as_ref().is_some_and(|row| row.lsn == next))
            else {
                break;
            };
            let row = stream.advance().await?.expect("its lsn was just compared");
            bytes += row.bytes.len();
            window.push(row);
            next += 1;
        }
        if window.is_empty() {
            // They may have been removed since the read began.
            Producer::look(&mut database.connect().await?).await?.check_kept(next)?;
            let what = "no table has the transaction of this lsn; was it deleted, or changed by another program?";
            return Err(corrupt("the tables", next, &what));
        }
        steps.load(&mut session, window[0].lsn..=next - 1).await?;
        let mut rows = &window[..];
        let mut loaded_for = None;
        while let Some((row, rest)) = rows.split_first() {
            let mut fields = Fields::of(&row.bytes);
            let parsed = fields
                .bigint()
                .and_then(|_lsn| parse::transaction(row.table.kind, fields, &names, &mut list))
                .map(|logged| batches.push(&logged, steps.following(row.lsn)));
            match parsed {
                Ok(full) => {
                    if let Some(full) = full {
                        visit(&full).await.map_err(|e| unusable(row.lsn, e))?;
                    }
                    rows = rest;
                }
                Err(RowError::KeyId) if loaded_for != Some(row.lsn) => {
                    loaded_for = Some(row.lsn);
                    let missing = missing(rows, &names);
                    key_tables::load_names(&mut session, &mut names, &missing).await?;
                }
                Err(what) => return Err(corrupt(row.table.name, row.lsn, &what)),
            }
        }
    }
    if let Some(last) = batches.seal() {
        visit(&last).await.map_err(|e| unusable(last.last_lsn(), e))?;
    }
    let have_ended = streams.iter().all(|stream| stream.next.is_none());
    drop(streams);
    database.keep(session).await;
    if have_ended && let Some(session) = sessions.into_iter().next() {
        database.keep(session).await;
    }
    Ok(())
}

/// The tables that have rows of `lsns`, by their index, and what is known of steps. One question, as a reader that follows asks it
/// again and again.
async fn find(session: &mut Session, lsns: &RangeInclusive<Lsn>) -> Result<(Vec<usize>, Steps), SinkError> {
    let (first, last) = (lsns.start(), lsns.end());
    let any = |table: &Table| has_any(table.name, "id", &format!("id BETWEEN {first} AND {last}"));
    let any = TABLES.iter().map(any).collect::<Vec<_>>().join(", ");
    let select = format!("SELECT {any}, to_regclass('{ATOMIC_BATCHES}') IS NOT NULL");
    let found = step(session.connection.fetch_one(select.as_str())).await?;
    let tables = (0..TABLES.len()).filter(|index| found.get(*index)).collect();
    // A reader may find the tables of an earlier version.
    let mut any_step = found.get(TABLES.len());
    if any_step {
        let select = format!("SELECT {}", has_any(ATOMIC_BATCHES, "first", &Steps::within(lsns)));
        any_step = step(session.connection.fetch_one(select.as_str())).await?.get(0);
    }
    Ok((tables, Steps { any: any_step, of_window: Vec::new() }))
}

/// Whether a table has a row for which `condition` holds. The order makes the server take the first of the index: with EXISTS it
/// makes a bitmap of all such rows at first, in a table that it has not analysed yet.
fn has_any(table: &str, index: &str, condition: &str) -> String {
    format!("(SELECT {index} FROM {table} WHERE {condition} ORDER BY {index} LIMIT 1) IS NOT NULL")
}

/// What the visitor's error means for the read.
fn unusable(lsn: Lsn, error: VisitError) -> SinkError {
    error.into_sink_error(|e| corrupt("the tables", lsn, &e))
}

/// Up to `count` sessions, and at least one if `count` is not 0.
async fn connect(database: &Database, count: usize) -> Result<Vec<Session>, SinkError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut sessions = vec![database.connect().await?];
    // A pooler has few sessions with the server, and gives no sign while a client waits for one.
    let count = if sessions[0].is_own { count } else { 1 };
    while sessions.len() < count {
        match database.connect().await {
            Ok(session) => sessions.push(session),
            Err(e) => {
                debug!(connections = sessions.len(), "reading over fewer connections than there are tables: {e}");
                // One is left for others: a writer that has to reconnect, or a person who investigates.
                if sessions.len() > 1 {
                    sessions.pop();
                }
                break;
            }
        }
    }
    Ok(sessions)
}

/// For each type, the ids of keys in `rows` whose names are unknown.
fn missing(rows: &[Row], names: &KeyNames) -> [BTreeSet<i64>; TYPES] {
    let mut missing = <[BTreeSet<i64>; TYPES]>::default();
    for row in rows {
        if let Kind::Typed(ty) = row.table.kind
            && let ty = tables::index(ty)
            && let Ok(id) = parse::key_id(Fields::of(&row.bytes))
            && names.get(ty, id).is_none()
        {
            missing[ty].insert(id);
        }
    }
    missing
}

/// The steps of more than one transaction.
struct Steps {
    /// Whether there are any.
    any: bool,
    /// The first and the last lsn of each in the window, the earliest first.
    of_window: Vec<RangeInclusive<Lsn>>,
}

impl Steps {
    /// A step may begin before the first lsn, but not by more than it can have transactions.
    fn within(lsns: &RangeInclusive<Lsn>) -> String {
        let (first, last) = (lsns.start(), lsns.end());
        format!("first BETWEEN {} AND {last} AND last >= {first}", first.saturating_sub(u16::MAX.into()))
    }

    async fn load(&mut self, session: &mut Session, lsns: RangeInclusive<Lsn>) -> Result<(), SinkError> {
        if !self.any {
            return Ok(());
        }
        let select = format!("SELECT first, last FROM {ATOMIC_BATCHES} WHERE {} ORDER BY first", Self::within(&lsns));
        let rows = step(session.connection.fetch_all(select.as_str())).await?;
        let lsn = |row: &PgRow, column: usize| row.get::<i64, _>(column).cast_unsigned();
        self.of_window = rows.iter().map(|row| lsn(row, 0)..=lsn(row, 1)).collect();
        Ok(())
    }

    /// How many transactions of its step follow that of `lsn`.
    fn following(&self, lsn: Lsn) -> u16 {
        let after = self.of_window.partition_point(|step| *step.start() <= lsn);
        let step = after.checked_sub(1).and_then(|index| self.of_window.get(index));
        let following = step.map_or(0, |step| step.end().saturating_sub(lsn));
        u16::try_from(following).unwrap_or(u16::MAX)
    }
}

/// Cuts records into batches.
struct Batches {
    buffer: BatchBuffer,
    chain: Chain,
    epoch: Epoch,
    durable: Lsn,
}

impl Batches {
    fn before(first: Lsn, producer: &Producer) -> Self {
        let chain = Chain { lsn: first - 1, checksum: 0, ..producer.chain };
        let buffer = BatchBuffer::new(first, Vec::new());
        Self { buffer, chain, epoch: producer.epoch, durable: producer.chain.lsn }
    }

    /// Adds a record. Returns the batch before it if that is full.
    fn push(&mut self, Logged { op, effect, at, expires }: &Logged<'_>, following: u16) -> Option<Batch> {
        let options = RecordOptions { expires: *expires, stamp: None, following };
        let mut full = None;
        if self.buffer.body_bytes() >= BATCH_TARGET_BYTES {
            full = self.seal();
        }
        if self.buffer.push_with(op, *effect, &options, *at).is_none() {
            full = self.seal();
            let pushed = self.buffer.push_with(op, *effect, &options, *at);
            pushed.expect("the first record of a batch sets its base time");
        }
        full
    }

    fn seal(&mut self) -> Option<Batch> {
        if self.buffer.is_empty() {
            return None;
        }
        let next = BatchBuffer::new(self.buffer.next_lsn(), Vec::with_capacity(BATCH_TARGET_BYTES));
        let batch = std::mem::replace(&mut self.buffer, next).seal(&self.chain, self.epoch, self.durable);
        self.chain = self.chain.after(&batch);
        Some(batch)
    }
}
