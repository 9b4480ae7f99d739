//! The tables as batches, in order of lsn: all tables are read at once, each in order, and merged.

use std::ops::RangeInclusive;
use std::pin::Pin;

use bytes::{Buf, Bytes};
use proto::limits::BATCH_TARGET_BYTES;
use proto::{Batch, BatchBuffer, BatchError, Chain, Epoch, Lsn, StringsBuf};
use sqlx::postgres::PgConnection;
use sqlx::{Executor, Row};
use tokio_stream::{Stream, StreamExt};

use super::database::{Database, step};
use super::keys::Keys;
use super::parse::{self, Fields, Logged, RowError};
use super::producer::Producer;
use super::rows::HEADER;
use super::tables::{self, KEYS, Kind, TABLES, TYPES, Table};
use crate::{Place, SinkError};

/// Rows come in order by the primary key, and each looks its key up. Sorting a table that is in order, or hashing all keys, would take
/// the server a copy of it.
const IN_ORDER: &str = "SET enable_sort = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// Every key and its number.
pub(super) async fn keys(connection: &mut PgConnection) -> Result<[Keys; TYPES], SinkError> {
    let mut keys = <[Keys; TYPES]>::default();
    for (table, keys) in KEYS.into_iter().zip(&mut keys) {
        let mut rows = CopyOut::start(table, connection, &format!("SELECT id, key FROM {table} ORDER BY id")).await?;
        while let Some(row) = rows.next().await? {
            let restored = parse::key(Fields::of(&row)).ok().and_then(|(number, key)| keys.restore(number, key));
            restored.ok_or_else(|| corrupt(table, 0, &"a row that this program does not write"))?;
        }
    }
    Ok(keys)
}

/// Passes the records of `lsns` to `visit`, in batches that are cut here. Fails if one is missing.
pub(super) async fn read(
    database: &Database,
    mut connection: PgConnection,
    lsns: RangeInclusive<Lsn>,
    producer: &Producer,
    visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
) -> Result<(), SinkError> {
    let mut tables = Vec::new();
    for table in &TABLES {
        let (first, last) = (lsns.start(), lsns.end());
        let any = format!("SELECT EXISTS (SELECT FROM {} WHERE id BETWEEN {first} AND {last})", table.name);
        if step(connection.fetch_one(any.as_str())).await?.get(0) {
            tables.push((table, database.connect().await?));
        }
    }
    let mut sources = Vec::new();
    for (table, connection) in &mut tables {
        sources.push(Source::start(table, connection, &lsns).await?);
    }
    let mut batches = Batches::before(*lsns.start(), producer);
    let mut list = StringsBuf::default();
    for lsn in lsns {
        let Some(source) = sources.iter_mut().find(|source| source.lsn == Some(lsn)) else {
            let what = "no table has the transaction of this lsn; was it deleted, or changed by another program?";
            return Err(corrupt("the tables", lsn, &what));
        };
        let damaged = |what: RowError| corrupt(source.table.name, lsn, &what);
        let mut fields = Fields::of(&source.row);
        fields.bigint().map_err(damaged)?;
        let logged = parse::transaction(source.table.kind, fields, &mut list).map_err(damaged)?;
        let full = batches.push(&logged);
        source.go_on().await?;
        if let Some(full) = full {
            visit(&full).await.map_err(|e| corrupt("the tables", lsn, &e))?;
        }
    }
    if let Some(last) = batches.seal() {
        visit(&last).await.map_err(|e| corrupt("the tables", last.last_lsn(), &e))?;
    }
    Ok(())
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

    /// Adds a record; returns the batch before it if that is full.
    fn push(&mut self, Logged { op, effect, at }: &Logged<'_>) -> Option<Batch> {
        let mut full = None;
        if self.buffer.body_bytes() >= BATCH_TARGET_BYTES {
            full = self.seal();
        }
        if self.buffer.push(op, *effect, *at).is_none() {
            full = self.seal();
            self.buffer.push(op, *effect, *at).expect("the first record of a batch sets its base time");
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

/// The rows of one table of transactions, and the one that comes next.
struct Source<'c> {
    table: &'static Table,
    rows: CopyOut<'c>,
    row: Bytes,
    /// The row's lsn; `None` at the end.
    lsn: Option<Lsn>,
}

impl<'c> Source<'c> {
    async fn start(
        table: &'static Table,
        connection: &'c mut PgConnection,
        lsns: &RangeInclusive<Lsn>,
    ) -> Result<Self, SinkError> {
        step(connection.execute(IN_ORDER)).await?;
        let (columns, name, first, last) = (table.columns, table.name, lsns.start(), lsns.end());
        let range = format!("WHERE t.id BETWEEN {first} AND {last}");
        let select = match table.kind {
            // Each row with its key: a reader holds none. A deletion of a whole key has its record in a table of its own.
            Kind::Typed(ty) => {
                let columns = columns.replacen("id,", "t.id,", 1).replacen("key_id,", "key,", 1);
                let keys = KEYS[tables::index(ty)];
                format!(
                    "SELECT {columns} FROM {name} t LEFT JOIN {keys} k ON k.id = t.key_id {range} \
                     AND transaction_type <> 'del-all' ORDER BY t.id"
                )
            }
            Kind::Key => format!("SELECT {columns} FROM {name} t {range} ORDER BY id"),
        };
        let rows = CopyOut::start(name, connection, &select).await?;
        let mut source = Self { table, rows, row: Bytes::new(), lsn: None };
        source.go_on().await?;
        Ok(source)
    }

    async fn go_on(&mut self) -> Result<(), SinkError> {
        self.lsn = None;
        if let Some(row) = self.rows.next().await? {
            let lsn = Fields::of(&row).bigint().map_err(|e| corrupt(self.table.name, 0, &e))?;
            (self.row, self.lsn) = (row, Some(lsn.cast_unsigned()));
        }
        Ok(())
    }
}

/// The rows that a COPY gives.
struct CopyOut<'c> {
    table: &'static str,
    messages: Pin<Box<dyn Stream<Item = Result<Bytes, sqlx::Error>> + Send + 'c>>,
    begun: bool,
}

impl<'c> CopyOut<'c> {
    async fn start(table: &'static str, connection: &'c mut PgConnection, select: &str) -> Result<Self, SinkError> {
        let statement = format!("COPY ({select}) TO STDOUT (FORMAT binary)");
        Ok(Self { table, messages: step(connection.copy_out_raw(&statement)).await?, begun: false })
    }

    /// The fields of the next row, without their number. The server sends each row in a message of its own, the header before
    /// the first one.
    async fn next(&mut self) -> Result<Option<Bytes>, SinkError> {
        loop {
            let message = self.messages.next();
            let Some(mut message) = step(async { message.await.transpose() }).await? else { return Ok(None) };
            if !self.begun {
                if !message.starts_with(HEADER) {
                    return Err(corrupt(self.table, 0, &"COPY does not begin as expected"));
                }
                message.advance(HEADER.len());
                self.begun = true;
            }
            match message.try_get_i16() {
                Err(_) | Ok(-1) => {}
                Ok(_) => return Ok(Some(message)),
            }
        }
    }
}

fn corrupt(table: &str, lsn: Lsn, what: &dyn std::fmt::Display) -> SinkError {
    let place = Place::Other(if table.starts_with("the ") { table.into() } else { format!("table {table}") });
    SinkError::Corrupt { place, lsn, what: what.to_string() }
}
