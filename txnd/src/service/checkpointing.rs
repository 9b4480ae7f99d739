//! The checkpoint that a writer sends.
//!
//! ```text
//!   connection ── batches ──> own thread, which stores them ── finished ──> the log's thread: in use when its writer says so
//! ```
//!
//! The log's thread begins it and puts it in use. It ends one that is not finished by dropping its [`Running`].

use proto::{Batch, Lsn};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use tracing::{info, warn};

use crate::limits::CHECKPOINT_QUEUE_BATCHES;
use crate::wire::v1::{
    Begun, Stored, WriteCheckpointRequest, WriteCheckpointResponse, write_checkpoint_request::Message,
    write_checkpoint_response,
};
use crate::wire::valid_batch;
use crate::{CheckpointWriter, SinkError, status, thread};

/// A checkpoint that is being received, as the log's thread holds it.
#[derive(Debug)]
pub(super) struct Running<C> {
    pub(super) base: Lsn,
    /// The checkpoint, once all of it is stored.
    pub(super) finished: oneshot::Receiver<C>,
}

/// A checkpoint that is being received, as its connection holds it.
#[derive(Debug)]
pub(super) struct Receiving {
    batches: mpsc::Sender<Batch>,
    stored: oneshot::Receiver<Result<(), SinkError>>,
}

/// Starts the thread that stores a checkpoint.
pub(super) fn start<C: CheckpointWriter>(writer: C, base: Lsn) -> std::io::Result<(Running<C>, Receiving)> {
    let (batches, received) = mpsc::channel(CHECKPOINT_QUEUE_BATCHES);
    let (finish, finished) = oneshot::channel();
    let (tell, stored) = oneshot::channel();
    let work = move || store(writer, received, finish);
    // The connection may be gone.
    thread::run("txnd-checkpoint", work, |result| drop(tell.send(result)))?;
    Ok((Running { base, finished }, Receiving { batches, stored }))
}

async fn store<C: CheckpointWriter>(
    mut writer: C,
    mut batches: mpsc::Receiver<Batch>,
    mut finish: oneshot::Sender<C>,
) -> Result<(), SinkError> {
    let ended =
        || SinkError::Unavailable("the service has ended this checkpoint: another one or a new term began".into());
    loop {
        let batch = tokio::select! {
            biased;
            () = finish.closed() => return Err(ended()),
            batch = batches.recv() => batch,
        };
        let Some(batch) = batch else { break };
        writer.append(&batch).await?;
    }
    writer.finish().await?;
    finish.send(writer).map_err(|_| ended())
}

impl Receiving {
    /// Forwards what the client sends to the thread. Returns the service's messages, starting with `begun`.
    pub(super) fn run(
        self,
        caller: String,
        base: Lsn,
        messages: Streaming<WriteCheckpointRequest>,
        stopping: impl Future<Output = ()> + Send + 'static,
    ) -> ReceiverStream<Result<WriteCheckpointResponse, Status>> {
        use write_checkpoint_response::Message;

        let response = |message| Ok(WriteCheckpointResponse { message: Some(message) });
        let (responses, stream) = mpsc::channel(2);
        tokio::spawn(async move {
            let _ = responses.send(response(Message::Begun(Begun {}))).await;
            let received = tokio::select! {
                biased;
                received = self.receive(messages) => received,
                () = stopping => Err(status::stopping()),
                () = responses.closed() => Err(Status::cancelled("the writer disconnected")),
            };
            let last = match received {
                Ok(()) => {
                    info!(caller, base, "received a checkpoint");
                    response(Message::Stored(Stored {}))
                }
                Err(status) => {
                    warn!(caller, base, %status, "a checkpoint was not received");
                    Err(status)
                }
            };
            let _ = responses.send(last).await;
        });
        ReceiverStream::new(stream)
    }

    async fn receive(self, mut messages: Streaming<WriteCheckpointRequest>) -> Result<(), Status> {
        let Self { batches, stored } = self;
        while let Some(message) = messages.message().await? {
            let batch = match message.message {
                Some(Message::Batch(bytes)) => valid_batch(&bytes)?,
                Some(Message::Begin(_)) => {
                    return Err(Status::failed_precondition("`begin` is the first message of a stream and comes once"));
                }
                None => return Err(Status::invalid_argument("a message is empty, or of a newer protocol")),
            };
            if batches.send(batch).await.is_err() {
                break;
            }
        }
        drop(batches);
        let stored = stored.await.unwrap_or_else(|_| Err(SinkError::Unavailable("its thread has ended".into())));
        stored.map_err(|e| status::of(&e))
    }
}
