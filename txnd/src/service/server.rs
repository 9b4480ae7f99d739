//! The calls: who may make them, and what they return.

use proto::Lsn;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::server::NamedService;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic::{Request, Response, Status, Streaming};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tracing::warn;

use super::actor::{Command, LogThread};
use super::reading::{Reader, Reads};
use super::state::LogState;
use super::stream;
use crate::limits::{
    CONNECTION_WINDOW_BYTES, FIRST_MESSAGE_TIMEOUT, MAX_HEADER_LIST_BYTES, MAX_MESSAGE_BYTES, MAX_STREAMS,
    PING_INTERVAL, PONG_TIMEOUT, RESPONSE_TIMEOUT, STREAM_WINDOW_BYTES,
};
use crate::tls::Peer;
use crate::wire::v1::transaction_service_server::{self, TransactionServiceServer};
use crate::wire::v1::{
    self, KeepCheckpointRequest, KeepCheckpointResponse, ListCheckpointsRequest, ListCheckpointsResponse, OpenRequest,
    OpenResponse, ReadCheckpointRequest, ReadCheckpointResponse, ReadTransactionsRequest, ReadTransactionsResponse,
    WriteCheckpointRequest, WriteCheckpointResponse, WriteTransactionsRequest, WriteTransactionsResponse,
    write_checkpoint_request, write_transactions_request,
};
use crate::{LogReader, SinkError, Term, status};

/// The calls of `txn.v1.TransactionService`. Those of writers are passed to the thread that owns the log. Clones share
/// it.
#[derive(Clone, Debug)]
pub struct TransactionService<R> {
    calls: mpsc::Sender<Command>,
    state: watch::Receiver<LogState>,
    reads: Reads<R>,
}

/// The calls of `txn.v1.TransactionService`, each after it was admitted.
pub type Calls<R> = InterceptedService<TransactionServiceServer<TransactionService<R>>, Admit>;

/// Decides whether a call is admitted.
type Admit = fn(Request<()>) -> Result<Request<()>, Status>;

/// A server for `log` and for gRPC health checks, with every limit set. It needs connections (with `TCP_NODELAY`) and a
/// signal to stop:
///
/// ```ignore
/// server(&log).serve_with_incoming_shutdown(connections, async {
///     stop_signal.await;
///     // Ends the streams, or the server would wait for them.
///     log.stop(within).await;
/// })
/// ```
///
/// A peer that does not read its last responses keeps the server from ending, so limit that time. Must be called within a tokio
/// runtime. The service is reported as serving while the sink is usable, according to its last call.
pub fn server<R: LogReader>(log: &LogThread<R>) -> Router {
    let (reporter, health) = tonic_health::server::health_reporter();
    tokio::spawn(report_health::<R>(log.state(), reporter));
    Server::builder()
        .timeout(RESPONSE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES)
        .http2_keepalive_interval(Some(PING_INTERVAL))
        .http2_keepalive_timeout(Some(PONG_TIMEOUT))
        .add_service(health)
        .add_service(calls(log))
}

/// The calls of [`server`] without a connection: whatever brings their messages.
pub fn calls<R: LogReader>(log: &LogThread<R>) -> Calls<R> {
    let service = TransactionService { calls: log.calls(), state: log.state(), reads: Reads::of(log.reader()) };
    let service = TransactionServiceServer::new(service)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    // Before a call's messages are received.
    InterceptedService::new(service, admit)
}

/// Who makes a call, as the log names it. Each admitted call carries it as an extension.
#[derive(Clone, Debug)]
struct Caller(String);

