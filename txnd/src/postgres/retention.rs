//! Removes history that is no longer kept: whole ranges of lsns, the oldest first.
//!
//! ```text
//!   choose   the oldest range, if the earlier of two checkpoints covers it and the retention does not keep it
//!   fold     what it contributes to the present state goes into the tables *_base              minutes, nobody waits
//!   remove   lock the producer row; lock and drop the partitions; move the beginning of the log     milliseconds
//! ```
//!
//! Fold and removal are one transaction. The writer goes on meanwhile, but for the moment of the removal. Somebody else's
//! query of the history is neither ended nor waited for with locks in hand: the locks are taken if all of them are free, and
//! otherwise given back and tried again for a while. If that fails, the range is removed after the next checkpoint.

use std::time::{Duration, Instant};

use proto::{Epoch, Lsn};
use sqlx::{Executor, Row};
use tracing::{debug, info, warn};

use super::checkpoint::CHECKPOINTS;
use super::database::Database;
use super::errors::{LOCK_NOT_AVAILABLE, code_of, error, step, within_step};
use super::fold;
use super::partitions::{RANGES, Range, existing};
use super::producer::{Producer, lock_term};
use super::session::Session;
use super::tables::{ATOMIC_BATCHES, TABLES};
use crate::checkpoint::{GENERATIONS, Retention};
use crate::sink::SinkError;

/// Timeout for folding one partition. A range of 16 Mi small rows takes a minute or two.
const FOLD_TIMEOUT: Duration = Duration::from_secs(3600);

/// How long to try for the locks of the partitions, and to wait for those of the tables `*_base`.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// Time between two tries. The writer holds no locks in between that would be in the way.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The longest age that is asked for, 1000 years and some in seconds: PostgreSQL's times do not reach back much further.
const MAX_AGE_SECONDS: u64 = 1 << 35;

/// Settings of the transaction: what a session for reading avoids is what a fold needs.
const SETTINGS: &str = "SET LOCAL enable_sort = on; SET LOCAL enable_seqscan = on";

/// Removes what `retention` does not keep. Trouble is logged: the next checkpoint is the next occasion.
pub(super) async fn apply(database: Database, epoch: Epoch, retention: Retention) {
    if let Err(e) = remove_all(&database, epoch, retention).await {
        warn!("old history was not removed, which is tried again after the next checkpoint: {e}");
    }
}

async fn remove_all(database: &Database, epoch: Epoch, retention: Retention) -> Result<(), SinkError> {
    let mut session = database.connect().await?;
    while let Some(range) = superfluous(&mut session, retention).await? {
        let began = Instant::now();
        remove(&mut session, epoch, range).await?;
        let Range { first, last } = range;
        info!(first, last, seconds = began.elapsed().as_secs_f64(), "removed history that is no longer kept");
    }
    session.close().await;
    Ok(())
}

/// The oldest range, if it need not be kept.
async fn superfluous(session: &mut Session, retention: Retention) -> Result<Option<Range>, SinkError> {
    // As long as there is only one checkpoint, everything is kept: it may be damaged.
    let covered = format!("{}SELECT min(base) FROM {CHECKPOINTS} HAVING count(*) >= {GENERATIONS}", session.begin());
    let covered = step(session.connection.fetch_optional(covered.as_str())).await?;
    let covered: Lsn = covered.map_or(0, |row| row.get::<i64, _>(0).cast_unsigned());
    let oldest = format!("SELECT first, last FROM {RANGES} ORDER BY first LIMIT 1");
    let oldest = step(session.connection.fetch_optional(oldest.as_str())).await?;
    let mut superfluous = oldest.as_ref().map(Range::of).filter(|range| range.last <= covered);
    if let Some(range) = superfluous {
        let is_retained = match retention {
            Retention::All => true,
            Retention::Bytes(limit) => bytes_after(session, range).await? < limit,
            Retention::Age(age) => is_younger(session, range, age).await?,
        };
        superfluous = superfluous.filter(|_| !is_retained);
    }
    step(session.connection.execute("COMMIT")).await?;
    Ok(superfluous)
}

/// Bytes of the ranges after this one, with their indexes.
async fn bytes_after(session: &mut Session, range: Range) -> Result<u64, SinkError> {
    let tables = TABLES.each_ref().map(|table| format!("'{}'", table.name)).join(", ");
    let select = format!(
        "SELECT coalesce(sum(pg_total_relation_size(to_regclass(name || '_' || first))), 0)::bigint \
         FROM {RANGES}, unnest(ARRAY[{tables}]) name WHERE first > {}",
        range.first
    );
    Ok(step(session.connection.fetch_one(select.as_str())).await?.get::<i64, _>(0).cast_unsigned())
}

