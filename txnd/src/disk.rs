//! Files of batches, and disk errors as errors of the log.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use proto::limits::{BATCH_HEADER_BYTES, MAX_BATCH_BYTES};
use proto::{Batch, BatchError, Lsn};

use crate::sink::{Location, SinkError};

/// The error for an operation that a later attempt may complete, such as opening a file.
pub(crate) fn cannot(what: &str, path: &Path, error: &io::Error) -> SinkError {
    SinkError::Unavailable(format!("cannot {what} {}: {error}", path.display()))
}

/// A write (not a sync) that failed has stored nothing that counts. It may be retried, for example after the disk was
/// full.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> SinkError {
    cannot("write to", path, error)
}

/// At startup: the error when what the last writer left could not be made durable.
pub(crate) fn not_durable(path: &Path, error: &io::Error) -> SinkError {
    SinkError::Unavailable(format!(
        "cannot make durable what {} holds: {error}. The last writer may not have synced it, so it is not served \
         until it is durable; check the disk and its free space, then start again",
        path.display()
    ))
}

/// The error for a damaged file.
pub(crate) fn corrupt(path: &Path, lsn: Lsn, offset: u64, what: impl Into<String>) -> SinkError {
    SinkError::Corrupt { place: Location::File { path: path.into(), offset }, lsn, what: what.into() }
}

/// The batch at `offset` of a file of `size` bytes.
pub(crate) fn read_batch(
    file: &File,
    offset: u64,
    size: u64,
    mut memory: Vec<u8>,
) -> io::Result<Result<Batch, BatchError>> {
    let mut wanted = BATCH_HEADER_BYTES;
    loop {
        memory.resize(wanted.min((size - offset) as usize), 0);
        file.read_exact_at(&mut memory, offset)?;
        let bytes = Bytes::from(memory);
        match Batch::decode(&bytes) {
            // The header says how long the batch is.
            Err(BatchError::Length { claimed, available })
                if (available + 1..=MAX_BATCH_BYTES).contains(&claimed) && available == wanted =>
            {
                wanted = claimed;
            }
            decoded => return Ok(decoded),
        }
        memory = bytes.try_into_mut().map(Vec::from).unwrap_or_default();
    }
}
