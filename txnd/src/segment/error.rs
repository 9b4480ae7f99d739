//! Disk errors, as errors of the log.

use std::io;
use std::path::Path;

use crate::sink::SinkError;

/// The error for an operation that a later attempt may complete, such as opening a file.
pub(super) fn cannot(what: &str, path: &Path, error: &io::Error) -> SinkError {
    SinkError::Unavailable(format!("cannot {what} {}: {error}", path.display()))
}

/// A write (not a sync) that failed has stored nothing that counts. It may be retried, for example after the disk was
/// full.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> SinkError {
    cannot("write to", path, error)
}

/// At startup: the error when what the last writer left could not be made durable.
pub(super) fn not_durable(path: &Path, error: &io::Error) -> SinkError {
    SinkError::Unavailable(format!(
        "cannot make durable what {} holds: {error}. The last writer may not have synced it, so it is not served \
         until it is durable; check the disk and its free space, then start again",
        path.display()
    ))
}
