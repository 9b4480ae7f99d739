//! The log as PostgreSQL tables that anyone can query with SQL. `migrations/` has the tables and the meaning of their columns.
//!
//! ```text
//!   append ── rows in COPY's binary format ──> filling group ──────────────────────────────────┐
//!   durable ── BEGIN; lock; end of the group; COPY keys; COPY transactions; COMMIT <── committing group
//!                         read <── COPY ... TO STDOUT of every table, merged by lsn
//!
//!   mod.rs          PostgresSink: groups, terms, what happens after an error
//!
//!   address.rs      the URL, and what it may contain
//!   connect.rs      reaches a server: every address of its name, errors that say what to do
//!   session.rs      one session: settings that hold within each transaction
//!   database.rs     sessions of a log; server settings that it needs
//!   schema.rs       which schema the log is in
//!   migrate.rs      creates and migrates the tables
//!   errors.rs       what the errors of a session mean
//!
//!   tables.rs       names of tables and columns
//!   producer.rs     the current term and the end of the log: terms, fences, exactly-once
//!   commit.rs       stores one group in one transaction
//!   partitions.rs   the partitions that its rows go to
//!   retention.rs    removes partitions that are no longer kept
//!   fold.rs         keeps what they contribute to the present state
//!   rows.rs         records as rows
//!   keys.rs         the ids of keys, for the writer
//!   key_names.rs    the names of keys, for readers
//!   generations.rs  the cache behind both, with a budget in bytes
//!   key_tables.rs   reads the tables of keys
//!   checkpoint.rs   checkpoints in tables of their own
//!   begin.rs        a log that begins with one
//!   reader.rs       PostgresReader: reads while a writer continues
//!   read.rs         the tables as batches, in lsn order
//!   streams.rs      the tables of transactions as rows, over many connections or few
//!   copy_out.rs     the rows of one COPY
//!   parse.rs        rows as operations
//!   column.rs       the columns of a value, for each value type
//!   binary.rs       the binary format of COPY
//! ```
//!
//! **Exactly once.** The transaction of every group locks the producer row and moves the end of the log from the lsn before
//! the group to the lsn after it. It does nothing if the log ends elsewhere, or if the row belongs to another term. After a
//! COMMIT with an unknown outcome, the end and the row tell whether it succeeded.
//!
//! **Group commit without a timer.** While one group is being stored, the next one fills.

mod address;
mod begin;
mod binary;
mod checkpoint;
mod column;
mod commit;
mod connect;
mod copy_out;
mod database;
mod errors;
mod fold;
mod generations;
mod key_names;
mod key_tables;
mod keys;
mod migrate;
mod parse;
mod partitions;
mod producer;
mod read;
mod reader;
mod retention;
mod rows;
mod schema;
mod session;
mod streams;
mod tables;

use std::pin::Pin;
use std::str::FromStr;

use proto::{Batch, Chain, Lsn};
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use crate::validator::{Admission, AppendValidator};
use crate::{Checkpoint, LogWriter, Retention, SinkError, Term, Terms};
use checkpoint::PostgresCheckpoint;
use database::Database;
use errors::retryable;
use keys::{DEFAULT_KEY_CACHE_BYTES, KeyIds};
use partitions::Partitions;
use producer::{GROUPS_PER_CLEANUP, Producer};
pub use reader::PostgresReader;
use rows::Group;
use session::Session;

/// Bytes of rows that may wait for the group before them. `append` waits when there are more.
const MAX_FILLING_BYTES: usize = 16 << 20;

/// The PostgreSQL log.
pub struct PostgresSink {
    database: Database,
    key_cache_bytes: usize,
    retention: Retention,
    open: Option<OpenLog>,
    /// As the term found them.
    terms: Terms,
    /// Removes history that is no longer kept; ends with this log.
    removal: Option<AbortOnDropHandle<()>>,
}

struct OpenLog {
    term: Term,
    validator: AppendValidator,
    /// End of what was committed.
    durable: Chain,
    /// The lsn that `durable` returned last.
    reported: Lsn,
    keys: KeyIds,
    partitions: Partitions,
    /// Ends of groups before this lsn were deleted.
    cleaned: Lsn,
    /// Groups that were stored since that deletion.
    uncleaned_groups: u32,
    filling: Group,
    committing: Option<Committing>,
    /// Present when it is not in use.
    session: Option<Session>,
    /// A group to reuse.
    spare: Option<Group>,
    /// Set by an error; cleared by `resume` if that may help.
    broken: Option<SinkError>,
}

