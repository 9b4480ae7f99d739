//! Programs that run beside a chore: started on free ports, asked where they listen, killed at the end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Failed, cargo, root, step};

/// A running program. Killed when dropped.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Builds the programs of the workspace, with debug assertions and overflow checks. With them a small test, so that dependencies
/// have the features that tests want of them: those of the other tests need not be built again.
pub(crate) fn build() -> Result<(), Failed> {
    step(cargo().args(["build", "--workspace", "--bins", "--test", "flags"]))
}

/// Such a program, as it was built last.
pub(crate) fn built(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    Path::new(&target).join("debug").join(name)
}

/// Starts a program whose diagnostics hold these marks, each followed by a value that ends with a quotation mark or a space.
/// Returns the values.
pub(crate) fn start<const N: usize>(command: &mut Command, marks: [&str; N]) -> Result<(Server, [String; N]), Failed> {
    let name = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = Server(command.spawn().map_err(|e| format!("{name}: {e}"))?);
    let Some(stderr) = server.0.stderr.take() else { return Err(Failed(format!("{name} has no standard error"))) };
    let mut lines = BufReader::new(stderr).lines();
    let (mut said, mut found) = (String::new(), [const { None }; N]);
    for line in lines.by_ref().map_while(Result::ok) {
        for (mark, found) in marks.iter().zip(&mut found) {
            let value = line.split_once(mark).and_then(|(_, rest)| rest.split(['"', ' ']).next());
            *found = found.take().or(value.map(ToOwned::to_owned));
        }
        if found.iter().all(Option::is_some) {
            // A program must never wait for somebody to read its diagnostics.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok((server, found.map(Option::unwrap_or_default)));
        }
        said.push_str(&line);
        said.push('\n');
    }
    Err(Failed(format!("{name} did not start: {said}")))
}
