//! A kvs process of the test's own.
#![allow(dead_code, unreachable_pub)] // Each test binary uses a part of this.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running kvs. Killed when dropped.
pub struct Kvs {
    child: Child,
    /// Where it speaks the frame protocol.
    pub address: SocketAddr,
    /// Its operator's listener; `None` if it is off.
    pub admin: Option<SocketAddr>,
}

impl Kvs {
    /// Starts a kvs without a log on free ports.
    pub fn start() -> Self {
        Self::with(&["--frame-addr", "127.0.0.1:0", "--log", "off"])
    }

    /// Starts kvs with these flags and waits until it listens; panics if it does not come up.
    #[allow(clippy::zombie_processes)] // The Kvs that holds the child waits for it when it is dropped.
    pub fn with(args: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--trace-format", "json"]).args(args);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("kvs can be executed");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut said = String::new();
        loop {
            let start = said.len();
            if stderr.read_line(&mut said).expect("diagnostics are UTF-8") == 0 {
                panic!("kvs ended instead of listening, with {:?}: {said}", child.wait());
            }
            let line = &said[start..];
            if field(line, "message") == Some("listening") {
                let address = |name| field(line, name).and_then(|address| address.parse().ok());
                let (address, admin) = (address("frame_addr").expect("an address"), address("admin_addr"));
                // kvs must never wait for somebody to read its diagnostics.
                std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
                return Self { child, address, admin };
            }
        }
    }

    /// kill -9, and waits for the end.
    pub fn kill(mut self) {
        self.child.kill().expect("kvs can be killed");
        self.child.wait().expect("kvs ends");
    }
}

impl Drop for Kvs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of kvs.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(args);
    command
}

/// The kvs that was built together with this test: cargo puts tests into a folder beside the programs.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let kvs = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST").join("kvs");
    assert!(kvs.exists(), "{} is not there; build it with `cargo build -p gateway`", kvs.display());
    kvs
}

/// The string value of `name` in a flat JSON line.
fn field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (_, rest) = line.split_once(&format!("\"{name}\":\""))?;
    rest.split('"').next()
}
