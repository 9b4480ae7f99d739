//! A txnd process of a test's own, with certificates made for it. Tests that use it also have `mod harness`.
#![allow(dead_code)] // Each test binary uses a part of this.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;

use tempfile::TempDir;
use txnd::tls::TlsFiles;

use crate::harness::{NotStarted, field, folder, line_with, listens};

/// The txnd program, which `cargo test --workspace` builds beside kvs.
pub(crate) fn program() -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_kvs")).with_file_name("txnd");
    assert!(path.exists(), "{} is not there; build it: cargo build --package txnd", path.display());
    Command::new(path)
}

/// What `txnd certs` makes: a CA, txnd's certificate and kvs's.
pub(crate) struct Certificates {
    folder: TempDir,
}

impl Certificates {
    pub(crate) fn make() -> Self {
        let folder = folder();
        let made = program().arg("certs").arg(folder.path().join("certs")).stdout(Stdio::null()).status();
        assert!(made.expect("txnd can be executed").success());
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("certs").join(name)
    }

    /// The flags that give `who` its identity.
    pub(crate) fn flags(&self, who: &str) -> Vec<String> {
        flags(&TlsFiles::in_folder(&self.folder.path().join("certs"), who))
    }
}

/// The flags of kvs and txnd that name these files.
pub(crate) fn flags(files: &TlsFiles) -> Vec<String> {
    let TlsFiles { ca, cert, key, crl } = files;
    let flags =
        [("--tls-ca", Some(ca)), ("--tls-cert", Some(cert)), ("--tls-key", Some(key)), ("--tls-crl", crl.as_ref())];
    let given = flags.into_iter().filter_map(|(flag, path)| Some([flag.into(), path?.display().to_string()]));
    given.flatten().collect()
}

/// The command for a txnd on `addr`.
pub(crate) fn command(addr: SocketAddr, sink: &str, identity: &[String], args: &[&str]) -> Command {
    let mut command = program();
    command.args(["--trace-format", "json", "--grpc-addr", &addr.to_string(), "--sink", sink]);
    command.args(identity).args(args);
    command
}

/// A running txnd. Killed when dropped.
pub(crate) struct Txnd {
    child: Child,
    pub(crate) addr: SocketAddr,
    /// Lines of diagnostics (JSON).
    lines: Receiver<String>,
}

impl Txnd {
    /// Starts txnd on `addr` (port 0: a free one) with `sink`, which is what `--sink` takes.
    pub(crate) fn start_at(addr: SocketAddr, sink: &str, certificates: &Certificates, args: &[&str]) -> Self {
        Self::start_as(addr, sink, &certificates.flags("txnd"), args)
    }

    /// Starts txnd with an `identity` of [`flags`].
    pub(crate) fn start_as(addr: SocketAddr, sink: &str, identity: &[String], args: &[&str]) -> Self {
        Self::try_start(&mut command(addr, sink, identity, args))
            .unwrap_or_else(|(status, said)| panic!("txnd did not start: {status}: {said}"))
    }

    pub(crate) fn start(sink: &str, certificates: &Certificates) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), sink, certificates, &[])
    }

    /// Starts txnd and waits until it listens, or returns how it ended and what it said.
    #[allow(clippy::zombie_processes)] // The Txnd that holds the child waits for it when it is dropped.
    pub(crate) fn try_start(command: &mut Command) -> Result<Self, (ExitStatus, String)> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("txnd can be executed");
        let started = listens(&mut child, |line| field(line, "grpc_addr").and_then(|addr| addr.parse().ok()));
        match started {
            Ok((addr, _, lines)) => Ok(Self { child, addr, lines }),
            Err(NotStarted { status, diagnostics }) => Err((status, diagnostics)),
        }
    }

    /// What `--log` takes to reach it; the certificates carry this name.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.addr.port())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of diagnostics that holds `words`; it and those before it are not looked at again.
    pub(crate) fn says(&self, words: &[&str]) -> String {
        line_with(words, &self.lines).unwrap_or_else(|said| panic!("txnd did not say {words:?}, but: {said}"))
    }

    /// Sends a signal such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.expect("kill can be executed").success());
    }

    /// kill -9, and waits for the end.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("txnd can be killed");
        self.child.wait().expect("txnd ends");
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_some()
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) {
        self.child.wait().expect("txnd ends");
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().expect("txnd ends")
    }
}

impl Drop for Txnd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
