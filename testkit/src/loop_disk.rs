//! A disk with a real file system, ext4 in an image on a loop device. It can be frozen: then every write to it waits.
//! Needs root.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::mount_holder::MountHolder;

/// Size of the disk: enough for a journal and a few segments.
const BYTES: u64 = 64 << 20;

/// The disk. It is removed with its holder.
pub struct LoopDisk {
    holder: MountHolder,
    folder: TempDir,
}

/// A disk whose writes wait until this is dropped.
pub struct Frozen<'d>(&'d mut LoopDisk);

impl LoopDisk {
    /// `None`, after printing the reason, if the machine does not allow it.
    pub fn new() -> Option<Self> {
        match Self::mount() {
            Ok(disk) => Some(disk),
            Err(refused) => {
                println!("skipped: no loop device: {refused}");
                None
            }
        }
    }

    fn mount() -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (image, mount) = (folder.path().join("image"), folder.path().join("mount"));
        std::fs::create_dir(&mount).expect("a mount point");
        std::fs::File::create(&image).and_then(|image| image.set_len(BYTES)).expect("an image");
        let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output().map_err(|e| format!("mkfs.ext4: {e}"))?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        let at_end = format!("fsfreeze -u '{0}' 2>/dev/null; umount -l '{0}'", mount.display());
        let mut holder = MountHolder::start("--mount", &at_end)?;
        holder.run(&format!("mount -o loop '{}' '{}'", image.display(), mount.display()))?;
        Ok(Self { holder, folder })
    }

    /// The disk's root, as seen from outside the holder's namespace.
    pub fn root(&self) -> PathBuf {
        self.holder.outside(&self.mount_point())
    }

    /// From now on, every write to the disk waits.
    pub fn freeze(&mut self) -> Frozen<'_> {
        self.run("fsfreeze -f").expect("the disk can be frozen");
        Frozen(self)
    }

    fn mount_point(&self) -> PathBuf {
        self.folder.path().join("mount")
    }

    fn run(&mut self, command: &str) -> Result<(), String> {
        self.holder.run(&format!("{command} '{}'", self.mount_point().display()))
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _ = self.0.run("fsfreeze -u");
    }
}
