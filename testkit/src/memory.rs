//! An in-memory log: it outlives its handles, and fails on request.

use std::ops::RangeInclusive;
use std::sync::Arc;

use parking_lot::Mutex;
use proto::{Batch, Chain, Lsn};
use tokio::sync::watch;
use txnd::{
    Admission, AppendValidator, Bounds, LogReader, LogWriter, NoCheckpoints, SinkError, Term, Terms, VisitError,
};

/// Number of batches that a reader takes per lock.
const AT_A_TIME: usize = 16;

/// The storage, which is also its reader. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryLog {
    state: Arc<Mutex<State>>,
    stalled: Arc<watch::Sender<bool>>,
}

/// Faults for the next calls. Each counter counts down to 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Number of appends that fail before anything is stored.
    pub refuse_appends: u32,
    /// Number of calls to `durable` that fail although everything has become durable: the acknowledgement is lost.
    pub lose_acks: u32,
    /// Number of calls to `durable` after which everything that is not durable is lost, as in a power failure of the
    /// storage.
    pub lose_tails: u32,
    /// `durable` fails permanently.
    pub fail_for_good: bool,
}

#[derive(Debug)]
struct State {
    intake: AppendValidator,
    terms: Terms,
    batches: Vec<Batch>,
    durable: Chain,
    faults: Faults,
}

/// A writer's handle on a [`MemoryLog`].
#[derive(Debug)]
pub struct MemorySink {
    log: MemoryLog,
    epoch: u64,
}

impl Default for MemoryLog {
    fn default() -> Self {
        let chain = Chain::start(rand::random());
        let intake = AppendValidator::new(Term { epoch: 0, chain });
        let state =
            State { intake, terms: Terms::default(), batches: Vec::new(), durable: chain, faults: Faults::default() };
        Self { state: Arc::new(Mutex::new(state)), stalled: Arc::new(watch::Sender::new(false)) }
    }
}

impl MemoryLog {
    /// A handle for one writer.
    pub fn sink(&self) -> MemorySink {
        MemorySink { log: self.clone(), epoch: 0 }
    }

    /// Sets the next faults.
    pub fn inject(&self, faults: Faults) {
        self.state.lock().faults = faults;
    }

    /// Loses what is not durable, as in a power failure.
    pub fn lose_tail(&self) {
        self.state.lock().lose_tail();
    }

    /// While stalled, `durable` does not return.
    pub fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }
}

impl State {
    fn lose_tail(&mut self) {
        let durable = self.durable;
        self.batches.retain(|batch| batch.last_lsn() <= durable.lsn);
        self.intake.rewind(durable);
    }
}

impl MemorySink {
    fn state(&self) -> Result<parking_lot::MutexGuard<'_, State>, SinkError> {
        let state = self.log.state.lock();
        match state.intake.epoch() {
            newer if newer != self.epoch => Err(SinkError::Fenced { own: self.epoch, newer }),
            _ => Ok(state),
        }
    }
}

/// Counts a fault down; returns whether it happens.
fn strikes(counter: &mut u32) -> bool {
    let strikes = *counter > 0;
    *counter = counter.saturating_sub(1);
    strikes
}

impl LogReader for MemoryLog {
    async fn bounds(&self) -> Result<Bounds, SinkError> {
        Ok(Bounds { oldest: 1, durable: self.state.lock().durable })
    }

    async fn read(
        &self,
        lsns: RangeInclusive<Lsn>,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<Bounds, SinkError> {
        let bounds = self.bounds().await?;
        let (mut next, upto) = bounds.readable(&lsns)?.into_inner();
        while next <= upto {
            // The writer waits for a few batches at a time.
            let some: Vec<Batch> = {
                let state = self.state.lock();
                let first = state.batches.partition_point(|batch| batch.last_lsn() < next);
                let wanted = state.batches[first..].iter().take_while(|batch| batch.first_lsn() <= upto);
                wanted.take(AT_A_TIME).cloned().collect()
            };
            for batch in &some {
                visit(batch).await.map_err(|e| e.into_sink_error(|e| SinkError::Failed(e.to_string())))?;
                next = batch.last_lsn() + 1;
            }
        }
        Ok(bounds)
    }
}

impl LogWriter for MemorySink {
    type Reader = MemoryLog;
    type Checkpoint = NoCheckpoints;

    fn reader(&self) -> MemoryLog {
        self.log.clone()
    }

    async fn open(&mut self) -> Result<Term, SinkError> {
        let mut state = self.log.state.lock();
        state.lose_tail();
        let opened = Term { epoch: state.intake.epoch() + 1, chain: state.durable };
        state.intake = AppendValidator::new(opened);
        state.terms.begin(opened.start());
        self.epoch = opened.epoch;
        Ok(opened)
    }

    fn terms(&self) -> Terms {
        self.log.state.lock().terms.clone()
    }

    async fn resume(&mut self, term: &Term) -> Result<Chain, SinkError> {
        self.epoch = term.epoch;
        let durable = self.state()?.durable;
        term.check_resumed(&durable)?;
        Ok(durable)
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let mut state = self.state()?;
        if strikes(&mut state.faults.refuse_appends) {
            return Err(SinkError::Unavailable("injected: append refused".into()));
        }
        if state.intake.admit(batch)? == Admission::Store {
            state.intake.stored(batch);
            state.batches.push(batch.clone());
        }
        Ok(())
    }

    async fn durable(&mut self) -> Result<Lsn, SinkError> {
        let mut stalled = self.log.stalled.subscribe();
        stalled.wait_for(|stalled| !stalled).await.map_err(|e| SinkError::Failed(e.to_string()))?;
        let mut state = self.state()?;
        if state.faults.fail_for_good {
            return Err(SinkError::Failed("injected: failed for good".into()));
        }
        if strikes(&mut state.faults.lose_tails) {
            state.lose_tail();
            return Err(SinkError::Unavailable("injected: the tail is lost".into()));
        }
        state.durable = state.intake.chain();
        if strikes(&mut state.faults.lose_acks) {
            return Err(SinkError::Unavailable("injected: the acknowledgement is lost".into()));
        }
        Ok(state.durable.lsn)
    }

    async fn check_term(&mut self) -> Result<(), SinkError> {
        self.state().map(drop)
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        let mut state = self.state()?;
        state.durable = state.intake.chain();
        Ok(())
    }
}
