//! Reads portions of the log, for those who are behind what is in memory. A reader may block, so each portion is read on a
//! thread of its own, and only a few at a time.

use std::io;
use std::ops::RangeInclusive;

use proto::{Batch, Lsn};
use tokio::sync::{Semaphore, oneshot};
use txnd::{LogReader, SinkError, VisitError};

/// Portions that are read at a time.
const MAX_READS: usize = 4;

/// A portion ends with the batch that makes it so large, in bytes.
const PORTION_BYTES: usize = 256 << 10;

/// Most records of a portion, in a log that cuts batches as they are read.
const PORTION_RECORDS: Lsn = 4096;

/// Most bytes that a portion is expected to take. One with larger values takes as much as its batch.
pub(super) const EXPECTED_BYTES: usize = 2 * PORTION_BYTES;

/// What can be read of the log.
pub(crate) struct Source {
    reader: Box<dyn Portions>,
    permits: Semaphore,
}

/// A [`LogReader`] of any kind.
trait Portions: Send + Sync {
    fn portion(&self, lsns: RangeInclusive<Lsn>, done: Done) -> io::Result<()>;
}

type Done = oneshot::Sender<Result<Vec<Batch>, SinkError>>;

impl<R: LogReader> Portions for R {
    fn portion(&self, lsns: RangeInclusive<Lsn>, done: Done) -> io::Result<()> {
        let reader = self.clone();
        let read = async move || {
            let (mut portion, mut bytes) = (Vec::new(), 0);
            let mut visit = async |batch: &Batch| {
                bytes += batch.as_bytes().len();
                portion.push(batch.copied());
                match bytes < PORTION_BYTES {
                    true => Ok(()),
                    false => Err(VisitError::Visitor(SinkError::Stopped)),
                }
            };
            match reader.read(lsns, &mut visit).await {
                Ok(_) | Err(SinkError::Stopped) => Ok(portion),
                Err(e) => Err(e),
            }
        };
        txnd::thread::run_giving_way("kvs-feed", read, |portion| drop(done.send(portion)))
    }
}

impl Source {
    /// Reads with clones of `reader`.
    pub(crate) fn new(reader: impl LogReader) -> Self {
        Self { reader: Box::new(reader), permits: Semaphore::new(MAX_READS) }
    }

    /// The batches with the records after `lsn`, of which `durable` is the last. At least one; not necessarily all.
    pub(super) async fn after(&self, lsn: Lsn, durable: Lsn) -> Result<Vec<Batch>, SinkError> {
        let lsns = lsn + 1..=durable.min(lsn + PORTION_RECORDS);
        let unavailable = |what: &str| SinkError::Unavailable(format!("the log cannot be read: {what}"));
        let _permit = self.permits.acquire().await.map_err(|_| unavailable("closed"))?;
        let (send, done) = oneshot::channel();
        self.reader.portion(lsns, send).map_err(|e| unavailable(&e.to_string()))?;
        let portion = done.await.map_err(|_| unavailable("the thread that reads it has ended"))??;
        match portion.is_empty() {
            // A reader of a remote log may not have heard of it yet.
            true => Err(SinkError::Unavailable(format!("lsn {} cannot be read yet", lsn + 1))),
            false => Ok(portion),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("permits", &self.permits).finish_non_exhaustive()
    }
}
