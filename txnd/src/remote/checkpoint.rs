//! A checkpoint on its way to the service, over a connection of its own.

use proto::{Batch, Lsn};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Streaming};

use super::connect::Connect;
use super::connection::{await_response, connect};
use crate::limits::CONNECT_TIMEOUT;
use crate::wire::v1::{
    BeginCheckpoint, WriteCheckpointRequest, WriteCheckpointResponse, write_checkpoint_request,
    write_checkpoint_response::Message,
};
use crate::{CheckpointWriter, SinkError, Term};

/// A checkpoint that is being sent, or was stored by the service and is not in use yet.
#[derive(Debug)]
pub struct RemoteCheckpoint<C> {
    connector: C,
    term: Term,
    pub(super) base: Lsn,
    /// `None` before the first batch and after the last one.
    stream: Option<Stream>,
}

#[derive(Debug)]
struct Stream {
    /// Capacity 1. `None` after the last batch.
    to_service: Option<mpsc::Sender<WriteCheckpointRequest>>,
    from_service: Streaming<WriteCheckpointResponse>,
}

impl<C: Connect> RemoteCheckpoint<C> {
    /// Begins a checkpoint. Connects when the first batch comes.
    pub(super) fn begin(connector: C, term: Term, base: Lsn) -> Self {
        Self { connector, term, base, stream: None }
    }

    async fn stream(&mut self) -> Result<&mut Stream, SinkError> {
        match &mut self.stream {
            Some(stream) => Ok(stream),
            none => Ok(none.insert(Stream::begin(&self.connector, self.term, self.base).await?)),
        }
    }
}

impl Stream {
    async fn begin(connector: &impl Connect, term: Term, base: Lsn) -> Result<Self, SinkError> {
        let mut client = connect(connector).await?;
        let (to_service, messages) = mpsc::channel(1);
        let begin = BeginCheckpoint { term: Some(term.into()), base_lsn: base };
        let begin = request(write_checkpoint_request::Message::Begin(begin));
        to_service.try_send(begin).expect("the channel has room for one message");
        let response = await_response(client.write_checkpoint(ReceiverStream::new(messages)));
        let mut stream = Self { to_service: Some(to_service), from_service: response.await.map(Response::into_inner)? };
        match stream.next().await? {
            Message::Begun(_) => Ok(stream),
            other => Err(unexpected(&other)),
        }
    }

    async fn next(&mut self) -> Result<Message, SinkError> {
        let message = await_response(self.from_service.message()).await?.and_then(|response| response.message);
        message.ok_or_else(|| SinkError::Unavailable("the service has ended the stream of a checkpoint".into()))
    }
}

impl<C: Connect> CheckpointWriter for RemoteCheckpoint<C> {
    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let stream = self.stream().await?;
        let message = request(write_checkpoint_request::Message::Batch(batch.to_bytes()));
        if let Some(to_service) = &stream.to_service
            && to_service.send(message).await.is_ok()
        {
            return Ok(());
        }
        // The stream has ended; its status says why.
        match tokio::time::timeout(CONNECT_TIMEOUT, stream.next()).await {
            Ok(Err(why)) => Err(why),
            Ok(Ok(other)) => Err(unexpected(&other)),
            Err(_) => Err(SinkError::Unavailable("the stream of a checkpoint broke".into())),
        }
    }

    async fn finish(&mut self) -> Result<(), SinkError> {
        let Some(mut stream) = self.stream.take() else {
            return Err(SinkError::Failed("the checkpoint has no end".into()));
        };
        stream.to_service = None;
        match stream.next().await? {
            Message::Stored(_) => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}

fn request(message: write_checkpoint_request::Message) -> WriteCheckpointRequest {
    WriteCheckpointRequest { message: Some(message) }
}

fn unexpected(message: &Message) -> SinkError {
    SinkError::Failed(format!("the service sent an unexpected {message:?}"))
}
