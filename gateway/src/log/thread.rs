//! The log thread. It owns the sink, because a sink may block and its futures need not be `Send`.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, LogBuffer};
use tokio::sync::{Notify, oneshot, watch};
use tracing::warn;
use txnd::{LogWriter, SinkError, Terms};

use super::checkpointer::{Checkpointer, Request, Schedule};
use super::meters::LogMeters;
use super::recovery::{Reporting, State, recover};
use super::shipper::{LINGER, Outlets, Shipper};
use super::status::{LogHealth, LogStatus, LogWatch};
use crate::clock::Clock;
use crate::config::{Config, Durability};
use crate::feed::{Source, Tail};
use crate::lifecycle::Lifecycle;

/// The log thread's part of the configuration.
#[derive(Clone, Debug)]
struct Options {
    /// Maximum size of the records that are not yet durable, in bytes.
    budget: usize,
    linger: Duration,
    wait_for_log: Duration,
    reporting: Reporting,
    meters: Arc<LogMeters>,
    engine: engine::Options,
    checkpoints: Schedule,
    tail: Arc<Tail>,
}

/// The log thread while it recovers the state.
pub(crate) struct Recovering {
    recovered: oneshot::Receiver<Result<HandedOver, SinkError>>,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<Result<(), SinkError>>,
    records: Records,
}

/// Where those who follow the log find its records.
pub(crate) struct Records {
    pub(crate) tail: Arc<Tail>,
    pub(crate) source: Source,
}

/// The state that a server begins with.
pub(crate) struct Recovered {
    pub(crate) engine: Arc<Engine>,
    /// It goes on from what the log has, if entries are to expire.
    pub(crate) clock: Arc<Clock>,
}

/// What the thread hands over after recovery.
struct HandedOver {
    log_id: u64,
    terms: Terms,
    recovered: Recovered,
    status: watch::Receiver<LogStatus>,
    buffer: Arc<LogBuffer>,
    checkpoints: CheckpointRequest,
}

/// Asks the log thread for a checkpoint.
#[derive(Clone)]
pub(crate) struct CheckpointRequest {
    request: Request,
    wake: Arc<Notify>,
}

impl CheckpointRequest {
    /// The next one is begun when no other is being written.
    pub(crate) fn send(&self) {
        self.request.set();
        self.wake.notify_one();
    }
}

/// The log thread while it ships.
pub(crate) struct LogThread {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<Result<(), SinkError>>,
    buffer: Arc<LogBuffer>,
    watch: LogWatch,
    checkpoints: CheckpointRequest,
}

impl Options {
    fn new(config: &Config, lifecycle: Arc<Lifecycle>, meters: Arc<LogMeters>, tail: Arc<Tail>) -> Self {
        Self {
            budget: config.log_budget.as_u64() as usize,
            linger: match config.durability {
                Durability::Sync => Duration::ZERO,
                Durability::Async => LINGER,
            },
            wait_for_log: config.wait_for_log,
            reporting: Reporting { format: config.trace_format, lifecycle },
            meters,
            engine: config.engine(),
            checkpoints: config.checkpoints(),
            tail,
        }
    }
}

