//! Signals that ask a program to stop, or to reload its files.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals within this time count as one request to stop.
const SAME_STOP: Duration = Duration::from_secs(1);

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Stop gracefully.
    Stop,
    /// Reload certificates and tokens.
    Reload,
    /// Write a checkpoint now.
    Checkpoint,
}

/// SIGTERM, SIGINT and SIGQUIT ask a program to stop. So does SIGHUP if the program was started from a terminal, which
/// has then closed; otherwise SIGHUP asks to reload. SIGUSR1 asks for a checkpoint. SIGPIPE is ignored from the start, as
/// in every Rust program.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hangup: Signal,
    user: Signal,
    /// Determined at startup, because a terminal that has closed no longer counts as one.
    has_terminal: bool,
}

impl Signals {
    /// Listens from now on, and survives the limit of a file's size. Must be called within a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        super::files::survive_size_limit()?;
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
            has_terminal: io::stdin().is_terminal() || io::stderr().is_terminal(),
        })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.quit.recv() => Wish::Stop,
            _ = self.user.recv() => Wish::Checkpoint,
            _ = self.hangup.recv() => if self.has_terminal { Wish::Stop } else { Wish::Reload },
        }
    }

    /// Waits for a signal that asks to stop. Other requests are ignored meanwhile.
    pub async fn stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }

    /// After a signal to stop, waits for another that is not part of the same stop. Supervisors send one signal to a
    /// process and one to its group.
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
