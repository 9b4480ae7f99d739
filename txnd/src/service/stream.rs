//! One stream of a writer, between its connection and the log's thread.
//!
//! Batches are decoded and checked here, so that the log's thread only stores them. They wait within [`QUEUE_BYTES`]. In the
//! other direction only the highest durable lsn counts, so a writer that reads slowly blocks nothing.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use proto::{Batch, Chain, Lsn};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::limits::QUEUE_BYTES;
use crate::meters;
use crate::wire::v1::{
    Closed, WriteTransactionsRequest, WriteTransactionsResponse, write_transactions_request,
    write_transactions_response,
};
use crate::wire::valid_batch;
use crate::{MAX_IN_FLIGHT, Term, status};

const _: () = assert!(QUEUE_BYTES <= Semaphore::MAX_PERMITS && QUEUE_BYTES <= u32::MAX as usize);

/// What a writer sent.
#[derive(Debug)]
pub(super) enum Item {
    Batch(Received),
    /// Make everything durable and end the term.
    Close,
    /// An invalid message, or an error on the stream: the stream ends with this status.
    Wrong(Status),
}

/// A valid batch, from the first byte to the last, of the stream's term.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) batch: Batch,
    pub(super) at: Instant,
    /// Its share of the queue, released when the sink has accepted it.
    _room: OwnedSemaphorePermit,
}

/// What the log's thread tells a stream.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// Everything up to here is durable.
    durable: Lsn,
    /// How the stream ends.
    ending: Option<Result<(), Status>>,
}

/// The end of the stream that the log's thread holds.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) term: Term,
    pub(super) caller: String,
    pub(super) items: mpsc::Receiver<Item>,
    progress: watch::Sender<Progress>,
}

impl Attached {
    pub(super) fn note_durable(&self, durable: Lsn) {
        self.progress.send_modify(|progress| progress.durable = durable);
    }

    /// Ends the stream after everything that was recorded.
    pub(super) fn end(self, ending: Result<(), Status>) {
        self.progress.send_modify(|progress| progress.ending = Some(ending));
    }
}

/// The end of the stream that its connection holds.
#[derive(Debug)]
pub(super) struct Ends {
    term: Term,
    items: mpsc::Sender<Item>,
    progress: watch::Receiver<Progress>,
}

/// Both ends of a new stream.
pub(super) fn pair(term: Term, caller: String) -> (Attached, Ends) {
    let (send_item, items) = mpsc::channel(MAX_IN_FLIGHT);
    let (progress, receive_progress) = watch::channel(Progress { durable: 0, ending: None });
    let attached = Attached { term, caller, items, progress };
    (attached, Ends { term, items: send_item, progress: receive_progress })
}

impl Ends {
    /// Forwards messages in both directions until the stream ends. Returns the service's messages, starting with
    /// `resumed`.
    pub(super) fn run(
        self,
        messages: Streaming<WriteTransactionsRequest>,
        resumed: Chain,
    ) -> ReceiverStream<Result<WriteTransactionsResponse, Status>> {
        let Self { term, items, progress } = self;
        let (responses, stream) = mpsc::channel(1);
        tokio::spawn(async move {
            // A writer that sends no more may still be owed a response.
            let up = async {
                pass_up(messages, term, items).await;
                std::future::pending().await
            };
            tokio::select! {
                biased;
                () = up => {}
                () = pass_down(progress, resumed, responses) => {}
            }
        });
        ReceiverStream::new(stream)
    }
}

/// Forwards what the writer sends until something ends it.
async fn pass_up(mut messages: Streaming<WriteTransactionsRequest>, term: Term, items: mpsc::Sender<Item>) {
    let queue = Arc::new(Semaphore::new(QUEUE_BYTES));
    loop {
        let item = match messages.message().await {
            Ok(Some(WriteTransactionsRequest { message: Some(message) })) => item(message, &term, &queue).await,
            Ok(Some(_)) => {
                Item::Wrong(Status::invalid_argument("a message of this stream is empty, or of a newer protocol"))
            }
            Ok(None) => return,
            Err(e) => match e.code() {
                // The library's code for data that is not a message at all.
                Code::Internal => Item::Wrong(Status::invalid_argument(e.message())),
                // Too large; compressed.
                Code::OutOfRange | Code::Unimplemented => Item::Wrong(e),
                // The connection, or the call, is gone.
                _ => return,
            },
        };
        let is_last = !matches!(item, Item::Batch(_));
        if items.send(item).await.is_err() || is_last {
            return;
        }
    }
}

async fn item(message: write_transactions_request::Message, term: &Term, queue: &Arc<Semaphore>) -> Item {
    use write_transactions_request::Message;

    let bytes = match message {
        Message::Batch(bytes) => bytes,
        Message::Close(_) => return Item::Close,
        Message::Resume(_) => {
            return Item::Wrong(Status::failed_precondition(
                "`resume` is the first message of a stream and comes once",
            ));
        }
    };
    let at = Instant::now();
    match checked(&bytes, term) {
        Ok(batch) => {
            meters::received(&batch);
            let permits = bytes.len().min(QUEUE_BYTES) as u32;
            let _room = Arc::clone(queue).acquire_many_owned(permits).await.expect("the semaphore is never closed");
            Item::Batch(Received { batch, at, _room })
        }
        Err(refused) => Item::Wrong(refused),
    }
}

/// Decodes the batch in `bytes` and checks that a log of this term may hold it.
fn checked(bytes: &Bytes, term: &Term) -> Result<Batch, Status> {
    let batch = valid_batch(bytes)?;
    let (epoch, log_id) = (batch.epoch(), batch.log_id());
    if epoch != term.epoch || log_id != term.chain.log_id {
        return Err(Status::failed_precondition(format!(
            "the batch is of epoch {epoch} and log {log_id:016x}, its stream of epoch {} and log {:016x}",
            term.epoch, term.chain.log_id
        )));
    }
    if batch.count() == 0 || batch.is_sealed() {
        return Err(Status::invalid_argument("the batch is a mark, which only the storage writes"));
    }
    Ok(batch)
}

/// Tells the writer what is durable, and how the stream ends.
async fn pass_down(
    mut progress: watch::Receiver<Progress>,
    resumed: Chain,
    responses: mpsc::Sender<Result<WriteTransactionsResponse, Status>>,
) {
    use write_transactions_response::Message;

    let response = |message| Ok(WriteTransactionsResponse { message: Some(message) });
    let mut told = resumed.lsn;
    let mut next = response(Message::Resumed(resumed.into()));
    // A send error means that the writer disconnected.
    while responses.send(next).await.is_ok() {
        next = loop {
            let Progress { durable, ending } = progress.borrow_and_update().clone();
            if durable > told {
                told = durable;
                break response(Message::DurableLsn(durable));
            }
            match ending {
                Some(Ok(())) => {
                    let _ = responses.send(response(Message::Closed(Closed {}))).await;
                    return;
                }
                Some(Err(status)) => {
                    let _ = responses.send(Err(status)).await;
                    return;
                }
                None => {}
            }
            tokio::select! {
                biased;
                changed = progress.changed() => if changed.is_err() {
                    let _ = responses.send(Err(status::stopping())).await;
                    return;
                },
                () = responses.closed() => return,
            }
        };
    }
}
