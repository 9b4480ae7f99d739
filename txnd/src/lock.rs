//! Locks of folders and files.

use std::fs::{File, TryLockError};
use std::ops::Deref;

/// A file or folder that this process has locked (flock), until this is dropped.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl Locked {
    /// Locks `file`, or gives it back with the error.
    pub(crate) fn new(file: File) -> Result<Self, (File, TryLockError)> {
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(e) => Err((file, e)),
        }
    }

    /// For a file system that cannot lock `file`.
    pub(crate) fn unlocked(file: File) -> Self {
        Self(file)
    }
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    /// Closing the file is not enough: a child process has a copy of every descriptor until it runs its program, and the
    /// kernel keeps the lock as long as there is one.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}
