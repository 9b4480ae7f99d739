//! Removes entries that have expired and that nobody writes: a thread that looks for them again and again.
//!
//! Nobody finds an entry that has expired, whether it has been removed or not. Removing it gives back its memory, and tells
//! the log.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::Engine;
use tracing::{debug, warn};

use crate::clock::Clock;

/// Time from one sweep to the next.
const SWEEP_INTERVAL: Duration = Duration::from_millis(100);

/// Tell when the machine's clock is behind the server's by so much; and again when it is more than twice as much as told.
const TELL_BEHIND: Duration = Duration::from_secs(1);

/// The thread. Dropping it stops it, and waits for its end.
#[derive(Debug)]
pub(crate) struct Sweeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    pub(crate) fn start(engine: Arc<Engine>, clock: Arc<Clock>) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let run = move || {
            let mut told = Duration::ZERO;
            let mut pause = SWEEP_INTERVAL;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let swept = engine.sweep(clock.now());
                pause = if swept == Ok(true) { Duration::ZERO } else { SWEEP_INTERVAL };
                if let Err(refusal) = swept {
                    // The log is down or full. They stay, and stay out of sight.
                    debug!(%refusal, "expired entries are not removed yet");
                }
                let ahead = clock.ahead();
                if ahead > 2 * told + TELL_BEHIND {
                    told = ahead;
                    warn!(
                        ahead_seconds = ahead.as_secs_f64(),
                        "the machine's clock was set back; kvs goes on with its own time, so that no entry lives longer"
                    );
                }
            }
        };
        let thread = std::thread::Builder::new().name("kvs-sweeper".into()).spawn(run)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was reported where it happened.
            let _ = thread.join();
        }
    }
}
