//! How much room there is on a disk.

use std::path::Path;

/// Bytes that are free for this process, and all bytes, of the file system that a folder is on.
pub fn of(folder: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some((stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize))
}
