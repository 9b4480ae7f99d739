//! The queues that a worker shares with the kernel, and everything that requests in them use.
//!
//! A request owns its connection's socket and the bytes that it sends from here until its completion arrives, whatever
//! becomes of the session. So no descriptor is used again, and no memory freed, that the kernel may still use.

use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, opcode};
use rustix::io::Errno;
use slab::Slab;
use tracing::error;

use super::buffers::{Buffers, GROUP};
use super::channel::Channel;

/// Requests that the kernel takes at once.
const SUBMISSIONS: u32 = 256;

/// Completions that there is room for; the kernel keeps more of them elsewhere, which is slow. A turn leads to those of its
/// submissions and a few dozen more.
const COMPLETIONS: u32 = 1024;

/// Wait until the socket is ready before the first attempt (`IORING_RECVSEND_POLL_FIRST` of `linux/io_uring.h`).
const POLL_FIRST: u16 = 1;

/// How long the end waits for requests in flight, whose sockets are shut down by then.
const LAST_COMPLETIONS: Duration = Duration::from_secs(5);

/// A ring with all that its requests use.
pub(super) struct Queues {
    ring: IoUring,
    /// Counts up when there is something to hear of.
    event: Rc<OwnedFd>,
    /// Freed when no request is in flight.
    buffers: ManuallyDrop<Buffers>,
    in_flight: Slab<Request>,
    /// What the kernel was not given yet.
    waiting: VecDeque<Entry>,
}

/// A request in flight.
struct Request {
    channel: Rc<Channel>,
    work: Work,
}

enum Work {
    Receive,
    Watch,
    /// These bytes, of which so many were sent.
    Send(Vec<u8>, usize),
}

/// What has happened.
pub(super) enum Completion {
    /// A request to receive is done.
    Received {
        channel: Rc<Channel>,
        result: io::Result<Vec<u8>>,
        /// Whether more is there.
        more: bool,
    },
    /// Something has arrived, but the kernel had no buffer left for it: a request to receive has to be made again.
    Again(Rc<Channel>),
    /// There is something to receive, or the connection has ended.
    Readable(Rc<Channel>),
    /// The kernel has taken so many bytes, or sending has failed.
    Sent { channel: Rc<Channel>, result: io::Result<usize> },
}

impl Queues {
    /// Sets up a ring. It belongs to the thread that calls this.
    pub(super) fn new() -> io::Result<Self> {
        let ring = IoUring::builder()
            // One thread uses it, and it wants to hear of completions when it asks. Since Linux 6.1.
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_coop_taskrun()
            // Says whether there is more to hear of.
            .setup_taskrun_flag()
            .setup_submit_all()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        // SAFETY: they are dropped when no request is in flight, see `drop`.
        #[allow(unsafe_code)]
        let buffers = unsafe { Buffers::offer_to(&ring)? };
        // The ring's own descriptor does not wake epoll before the deferred work is done.
        let event = event()?;
        ring.submitter().register_eventfd(event.as_raw_fd())?;
        Ok(Self {
            ring,
            event: Rc::new(event),
            buffers: ManuallyDrop::new(buffers),
            in_flight: Slab::new(),
            waiting: VecDeque::new(),
        })
    }

    /// Becomes readable when there is something to hear of, each time anew; it is never read.
    pub(super) fn event(&self) -> Rc<OwnedFd> {
        Rc::clone(&self.event)
    }

    /// Number of requests that the kernel was not given yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Receives once. `poll_first`: nothing is expected to be there yet.
    pub(super) fn receive(&mut self, channel: Rc<Channel>, poll_first: bool) {
        let fd = Fd(channel.socket.as_raw_fd());
        let entry = opcode::Recv::new(fd, std::ptr::null_mut(), 0)
            .buf_group(GROUP)
            .ioprio(if poll_first { POLL_FIRST } else { 0 })
            .build()
            .flags(Flags::BUFFER_SELECT);
        self.push(entry, Request { channel, work: Work::Receive });
    }

    /// Waits until there is something to receive, and leaves it in the socket.
    pub(super) fn watch(&mut self, channel: Rc<Channel>) {
        let entry = opcode::PollAdd::new(Fd(channel.socket.as_raw_fd()), libc::POLLIN as u32).build();
        self.push(entry, Request { channel, work: Work::Watch });
    }

    /// Sends all of `bytes`.
    pub(super) fn send(&mut self, channel: Rc<Channel>, bytes: Vec<u8>) {
        let entry = send(&channel, &bytes, 0);
        self.push(entry, Request { channel, work: Work::Send(bytes, 0) });
    }

    fn push(&mut self, entry: Entry, request: Request) {
        let number = self.in_flight.insert(request);
        self.waiting.push_back(entry.user_data(number as u64));
    }

    /// Gives the kernel what waits, and lets it do what has become possible since the last time.
    pub(super) fn enter(&mut self) -> io::Result<()> {
        self.call(EnterFlags::GETEVENTS)
    }

    /// Gives the kernel what waits.
    pub(super) fn submit(&mut self) -> io::Result<()> {
        self.call(EnterFlags::empty())
    }

