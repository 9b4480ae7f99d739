//! A disk of 1 MiB: a tmpfs in a mount namespace that a holder process keeps alive. The test reaches it through the
//! holder's root in /proc. Also a disk that loses writes: an ext4 on a loop device on such a tmpfs. Shared by the tests
//! of the segment sink and of kvs.

use std::io::Write;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::mount_holder::MountHolder;

/// Bytes per page, the unit in which a tmpfs allocates space.
pub const PAGE_BYTES: u64 = 4096;

/// A file that takes up space until it is removed.
const BALLAST_BYTES: usize = 400 << 10;

/// A small disk. It is removed with its holder.
pub struct SmallDisk {
    holder: MountHolder,
    mount: TempDir,
}

impl SmallDisk {
    /// `None`, after printing the reason, if the machine does not allow it.
    pub fn new() -> Option<Self> {
        let refused = match Self::mount("--mount", "1m") {
            Ok(disk) => return Some(disk),
            Err(refused) => refused,
        };
        match Self::mount("--map-root-user --mount", "1m") {
            Ok(disk) => Some(disk),
            Err(also) => {
                println!("skipped: no small disk without root ({refused}) or user namespaces ({also})");
                None
            }
        }
    }

    fn mount(namespaces: &str, size: &str) -> Result<Self, String> {
        let mount = tempfile::tempdir().expect("a temporary folder");
        let mut disk = Self { holder: MountHolder::start(namespaces, "true")?, mount };
        disk.command(&format!("mount -t tmpfs -o size={size} tmpfs")).map(|()| disk)
    }

    /// Runs `command` on the mount point, within the namespace.
    pub fn command(&mut self, command: &str) -> Result<(), String> {
        self.holder.run(&format!("{command} '{}'", self.mount.path().display()))
    }

    /// The disk's root, as seen from outside the namespace.
    pub fn root(&self) -> PathBuf {
        self.holder.outside(self.mount.path())
    }

    pub fn log(&self) -> PathBuf {
        self.root().join("log")
    }

    fn ballast(&self) -> PathBuf {
        self.root().join("ballast")
    }

    pub fn add_ballast(&self) {
        std::fs::write(self.ballast(), vec![1; BALLAST_BYTES]).expect("room for the ballast");
    }

    pub fn remove_ballast(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast is there");
    }

    /// Takes the last page of free space.
    pub fn fill_up(&self) {
        let mut ballast = std::fs::File::options().create(true).append(true).open(self.ballast()).unwrap();
        while ballast.write_all(&[1; 4096]).is_ok() {}
    }
}

/// A disk that reports "no space left" when it should store what was already written, as a thinly provisioned volume
/// does: an ext4 on a loop device whose file is sparse and on a tmpfs. While the tmpfs is full, writes to blocks that
/// were never written before are lost: `fdatasync` reports that once, and the page cache still shows the written data.
pub struct LossyDisk {
    below: SmallDisk,
}

impl LossyDisk {
    /// Room for the file system's own blocks (7 MiB) and for a log of some segments.
    const SIZE: &str = "24m";

    /// `None`, after printing the reason, if the machine does not allow it.
    pub fn new() -> Option<Self> {
        let mut below = match SmallDisk::mount("--mount", Self::SIZE) {
            Ok(below) => below,
            Err(refused) => {
                println!("skipped: no disk that loses writes without root ({refused})");
                return None;
            }
        };
        let folder = below.mount.path().display().to_string();
        // The file system's own blocks are at its beginning, and get space when they are written. A large file takes
        // all other blocks that already have space, so that no part of a log is stored there.
        let made = below
            .holder
            .run(&format!(
                "cd '{folder}' && mkdir fs && truncate -s 64m image && mkfs.ext4 -q -b 4096 -m 0 -J size=4 \
                 -E packed_meta_blocks=1,nodiscard,lazy_itable_init=0,lazy_journal_init=0 image \
                 && dd if=image of=image bs=4096 count=2048 conv=notrunc status=none"
            ))
            .and_then(|()| Self::attach(&mut below))
            .and_then(|()| below.holder.run(&format!("fallocate -l 16m '{folder}/fs/filler'")));
        match made {
            Ok(()) => Some(Self { below }),
            Err(refused) => {
                println!("skipped: no loop device with an ext4 ({refused})");
                None
            }
        }
    }

    fn attach(below: &mut SmallDisk) -> Result<(), String> {
        let folder = below.mount.path().display().to_string();
        // One block per request: if part of a longer one is stored, the kernel takes all of it as stored. The device is
        // detached immediately (-d), and disappears with its mount.
        below.holder.run(&format!(
            "device=$(losetup -f --show '{folder}/image') && {{ \
             echo 4 > /sys/block/${{device#/dev/}}/queue/max_sectors_kb && mount -t ext4 $device '{folder}/fs'; \
             mounted=$?; losetup -d $device; [ $mounted = 0 ]; }}"
        ))
    }

    /// Unmounts the file system and mounts it again, which empties the page cache. No file on it may be open.
    pub fn drop_cache(&mut self) {
        self.below.holder.run(&format!("umount '{}/fs'", self.below.mount.path().display())).expect("no file is open");
        Self::attach(&mut self.below).expect("it was mounted before");
    }

    pub fn log(&self) -> PathBuf {
        self.below.root().join("fs/log")
    }

    /// From now on writes are lost.
    pub fn begin_losing(&self) {
        self.below.fill_up();
    }

    /// From now on writes are stored again.
    pub fn stop_losing(&self) {
        self.below.remove_ballast();
    }
}
