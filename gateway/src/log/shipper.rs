//! Takes batches from the log buffer to the sink and says how far the log is durable.
//!
//! Group commit: while one group is being made durable the next one fills. Where writers wait for it (`sync`) there is no
//! timer; where they do not (`async`) a group is given [`LINGER`] to fill. At most
//! [`txnd::MAX_IN_FLIGHT`] batches are out; they are kept until they are durable, to be sent again after an error.

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

use super::status::{LogHealth, LogStatus};

/// First pause before a sink is tried again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Longest pause before a sink is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long records come together before they are shipped, where nobody waits for them (`async`). It bounds what the
/// process holds back, and saves the processor from an `fdatasync` for every handful of records.
pub(crate) const LINGER: Duration = Duration::from_millis(5);

/// How long a log that was lost may take to come back before it counts as down. Until then writes wait for it.
const GRACE: Duration = Duration::from_secs(1);

/// Pause between two looks at whether this writer's term is still the latest, while there is nothing to ship.
const TERM_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A sink in use, and what was taken from the buffer and is not durable.
pub(crate) struct Shipper<S> {
    sink: S,
    opened: Term,
    /// The log after the last batch that was sealed.
    chain: Chain,
    /// The log after the last batch that is known to be durable.
    durable: Chain,
    in_flight: VecDeque<Batch>,
    /// How many of `in_flight` the sink has taken.
    appended: usize,
    buffer: Arc<LogBuffer>,
    status: Reporter,
    /// Pause after each turn; [`LINGER`] or none.
    linger: Duration,
}

/// Says how the log is.
struct Reporter {
    status: watch::Sender<LogStatus>,
    /// Set from the first error until something is durable again.
    trouble: Option<Trouble>,
}

struct Trouble {
    since: Instant,
    /// The latest reason; another one may be the one to do something about.
    why: SinkError,
}

impl<S: LogWriter> Shipper<S> {
    pub(crate) fn new(
        sink: S,
        opened: Term,
        buffer: Arc<LogBuffer>,
        status: watch::Sender<LogStatus>,
        linger: Duration,
    ) -> Self {
        Self {
            sink,
            opened,
            chain: opened.chain,
            durable: opened.chain,
            in_flight: VecDeque::new(),
            appended: 0,
            buffer,
            status: Reporter { status, trouble: None },
            linger,
        }
    }

