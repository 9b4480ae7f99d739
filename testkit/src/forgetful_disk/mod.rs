//! A disk that may forget what was not synced: a file system in memory, mounted with FUSE.
//!
//! After [`ForgetfulDisk::cut_power`] it has what it may have after a power cut:
//!
//! - Of the writes to a file since its last `fsync` or `fdatasync`, any sectors.
//! - Of the changes to a folder since its last `fsync`, those up to some moment, as with a file system that has a journal.
//!   To sync a file does not sync its name.
//!
//! If it is told to, it takes only a part of each write, as a system call may ([`ForgetfulDisk::write_in_parts`]), or long to
//! open or to sync a file.

mod content;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, SessionACL, TimeOrNow, WriteFlags,
};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use tempfile::TempDir;

use self::content::{Change, Content, Data, File, Folder, Node};

/// The kernel keeps no attributes: sizes change without its doing.
const UNCACHED: Duration = Duration::ZERO;

/// The mounted disk.
pub struct ForgetfulDisk {
    session: Option<BackgroundSession>,
    disk: Disk,
    folder: TempDir,
}

impl ForgetfulDisk {
    /// `None`, after printing the reason, if the machine does not allow it.
    pub fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::default();
        match disk.mount(folder.path()) {
            Ok(session) => Some(Self { session: Some(session), disk, folder }),
            Err(refused) => {
                println!("skipped: no file system over FUSE ({refused}); it needs /dev/fuse, and root or fusermount3");
                None
            }
        }
    }

    /// An empty folder on it, at first.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Forgets what may be forgotten. No file may be open.
    pub fn cut_power(&mut self, chance: &mut StdRng) {
        self.unmount().expect("no file is open");
        self.disk.0.lock().forget(chance);
        self.session = Some(self.disk.mount(self.folder.path()).expect("it was mounted before"));
    }

    /// From now on takes half of the bytes of each write.
    pub fn write_in_parts(&self) {
        self.disk.0.lock().in_parts = true;
    }

    /// From now on takes so long to open a file.
    pub fn delay_opens(&self, delay: Duration) {
        self.disk.0.lock().open_delay = delay;
    }

    /// From now on takes so long to sync a file or a folder.
    pub fn delay_syncs(&self, delay: Duration) {
        self.disk.0.lock().sync_delay = delay;
    }

    /// Number of writes of which it took a part.
    pub fn parts(&self) -> u64 {
        self.disk.0.lock().parts
    }

    fn unmount(&mut self) -> std::io::Result<()> {
        match self.session.take().map_or(Ok(()), BackgroundSession::umount_and_join) {
            // So the kernel may tell the session that it has been unmounted. Where a file is open it says that it is busy.
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionAborted => Ok(()),
            ended => ended,
        }
    }
}

impl Drop for ForgetfulDisk {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}

/// Clones are the same disk.
#[derive(Clone)]
struct Disk(Arc<Mutex<Content>>);

impl Default for Disk {
    fn default() -> Self {
        let root = Node::new(Data::Folder(Folder::default()), 0o755, None);
        let nodes = BTreeMap::from([(INodeNo::ROOT.0, root)]);
        Self(Arc::new(Mutex::new(Content {
            nodes,
            next: INodeNo::ROOT.0 + 1,
            in_parts: false,
            parts: 0,
            open_delay: Duration::ZERO,
            sync_delay: Duration::ZERO,
        })))
    }
}

impl Disk {
    fn wait_before_sync(&self) {
        let delay = self.0.lock().sync_delay;
        std::thread::sleep(delay);
    }

    fn mount(&self, at: &Path) -> std::io::Result<BackgroundSession> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("forgetful".into())];
        config.acl = SessionACL::All;
        fuser::spawn_mount(self.clone(), at, &config)
    }
}

/// The answer to a request that returns nothing.
fn done(result: Result<(), Errno>, reply: ReplyEmpty) {
    match result {
        Ok(()) => reply.ok(),
        Err(e) => reply.error(e),
    }
}

fn entry(found: Result<FileAttr, Errno>, reply: ReplyEntry) {
    match found {
        Ok(attributes) => reply.entry(&UNCACHED, &attributes, Generation(0)),
        Err(e) => reply.error(e),
    }
}

