//! State shared by all handles of a client and its background task: the queue, and the limits on its content.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use proto::frame::{Answer, ErrorCode, ReplyFrame, Run};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::queue::{Chunk, Entry, MAX_IDLE_BUFFER_BYTES, Queue};
use crate::reply::{Reply, unknown_error};
use crate::{ConnectError, Error, InvalidInput, Lost, Options, ProtocolError};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) options: Options,
    queue: Mutex<Queue>,
    /// One permit per additional request.
    requests: Semaphore,
    /// One permit per additional byte of unwritten requests.
    bytes: Semaphore,
    /// Wakes the background task when there is something to send.
    pub(crate) wake: Notify,
    keeps_outcomes: AtomicBool,
}

/// What the server has said when it accepted the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    /// Largest request that it accepts, in bytes.
    pub(crate) max_frame: usize,
    /// Whether it knows idempotency keys.
    pub(crate) keeps_outcomes: bool,
}

/// A request in flight.
#[derive(Debug)]
pub(crate) struct Pending<'p> {
    pipeline: &'p Pipeline,
    id: u32,
    reply: oneshot::Receiver<Result<Reply, Error>>,
    /// Set for a request that waited for room: it may be queued after requests with later deadlines, so it checks its
    /// own.
    deadline: Option<Instant>,
}

