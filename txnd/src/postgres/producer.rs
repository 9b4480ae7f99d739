//! The current term and the end of the log. They ensure that a group is stored once, and by one writer.
//!
//! The table `producer` has one row, with the epoch. `group_ends` has a row for each recently stored group, and the highest
//! one is the end of the log. The rules:
//!
//! 1. The epoch changes, and rows are added to `group_ends`, only in transactions that hold the lock of the producer row.
//! 2. A transaction reads what it compares with its expectation in a statement that began after it got the lock (READ
//!    COMMITTED takes a new snapshot for each statement), so it sees everything of all earlier holders.
//!
//! So the holder of the lock knows how every earlier transaction ended. After a COMMIT with an unknown outcome, it is enough
//! to wait for the lock and then read the end of the log: by then the transaction has ended, and its row either is there or
//! never will be.
//!
//! A lock creates no new version of the row, and the end is found at the right edge of an index. So a snapshot that another
//! session holds for hours costs nothing but the space of the deleted ends.

use std::time::{Duration, Instant};

use proto::{Chain, Epoch, Lsn};
use sqlx::postgres::PgRow;
use sqlx::{Executor, Row};
use tracing::warn;

use super::copy_out::corrupt;
use super::errors::{LOCK_NOT_AVAILABLE, STEP_TIMEOUT, code_of, error, step, within_step};
use super::session::{BY_INDEX, Session};
use super::tables::TABLES;
use crate::{Location, SinkError, Term, TermStart, Terms};

/// How long the transaction of an earlier writer may hold the row. After that its session is terminated: its process
/// may be stopped or cut off, and the server would wait for it for a long time.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// Number of groups after which the ends of earlier ones are deleted.
pub(super) const GROUPS_PER_CLEANUP: u32 = 1024;

/// Marks the transaction of a writer that holds the producer row: a shared advisory lock, which nothing waits for, with
/// this number and the table's. Only the sessions of such transactions are ever terminated. A program's name proves
/// nothing, since a pooler reuses sessions under the names of other programs.
const WRITER_MARK: u32 = 0x6b76_7377;

/// The content of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) epoch: Epoch,
    /// End of the log.
    pub(super) chain: Chain,
    /// The oldest lsn that is kept.
    pub(super) first: Lsn,
}

/// Reads both tables at once. Tables of version 3, which a reader may find, have no column `first`.
const SELECT: &str = "SELECT log_id, epoch, lsn, checksum, (to_jsonb(producer) ->> 'first')::bigint FROM producer FULL JOIN \
                      (SELECT lsn, checksum FROM group_ends ORDER BY lsn DESC LIMIT 1) last ON true";

/// Statement that takes the row's lock, then marks the transaction. `condition` selects the row.
fn lock(condition: &str) -> String {
    format!(
        "SELECT pg_advisory_xact_lock_shared({WRITER_MARK}, 'producer'::regclass::oid::int) \
         FROM (SELECT FROM producer{condition} FOR UPDATE) row"
    )
}

impl Producer {
    /// Begins a term. Creates the rows for a new log.
    pub(super) async fn begin_term(session: &mut Session) -> Result<(Term, Terms), SinkError> {
        let new = Chain::start(rand::random());
        let (log_id, checksum) = (new.log_id.cast_signed(), new.checksum);
        // Existing rows are not touched here: an earlier writer's transaction may hold the lock.
        let make = format!(
            "{BY_INDEX}; INSERT INTO producer (log_id, epoch) SELECT {log_id}, 0 WHERE NOT EXISTS (SELECT FROM producer) \
                 AND NOT EXISTS (SELECT FROM group_ends) ON CONFLICT DO NOTHING; \
             INSERT INTO group_ends (lsn, checksum) SELECT 0, {checksum} FROM producer WHERE log_id = {log_id} AND epoch = 0"
        );
        Self::lock(session, &make).await?;
        step(session.connection.execute("UPDATE producer SET epoch = epoch + 1, updated_at = now()")).await?;
        let producer = Self::from_row(step(session.connection.fetch_optional(SELECT)).await?)?;
        producer.check_tables(session).await?;
        let term = Term { epoch: producer.epoch, chain: producer.chain };
        let terms = note_term(session, &term).await?;
        step(session.connection.execute("COMMIT")).await?;
        Ok((term, terms))
    }

