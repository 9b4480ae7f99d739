//! Writes checkpoints from a thread of its own, so that the next start need not read the whole log.
//!
//! ```text
//!   shipper.rs ── bytes of log ──> Checkpointer ── due ──> begin_checkpoint ──> thread: walk, write, sync
//!                                       │                                                  │
//!                                       └── log durable up to its end? keep_checkpoint <───┘
//! ```
//!
//! There is never more than one. The walk takes the lock of one shard at a time for a run of entries, and pauses to keep to
//! the rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use engine::Engine;
use proto::Lsn;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use txnd::{Checkpoint, CheckpointSealer, CheckpointWriter, LogWriter, SinkError, Term};

use super::meters::LogMeters;
use super::state_writer::write_state;
use crate::clock::Clock;

/// At a stop, a checkpoint is written if the log since the last one is at least this part of what makes one due.
const AT_STOP: u64 = 4;

/// When checkpoints are written, and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// At least so much log between two checkpoints, in bytes; `None`: only on request.
    pub(crate) after: Option<u64>,
    /// Bytes per second.
    pub(crate) rate: u64,
    /// How long a stop may wait for one, if it has not taken as long already.
    pub(crate) at_stop: Duration,
}

/// Asks for a checkpoint from another thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request(Arc<AtomicBool>);

impl Request {
    /// A checkpoint is due the next time that the log is tended.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The checkpoints of the log that `C` stores.
pub(crate) struct Checkpointer<C> {
    engine: Arc<Engine>,
    clock: Arc<Clock>,
    term: Term,
    schedule: Schedule,
    /// Bytes of log since the base of the last checkpoint that was begun.
    logged: u64,
    /// Bytes of log before that, as long as no checkpoint that covers them is in use.
    covered: u64,
    /// Size of the last checkpoint, in bytes.
    last: u64,
    state: State<C>,
    request: Request,
    /// Ends the one that is being written.
    cancelled: CancellationToken,
    /// Since when none is begun any more.
    ended: Option<Instant>,
    meters: Arc<LogMeters>,
}

enum State<C> {
    Idle,
    Writing {
        began: Instant,
        written: oneshot::Receiver<Result<Written<C>, SinkError>>,
    },
    /// Until the log is durable up to its end.
    Written {
        began: Instant,
        written: Written<C>,
    },
}

struct Written<C> {
    writer: C,
    end: Lsn,
}

impl<C: CheckpointWriter> Checkpointer<C> {
    /// `last` is the checkpoint that the state was recovered from, `logged` the bytes of log that were replayed after it.
    pub(crate) fn new(
        engine: Arc<Engine>,
        clock: Arc<Clock>,
        term: Term,
        schedule: Schedule,
        last: Option<Checkpoint>,
        logged: u64,
        meters: Arc<LogMeters>,
    ) -> Self {
        let last = last.map_or(0, |last| last.bytes);
        Self {
            engine,
            clock,
            term,
            schedule,
            logged,
            covered: 0,
            last,
            state: State::Idle,
            request: Request::default(),
            cancelled: CancellationToken::new(),
            ended: None,
            meters,
        }
    }

    /// For those who want a checkpoint now.
    pub(crate) fn request(&self) -> Request {
        self.request.clone()
    }

    /// So many bytes were added to the log.
    pub(crate) fn logged(&mut self, bytes: usize) {
        self.logged += bytes as u64;
    }