    fn call(&mut self, flags: EnterFlags) -> io::Result<()> {
        let submitted = self.fill();
        // SAFETY: no argument is passed.
        #[allow(unsafe_code)]
        let entered = unsafe { self.ring.submitter().enter::<()>(submitted as u32, 0, flags.bits(), None) };
        match entered {
            Ok(_) => Ok(()),
            // A signal, or the kernel has no memory for more requests now: what it did not take is still there.
            Err(e) if is_passing(&e) => Ok(()),
            Err(e) => Err(e),
        }
    }

    /// Moves what waits to the kernel's queue, as far as that has room. Returns how much is in it.
    fn fill(&mut self) -> usize {
        let mut queue = self.ring.submission();
        while let Some(entry) = self.waiting.front() {
            // SAFETY: `in_flight` has the socket and the bytes that the entry names until the request is complete, and leaves the
            // bytes alone. Input goes to `buffers`, which are not freed before all requests are complete.
            #[allow(unsafe_code)]
            let pushed = unsafe { queue.push(entry) };
            if pushed.is_err() {
                break;
            }
            self.waiting.pop_front();
        }
        queue.len()
    }

    /// Whether the kernel has to be entered.
    pub(super) fn is_behind(&mut self) -> bool {
        if !self.waiting.is_empty() || !self.ring.completion().is_empty() {
            return true;
        }
        let queue = self.ring.submission();
        !queue.is_empty() || queue.taskrun() || queue.cq_overflow()
    }

    /// Removes what has happened.
    pub(super) fn drain(&mut self, into: &mut Vec<Completion>) {
        for event in self.ring.completion() {
            let number = event.user_data() as usize;
            let result = match event.result() {
                failed if failed < 0 => Err(io::Error::from_raw_os_error(-failed)),
                bytes => Ok(bytes as usize),
            };
            let request = &mut self.in_flight[number];
            let Work::Send(bytes, sent) = &mut request.work else {
                let Request { channel, work } = self.in_flight.remove(number);
                into.push(match work {
                    Work::Watch => Completion::Readable(channel),
                    _ => received(&mut self.buffers, channel, result, event.flags()),
                });
                continue;
            };
            let result = match result {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                Err(e) if is_passing(&e) => Ok(0),
                result => result,
            };
            *sent += result.as_ref().map_or(0, |more| *more);
            if result.is_ok() && *sent < bytes.len() {
                // The kernel has no room for the rest yet.
                let rest = send(&request.channel, &bytes[*sent..], POLL_FIRST);
                self.waiting.push_back(rest.user_data(number as u64));
                into.push(Completion::Sent { channel: Rc::clone(&request.channel), result });
            } else {
                let Request { channel, .. } = self.in_flight.remove(number);
                into.push(Completion::Sent { channel, result });
            }
        }
    }
}

/// A counter whose descriptor can be waited for.
#[allow(unsafe_code)]
fn event() -> io::Result<OwnedFd> {
    // SAFETY: the call has no pointers.
    let event = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if event < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened just now, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(event) })
}

/// A request to send these bytes.
fn send(channel: &Channel, bytes: &[u8], flags: u16) -> Entry {
    let fd = Fd(channel.socket.as_raw_fd());
    opcode::Send::new(fd, bytes.as_ptr(), bytes.len() as u32).ioprio(flags).build()
}

/// What a completed request to receive has led to. Gives the buffer back.
fn received(buffers: &mut Buffers, channel: Rc<Channel>, result: io::Result<usize>, flags: u32) -> Completion {
    let bytes = result.as_ref().map_or(0, |bytes| *bytes);
    let taken = cqueue::buffer_select(flags).map(|number| {
        // SAFETY: the kernel has filled this buffer for this request, whose completion comes once.
        #[allow(unsafe_code)]
        let taken = unsafe { buffers.take(number, bytes) };
        taken
    });
    match result {
        Err(e) if is_passing(&e) || e.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => {
            Completion::Again(channel)
        }
        result => {
            let result = result.map(|_| taken.unwrap_or_default());
            Completion::Received { channel, result, more: cqueue::sock_nonempty(flags) }
        }
    }
}

/// Whether the same call may succeed later.
fn is_passing(error: &io::Error) -> bool {
    [Errno::INTR, Errno::AGAIN, Errno::BUSY].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

impl Drop for Queues {
    /// Waits until the kernel is done with what it was given.
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let began = Instant::now();
        for (_, request) in &self.in_flight {
            // So that it completes; an error means that the connection has ended.
            let _ = request.channel.socket.shutdown(std::net::Shutdown::Both);
        }
        let pause = Timespec::new().nsec(50_000_000);
        while !self.in_flight.is_empty() && began.elapsed() < LAST_COMPLETIONS {
            self.fill();
            // An error is the end of the pause, or passes.
            let _ = self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&pause));
            self.drain(&mut Vec::new());
        }
        if !self.in_flight.is_empty() {
            error!(requests = self.in_flight.len(), "the kernel did not complete requests; their memory is not freed");
            return std::mem::forget(std::mem::take(&mut self.in_flight));
        }
        // SAFETY: no request is in flight, and this value is dropped.
        unsafe { ManuallyDrop::drop(&mut self.buffers) };
    }
}
