//! The ways to give a kvs a log. Tests that use it also have `mod harness` and `mod txnd_server`.
#![allow(dead_code)] // Each test binary uses a part of this.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Kvs, NotStarted, folder, injected, kill_traced, output};
use crate::txnd_server::{self, Certificates, Txnd};
use testkit::postgres_server::{PASSWORD, PostgresServer, free_port};

/// The smallest segments, so that there are many of them.
const SEGMENT_SIZE: [&str; 2] = ["--segment-size", "64KiB"];

/// A checkpoint every few hundred records, and nothing that they make superfluous. Flags of a test come before these.
const CHECKPOINTS: [(&str, &str); 2] = [("KVS_CHECKPOINT_AFTER", "16KiB"), ("KVS_RETAIN", "0")];

/// The same for a txnd.
const TXND: [&str; 4] = ["--segment-size", "64KiB", "--retain", "0"];

/// A log of its own, and what has to live as long as it.
pub(crate) struct Deployment {
    pub(crate) name: &'static str,
    /// What `--log` is set to.
    log: String,
    /// The folder in which the log is segments.
    pub(crate) segments: Option<TempDir>,
    /// The database in which the log is tables.
    pub(crate) tables: Option<String>,
    /// The server of that database.
    pub(crate) server: Option<&'static PostgresServer>,
    txnd: Option<Service>,
}

/// A txnd between kvs and its log, with all that it takes to start it again.
struct Service {
    running: Option<Txnd>,
    addr: SocketAddr,
    sink: String,
    certificates: Certificates,
}

/// One of each kind.
pub(crate) fn all() -> Vec<Deployment> {
    vec![file(), postgres(), txnd_file(), txnd_postgres()]
}

pub(crate) fn file() -> Deployment {
    let folder = folder();
    let deployment = file_in(folder.path());
    Deployment { segments: Some(folder), ..deployment }
}

/// In a folder of the test's own.
pub(crate) fn file_in(folder: &Path) -> Deployment {
    let log = format!("file:{}", folder.display());
    Deployment { name: "file", log, segments: None, tables: None, server: None, txnd: None }
}

/// The same, written by a txnd.
pub(crate) fn txnd_file_in(folder: &Path) -> Deployment {
    file_in(folder).behind_txnd("txnd over file")
}

pub(crate) fn postgres() -> Deployment {
    postgres_on(PostgresServer::shared())
}

/// Both ways to tables, with partitions so small that each checkpoint makes some superfluous.
pub(crate) fn small_partitions() -> Vec<Deployment> {
    let postgres = || {
        let mut deployment = postgres();
        deployment.log += "?partition-records=100";
        deployment
    };
    vec![postgres(), postgres().behind_txnd("txnd over postgres")]
}

/// With a server that may be one of the test's own, to be killed.
pub(crate) fn postgres_on(server: &'static PostgresServer) -> Deployment {
    let url = server.database();
    Deployment {
        name: "postgres",
        log: url.clone(),
        segments: None,
        tables: Some(url),
        server: Some(server),
        txnd: None,
    }
}

pub(crate) fn txnd_file() -> Deployment {
    file().behind_txnd("txnd over file")
}

pub(crate) fn txnd_postgres() -> Deployment {
    txnd_postgres_on(PostgresServer::shared())
}

/// With a server that may be one of the test's own, to be killed.
pub(crate) fn txnd_postgres_on(server: &'static PostgresServer) -> Deployment {
    postgres_on(server).behind_txnd("txnd over postgres")
}

impl Deployment {
    /// The same log, written by a txnd.
    fn behind_txnd(mut self, name: &'static str) -> Self {
        // Not a port that the kernel gives out: a kvs that tries to reach a txnd that is down could be connected to itself.
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let log = format!("https://localhost:{}", addr.port());
        let sink = std::mem::replace(&mut self.log, log);
        self.txnd = Some(Service { running: None, addr, sink, certificates: Certificates::make() });
        self.name = name;
        self.start_txnd();
        self
    }

