//! Sessions of the frame protocol, specified in `proto/frames.md`.
//!
//! ```text
//!   socket ── input.rs ──> run of complete frames ── executor.rs ──> batch of Ops ──> engine
//!             (one read)                                                                │
//!   socket <── output.rs ── Replies <───────────────────────────────────────────────────┘
//!             (one write)
//!
//!   mod.rs        a session: a connection from its preface to its end
//!   input.rs      reading, and the incomplete frame that waits for more bytes
//!   executor.rs   decodes frames, executes their operations, encodes replies; independent of sockets
//!   transact.rs   transactions and scans
//!   follow.rs     requests for changes
//!   execution.rs  what the execution of each kind of request has in common
//!   output.rs     replies to be sent, within limits, and the LSNs they wait for
//!   noted.rs      lines of the access log
//!   buffers.rs    buffers shared by the sessions of a worker
//! ```

mod buffers;
mod execution;
mod executor;
mod follow;
mod input;
mod noted;
mod output;
mod transact;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use proto::Refusal;
use proto::frame::{
    ClientPreface, ErrorCode, Frames, PrefaceStatus, REQUEST_HEADER_BYTES, Request, RequestFrame, Run, RunDecoder,
    ServerPreface, VERSION, encode_error,
};
use proto::limits::MAX_KEY_BYTES;
use tokio::io::AsyncWriteExt;
use tokio_util::codec::Decoder;
use tracing::{debug, warn};

use crate::access::{Caller, MAX_TOKEN_BYTES};
use crate::connection::{self, Activity, Watched};
use crate::context::{Shared, Worker};
use crate::helper::LARGE_BYTES;
use crate::protocol::Protocol;
use crate::rarely::Rarely;
use crate::request_id::MadeId;
use crate::service::Service;
use crate::socket::{Socket, Stop};
pub(crate) use buffers::Buffers;
pub use execution::BatchResult;
pub use executor::Executor;
use follow::Following;
use input::{Input, id_of};
use noted::Noted;
pub use output::Output;

/// Largest frame of a client that is not authenticated, in bytes.
const MAX_AUTH_FRAME_BYTES: usize = REQUEST_HEADER_BYTES + MAX_TOKEN_BYTES;

/// Number of consecutive reads that return data at once, after which the session checks whether the server is stopping.
const READS_IN_A_ROW: u32 = 16;

/// What to do with the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    HangUp,
}

/// Serves one client until it disconnects or the server stops.
pub(crate) async fn serve(worker: Rc<Worker>, stream: Socket, activity: Rc<Activity>, caller: Caller, stop: Stop) {
    let caller = Rc::new(caller);
    let shared = &worker.shared;
    let read_only = worker.service.read_only().is_some();
    let mut session = Session {
        stream: Watched::new(stream, Rc::clone(&activity)),
        input: Input::new(shared.request_memory.share()),
        executor: Executor::new(Rc::clone(&caller)),
        following: Following::default(),
        stop: stop.clone(),
        activity,
        worker: &worker,
        read_only,
        reads_in_a_row: 0,
        id: worker.ids.next(),
    };
    if let Err(e) = session.run(ending(&worker, &caller, read_only, stop)).await {
        debug!(error = %e, "connection ended");
    }
}

/// The reply when the connection limit is reached.
pub(crate) fn too_many_connections(worker: &Worker) -> [u8; ServerPreface::BYTES] {
    let auth_required = worker.shared.access.requires_identity();
    preface(worker, PrefaceStatus::TooManyConnections, auth_required, worker.service.read_only().is_some())
}

fn preface(worker: &Worker, status: PrefaceStatus, auth_required: bool, read_only: bool) -> [u8; ServerPreface::BYTES] {
    let max_frame = max_frame(&worker.shared) as u32;
    let auth_offered = worker.shared.access.knows_identities();
    let follows = worker.shared.feed.is_some();
    ServerPreface {
        version: VERSION,
        status,
        max_frame,
        auth_required,
        auth_offered,
        read_only,
        transacts: true,
        keeps_outcomes: true,
        follows,
    }
    .encode()
}

