//! kvs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Server, temporary_folder};
use crate::process::child::Child;
use crate::target::{Scheme, Target};

/// How kvs is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setup {
    /// Its threads.
    pub(crate) workers: usize,
    /// Its log.
    pub(crate) log: Log,
    /// Whether requests use REST instead of frames.
    pub(crate) rest: bool,
}

/// The destination of its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Log {
    /// No log.
    Off,
    /// Files in a temporary folder; durability `async`.
    FileAsync,
    /// Files in a temporary folder; durability `sync`.
    FileSync,
    /// As kvs's own `--log` and `--durability` say.
    As(String, String),
}

/// Starts kvs on these cores.
pub(crate) fn start(program: &Path, setup: &Setup, cores: &[usize]) -> Result<Server, String> {
    let mut command = Command::new(program);
    command.args([
        "--http-addr",
        "127.0.0.1:0",
        "--frame-addr",
        "127.0.0.1:0",
        "--trace",
        "info",
        "--trace-format",
        "json",
    ]);
    command.arg("--workers").arg(setup.workers.to_string());
    let mut folder = None;
    let (log, durability) = match &setup.log {
        Log::Off => ("off".into(), "async"),
        Log::FileAsync | Log::FileSync => {
            let path = folder.insert(temporary_folder()?).path().join("log");
            (format!("file:{}", path.display()), if setup.log == Log::FileSync { "sync" } else { "async" })
        }
        Log::As(log, durability) => (log.clone(), durability.as_str()),
    };
    // A load without pauses would hit the limit on pending log bytes, and a rejected write is an error here.
    command.args(["--log", &log, "--durability", durability, "--log-budget", "512MiB"]);
    let child = Child::start(&command, cores)?;
    let (http, frames) = child.wait_for_line(listening)?;
    let (http, frames) = (Target::local(Scheme::Rest, http), Target::local(Scheme::Frames, frames));
    let target = if setup.rest { http } else { frames.clone() };
    Ok(Server { target, preload: frames, version: version(program), children: vec![child], _folder: folder })
}

/// The addresses for REST and frames, from kvs's log line about listening.
fn listening(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    let text = |name: &str| fields.get(name)?.as_str();
    (text("message")? == "listening").then_some(())?;
    Some((text("http_addr")?.parse().ok()?, text("frame_addr")?.parse().ok()?))
}

fn version(program: &Path) -> String {
    let said = Command::new(program).arg("--version").output();
    said.map_or_else(|_| "kvs".into(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Path of kvs: as `given`, or beside this program. Under `cargo run` it is rebuilt first, so that the measured kvs
/// matches the current source.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf, String> {
    const HOW: &str = "build it with `cargo build --release -p gateway`, or say where it is with --kvs";
    if let Some(given) = given {
        return given.is_file().then(|| given.to_owned()).ok_or_else(|| format!("{} is not a file", given.display()));
    }
    let me = std::env::current_exe().map_err(|e| format!("/proc/self/exe: {e}"))?;
    let sibling = me.with_file_name("kvs");
    if let Some(cargo) = std::env::var_os("CARGO") {
        build(Path::new(&cargo), &me).map_err(|e| format!("{e}; {HOW}"))?;
    }
    sibling.is_file().then_some(sibling.clone()).ok_or_else(|| format!("{} is not there: {HOW}", sibling.display()))
}

/// Builds kvs with the profile of this program.
fn build(cargo: &Path, me: &Path) -> Result<(), String> {
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "gateway"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let folder = me.parent().ok_or("this program is in no folder")?;
    if folder.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    // Next to this program, wherever that is.
    command.arg("--target-dir").arg(folder.parent().ok_or("this program is in no target folder")?);
    eprintln!("building kvs, if it is not up to date");
    let status = command.status().map_err(|e| format!("{}: {e}", cargo.display()))?;
    status.success().then_some(()).ok_or_else(|| "kvs could not be built".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_with_the_addresses() {
        let line =
            r#"{"level":"INFO","fields":{"message":"listening","http_addr":"127.0.0.1:1","frame_addr":"127.0.0.1:2"}}"#;
        let (http, frames) = listening(line).unwrap();
        assert_eq!((http.port(), frames.port()), (1, 2));
        for other in ["", "{}", r#"{"fields":{"message":"recovered"}}"#] {
            assert_eq!(listening(other), None);
        }
    }
}
