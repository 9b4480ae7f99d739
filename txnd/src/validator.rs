//! Which batch may come next: the half of exactly-once that all sinks share.

use std::collections::VecDeque;

use proto::{Batch, Chain, Epoch, Lsn};

use crate::{MAX_IN_FLIGHT, SinkError, Term};

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is next: store it.
    Store,
    /// It is already stored: acknowledge it.
    Repeat,
}

/// The end of a log as its writer extends it. Decides which batches may be appended.
#[derive(Debug)]
pub struct AppendValidator {
    epoch: Epoch,
    chain: Chain,
    /// Last lsn and checksum of the latest batches, to recognise repeats.
    recent: VecDeque<(Lsn, u32)>,
}

impl AppendValidator {
    /// The end of the log at the start of a term.
    pub fn new(term: Term) -> Self {
        Self { epoch: term.epoch, chain: term.chain, recent: VecDeque::new() }
    }

    /// The end of what was stored.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// The term's number.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Goes back to `durable`, the end of the stored log: batches that were admitted beyond it are gone.
    pub fn rewind(&mut self, durable: Chain) {
        self.chain = durable;
        self.recent.retain(|(last, _)| *last <= durable.lsn);
    }

    /// Decides what to do with `batch`. Changes nothing.
    pub fn admit(&self, batch: &Batch) -> Result<Admission, SinkError> {
        let lsn = batch.first_lsn();
        let conflict = |what| Err(SinkError::Conflict { lsn, what });
        if batch.epoch() < self.epoch {
            return Err(SinkError::Fenced { own: batch.epoch(), newer: self.epoch });
        }
        if batch.epoch() > self.epoch {
            return conflict("its epoch has not begun");
        }
        if batch.log_id() != self.chain.log_id {
            return conflict("it belongs to another log");
        }
        if batch.count() == 0 {
            return conflict("it holds no records");
        }
        if self.chain.continues_with(batch) {
            return Ok(Admission::Store);
        }
        if lsn > self.chain.lsn + 1 {
            return Err(SinkError::Gap { expected: self.chain.lsn + 1, found: lsn });
        }
        if lsn == self.chain.lsn + 1 {
            return conflict("it names another batch as the one before it");
        }
        match self.recent.iter().find(|(last, _)| *last == batch.last_lsn()) {
            Some((_, checksum)) if *checksum == batch.checksum() => Ok(Admission::Repeat),
            Some(_) => conflict("another batch is stored under its lsn"),
            None => conflict("the log has moved on, and no stored batch ends at its last lsn"),
        }
    }

    /// Records that `batch`, which was admitted, is stored.
    pub fn stored(&mut self, batch: &Batch) {
        self.chain = self.chain.after(batch);
        if self.recent.len() == MAX_IN_FLIGHT {
            self.recent.pop_front();
        }
        self.recent.push_back((batch.last_lsn(), batch.checksum()));
    }
}