    /// Checks that no table extends beyond the end of the log: a log that lost its end must not pass for a shorter one.
    async fn check_tables(&self, session: &mut Session) -> Result<(), SinkError> {
        for table in &TABLES {
            let beyond = format!("SELECT EXISTS (SELECT FROM {} WHERE id > {})", table.name, self.chain.lsn);
            if step(session.connection.fetch_one(beyond.as_str())).await?.get(0) {
                let what = format!("the log ends here according to this table, but table {} continues", table.name);
                return Err(SinkError::Corrupt {
                    place: Location::Other("table group_ends".into()),
                    lsn: self.chain.lsn,
                    what,
                });
            }
        }
        Ok(())
    }

    /// The content after every transaction of earlier sessions has ended, with or without success.
    pub(super) async fn settled(session: &mut Session) -> Result<Self, SinkError> {
        let producer = Self::locked(session).await?;
        step(session.connection.execute("COMMIT")).await?;
        Ok(producer)
    }

    /// The same. Leaves the transaction open, which holds the row's lock.
    pub(super) async fn locked(session: &mut Session) -> Result<Self, SinkError> {
        Self::lock(session, "").await?;
        Self::from_row(step(session.connection.fetch_optional(SELECT)).await?)
    }

    /// What was committed last. Leaves the transaction open.
    pub(super) async fn read(session: &mut Session) -> Result<Self, SinkError> {
        let select = format!("{}{SELECT}", session.begin());
        Self::from_row(step(session.connection.fetch_optional(select.as_str())).await?)
    }

    /// What was committed last.
    pub(super) async fn look(session: &mut Session) -> Result<Self, SinkError> {
        let select = format!("{}{SELECT}; COMMIT", session.begin());
        Self::from_row(step(session.connection.fetch_optional(select.as_str())).await?)
    }

    /// Begins a transaction with `statements` and the row's lock.
    async fn lock(session: &mut Session, statements: &str) -> Result<(), SinkError> {
        let statements = if statements.is_empty() { String::new() } else { format!("{statements}; ") };
        let timeout = LOCK_TIMEOUT.as_millis();
        let message = format!("{}SET LOCAL lock_timeout = {timeout}; {statements}{}", session.begin(), lock(""));
        let began = Instant::now();
        loop {
            match within_step(session.connection.execute(message.as_str())).await? {
                Ok(_) => return Ok(()),
                Err(e) if code_of(&e).as_deref() == Some(LOCK_NOT_AVAILABLE) => {
                    step(session.connection.execute("ROLLBACK")).await?;
                    if began.elapsed() > STEP_TIMEOUT {
                        let what = "another program's transaction holds the table producer; see pg_locks";
                        return Err(SinkError::Unavailable(what.into()));
                    }
                    end_writers(session).await?;
                }
                Err(e) => return Err(error(&e)),
            }
        }
    }

    fn from_row(row: Option<PgRow>) -> Result<Self, SinkError> {
        let column = |column: usize| row.as_ref().and_then(|row| row.get::<Option<i64>, _>(column));
        let lost = |table: &str, lsn: Option<i64>| SinkError::Corrupt {
            place: Location::Other(format!("table {table}")),
            lsn: lsn.unwrap_or(0).cast_unsigned(),
            what: "it is empty: has another program deleted from it?".into(),
        };
        let (Some(log_id), Some(epoch)) = (column(0), column(1)) else { return Err(lost("producer", column(2))) };
        let (Some(lsn), Some(checksum)) = (column(2), column(3)) else { return Err(lost("group_ends", None)) };
        let chain = Chain { log_id: log_id.cast_unsigned(), lsn: lsn.cast_unsigned(), checksum: checksum as u32 };
        Ok(Self { epoch: epoch.cast_unsigned(), chain, first: column(4).unwrap_or(1).cast_unsigned() })
    }

    /// Checks that the log ends at `expected`. If it does not, another process has continued the term.
    pub(super) fn check_end(&self, expected: &Chain) -> Result<(), SinkError> {
        match self.chain == *expected {
            true => Ok(()),
            false => Err(SinkError::Unavailable(format!(
                "the tables end at lsn {}, the writer expected {}",
                self.chain.lsn, expected.lsn
            ))),
        }
    }

    /// Checks that the records from `lsn` on are kept.
    pub(super) fn check_kept(&self, lsn: Lsn) -> Result<(), SinkError> {
        match self.first {
            oldest if oldest > lsn => Err(SinkError::NoLongerKept { lsn, oldest }),
            _ => Ok(()),
        }
    }

    /// Checks that `own` is the latest term.
    pub(super) fn check_term(&self, own: Epoch) -> Result<(), SinkError> {
        match self.epoch {
            epoch if epoch == own => Ok(()),
            newer if newer > own => Err(SinkError::Fenced { own, newer }),
            older => Err(SinkError::Failed(format!(
                "the database's latest term is epoch {older}, the writer's is {own}: was it restored from a backup?"
            ))),
        }
    }
}