    /// Begins a checkpoint if one is due; puts it in use once it is written, and the log durable up to its end. Trouble
    /// with a checkpoint does not concern the log: the next one is tried after as much log again.
    pub(crate) async fn tend<S: LogWriter<Checkpoint = C>>(&mut self, sink: &mut S, durable: Lsn) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle if self.is_due() => self.begin(sink),
            State::Idle => {}
            State::Writing { began, mut written } => {
                self.state = match written.try_recv() {
                    Ok(Ok(written)) => State::Written { began, written },
                    Err(oneshot::error::TryRecvError::Empty) => State::Writing { began, written },
                    Ok(Err(e)) => return self.failed(&e),
                    Err(oneshot::error::TryRecvError::Closed) => return self.failed(&gone()),
                };
            }
            State::Written { began, written } if written.end > durable => {
                self.state = State::Written { began, written };
            }
            State::Written { began, written } => match sink.keep_checkpoint(written.writer).await {
                Ok(kept) => {
                    let (Checkpoint { base, end, entries, bytes, .. }, took) = (kept, began.elapsed());
                    self.last = bytes;
                    self.covered = 0;
                    self.meters.checkpoint_written(&kept, took);
                    let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
                    info!(base, end, entries, bytes, seconds, "wrote a checkpoint");
                }
                Err(e) => self.failed(&e),
            },
        }
    }

    /// Stops writing, and waits for the end of the thread. None is begun any more.
    pub(crate) async fn end(&mut self) {
        self.ended.get_or_insert_with(Instant::now);
        self.cancelled.cancel();
        if let State::Writing { written, .. } = std::mem::replace(&mut self.state, State::Idle) {
            debug!("gave up a checkpoint");
            // Whatever it was.
            let _ = written.await;
        }
    }

    /// After [`Self::end`], with a log that is durable up to `durable`, its last record: one more checkpoint, if the next
    /// start would replay much more than it would load.
    pub(crate) async fn at_stop<S: LogWriter<Checkpoint = C>>(&mut self, sink: &mut S, durable: Lsn) {
        let state_bytes = self.engine.meter().used() as u64;
        let is_late = self.ended.is_some_and(|since| since.elapsed() > self.schedule.at_stop);
        let is_fast = |after: u64| self.unsaved() < (after / AT_STOP).max(state_bytes);
        if is_late || self.schedule.after.is_none_or(is_fast) {
            return;
        }
        info!("writing a checkpoint, so that the next start is fast");
        self.schedule.rate = u64::MAX;
        self.cancelled = CancellationToken::new();
        self.begin(sink);
        let (cancelled, within) = (self.cancelled.clone(), self.schedule.at_stop);
        let late = async {
            tokio::time::sleep(within).await;
            cancelled.cancel();
        };
        if let State::Writing { began, mut written } = std::mem::replace(&mut self.state, State::Idle) {
            let ended = tokio::select! {
                biased;
                ended = &mut written => ended,
                () = late => written.await,
            };
            match ended.unwrap_or_else(|_| Err(gone())) {
                Ok(written) => self.state = State::Written { began, written },
                Err(e) => self.failed(&e),
            }
        }
        self.tend(sink, durable).await;
    }

    /// Bytes of log that the next start replays, as far as they are not in a checkpoint that is being written.
    fn unsaved(&self) -> u64 {
        self.logged + self.covered
    }

    /// Bytes of log until a checkpoint is due; `None` if none is, however large the log becomes.
    pub(crate) fn due_in(&self) -> Option<u64> {
        self.schedule.after.map(|least| least.max(self.last).saturating_sub(self.logged))
    }

    fn is_due(&self) -> bool {
        let is_wanted = self.request.0.swap(false, Ordering::Relaxed);
        self.ended.is_none() && (is_wanted || self.due_in() == Some(0))
    }

    fn begin<S: LogWriter<Checkpoint = C>>(&mut self, sink: &mut S) {
        let base = self.engine.last_lsn();
        let writer = match sink.begin_checkpoint(base) {
            Ok(Some(writer)) => writer,
            Ok(None) => {
                self.ended = Some(Instant::now());
                return;
            }
            Err(e) => return self.failed(&e),
        };
        let (engine, cancelled) = (Arc::clone(&self.engine), self.cancelled.clone());
        let (sealer, rate) = (CheckpointSealer::new(self.term.epoch, base), self.schedule.rate);
        let (send, written) = oneshot::channel();
        let at = self.clock.now();
        let work = move || async move {
            let stopped = || SinkError::Unavailable("the server is stopping".into());
            let writing = async {
                let mut writer = writer;
                let end = write_state(&engine, &mut writer, sealer, rate, at).await?;
                Ok(Written { writer, end })
            };
            cancelled.run_until_cancelled(writing).await.unwrap_or_else(|| Err(stopped()))
        };
        // The receiver is gone if the log has ended.
        let started = txnd::thread::run("kvs-checkpoint", work, |written| drop(send.send(written)));
        match started {
            Ok(()) => {
                self.covered += std::mem::take(&mut self.logged);
                self.state = State::Writing { began: Instant::now(), written };
            }
            Err(e) => self.failed(&SinkError::Unavailable(format!("cannot start its thread: {e}"))),
        }
    }

    fn failed(&mut self, why: &SinkError) {
        self.covered += std::mem::take(&mut self.logged);
        self.meters.checkpoints_failed.add(1);
        warn!(%why, "a checkpoint could not be written; the log keeps everything, and the next start takes longer");
    }
}

fn gone() -> SinkError {
    SinkError::Failed("its thread ended unexpectedly".into())
}
