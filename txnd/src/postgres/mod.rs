//! The log as PostgreSQL tables that anyone can query with SQL. `migrations/` has the tables and what their columns mean.
//!
//! ```text
//!   append ── rows in COPY's binary form ──> filling group ─┐
//!   durable ── BEGIN; producer row; COPY keys; COPY transactions; COMMIT <── committing group
//!   PostgresReader <── COPY ... TO STDOUT of every table, merged by lsn
//!
//!   mod.rs        PostgresSink: groups, terms, what happens after an error
//!   database.rs   connections, settings that must hold, migrations, errors that say what to do
//!   producer.rs   the producer row: terms, fences, exactly-once
//!   commit.rs     one group, one transaction
//!   rows.rs       records as rows in the binary format of COPY
//!   keys.rs       keys and their numbers
//!   parse.rs      rows as operations
//!   read.rs       the tables as batches, in order of lsn
//!   reader.rs     PostgresReader: reading while a writer goes on
//!   tables.rs     names of tables and columns
//! ```
//!
//! **Exactly once.** Every transaction moves the producer row from the lsn before the group to that behind it, and does nothing if the
//! row is elsewhere or of another term. After a COMMIT whose outcome is not known, the row tells.
//!
//! **Group commit without a timer.** While one group is being stored, the next one fills.

mod commit;
mod database;
mod keys;
mod parse;
mod producer;
mod read;
mod reader;
mod rows;
mod tables;

use std::pin::Pin;
use std::str::FromStr;

use proto::{Batch, Chain, Lsn};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tracing::info;

use crate::intake::{Admission, Intake};
use crate::{Opened, Sink, SinkError};
use database::Database;
use keys::Keys;
use producer::Producer;
pub use reader::PostgresReader;
use rows::Group;
use tables::TYPES;

/// Rows that may wait for the group before them, in bytes. `append` waits when there are more.
const MAX_FILLING_BYTES: usize = 16 << 20;

/// The PostgreSQL log.
pub struct PostgresSink {
    database: Database,
    open: Option<OpenLog>,
}

struct OpenLog {
    term: Opened,
    intake: Intake,
    /// End of what was committed.
    durable: Chain,
    /// What `durable` has last returned.
    reported: Lsn,
    keys: [Keys; TYPES],
    /// How many keys of each type were committed.
    durable_keys: [usize; TYPES],
    filling: Group,
    committing: Option<Committing>,
    /// Used by nobody at the moment.
    connection: Option<PgConnection>,
    /// A group to fill again.
    spare: Option<Group>,
    /// Set by an error; cleared by `resume` if that may help.
    broken: Option<SinkError>,
}

/// Connection and group, to be used again, or why neither can be.
type Outcome = Result<(PgConnection, Group), SinkError>;

/// A group on its way.
struct Committing {
    end: Chain,
    key_counts: [usize; TYPES],
    /// Boxed and kept here, so that whoever waits for it may go away.
    outcome: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

impl FromStr for PostgresSink {
    type Err = String;

    /// A log in the database that the URL names. Connects when the log is opened.
    fn from_str(url: &str) -> Result<Self, String> {
        Ok(Self { database: url.parse()?, open: None })
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
    /// Checks that the log can be kept here, and makes the tables if they are not there. Begins no term.
    pub async fn prepare(&self) -> Result<(), SinkError> {
        let mut connection = self.database.connect_writer().await?;
        self.database.migrate(&mut connection).await
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
        let mut connection = self.database.connect_writer().await.map_err(retryable)?;
        let producer = Producer::settled(&self.database, &mut connection).await?;
        producer.check_term(term.epoch)?;
        term.check_resumed(&producer.chain)?;
        match &mut self.open {
            Some(log) => log.rewind(connection, producer.chain),
            None => self.open = Some(OpenLog::load(*term, producer.chain, connection).await?),
        }
        Ok(producer.chain)
    }
}

impl OpenLog {
    /// A log that ends at `durable`, with the keys that the database has.
    async fn load(term: Opened, durable: Chain, mut connection: PgConnection) -> Result<Self, SinkError> {
        let keys = read::keys(&mut connection).await?;
        let durable_keys = keys.each_ref().map(Keys::len);
        info!(keys = durable_keys.iter().sum::<usize>(), lsn = durable.lsn, "the PostgreSQL log is open");
        Ok(Self {
            term,
            intake: Intake::new(Opened { epoch: term.epoch, chain: durable }),
            durable,
            reported: durable.lsn,
            keys,
            durable_keys,
            filling: Group::new(),
            committing: None,
            connection: Some(connection),
            spare: None,
            broken: None,
        })
    }