/// Reports whether the sink is usable, until its thread ends.
async fn report_health<R>(mut state: watch::Receiver<LogState>, reporter: HealthReporter) {
    let names = ["", <TransactionServiceServer<TransactionService<R>> as NamedService>::NAME];
    loop {
        let status = match state.borrow_and_update().usable {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        for name in names {
            reporter.set_service_status(name, status).await;
        }
        if state.changed().await.is_err() {
            break;
        }
    }
    for name in names {
        reporter.set_service_status(name, ServingStatus::NotServing).await;
    }
}

/// Admits a call and names its caller: the one place that decides who may use the log.
fn admit(mut call: Request<()>) -> Result<Request<()>, Status> {
    let caller = match call.extensions().get::<Peer>() {
        Some(peer) if peer.may_write => format!("{} at {}", peer.name, peer.address),
        Some(peer) => {
            warn!(peer = peer.name, address = %peer.address, "refused a call: this certificate may only ask for health");
            return Err(Status::permission_denied(
                "this is the server's own certificate, which may only ask for health; use the one for kvs that `txnd certs` makes",
            ));
        }
        // A connection without TLS, which the txnd program does not accept.
        None => call.remote_addr().map_or_else(|| "a local connection".into(), |address| address.to_string()),
    };
    call.extensions_mut().insert(Caller(caller));
    Ok(call)
}

fn caller<T>(call: &Request<T>) -> String {
    call.extensions().get().map(|Caller(caller)| caller.clone()).expect("only calls that were admitted come here")
}

impl<R> TransactionService<R> {
    /// Sends a command to the log's thread and waits for the response.
    async fn call<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, SinkError>>) -> Command,
    ) -> Result<T, Status> {
        let (reply, response) = oneshot::channel();
        self.send(command(reply)).await?;
        response.await.map_err(|_| status::stopping())?.map_err(|e| status::of(&e))
    }

    /// Checks who reads: the writer of the present term, or a reader without one.
    fn reader(&self, caller: String, term: Option<v1::Term>, without_term: bool) -> Result<Reader, Status> {
        match (term, without_term) {
            (Some(term), false) => {
                self.state.borrow().check_term(&term.try_into()?).map_err(|e| status::of(&e))?;
                Ok(Reader { caller, is_writer: true })
            }
            (None, true) => Ok(Reader { caller, is_writer: false }),
            (None, false) => Err(Status::invalid_argument("a read needs the term that Open returned")),
            (Some(_), true) => Err(Status::invalid_argument("a read has a term, or is without_term; not both")),
        }
    }

    /// Completes when the log's thread takes no more calls.
    fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let calls = self.calls.clone();
        async move { calls.closed().await }
    }

    async fn send(&self, command: Command) -> Result<(), Status> {
        self.calls.send(command).await.map_err(|_| status::stopping())
    }
}

#[tonic::async_trait]
impl<R: LogReader> transaction_service_server::TransactionService for TransactionService<R> {
    type WriteTransactionsStream = ReceiverStream<Result<WriteTransactionsResponse, Status>>;
    type ReadTransactionsStream = ReceiverStream<Result<ReadTransactionsResponse, Status>>;
    type ReadCheckpointStream = ReceiverStream<Result<ReadCheckpointResponse, Status>>;
    type WriteCheckpointStream = ReceiverStream<Result<WriteCheckpointResponse, Status>>;

    async fn open(&self, request: Request<OpenRequest>) -> Result<Response<OpenResponse>, Status> {
        let caller = caller(&request);
        let (term, terms) = self.call(|reply| Command::Open { caller, reply }).await?;
        Ok(Response::new(OpenResponse {
            term: Some(term.into()),
            terms: terms.starts().iter().map(From::from).collect(),
        }))
    }

    async fn write_transactions(
        &self,
        request: Request<Streaming<WriteTransactionsRequest>>,
    ) -> Result<Response<Self::WriteTransactionsStream>, Status> {
        let caller = caller(&request);
        let mut messages = request.into_inner();
        let term = resumed_term(first_message(&mut messages).await?)?;
        let (attached, ends) = stream::pair(term, caller);
        let resumed = self.call(|reply| Command::Resume { stream: attached, reply }).await?;
        Ok(Response::new(ends.run(messages, resumed)))
    }

