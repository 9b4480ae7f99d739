//! A log of any kind, as the commands read it.

use std::ops::RangeInclusive;

use proto::{Batch, Lsn};
use txnd::backup::BackupReader;
use txnd::config::SinkTarget;
use txnd::remote::MutualTls;
use txnd::tls::TlsFiles;
use txnd::{Bounds, Checkpoint, LogReader, PostgresReader, RemoteReader, SegmentReader, SinkError, VisitError};

use crate::config::LogTarget;

/// Reads a log of any kind.
#[derive(Clone)]
pub(super) enum AnyReader {
    Segments(SegmentReader),
    Postgres(PostgresReader),
    Remote(RemoteReader<MutualTls>),
    Backup(BackupReader),
}

impl AnyReader {
    /// The log at `target`; for a backup, its last set. `tls` is for a remote log.
    pub(super) fn open(target: &LogTarget, tls: TlsFiles) -> Result<Self, SinkError> {
        Ok(match target {
            LogTarget::Off => return Err(SinkError::Failed("there is no log to read: --log is off".into())),
            LogTarget::LogWriter(SinkTarget::File(folder)) => Self::Segments(SegmentReader::new(folder)),
            LogTarget::LogWriter(SinkTarget::Postgres(url)) => Self::Postgres(url.parse().map_err(SinkError::Failed)?),
            LogTarget::Remote(url) => {
                Self::Remote(RemoteReader::new(MutualTls::new(url, tls).map_err(SinkError::Failed)?))
            }
            LogTarget::Backup(dir) => Self::Backup(BackupReader::open(dir)?),
        })
    }
}

/// The same call of whatever reader it is.
macro_rules! each {
    ($any:expr, $reader:ident => $call:expr) => {
        match $any {
            AnyReader::Segments($reader) => $call,
            AnyReader::Postgres($reader) => $call,
            AnyReader::Remote($reader) => $call,
            AnyReader::Backup($reader) => $call,
        }
    };
}

impl LogReader for AnyReader {
    async fn bounds(&self) -> Result<Bounds, SinkError> {
        each!(self, reader => reader.bounds().await)
    }

    async fn read(
        &self,
        lsns: RangeInclusive<Lsn>,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<Bounds, SinkError> {
        each!(self, reader => reader.read(lsns, visit).await)
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, SinkError> {
        each!(self, reader => reader.checkpoints().await)
    }

    async fn read_checkpoint(
        &self,
        checkpoint: &Checkpoint,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<(), SinkError> {
        each!(self, reader => reader.read_checkpoint(checkpoint, visit).await)
    }
}
