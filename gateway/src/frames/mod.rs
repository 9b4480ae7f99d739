//! Sessions of the frame protocol, which `proto/frames.md` describes.
//!
//! ```text
//!   socket ── input.rs ──> run of complete frames ── executor.rs ──> Ops ──> engine ──> Replies ── output.rs ──> socket
//!             (one read)                             (together)                                   (one write)
//!
//!   mod.rs        a connection from its preface to its end
//!   input.rs      what was read, and the half of a frame that waits for the rest
//!   executor.rs   frames into operations, their execution, replies: knows no socket
//!   output.rs     replies on their way out, within limits
//!   buffers.rs    memory that the sessions of a worker use by turns
//! ```

mod buffers;
mod executor;
mod input;
mod output;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use proto::Refusal;
use proto::frame::{
    ClientPreface, ErrorCode, PrefaceStatus, REQUEST_HEADER_BYTES, Run, RunDecoder, ServerPreface, VERSION,
    encode_error,
};
use proto::limits::MAX_KEY_BYTES;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::codec::Decoder;
use tracing::debug;

use crate::auth::MAX_TOKEN_BYTES;
use crate::clock::now;
use crate::connection::{self, Activity, Watched};
use crate::context::{Shared, Worker};
pub(crate) use buffers::Buffers;
pub use executor::{BatchResult, Executor};
use input::Input;
pub use output::Output;

/// A client that sends nothing for this long, while the server stops, is taken to send nothing more.
const QUIET: Duration = Duration::from_millis(200);

/// Largest frame of a client that has not shown the token yet.
const MAX_AUTH_FRAME_BYTES: usize = REQUEST_HEADER_BYTES + MAX_TOKEN_BYTES;

/// Reads in a row, without a pause of the client, after which it is asked whether the server stops.
const READS_IN_A_ROW: u32 = 16;

/// Whether the connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    HangUp,
}

/// Serves one client until it goes or the server stops.
pub(crate) async fn serve(worker: Rc<Worker>, stream: TcpStream, activity: Rc<Activity>, stop: watch::Receiver<bool>) {
    let shared = &worker.shared;
    let mut session = Session {
        stream: Watched::new(stream, Rc::clone(&activity)),
        input: Input::new(shared.request_memory.share()),
        executor: Executor::new(shared.token()),
        activity,
        worker: &worker,
        reads_in_a_row: 0,
    };
    if let Err(e) = session.run(ending(&worker, stop)).await {
        debug!(error = %e, "connection ended");
    }
}

/// What a client is told that is one too many.
pub(crate) fn too_many_connections(worker: &Worker) -> [u8; ServerPreface::BYTES] {
    preface(worker, PrefaceStatus::TooManyConnections)
}

fn preface(worker: &Worker, status: PrefaceStatus) -> [u8; ServerPreface::BYTES] {
    let (shared, read_only) = (&worker.shared, worker.service.read_only().is_some());
    let (max_frame, auth_required) = (max_frame(shared) as u32, shared.token().is_some());
    ServerPreface { version: VERSION, status, max_frame, auth_required, read_only }.encode()
}

/// Waits until the session has to end: the server stops, or what the preface has said of it is no longer true, because it has lost
/// its log.
async fn ending(worker: &Worker, mut stop: watch::Receiver<bool>) {
    let log_lost = async {
        match &worker.shared.log {
            Some(log) if log.is_lost().is_none() => drop(log.lost().await),
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = log_lost => {}
    }
}

/// Largest request frame, in bytes: the largest body with a header and a key.
fn max_frame(shared: &Shared) -> usize {
    REQUEST_HEADER_BYTES + MAX_KEY_BYTES + shared.config.max_body.as_u64() as usize
}

struct Session<'w> {
    stream: Watched,
    input: Input,
    executor: Executor,
    activity: Rc<Activity>,
    worker: &'w Worker,
    reads_in_a_row: u32,
}

impl Session<'_> {
    async fn run(&mut self, ending: impl Future) -> io::Result<()> {
        let mut stopping = pin!(ending);
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
                self.refuse(self.input.id(), ErrorCode::from(&refusal), &refusal.to_string()).await?;
                return self.hang_up(stopping).await;
            }
        }
        self.input.clear();
        self.activity.closing();
        connection::close(&mut self.stream, QUIET).await
    }

    /// Waits for bytes; `None` when the client has sent its last ones, or when the server stops and what came in has been
    /// answered: all of it, or some of it if the client makes no pause.
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

    /// Takes the client's preface off `bytes` and answers it.
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
        self.stream.write_all(&preface(self.worker, status)).await?;
        Ok(if status == PrefaceStatus::Welcome { Next::GoOn } else { Next::HangUp })
    }

    /// Answers the complete requests in `bytes`, and takes them off.
    async fn answer_all(&mut self, bytes: &mut BytesMut) -> io::Result<Next> {
        loop {
            match self.decoder().decode(bytes) {
                Ok(Some(run)) => {
                    if self.answer(&run).await? == Next::HangUp {
                        return Ok(Next::HangUp);
                    }
                }
                Ok(None) => return Ok(Next::GoOn),
                Err(e) => {
                    self.refuse(0, ErrorCode::BadLength, &e.to_string()).await?;
                    return Ok(Next::HangUp);
                }
            }
        }
    }

    fn decoder(&self) -> RunDecoder {
        RunDecoder::requests(match self.executor.is_authenticated() {
            true => max_frame(&self.worker.shared),
            false => MAX_AUTH_FRAME_BYTES,
        })
    }

    async fn answer(&mut self, run: &Run) -> io::Result<Next> {
        let Worker { service, buffers, .. } = self.worker;
        let mut output = Output::new(buffers.output(), service);
        let mut frames = run.frames();
        let mut next = Next::GoOn;
        while next == Next::GoOn && !frames.rest().is_empty() {
            self.activity.working();
            let turn = self.executor.execute(service, now(), &mut frames, &mut output);
            if self.executor.is_authenticated() {
                self.activity.established();
            }
            let mut sent = 0;
            if let Some((lsn, ready)) = output.awaits() {
                // Right after the operations, as the gate wants it; what is ready is on its way meanwhile.
                let durable = service.wait(lsn);
                self.stream.write_all(&output.bytes()[..ready]).await?;
                sent = ready;
                if durable.await.is_err() {
                    output.give_up_waiting(service.durable());
                }
            }
            self.activity.answered();
            self.stream.write_all(&output.bytes()[sent..]).await?;
            output.clear();
            if turn.hang_up {
                next = Next::HangUp;
            } else if !frames.rest().is_empty() {
                // A client that sends much lets others have their turns.
                tokio::task::yield_now().await;
            }
        }
        buffers.put_output(output.into_memory());
        Ok(next)
    }

    /// Sends an error that is about the connection.
    async fn refuse(&mut self, id: u32, code: ErrorCode, message: &str) -> io::Result<()> {
        debug!(message, "refused a client");
        let mut reply = Vec::new();
        encode_error(&mut reply, id, code, message);
        self.activity.answered();
        self.stream.write_all(&reply).await
    }

    /// Ends the connection after an error.
    async fn hang_up(&mut self, stopping: Pin<&mut impl Future>) -> io::Result<()> {
        self.input.clear();
        self.activity.closing();
        tokio::select! {
            biased;
            closed = connection::close(&mut self.stream, self.worker.shared.config.request_timeout) => closed,
            // Nobody waits for a client that does not go.
            _ = stopping => Ok(()),
        }
    }
}
