//! The log as the service sends it back: checked batch by batch, and to its end, so that a stream that was cut is never taken for
//! a short log.

use bytes::Bytes;
use proto::{Batch, BatchError, Chain, Lsn};

use super::connection::{Connection, answer};
use crate::SinkError;
use crate::wire::v1::{End, ReadTransactionsRequest, read_transactions_response::Message};
use crate::wire::{Tally, whole_batch};

/// Passes every batch from the one that holds `from` to `visit`. Returns the chain at the end.
pub(super) async fn read(
    connection: &Connection,
    from: Lsn,
    visit: &mut impl AsyncFnMut(&Batch) -> Result<(), BatchError>,
) -> Result<Chain, SinkError> {
    let term = connection.term();
    let request = ReadTransactionsRequest { term: Some(term.into()), from_lsn: from };
    let mut client = connection.client();
    let mut messages = answer(client.read_transactions(request)).await?.into_inner();
    let mut received = Received { log_id: term.chain.log_id, from, tally: Tally::default(), next: None };
    loop {
        match answer(messages.message()).await?.map(|response| response.message) {
            Some(Some(Message::Batch(bytes))) => {
                let batch = received.take(&bytes)?;
                visit(&batch).await.map_err(|e| {
                    let (first, last) = (batch.first_lsn(), batch.last_lsn());
                    SinkError::Failed(format!("the batch of lsn {first} to {last} cannot be used: {e}"))
                })?;
            }
            Some(Some(Message::End(end))) => return received.finish(end),
            Some(None) => return Err(wrong("a message is empty, or of a newer protocol")),
            None => return Err(SinkError::Unavailable("the log's stream was cut off before its end".into())),
        }
    }
}

/// What has come so far.
struct Received {
    log_id: u64,
    from: Lsn,
    tally: Tally,
    /// The lsn that comes next; None before the first batch.
    next: Option<Lsn>,
}

impl Received {
    fn take(&mut self, bytes: &Bytes) -> Result<Batch, SinkError> {
        let batch = whole_batch(bytes).map_err(|e| wrong(&e.to_string()))?;
        let (first, last) = (batch.first_lsn(), batch.last_lsn());
        let fits = match self.next {
            Some(next) => first == next,
            None => first <= self.from && self.from <= last,
        };
        if batch.log_id() != self.log_id || batch.count() == 0 || !fits {
            let expected = self.next.unwrap_or(self.from);
            return Err(wrong(&format!("lsn {expected} comes next, and {batch:?} came")));
        }
        self.tally.add(&batch);
        self.next = Some(last + 1);
        Ok(batch)
    }

    fn finish(self, end: End) -> Result<Chain, SinkError> {
        let counted = Tally::from(&end);
        if counted != self.tally {
            return Err(wrong(&format!("it has sent {counted:?}, and {:?} came", self.tally)));
        }
        let chain: Chain = end.chain.ok_or_else(|| wrong("its end names no chain"))?.into();
        let ends_there = match self.next {
            Some(next) => chain.lsn + 1 == next,
            None => chain.lsn < self.from,
        };
        match ends_there && chain.log_id == self.log_id {
            true => Ok(chain),
            false => Err(wrong(&format!("it ends at {chain:?}, the batches before lsn {:?}", self.next))),
        }
    }
}

fn wrong(what: &str) -> SinkError {
    SinkError::Failed(format!("what the service has sent is not the log: {what}"))
}
