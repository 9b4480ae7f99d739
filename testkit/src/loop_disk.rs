//! A disk with a real file system, ext4 in an image on a loop device. It can be frozen: then every write to it waits.
//! Needs root.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

/// Size of the disk: enough for a journal and a few segments.
const BYTES: u64 = 64 << 20;

/// The script of the holder process. It cleans up when its input ends, however the test ends.
const HOLDER: &str = r#"
mount -o loop "$1" "$2" || { echo failed; exit 1; }
echo done
while read -r command; do
    if $command; then echo done; else echo failed; fi
done
fsfreeze -u "$2" 2>/dev/null
umount -l "$2"
"#;

/// The disk. It is removed with its holder.
pub struct LoopDisk {
    holder: Child,
    /// `None` at the end.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
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
        let mut holder = Command::new("unshare");
        holder.args(["--mount", "sh", "-c", &format!("exec 2>&1; {HOLDER}"), "sh"]).arg(&image).arg(&mount);
        let mut holder =
            holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|e| format!("unshare: {e}"))?;
        let commands = holder.stdin.take();
        let answers = BufReader::new(holder.stdout.take().expect("it is piped"));
        let mut disk = Self { holder, commands, answers, folder };
        disk.answer().map(|()| disk)
    }

    /// The disk's root, as seen from outside the holder's namespace.
    pub fn root(&self) -> PathBuf {
        let inside = self.mount_point();
        let inside = inside.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(inside)
    }

    /// From now on, every write to the disk waits.
    pub fn freeze(&mut self) -> Frozen<'_> {
        self.run("fsfreeze -f").expect("the disk can be frozen");
        Frozen(self)
    }

    fn mount_point(&self) -> PathBuf {
        Path::new(self.folder.path()).join("mount")
    }

    fn run(&mut self, command: &str) -> Result<(), String> {
        // If there is no shell to read it, its output says why.
        let line = format!("{command} {}\n", self.mount_point().display());
        let _ = self.commands.as_mut().map(|commands| commands.write_all(line.as_bytes()));
        self.answer()
    }

    fn answer(&mut self) -> Result<(), String> {
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
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _ = self.0.run("fsfreeze -u");
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        // The holder ends when its input ends.
        drop(self.commands.take());
        let _ = self.holder.wait();
    }
}
