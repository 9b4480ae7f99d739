//! Opening a log: what its last writer left is checked, repaired and brought to the disk before anything of it is served.

use std::ops::Range;
use std::path::{Path, PathBuf};

use proto::{Batch, Chain, Epoch};
use tracing::{info, warn};

use super::error::{cannot, not_durable};
use super::file::{self, SegmentFile};
use super::folder::{self, Folder};
use super::manifest::{self, Manifest};
use super::names;
use super::scan::{self, End};
use super::writer::{self, OpenLog};
use crate::sink::{Location, SinkError};

/// Opens the log in `path` for a new term, or for `resumed`, which must be the latest.
pub(super) fn open(path: &Path, segment_bytes: u64, resumed: Option<Epoch>) -> Result<OpenLog, SinkError> {
    let folder = Folder::open(path)?;
    let segments = folder::segments(path)?;
    let mut manifest = match Manifest::load(path)? {
        Some(manifest) => manifest,
        None => begin_log(&folder, &segments)?,
    };
    let mut active = match segments.last() {
        Some(path) => SegmentFile::open(path, manifest.log_id)?,
        // Epoch 0 says that no writer has ever begun: the crash came between manifest and first segment.
        None if manifest.epoch == 0 => SegmentFile::begin(&folder)
            .and_then(|begun| SegmentFile::create(&folder, begun, &Chain::start(manifest.log_id), segment_bytes))
            .map_err(|e| cannot("create the first segment in", path, &e))?,
        None => return Err(file::missing(path, 1)),
    };
    let end = scan::find_end(&active)?;
    if end.sealed {
        return Err(scan::missing_after(&active, &end.chain));
    }
    match resumed {
        Some(epoch) => manifest.check_term(epoch)?,
        None => manifest.epoch += 1,
    }
    renew(&folder, &mut active, &end, manifest.epoch)?;
    if end.chain == active.start
        && let [.., before, _] = &segments[..]
    {
        seal_before(&folder, SegmentFile::open(before, manifest.log_id)?, &end.chain, manifest.epoch)?;
    }
    manifest.store(&folder).map_err(|e| cannot("write the manifest in", path, &e))?;
    OpenLog::new(folder, segment_bytes, manifest, end.chain, active, end.offset as u64)
}

fn begin_log(folder: &Folder, segments: &[PathBuf]) -> Result<Manifest, SinkError> {
    let path = folder.path();
    if let Some(segment) = segments.first() {
        return Err(SinkError::Corrupt {
            place: Location::File { path: manifest::path(path), offset: 0 },
            lsn: 1,
            what: format!("the file is missing, but there are segments such as {}", segment.display()),
        });
    }
    let manifest = Manifest { log_id: rand::random(), epoch: 0 };
    manifest.store(folder).map_err(|e| cannot("write the manifest in", path, &e))?;
    info!(folder = %path.display(), "began a new log");
    Ok(manifest)
}

/// Puts a new file with the segment's batches and a mark in its place: of the old one, some may be in the page cache only. Keeps a
/// torn tail aside.
fn renew(folder: &Folder, segment: &mut SegmentFile, end: &End, epoch: Epoch) -> Result<(), SinkError> {
    let aside = end.torn.as_ref().map(|torn| keep_aside(folder, segment, end, torn, epoch)).transpose()?;
    let mark = end.mark.clone().unwrap_or_else(|| writer::mark(&end.chain, epoch, false));
    segment.renew(folder, &end.content[..end.offset], mark.as_bytes()).map_err(|e| {
        // The segment still has it, and the next attempt keeps it again.
        let _ = aside.map(std::fs::remove_file);
        not_durable(&segment.path, &e)
    })
}

fn keep_aside(
    folder: &Folder,
    segment: &SegmentFile,
    end: &End,
    torn: &Range<usize>,
    epoch: Epoch,
) -> Result<PathBuf, SinkError> {
    use std::io::Write;

    let aside = folder::unused_name(&segment.path, &names::torn_suffix(epoch, torn.start));
    let kept = folder.replace(&aside, |file| file.write_all(&end.content[torn.clone()]));
    kept.map_err(|e| cannot("write", &aside, &e))?;
    warn!(file = %segment.path.display(), from = torn.start, bytes = torn.len(), kept = %aside.display(),
        "cut off a torn tail; nothing in the log shows that it was acknowledged");
    Ok(aside)
}

/// Seals the segment before the last one, should a crash have come between the creation of the one and the durable seal of
/// the other. Only while the last one is empty can that be missing. A seal that is there may be in the page cache only.
fn seal_before(folder: &Folder, mut before: SegmentFile, start: &Chain, epoch: Epoch) -> Result<(), SinkError> {
    let end = scan::find_end(&before)?;
    // A segment that ends elsewhere is damaged; reading says where.
    if end.chain == *start {
        let seal = end.mark.filter(Batch::is_sealed);
        let seal = seal.unwrap_or_else(|| writer::mark(&end.chain, epoch, true));
        let renewed = before.renew(folder, &end.content[..end.offset], seal.as_bytes());
        renewed.map_err(|e| not_durable(&before.path, &e))?;
    }
    Ok(())
}
