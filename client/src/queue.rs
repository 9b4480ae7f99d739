//! Requests between the callers' tasks and the connection: unsent ones, encoded one after the other, and sent ones that
//! wait for their replies, in the order in which the replies will come.

use std::collections::VecDeque;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::reply::Reply;
use crate::{ConnectError, Error};

/// Capacity of a buffer that is kept when it becomes empty, in bytes. A buffer that grew larger for a large request is
/// freed.
pub(crate) const MAX_IDLE_BUFFER_BYTES: usize = 1 << 20;

/// One request.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its id, which the reply repeats.
    pub(crate) id: u32,
    /// Size of its frame.
    pub(crate) bytes: usize,
    /// Its share of the budget of outgoing bytes.
    pub(crate) charge: usize,
    /// When it times out.
    pub(crate) deadline: Instant,
    /// Sends the result to the caller's task; none once a result has been sent.
    pub(crate) reply: Option<oneshot::Sender<Result<Reply, Error>>>,
}

impl Entry {
    /// Whether nothing waits for the reply any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Sends the result to the caller's task, which may be gone.
    pub(crate) fn tell(&mut self, result: impl FnOnce() -> Result<Reply, Error>) {
        if let Some(reply) = self.reply.take()
            && !reply.is_closed()
        {
            let _ = reply.send(result());
        }
    }
}

/// The bytes that are being written to the connection: the frames of the last requests in [`Queue::sent`].
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    /// How many of them the system has accepted.
    pub(crate) written: usize,
    /// Their share of the budget of outgoing bytes.
    pub(crate) charge: usize,
    /// The number of requests.
    pub(crate) requests: usize,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Queue {
    /// The frames of `unsent`, in order.
    out: Vec<u8>,
    unsent: VecDeque<Entry>,
    /// Including requests that have been written only in part so far.
    sent: VecDeque<Entry>,
    /// How many at the front of `sent` have already timed out. Their replies may still come.
    expired: usize,
    next_id: u32,
    /// Largest frame that the server accepts; none before the first connection.
    pub(crate) max_frame: Option<usize>,
    /// Since when the server has sent nothing although requests wait for replies.
    pub(crate) silent_since: Instant,
    /// Why there is no connection, if there is none.
    pub(crate) problem: Option<ConnectError>,
    /// Whether the client accepts no more requests.
    pub(crate) closed: bool,
}

impl Queue {
    /// For a client without a connection, because of `problem`.
    pub(crate) fn new(problem: ConnectError) -> Self {
        Self {
            out: Vec::new(),
            unsent: VecDeque::new(),
            sent: VecDeque::new(),
            expired: 0,
            next_id: 0,
            max_frame: None,
            silent_since: Instant::now(),
            problem: Some(problem),
            closed: false,
        }
    }

    /// Appends a request, which `encode` writes with the id that it is given. Returns the id, and whether the
    /// connection must be woken because there was nothing to send before.
    pub(crate) fn push(&mut self, mut entry: Entry, encode: impl FnOnce(&mut Vec<u8>, u32)) -> (u32, bool) {
        let start = self.out.len();
        entry.id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        encode(&mut self.out, entry.id);
        entry.bytes = self.out.len() - start;
        let id = entry.id;
        let idle = self.unsent.is_empty();
        self.unsent.push_back(entry);
        (id, idle)
    }

    /// The largest frame that the server accepts, if `bytes` is larger.
    pub(crate) fn too_large(&self, bytes: usize) -> Option<usize> {
        self.max_frame.filter(|most| bytes > *most)
    }

    /// Connected. Returns the requests that are too large for this connection.
    pub(crate) fn connected(&mut self, max_frame: usize, now: Instant) -> Vec<Entry> {
        self.max_frame = Some(max_frame);
        self.problem = None;
        self.silent_since = now;
        self.remove_unsent(|entry| entry.bytes > max_frame)
    }

