//! Errors of the disk, as errors of the log.

use std::io;
use std::path::Path;

use crate::sink::SinkError;

/// Something that a later attempt may do, such as opening a file.
pub(super) fn cannot(what: &str, path: &Path, error: &io::Error) -> SinkError {
    SinkError::Unavailable(format!("cannot {what} {}: {error}", path.display()))
}

/// A write (not a sync) that failed has stored nothing that counts; it may be tried again, as when a disk is full.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> SinkError {
    cannot("write to", path, error)
}

/// At a start: what the last writer left could not be brought to the disk.
pub(super) fn not_durable(path: &Path, error: &io::Error) -> SinkError {
    SinkError::Unavailable(format!(
        "cannot make durable what {} holds: {error}. The last writer may not have brought it to the disk, so it is not served \
         before it is there; check the disk and its free space, then start again",
        path.display()
    ))
}
