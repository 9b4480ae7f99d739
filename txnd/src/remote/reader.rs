//! The log as the service sends it back. It is verified batch by batch and to its end, so that a stream that was cut off is
//! never taken for a short log.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use proto::{Batch, Chain, Lsn};
use tonic::{Code, Response, Status, Streaming};

use super::connect::Connect;
use super::connection::{Client, await_response, connect};
use crate::checkpoint::CheckpointVerifier;
use crate::wire::v1::{
    End, ListCheckpointsRequest, ReadCheckpointRequest, ReadTransactionsRequest, read_transactions_response::Message,
};
use crate::wire::{StreamDigest, whole_batch};
use crate::{Bounds, Checkpoint, LogReader, SinkError, Term, VisitError, thread};

/// Reads the log of a remote service. Each call has its own connection, so that a slow reader, or one that lags far
/// behind, does not delay acknowledgements to its writer. A thread that reads again and again keeps it for a moment.
#[derive(Clone, Debug)]
pub struct RemoteReader<C> {
    connector: C,
    /// The term of the writer that it came from.
    term: Option<Term>,
    /// The same for its clones.
    identity: Arc<()>,
}

/// A connection that waits for the next read.
struct Kept {
    /// Of the reader.
    identity: Arc<()>,
    client: Client,
}

impl<C: Connect> RemoteReader<C> {
    /// A reader of the log of a remote service, independent of any writer.
    pub fn new(connector: C) -> Self {
        Self::of(connector, None)
    }

    pub(super) fn of(connector: C, term: Option<Term>) -> Self {
        Self { connector, term, identity: Arc::default() }
    }

    /// Makes a call over a connection that was kept, or else over a new one. Returns the connection, too.
    async fn call<T>(
        &self,
        call: impl AsyncFn(&mut Client) -> Result<Response<T>, Status>,
    ) -> Result<(Client, T), SinkError> {
        let is_of_this = |kept: &Kept| Arc::ptr_eq(&kept.identity, &self.identity);
        if let Some(Kept { mut client, .. }) = thread::take_kept(is_of_this)
            // If it was lost meanwhile, or whatever this one does not allow, a new one tells.
            && let Ok(response) = await_response(call(&mut client)).await
        {
            return Ok((client, response.into_inner()));
        }
        let mut client = connect(&self.connector).await?;
        let response = await_response(call(&mut client)).await?.into_inner();
        Ok((client, response))
    }

    /// Keeps a connection for the next read of this thread if the call over it is complete.
    async fn keep<T>(&self, client: Client, mut messages: Streaming<T>) {
        if let Ok(None) = await_response(messages.message()).await {
            thread::keep(Kept { identity: Arc::clone(&self.identity), client });
        }
    }
}

impl<C: Connect> LogReader for RemoteReader<C> {
    async fn bounds(&self) -> Result<Bounds, SinkError> {
        // No record has this lsn, but the end of the stream says where the log ends.
        self.read(Lsn::MAX..=Lsn::MAX, &mut async |_: &Batch| Ok(())).await
    }

