//! Where the lines go: opened, written, and opened again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::config::AccessLogTarget;

/// Keys are in it, so it is for the owner alone.
const MODE: u32 = 0o600;

/// An open file, pipe or standard output.
#[derive(Debug)]
pub(super) struct Target {
    file: File,
    /// Whether the last write ended within a line.
    is_torn: bool,
}

impl Target {
    pub(super) fn open(target: &AccessLogTarget) -> io::Result<Self> {
        let file = match target {
            AccessLogTarget::Stdout => File::from(io::stdout().as_fd().try_clone_to_owned()?),
            AccessLogTarget::File(path) => open(path)?,
        };
        Ok(Self { file, is_torn: false })
    }

    /// Writes lines. An error comes with the number of lines that were not written.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), (io::Error, u64)> {
        let count = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        if self.is_torn {
            // What is there of a line must not become a part of the next one.
            self.write_all(b"\n").map_err(|(e, _)| (e, count(lines)))?;
            self.is_torn = false;
        }
        self.write_all(lines).map_err(|(e, left)| {
            let (written, left) = lines.split_at(lines.len() - left);
            self.is_torn = !written.is_empty() && !written.ends_with(b"\n");
            (e, count(left))
        })
    }

    /// The error comes with the number of bytes that were not written.
    fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), (io::Error, usize)> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err((io::ErrorKind::WriteZero.into(), bytes.len())),
                Ok(written) => bytes = &bytes[written..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err((e, bytes.len())),
            }
        }
        Ok(())
    }
}

/// Opens a file to append to, so that a tool may copy and truncate it. A pipe that nobody reads is an error, where opening
/// it would wait; later, writing to a pipe may wait.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let opened = OpenOptions::new().append(true).create(true).mode(MODE).custom_flags(flags).open(path);
    let file = opened.map_err(|e| match e.raw_os_error() {
        Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => {
            io::Error::new(e.kind(), "nobody reads this pipe")
        }
        _ => e,
    })?;
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}
