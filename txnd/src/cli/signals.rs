//! Signals that ask a program to stop, or to look at its files again.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals within this time are one wish to stop.
const SAME_STOP: Duration = Duration::from_secs(1);

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Stop in order.
    Stop,
    /// Look at certificates and tokens again.
    Reload,
}

/// SIGTERM, SIGINT and SIGQUIT, which ask a program to stop, and SIGHUP: from a terminal that goes away it asks to stop, too,
/// otherwise to reload. SIGPIPE is ignored from the start, as in every Rust program.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    /// Found out at the start: a terminal that has gone is none any more.
    has_terminal: bool,
}

impl Signals {
    /// Listens from now on. Must be called within a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            has_terminal: io::stdin().is_terminal() || io::stderr().is_terminal(),
        })
    }

    /// Waits for one of them.
    pub async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.quit.recv() => Wish::Stop,
            _ = self.hangup.recv() => if self.has_terminal { Wish::Stop } else { Wish::Reload },
        }
    }

    /// Waits for one that asks to stop. Wishes to reload are of no use meanwhile.
    pub async fn stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }

    /// After one to stop: waits for another that is not part of the same stop. Supervisors send one to a process and to its
    /// group.
    pub async fn stop_again(&mut self) {
        let first = Instant::now();
        loop {
            self.stop().await;
            if first.elapsed() >= SAME_STOP {
                return;
            }
        }
    }
}
