//! Locks of folders and files.

use std::fs::File;
use std::ops::Deref;

/// A file or folder whose lock (flock), if it was taken, ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Lockable(pub(crate) File);

impl Deref for Lockable {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Lockable {
    /// Closing the file is not enough: a child process has a copy of every descriptor until it runs its program, and the
    /// kernel keeps the lock as long as there is one.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}