impl Pipeline {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            queue: Mutex::new(Queue::new(connecting(&options))),
            requests: Semaphore::new(options.max_outstanding),
            bytes: Semaphore::new(options.max_outgoing_bytes),
            wake: Notify::new(),
            keeps_outcomes: AtomicBool::new(true),
            options,
        }
    }

    /// The largest frame that the server accepts, as far as known.
    pub(crate) fn max_frame(&self) -> usize {
        self.queue.lock().max_frame.unwrap_or(usize::MAX)
    }

    /// Queues a request of `bytes` bytes, written by `encode`, once there is room for it.
    pub(crate) async fn send(
        &self,
        bytes: usize,
        encode: impl FnOnce(&mut Vec<u8>, u32),
    ) -> Result<Pending<'_>, Error> {
        let deadline = Instant::now() + self.options.request_timeout;
        let charge = bytes.min(self.options.max_outgoing_bytes);
        let waited = !self.try_admit(charge);
        if waited {
            // Do not take room that becomes free from requests that were made before the end.
            if self.queue.lock().closed {
                return Err(Error::Closed);
            }
            match timeout_at(deadline, self.admit(charge)).await {
                Ok(admitted) => admitted?,
                Err(_) => return Err(self.not_sent(self.queue.lock().problem.clone())),
            }
        }
        let (sender, reply) = oneshot::channel();
        let entry = Entry { id: 0, bytes, charge, deadline, reply: Some(sender) };
        let (id, idle) = self.push(entry, encode)?;
        if idle {
            self.wake.notify_one();
        }
        Ok(Pending { pipeline: self, id, reply, deadline: waited.then_some(deadline) })
    }

    fn push(&self, entry: Entry, encode: impl FnOnce(&mut Vec<u8>, u32)) -> Result<(u32, bool), Error> {
        let (bytes, charge) = (entry.bytes, entry.charge);
        let mut queue = self.queue.lock();
        let refusal = match queue.too_large(bytes) {
            _ if queue.closed => Error::Closed,
            Some(most) => InvalidInput::TooLarge { bytes, most }.into(),
            None => return Ok(queue.push(entry, encode)),
        };
        drop(queue);
        self.release(1, charge);
        Err(refusal)
    }

    /// Takes room for a request if there is some. [`Pipeline::release`] returns the permits.
    fn try_admit(&self, charge: usize) -> bool {
        let Ok(request) = self.requests.try_acquire() else { return false };
        let Ok(bytes) = self.bytes.try_acquire_many(charge as u32) else { return false };
        request.forget();
        bytes.forget();
        true
    }

    /// Waits for room for a request.
    async fn admit(&self, charge: usize) -> Result<(), Error> {
        let request = self.requests.acquire().await.map_err(|_| Error::Closed)?;
        let bytes = self.bytes.acquire_many(charge as u32).await.map_err(|_| Error::Closed)?;
        request.forget();
        bytes.forget();
        Ok(())
    }

    fn release(&self, requests: usize, charge: usize) {
        self.requests.add_permits(requests);
        self.bytes.add_permits(charge);
    }

    fn not_sent(&self, problem: Option<ConnectError>) -> Error {
        Error::NotSent { after: self.options.request_timeout, problem }
    }

    fn timeout(&self) -> Error {
        Error::Timeout { after: self.options.request_timeout }
    }

    /// Fails requests that will not be sent.
    fn drop_unsent(&self, removed: Vec<Entry>, why: impl Fn(&Entry) -> Error) {
        if !removed.is_empty() {
            self.release(removed.len(), removed.iter().map(|entry| entry.charge).sum());
            removed.into_iter().for_each(|mut entry| {
                let error = why(&entry);
                entry.tell(|| Err(error));
            });
        }
    }

    /// Whether the server knows idempotency keys, as far as known.
    pub(crate) fn keeps_outcomes(&self) -> bool {
        self.keeps_outcomes.load(Ordering::Relaxed)
    }

    /// Connected to a server.
    pub(crate) fn connected(&self, Accepted { max_frame, keeps_outcomes }: Accepted) {
        self.keeps_outcomes.store(keeps_outcomes, Ordering::Relaxed);
        let too_large = self.queue.lock().connected(max_frame, Instant::now());
        self.drop_unsent(too_large, |entry| InvalidInput::TooLarge { bytes: entry.bytes, most: max_frame }.into());
    }

    /// Disconnected. If a new connection is hopeless, no request needs to wait for one.
    pub(crate) fn unconnected(&self, problem: ConnectError) {
        let mut queue = self.queue.lock();
        queue.problem = Some(problem.clone());
        if problem.is_permanent() {
            let waiting = queue.remove_unsent(|_| true);
            drop(queue);
            self.drop_unsent(waiting, |_| problem.clone().into());
        }
    }

    /// Fills `chunk` with the next bytes to send.
    pub(crate) fn take(&self, chunk: &mut Chunk) {
        let abandoned = self.queue.lock().take(chunk, Instant::now());
        self.drop_unsent(abandoned, |_| Error::Closed);
    }

    /// All of `chunk` has been written.
    pub(crate) fn written(&self, chunk: &mut Chunk) {
        self.bytes.add_permits(std::mem::take(&mut chunk.charge));
        chunk.written = 0;
        chunk.bytes.clear();
        if chunk.bytes.capacity() > MAX_IDLE_BUFFER_BYTES {
            chunk.bytes = Vec::new();
        }
    }

    /// The server sent something.
    pub(crate) fn heard(&self) {
        self.queue.lock().silent_since = Instant::now();
    }

    /// Since when a reply has been missing.
    pub(crate) fn silent_since(&self) -> Option<Instant> {
        let queue = self.queue.lock();
        queue.awaits_replies().then_some(queue.silent_since)
    }

    /// Passes replies to the waiting tasks. `entries` is scratch memory, empty before and after.
    pub(crate) fn answer(&self, run: &Run, entries: &mut Vec<Entry>) -> Result<(), Lost> {
        let replies = run.frames().count();
        self.queue.lock().answered(replies, entries);
        self.requests.add_permits(entries.len());
        let asked = entries.len() == replies;
        let mut lost = None;
        for (mut entry, frame) in entries.drain(..).zip(run.frames()) {
            let result = match &lost {
                None => answer_to(entry.id, frame),
                Some(lost) => Err(Lost::clone(lost)),
            };
            match result {
                Ok(answer) => entry.tell(|| answer.and_then(Reply::of)),
                Err(why) => {
                    entry.tell(|| Err(Error::Unknown(why.clone())));
                    lost = Some(why);
                }
            }
        }
        match lost {
            Some(lost) => Err(lost),
            None if asked => Ok(()),
            None => Err(ProtocolError::Unsolicited.into()),
        }
    }

    /// The connection ended while `chunk` was being written.
    pub(crate) fn disconnected(&self, chunk: Chunk, lost: &Lost) {
        let mut queue = self.queue.lock();
        queue.problem = Some(connecting(&self.options));
        let (sent, freed) = queue.disconnected(chunk);
        drop(queue);
        self.release(sent.len(), freed);
        sent.into_iter().for_each(|mut entry| entry.tell(|| Err(Error::Unknown(lost.clone()))));
    }

    /// Waits until there is something to send.
    pub(crate) async fn wanted(&self) {
        while !self.queue.lock().has_unsent() {
            self.wake.notified().await;
        }
    }

    /// Fails requests that time out; never returns. One timer serves all: all requests have the same timeout, so none
    /// that arrives while this sleeps can expire before it wakes.
    pub(crate) async fn expire(&self) -> std::convert::Infallible {
        loop {
            let next = self.expire_now(Instant::now());
            sleep_until(next).await;
        }
    }

    /// Fails requests that have timed out; returns when to check again.
    fn expire_now(&self, now: Instant) -> Instant {
        let mut queue = self.queue.lock();
        let removed = queue.expire(now, || self.timeout());
        let next = queue.next_deadline().unwrap_or(now + self.options.request_timeout);
        let problem = queue.problem.clone();
        drop(queue);
        self.drop_unsent(removed, |_| self.not_sent(problem.clone()));
        next
    }

    /// Accepts no more requests, and waits for the replies to existing ones, for at most the request timeout.
    pub(crate) async fn drain(&self) {
        self.queue.lock().closed = true;
        let all = self.requests.acquire_many(self.options.max_outstanding as u32);
        // If no reply is due, there is nothing to wait for.
        let _ = tokio::time::timeout(self.options.request_timeout, all).await;
    }

    /// The client has ended; fails all requests that still wait.
    pub(crate) fn shut_down(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let unsent = queue.remove_unsent(|_| true);
        let (sent, _) = queue.disconnected(Chunk::default());
        drop(queue);
        self.drop_unsent(unsent, |_| Error::Closed);
        sent.into_iter().for_each(|mut entry| entry.tell(|| Err(Error::Unknown(Lost::ByClient))));
        self.requests.close();
        self.bytes.close();
    }
}

