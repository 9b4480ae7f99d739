//! Which batch may come next: the half of exactly-once that every sink shares.

use std::collections::VecDeque;

use proto::{Batch, Chain, Epoch, Lsn};

use crate::{MAX_IN_FLIGHT, SinkError, Term};

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It comes next: store it.
    Store,
    /// It is stored already: acknowledge it.
    Repeat,
}

/// The end of a log as its writer extends it.
#[derive(Debug)]
pub struct AppendValidator {
    epoch: Epoch,
    chain: Chain,
    /// Last lsn and checksum of the latest batches: what a repeat is compared with.
    recent: VecDeque<(Lsn, u32)>,
}

impl AppendValidator {
    /// The end of the log as a term begins.
    pub fn new(opened: Term) -> Self {
        Self { epoch: opened.epoch, chain: opened.chain, recent: VecDeque::new() }
    }

    /// The end of what was stored.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// The term's number.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Goes back to `durable`, where the stored log ends: what was admitted beyond it is gone.
    pub fn rewind(&mut self, durable: Chain) {
        self.chain = durable;
        self.recent.retain(|(last, _)| *last <= durable.lsn);
    }

    /// Decides about `batch` without changing anything.
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
            None => conflict("the log has gone on, and no stored batch ends where it ends"),
        }
    }

    /// Notes that `batch`, which was admitted, is stored.
    pub fn stored(&mut self, batch: &Batch) {
        self.chain = self.chain.after(batch);
        if self.recent.len() == MAX_IN_FLIGHT {
            self.recent.pop_front();
        }
        self.recent.push_back((batch.last_lsn(), batch.checksum()));
    }
}
