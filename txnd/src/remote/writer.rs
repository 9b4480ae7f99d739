//! The writing half of a remote log.

use proto::{Batch, Chain, Lsn};

use super::checkpoint::RemoteCheckpoint;
use super::connect::Connect;
use super::connection::{self, Connection};
use super::reader::RemoteReader;
use crate::{Admission, AppendValidator, Checkpoint, LogWriter, SinkError, Term, Terms};

/// A writer's handle on the log of a remote service.
#[derive(Debug)]
pub struct RemoteSink<C> {
    connector: C,
    /// The connection, or why there is none.
    connection: Result<Connection, SinkError>,
    /// Validates what is sent in this term.
    validator: Option<AppendValidator>,
    /// As the term found them.
    terms: Terms,
    /// The lsn that `durable` reported last.
    reported: Lsn,
}

impl<C: Connect> RemoteSink<C> {
    /// A sink that connects when the log is opened or resumed.
    pub fn new(connector: C) -> Self {
        Self { connector, connection: Err(not_open()), validator: None, terms: Terms::default(), reported: 0 }
    }

    fn up(&mut self) -> Result<&mut Connection, SinkError> {
        self.connection.as_mut().map_err(|why| why.clone())
    }

    /// Drops the connection because of `why`.
    fn disconnect(&mut self, why: SinkError) -> SinkError {
        self.connection = Err(why.clone());
        why
    }

    async fn begin(&self) -> Result<(Connection, Term, Terms), SinkError> {
        let mut client = connection::connect(&self.connector).await?;
        let (term, terms) = connection::open(&mut client).await?;
        let (connection, chain) = Connection::attach(client, term).await?;
        match chain == term.chain {
            true => Ok((connection, term, terms)),
            false => Err(SinkError::Failed(format!(
                "the service opened a log that ends at lsn {}, then resumed one that ends at lsn {}",
                term.chain.lsn, chain.lsn
            ))),
        }
    }

    async fn reattach(&self, term: &Term) -> Result<(Connection, Chain), SinkError> {
        let client = connection::connect(&self.connector).await?;
        let (connection, chain) = Connection::attach(client, *term).await?;
        term.check_resumed(&chain)?;
        Ok((connection, chain))
    }
}

impl<C: Connect> LogWriter for RemoteSink<C> {
    type Reader = RemoteReader<C>;
    type Checkpoint = RemoteCheckpoint<C>;

    fn reader(&self) -> RemoteReader<C> {
        RemoteReader::of(self.connector.clone(), self.connection.as_ref().map(Connection::term).ok())
    }

    async fn open(&mut self) -> Result<Term, SinkError> {
        (self.connection, self.validator) = (Err(not_open()), None);
        let (connection, term, terms) = self.begin().await.map_err(|why| self.disconnect(why))?;
        (self.connection, self.terms) = (Ok(connection), terms);
        self.validator = Some(AppendValidator::new(term));
        self.reported = term.chain.lsn;
        Ok(term)
    }

    fn terms(&self) -> Terms {
        self.terms.clone()
    }

    async fn resume(&mut self, term: &Term) -> Result<Chain, SinkError> {
        // The new stream tells the service that the old one has ended, if it has not noticed yet.
        self.connection = Err(SinkError::Unavailable("not resumed".into()));
        let (connection, chain) = self.reattach(term).await.map_err(|why| self.disconnect(why))?;
        self.connection = Ok(connection);
        match &mut self.validator {
            Some(validator) if validator.epoch() == term.epoch => validator.rewind(chain),
            other => *other = Some(AppendValidator::new(Term { epoch: term.epoch, chain })),
        }
        self.reported = chain.lsn;
        Ok(chain)
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let connection = self.connection.as_mut().map_err(|why| why.clone())?;
        let validator = self.validator.as_mut().ok_or_else(not_open)?;
        if validator.admit(batch)? == Admission::Repeat {
            return Ok(());
        }
        if let Err(why) = connection.send(batch).await {
            return Err(self.disconnect(why));
        }
        validator.stored(batch);
        Ok(())
    }

    async fn durable(&mut self) -> Result<Lsn, SinkError> {
        loop {
            let appended = self.validator.as_ref().map_or(0, |validator| validator.chain().lsn);
            let connection = self.connection.as_mut().map_err(|why| why.clone())?;
            // More may be durable than was appended after a resume: batches sent before the resume may have arrived
            // after all.
            let durable = connection.acknowledged().min(appended);
            if durable > self.reported || durable == appended {
                self.reported = durable;
                return Ok(durable);
            }
            if let Err(why) = connection.next_acknowledgement().await {
                return Err(self.disconnect(why));
            }
        }
    }

    async fn check_term(&mut self) -> Result<(), SinkError> {
        // The service ends the stream of a fenced writer, and says why.
        match self.up()?.look().await {
            Ok(()) => Ok(()),
            Err(why) => Err(self.disconnect(why)),
        }
    }

    fn begin_checkpoint(&mut self, base: Lsn) -> Result<Option<RemoteCheckpoint<C>>, SinkError> {
        let term = self.up()?.term();
        Ok(Some(RemoteCheckpoint::begin(self.connector.clone(), term, base)))
    }

    async fn keep_checkpoint(&mut self, finished: RemoteCheckpoint<C>) -> Result<Checkpoint, SinkError> {
        self.up()?.keep_checkpoint(finished.base, false).await
    }

    async fn begin_with(&mut self, finished: RemoteCheckpoint<C>) -> Result<Checkpoint, SinkError> {
        let begun = self.up()?.keep_checkpoint(finished.base, true).await?;
        self.connection = Err(not_open());
        Ok(begun)
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        let closed = self.up()?.close().await;
        self.connection = Err(closed.clone().err().unwrap_or_else(not_open));
        closed
    }
}

fn not_open() -> SinkError {
    SinkError::Failed("the log is not open".into())
}
