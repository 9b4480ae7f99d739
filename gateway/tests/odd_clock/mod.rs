//! A clock of the machine that a test sets, for one process.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The time that a process is told.
pub(crate) struct OddClock {
    library: PathBuf,
    time: PathBuf,
}

impl OddClock {
    /// Makes the library that tells it, in a folder of the test.
    pub(crate) fn new(folder: &Path) -> Self {
        let library = folder.join("odd_clock.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/odd_clock/odd_clock.c");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
        assert!(compiled.expect("a C compiler, which linking Rust needs as well").success());
        Self { library, time: folder.join("time") }
    }

    /// Sets the time, in seconds since 1970. It stands still.
    pub(crate) fn set(&self, seconds: i64) {
        let new = self.time.with_extension("new");
        std::fs::write(&new, seconds.to_string()).expect("the time is written");
        // No reader sees half of it.
        std::fs::rename(&new, &self.time).expect("the time is set");
    }

    /// The command, whose process will be told this time.
    pub(crate) fn on<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("LD_PRELOAD", &self.library).env("ODD_CLOCK", &self.time)
    }
}