    async fn read(
        &self,
        lsns: RangeInclusive<Lsn>,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<Bounds, SinkError> {
        let (from, upto) = match lsns.is_empty() {
            false => ((*lsns.start()).max(1), *lsns.end()),
            true => (Lsn::MAX, Lsn::MAX),
        };
        let request = ReadTransactionsRequest {
            term: self.term.map(Into::into),
            from_lsn: from,
            upto_lsn: upto,
            without_term: self.term.is_none(),
        };
        let (client, mut messages) = self.call(async |client| client.read_transactions(request).await).await?;
        let log_id = self.term.map(|term| term.chain.log_id);
        let mut received = Received { log_id, lsns: from..=upto, digest: StreamDigest::default(), next: None };
        loop {
            match await_response(messages.message()).await?.map(|response| response.message) {
                Some(Some(Message::Batch(bytes))) => {
                    let batch = received.take(&bytes)?;
                    // A service that does not know `upto_lsn` sends everything.
                    if batch.first_lsn() <= upto {
                        let (first, last) = (batch.first_lsn(), batch.last_lsn());
                        let unusable =
                            |e| SinkError::Failed(format!("the batch of lsn {first} to {last} cannot be used: {e}"));
                        visit(&batch).await.map_err(|e| e.into_sink_error(unusable))?;
                    }
                }
                Some(Some(Message::End(end))) => {
                    let bounds = received.finish(end)?;
                    self.keep(client, messages).await;
                    return Ok(bounds);
                }
                Some(None) => return Err(wrong("a message is empty, or of a newer protocol")),
                None => return Err(SinkError::Unavailable("the log's stream was cut off before its end".into())),
            }
        }
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, SinkError> {
        let request = ListCheckpointsRequest { term: self.term.map(Into::into), without_term: self.term.is_none() };
        let mut client = connect(&self.connector).await?;
        let listed = await_response(async {
            match client.list_checkpoints(request).await {
                // An older service keeps none.
                Err(status) if status.code() == Code::Unimplemented => Ok(Vec::new()),
                listed => listed.map(|listed| listed.into_inner().checkpoints),
            }
        });
        Ok(listed.await?.into_iter().map(Into::into).collect())
    }

    async fn read_checkpoint(
        &self,
        checkpoint: &Checkpoint,
        visit: &mut impl AsyncFnMut(&Batch) -> Result<(), VisitError>,
    ) -> Result<(), SinkError> {
        let base = checkpoint.base;
        let request = ReadCheckpointRequest {
            term: self.term.map(Into::into),
            without_term: self.term.is_none(),
            base_lsn: base,
        };
        let mut client = connect(&self.connector).await?;
        let mut messages = await_response(client.read_checkpoint(request)).await?.into_inner();
        let wrong = |what: String| SinkError::Failed(format!("the checkpoint of lsn {base} cannot be used: {what}"));
        let mut verifier = CheckpointVerifier::new(base);
        while let Some(message) = await_response(messages.message()).await? {
            let batch = whole_batch(&message.batch).map_err(|e| wrong(e.to_string()))?;
            verifier.add(&batch).map_err(wrong)?;
            visit(&batch).await.map_err(|e| e.into_sink_error(|e| wrong(e.to_string())))?;
        }
        match verifier.end() {
            Some(_) => Ok(()),
            None => Err(SinkError::Unavailable("the checkpoint's stream was cut off before its end".into())),
        }
    }
}

/// What was received so far.
struct Received {
    /// The id of the log, once known.
    log_id: Option<u64>,
    lsns: RangeInclusive<Lsn>,
    digest: StreamDigest,
    /// The next expected lsn; `None` before the first batch.
    next: Option<Lsn>,
}

impl Received {
    fn take(&mut self, bytes: &Bytes) -> Result<Batch, SinkError> {
        let batch = whole_batch(bytes).map_err(|e| wrong(&e.to_string()))?;
        let (first, last) = (batch.first_lsn(), batch.last_lsn());
        let fits = match self.next {
            Some(next) => first == next,
            None => first <= *self.lsns.start() && *self.lsns.start() <= last,
        };
        let of_log = *self.log_id.get_or_insert(batch.log_id()) == batch.log_id();
        if !of_log || batch.count() == 0 || !fits {
            let expected = self.next.unwrap_or(*self.lsns.start());
            return Err(wrong(&format!("lsn {expected} comes next, and {batch:?} came")));
        }
        self.digest.add(&batch);
        self.next = Some(last + 1);
        Ok(batch)
    }

    fn finish(self, end: End) -> Result<Bounds, SinkError> {
        let counted = StreamDigest::from(&end);
        if counted != self.digest {
            return Err(wrong(&format!("it sent {counted:?}, received {:?}", self.digest)));
        }
        let durable: Chain = end.chain.ok_or_else(|| wrong("its end has no chain"))?.into();
        let ends_there = match self.next {
            Some(next) => (durable.lsn.min(*self.lsns.end())..=durable.lsn).contains(&(next - 1)),
            None => durable.lsn < *self.lsns.start(),
        };
        match ends_there && self.log_id.is_none_or(|log_id| log_id == durable.log_id) {
            // A service that does not say where its log begins keeps all of it.
            true => Ok(Bounds { oldest: end.oldest_lsn.max(1), durable }),
            false => Err(wrong(&format!("it ends at {durable:?}, the batches before lsn {:?}", self.next))),
        }
    }
}

fn wrong(what: &str) -> SinkError {
    SinkError::Failed(format!("what the service sent is not the log: {what}"))
}