    /// Moves all unsent requests into `chunk`, whose bytes have been cleared. Requests that nothing waits for any more
    /// are returned instead.
    pub(crate) fn take(&mut self, chunk: &mut Chunk, now: Instant) -> Vec<Entry> {
        let abandoned = match self.unsent.iter().any(Entry::is_abandoned) {
            true => self.remove_unsent(Entry::is_abandoned),
            false => Vec::new(),
        };
        std::mem::swap(&mut chunk.bytes, &mut self.out);
        chunk.requests = self.unsent.len();
        chunk.charge = self.unsent.iter().map(|entry| entry.charge).sum();
        if self.sent.is_empty() {
            self.silent_since = now;
        }
        self.sent.append(&mut self.unsent);
        abandoned
    }

    /// Moves the `count` oldest sent requests to `entries`; fewer if there are not as many.
    pub(crate) fn answered(&mut self, count: usize, entries: &mut Vec<Entry>) {
        let count = count.min(self.sent.len());
        entries.extend(self.sent.drain(..count));
        self.expired = self.expired.saturating_sub(count);
    }

    /// The connection has ended. Requests of which nothing has been written become unsent again, before all others.
    /// Returns those that may have reached the server, and how much of the chunk's charge is released.
    pub(crate) fn disconnected(&mut self, chunk: Chunk) -> (Vec<Entry>, usize) {
        let (mut unwritten, mut freed) = (chunk.bytes.len() - chunk.written, chunk.charge);
        let (mut first, mut again) = (chunk.bytes.len(), VecDeque::new());
        while let Some(entry) = self.sent.pop_back_if(|entry| entry.bytes <= unwritten) {
            unwritten -= entry.bytes;
            freed -= entry.charge;
            first -= entry.bytes;
            again.push_front(entry);
        }
        again.append(&mut self.unsent);
        self.unsent = again;
        self.out.splice(..0, chunk.bytes[first..].iter().copied());
        self.expired = 0;
        (self.sent.drain(..).collect(), freed)
    }

    /// Removes and returns the unsent requests that are `doomed`.
    pub(crate) fn remove_unsent(&mut self, mut doomed: impl FnMut(&Entry) -> bool) -> Vec<Entry> {
        let (mut from, mut to, mut removed) = (0, 0, Vec::new());
        for entry in std::mem::take(&mut self.unsent) {
            let bytes = entry.bytes;
            if doomed(&entry) {
                removed.push(entry);
            } else {
                self.out.copy_within(from..from + bytes, to);
                to += bytes;
                self.unsent.push_back(entry);
            }
            from += bytes;
        }
        self.out.truncate(to);
        removed
    }

    /// Removes and returns the unsent requests that have timed out, and tells the sent ones that have timed out by
    /// means of `timeout`.
    pub(crate) fn expire(&mut self, now: Instant, timeout: impl Fn() -> Error) -> Vec<Entry> {
        for entry in self.sent.range_mut(self.expired..) {
            if entry.deadline > now {
                break;
            }
            entry.tell(|| Err(timeout()));
            self.expired += 1;
        }
        match self.unsent.front() {
            Some(oldest) if oldest.deadline <= now => self.remove_unsent(|entry| entry.deadline <= now),
            _ => Vec::new(),
        }
    }

    /// When the next request times out. Deadlines ascend, except for requests that had to wait for room; those check
    /// their own deadlines.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let oldest = self.sent.get(self.expired).or(self.unsent.front());
        oldest.map(|entry| entry.deadline)
    }

    /// Whether any request is unsent.
    pub(crate) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Whether the request with this id is unsent.
    pub(crate) fn holds_unsent(&self, id: u32) -> bool {
        self.unsent.iter().any(|entry| entry.id == id)
    }

    /// Whether requests wait for replies.
    pub(crate) fn awaits_replies(&self) -> bool {
        !self.sent.is_empty()
    }
}