/// Session and group, for reuse, and the partitions after the group; or why they cannot be reused.
type Outcome = Result<(Session, Group, Partitions), SinkError>;

/// A group that is being stored.
struct Committing {
    end: Chain,
    /// Ends of earlier groups are deleted up to this lsn, if they are.
    cleaned: Option<Lsn>,
    /// Boxed and kept here, so that the caller that waits for it may be dropped.
    outcome: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

impl FromStr for PostgresSink {
    type Err = String;

    /// A log in the database that the URL names. Connects when the log is opened.
    fn from_str(url: &str) -> Result<Self, String> {
        Ok(Self {
            database: url.parse()?,
            key_cache_bytes: DEFAULT_KEY_CACHE_BYTES,
            retention: Retention::All,
            open: None,
            terms: Terms::default(),
            removal: None,
        })
    }
}

/// Without the password.
impl std::fmt::Display for PostgresSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.database.fmt(f)
    }
}

impl std::fmt::Debug for PostgresSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresSink").field(&self.database.to_string()).finish()
    }
}

impl PostgresSink {
    /// Memory for the ids of keys, in bytes; a read uses as much again for their names. For keys that are not cached, a
    /// group takes one query per value type.
    #[must_use]
    pub fn with_key_cache(mut self, bytes: usize) -> Self {
        self.key_cache_bytes = bytes;
        self
    }

    /// What is kept of the history besides what checkpoints need; all of it, unless this is called.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Memory used by the ids of keys, in bytes.
    pub fn key_cache_in_use(&self) -> usize {
        self.open.as_ref().map_or(0, |log| log.keys.bytes())
    }

    /// Checks that the database can hold the log, and creates missing tables. Begins no term.
    pub async fn prepare(&self) -> Result<(), SinkError> {
        let mut session = self.database.connect_writer().await?;
        self.database.migrate(&mut session).await
    }

    fn log(&mut self) -> Result<&mut OpenLog, SinkError> {
        let log = self.open.as_mut().ok_or_else(|| SinkError::Failed("the log is not open".into()))?;
        match &log.broken {
            Some(why) => Err(why.clone()),
            None => Ok(log),
        }
    }

    /// Reconnects after an error, or connects for the first time in another process than the one that began the term.
    async fn reattach(&mut self, term: &Term) -> Result<Chain, SinkError> {
        // The problem of a running server may be fixed while the writer waits.
        let mut session = self.database.connect_writer().await.map_err(retryable)?;
        // Asked first without the lock: a fenced writer must not end the session of its successor, which may hold it.
        Producer::look(&mut session).await?.check_term(term.epoch)?;
        let producer = Producer::settled(&mut session).await?;
        producer.check_term(term.epoch)?;
        term.check_resumed(&producer.chain)?;
        match &mut self.open {
            Some(log) if log.may_end_at(&producer.chain) => {
                key_tables::rewind_ids(&mut session, &mut log.keys).await?;
                let partitions = Partitions::load(&mut session, self.database.partition_records()).await?;
                log.rewind(session, producer.chain, partitions);
            }
            // Another process has continued the term, and has assigned ids to keys.
            _ => self.open = Some(self.load(*term, producer.chain, session).await?),
        }
        Ok(producer.chain)
    }

    /// The log that ends at `durable`, with the keys and partitions of the database.
    async fn load(&self, term: Term, durable: Chain, mut session: Session) -> Result<OpenLog, SinkError> {
        let keys = key_tables::load_ids(&mut session, self.key_cache_bytes).await?;
        let partitions = Partitions::load(&mut session, self.database.partition_records()).await?;
        Ok(OpenLog::new(term, durable, session, keys, partitions))
    }

    /// Removes history that is no longer kept, beside the writer and over a connection of its own.
    fn start_removal(&mut self, term: &Term) {
        if self.removal.as_ref().is_none_or(AbortOnDropHandle::is_finished) && self.retention != Retention::All {
            let removal = retention::apply(self.database.clone(), term.epoch, self.retention);
            self.removal = Some(AbortOnDropHandle::new(tokio::spawn(removal)));
        }
    }
}

