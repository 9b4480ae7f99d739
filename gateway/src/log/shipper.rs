//! Ships batches from the log buffer to the sink and reports how far the log is durable.
//!
//! Group commit: while one batch is being made durable, the next one fills. If writers wait for it (`sync`) there is no
//! timer; if they do not (`async`), a batch gets [`LINGER`] to fill. At most [`txnd::MAX_IN_FLIGHT`] batches are in
//! flight. They are kept until they are durable, so that they can be sent again after an error.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use engine::LogBuffer;
use proto::{Batch, Chain, Lsn};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};
use txnd::{LogWriter, MAX_IN_FLIGHT, SinkError, Term};

use super::checkpointer::Checkpointer;
use super::meters::LogMeters;
use super::status::{LogHealth, LogStatus};
use crate::feed::Tail;

/// First pause between two attempts to reach the sink; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Longest pause between two attempts to reach the sink.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long records are collected before they are shipped if nobody waits for them (`async`). It bounds how long the
/// process holds records back, and avoids an `fdatasync` for every handful of records.
pub(crate) const LINGER: Duration = Duration::from_millis(5);

/// How long the log may be unavailable before it counts as down. Until then writes wait for it.
const GRACE: Duration = Duration::from_secs(1);

/// How often to check that this writer's term is still the latest while there is nothing to ship.
const TERM_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The sink, and the batches that were taken from the buffer and are not durable yet.
pub(crate) struct Shipper<S: LogWriter> {
    sink: S,
    term: Term,
    /// The state of the log after the last sealed batch.
    chain: Chain,
    /// The state of the log after the last batch that is known to be durable.
    durable: Chain,
    in_flight: VecDeque<InFlight>,
    /// How many batches of `in_flight` were appended to the sink.
    appended: usize,
    buffer: Arc<LogBuffer>,
    checkpoints: Checkpointer<S::Checkpoint>,
    /// Where those who follow find what has become durable.
    tail: Arc<Tail>,
    status: Reporter,
    /// Pause after each step: [`LINGER`] or none.
    linger: Duration,
    meters: Arc<LogMeters>,
}

/// Who learns what has become durable.
pub(crate) struct Outlets {
    pub(crate) status: watch::Sender<LogStatus>,
    pub(crate) tail: Arc<Tail>,
}

/// A batch that is not durable yet.
struct InFlight {
    batch: Batch,
    sealed: std::time::Instant,
}

/// Publishes the log's status and logs its changes.
struct Reporter {
    status: watch::Sender<LogStatus>,
    /// Set from the first error until something is durable again.
    trouble: Option<Trouble>,
}

struct Trouble {
    since: Instant,
    /// The latest error. It may differ from the first one, and be the one that the operator has to act on.
    why: SinkError,
}

impl<S: LogWriter> Shipper<S> {
    pub(crate) fn new(
        sink: S,
        term: Term,
        buffer: Arc<LogBuffer>,
        checkpoints: Checkpointer<S::Checkpoint>,
        Outlets { status, tail }: Outlets,
        linger: Duration,
        meters: Arc<LogMeters>,
    ) -> Self {
        Self {
            sink,
            term,
            chain: term.chain,
            durable: term.chain,
            in_flight: VecDeque::new(),
            appended: 0,
            buffer,
            checkpoints,
            tail,
            status: Reporter { status, trouble: None },
            linger,
            meters,
        }
    }

    /// Ships until `stop` is set, everything is durable and the sink is closed, or until the sink fails permanently.
    /// `filled` is notified when the buffer is no longer empty.
    pub(crate) async fn run(mut self, filled: &Notify, mut stop: watch::Receiver<bool>) -> Result<(), SinkError> {
        let mut pause = FIRST_PAUSE;
        loop {
            // A closed channel means that the server is gone, which counts as a stop.
            let stopping = *stop.borrow() || stop.has_changed().is_err();
            if stopping {
                // From now on nothing is added that nobody would ship.
                self.buffer.close("the server is stopping");
                self.checkpoints.end().await;
            }
            let mut shipped = self.step(filled, &mut stop).await;
            if shipped.is_ok() && stopping && self.buffer.pending() == 0 {
                self.checkpoints.at_stop(&mut self.sink, self.status.durable_lsn()).await;
                shipped = self.sink.close().await;
                if shipped.is_ok() {
                    return Ok(());
                }
            }
            if shipped.is_ok() {
                pause = FIRST_PAUSE;
                self.linger(&mut stop).await;
            }
            while let Err(e) = shipped {
                if !e.is_retryable() {
                    self.checkpoints.end().await;
                    return Err(self.give_up(e));
                }
                self.status.trouble(&e, &self.buffer);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                shipped = self.resume().await;
            }
        }
    }

    /// Makes the sink usable again. The next step appends again what is not durable.
    async fn resume(&mut self) -> Result<(), SinkError> {
        let end = {
            let mut resuming = pin!(self.sink.resume(&self.term));
            tokio::select! {
                biased;
                end = &mut resuming => end?,
                () = sleep_until(self.status.end_of_grace()) => {
                    self.status.down(false, &self.buffer);
                    resuming.await?
                }
            }
        };
        // The log must end at the last known durable batch, or at the end of a batch in flight.
        let known = self.durable == end
            || self
                .in_flight
                .iter()
                .any(|InFlight { batch, .. }| batch.last_lsn() == end.lsn && batch.checksum() == end.checksum);
        if !known {
            let (lsn, durable) = (end.lsn, self.status.durable_lsn());
            return Err(SinkError::Failed(format!(
                "the reopened log ends at lsn {lsn}; expected lsn {durable}, the last durable one, or the end of a batch in flight"
            )));
        }
        self.appended = 0;
        self.meters.reconnects.add(1);
        self.note_durable(end.lsn);
        Ok(())
    }

