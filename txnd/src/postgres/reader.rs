//! Reads the tables while a writer, here or elsewhere, continues. Uses its own connections; changes and locks nothing.

use std::ops::RangeInclusive;
use std::str::FromStr;

use proto::{Batch, Lsn};

use super::database::Database;
use super::keys::DEFAULT_KEY_CACHE_BYTES;
use super::producer::Producer;
use super::{checkpoint, read};
use crate::checkpoint::Checkpoint;
use crate::sink::{Bounds, LogReader, SinkError, VisitError};

/// Reads the log in a database. Each read has its own connections, at least two. A thread that reads again and again keeps two for
/// a moment.
#[derive(Clone)]
pub struct PostgresReader {
    database: Database,
    /// Memory for the names of keys during a read, in bytes.
    key_cache_bytes: usize,
}

impl FromStr for PostgresReader {
    type Err = String;

    /// Reads the log in the database that the URL names, independent of any writer.
    fn from_str(url: &str) -> Result<Self, String> {
        Ok(Self::new(url.parse()?, DEFAULT_KEY_CACHE_BYTES))
    }
}

/// Without the password.
impl std::fmt::Debug for PostgresReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresReader").field(&self.database.to_string()).finish()
    }
}

impl PostgresReader {
    pub(super) fn new(database: Database, key_cache_bytes: usize) -> Self {
        Self { database, key_cache_bytes }
    }
}

/// The bounds of the log that `producer` describes.
fn bounds(producer: &Producer) -> Bounds {
    Bounds { oldest: producer.first, durable: producer.chain }
}

impl LogReader for PostgresReader {
    async fn bounds(&self) -> Result<Bounds, SinkError> {
        let mut session = self.database.connect().await?;
        let producer = Producer::read(&mut session).await?;
        self.database.keep(session).await;
        Ok(bounds(&producer))
    }

    async fn read(
        &self,
        lsns: RangeInclusive<Lsn>,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<Bounds, SinkError> {
        let mut session = self.database.connect().await?;
        let producer = Producer::read(&mut session).await?;
        let lsns = bounds(&producer).readable(&lsns)?;
        if lsns.is_empty() {
            self.database.keep(session).await;
        } else {
            read::read(&self.database, session, lsns, &producer, self.key_cache_bytes, visit).await?;
        }
        Ok(bounds(&producer))
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, SinkError> {
        checkpoint::list(&mut self.database.connect().await?).await
    }

    async fn read_checkpoint(
        &self,
        checkpoint: &Checkpoint,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<(), SinkError> {
        checkpoint::read(&mut self.database.connect().await?, checkpoint, visit).await
    }
}