    /// Ships until `stop` is set and everything is durable and the sink closed, or until the sink fails for good. `filled` is
    /// notified when the buffer has something after it had nothing.
    pub(crate) async fn run(mut self, filled: &Notify, mut stop: watch::Receiver<bool>) -> Result<(), SinkError> {
        let mut pause = FIRST_PAUSE;
        loop {
            // A closed channel means that the server is gone: as good as a stop.
            let stopping = *stop.borrow() || stop.has_changed().is_err();
            let mut shipped = self.step(filled, &mut stop).await;
            if shipped.is_ok() && stopping && self.buffer.pending() == 0 {
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
                    return Err(self.give_up(e));
                }
                self.status.trouble(&e, &self.buffer);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                shipped = self.resume().await;
            }
        }
    }

    /// Makes the sink usable again: what is not durable is appended again.
    async fn resume(&mut self) -> Result<(), SinkError> {
        let end = {
            let mut resuming = pin!(self.sink.resume(&self.opened));
            tokio::select! {
                end = &mut resuming => end?,
                () = sleep_until(self.status.end_of_grace()) => {
                    self.status.down(false, &self.buffer);
                    resuming.await?
                }
            }
        };
        // The log must end where this writer knows it to end, or where one of its batches ends.
        let known = self.durable == end
            || self.in_flight.iter().any(|batch| batch.last_lsn() == end.lsn && batch.checksum() == end.checksum);
        if !known {
            let (lsn, durable) = (end.lsn, self.status.durable_lsn());
            return Err(SinkError::Failed(format!(
                "the log came back with its end at lsn {lsn}; durable was {durable}, and what was sent does not end there"
            )));
        }
        self.appended = 0;
        self.note_durable(end.lsn);
        Ok(())
    }

    /// Lets records come together before the next turn.
    async fn linger(&self, stop: &mut watch::Receiver<bool>) {
        if !self.linger.is_zero() {
            // Either way it goes on.
            let _ = tokio::time::timeout(self.linger, stop.wait_for(|stop| *stop)).await;
        }
    }

    /// One turn: take what there is, hand it over, wait until some of it is durable or there is more.
    async fn step(&mut self, filled: &Notify, stop: &mut watch::Receiver<bool>) -> Result<(), SinkError> {
        while self.in_flight.len() < MAX_IN_FLIGHT
            && let Some(buffer) = self.buffer.take()
        {
            let batch = buffer.seal(&self.chain, self.opened.epoch, self.status.durable_lsn());
            self.chain = self.chain.after(&batch);
            self.in_flight.push_back(batch);
        }
        while let Some(batch) = self.in_flight.get(self.appended) {
            self.sink.append(batch).await?;
            self.appended += 1;
        }
        if self.in_flight.is_empty() {
            // Also after an error whose resume found that everything is durable.
            self.status.up();
            tokio::select! {
                () = filled.notified() => {}
                _ = stop.wait_for(|stop| *stop) => {}
                () = tokio::time::sleep(TERM_CHECK_INTERVAL) => self.sink.check_term().await?,
            }
            return Ok(());
        }
        let room = self.in_flight.len() < MAX_IN_FLIGHT;
        tokio::select! {
            // In this order: a sink that blocks in `durable` is asked before it is known whether there is more.
            biased;
            durable = self.sink.durable() => self.note_durable(durable?),
            () = filled.notified(), if room => return Ok(()),
        }
        self.status.up();
        Ok(())
    }

    fn note_durable(&mut self, durable: Lsn) {
        while let Some(batch) = self.in_flight.pop_front_if(|batch| batch.last_lsn() <= durable) {
            self.durable = self.durable.after(&batch);
            self.appended = self.appended.saturating_sub(1);
            self.buffer.release(batch.body_bytes(), batch.into_memory());
        }
        self.status.durable(durable);
    }

    fn give_up(&self, why: SinkError) -> SinkError {
        self.buffer.close("the log has failed, see the server's diagnostics");
        self.status.lost(match why {
            SinkError::Fenced { .. } => LogHealth::Fenced,
            _ => LogHealth::Failed,
        });
        error!(%why, "the log has failed; no write is accepted any more");
        why
    }
}

impl Reporter {
    fn durable_lsn(&self) -> Lsn {
        self.status.borrow().durable
    }

    fn durable(&self, durable: Lsn) {
        self.status.send_if_modified(|status| {
            debug_assert!(durable >= status.durable, "the durable lsn never goes back");
            std::mem::replace(&mut status.durable, durable) != durable
        });
    }

    /// Something was made durable, or everything is.
    fn up(&mut self) {
        let Some(trouble) = self.trouble.take() else { return };
        let was_down = self.set(LogHealth::Up);
        let durable = self.durable_lsn();
        match was_down {
            true => info!(durable, "the log is available again"),
            false => warn!(durable, why = %trouble.why, "the log was lost for {:?}", trouble.since.elapsed()),
        }
    }

    /// The sink has failed for now. One that comes back at once refuses nobody; after the second failure without anything made
    /// durable in between the log is down.
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
        // Long ago when it is down already: to say so again changes nothing.
        self.trouble.as_ref().map_or_else(Instant::now, |trouble| trouble.since) + GRACE
    }

    /// The log is down, or still is; `for_another_reason` than the one that was said.
    fn down(&self, for_another_reason: bool, buffer: &LogBuffer) {
        if (self.set(LogHealth::Down) || for_another_reason)
            && let Some(Trouble { why, .. }) = &self.trouble
        {
            let pending_bytes = buffer.pending();
            warn!(%why, pending_bytes, "the log is down, retrying; durable writes are refused meanwhile");
        }
    }

    fn lost(&self, health: LogHealth) {
        self.set(health);
    }

    /// Returns whether it was another one before.
    fn set(&self, health: LogHealth) -> bool {
        self.status.send_if_modified(|status| std::mem::replace(&mut status.health, health) != health)
    }
}