/// Notes where a term begins, within the transaction that begins it. Returns where all of them do.
async fn note_term(session: &mut Session, term: &Term) -> Result<Terms, SinkError> {
    let TermStart { epoch, base } = term.start();
    let note = format!(
        "DELETE FROM terms WHERE base >= {base}; INSERT INTO terms (base, epoch) VALUES ({base}, {epoch}); \
         SELECT epoch, base FROM terms ORDER BY base"
    );
    let rows = step(session.connection.fetch_all(note.as_str())).await?;
    let number = |row: &PgRow, column: usize| row.get::<i64, _>(column).cast_unsigned();
    let starts = rows.iter().map(|row| TermStart { epoch: number(row, 0), base: number(row, 1) });
    Terms::of_starts(starts).ok_or_else(|| {
        let what = "the epochs do not ascend with the lsns; were the tables changed by another program?";
        corrupt("terms", base, &what)
    })
}

/// Begins the transaction of a group that follows `before`. Returns whether the log ends there and `epoch` is the
/// latest term; both hold until the end of the transaction.
pub(super) async fn begin_group(session: &mut Session, epoch: Epoch, before: &Chain) -> Result<bool, SinkError> {
    let term = format!(" WHERE epoch = {epoch} AND log_id = {}", before.log_id.cast_signed());
    let message = format!("{}{}; SELECT lsn FROM group_ends ORDER BY lsn DESC LIMIT 1", session.begin(), lock(&term));
    let rows = step(session.connection.fetch_all(message.as_str())).await?;
    // One row if the lock was taken, and the end of the log.
    Ok(matches!(&rows[..], [_, end] if end.get::<Option<i64>, _>(0) == Some(before.lsn.cast_signed())))
}

/// Takes the row's lock within the current transaction, waiting up to [`LOCK_TIMEOUT`]. Returns whether `epoch` is the latest
/// term.
pub(super) async fn lock_term(session: &mut Session, epoch: Epoch) -> Result<bool, SinkError> {
    let timeout = LOCK_TIMEOUT.as_millis();
    let message = format!("SET LOCAL lock_timeout = {timeout}; {}", lock(&format!(" WHERE epoch = {epoch}")));
    Ok(step(session.connection.fetch_optional(message.as_str())).await?.is_some())
}

/// Ends the transaction of a group, so that the log ends at `end`. Deletes the ends of groups from lsn `cleaned` up to
/// `before`, if `cleaned` is given. The range has a lower bound because deleted rows may still be kept for another
/// session's snapshot, and need not be scanned again.
pub(super) async fn end_group(
    session: &mut Session,
    before: Lsn,
    end: &Chain,
    cleaned: Option<Lsn>,
) -> Result<(), SinkError> {
    let delete = cleaned
        .map_or(String::new(), |cleaned| format!("; DELETE FROM group_ends WHERE lsn >= {cleaned} AND lsn < {before}"));
    let message =
        format!("INSERT INTO group_ends (lsn, checksum) VALUES ({}, {}){delete}; COMMIT", end.lsn, end.checksum);
    step(session.connection.execute(message.as_str())).await?;
    Ok(())
}

/// Terminates the sessions of writers that hold the producer row. Sessions of other programs that lock it are logged
/// and left alone.
async fn end_writers(session: &mut Session) -> Result<(), SinkError> {
    let holders = format!(
        "{}SELECT pid, application_name, CASE WHEN marked THEN pg_terminate_backend(pid) END FROM ( \
             SELECT pid, bool_or(locktype = 'advisory') AS marked FROM pg_locks \
             WHERE granted AND pid <> pg_backend_pid() \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                 AND (relation = 'producer'::regclass AND mode <> 'AccessShareLock' OR locktype = 'advisory' \
                      AND classid = {WRITER_MARK}::oid AND objid = 'producer'::regclass AND objsubid = 2) \
             GROUP BY pid HAVING bool_or(locktype = 'relation') \
         ) holders JOIN pg_stat_activity USING (pid); COMMIT",
        session.begin()
    );
    for row in step(session.connection.fetch_all(holders.as_str())).await? {
        let (holder, program): (i32, Option<String>) = (row.get(0), row.get(1));
        match row.get::<Option<bool>, _>(2) {
            Some(true) => {
                warn!(session = holder, "terminated the session of an earlier writer, whose transaction did not end");
            }
            _ => warn!(
                session = holder,
                program, "this session holds the table producer; the log waits until it ends its transaction"
            ),
        }
    }
    Ok(())
}
