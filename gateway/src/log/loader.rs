//! Loads a checkpoint on all cores: each entry is in it once, so the order does not matter.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use engine::Engine;
use proto::{Batch, BatchError};

/// Batches that wait for a thread. A batch has about a megabyte, or one large value.
const QUEUE: usize = 2;

/// The threads, and the engine that they fill.
pub(super) struct Loader {
    engine: Arc<Engine>,
    entries: u64,
    /// None on a machine with one core.
    lanes: Vec<Lane>,
    /// The lane that gets the next batch.
    next: usize,
}

struct Lane {
    batches: SyncSender<Batch>,
    thread: JoinHandle<Result<(), BatchError>>,
}

impl Lane {
    fn start(engine: &Arc<Engine>) -> Option<Self> {
        let engine = Arc::clone(engine);
        let (batches, received) = sync_channel::<Batch>(QUEUE);
        let load = move || received.iter().try_for_each(|batch| engine.replay_batch(&batch));
        let thread = std::thread::Builder::new().name("kvs-load".into()).spawn(load).ok()?;
        Some(Self { batches, thread })
    }

    fn join(self) -> Result<(), BatchError> {
        drop(self.batches);
        self.thread.join().expect("loading does not panic")
    }
}

impl Loader {
    /// Begins to fill an empty engine, which will have so many entries.
    pub(super) fn new(engine: Engine, entries: u64) -> Self {
        let engine = Arc::new(engine);
        let cores = match std::thread::available_parallelism() {
            Ok(cores) if cores.get() > 1 => cores.get(),
            _ => 0,
        };
        let lanes = (0..cores).map_while(|_| Lane::start(&engine)).collect();
        Self { engine, entries, lanes, next: 0 }
    }

    /// Loads a batch, now or later. Waits while all threads have enough to do.
    pub(super) fn load(&mut self, batch: &Batch) -> Result<(), BatchError> {
        self.engine.expect(batch.first_lsn() - 1, self.entries);
        if self.lanes.is_empty() {
            return self.engine.replay_batch(batch);
        }
        self.next = (self.next + 1) % self.lanes.len();
        match self.lanes[self.next].batches.send(batch.clone()) {
            Ok(()) => Ok(()),
            // It has ended because of an error.
            Err(_) => self.lanes.swap_remove(self.next).join(),
        }
    }

    /// The engine, once everything is loaded.
    pub(super) fn finish(self) -> Result<Engine, BatchError> {
        self.lanes.into_iter().try_for_each(Lane::join)?;
        let engine = Arc::into_inner(self.engine).expect("the threads have ended");
        engine.fit();
        Ok(engine)
    }
}
