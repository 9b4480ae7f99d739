//! Temporary folders.

use std::path::Path;

use tempfile::TempDir;

/// A folder that the kernel keeps in memory, where `fdatasync` costs nothing.
const MEMORY: &str = "/dev/shm";

/// A temporary folder, in memory if possible.
pub fn quick_folder() -> TempDir {
    tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

pub fn is_in_memory(folder: &Path) -> bool {
    folder.starts_with(MEMORY)
}
