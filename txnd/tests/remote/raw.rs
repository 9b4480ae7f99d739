//! A client that sends messages as it likes.

use bytes::Bytes;
use proto::{Batch, Chain};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use txnd::Term;
use txnd::remote::Connect;
use txnd::wire::v1::transaction_service_client::TransactionServiceClient;
use txnd::wire::v1::write_transactions_request::Message as Request;
use txnd::wire::v1::write_transactions_response::Message as Response;
use txnd::wire::v1::{OpenRequest, WriteTransactionsRequest, WriteTransactionsResponse};

use crate::hosted::{PlainTcp, Service};

pub(crate) type Client = TransactionServiceClient<Channel>;

pub(crate) async fn client(service: &Service) -> Client {
    let channel = PlainTcp(service.address).connect().await.expect("the service accepts connections");
    Client::new(channel).max_encoding_message_size(usize::MAX)
}

pub(crate) async fn open(client: &mut Client) -> Term {
    let opened = client.open(OpenRequest {}).await.expect("a term begins").into_inner();
    opened.term.unwrap().try_into().unwrap()
}

/// A stream of a writer.
pub(crate) struct Stream {
    pub(crate) requests: mpsc::Sender<WriteTransactionsRequest>,
    responses: Streaming<WriteTransactionsResponse>,
}

impl Stream {
    /// A stream that has sent `first`.
    pub(crate) async fn begin(client: &mut Client, first: Option<Request>) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(64);
        requests.send(WriteTransactionsRequest { message: first }).await.unwrap();
        let responses = client.write_transactions(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Self { requests, responses })
    }

    /// A stream that has resumed `term`, and where the log ends.
    pub(crate) async fn resume(client: &mut Client, term: Term) -> Result<(Self, Chain), Status> {
        let mut stream = Self::begin(client, Some(Request::Resume(term.into()))).await?;
        match stream.next().await? {
            Response::Resumed(chain) => Ok((stream, chain.into())),
            other => panic!("a stream begins with `resumed`, not {other:?}"),
        }
    }

    pub(crate) async fn send(&self, message: Option<Request>) {
        // The stream may have ended already.
        let _ = self.requests.send(WriteTransactionsRequest { message }).await;
    }

    pub(crate) async fn send_batch(&self, batch: &Batch) {
        self.send_bytes(batch.to_bytes()).await;
    }

    pub(crate) async fn send_bytes(&self, bytes: Bytes) {
        self.send(Some(Request::Batch(bytes))).await;
    }

    pub(crate) async fn next(&mut self) -> Result<Response, Status> {
        match self.responses.message().await? {
            Some(response) => Ok(response.message.expect("no response is empty")),
            None => Err(Status::ok("the end of the stream")),
        }
    }

    /// Waits until `lsn` is durable.
    pub(crate) async fn durable(&mut self, lsn: u64) {
        loop {
            match self.next().await.expect("what was sent becomes durable") {
                Response::DurableLsn(durable) if durable >= lsn => return,
                Response::DurableLsn(_) => {}
                other => panic!("not an acknowledgement: {other:?}"),
            }
        }
    }

    /// How the stream ends.
    pub(crate) async fn ending(&mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }
}
