//! The queue, and the thread that writes what is in it. Only this thread waits for a disk or for the reader of a pipe.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tracing::{info, warn};
use txnd::cli::tracing::Throttle;

use super::line::Lines;
use super::target::Target;
use crate::budget::{Budget, Share};
use crate::config::AccessLogTarget;

/// Most bytes of lines that wait to be written; more are dropped.
const MAX_QUEUED_BYTES: usize = 16 << 20;

/// Bytes that are written at a time, if so many wait.
const WRITTEN_AT_A_TIME: usize = 64 << 10;

/// Longest time, when the server stops, to write the lines that are left.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Minimum time between two warnings that writing fails.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// What has become of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Written,
    /// Too many waited to be written.
    Dropped,
    /// It could not be written: the disk is full, for example.
    Failed,
}

impl Outcome {
    pub(crate) const ALL: [Self; 3] = [Self::Written, Self::Dropped, Self::Failed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

/// The access log of the server.
#[derive(Debug)]
pub(crate) struct AccessLog {
    queue: Sender<Message>,
    room: Arc<Budget>,
    counts: Arc<Counts>,
}

/// Lines by [`Outcome`].
#[derive(Debug, Default)]
struct Counts([AtomicU64; Outcome::ALL.len()]);

enum Message {
    Lines(Lines, Share),
    /// Somebody has moved the file away.
    Reopen,
    /// Nothing more comes. The sender is dropped when everything is written.
    End(Sender<()>),
}

/// Lines that did not find room.
pub(super) struct Full;

impl Counts {
    fn add(&self, outcome: Outcome, lines: u64) {
        self.0[outcome as usize].fetch_add(lines, Relaxed);
    }
}

impl AccessLog {
    /// Opens the target and starts the thread.
    pub(crate) fn start(target: AccessLogTarget) -> io::Result<Arc<Self>> {
        let (queue, messages) = channel();
        let counts = Arc::<Counts>::default();
        let writer = Writer {
            open: Target::open(&target)?,
            target,
            counts: Arc::clone(&counts),
            lines: Lines::default(),
            warnings: Throttle::new(WARN_INTERVAL),
        };
        std::thread::Builder::new().name("kvs-access-log".into()).spawn(move || writer.run(&messages))?;
        Ok(Arc::new(Self { queue, room: Budget::new(MAX_QUEUED_BYTES), counts }))
    }

    /// Queues lines, if there is room for them.
    pub(super) fn queue(&self, lines: Lines) -> Result<(), Full> {
        let (mut share, count) = (self.room.share(), lines.count);
        if share.grow_to(lines.text.len()) && self.queue.send(Message::Lines(lines, share)).is_ok() {
            return Ok(());
        }
        self.counts.add(Outcome::Dropped, count);
        Err(Full)
    }

    /// Opens the file again, after the lines that are queued are written to the present one.
    pub(crate) fn reopen(&self) {
        // Fails only if the thread has ended.
        let _ = self.queue.send(Message::Reopen);
    }

    /// Waits until everything is written, for a moment if that takes long.
    pub(crate) fn end(&self) {
        let (done, is_done) = channel();
        if self.queue.send(Message::End(done)).is_ok()
            && is_done.recv_timeout(LAST_LINES) == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            warn!("the last lines of the access log are lost: they cannot be written within {LAST_LINES:?}");
        }
    }

    /// Lines with this outcome.
    pub(crate) fn lines(&self, outcome: Outcome) -> u64 {
        self.counts.0[outcome as usize].load(Relaxed)
    }
}

struct Writer {
    target: AccessLogTarget,
    open: Target,
    counts: Arc<Counts>,
    /// Lines that are written together.
    lines: Lines,
    warnings: Throttle,
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        while let Ok(mut message) = messages.recv() {
            loop {
                match message {
                    Message::Lines(Lines { text, count }, _share) => {
                        self.lines.text.extend_from_slice(&text);
                        self.lines.count += count;
                    }
                    Message::Reopen => {
                        self.write();
                        self.reopen();
                    }
                    Message::End(_done) => return self.write(),
                }
                if self.lines.text.len() >= WRITTEN_AT_A_TIME {
                    self.write();
                }
                match messages.try_recv() {
                    Ok(next) => message = next,
                    Err(_) => break,
                }
            }
            self.write();
        }
    }

    fn write(&mut self) {
        let Lines { text, count } = &mut self.lines;
        let failed = match self.open.write(text) {
            Ok(()) => 0,
            Err((e, failed)) => {
                if self.warnings.pass().is_some() {
                    let failed = self.counts.0[Outcome::Failed as usize].load(Relaxed) + failed;
                    warn!(error = %e, failed, "cannot write the access log to {}: lines are lost", self.target);
                }
                failed
            }
        };
        self.counts.add(Outcome::Written, *count - failed);
        self.counts.add(Outcome::Failed, failed);
        text.clear();
        text.shrink_to(2 * WRITTEN_AT_A_TIME);
        *count = 0;
    }

    fn reopen(&mut self) {
        match Target::open(&self.target) {
            Ok(opened) => {
                self.open = opened;
                info!("SIGHUP: the access log {} is opened again", self.target);
            }
            Err(e) => {
                warn!(error = %e, "SIGHUP: cannot open the access log {} again, the file of before stays in use", self.target);
            }
        }
    }
}