impl OpenLog {
    /// A log that ends at `durable`.
    fn new(term: Term, durable: Chain, session: Session, keys: KeyIds, partitions: Partitions) -> Self {
        let (given, bytes, all) =
            (keys.next.iter().sum::<i64>() - keys.next.len() as i64, keys.bytes(), keys.knows_all());
        info!(keys = given, all_known = all, key_bytes = bytes, lsn = durable.lsn, "the PostgreSQL log is open");
        Self {
            term,
            validator: AppendValidator::new(Term { epoch: term.epoch, chain: durable }),
            durable,
            reported: durable.lsn,
            keys,
            partitions,
            cleaned: 0,
            uncleaned_groups: 0,
            filling: Group::new(),
            committing: None,
            session: Some(session),
            spare: None,
            broken: None,
        }
    }

    /// Continues after `durable`; everything beyond it will be appended again. The caller has rewound the ids of keys.
    fn rewind(&mut self, session: Session, durable: Chain, partitions: Partitions) {
        self.committing = None;
        self.partitions = partitions;
        self.filling.clear();
        self.validator.rewind(durable);
        self.durable = durable;
        self.session = Some(session);
        self.broken = None;
    }

    /// Whether the log may end at `end` if only this writer has written to it: before or after the last group.
    fn may_end_at(&self, end: &Chain) -> bool {
        self.durable == *end || self.committing.as_ref().is_some_and(|committing| committing.end == *end)
    }

    fn is_idle(&self) -> bool {
        self.committing.is_none() && self.filling.end.is_none()
    }

    /// Starts to store the filling group, unless another group is being stored or it is empty.
    fn start_commit(&mut self) {
        if self.committing.is_none()
            && let Some(end) = self.filling.end
            && let Some(mut session) = self.session.take()
        {
            let mut group = std::mem::replace(&mut self.filling, self.spare.take().unwrap_or_else(Group::new));
            group.next_ids = self.keys.next;
            let (before, epoch) = (self.durable, self.term.epoch);
            let from = (self.uncleaned_groups >= GROUPS_PER_CLEANUP).then_some(self.cleaned);
            let mut partitions = self.partitions.clone();
            let outcome = Box::pin(async move {
                commit::commit(&mut session, &mut group, &before, &end, epoch, from, &mut partitions).await?;
                Ok((session, group, partitions))
            });
            self.committing = Some(Committing { end, cleaned: from.map(|_| before.lsn), outcome });
        }
    }

    /// Waits until a group has become durable, if there is one. May be dropped while it waits.
    async fn advance(&mut self) -> Result<(), SinkError> {
        self.start_commit();
        let Some(committing) = &mut self.committing else { return Ok(()) };
        match (&mut committing.outcome).await {
            Ok((session, mut group, partitions)) => {
                self.durable = committing.end;
                self.partitions = partitions;
                self.uncleaned_groups += 1;
                if let Some(cleaned) = committing.cleaned {
                    (self.cleaned, self.uncleaned_groups) = (cleaned, 0);
                }
                self.committing = None;
                if !group.resolved.is_empty() {
                    // As long as keys are looked up within transactions, ids are only assigned there.
                    self.keys.next = group.next_ids;
                    group.resolved.drain(..).for_each(|(ty, key, id)| self.keys.insert(ty, &key, id));
                }
                group.clear();
                (self.session, self.spare) = (Some(session), Some(group));
                // Immediately, so that the next rows can be encoded while these are stored.
                self.start_commit();
                Ok(())
            }
            Err(e) => {
                committing.outcome = Box::pin(std::future::pending());
                self.broken = Some(e.clone());
                Err(e)
            }
        }
    }

    /// Makes everything that was appended durable, and checks that the term is still the latest.
    async fn settle(&mut self) -> Result<Chain, SinkError> {
        while !self.is_idle() {
            self.advance().await?;
        }
        self.check_term().await.map(|()| self.durable)
    }