    async fn read_transactions(
        &self,
        request: Request<ReadTransactionsRequest>,
    ) -> Result<Response<Self::ReadTransactionsStream>, Status> {
        let caller = caller(&request);
        let ReadTransactionsRequest { term, from_lsn, upto_lsn, without_term } = request.into_inner();
        let reader = self.reader(caller, term, without_term)?;
        let upto = if upto_lsn == 0 { Lsn::MAX } else { upto_lsn };
        let messages = self.reads.log(reader, from_lsn.max(1)..=upto, self.stopping()).await?;
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn list_checkpoints(
        &self,
        request: Request<ListCheckpointsRequest>,
    ) -> Result<Response<ListCheckpointsResponse>, Status> {
        let caller = caller(&request);
        let ListCheckpointsRequest { term, without_term } = request.into_inner();
        let reader = self.reader(caller, term, without_term)?;
        let mut messages = self.reads.checkpoints(reader, self.stopping()).await?;
        messages.recv().await.unwrap_or_else(|| Err(status::stopping())).map(Response::new)
    }

    async fn read_checkpoint(
        &self,
        request: Request<ReadCheckpointRequest>,
    ) -> Result<Response<Self::ReadCheckpointStream>, Status> {
        let caller = caller(&request);
        let ReadCheckpointRequest { term, without_term, base_lsn } = request.into_inner();
        let reader = self.reader(caller, term, without_term)?;
        let messages = self.reads.checkpoint(reader, base_lsn, self.stopping()).await?;
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn write_checkpoint(
        &self,
        request: Request<Streaming<WriteCheckpointRequest>>,
    ) -> Result<Response<Self::WriteCheckpointStream>, Status> {
        use write_checkpoint_request::Message;

        let caller = caller(&request);
        let mut messages = request.into_inner();
        let first = first_message(&mut messages).await?.and_then(|first| first.message);
        let Some(Message::Begin(begin)) = first else {
            return Err(Status::failed_precondition("a stream begins with `begin`, followed by batches"));
        };
        let (term, base) = (required_term(begin.term)?, begin.base_lsn);
        let receiving = self.call(|reply| Command::BeginCheckpoint { term, base, reply }).await?;
        Ok(Response::new(receiving.run(caller, base, messages, self.stopping())))
    }

    async fn keep_checkpoint(
        &self,
        request: Request<KeepCheckpointRequest>,
    ) -> Result<Response<KeepCheckpointResponse>, Status> {
        let KeepCheckpointRequest { term, base_lsn: base, begins_log } = request.into_inner();
        let term = required_term(term)?;
        let checkpoint = self.call(|reply| Command::KeepCheckpoint { term, base, begins_log, reply }).await?;
        Ok(Response::new(KeepCheckpointResponse { checkpoint: Some(checkpoint.into()) }))
    }
}

fn required_term(term: Option<v1::Term>) -> Result<Term, Status> {
    term.ok_or_else(|| Status::invalid_argument("the call needs the term that Open returned"))?.try_into()
}

/// The first message of a stream; `None` if the stream ends.
async fn first_message<M>(messages: &mut Streaming<M>) -> Result<Option<M>, Status> {
    tokio::time::timeout(FIRST_MESSAGE_TIMEOUT, messages.message()).await.map_err(|_| {
        Status::deadline_exceeded(format!("no first message was received within {FIRST_MESSAGE_TIMEOUT:?}"))
    })?
}

/// The term that the first message of a stream of batches resumes.
fn resumed_term(first: Option<WriteTransactionsRequest>) -> Result<Term, Status> {
    use write_transactions_request::Message;

    match first.and_then(|first| first.message) {
        Some(Message::Resume(term)) => term.try_into(),
        Some(Message::Batch(_) | Message::Close(_)) => {
            Err(Status::failed_precondition("a stream begins with `resume`, followed by batches"))
        }
        None => Err(Status::invalid_argument("a stream begins with `resume`, which was not received")),
    }
}