/// Whether the range has a record from within the last `age`. Records are in the order of their times.
async fn is_younger(session: &mut Session, range: Range, age: Duration) -> Result<bool, SinkError> {
    let seconds = age.as_secs().min(MAX_AGE_SECONDS);
    let last = partitions(session, range).await?.into_iter().map(|(_, partition)| {
        let last = format!("(SELECT timestamp FROM {partition} ORDER BY id DESC LIMIT 1)");
        format!("coalesce({last} > now() - interval '{seconds} s', false)")
    });
    let select = format!("SELECT {}", last.chain(["false".into()]).collect::<Vec<_>>().join(" OR "));
    Ok(step(session.connection.fetch_one(select.as_str())).await?.get(0))
}

/// The partitions of a range: indexes into [`TABLES`], and names.
async fn partitions(session: &mut Session, range: Range) -> Result<Vec<(usize, String)>, SinkError> {
    let exist = existing(session, range).await?;
    let partition = |table: usize| (table, TABLES[table].partition(range.first));
    Ok((0..TABLES.len()).filter(|table| exist[*table]).map(partition).collect())
}

/// Removes a range. After an error, the session must not be used again: its end takes everything back.
async fn remove(session: &mut Session, epoch: Epoch, range: Range) -> Result<(), SinkError> {
    let bases: Vec<String> = TABLES.iter().filter_map(|table| table.base()).collect();
    // So that nobody else folds the same range.
    let begin = format!(
        "{}{SETTINGS}; SET LOCAL lock_timeout = {}; LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE; \
         SELECT 1 FROM {RANGES} WHERE first = {}",
        session.begin(),
        LOCK_TIMEOUT.as_millis(),
        bases.join(", "),
        range.first
    );
    if step_or_held(session.connection.fetch_optional(begin.as_str())).await?.is_none() {
        return Err(SinkError::Unavailable("another process has removed it meanwhile".into()));
    }
    let partitions = partitions(session, range).await?;
    for (table, partition) in &partitions {
        if let Some(fold) = fold::statement(&TABLES[*table], partition) {
            let late = |_| SinkError::Unavailable(format!("{partition} was not folded within {FOLD_TIMEOUT:?}"));
            let folded = tokio::time::timeout(FOLD_TIMEOUT, session.connection.execute(fold.as_str())).await;
            folded.map_err(late)?.map_err(|e| error(&e))?;
            debug!(table = partition, "folded");
        }
    }

    let parents = partitions.iter().map(|(table, _)| format!("ONLY {}", TABLES[*table].name));
    let names: Vec<String> = partitions.iter().map(|(_, partition)| partition.clone()).collect();
    let locks: Vec<String> = parents.chain(names.iter().cloned()).collect();
    let mut removal = String::new();
    if !names.is_empty() {
        removal = format!(
            "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT; DROP TABLE {}; ",
            locks.join(", "),
            names.join(", ")
        );
    }
    removal += &format!(
        "DELETE FROM {RANGES} WHERE first = {}; DELETE FROM {ATOMIC_BATCHES} WHERE first <= {} AND last <= {}; \
         UPDATE producer SET first = {}; COMMIT",
        range.first,
        range.last,
        range.last,
        range.last + 1
    );
    let began = Instant::now();
    loop {
        step(session.connection.execute("SAVEPOINT folded")).await?;
        // First, so that the writer is between two groups and holds none of the other locks.
        if !lock_term(session, epoch).await? {
            step(session.connection.execute("ROLLBACK")).await?;
            Producer::look(session).await?.check_term(epoch)?;
            return Err(SinkError::Unavailable("another program changed the table producer for a moment".into()));
        }
        match within_step(session.connection.execute(removal.as_str())).await? {
            Ok(_) => return Ok(()),
            Err(e) if is_held(&e) && began.elapsed() < LOCK_TIMEOUT => {
                step(session.connection.execute("ROLLBACK TO SAVEPOINT folded; RELEASE SAVEPOINT folded")).await?;
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            Err(e) => {
                step(session.connection.execute("ROLLBACK")).await?;
                return Err(if is_held(&e) { held(&e) } else { error(&e) });
            }
        }
    }
}

fn is_held(e: &sqlx::Error) -> bool {
    code_of(e).as_deref() == Some(LOCK_NOT_AVAILABLE)
}

fn held(e: &sqlx::Error) -> SinkError {
    SinkError::Unavailable(format!("{e}: somebody else uses the tables, see pg_locks"))
}

/// Awaits one step that may wait for locks.
async fn step_or_held<T>(action: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, SinkError> {
    within_step(action).await?.map_err(|e| if is_held(&e) { held(&e) } else { error(&e) })
}
