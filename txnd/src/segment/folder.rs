//! The folder of a log: checks that it is one, locks it, and creates files in it atomically and durably.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::names;
use crate::disk::cannot;
use crate::lock::Lockable;
use crate::sink::SinkError;

/// Mode of the folders that are created, because values may be secrets.
const FOLDER_MODE: u32 = 0o700;

/// Mode of every file that is created, regardless of the umask.
const FILE_MODE: u32 = 0o600;

/// A log's folder that only this process may write to.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The folder itself, locked. This lock cannot be deleted while it is held.
    folder: Lockable,
    /// The file `LOCK`, locked too: older versions lock nothing else.
    _lock: Lockable,
}

/// A new file that does not have its name yet.
#[derive(Debug)]
pub(super) struct Unfinished {
    file: File,
    path: PathBuf,
}

impl Folder {
    /// Opens and locks the folder, and creates it if it is missing. Removes files that an earlier process did not
    /// finish.
    pub(super) fn open(path: &Path) -> Result<Self, SinkError> {
        create(path).map_err(|e| cannot("create the folder", path, &e))?;
        check_content(path)?;
        let folder = Self { path: path.into(), folder: lock_folder(path)?, _lock: lock_file(path)? };
        if !folder.is_in_place().map_err(|e| cannot("read", path, &e))? {
            return Err(SinkError::Unavailable(format!("{} was replaced while it was opened", path.display())));
        }
        folder.remove_unfinished()?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder is still where it was opened.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        is_at(&self.folder, &self.path)
    }

    /// Creates or replaces `path`, a file of the folder. After any crash it is either unchanged or has everything that
    /// `fill` writes.
    pub(super) fn replace(&self, path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<File> {
        let unfinished = self.begin(path.with_added_extension(names::UNFINISHED))?;
        self.finish(unfinished, path, fill)
    }

    /// Creates an unfinished file at `path`.
    pub(super) fn begin(&self, path: PathBuf) -> io::Result<Unfinished> {
        Ok(Unfinished { file: create_file(&path)?, path })
    }

    /// Fills an unfinished file and gives it its name, durably. Opens no file. On failure, nothing is left under its
    /// first name.
    pub(super) fn finish(
        &self,
        unfinished: Unfinished,
        path: &Path,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<File> {
        let Unfinished { mut file, path: begun } = unfinished;
        let finished = fill(&mut file).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&begun, path));
        if let Err(e) = finished {
            // On a full disk its space must be freed.
            let _ = std::fs::remove_file(&begun);
            return Err(e);
        }
        self.folder.sync_all()?;
        Ok(file)
    }

    /// Makes the names of the folder's files durable.
    pub(super) fn sync(&self) -> Result<(), SinkError> {
        self.folder.sync_all().map_err(|e| cannot("sync", &self.path, &e))
    }

    fn remove_unfinished(&self) -> Result<(), SinkError> {
        for entry in entries(&self.path)? {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.file_name().to_str().is_some_and(names::is_unfinished) {
                // Who has begun it may remove it just now.
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// A folder's segments in the order of their lsn.
pub(super) fn segments(folder: &Path) -> Result<Vec<PathBuf>, SinkError> {
    let mut paths: Vec<PathBuf> = entries(folder)?.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == names::SEGMENT));
    paths.sort();
    Ok(paths)
}

/// Removes a file, if it is there. Not durably: a file that comes back is removed by the next start.
pub(super) fn remove(path: &Path) -> Result<(), SinkError> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(cannot("remove", path, &e)),
        _ => Ok(()),
    }
}

/// A folder's checkpoints, also those that are not in use.
pub(super) fn checkpoints(folder: &Path) -> Result<Vec<PathBuf>, SinkError> {
    let is_checkpoint = |entry: &std::fs::DirEntry| entry.file_name().to_str().is_some_and(names::is_checkpoint);
    Ok(entries(folder)?.into_iter().filter(is_checkpoint).map(|entry| entry.path()).collect())
}

