//! A disk of 1 MiB: a tmpfs in a mount namespace that a holder process keeps alive. The test reaches it through the
//! holder's root in /proc. Shared by the tests of the segment sink and of kvs.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

/// Bytes of a page, the unit in which a tmpfs gives space.
pub const PAGE_BYTES: u64 = 4096;

/// A file that takes space until it is removed.
const BALLAST_BYTES: usize = 400 << 10;

/// A small disk, gone with its holder.
pub struct SmallDisk {
    holder: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    mount: TempDir,
}

impl SmallDisk {
    /// `None`, with a line that says why, where the machine does not allow it.
    pub fn new() -> Option<Self> {
        let refused = match Self::mount("--mount") {
            Ok(disk) => return Some(disk),
            Err(refused) => refused,
        };
        match Self::mount("--map-root-user --mount") {
            Ok(disk) => Some(disk),
            Err(also) => {
                println!("skipped: no small disk without root ({refused}) or user namespaces ({also})");
                None
            }
        }
    }

    fn mount(namespaces: &str) -> Result<Self, String> {
        let mount = tempfile::tempdir().expect("a temporary folder");
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec unshare {namespaces} sh 2>&1")]);
        let mut holder = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|e| format!("sh: {e}"))?;
        let commands = holder.stdin.take().expect("it is piped");
        let answers = BufReader::new(holder.stdout.take().expect("it is piped"));
        let mut disk = Self { holder, commands, answers, mount };
        disk.command("mount -t tmpfs -o size=1m tmpfs").map(|()| disk)
    }

    /// Runs `command` on the mount point, within the namespace.
    pub fn command(&mut self, command: &str) -> Result<(), String> {
        let line = format!("{command} '{}' && echo done || echo failed", self.mount.path().display());
        // If there is no shell to read it, what was said instead tells why.
        let _ = writeln!(self.commands, "{line}");
        let mut said = String::new();
        for answer in (&mut self.answers).lines() {
            match answer.as_deref() {
                Ok("done") => return Ok(()),
                Ok("failed") | Err(_) => break,
                Ok(message) => said.push_str(message),
            }
        }
        Err(said)
    }

    /// The disk's root, as it is reached from outside of the namespace.
    pub fn root(&self) -> PathBuf {
        let inside = self.mount.path().strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(inside)
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

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