    /// Goes on behind `durable`; everything beyond it will be appended again.
    fn rewind(&mut self, connection: PgConnection, durable: Chain) {
        if let Some(unknown) = self.committing.take().filter(|unknown| unknown.end == durable) {
            self.durable_keys = unknown.key_counts;
        }
        self.keys.iter_mut().zip(self.durable_keys).for_each(|(keys, count)| keys.truncate(count));
        self.filling.clear();
        self.intake.rewind(durable);
        self.durable = durable;
        self.connection = Some(connection);
        self.broken = None;
    }

    fn is_idle(&self) -> bool {
        self.committing.is_none() && self.filling.end.is_none()
    }

    /// Hands the filling group over, unless one is on its way or there is none.
    fn start_commit(&mut self) {
        if self.committing.is_none()
            && let Some(end) = self.filling.end
            && let Some(mut connection) = self.connection.take()
        {
            let group = std::mem::replace(&mut self.filling, self.spare.take().unwrap_or_else(Group::new));
            let (before, epoch, key_counts) = (self.durable, self.term.epoch, group.key_counts);
            let outcome = Box::pin(async move {
                commit::commit(&mut connection, &group, &before, &end, epoch).await?;
                Ok((connection, group))
            });
            self.committing = Some(Committing { end, key_counts, outcome });
        }
    }

    /// Waits until a group has become durable, if there is one. May be dropped while it waits.
    async fn advance(&mut self) -> Result<(), SinkError> {
        self.start_commit();
        let Some(committing) = &mut self.committing else { return Ok(()) };
        match (&mut committing.outcome).await {
            Ok((connection, mut group)) => {
                (self.durable, self.durable_keys) = (committing.end, committing.key_counts);
                self.committing = None;
                group.clear();
                (self.connection, self.spare) = (Some(connection), Some(group));
                // At once, so that the next rows can be encoded while these are stored.
                self.start_commit();
                Ok(())
            }
            Err(e) => {
                // Its end and keys are kept: the producer row may say that it was committed.
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
        let Some(connection) = &mut self.connection else {
            return Err(SinkError::Unavailable("there is no connection to PostgreSQL".into()));
        };
        let checked = Producer::read(connection).await.and_then(|producer| producer.check_term(self.term.epoch));
        if let Err(e) = &checked {
            self.broken = Some(e.clone());
        }
        checked.map(|()| self.durable)
    }
}

impl Sink for PostgresSink {
    type Reader = PostgresReader;

    fn reader(&self) -> PostgresReader {
        PostgresReader::of(self.database.clone())
    }

    async fn open(&mut self) -> Result<Opened, SinkError> {
        self.open = None;
        let mut connection = self.database.connect_writer().await?;
        self.database.migrate(&mut connection).await?;
        let term = Producer::begin_term(&self.database, &mut connection).await?;
        self.open = Some(OpenLog::load(term, term.chain, connection).await?);
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
        let log = self.log()?;
        // What is on its way finds out by itself.
        if log.is_idle() { log.settle().await.map(drop) } else { Ok(()) }
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        self.log()?.settle().await?;
        if let Some(connection) = self.open.take().and_then(|log| log.connection) {
            // Everything is committed; how the connection ends does not matter.
            let _ = connection.close().await;
        }
        Ok(())
    }
}

/// An error that ends the start of a server, but not a running one.
fn retryable(e: SinkError) -> SinkError {
    match e {
        SinkError::Failed(why) => SinkError::Unavailable(why),
        e => e,
    }
}
