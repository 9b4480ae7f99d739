//! What a log keeps, and what it no longer needs: segments before its oldest checkpoint, and checkpoints before the last two.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::SystemTime;

use proto::Lsn;
use tracing::{info, warn};

use super::file::lsn_in_name;
use super::folder;
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
    if retention == Retention::All {
        return Ok(manifest.first);
    }
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

/// The segments and checkpoints that the stored `manifest` does not name, the oldest first.
fn unused(folder: &Path, manifest: &Manifest) -> Result<Vec<PathBuf>, SinkError> {
    // A file of another name with the same ending is not of the log, and is reported elsewhere.
    let is_old =
        |path: &PathBuf| lsn_in_name(path) < manifest.first && path.ends_with(names::segment(lsn_in_name(path)));
    let is_unnamed = |path: &PathBuf| !manifest.checkpoints.iter().any(|base| path.ends_with(names::checkpoint(*base)));
    let segments = folder::segments(folder)?.into_iter().filter(is_old);
    Ok(segments.chain(folder::checkpoints(folder)?.into_iter().filter(is_unnamed)).collect())
}

/// Removes what the stored `manifest` does not name.
pub(super) fn remove_unused(folder: &Path, manifest: &Manifest) -> Result<(), SinkError> {
    remove(&unused(folder, manifest)?)
}

fn remove(unused: &[PathBuf]) -> Result<(), SinkError> {
    unused.iter().try_for_each(|path| folder::remove(path))?;
    if !unused.is_empty() {
        info!(files = unused.len(), "removed what is no longer kept");
    }
    Ok(())
}

/// Removes what is no longer kept, in a thread of its own: to free the space of a segment takes the time of many writes.
/// Dropping it waits for the end.
#[derive(Debug, Default)]
pub(super) struct Removal(Option<Remover>);

#[derive(Debug)]
struct Remover {
    files: Sender<Vec<PathBuf>>,
    thread: JoinHandle<()>,
}

impl Removal {
    /// Begins to remove what the stored `manifest` does not name.
    pub(super) fn begin(&mut self, folder: &Path, manifest: &Manifest) {
        // Listed here: the thread must not find files that come later.
        let begun = unused(folder, manifest).and_then(|files| {
            let remover = match self.0.take() {
                Some(running) => running,
                None => Remover::start()?,
            };
            // It ends only when it is dropped.
            let _ = self.0.insert(remover).files.send(files);
            Ok(())
        });
        begun.unwrap_or_else(|e| stay(&e));
    }
}

impl Remover {
    fn start() -> Result<Self, SinkError> {
        let (files, received) = channel::<Vec<PathBuf>>();
        let work = move || received.iter().for_each(|files| remove(&files).unwrap_or_else(|e| stay(&e)));
        let thread = std::thread::Builder::new().name("kvs-remove".into()).spawn(work);
        let thread = thread.map_err(|e| SinkError::Unavailable(format!("cannot start a thread: {e}")))?;
        Ok(Self { files, thread })
    }
}

/// Says that files could not be removed, or not be found.
pub(super) fn stay(why: &SinkError) {
    warn!(%why, "files that are no longer needed stay; the next segment, checkpoint or start removes them");
}

impl Drop for Removal {
    fn drop(&mut self) {
        if let Some(Remover { files, thread }) = self.0.take() {
            drop(files);
            // It has said what went wrong.
            let _ = thread.join();
        }
    }
}