/// An unused name next to `path`: `path` with `suffix`, and a number if needed.
pub(super) fn unused_name(path: &Path, suffix: &str) -> PathBuf {
    let numbered = (1..).map(|n| path.with_added_extension(format!("{suffix}-{n}")));
    let mut names = std::iter::once(path.with_added_extension(suffix)).chain(numbered);
    names.find(|name| !name.exists()).expect("a folder has room for another name")
}

fn entries(folder: &Path) -> Result<Vec<std::fs::DirEntry>, SinkError> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect);
    entries.map_err(|e| cannot("read", folder, &e))
}

/// Creates a folder and its missing parents, durably.
fn create(folder: &Path) -> io::Result<()> {
    let missing: Vec<_> = folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists()).collect();
    for created in missing.iter().rev() {
        match DirBuilder::new().mode(FOLDER_MODE).create(created) {
            // An unusual umask may have removed more permissions than it should.
            Ok(()) => std::fs::set_permissions(created, Permissions::from_mode(FOLDER_MODE))?,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    missing.into_iter().try_for_each(sync_folder)
}

/// Makes the entry of `path` in its folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Creates a file, after removing a regular file of that name. It is never the old file, because the kernel's state of
/// the old file's pages cannot be trusted.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let file = File::options().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    Ok(file)
}

/// Rejects a folder that is used for something else.
fn check_content(folder: &Path) -> Result<(), SinkError> {
    let names: Vec<_> = entries(folder)?.iter().map(|entry| entry.file_name()).collect();
    let is_log = |name: &str| name == names::MANIFEST || name.ends_with(&format!(".{}", names::SEGMENT));
    if names.iter().any(|name| name.to_str().is_some_and(is_log)) {
        return Ok(());
    }
    match names.iter().find(|name| !name.to_str().is_some_and(names::may_precede_a_log)) {
        None => Ok(()),
        Some(foreign) => Err(SinkError::Failed(format!(
            "{} contains {foreign:?} and no log. A log needs a folder of its own: use an empty or a new one, such as {}",
            folder.display(),
            folder.join("kvs-data").display()
        ))),
    }
}

/// Whether `path` leads to the open file or folder `file`.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (own.dev(), own.ino())),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Opens and locks the folder itself.
fn lock_folder(path: &Path) -> Result<Lockable, SinkError> {
    let folder = Lockable(File::open(path).map_err(|e| cannot("open", path, &e))?);
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => Err(in_use(path)),
        // NFS only locks files that are open for writing, which a folder never is. There, locking the file has to
        // suffice.
        Err(TryLockError::Error(e)) if matches!(Errno::from_io_error(&e), Some(Errno::BADF | Errno::OPNOTSUPP)) => {
            Ok(folder)
        }
        Err(TryLockError::Error(e)) => Err(cannot("lock", path, &e)),
    }
}

/// Opens and locks the file `LOCK`, and writes this process's id into it.
fn lock_file(folder: &Path) -> Result<Lockable, SinkError> {
    let path = folder.join(names::LOCK);
    let lock = File::options().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(&path);
    let lock = Lockable(lock.map_err(|e| cannot("open", &path, &e))?);
    match lock.try_lock() {
        Ok(()) => {
            let _ = lock.set_permissions(Permissions::from_mode(FILE_MODE));
            // The number is only for messages, so it may be missing; the kernel holds the lock.
            let _ = lock.set_len(0).and_then(|()| lock.write_all_at(std::process::id().to_string().as_bytes(), 0));
            Ok(lock)
        }
        Err(TryLockError::WouldBlock) => Err(in_use(folder)),
        Err(TryLockError::Error(e)) => Err(cannot("lock", &path, &e)),
    }
}

/// The error for a locked folder. The lock file names the holder, if known.
fn in_use(folder: &Path) -> SinkError {
    let holder = match std::fs::read_to_string(folder.join(names::LOCK)) {
        Ok(pid) if !pid.is_empty() => format!("process {pid}"),
        _ => "another process".into(),
    };
    SinkError::InUse { path: folder.into(), holder }
}