/// Decodes the reply in `frame` to the request with this id, which is next. The outer error ends the connection.
fn answer_to(id: u32, frame: &[u8]) -> Result<Result<Answer<'_>, Error>, Lost> {
    let (found, answer) = match ReplyFrame::decode(frame) {
        // An error about the connection, whatever its id: the server reads no more.
        Ok(ReplyFrame { answer: Answer::Refused { code: ErrorCode::BadLength, message }, .. }) => {
            return Err(Lost::Refused(message.into()));
        }
        Ok(reply) => (reply.id, Ok(reply.answer)),
        Err(problem) => match unknown_error(frame, problem) {
            Some((found, error)) => (found, Err(error)),
            None => return Err(ProtocolError::from(problem).into()),
        },
    };
    match found == id {
        true => Ok(answer),
        false => Err(ProtocolError::Id { expected: id, found }.into()),
    }
}

/// The problem to report before any connection attempt has failed.
fn connecting(options: &Options) -> ConnectError {
    ConnectError::UnderWay { address: options.address.as_str().into() }
}

impl Pending<'_> {
    /// Waits for the reply.
    pub(crate) async fn reply(mut self) -> Result<Reply, Error> {
        let result = match self.deadline {
            None => (&mut self.reply).await,
            Some(deadline) => match timeout_at(deadline, &mut self.reply).await {
                Ok(result) => result,
                Err(_) => return self.give_up(),
            },
        };
        // The sender always sends a result before it is dropped, unless the runtime stops in the middle.
        result.unwrap_or(Err(Error::Unknown(Lost::ByClient)))
    }

    /// Check for closing first: after it, a request that has not been sent never will be.
    fn give_up(mut self) -> Result<Reply, Error> {
        self.reply.close();
        if let Ok(result) = self.reply.try_recv() {
            return result;
        }
        let queue = self.pipeline.queue.lock();
        match queue.holds_unsent(self.id) {
            true => Err(self.pipeline.not_sent(queue.problem.clone())),
            false => Err(self.pipeline.timeout()),
        }
    }
}
