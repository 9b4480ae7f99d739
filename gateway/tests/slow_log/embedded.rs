//! A server in the test's process, which holds the other end of its log.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use clap::Parser;
use gateway::config::Config;
use gateway::start_with;
use testkit::memory::MemoryLog;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use txnd::{LogWriter, SinkError};

use crate::BUDGET;
use crate::harness::Client;

/// A server in this process.
pub(crate) struct Embedded {
    pub(crate) addr: SocketAddr,
    pub(crate) frame_addr: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), SinkError>>,
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

impl Embedded {
    pub(crate) fn start(log: &MemoryLog, durability: &str) -> Self {
        Self::start_with(log.sink(), "127.0.0.1:0", durability, BUDGET)
    }

    /// Starts with any sink and waits until the server listens.
    pub(crate) fn start_with(
        sink: impl LogWriter + Send + 'static,
        addr: &str,
        durability: &str,
        budget: usize,
    ) -> Self {
        let budget = budget.to_string();
        Self::start_as(sink, &["--http-addr", addr, "--durability", durability, "--log-budget", &budget])
    }

    /// Starts with any sink and these flags, and waits until the server listens.
    pub(crate) fn start_as(sink: impl LogWriter + Send + 'static, flags: &[&str]) -> Self {
        let args = ["kvs", "--frame-addr", "127.0.0.1:0", "--workers", "2"].into_iter().chain(flags.iter().copied());
        let config = Config::parse_from(args);
        let (send_addr, addr) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            runtime().block_on(async move {
                let server = start_with(config, Some(sink)).await.expect("the server starts");
                send_addr.send((server.http_addr(), server.frame_addr())).expect("the test waits");
                // The sender is dropped when the test has failed: a reason to stop as well.
                let _ = stopped.await;
                server.stop().await
            })
        };
        let thread = std::thread::spawn(run);
        let (addr, frame_addr) = addr.recv().expect("addresses");
        Self { addr, frame_addr, stop, thread }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    pub(crate) fn stop(self) -> Result<(), SinkError> {
        self.stop.send(()).expect("the server runs");
        self.thread.join().expect("the server does not panic")
    }
}
