//! A folder in memory, where syncing costs nothing, and the log in it.

use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proto::{Batch, Lsn};
use tempfile::TempDir;
use txnd::{Bounds, LogReader, SinkError};

use crate::mend;

/// The kernel keeps it in memory.
const MEMORY: &str = "/dev/shm";

/// The name of a log's manifest.
pub const MANIFEST: &str = "MANIFEST";

/// The id of [`begin_log`]'s log.
pub const LOG_ID: u64 = 1;

/// A folder that is removed when it is dropped.
pub fn quick_folder() -> TempDir {
    tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// The result of a call to a log in files, which never waits.
pub fn now<F: Future>(call: F) -> F::Output {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a log in files does not wait"),
    }
}

/// Everything that is durable.
pub fn read(reader: &impl LogReader) -> Result<(Bounds, Vec<Batch>), SinkError> {
    let mut batches = Vec::new();
    let bounds = now(reader.bounds())?;
    let read = now(reader.read(bounds.oldest..=Lsn::MAX, &mut async |batch: &Batch| {
        batches.push(batch.clone());
        Ok(())
    }))?;
    Ok((read, batches))
}

/// Begins a log whose id is always the same, so that inputs can name it.
pub fn begin_log(folder: &Path) {
    let manifest = mend::manifest(format!("kvs-log 1\nid {LOG_ID:016x}\nepoch 0\n").as_bytes());
    std::fs::write(folder.join(MANIFEST), manifest).expect("a file in memory");
}
