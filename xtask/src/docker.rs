//! Commands with a deadline, and a cleanup that happens however the test ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Failed, root};

/// Whether there is a Docker engine to test with.
pub(crate) fn engine_answers() -> bool {
    run(20, &["docker", "info"]).is_ok()
}

/// Runs a command in the root of the project and returns its standard output. After `seconds` it is killed and has
/// failed.
pub(crate) fn run(seconds: u32, command: &[&str]) -> Result<String, Failed> {
    let done = limited(seconds, command).output().map_err(|e| Failed(format!("{}: {e}", command.join(" "))))?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned()),
        false => {
            let why = String::from_utf8_lossy(&done.stderr);
            Err(Failed(format!("{}: {}, at most {seconds} s\n{}", command.join(" "), done.status, why.trim_end())))
        }
    }
}

/// The command, not yet started, under coreutils' `timeout`. It runs in the foreground, so that Ctrl-C ends it together
/// with the test.
pub(crate) fn limited(seconds: u32, command: &[&str]) -> Command {
    let mut timeout = Command::new("timeout");
    timeout
        .args(["--foreground", "--kill-after=10"])
        .arg(seconds.to_string())
        .args(command)
        .current_dir(root())
        .stdin(Stdio::null());
    timeout
}

/// Repeats a check until it succeeds, at most for `limit`.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Result<T, Failed> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            return Err(Failed(format!("waited {} s for {what}", limit.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Undoes what the test did, in reverse order: a shell that waits for the end of its input, which also comes when the
/// test is killed.
pub(crate) struct Cleanup(Child);

impl Cleanup {
    pub(crate) fn new() -> Result<Self, Failed> {
        Command::new("sh")
            .args(["-c", "trap '' HUP INT TERM; tac | sh"])
            .current_dir(root())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .map_err(|e| Failed(format!("sh: {e}")))
    }

    /// Adds a command to run at the end. Call this before the action that the command undoes.
    pub(crate) fn add(&mut self, command: &[&str]) -> Result<(), Failed> {
        let quoted: Vec<_> = command.iter().map(|word| format!("'{word}'")).collect();
        let input = self.0.stdin.as_mut().ok_or_else(|| Failed("the cleanup has no input".into()))?;
        writeln!(input, "{}", quoted.join(" ")).map_err(|e| Failed(format!("cleanup: {e}")))
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
