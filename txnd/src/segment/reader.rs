//! Reading a log from its folder, by anyone who knows how far it is durable, while its writer goes on.

use std::path::PathBuf;

use proto::{Batch, BatchError, Chain, Lsn};

use super::file::{self, SegmentFile};
use super::{folder, scan};
use crate::sink::SinkError;

/// A reader of a segmented log. It needs no lock and no part of the writer; two files are open at a time while it reads.
///
/// The writer may append, write over its mark, and go on to new segments meanwhile: what is durable is never written again, and
/// nothing behind it is looked at. Does its I/O in the calling thread.
#[derive(Clone, Debug)]
pub struct SegmentReader {
    folder: PathBuf,
    log_id: u64,
}

impl SegmentReader {
    /// A reader of the log `log_id` in `folder`.
    pub fn new(folder: impl Into<PathBuf>, log_id: u64) -> Self {
        Self { folder: folder.into(), log_id }
    }

    /// Passes every batch up to `durable` that holds a record of `from` or later to `visit`, in order. `durable` is an end that the
    /// writer has reported as durable, at any time. Fails unless the batches lead exactly there.
    pub async fn read(
        &self,
        from: Lsn,
        durable: Chain,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
    ) -> Result<(), SinkError> {
        let paths = folder::segments(&self.folder)?;
        let mut segments = paths.iter().map(|path| SegmentFile::open(path, self.log_id));
        let first = segments.next().transpose()?.filter(|first| first.start.lsn == 0);
        let mut segment = first.ok_or_else(|| file::missing(&self.folder, 1))?;
        let mut memory = Vec::new();
        loop {
            // A segment that begins at the durable end must do so with its checksum, too; those after it are newer.
            let next = segments.next().transpose()?.filter(|next| next.start.lsn <= durable.lsn);
            let end = next.as_ref().map_or(durable, |next| next.start);
            if end.lsn >= from {
                memory = scan::read(&segment, memory, end, from, visit).await?;
            }
            match next {
                Some(next) => segment = next,
                None => return Ok(()),
            }
        }
    }
}
