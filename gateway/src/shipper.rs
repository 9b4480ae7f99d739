//! Takes batches from the log buffer to the sink and says how far the log is durable.
//!
//! Group commit: while one group is being made durable the next one fills. Where writers wait for it (`sync`) there is no
//! timer; where they do not (`async`) a group is given [`LINGER`] to fill. At most
//! [`txnd::MAX_IN_FLIGHT`] batches are out; they are kept until they are durable, to be sent again after an error.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use engine::LogBuffer;
use proto::{Batch, Chain, Lsn};
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};
use txnd::{MAX_IN_FLIGHT, Opened, Sink, SinkError};

/// First pause before a sink is tried again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Longest pause before a sink is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long records come together before they are shipped, where nobody waits for them (`async`). It bounds what the
/// process holds back, and saves the processor from an `fdatasync` for every handful of records.
pub(crate) const LINGER: Duration = Duration::from_millis(5);

/// How the log is, as the workers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogStatus {
    /// Everything up to here is durable.
    pub(crate) durable: Lsn,
    pub(crate) health: LogHealth,
}

/// Whether the log takes records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogHealth {
    Up,
    /// It is being tried again.
    Down,
    /// It will not come back in this process.
    Failed,
}

/// A sink in use, and what was taken from the buffer and is not durable.
pub(crate) struct Shipper<S> {
    sink: S,
    opened: Opened,
    /// The log after the last batch that was sealed.
    chain: Chain,
    /// The log after the last batch that is known to be durable.
    durable: Chain,
    in_flight: VecDeque<Batch>,
    /// How many of `in_flight` the sink has taken.
    appended: usize,
    buffer: Arc<LogBuffer>,
    status: watch::Sender<LogStatus>,
    /// Pause after each turn; [`LINGER`] or none.
    linger: Duration,
    /// The latest reason that was given for the log being down.
    down_because: Option<SinkError>,
}

impl<S: Sink> Shipper<S> {
    pub(crate) fn new(
        sink: S,
        opened: Opened,
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
            status,
            linger,
            down_because: None,
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
                self.note_down(&e);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                shipped = self.resume().await;
            }
        }
    }

    /// Makes the sink usable again: what is not durable is appended again.
    async fn resume(&mut self) -> Result<(), SinkError> {
        let end = self.sink.resume(&self.opened).await?;
        // The log must end where this writer knows it to end, or where one of its batches ends.
        let known = self.durable == end
            || self.in_flight.iter().any(|batch| batch.last_lsn() == end.lsn && batch.checksum() == end.checksum);
        if !known {
            let (lsn, durable) = (end.lsn, self.status.borrow().durable);
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
            let batch = buffer.seal(&self.chain, self.opened.epoch, self.status.borrow().durable);
            self.chain = self.chain.after(&batch);
            self.in_flight.push_back(batch);
        }
        while let Some(batch) = self.in_flight.get(self.appended) {
            self.sink.append(batch).await?;
            self.appended += 1;
        }
        if self.in_flight.is_empty() {
            // Also after an error whose resume found that everything is durable.
            self.note_up();
            tokio::select! {
                () = filled.notified() => {}
                _ = stop.wait_for(|stop| *stop) => {}
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
        self.note_up();
        Ok(())
    }

    fn note_up(&self) {
        if self.status.borrow().health == LogHealth::Down {
            self.status.send_modify(|status| status.health = LogHealth::Up);
            info!(durable = self.status.borrow().durable, "the log is available again");
        }
    }

    fn note_durable(&mut self, durable: Lsn) {
        while let Some(batch) = self.in_flight.pop_front_if(|batch| batch.last_lsn() <= durable) {
            self.durable = self.durable.after(&batch);
            self.appended = self.appended.saturating_sub(1);
            self.buffer.release(batch.body_bytes(), batch.into_memory());
        }
        self.status.send_if_modified(|status| {
            debug_assert!(durable >= status.durable, "the durable lsn never goes back");
            std::mem::replace(&mut status.durable, durable) != durable
        });
    }

    fn note_down(&mut self, why: &SinkError) {
        if self.status.borrow().health == LogHealth::Up {
            self.status.send_modify(|status| status.health = LogHealth::Down);
            self.down_because = None;
        }
        // Another reason may be the one to do something about.
        if self.down_because.as_ref() != Some(why) {
            let pending_bytes = self.buffer.pending();
            warn!(%why, pending_bytes, "the log is down; it is tried again, writes that must be durable are refused meanwhile");
            self.down_because = Some(why.clone());
        }
    }

    fn give_up(&self, why: SinkError) -> SinkError {
        self.buffer.close("the log has failed; see the server's diagnostics");
        self.status.send_modify(|status| status.health = LogHealth::Failed);
        error!(%why, "the log has failed; no write is accepted any more, reads go on");
        why
    }
}
