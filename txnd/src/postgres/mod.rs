//! The log as PostgreSQL tables that anyone can query with SQL. `migrations/` has the tables and what their columns mean.
//!
//! ```text
//!   append ── rows in COPY's binary form ──> filling group ─┐
//!   durable ── BEGIN; lock; end of the group; COPY keys; COPY transactions; COMMIT <── committing group
//!                         read <── COPY ... TO STDOUT of every table, merged by lsn
//!
//!   mod.rs          PostgresSink: groups, terms, what happens after an error
//!
//!   address.rs      the URL, and what may stand in it
//!   connect.rs      reaching a server: every address of its name, errors that say what to do
//!   session.rs      a conversation: settings that hold within each transaction
//!   database.rs     sessions of a log; what it needs of its server
//!   schema.rs       which schema the log is in
//!   migrate.rs      making and changing the tables
//!   errors.rs       what an error of a conversation means
//!
//!   tables.rs       names of tables and columns
//!   producer.rs     whose term it is and where the log ends: terms, fences, exactly-once
//!   commit.rs       one group, one transaction
//!   rows.rs         records as rows; parse.rs  rows as operations
//!   column.rs       the columns of a value, for each value type
//!   binary.rs       the binary format of COPY
//!   keys.rs         the ids of keys, for the writer; key_names.rs  their names, for readers
//!   generations.rs  a cache with a budget in bytes, which both are
//!   key_tables.rs   the tables of keys
//!   reader.rs       PostgresReader: reading while a writer goes on
//!   read.rs         the tables as batches, in order of lsn
//!   streams.rs      the tables of transactions as rows, over many connections or few; copy_out.rs  the rows of one COPY
//! ```
//!
//! **Exactly once.** Every transaction locks the producer row and moves the end of the log from the lsn before the group to the
//! one after it, and does nothing if the end is elsewhere or the row of another term. After a COMMIT whose outcome is not
//! known, they tell.
//!
//! **Group commit without a timer.** While one group is being stored, the next one fills.

mod address;
mod binary;
mod column;
mod commit;
mod connect;
mod copy_out;
mod database;
mod errors;
mod generations;
mod key_names;
mod key_tables;
mod keys;
mod migrate;
mod parse;
mod producer;
mod read;
mod reader;
mod rows;
mod schema;
mod session;
mod streams;
mod tables;

use std::pin::Pin;
use std::str::FromStr;

use proto::{Batch, Chain, Lsn};
use sqlx::Connection;
use tracing::info;

use crate::intake::{Admission, Intake};
use crate::{Opened, Sink, SinkError};
use database::Database;
use errors::retryable;
use keys::{DEFAULT_KEY_CACHE_BYTES, KeyIds};
use producer::{GROUPS_PER_CLEANUP, Producer};
pub use reader::PostgresReader;
use rows::Group;
use session::Session;

/// Rows that may wait for the group before them, in bytes. `append` waits when there are more.
const MAX_FILLING_BYTES: usize = 16 << 20;

/// The PostgreSQL log.
pub struct PostgresSink {
    database: Database,
    key_cache_bytes: usize,
    open: Option<OpenLog>,
}

struct OpenLog {
    term: Opened,
    intake: Intake,
    /// End of what was committed.
    durable: Chain,
    /// What `durable` has last returned.
    reported: Lsn,
    keys: KeyIds,
    /// Ends of groups before this lsn were deleted.
    cleaned: Lsn,
    /// Groups that were stored since then.
    uncleaned_groups: u32,
    filling: Group,
    committing: Option<Committing>,
    /// Used by nobody at the moment.
    session: Option<Session>,
    /// A group to fill again.
    spare: Option<Group>,
    /// Set by an error; cleared by `resume` if that may help.
    broken: Option<SinkError>,
}

/// Session and group, to be used again, or why neither can be.
type Outcome = Result<(Session, Group), SinkError>;

/// A group on its way.
struct Committing {
    end: Chain,
    /// Where the ends of earlier groups are deleted up to, if they are.
    cleaned: Option<Lsn>,
    /// Boxed and kept here, so that whoever waits for it may go away.
    outcome: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

impl FromStr for PostgresSink {
    type Err = String;

    /// A log in the database that the URL names. Connects when the log is opened.
    fn from_str(url: &str) -> Result<Self, String> {
        Ok(Self { database: url.parse()?, key_cache_bytes: DEFAULT_KEY_CACHE_BYTES, open: None })
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
    /// Memory for the ids of keys, in bytes; a read has as much for their names. Groups with keys that are not in it take a
    /// query for each value type.
    #[must_use]
    pub fn with_key_cache(mut self, bytes: usize) -> Self {
        self.key_cache_bytes = bytes;
        self
    }

    /// Memory that the ids of keys take, in bytes.
    pub fn key_cache_in_use(&self) -> usize {
        self.open.as_ref().map_or(0, |log| log.keys.bytes())
    }

    /// Checks that the log can be kept here, and makes the tables if they are not there. Begins no term.
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

    /// Connects again after an error, or for the first time in another process than the one that began the term.
    async fn take_up(&mut self, term: &Opened) -> Result<Chain, SinkError> {
        // What is wrong with a running server may be mended while the writer waits.
        let mut session = self.database.connect_writer().await.map_err(retryable)?;
        let producer = Producer::settled(&mut session).await?;
        producer.check_term(term.epoch)?;
        term.check_resumed(&producer.chain)?;
        match &mut self.open {
            Some(log) => {
                key_tables::rewind_ids(&mut session, &mut log.keys).await?;
                log.rewind(session, producer.chain);
            }
            None => self.open = Some(OpenLog::load(*term, producer.chain, session, self.key_cache_bytes).await?),
        }
        Ok(producer.chain)
    }
}

impl OpenLog {
    /// A log that ends at `durable`, with the keys that the database has.
    async fn load(
        term: Opened,
        durable: Chain,
        mut session: Session,
        key_cache_bytes: usize,
    ) -> Result<Self, SinkError> {
        let keys = key_tables::load_ids(&mut session, key_cache_bytes).await?;
        let (given, bytes, all) =
            (keys.next.iter().sum::<i64>() - keys.next.len() as i64, keys.bytes(), keys.knows_all());
        info!(keys = given, all_known = all, key_bytes = bytes, lsn = durable.lsn, "the PostgreSQL log is open");
        Ok(Self {
            term,
            intake: Intake::new(Opened { epoch: term.epoch, chain: durable }),
            durable,
            reported: durable.lsn,
            keys,
            cleaned: 0,
            uncleaned_groups: 0,
            filling: Group::new(),
            committing: None,
            session: Some(session),
            spare: None,
            broken: None,
        })
    }