    /// Checks that the term is still the latest, and that no other process has continued it. A group that is being stored
    /// finds out by itself.
    async fn check_term(&mut self) -> Result<(), SinkError> {
        if !self.is_idle() {
            return Ok(());
        }
        let Some(session) = &mut self.session else {
            return Err(SinkError::Unavailable("there is no connection to PostgreSQL".into()));
        };
        let checked = Producer::look(session).await.and_then(|producer| {
            producer.check_term(self.term.epoch)?;
            producer.check_end(&self.durable)
        });
        if let Err(e) = &checked {
            self.broken = Some(e.clone());
        }
        checked
    }
}

impl LogWriter for PostgresSink {
    type Reader = PostgresReader;
    type Checkpoint = PostgresCheckpoint;

    fn reader(&self) -> PostgresReader {
        PostgresReader::new(self.database.clone(), self.key_cache_bytes)
    }

    async fn open(&mut self) -> Result<Term, SinkError> {
        (self.open, self.removal) = (None, None);
        let mut session = self.database.connect_writer().await?;
        self.database.migrate(&mut session).await?;
        let (term, terms) = Producer::begin_term(&mut session).await?;
        self.terms = terms;
        self.open = Some(self.load(term, term.chain, session).await?);
        Ok(term)
    }

    fn terms(&self) -> Terms {
        self.terms.clone()
    }

    async fn resume(&mut self, term: &Term) -> Result<Chain, SinkError> {
        if let Some(log) = &mut self.open {
            match &log.broken {
                Some(e) if !e.is_retryable() => return Err(e.clone()),
                None if log.term.epoch == term.epoch => match log.settle().await {
                    Err(e) if e.is_retryable() => {}
                    settled => {
                        let durable = settled?;
                        return term.check_resumed(&durable).map(|()| durable);
                    }
                },
                _ => {}
            }
            if log.term.epoch != term.epoch {
                self.open = None;
            }
        }
        self.reattach(term).await
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let log = self.log()?;
        if log.validator.admit(batch)? == Admission::Repeat {
            return Ok(());
        }
        while log.filling.bytes() > MAX_FILLING_BYTES {
            log.advance().await?;
        }
        let end = log.validator.chain().after(batch);
        let lsn = batch.first_lsn();
        log.filling.add(batch, end, &mut log.keys).map_err(|what| SinkError::Conflict { lsn, what })?;
        log.validator.stored(batch);
        Ok(())
    }

    async fn durable(&mut self) -> Result<Lsn, SinkError> {
        let log = self.log()?;
        if log.reported == log.durable.lsn {
            log.advance().await?;
        }
        log.reported = log.durable.lsn;
        Ok(log.reported)
    }

    async fn check_term(&mut self) -> Result<(), SinkError> {
        self.log()?.check_term().await
    }

    fn begin_checkpoint(&mut self, base: Lsn) -> Result<Option<PostgresCheckpoint>, SinkError> {
        self.log()?;
        Ok(Some(PostgresCheckpoint::begin(self.database.clone(), base)))
    }

    async fn keep_checkpoint(&mut self, finished: PostgresCheckpoint) -> Result<Checkpoint, SinkError> {
        let log = self.log()?;
        // Its transaction would wait for that of a group that is being stored, which would wait for this call to return.
        log.settle().await?;
        let Some(session) = &mut log.session else {
            return Err(SinkError::Unavailable("there is no connection to PostgreSQL".into()));
        };
        let kept = checkpoint::keep(session, log.term.epoch, &log.durable, &finished).await;
        match &kept {
            Ok(_) => {
                let term = log.term;
                self.start_removal(&term);
            }
            Err(e) if e.is_retryable() => log.broken = Some(e.clone()),
            Err(_) => {}
        }
        kept
    }

    async fn begin_with(&mut self, finished: PostgresCheckpoint) -> Result<Checkpoint, SinkError> {
        let log = self.log()?;
        log.settle().await?;
        let Some(mut session) = log.session.take() else {
            return Err(SinkError::Unavailable("there is no connection to PostgreSQL".into()));
        };
        let epoch = log.term.epoch;
        // Whatever comes of it, the log must be opened again.
        self.open = None;
        let begun = begin::begin(&mut session, &self.database, epoch, &finished).await;
        session.close().await;
        begun
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        self.log()?.settle().await?;
        self.removal = None;
        if let Some(session) = self.open.take().and_then(|log| log.session) {
            session.close().await;
        }
        Ok(())
    }
}
