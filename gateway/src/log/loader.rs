//! Fills an engine from a checkpoint or a log on all cores. Each thread gets every batch and applies the records of its own
//! keys, so the order of a key's records is the log's, and no thread waits for another one's locks.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use engine::{Engine, Share};
use proto::{Batch, BatchError, Lsn};
use txnd::{Location, SinkError};

/// Batches that wait for a thread. A batch has about a megabyte, or one large value; the threads share it.
const QUEUE: usize = 4;

/// Most threads: each of them decodes everything, which takes about a fifth of the time of applying it.
const MAX_LANES: usize = 8;

/// The threads, and the engine that they fill.
pub(crate) struct Loader {
    engine: Arc<Engine>,
    /// None on a machine with one core.
    lanes: Vec<Lane>,
}

struct Lane {
    batches: SyncSender<Batch>,
    thread: JoinHandle<Result<(), Unusable>>,
}

/// A batch that cannot be used, which leaves the engine with a part of it.
#[derive(Debug, thiserror::Error)]
#[error("the batch of {first} to {last} cannot be used: {error}")]
pub(crate) struct Unusable {
    first: Lsn,
    last: Lsn,
    error: BatchError,
}

impl Unusable {
    /// The error for a batch of the log.
    pub(crate) fn in_log(self) -> SinkError {
        SinkError::Corrupt { place: Location::Other("the log".into()), lsn: self.first, what: self.to_string() }
    }

    /// The error for a batch of the checkpoint of the lsn `base`.
    pub(crate) fn in_checkpoint(self, base: Lsn) -> SinkError {
        let place = Location::Other(format!("the checkpoint of lsn {base}"));
        SinkError::Corrupt { place, lsn: base, what: self.to_string() }
    }
}

fn apply(engine: &Engine, batch: &Batch, share: Share) -> Result<(), Unusable> {
    let unusable = |error| Unusable { first: batch.first_lsn(), last: batch.last_lsn(), error };
    engine.replay_share(batch, share).map_err(unusable)
}

impl Lane {
    fn start(engine: &Arc<Engine>, share: Share) -> Option<Self> {
        let engine = Arc::clone(engine);
        let (batches, received) = sync_channel::<Batch>(QUEUE);
        let load = move || received.iter().try_for_each(|batch| apply(&engine, &batch, share));
        let thread = std::thread::Builder::new().name("kvs-load".into()).spawn(load).ok()?;
        Some(Self { batches, thread })
    }

    fn join(self) -> Result<(), Unusable> {
        drop(self.batches);
        self.thread.join().expect("loading does not panic")
    }
}

impl Loader {
    /// Begins to fill an engine.
    pub(crate) fn new(engine: Engine) -> Self {
        let engine = Arc::new(engine);
        let lanes = match std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_LANES)) {
            1 => None,
            // All of them or none: each has its keys.
            cores => Share::all(cores).map(|share| Lane::start(&engine, share)).collect(),
        };
        Self { engine, lanes: lanes.unwrap_or_default() }
    }

    /// The engine, which is being filled.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Applies a batch, now or later. Waits while the threads have enough to do.
    pub(crate) fn load(&mut self, batch: &Batch) -> Result<(), Unusable> {
        if self.lanes.is_empty() {
            return apply(&self.engine, batch, Share::ALL);
        }
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].batches.send(batch.clone()).is_err() {
                // It has ended because of an error.
                return self.lanes.swap_remove(lane).join();
            }
        }
        Ok(())
    }

    /// The engine, once everything is loaded.
    pub(crate) fn finish(self) -> Result<Engine, Unusable> {
        self.lanes.into_iter().try_for_each(Lane::join)?;
        Ok(Arc::into_inner(self.engine).expect("the threads have ended"))
    }
}