impl Filesystem for Disk {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut content = self.0.lock();
        let found = content.find(parent, name);
        entry(found.and_then(|number| Ok(content.node(INodeNo(number))?.attributes(number))), reply);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.0.lock().node(number) {
            Ok(node) => reply.attr(&UNCACHED, &node.attributes(number.0)),
            Err(e) => reply.error(e),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut content = self.0.lock();
        let changed = size.map_or(Ok(()), |size| {
            content.file(number)?.change(Change::Size(size as usize));
            Ok(())
        });
        let node = changed.and_then(|()| content.node(number));
        match node {
            Ok(node) => {
                node.mode = mode.map_or(node.mode, |mode| mode as u16 & 0o7777);
                reply.attr(&UNCACHED, &node.attributes(number.0));
            }
            Err(e) => reply.error(e),
        }
    }

    fn mkdir(&self, request: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        let node = Node::new(Data::Folder(Folder::default()), mode & !umask, Some(request));
        entry(self.0.lock().add(parent, name, node), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.0.lock().unlink(parent, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to_parent: INodeNo,
        to: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        match parent == to_parent && flags.is_empty() {
            true => done(self.0.lock().rename(parent, name, to), reply),
            false => reply.error(Errno::EINVAL),
        }
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let node = Node::new(Data::File(File::default()), mode & !umask, Some(request));
        match self.0.lock().add(parent, name, node) {
            Ok(attributes) => {
                reply.created(&UNCACHED, &attributes, Generation(0), FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
            }
            Err(e) => reply.error(e),
        }
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let delay = self.0.lock().open_delay;
        std::thread::sleep(delay);
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.lock().file(number) {
            Ok(file) => {
                let from = (offset as usize).min(file.now.len());
                reply.data(&file.now[from..(from + size as usize).min(file.now.len())]);
            }
            Err(e) => reply.error(e),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut content = self.0.lock();
        let mut data = data;
        if content.in_parts && data.len() > 1 {
            content.parts += 1;
            data = &data[..data.len() / 2];
        }
        match content.file(number) {
            Ok(file) => {
                file.change(Change::Write { at: offset as usize, bytes: data.to_vec() });
                reply.written(data.len() as u32);
            }
            Err(e) => return reply.error(e),
        }
        if let Ok(node) = content.node(number) {
            node.modified = SystemTime::now();
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.wait_before_sync();
        done(self.0.lock().file(number).map(File::sync), reply);
    }

    fn fsyncdir(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.wait_before_sync();
        done(self.0.lock().folder(number).map(Folder::sync), reply);
    }

    fn readdir(&self, _: &Request, number: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let mut content = self.0.lock();
        let names = match content.folder(number) {
            Ok(folder) => folder.now.clone(),
            Err(e) => return reply.error(e),
        };
        for (index, (name, number)) in names.iter().enumerate().skip(offset as usize) {
            let kind = match content.nodes.get(number).map(|node| &node.data) {
                Some(Data::Folder(_)) => FileType::Directory,
                _ => FileType::RegularFile,
            };
            if reply.add(INodeNo(*number), index as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn fallocate(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        if mode != 0 {
            return reply.error(Errno::EOPNOTSUPP);
        }
        let end = (offset + length) as usize;
        let grown = self.0.lock().file(number).map(|file| {
            if end > file.now.len() {
                file.change(Change::Size(end));
            }
        });
        done(grown, reply);
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        const BLOCKS: u64 = 1 << 20;
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, 4096, 255, 4096);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn what_was_synced_stays_and_the_rest_may_go() {
        let Some(mut disk) = ForgetfulDisk::new() else { return };
        let mut chance = StdRng::seed_from_u64(1);
        let root = disk.log().parent().expect("a folder").to_owned();
        let (mut lost, mut torn, mut names_lost) = (0, 0, 0);
        for round in 0..60 {
            let path = root.join(format!("kept-{round}"));
            let mut file = std::fs::File::create(&path).unwrap();
            file.write_all(&[1; 2000]).unwrap();
            file.sync_data().unwrap();
            std::fs::File::open(&root).unwrap().sync_all().unwrap();
            file.write_all(&[2; 2000]).unwrap();
            let unnamed = root.join(format!("unsynced-{round}"));
            std::fs::File::create(&unnamed).unwrap().sync_all().unwrap();
            drop(file);
            disk.cut_power(&mut chance);
            let mut found = std::fs::read(&path).expect("its name was synced");
            assert!(found[..2000] == [1; 2000], "what was synced is there");
            found.resize(4000, 0);
            let written = found[2000..].iter().filter(|&&byte| byte == 2).count();
            lost += u32::from(written == 0);
            torn += u32::from((1..2000).contains(&written));
            names_lost += u32::from(!unnamed.exists());
        }
        assert!(lost > 5 && torn > 5 && names_lost > 5, "{lost} {torn} {names_lost}");
    }
}
