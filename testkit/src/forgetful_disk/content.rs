//! What is on a disk, and what of it may be forgotten.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::time::{Duration, SystemTime};

use fuser::{Errno, FileAttr, FileType, INodeNo, Request};
use rand::RngExt;
use rand::rngs::StdRng;

/// What a disk writes as a whole, in bytes.
const SECTOR: usize = 512;

/// Files and folders by their number.
pub(super) struct Content {
    pub(super) nodes: BTreeMap<u64, Node>,
    pub(super) next: u64,
    /// Whether it takes only a part of a write, and how often it did.
    pub(super) in_parts: bool,
    pub(super) parts: u64,
    pub(super) open_delay: Duration,
    pub(super) sync_delay: Duration,
}

pub(super) struct Node {
    pub(super) data: Data,
    pub(super) mode: u16,
    pub(super) owner: (u32, u32),
    pub(super) modified: SystemTime,
    /// Names that it has.
    pub(super) links: u32,
}

pub(super) enum Data {
    File(File),
    Folder(Folder),
}

#[derive(Default)]
pub(super) struct File {
    pub(super) now: Vec<u8>,
    pub(super) synced: Vec<u8>,
    /// Since `synced`.
    pub(super) changes: Vec<Change>,
}

pub(super) enum Change {
    Size(usize),
    Write { at: usize, bytes: Vec<u8> },
}

pub(super) type Names = BTreeMap<OsString, u64>;

#[derive(Default)]
pub(super) struct Folder {
    pub(super) now: Names,
    /// How it was at the last sync, and after each change since.
    pub(super) before: Vec<Names>,
}

impl Change {
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Size(size) => content.resize(*size, 0),
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*at..end].copy_from_slice(bytes);
            }
        }
    }

    /// What has reached the disk.
    pub(super) fn in_part(self, chance: &mut StdRng) -> Vec<Self> {
        match self {
            Self::Size(_) => {
                if chance.random() {
                    vec![self]
                } else {
                    Vec::new()
                }
            }
            Self::Write { at, bytes } => {
                let mut sectors = Vec::new();
                let (all, mut from) = (chance.random_range(0..3), 0);
                while from < bytes.len() {
                    let until = ((at + from) / SECTOR * SECTOR + SECTOR - at).min(bytes.len());
                    if all == 0 || (all == 1 && chance.random()) {
                        sectors.push(Self::Write { at: at + from, bytes: bytes[from..until].to_vec() });
                    }
                    from = until;
                }
                sectors
            }
        }
    }
}

impl File {
    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.changes.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.changes.drain(..) {
            change.apply(&mut self.synced);
        }
    }

    pub(super) fn forget(&mut self, chance: &mut StdRng) {
        for change in self.changes.drain(..).flat_map(|change| change.in_part(chance)) {
            change.apply(&mut self.synced);
        }
        self.now.clone_from(&self.synced);
    }
}

impl Folder {
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Names)) {
        self.before.push(self.now.clone());
        change(&mut self.now);
    }

    pub(super) fn sync(&mut self) {
        self.before.clear();
    }

    pub(super) fn forget(&mut self, chance: &mut StdRng) {
        let kept = chance.random_range(0..=self.before.len());
        if kept < self.before.len() {
            self.now = self.before.swap_remove(kept);
        }
        self.before.clear();
    }
}

impl Node {
    pub(super) fn new(data: Data, mode: u32, request: Option<&Request>) -> Self {
        let owner = request.map_or((0, 0), |request| (request.uid(), request.gid()));
        Self { data, mode: mode as u16 & 0o7777, owner, modified: SystemTime::now(), links: 1 }
    }

    pub(super) fn attributes(&self, number: u64) -> FileAttr {
        let (kind, size) = match &self.data {
            Data::File(file) => (FileType::RegularFile, file.now.len() as u64),
            Data::Folder(_) => (FileType::Directory, 0),
        };
        FileAttr {
            ino: INodeNo(number),
            size,
            blocks: size.div_ceil(512),
            atime: self.modified,
            mtime: self.modified,
            ctime: self.modified,
            crtime: self.modified,
            kind,
            perm: self.mode,
            nlink: self.links,
            uid: self.owner.0,
            gid: self.owner.1,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Content {
    pub(super) fn node(&mut self, number: INodeNo) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&number.0).ok_or(Errno::ENOENT)
    }

    pub(super) fn file(&mut self, number: INodeNo) -> Result<&mut File, Errno> {
        match &mut self.node(number)?.data {
            Data::File(file) => Ok(file),
            Data::Folder(_) => Err(Errno::EISDIR),
        }
    }

    pub(super) fn folder(&mut self, number: INodeNo) -> Result<&mut Folder, Errno> {
        match &mut self.node(number)?.data {
            Data::Folder(folder) => Ok(folder),
            Data::File(_) => Err(Errno::ENOTDIR),
        }
    }

    pub(super) fn find(&mut self, folder: INodeNo, name: &OsStr) -> Result<u64, Errno> {
        self.folder(folder)?.now.get(name).copied().ok_or(Errno::ENOENT)
    }

    pub(super) fn add(&mut self, folder: INodeNo, name: &OsStr, node: Node) -> Result<FileAttr, Errno> {
        let number = self.next;
        let parent = self.folder(folder)?;
        if parent.now.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        parent.change(|names| {
            names.insert(name.into(), number);
        });
        self.next += 1;
        let attributes = node.attributes(number);
        self.nodes.insert(number, node);
        Ok(attributes)
    }

    pub(super) fn unlink(&mut self, folder: INodeNo, name: &OsStr) -> Result<(), Errno> {
        let number = self.find(folder, name)?;
        self.folder(folder)?.change(|names| {
            names.remove(name);
        });
        self.node(INodeNo(number))?.links -= 1;
        Ok(())
    }

    pub(super) fn rename(&mut self, folder: INodeNo, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        let number = self.find(folder, from)?;
        let replaced = self.find(folder, to).ok();
        self.folder(folder)?.change(|names| {
            names.remove(from);
            names.insert(to.into(), number);
        });
        if let Some(replaced) = replaced.filter(|replaced| *replaced != number) {
            self.node(INodeNo(replaced))?.links -= 1;
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, chance: &mut StdRng) {
        for node in self.nodes.values_mut() {
            match &mut node.data {
                Data::File(file) => file.forget(chance),
                Data::Folder(folder) => folder.forget(chance),
            }
            node.links = 0;
        }
        let names = self.nodes.values().filter_map(|node| match &node.data {
            Data::Folder(folder) => Some(folder.now.values().copied().collect::<Vec<_>>()),
            Data::File(_) => None,
        });
        for number in names.flatten().collect::<Vec<_>>() {
            if let Some(node) = self.nodes.get_mut(&number) {
                node.links += 1;
            }
        }
        self.nodes.retain(|number, node| node.links > 0 || *number == INodeNo::ROOT.0);
    }
}
