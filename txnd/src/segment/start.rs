//! Opening a log: what its last writer left is checked, repaired and made durable before any of it is served.

use std::ops::Range;
use std::path::{Path, PathBuf};

use proto::{Batch, Chain, Epoch};
use tracing::{info, warn};

use super::file::{self, SegmentFile};
use super::folder::{self, Folder};
use super::keep::{self, Settings};
use super::manifest::{self, Manifest};
use super::names;
use super::scan::{self, End};
use super::writer::{self, OpenLog};
use crate::disk::{cannot, not_durable};
use crate::sink::{Location, SinkError};

/// Opens the log in `path` for a new term, or for `resumed`, which must be the latest.
pub(super) fn open(path: &Path, settings: Settings, resumed: Option<Epoch>) -> Result<OpenLog, SinkError> {
    let folder = Folder::open(path)?;
    let mut manifest = match Manifest::load(path)? {
        Some(manifest) => manifest,
        None => begin_log(&folder, &folder::segments(path)?)?,
    };
    keep::remove_unused(path, &manifest)?;
    let segments = folder::segments(path)?;
    let mut active = match segments.last() {
        Some(path) => SegmentFile::open(path, manifest.log_id)?,
        // Epoch 0 means that no writer has ever begun: there was a crash between manifest and first segment.
        None if manifest.epoch == 0 => SegmentFile::begin(&folder)
            .and_then(|begun| SegmentFile::create(&folder, begun, &manifest.start(), settings.segment_bytes))
            .map_err(|e| cannot("create the first segment in", path, &e))?,
        None => return Err(file::missing(path, manifest.first)),
    };
    let end = scan::find_end(&active)?;
    if end.sealed {
        return Err(scan::missing_after(&active, &end.chain));
    }
    match resumed {
        Some(epoch) => manifest.check_term(epoch)?,
        None => manifest.begin_term(end.chain.lsn),
    }
    renew(&folder, &mut active, &end, manifest.epoch)?;
    if end.chain == active.start
        && let [.., before, _] = &segments[..]
    {
        seal_before(&folder, SegmentFile::open(before, manifest.log_id)?, &end.chain, manifest.epoch)?;
    }
    manifest.store(&folder).map_err(|e| cannot("write the manifest in", path, &e))?;
    OpenLog::new(folder, settings, manifest, end.chain, active, end.offset as u64)
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
    let manifest = Manifest::new(rand::random());
    manifest.store(folder).map_err(|e| cannot("write the manifest in", path, &e))?;
    info!(folder = %path.display(), "began a new log");
    Ok(manifest)
}

/// Replaces the segment with a new file that has its batches and a mark: some of the old file may only be in the page
/// cache. Saves a torn tail to its own file.
fn renew(folder: &Folder, segment: &mut SegmentFile, end: &End, epoch: Epoch) -> Result<(), SinkError> {
    let aside = end.torn.as_ref().map(|torn| keep_aside(folder, segment, end, torn, epoch)).transpose()?;
    let mark = end.mark.clone().unwrap_or_else(|| writer::mark(&end.chain, epoch, false));
    segment.renew(folder, &end.content[..end.offset], mark.as_bytes()).map_err(|e| {
        // The segment still has the tail, and the next attempt saves it again.
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

/// Seals the segment before the last one, in case of a crash between the creation of the last one and the durable seal
/// of the one before. The seal can only be missing while the last segment is empty. A seal that is there may only be in
/// the page cache.
fn seal_before(folder: &Folder, mut before: SegmentFile, start: &Chain, epoch: Epoch) -> Result<(), SinkError> {
    let end = scan::find_end(&before)?;
    // A segment that ends elsewhere is damaged; a read reports where.
    if end.chain == *start {
        let seal = end.mark.filter(Batch::is_sealed);
        let seal = seal.unwrap_or_else(|| writer::mark(&end.chain, epoch, true));
        let renewed = before.renew(folder, &end.content[..end.offset], seal.as_bytes());
        renewed.map_err(|e| not_durable(&before.path, &e))?;
    }
    Ok(())
}
