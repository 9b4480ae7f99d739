//! Another machine's sink, reached through the service of `proto/txn/v1/txn.proto`.
//!
//! What may be appended is decided here, by the same rules as in every sink, so that a batch that is refused never travels;
//! the service decides once more. Batches are sent without waiting for an answer. Whatever happens to the connection is
//! [`SinkError::Unavailable`]: the writer resumes, which makes a new connection, and sends again what is not durable.
//!
//! ```text
//!   mod.rs          RemoteSink; how connections are made
//!   connection.rs   one connection with its stream of batches and acknowledgements
//!   mutual_tls.rs   how kvs connects: TLS 1.3 with certificates on both sides
//!   reading.rs      the log as it comes back, checked to its end
//! ```

mod connection;
mod mutual_tls;
mod reading;

use std::error::Error;

use proto::{Batch, BatchError, Chain, Lsn};
use tonic::transport::{Channel, Endpoint, Uri};

use crate::intake::{Admission, Intake};
use crate::limits::{
    CONNECT_WITHIN, CONNECTION_WINDOW_BYTES, MAX_HEADER_LIST_BYTES, PING_EVERY, PONG_WITHIN, STREAM_WINDOW_BYTES,
};
use crate::{Opened, Sink, SinkError};
use connection::Connection;
pub use mutual_tls::MutualTls;

/// Makes connections to the service.
#[allow(async_fn_in_trait)] // As for the sink: no Send bound to express.
pub trait Connect {
    /// A new connection, made from an [`endpoint`]. The sink gives up after [`CONNECT_WITHIN`].
    async fn connect(&self) -> Result<Channel, Box<dyn Error + Send + Sync>>;
}

/// The service at `uri`, with every limit of a connection set.
pub fn endpoint(uri: Uri) -> Endpoint {
    Endpoint::from(uri)
        .connect_timeout(CONNECT_WITHIN)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES)
        // A service that is stopped, or behind a cable that was cut, is found out by its silence.
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN)
        .keep_alive_while_idle(true)
}

/// A writer's handle on the log behind a service.
#[derive(Debug)]
pub struct RemoteSink<C> {
    connector: C,
    /// The connection, or why there is none.
    connection: Result<Connection, SinkError>,
    /// What was sent in this term.
    intake: Option<Intake>,
    /// What `durable` has reported.
    reported: Lsn,
}

impl<C: Connect> RemoteSink<C> {
    /// A sink that is connected when the log is opened or resumed.
    pub fn new(connector: C) -> Self {
        Self { connector, connection: Err(not_open()), intake: None, reported: 0 }
    }

    fn up(&mut self) -> Result<&mut Connection, SinkError> {
        self.connection.as_mut().map_err(|why| why.clone())
    }

    /// Gives the connection up because of `why`.
    fn lose(&mut self, why: SinkError) -> SinkError {
        self.connection = Err(why.clone());
        why
    }

    async fn begin(&self) -> Result<(Connection, Opened), SinkError> {
        let mut client = connection::connect(&self.connector).await?;
        let opened = connection::open(&mut client).await?;
        let (connection, chain) = Connection::attach(client, opened).await?;
        match chain == opened.chain {
            true => Ok((connection, opened)),
            false => Err(SinkError::Failed(format!(
                "the service opened a log that ends at lsn {}, then resumed one that ends at lsn {}",
                opened.chain.lsn, chain.lsn
            ))),
        }
    }

    async fn take_up(&self, term: &Opened) -> Result<(Connection, Chain), SinkError> {
        let client = connection::connect(&self.connector).await?;
        let (connection, chain) = Connection::attach(client, *term).await?;
        term.check_resumed(&chain)?;
        Ok((connection, chain))
    }
}

impl<C: Connect> Sink for RemoteSink<C> {
    async fn open(&mut self) -> Result<Opened, SinkError> {
        (self.connection, self.intake) = (Err(not_open()), None);
        let (connection, opened) = self.begin().await.map_err(|why| self.lose(why))?;
        self.connection = Ok(connection);
        self.intake = Some(Intake::new(opened));
        self.reported = opened.chain.lsn;
        Ok(opened)
    }

    async fn resume(&mut self, term: &Opened) -> Result<Chain, SinkError> {
        // The service learns from the new stream that the old one has ended, if it does not notice before.
        self.connection = Err(SinkError::Unavailable("not resumed".into()));
        let (connection, chain) = self.take_up(term).await.map_err(|why| self.lose(why))?;
        self.connection = Ok(connection);
        match &mut self.intake {
            Some(intake) if intake.epoch() == term.epoch => intake.rewind(chain),
            other => *other = Some(Intake::new(Opened { epoch: term.epoch, chain })),
        }
        self.reported = chain.lsn;
        Ok(chain)
    }

    async fn read(
        &mut self,
        from: Lsn,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
    ) -> Result<Chain, SinkError> {
        let read = reading::read(self.up()?, from.max(1), visit).await;
        read.map_err(|why| match why {
            SinkError::Unavailable(_) | SinkError::Fenced { .. } => self.lose(why),
            // The stream of batches is as it was.
            why => why,
        })
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let connection = self.connection.as_mut().map_err(|why| why.clone())?;
        let intake = self.intake.as_mut().ok_or_else(not_open)?;
        if intake.admit(batch)? == Admission::Repeat {
            return Ok(());
        }
        if let Err(why) = connection.send(batch).await {
            return Err(self.lose(why));
        }
        intake.stored(batch);
        Ok(())
    }

    async fn durable(&mut self) -> Result<Lsn, SinkError> {
        loop {
            let appended = self.intake.as_ref().map_or(0, |intake| intake.chain().lsn);
            let connection = self.connection.as_mut().map_err(|why| why.clone())?;
            // More may be durable than was appended after a resume: what was sent before it has arrived after all.
            let durable = connection.acknowledged().min(appended);
            if durable > self.reported || durable == appended {
                self.reported = durable;
                return Ok(durable);
            }
            if let Err(why) = connection.next_acknowledgement().await {
                return Err(self.lose(why));
            }
        }
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
