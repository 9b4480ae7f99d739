//! A shipper for tests: takes what waits in a log buffer, seals it and keeps it.

// Every test binary that includes this file uses a part of it.
#![allow(dead_code)]

use std::sync::Arc;

use engine::{Engine, LogBuffer, Options};
use proto::{Batch, Chain, Lsn, Record};

/// The batches of one log from its beginning.
#[derive(Debug)]
pub(crate) struct Shipped {
    chain: Chain,
    batches: Vec<Batch>,
}

impl Shipped {
    pub(crate) fn nothing() -> Self {
        Self { chain: Chain::start(1), batches: Vec::new() }
    }

    /// Everything that waits in `log`, which is a new one.
    pub(crate) fn all_of(log: &LogBuffer) -> Self {
        let mut shipped = Self::nothing();
        while shipped.ship_one(log) {}
        shipped
    }

    /// Takes one buffer, seals it and gives its bytes back to the budget. False when there was none.
    pub(crate) fn ship_one(&mut self, log: &LogBuffer) -> bool {
        let Some(buffer) = log.take() else { return false };
        assert!(!buffer.is_empty(), "a buffer without records was taken");
        let batch = buffer.seal(&self.chain, 0, 0);
        assert!(self.chain.continues_with(&batch), "buffers are taken in order and without a gap");
        self.chain = self.chain.after(&batch);
        log.release(batch.body_bytes(), None);
        self.batches.push(batch);
        true
    }

    pub(crate) fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// Applies every batch to `engine`.
    pub(crate) fn replay_into(&self, engine: &Engine) {
        self.batches.iter().for_each(|batch| engine.replay_batch(batch).expect("the engine writes readable records"));
    }

    /// A new engine in the state that the log describes.
    pub(crate) fn recovered(&self) -> Engine {
        let engine = Engine::new(Options::default());
        self.replay_into(&engine);
        engine
    }

    pub(crate) fn last_lsn(&self) -> Lsn {
        self.chain.lsn
    }

    /// All records, in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.batches.iter().flat_map(Batch::records).map(|record| record.expect("the engine writes readable records"))
    }
}

/// A log from lsn 1 that nobody waits for.
pub(crate) fn quiet_log(budget: usize) -> Arc<LogBuffer> {
    Arc::new(LogBuffer::new(1, budget, Box::new(|| ())))
}

/// An engine that records in a new log without a budget.
pub(crate) fn recorded(options: Options) -> (Engine, Arc<LogBuffer>) {
    let log = quiet_log(usize::MAX);
    let mut engine = Engine::new(options);
    engine.attach_log(Arc::clone(&log));
    (engine, log)
}