/// Waits until the session must end: the server is stopping, it has lost its log although the preface does not say that it
/// is read-only, or the client's identity has ended.
async fn ending(worker: &Worker, caller: &Caller, read_only: bool, mut stop: Stop) {
    let log_lost = async {
        match &worker.shared.log {
            Some(log) if !read_only => drop(log.lost().await),
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.wait() => {}
        () = log_lost => {}
        () = caller.ended() => {}
    }
}

/// Largest request frame, in bytes: the largest body plus a header and a key.
fn max_frame(shared: &Shared) -> usize {
    REQUEST_HEADER_BYTES + MAX_KEY_BYTES + shared.config.max_body.as_u64() as usize
}

/// What the helper has executed.
struct Executed {
    result: BatchResult,
    output: Output,
    waits: bool,
}

/// Executes a frame, and waits for the log if the reply must.
async fn execute(worker: &Worker, caller: Caller, frame: &[u8]) -> Executed {
    let Worker { shared, service, .. } = worker;
    let (mut executor, mut output) = (Executor::new(Rc::new(caller)), Output::new(Vec::new(), service));
    let result = executor.execute(service, shared.clock.now(), &mut Frames::new(frame), &mut output);
    let awaits = output.awaits();
    if let Some((lsn, _)) = awaits
        && service.wait(lsn).await.is_err()
    {
        give_up_waiting(service, &mut output);
    }
    Executed { result, output, waits: awaits.is_some() }
}

/// Replies that the outcome of what is not durable is unknown.
fn give_up_waiting(service: &Service, output: &mut Output) {
    let unknown = output.give_up_waiting(service.durable());
    service.meters().of(Protocol::Frames).refused_times(&Refusal::OutcomeUnknown, unknown);
}

struct Session<'w> {
    stream: Watched,
    input: Input,
    executor: Executor,
    following: Following,
    stop: Stop,
    activity: Rc<Activity>,
    worker: &'w Worker,
    /// As the preface says.
    read_only: bool,
    reads_in_a_row: u32,
    /// The connection's part of the ids of its requests.
    id: MadeId,
}