impl LogThread {
    /// Starts the thread, which first recovers the state.
    pub(crate) fn start<S: LogWriter + Send + 'static>(
        sink: S,
        config: &Config,
        lifecycle: Arc<Lifecycle>,
        meters: Arc<LogMeters>,
    ) -> std::io::Result<Recovering> {
        let tail = Tail::new(config.feed_memory.as_u64() as usize);
        let records = Records { tail: Arc::clone(&tail), source: Source::new(sink.reader()) };
        let options = Options::new(config, lifecycle, meters, tail);
        let (stop, stopped) = watch::channel(false);
        let (send_recovered, recovered) = oneshot::channel();
        let (send_ended, ended) = oneshot::channel();
        let work = move || async move {
            let (filled, recovered, shipper) = match recover_then_ship(sink, options).await {
                Ok(begun) => begun,
                Err(e) => return drop(send_recovered.send(Err(e))),
            };
            if send_recovered.send(Ok(recovered)).is_ok() {
                // The receiver is gone if nobody waits for the end.
                let _ = send_ended.send(shipper.run(&filled, stopped).await);
            }
        };
        txnd::thread::run("kvs-log", work, |()| {})?;
        Ok(Recovering { recovered, stop, ended, records })
    }

    /// Asks for checkpoints.
    pub(crate) fn checkpoints(&self) -> CheckpointRequest {
        self.checkpoints.clone()
    }

    /// Records that wait for the log.
    pub(crate) fn buffer(&self) -> Arc<LogBuffer> {
        Arc::clone(&self.buffer)
    }

    /// A view of the log's status.
    pub(crate) fn watch(&self) -> LogWatch {
        self.watch.clone()
    }

    /// Accepts no more records, makes the pending ones durable, and ends. Fails if the log has failed or takes longer
    /// than `within`.
    pub(crate) async fn stop(self, within: Duration) -> Result<(), SinkError> {
        self.buffer.close("the server is stopping");
        self.stop.send_replace(true);
        let ended = match tokio::time::timeout(within, self.ended).await {
            Ok(ended) => ended.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(SinkError::Unavailable(format!(
                "{} bytes of records did not become durable within {within:?} and may be lost",
                self.buffer.pending()
            ))),
        };
        match self.buffer.unrecorded_reads() {
            0 => {}
            missed => warn!(missed, "reads were not recorded because the log was down or could not keep up"),
        }
        ended
    }
}

impl Recovering {
    /// Waits until the state is recovered.
    pub(crate) async fn recovered(self) -> Result<(Recovered, LogThread, Records), SinkError> {
        let HandedOver { log_id, terms, recovered, status, buffer, checkpoints } =
            self.recovered.await.map_err(|_| gone())??;
        let watch = LogWatch::new(log_id, terms, status);
        let thread = LogThread { stop: self.stop, ended: self.ended, buffer, watch, checkpoints };
        Ok((recovered, thread, self.records))
    }
}

/// Recovers the state, then sets up the shipper for the records that follow.
async fn recover_then_ship<S: LogWriter>(
    mut sink: S,
    options: Options,
) -> Result<(Arc<Notify>, HandedOver, Shipper<S>), SinkError> {
    let new_engine = || Engine::new(options.engine.clone());
    let state = recover(&mut sink, new_engine, options.wait_for_log, &options.reporting, &options.meters).await?;
    let State { term, mut engine, checkpoint, replayed_bytes, latest } = state;
    let some_expire = engine.usage().iter().any(|usage| usage.expiring > 0);
    let clock = Arc::new(Clock::starting(if some_expire { latest } else { 0 }));
    let filled = Arc::new(Notify::new());
    let wake = Arc::clone(&filled);
    let wake = Box::new(move || wake.notify_one());
    let buffer = Arc::new(LogBuffer::new(term.chain.lsn + 1, options.budget, wake));
    engine.attach_log(Arc::clone(&buffer));
    let engine = Arc::new(engine);
    let checkpoints = Checkpointer::new(
        Arc::clone(&engine),
        Arc::clone(&clock),
        term,
        options.checkpoints,
        checkpoint,
        replayed_bytes,
        Arc::clone(&options.meters),
    );
    let request = CheckpointRequest { request: checkpoints.request(), wake: Arc::clone(&filled) };
    let (log_id, terms) = (term.chain.log_id, sink.terms());
    let (send_status, status) = watch::channel(LogStatus { durable: term.chain.lsn, health: LogHealth::Up });
    let outlets = Outlets { status: send_status, tail: options.tail };
    let shipper = Shipper::new(sink, term, Arc::clone(&buffer), checkpoints, outlets, options.linger, options.meters);
    let recovered = Recovered { engine, clock };
    Ok((filled, HandedOver { log_id, terms, recovered, status, buffer, checkpoints: request }, shipper))
}

fn gone() -> SinkError {
    SinkError::Failed("the log thread ended unexpectedly".into())
}