    /// Goes on after `durable`; everything beyond it will be appended again. The ids of keys were rewound before.
    fn rewind(&mut self, session: Session, durable: Chain) {
        self.committing = None;
        self.filling.clear();
        self.intake.rewind(durable);
        self.durable = durable;
        self.session = Some(session);
        self.broken = None;
    }

    fn is_idle(&self) -> bool {
        self.committing.is_none() && self.filling.end.is_none()
    }

    /// Hands the filling group over, unless one is on its way or there is none.
    fn start_commit(&mut self) {
        if self.committing.is_none()
            && let Some(end) = self.filling.end
            && let Some(mut session) = self.session.take()
        {
            let mut group = std::mem::replace(&mut self.filling, self.spare.take().unwrap_or_else(Group::new));
            group.next_ids = self.keys.next;
            let (before, epoch) = (self.durable, self.term.epoch);
            let from = (self.uncleaned_groups >= GROUPS_PER_CLEANUP).then_some(self.cleaned);
            let outcome = Box::pin(async move {
                commit::commit(&mut session, &mut group, &before, &end, epoch, from).await?;
                Ok((session, group))
            });
            self.committing = Some(Committing { end, cleaned: from.map(|_| before.lsn), outcome });
        }
    }

    /// Waits until a group has become durable, if there is one. May be dropped while it waits.
    async fn advance(&mut self) -> Result<(), SinkError> {
        self.start_commit();
        let Some(committing) = &mut self.committing else { return Ok(()) };
        match (&mut committing.outcome).await {
            Ok((session, mut group)) => {
                self.durable = committing.end;
                self.uncleaned_groups += 1;
                if let Some(cleaned) = committing.cleaned {
                    (self.cleaned, self.uncleaned_groups) = (cleaned, 0);
                }
                self.committing = None;
                if !group.resolved.is_empty() {
                    // As long as keys are looked up within transactions, ids are given there only.
                    self.keys.next = group.next_ids;
                    group.resolved.drain(..).for_each(|(ty, key, id)| self.keys.insert(ty, &key, id));
                }
                group.clear();
                (self.session, self.spare) = (Some(session), Some(group));
                // At once, so that the next rows can be encoded while these are stored.
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

    /// Makes everything durable that was appended, and checks that the term is still the latest.
    async fn settle(&mut self) -> Result<Chain, SinkError> {
        while !self.is_idle() {
            self.advance().await?;
        }
        self.check_term().await.map(|()| self.durable)
    }

    /// Whether the term is still the latest. A group on its way finds out by itself.
    async fn check_term(&mut self) -> Result<(), SinkError> {
        if !self.is_idle() {
            return Ok(());
        }
        let Some(session) = &mut self.session else {
            return Err(SinkError::Unavailable("there is no connection to PostgreSQL".into()));
        };
        let checked = Producer::look(session).await.and_then(|producer| producer.check_term(self.term.epoch));
        if let Err(e) = &checked {
            self.broken = Some(e.clone());
        }
        checked
    }
}

impl Sink for PostgresSink {
    type Reader = PostgresReader;

    fn reader(&self) -> PostgresReader {
        PostgresReader::new(self.database.clone(), self.key_cache_bytes)
    }

    async fn open(&mut self) -> Result<Opened, SinkError> {
        self.open = None;
        let mut session = self.database.connect_writer().await?;
        self.database.migrate(&mut session).await?;
        let term = Producer::begin_term(&mut session).await?;
        self.open = Some(OpenLog::load(term, term.chain, session, self.key_cache_bytes).await?);
        Ok(term)
    }

    async fn resume(&mut self, term: &Opened) -> Result<Chain, SinkError> {
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
        self.take_up(term).await
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let log = self.log()?;
        if log.intake.admit(batch)? == Admission::Repeat {
            return Ok(());
        }
        while log.filling.bytes() > MAX_FILLING_BYTES {
            log.advance().await?;
        }
        let end = log.intake.chain().after(batch);
        let lsn = batch.first_lsn();
        log.filling.add(batch, end, &mut log.keys).map_err(|what| SinkError::Conflict { lsn, what })?;
        log.intake.stored(batch);
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

    async fn close(&mut self) -> Result<(), SinkError> {
        self.log()?.settle().await?;
        if let Some(session) = self.open.take().and_then(|log| log.session) {
            // Everything is committed; how the connection ends does not matter.
            let _ = session.connection.close().await;
        }
        Ok(())
    }
}
