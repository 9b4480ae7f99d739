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
use std::time::Instant;

use engine::Engine;
use proto::Lsn;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use txnd::{Checkpoint, CheckpointSealer, CheckpointWriter, LogWriter, SinkError, Term};

use super::state_writer::write_state;

/// When checkpoints are written, and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// At least so much log between two checkpoints, in bytes; `None`: no checkpoints.
    pub(crate) after: Option<u64>,
    /// Bytes per second.
    pub(crate) rate: u64,
}

/// The checkpoints of the log that `C` stores.
pub(crate) struct Checkpointer<C> {
    engine: Arc<Engine>,
    term: Term,
    schedule: Schedule,
    /// Bytes of log since the base of the last checkpoint.
    logged: u64,
    /// Size of the last checkpoint, in bytes.
    last: u64,
    state: State<C>,
    stopping: CancellationToken,
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
        term: Term,
        schedule: Schedule,
        last: Option<Checkpoint>,
        logged: u64,
    ) -> Self {
        let last = last.map_or(0, |last| last.bytes);
        Self { engine, term, schedule, logged, last, state: State::Idle, stopping: CancellationToken::new() }
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
                Ok(Checkpoint { base, end, entries, bytes, .. }) => {
                    self.last = bytes;
                    let seconds = (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
                    info!(base, end, entries, bytes, seconds, "wrote a checkpoint");
                }
                Err(e) => self.failed(&e),
            },
        }
    }

    /// Stops writing, and waits for the end of the thread.
    pub(crate) async fn cancel(&mut self) {
        self.stopping.cancel();
        if let State::Writing { written, .. } = std::mem::replace(&mut self.state, State::Idle) {
            debug!("gave up a checkpoint");
            // Whatever it was.
            let _ = written.await;
        }
        self.schedule.after = None;
    }

    fn is_due(&self) -> bool {
        self.schedule.after.is_some_and(|least| self.logged >= least.max(self.last))
    }

    fn begin<S: LogWriter<Checkpoint = C>>(&mut self, sink: &mut S) {
        let base = self.engine.last_lsn();
        let writer = match sink.begin_checkpoint(base) {
            Ok(Some(writer)) => writer,
            Ok(None) => {
                self.schedule.after = None;
                return;
            }
            Err(e) => return self.failed(&e),
        };
        let (engine, stopping) = (Arc::clone(&self.engine), self.stopping.clone());
        let (sealer, rate) = (CheckpointSealer::new(self.term.epoch, base), self.schedule.rate);
        let (send, written) = oneshot::channel();
        let work = move || async move {
            let stopped = || SinkError::Unavailable("the server is stopping".into());
            let writing = async {
                let mut writer = writer;
                let end = write_state(&engine, &mut writer, sealer, rate).await?;
                Ok(Written { writer, end })
            };
            stopping.run_until_cancelled(writing).await.unwrap_or_else(|| Err(stopped()))
        };
        // The receiver is gone if the log has ended.
        let started = txnd::thread::run("kvs-checkpoint", work, |written| drop(send.send(written)));
        match started {
            Ok(()) => {
                self.logged = 0;
                self.state = State::Writing { began: Instant::now(), written };
            }
            Err(e) => self.failed(&SinkError::Unavailable(format!("cannot start its thread: {e}"))),
        }
    }

    fn failed(&mut self, why: &SinkError) {
        self.logged = 0;
        warn!(%why, "a checkpoint could not be written; the log keeps everything, and the next start takes longer");
    }
}

fn gone() -> SinkError {
    SinkError::Failed("its thread ended unexpectedly".into())
}
