//! A shell in a mount namespace of its own: what it mounts is seen by nobody else, and is gone when it ends. Tests reach
//! the mounts through its root in /proc.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The shell. It ends with its input, however the test ends.
pub(crate) struct MountHolder {
    shell: Child,
    /// `None` at the end.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl MountHolder {
    /// Starts it in these namespaces (options of unshare). It runs `at_end` when its input has ended.
    pub(crate) fn start(namespaces: &str, at_end: &str) -> Result<Self, String> {
        let script =
            format!("while read -r line; do if eval \"$line\"; then echo done; else echo failed; fi; done; {at_end}");
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec unshare \"$@\" 2>&1", "sh"]).args(namespaces.split(' ')).args(["sh", "-c", &script]);
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|e| format!("sh: {e}"))?;
        let commands = shell.stdin.take();
        let answers = BufReader::new(shell.stdout.take().expect("it is piped"));
        Ok(Self { shell, commands, answers })
    }

    /// Runs a line of commands. The error is what they said.
    pub(crate) fn run(&mut self, line: &str) -> Result<(), String> {
        // If there is no shell to read it, its output says why.
        let _ = self.commands.as_mut().map(|commands| writeln!(commands, "{line}"));
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

    /// A path within the namespace, as seen from outside.
    pub(crate) fn outside(&self, inside: &Path) -> PathBuf {
        let inside = inside.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.shell.id())).join(inside)
    }
}

impl Drop for MountHolder {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.shell.wait();
    }
}