impl Session<'_> {
    async fn run(&mut self, ending: impl Future) -> io::Result<()> {
        let ending = pin!(ending);
        let mut stopping = pin!(Rarely::new(ending));
        let mut greeted = false;
        while let Some(mut bytes) = self.receive(stopping.as_mut()).await? {
            if !greeted && bytes.len() >= ClientPreface::BYTES {
                greeted = true;
                if self.greet(&mut bytes).await? == Next::HangUp {
                    return self.hang_up(stopping).await;
                }
            }
            if greeted && self.answer_all(&mut bytes).await? == Next::HangUp {
                return self.hang_up(stopping).await;
            }
            if !bytes.is_empty() {
                match greeted {
                    true => self.activity.transferring(),
                    false => self.activity.received(),
                }
            }
            if self.input.keep(bytes, self.decoder(), &self.worker.buffers).is_err() {
                let refusal = Refusal::RequestMemory;
                self.worker.service.meters().of(Protocol::Frames).refused(&refusal);
                self.refuse(self.input.id(), ErrorCode::from(&refusal), &refusal.to_string()).await?;
                return self.hang_up(stopping).await;
            }
        }
        self.input.clear();
        self.activity.closing();
        connection::close(&mut self.stream, connection::QUIET).await
    }

    /// Waits for bytes. `None` when the client has closed its side, or when the server is stopping and has replied to
    /// what it received: to all of it, or to some of it if the client never pauses.
    async fn receive(&mut self, mut stopping: Pin<&mut impl Future>) -> io::Result<Option<BytesMut>> {
        self.reads_in_a_row += 1;
        if self.reads_in_a_row == READS_IN_A_ROW {
            self.reads_in_a_row = 0;
            let stops = poll_fn(|cx| Poll::Ready(stopping.as_mut().poll(cx).is_ready())).await;
            if stops {
                return Ok(None);
            }
            tokio::task::yield_now().await;
        }
        let received = poll_fn(|cx| match self.input.poll_read(&mut self.stream, &self.worker.buffers, cx) {
            Poll::Pending => {
                self.reads_in_a_row = 0;
                stopping.as_mut().poll(cx).map(|_| Ok(None))
            }
            ready => ready,
        });
        received.await
    }

    /// Removes the client's preface from `bytes` and replies to it.
    async fn greet(&mut self, bytes: &mut BytesMut) -> io::Result<Next> {
        let mut theirs = [0; ClientPreface::BYTES];
        bytes.copy_to_slice(&mut theirs);
        let status = match ClientPreface::decode(theirs) {
            Ok(_) => PrefaceStatus::Welcome,
            Err(e) => {
                debug!(error = %e, "refused a client");
                e.into()
            }
        };
        self.activity.answered();
        let auth_required = !self.executor.is_authenticated();
        self.send(&preface(self.worker, status, auth_required, self.read_only)).await?;
        Ok(if status == PrefaceStatus::Welcome { Next::Continue } else { Next::HangUp })
    }

    /// Removes the complete requests from `bytes` and replies to them.
    async fn answer_all(&mut self, bytes: &mut BytesMut) -> io::Result<Next> {
        loop {
            match self.decoder().decode(bytes) {
                Ok(Some(run)) => {
                    if self.answer(run).await? == Next::HangUp {
                        return Ok(Next::HangUp);
                    }
                }
                Ok(None) => return Ok(Next::Continue),
                Err(e) => {
                    self.refuse(0, ErrorCode::BadLength, &e.to_string()).await?;
                    return Ok(Next::HangUp);
                }
            }
        }
    }

    /// Sends bytes. TLS may hold them back until it is flushed.
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    fn decoder(&self) -> RunDecoder {
        RunDecoder::requests(match self.executor.is_authenticated() {
            true => max_frame(&self.worker.shared),
            false => MAX_AUTH_FRAME_BYTES,
        })
    }

    async fn answer(&mut self, run: Run) -> io::Result<Next> {
        if run.bytes() < LARGE_BYTES {
            return self.answer_here(run.frames()).await;
        }
        let mut rest = Bytes::from(run);
        while !rest.is_empty() {
            let lengths = Frames::new(&rest).map(<[u8]>::len);
            let next = match lengths.take_while(|length| *length < LARGE_BYTES).sum() {
                0 => {
                    let large = Frames::new(&rest).next().map_or(rest.len(), <[u8]>::len);
                    self.answer_aside(rest.split_to(large)).await?
                }
                small => self.answer_here(Frames::new(&rest.split_to(small))).await?,
            };
            if next == Next::HangUp {
                return Ok(Next::HangUp);
            }
        }
        Ok(Next::Continue)
    }

    /// Replies to frames that take so little that nobody has to wait for them.
    async fn answer_here(&mut self, mut frames: Frames<'_>) -> io::Result<Next> {
        let Worker { shared, service, buffers, .. } = self.worker;
        let mut output = Output::new(buffers.output(), service);
        let mut next = Next::Continue;
        while next == Next::Continue && !frames.rest().is_empty() {
            let (at, began) = shared.clock.read();
            let mut noted = self.begin(&frames, began);
            let result = self.executor.execute(service, at, &mut frames, &mut output);
            if let Some(noted) = &mut noted {
                noted.executed(result.requests);
            }
            if self.executor.is_authenticated() {
                self.activity.established();
            }
            let (mut sent, waits) = (Ok(0), output.awaits().is_some());
            if let Some((lsn, ready)) = output.awaits() {
                // Must come right after the operations, see `Service::wait`. Replies that are ready are sent first.
                let durable = service.wait(lsn);
                self.activity.answered();
                sent = self.send(&output.bytes()[..ready]).await.map(|()| ready);
                self.activity.working();
                if sent.is_err() {
                    // Nobody waits for the outcome any more.
                    output.give_up_waiting(service.durable());
                } else if durable.await.is_err() {
                    give_up_waiting(service, &mut output);
                }
            }
            if let Some(noted) = noted {
                noted.answered(self.executor.caller(), output.bytes());
            }
            let sent = sent?;
            self.count(began, waits, &result);
            self.activity.answered();
            self.send(&output.bytes()[sent..]).await?;
            output.clear();
            if result.follows {
                self.follow(&mut frames).await?;
            }
            if result.hang_up {
                next = Next::HangUp;
            } else if !frames.rest().is_empty() {
                // Be fair to the other sessions of this worker.
                tokio::task::yield_now().await;
            }
        }
        buffers.put_output(output.into_memory());
        Ok(next)
    }

    /// Replies to a frame that others should not wait for: the helper executes it.
    async fn answer_aside(&mut self, frame: Bytes) -> io::Result<Next> {
        let Some(helper) = &self.worker.helper else { return self.answer_here(Frames::new(&frame)).await };
        let began = Instant::now();
        let mut noted = self.begin(&Frames::new(&frame), began);
        if let Some(noted) = &mut noted {
            noted.executed(1);
        }
        self.activity.established();
        self.activity.aside();
        let (caller, work) = (self.executor.caller().twin(), frame.clone());
        let done = helper.run(async move |worker: &Worker| execute(worker, caller, &work).await).await;
        let Executed { result, output, waits } = match done {
            Ok(executed) => executed,
            Err(unknown) => {
                self.refuse(id_of(&frame), ErrorCode::from(&unknown), &unknown.to_string()).await?;
                return Ok(Next::HangUp);
            }
        };
        if let Some(noted) = noted {
            noted.answered(self.executor.caller(), output.bytes());
        }
        self.count(began, waits, &result);
        self.activity.answered();
        self.send(output.bytes()).await?;
        Ok(if result.hang_up { Next::HangUp } else { Next::Continue })
    }

    /// Begins to execute frames.
    fn begin<'t>(&self, frames: &Frames<'t>, began: Instant) -> Option<Noted<'t>>
    where
        Self: 't,
    {
        self.activity.working();
        let scribe = self.worker.scribe.as_ref();
        scribe.map(|scribe| Noted::new(scribe, self.id, self.executor.caller(), frames, began))
    }

    /// Counts requests that were executed.
    fn count(&self, began: Instant, waits: bool, result: &BatchResult) {
        let took = began.elapsed();
        let times = &self.worker.service.meters().of(Protocol::Frames).times;
        times[usize::from(waits)].add(took, result.requests as u64);
        if self.worker.shared.config.slow_request.is_some_and(|limit| took >= limit) {
            let (seconds, from) = (took.as_secs_f64(), self.executor.caller().address());
            warn!(requests = result.requests, seconds, %from, connection = %self.id, "slow requests over frames");
        }
    }

    /// Replies to the next frame, which asks for changes.
    async fn follow(&mut self, frames: &mut Frames<'_>) -> io::Result<()> {
        let (before, began) = (frames.clone(), Instant::now());
        let decoded = frames.next().map(RequestFrame::decode);
        let Some(Ok(RequestFrame { id, request: Request::Follow(follow), .. })) = decoded else { return Ok(()) };
        let Worker { scribe, .. } = self.worker;
        let caller = self.executor.caller();
        let mut noted = scribe.as_ref().map(|scribe| Noted::new(scribe, self.id, caller, &before, began));
        if let Some(noted) = &mut noted {
            noted.executed(1);
        }
        // The request itself limits how long it waits.
        self.activity.streaming();
        let reply = self.following.reply(self.worker, caller, id, follow, self.stop.wait()).await;
        if let Some(noted) = noted {
            noted.answered(caller, &reply);
        }
        self.activity.answered();
        self.send(&reply).await
    }

    /// Sends an error that concerns the whole connection.
    async fn refuse(&mut self, id: u32, code: ErrorCode, message: &str) -> io::Result<()> {
        debug!(message, connection = %self.id, "refused a client");
        if let Some(scribe) = &self.worker.scribe {
            noted::refused(scribe, self.id, self.executor.caller(), id, code);
        }
        let mut reply = Vec::new();
        encode_error(&mut reply, id, code, message);
        self.activity.answered();
        self.send(&reply).await
    }

    /// Ends the connection after an error.
    async fn hang_up(&mut self, stopping: Pin<&mut impl Future>) -> io::Result<()> {
        self.input.clear();
        self.activity.closing();
        connection::close_until(&mut self.stream, self.worker.shared.config.request_timeout, stopping).await
    }
}
