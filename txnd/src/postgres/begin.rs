//! A log that begins with a state: a checkpoint, and what it holds as the present state in the tables `*_base`, as if all of
//! the history before it had been removed.

use proto::{Batch, Chain, Epoch, Lsn, Op, Record};
use sqlx::Executor;

use super::binary::{Rows, timestamp};
use super::checkpoint::{self, PostgresCheckpoint};
use super::column;
use super::commit::copy;
use super::database::Database;
use super::errors::step;
use super::producer::{Producer, end_group};
use super::session::Session;
use super::tables::{KEYS, TABLES, TYPES, index};
use crate::checkpoint::Checkpoint;
use crate::sink::{SinkError, VisitError};

/// Rows that are collected before they are stored, in bytes.
const FULL: usize = 4 << 20;

/// Makes a finished checkpoint the beginning of the log, in one transaction. The log must be new.
pub(super) async fn begin(
    session: &mut Session,
    database: &Database,
    epoch: Epoch,
    finished: &PostgresCheckpoint,
) -> Result<Checkpoint, SinkError> {
    let producer = Producer::locked(session).await?;
    let can_begin = producer.check_term(epoch).and_then(|()| finished.can_begin(producer.chain.lsn == 0));
    let begun = match can_begin {
        Ok(()) => store(session, database, &producer.chain, finished).await,
        Err(e) => Err(e),
    };
    if begun.is_err() {
        step(session.connection.execute("ROLLBACK")).await?;
    }
    begun.map(|()| finished.info())
}

async fn store(
    session: &mut Session,
    database: &Database,
    new: &Chain,
    finished: &PostgresCheckpoint,
) -> Result<(), SinkError> {
    let info = finished.info();
    checkpoint::insert(session, info.base, finished).await?;
    let mut state = State::new(&info)?;
    // Its batches were committed; they are read over another connection while this one stores rows.
    let mut source = database.connect().await?;
    let mut visit = async |batch: &Batch| {
        state.add(batch)?;
        if state.bytes() > FULL {
            state.store(session).await?;
        }
        Ok(())
    };
    checkpoint::read_stored(&mut source, finished.id(), info.base, &mut visit).await?;
    source.close().await;
    state.store(session).await?;
    let first = format!("UPDATE producer SET first = {}", info.base + 1);
    step(session.connection.execute(first.as_str())).await?;
    end_group(session, 0, &Chain { lsn: info.base, ..*new }, None).await
}

/// Rows of keys and of the present state.
struct State {
    base: Lsn,
    /// Of the checkpoint, for PostgreSQL.
    at: i64,
    keys: [Rows; TYPES],
    present: [Rows; TYPES],
    next: [i64; TYPES],
}

impl State {
    fn new(checkpoint: &Checkpoint) -> Result<Self, SinkError> {
        let at = timestamp(checkpoint.at).map_err(|what| SinkError::Failed(what.into()))?;
        let (keys, present) = Default::default();
        Ok(Self { base: checkpoint.base, at, keys, present, next: [1; TYPES] })
    }

    fn add(&mut self, batch: &Batch) -> Result<(), VisitError> {
        for record in batch.records() {
            let Record { op: Op::Put { key, value }, options, .. } = record? else { continue };
            let table = index(value.value_type());
            let id = self.next[table];
            self.next[table] += 1;
            self.keys[table].key(id, key.as_str());
            let rows = &mut self.present[table];
            rows.begin(5);
            rows.bigint(id);
            column::write(rows, value);
            rows.bigint(last_write(self.base, options.stamp).cast_signed());
            rows.bigint(self.at);
            rows.time(options.expires).map_err(|what| SinkError::Failed(what.into()))?;
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.keys.iter().chain(&self.present).map(|rows| rows.bytes.len()).sum()
    }

    async fn store(&mut self, session: &mut Session) -> Result<(), SinkError> {
        for table in 0..TYPES {
            copy(session, KEYS[table], "id, key", &self.keys[table].bytes).await?;
            let base = TABLES[table].base().expect("each type has one");
            copy(session, &base, "key_id, value, lsn, timestamp, expires_at", &self.present[table].bytes).await?;
        }
        self.keys.iter_mut().chain(&mut self.present).for_each(Rows::clear);
        Ok(())
    }
}

/// The lsn of an entry's last write, which is at most `base`. A stamp is its low 40 bits.
fn last_write(base: Lsn, stamp: Option<u64>) -> Lsn {
    const LOW_BITS: u64 = (1 << 40) - 1;
    stamp.map_or(base, |stamp| base.saturating_sub(base.wrapping_sub(stamp) & LOW_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_and_a_later_lsn_give_the_whole_lsn() {
        for (base, lsn) in [(5, 5), (500, 1), ((3 << 40) + 7, (3 << 40) + 2), ((3 << 40) + 7, (2 << 40) + 9)] {
            assert_eq!(last_write(base, Some(lsn & ((1 << 40) - 1))), lsn, "{base}");
        }
        assert_eq!(last_write(5, None), 5);
    }
}
