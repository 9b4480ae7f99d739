//! What a log keeps, and what it no longer needs: segments before its oldest checkpoint, and checkpoints before the last two.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use proto::Lsn;
use tracing::info;

use super::file::lsn_in_name;
use super::folder::{self, Folder};
use super::manifest::Manifest;
use super::names;
use crate::checkpoint::{GENERATIONS, Retention};
use crate::disk::cannot;
use crate::sink::SinkError;

/// How a log is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Size of a segment, in bytes.
    pub(super) segment_bytes: u64,
    pub(super) retention: Retention,
}

/// Adds a checkpoint to those in use.
pub(super) fn add(manifest: &mut Manifest, base: Lsn) {
    let bases = &mut manifest.checkpoints;
    bases.retain(|older| *older != base);
    bases.push(base);
    bases.sort_unstable();
    bases.drain(..bases.len().saturating_sub(GENERATIONS));
}

/// The first record that must be kept, the first one of a segment: because it follows the oldest checkpoint, or because
/// of `retention`. As long as there is only one checkpoint, everything is kept: it may be damaged.
pub(super) fn first_kept(folder: &Path, manifest: &Manifest, retention: Retention) -> Result<Lsn, SinkError> {
    let [oldest, _] = manifest.checkpoints[..] else { return Ok(manifest.first) };
    let segments = folder::segments(folder)?;
    let files: Vec<Metadata> = segments
        .iter()
        .map(|path| std::fs::metadata(path).map_err(|e| cannot("read", path, &e)))
        .collect::<Result<_, _>>()?;
    // Bytes after a segment, with the space that the last one has reserved.
    let mut after: u64 = files.iter().map(Metadata::len).sum();
    let mut first = manifest.first;
    // A segment is not needed if the next one begins at or before the record after the oldest checkpoint.
    let needed = segments.partition_point(|path| lsn_in_name(path) <= oldest + 1).saturating_sub(1);
    for (path, file) in segments.iter().zip(&files).take(needed + 1) {
        first = lsn_in_name(path).max(first);
        after -= file.len();
        let is_retained = match retention {
            Retention::All => true,
            Retention::Bytes(limit) => after < limit,
            Retention::Age(age) => {
                let written = file.modified().map_err(|e| cannot("read", path, &e))?;
                SystemTime::now().duration_since(written).map_or(true, |since| since < age)
            }
        };
        if is_retained {
            break;
        }
    }
    Ok(first)
}

/// Removes the segments and checkpoints that the stored `manifest` does not name, the oldest first.
pub(super) fn remove_unused(folder: &Folder, manifest: &Manifest) -> Result<(), SinkError> {
    let segments = folder::segments(folder.path())?;
    // A file of another name with the same ending is not of the log, and is reported elsewhere.
    let is_unused =
        |path: &&PathBuf| lsn_in_name(path) < manifest.first && path.ends_with(names::segment(lsn_in_name(path)));
    let unused = segments.iter().filter(is_unused);
    let mut removed = 0;
    for path in unused {
        folder.remove(path)?;
        removed += 1;
    }
    for path in folder::checkpoints(folder.path())? {
        if !manifest.checkpoints.iter().any(|base| path.ends_with(names::checkpoint(*base))) {
            folder.remove(&path)?;
        }
    }
    if removed > 0 {
        info!(segments = removed, first = manifest.first, "removed segments that are no longer kept");
    }
    Ok(())
}
