//! One connection to the service, with a writer's stream on it.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use proto::{Batch, Chain, Lsn};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use super::connect::Connect;
use crate::limits::{CONNECT_TIMEOUT, MAX_MESSAGE_BYTES, RESPONSE_TIMEOUT};
use crate::wire::v1::transaction_service_client::TransactionServiceClient;
use crate::wire::v1::{
    Close, KeepCheckpointRequest, OpenRequest, OpenResponse, WriteTransactionsRequest, WriteTransactionsResponse,
    write_transactions_request, write_transactions_response,
};
use crate::{Checkpoint, SinkError, Term, Terms, status};

/// The calls of the service.
pub(super) type Client = TransactionServiceClient<Channel>;

/// A connection whose stream is attached to the log. Dropping it ends the stream.
#[derive(Debug)]
pub(super) struct Connection {
    term: Term,
    client: Client,
    /// Capacity 1: the writer keeps everything that waits anyway.
    to_service: mpsc::Sender<WriteTransactionsRequest>,
    from_service: Streaming<WriteTransactionsResponse>,
    acknowledged: Lsn,
}

/// Connects to the service.
pub(super) async fn connect(connector: &impl Connect) -> Result<Client, SinkError> {
    let unavailable = |why: String| SinkError::Unavailable(format!("cannot connect to the transaction service: {why}"));
    let channel = tokio::time::timeout(CONNECT_TIMEOUT, connector.connect())
        .await
        .map_err(|_| unavailable(format!("no response within {CONNECT_TIMEOUT:?}")))?
        .map_err(|e| unavailable(status::causes(&*e)))?;
    Ok(Client::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES).max_encoding_message_size(MAX_MESSAGE_BYTES))
}

/// Begins a term. Returns it, and where all terms of the log begin.
pub(super) async fn open(client: &mut Client) -> Result<(Term, Terms), SinkError> {
    let OpenResponse { term, terms } = await_response(client.open(OpenRequest {})).await?.into_inner();
    let opened = || {
        let term: Term = term.ok_or_else(|| Status::data_loss("the response to Open holds no term"))?.try_into()?;
        let mut terms = Terms::of_starts(terms.iter().map(From::from))
            .ok_or_else(|| Status::data_loss("the terms in the response to Open do not ascend"))?;
        // A service that does not know the field sends none.
        terms.begin(term.start());
        Ok((term, terms))
    };
    opened().map_err(|status: Status| status::to_error(&status))
}

/// Waits for a response of the service.
pub(super) async fn await_response<T>(response: impl Future<Output = Result<T, Status>>) -> Result<T, SinkError> {
    await_response_within(RESPONSE_TIMEOUT, response).await
}

async fn await_response_within<T>(
    within: Duration,
    response: impl Future<Output = Result<T, Status>>,
) -> Result<T, SinkError> {
    match tokio::time::timeout(within, response).await {
        Ok(response) => response.map_err(|status| status::to_error(&status)),
        Err(_) => Err(SinkError::Unavailable(format!("the transaction service did not respond within {within:?}"))),
    }
}

impl Connection {
    /// Begins a stream that resumes `term`. Returns the end of the durable log.
    pub(super) async fn attach(mut client: Client, term: Term) -> Result<(Self, Chain), SinkError> {
        let (to_service, messages) = mpsc::channel(1);
        let resume = write_transactions_request::Message::Resume(term.into());
        to_service.try_send(request(resume)).expect("the channel has room for one message");
        let stream = await_response(client.write_transactions(ReceiverStream::new(messages)));
        let from_service = stream.await.map(Response::into_inner)?;
        let mut connection = Self { term, client, to_service, from_service, acknowledged: 0 };
        match await_response_within(RESPONSE_TIMEOUT, connection.from_service.message())
            .await?
            .and_then(|first| first.message)
        {
            Some(write_transactions_response::Message::Resumed(chain)) => {
                connection.acknowledged = chain.lsn;
                Ok((connection, chain.into()))
            }
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn term(&self) -> Term {
        self.term
    }

    /// The highest acknowledged lsn.
    pub(super) fn acknowledged(&self) -> Lsn {
        self.acknowledged
    }

    /// Sends a batch. Returns when it has been handed to the connection, and waits while the service has no room.
    pub(super) async fn send(&mut self, batch: &Batch) -> Result<(), SinkError> {
        let message = write_transactions_request::Message::Batch(batch.to_bytes());
        self.send_message(message).await
    }

    async fn send_message(&mut self, message: write_transactions_request::Message) -> Result<(), SinkError> {
        if self.to_service.send(request(message)).await.is_ok() {
            return Ok(());
        }
        // The stream has ended; its status says why.
        loop {
            await_response_within(CONNECT_TIMEOUT, self.next()).await?;
        }
    }

    /// Waits for the next acknowledgement. May be dropped.
    pub(super) async fn next_acknowledgement(&mut self) -> Result<(), SinkError> {
        match self.next().await.map_err(|status| status::to_error(&status))? {
            write_transactions_response::Message::DurableLsn(_) => Ok(()),
            other => Err(unexpected(&Some(other))),
        }
    }

    /// Processes what the service has sent, without waiting for more: acknowledgements, or the end of the stream.
    pub(super) async fn look(&mut self) -> Result<(), SinkError> {
        loop {
            let mut next = pin!(self.next_acknowledgement());
            match std::future::poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await {
                Poll::Pending => return Ok(()),
                Poll::Ready(acknowledged) => acknowledged?,
            }
        }
    }

    /// Puts the checkpoint that the service has stored in use, or begins the log with it, which ends the term.
    pub(super) async fn keep_checkpoint(&mut self, base: Lsn, begins_log: bool) -> Result<Checkpoint, SinkError> {
        let request = KeepCheckpointRequest { term: Some(self.term.into()), base_lsn: base, begins_log };
        let kept = await_response(self.client.keep_checkpoint(request)).await?.into_inner().checkpoint;
        kept.map(Into::into).ok_or_else(|| SinkError::Failed("the response to KeepCheckpoint is empty".into()))
    }

    /// Ends the term. Everything is then durable.
    pub(super) async fn close(&mut self) -> Result<(), SinkError> {
        self.send_message(write_transactions_request::Message::Close(Close {})).await?;
        loop {
            match await_response(self.next()).await? {
                write_transactions_response::Message::DurableLsn(_) => {}
                write_transactions_response::Message::Closed(_) => return Ok(()),
                other => return Err(unexpected(&Some(other))),
            }
        }
    }

    /// The service's next message. Acknowledgements are recorded.
    async fn next(&mut self) -> Result<write_transactions_response::Message, Status> {
        let message = self.from_service.message().await?.and_then(|response| response.message);
        if let Some(write_transactions_response::Message::DurableLsn(lsn)) = message {
            self.acknowledged = self.acknowledged.max(lsn);
        }
        message.ok_or_else(|| Status::unavailable("the service has ended the stream"))
    }
}

fn request(message: write_transactions_request::Message) -> WriteTransactionsRequest {
    WriteTransactionsRequest { message: Some(message) }
}

fn unexpected(message: &Option<write_transactions_response::Message>) -> SinkError {
    match message {
        Some(message) => SinkError::Failed(format!("the service sent an unexpected {message:?}")),
        None => SinkError::Unavailable("the service has ended the stream".into()),
    }
}