    /// Starts a kvs with this log.
    pub(crate) fn start(&self, args: &[&str]) -> Kvs {
        let kvs = self.try_start(args).unwrap_or_else(|e| panic!("{}: kvs did not start: {e:?}", self.name));
        assert!(!kvs.lines.concat().contains(PASSWORD), "a password in the diagnostics");
        kvs
    }

    /// The same, where it may end at once.
    pub(crate) fn try_start(&self, args: &[&str]) -> Result<Kvs, NotStarted> {
        Kvs::try_start(&mut self.command(args))
    }

    /// The command that starts it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Kvs::program();
        command
            .args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--log", &self.log])
            .args(SEGMENT_SIZE)
            .envs(CHECKPOINTS)
            .args(args);
        if let Some(service) = &self.txnd {
            command.args(service.certificates.flags("kvs"));
        }
        command
    }

    /// What `kvs log` with this command says of the log.
    pub(crate) fn inspect(&self, command: &str) -> (Option<i32>, String) {
        self.tool(&["log", command])
    }

    /// Runs a command of kvs on this log. Returns its exit code and what it says.
    pub(crate) fn tool(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut kvs = Kvs::tool(args);
        kvs.args(["--log", &self.log]);
        if let Some(service) = &self.txnd {
            kvs.args(service.certificates.flags("kvs"));
        }
        output(&mut kvs)
    }

    /// What `--log` is set to.
    pub(crate) fn log(&self) -> &str {
        &self.log
    }

    /// Starts txnd, again at the same address.
    pub(crate) fn start_txnd(&mut self) {
        let service = self.service();
        service.running = Some(Txnd::start_at(service.addr, &service.sink, &service.certificates, &TXND));
    }

    /// As a supervisor does: starts a txnd again that has ended by itself.
    pub(crate) fn supervise_txnd(&mut self) {
        let running = self.txnd.as_mut().and_then(|service| service.running.as_mut());
        if running.is_some_and(Txnd::has_ended) {
            self.start_txnd();
        }
    }

    /// Starts txnd so that it is killed at the call number `when` of this name. Returns whether it came up before that.
    pub(crate) fn start_txnd_killed_at(&mut self, call: &str, when: u32) -> bool {
        self.start_txnd_injected(call, "signal=KILL", when)
    }

    /// Starts txnd so that this happens to its call number `when` of this name. Returns whether it came up.
    pub(crate) fn start_txnd_injected(&mut self, call: &str, what: &str, when: u32) -> bool {
        let Service { addr, sink, certificates, .. } = self.service();
        let command = txnd_server::command(*addr, sink, &certificates.flags("txnd"), &TXND);
        self.service().running = Txnd::try_start(&mut injected(call, &format!("{what}:when={when}"), &command)).ok();
        self.service().running.is_some()
    }

    /// Ends the txnd that was started so. Returns whether it had died by itself.
    pub(crate) fn kill_traced_txnd(&mut self) -> bool {
        let Some(txnd) = self.service().running.take() else { return true };
        let has_died = std::net::TcpStream::connect(txnd.addr).is_err();
        kill_traced(txnd.pid());
        txnd.wait();
        has_died
    }

    /// `kill -9` of txnd.
    pub(crate) fn kill_txnd(&mut self) {
        self.service().running.take().expect("txnd runs").kill();
    }

    /// Stops what stands between kvs and the log in order, if anything does.
    pub(crate) fn stop(&mut self) {
        if let Some(txnd) = self.txnd.as_mut().and_then(|service| service.running.take()) {
            let status = txnd.stop();
            assert!(status.success(), "{}: txnd ended with {status}", self.name);
        }
    }

    fn service(&mut self) -> &mut Service {
        self.txnd.as_mut().expect("the deployment has a txnd")
    }
}
