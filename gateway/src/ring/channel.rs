//! One connection, between its session and the driver: what has arrived, and what is being sent.

use std::cell::RefCell;
use std::io;
use std::net::TcpStream;
use std::task::{Poll, Waker};

/// Maximum number of bytes of a connection that were taken from its session and that the kernel has not taken yet.
pub(crate) const HELD_BYTES: usize = 16 << 10;

/// What the ring receives, at most, from a client that sends such inputs. A longer one would only be copied once more.
const SHORT_BYTES: usize = 1 << 10;

/// Both directions of a connection.
pub(super) struct Channel {
    pub(super) socket: TcpStream,
    pub(super) input: RefCell<Input>,
    pub(super) output: RefCell<Output>,
}

/// The receiving side. A session that waits has asked for input once, and gets one buffer of it at most. So what a client
/// sends stays in the kernel, and slows the client down, until its session wants it.
#[derive(Debug)]
pub(super) enum Input {
    /// Nothing was asked for.
    Quiet(Next),
    /// The driver has a request to receive.
    Asked(Waker),
    /// This has arrived.
    Arrived {
        bytes: Vec<u8>,
        /// How many of them the session has read.
        read: usize,
        /// Whether more is there.
        more: bool,
    },
    /// There is more than was received at once: it is read from the socket, without a detour.
    Flowing,
    /// No more comes: the client has said so, or the connection has failed, and the session does not know it yet.
    Ended(io::Result<()>),
}

/// What to ask for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To receive what may be there already.
    Receive,
    /// To receive what comes: nothing was there when the session looked last.
    ReceiveLater,
    /// To hear when something comes. The last input was of more than [`SHORT_BYTES`], so the next one is read from the socket.
    Watch,
}

impl Next {
    /// After an input of so many bytes that was the last one.
    pub(super) fn after(bytes: usize) -> Self {
        if bytes > SHORT_BYTES { Self::Watch } else { Self::ReceiveLater }
    }
}

/// The sending side. One request sends at a time, so that bytes stay in their order.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Bytes of the request in flight that the kernel has not taken yet; 0 if there is none.
    pub(super) in_flight: usize,
    /// What is sent after that.
    queued: Vec<u8>,
    /// Waits for room, or for the end of all.
    waiting: Option<Waker>,
    /// Why sending has failed; the session does not know it yet.
    failed: Option<io::Error>,
}

impl Channel {
    pub(super) fn new(socket: TcpStream) -> Self {
        let (input, output) = (RefCell::new(Input::Quiet(Next::Receive)), RefCell::default());
        Self { socket, input, output }
    }

    /// Whether a request of it is in flight.
    pub(super) fn is_busy(&self) -> bool {
        matches!(*self.input.borrow(), Input::Asked(_)) || self.output.borrow().in_flight > 0
    }
}

impl Input {
    /// Whoever waits for input.
    pub(super) fn reader(&self) -> Option<Waker> {
        match self {
            Self::Asked(waker) => Some(waker.clone()),
            _ => None,
        }
    }

    /// A request to receive is done. Returns whom to wake.
    pub(super) fn done(&mut self, received: io::Result<Vec<u8>>, more: bool) -> Option<Waker> {
        let next = match received {
            Ok(bytes) if bytes.is_empty() => Self::Ended(Ok(())),
            Ok(bytes) => Self::Arrived { bytes, read: 0, more },
            Err(e) => Self::Ended(Err(e)),
        };
        self.go_on(next)
    }

    /// There is something to receive, or the end. Returns whom to wake.
    pub(super) fn readable(&mut self) -> Option<Waker> {
        self.go_on(Self::Flowing)
    }

    fn go_on(&mut self, next: Self) -> Option<Waker> {
        match std::mem::replace(self, next) {
            Self::Asked(waker) => Some(waker),
            _ => None,
        }
    }
}