    /// Lets records accumulate before the next step.
    async fn linger(&self, stop: &mut watch::Receiver<bool>) {
        if !self.linger.is_zero() {
            // A timeout and a stop both continue with the next step.
            let _ = tokio::time::timeout(self.linger, stop.wait_for(|stop| *stop)).await;
        }
    }

    /// One step: takes what is in the buffer, appends it to the sink, and waits until some of it is durable or there is
    /// more.
    async fn step(&mut self, filled: &Notify, stop: &mut watch::Receiver<bool>) -> Result<(), SinkError> {
        while self.in_flight.len() < MAX_IN_FLIGHT
            && let Some(buffer) = self.buffer.take()
        {
            let batch = buffer.seal(&self.chain, self.term.epoch, self.status.durable_lsn());
            self.chain = self.chain.after(&batch);
            self.checkpoints.logged(batch.as_bytes().len());
            self.in_flight.push_back(InFlight { batch, sealed: std::time::Instant::now() });
        }
        while let Some(InFlight { batch, .. }) = self.in_flight.get(self.appended) {
            self.sink.append(batch).await?;
            self.appended += 1;
        }
        self.checkpoints.tend(&mut self.sink, self.status.durable_lsn()).await;
        self.measure();
        if self.in_flight.is_empty() {
            // Also covers a resume that found that everything is durable already.
            self.status.up();
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => {}
                () = filled.notified() => {}
                () = tokio::time::sleep(TERM_CHECK_INTERVAL) => self.sink.check_term().await?,
            }
            return Ok(());
        }
        let room = self.in_flight.len() < MAX_IN_FLIGHT;
        tokio::select! {
            // The order matters: `durable` must be polled first, because a sink may do its blocking work in it.
            biased;
            durable = self.sink.durable() => self.note_durable(durable?),
            () = filled.notified(), if room => return Ok(()),
        }
        self.status.up();
        Ok(())
    }

    fn note_durable(&mut self, durable: Lsn) {
        while let Some(InFlight { batch, sealed }) = self.in_flight.pop_front_if(|it| it.batch.last_lsn() <= durable) {
            self.meters.durable_after.add(sealed.elapsed(), 1);
            self.durable = self.durable.after(&batch);
            self.appended = self.appended.saturating_sub(1);
            self.tail.push(&batch);
            self.buffer.release(batch.body_bytes(), batch.into_memory());
        }
        self.measure();
        self.status.durable(durable);
    }

    fn measure(&self) {
        let oldest = self.in_flight.front().map(|oldest| oldest.sealed);
        self.meters.shipped(self.chain.lsn, oldest, self.checkpoints.due_in());
    }

    fn give_up(&self, why: SinkError) -> SinkError {
        self.buffer.close("the log has failed; see the server's diagnostics");
        self.status.lost(match why {
            SinkError::Fenced { .. } => LogHealth::Fenced,
            _ => LogHealth::Failed,
        });
        error!(%why, "the log has failed permanently; all writes are rejected");
        why
    }
}

impl Reporter {
    fn durable_lsn(&self) -> Lsn {
        self.status.borrow().durable
    }

    fn durable(&self, durable: Lsn) {
        self.status.send_if_modified(|status| {
            debug_assert!(durable >= status.durable, "the durable lsn never decreases");
            std::mem::replace(&mut status.durable, durable) != durable
        });
    }

    /// Something became durable, or nothing is left to be made durable.
    fn up(&mut self) {
        let Some(trouble) = self.trouble.take() else { return };
        let was_down = self.set(LogHealth::Up);
        let durable = self.durable_lsn();
        match was_down {
            true => info!(durable, "the log is available again"),
            false => warn!(durable, why = %trouble.why, "the log was lost for {:?}", trouble.since.elapsed()),
        }
    }

    /// The sink has failed temporarily. A sink that recovers at once causes no refusals: the log is down only after a
    /// second failure with nothing made durable in between.
    fn trouble(&mut self, why: &SinkError, buffer: &LogBuffer) {
        match &mut self.trouble {
            None => self.trouble = Some(Trouble { since: Instant::now(), why: why.clone() }),
            Some(trouble) => {
                let is_new = std::mem::replace(&mut trouble.why, why.clone()) != *why;
                self.down(is_new, buffer);
            }
        }
    }

    fn end_of_grace(&self) -> Instant {
        // In the past if the log is down already; reporting it again changes nothing.
        self.trouble.as_ref().map_or_else(Instant::now, |trouble| trouble.since) + GRACE
    }

    /// The log is down. Logged if that is new, or if it is `for_another_reason` than the last one logged.
    fn down(&self, for_another_reason: bool, buffer: &LogBuffer) {
        if (self.set(LogHealth::Down) || for_another_reason)
            && let Some(Trouble { why, .. }) = &self.trouble
        {
            let pending_bytes = buffer.pending();
            warn!(%why, pending_bytes, "the log is down, retrying; durable writes are rejected until it is available");
        }
    }

    fn lost(&self, health: LogHealth) {
        self.set(health);
    }

    /// Returns whether the health has changed.
    fn set(&self, health: LogHealth) -> bool {
        self.status.send_if_modified(|status| std::mem::replace(&mut status.health, health) != health)
    }
}
