//! Reading the tables while a writer, here or elsewhere, goes on. Connections of its own; nothing is changed, or locked.

use std::ops::RangeInclusive;
use std::str::FromStr;

use proto::{Batch, BatchError, Lsn};

use super::database::Database;
use super::producer::Producer;
use super::read;
use crate::{Bounds, LogReader, SinkError};

/// Reads the log in a database. Each read makes a connection for each table that it needs, and ends them.
#[derive(Clone)]
pub struct PostgresReader {
    database: Database,
}

impl FromStr for PostgresReader {
    type Err = String;

    /// Reads the log in the database that the URL names, whoever writes it.
    fn from_str(url: &str) -> Result<Self, String> {
        Ok(Self::of(url.parse()?))
    }
}

/// Without the password.
impl std::fmt::Debug for PostgresReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PostgresReader").field(&self.database.to_string()).finish()
    }
}

impl PostgresReader {
    pub(super) fn of(database: Database) -> Self {
        Self { database }
    }
}

/// The log as `producer` says that it was committed.
fn bounds(producer: &Producer) -> Bounds {
    Bounds { oldest: 1, durable: producer.chain }
}

impl LogReader for PostgresReader {
    async fn bounds(&self) -> Result<Bounds, SinkError> {
        let mut connection = self.database.connect().await?;
        Producer::read(&mut connection).await.map(|producer| bounds(&producer))
    }

    async fn read(
        &self,
        lsns: RangeInclusive<Lsn>,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
    ) -> Result<Bounds, SinkError> {
        let mut connection = self.database.connect().await?;
        let producer = Producer::read(&mut connection).await?;
        let lsns = (*lsns.start()).max(1)..=(*lsns.end()).min(producer.chain.lsn);
        if !lsns.is_empty() {
            read::read(&self.database, connection, lsns, &producer, visit).await?;
        }
        Ok(bounds(&producer))
    }
}
