//! The partitions of the history, as its writer makes them.
//!
//! ```text
//!   history_ranges            1 ─────── N   N + 1 ────── 2 N   2 N + 1 ── ...     lsn, the same for all types
//!   integer_transactions      _1            _(N + 1)           _(2 N + 1)         the rows of a range, if there are any
//! ```
//!
//! A range and its partitions are made in the transaction of the first group that needs them. Rows are copied into the
//! partition itself: through the table, the server would look for the partition of each row.
//!
//! A partition is made as a table of its own and then attached. That locks the partitioned table and the table of keys
//! against changes, but not against queries. What is in the way (VACUUM, CREATE INDEX) makes the log unavailable for a moment.

use proto::Lsn;
use sqlx::postgres::PgRow;
use sqlx::{Executor, Row};
use tracing::info;

use super::errors::step;
use super::session::Session;
use super::tables::{TABLE_COUNT, TABLES};
use crate::SinkError;

/// The table of ranges.
pub(super) const RANGES: &str = "history_ranges";

/// How long to wait for the locks that a new partition needs, in milliseconds. Longer than the server takes to end an
/// autovacuum that is in the way (`deadlock_timeout`, 1 s).
const LOCK_TIMEOUT_MS: u32 = 3_000;

/// A range of lsns, whose rows share partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: Lsn,
    pub(super) last: Lsn,
}

impl Range {
    /// That of a row `first, last`.
    pub(super) fn of(row: &PgRow) -> Self {
        let lsn = |column: usize| row.get::<i64, _>(column).cast_unsigned();
        Self { first: lsn(0), last: lsn(1) }
    }
}

/// Where a writer stores rows.
#[derive(Clone, Debug)]
pub(super) struct Partitions {
    /// Records in each new range.
    records: u64,
    /// The last range; `None` if there is none.
    range: Option<Range>,
    /// For each of [`TABLES`], whether it has a partition for this range.
    made: [bool; TABLE_COUNT],
}

impl Partitions {
    /// Those of the database.
    pub(super) async fn load(session: &mut Session, records: u64) -> Result<Self, SinkError> {
        let select = format!("{}SELECT first, last FROM {RANGES} ORDER BY first DESC LIMIT 1", session.begin());
        let row = step(session.connection.fetch_optional(select.as_str())).await?;
        let range = row.as_ref().map(Range::of);
        let made = match range {
            Some(range) => existing(session, range).await?,
            None => [false; TABLE_COUNT],
        };
        step(session.connection.execute("COMMIT")).await?;
        Ok(Self { records, range, made })
    }

    /// The range of `lsn`, which is in the last range or follows it. Runs within the transaction of a group, like
    /// [`Self::of`].
    pub(super) async fn enter(&mut self, session: &mut Session, lsn: Lsn) -> Result<Range, SinkError> {
        if let Some(range) = self.range.filter(|range| lsn <= range.last) {
            return Ok(range);
        }
        let range = Range { first: lsn, last: lsn + (self.records - 1) };
        let insert = format!("INSERT INTO {RANGES} (first, last) VALUES ({}, {})", range.first, range.last);
        step(session.connection.execute(insert.as_str())).await?;
        (self.range, self.made) = (Some(range), [false; TABLE_COUNT]);
        Ok(range)
    }

    /// The partition of one of [`TABLES`] for the range that was entered last.
    pub(super) async fn of(&mut self, session: &mut Session, table: usize) -> Result<String, SinkError> {
        let Range { first, last } = self.range.expect("a range was entered");
        let name = TABLES[table].partition(first);
        if !self.made[table] {
            let parent = TABLES[table].name;
            let make = format!(
                "SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; CREATE TABLE {name} (LIKE {parent} INCLUDING ALL); \
                 ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({first}) TO ({}); \
                 SET LOCAL lock_timeout = 0",
                last + 1
            );
            step(session.connection.execute(make.as_str())).await?;
            info!(table = name, first, last, "began a partition of the history");
            self.made[table] = true;
        }
        Ok(name)
    }
}

/// Which of [`TABLES`] have a partition for `range`. Runs within the current transaction.
pub(super) async fn existing(session: &mut Session, range: Range) -> Result<[bool; TABLE_COUNT], SinkError> {
    let exists = TABLES.each_ref().map(|table| {
        let name = table.partition(range.first);
        format!("EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = to_regclass('{name}') AND relispartition)")
    });
    let select = format!("SELECT {}", exists.join(", "));
    let row = step(session.connection.fetch_one(select.as_str())).await?;
    Ok(std::array::from_fn(|table| row.get(table)))
}
