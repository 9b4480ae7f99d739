//! Programs of PyPI, in environments of their own below `target`.

use std::path::PathBuf;
use std::process::Command;

use crate::{Failed, root, step};

/// An environment of Python.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The environment of this name, which is made if it is not there.
    pub(crate) fn named(name: &str) -> Result<Self, Failed> {
        let folder = root().join("target").join(name);
        if !folder.join("bin/pip").exists() {
            step(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        }
        Ok(Self { folder })
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Installs what `pip install` is told.
    pub(crate) fn install(&self, what: &[&str]) -> Result<(), Failed> {
        step(self.command("pip").args(["install", "--quiet", "--disable-pip-version-check"]).args(what))
    }

    /// One of its programs.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join("bin").join(name));
        command.current_dir(root());
        command
    }
}