impl Output {
    /// Reports a failure to the session, once.
    pub(super) fn check(&mut self) -> io::Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Whether everything was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.in_flight == 0
    }

    /// The bytes that there is room for; pending if there is none, and then `waker` is woken when there is.
    pub(super) fn poll_room(&mut self, waker: &Waker) -> Poll<usize> {
        match HELD_BYTES.saturating_sub(self.in_flight + self.queued.len()) {
            0 => {
                self.wait(waker);
                Poll::Pending
            }
            room => Poll::Ready(room),
        }
    }

    /// Wakes `waker` when the request in flight is done.
    pub(super) fn wait(&mut self, waker: &Waker) {
        match &mut self.waiting {
            Some(waiting) => waiting.clone_from(waker),
            None => self.waiting = Some(waker.clone()),
        }
    }

    /// Takes the beginning of `parts`, as much as there is `room` for. Returns how many bytes that is, and the bytes that are to
    /// be sent now.
    pub(super) fn take<'p>(
        &mut self,
        room: usize,
        parts: impl Iterator<Item = &'p [u8]> + Clone,
    ) -> (usize, Option<Vec<u8>>) {
        let taken = parts.clone().map(<[u8]>::len).sum::<usize>().min(room);
        let mut bytes = std::mem::take(&mut self.queued);
        bytes.reserve_exact(taken);
        let mut left = taken;
        for part in parts {
            let part = &part[..part.len().min(left)];
            bytes.extend_from_slice(part);
            left -= part.len();
        }
        if self.in_flight > 0 {
            self.queued = bytes;
            return (taken, None);
        }
        self.in_flight = bytes.len();
        (taken, (taken > 0).then_some(bytes))
    }

    /// The kernel has taken so many bytes of the request in flight, or sending has failed. Returns whom to wake, and what to
    /// send next.
    pub(super) fn progress(&mut self, sent: io::Result<usize>) -> (Option<Waker>, Option<Vec<u8>>) {
        match sent {
            Ok(sent) => self.in_flight -= sent,
            Err(e) => *self = Self { failed: Some(e), waiting: self.waiting.take(), ..Self::default() },
        }
        if self.in_flight > 0 {
            return (None, None);
        }
        let next = std::mem::take(&mut self.queued);
        self.in_flight = next.len();
        (self.waiting.take(), (!next.is_empty()).then_some(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(output: &mut Output, parts: &[&[u8]]) -> (usize, Option<Vec<u8>>) {
        match output.poll_room(Waker::noop()) {
            Poll::Ready(room) => output.take(room, parts.iter().copied()),
            Poll::Pending => (0, None),
        }
    }

    #[test]
    fn output_is_sent_in_its_order_and_within_the_limit() {
        let mut output = Output::default();
        assert_eq!(take(&mut output, &[b"one ", b"two "]), (8, Some(b"one two ".to_vec())));
        assert_eq!(take(&mut output, &[b"three ", b""]), (6, None));
        assert_eq!(take(&mut output, &[b"four"]), (4, None));
        let many = vec![b'x'; HELD_BYTES];
        assert_eq!(take(&mut output, &[&many]), (HELD_BYTES - 18, None));
        assert_eq!(take(&mut output, &[b"no room"]), (0, None));
        // Part of what is in flight makes room for as much.
        assert!(matches!(output.progress(Ok(3)), (None, None)));
        assert_eq!(take(&mut output, &[b"abcd"]), (3, None));
        assert_eq!(take(&mut output, &[b"d"]), (0, None));
        let (waker, next) = output.progress(Ok(5));
        assert!(waker.is_some() && !output.is_empty());
        assert_eq!(next, Some([b"three four", &many[18..], b"abc"].concat()));
        assert!(matches!(output.progress(Ok(HELD_BYTES - 5)), (None, None)));
        assert!(output.is_empty());
    }

    #[test]
    fn a_failure_is_reported_once_and_ends_what_is_queued() {
        let mut output = Output::default();
        assert!(take(&mut output, &[b"one"]).1.is_some());
        assert_eq!(take(&mut output, &[b"two"]), (3, None));
        output.wait(Waker::noop());
        let (waker, next) = output.progress(Err(io::ErrorKind::ConnectionReset.into()));
        assert!(waker.is_some() && next.is_none() && output.is_empty());
        assert_eq!(output.check().map_err(|e| e.kind()), Err(io::ErrorKind::ConnectionReset));
        assert!(output.check().is_ok());
    }

    #[test]
    fn input_wakes_whoever_asked() {
        let mut input = Input::Asked(Waker::noop().clone());
        assert!(input.done(Ok(b"x".to_vec()), true).is_some());
        assert!(matches!(input, Input::Arrived { read: 0, more: true, .. }));
        let mut input = Input::Asked(Waker::noop().clone());
        assert!(input.done(Ok(Vec::new()), false).is_some());
        assert!(matches!(input, Input::Ended(Ok(()))));
    }
}
