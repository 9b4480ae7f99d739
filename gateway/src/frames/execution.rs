//! What the execution of each kind of request has in common: who makes it, and room for its reply.

use proto::frame::{ErrorCode, encode_error, payload_bytes};
use proto::{Lsn, Micros, Refusal, Reply};

use super::output::Output;
use crate::access::Identity;
use crate::config::{Durability, FRAME_BUFFER_BYTES};
use crate::protocol::Protocol;
use crate::service::{Options, Origin, Service};

/// Replies with payloads of up to this many bytes are always sent. They include the replies to writes, which have
/// already been executed.
const ALWAYS_ADMITTED_BYTES: usize = 4;

/// The result of one call of [`super::Executor::execute`], besides the replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchResult {
    /// Payload bytes of the replies, including those that were replaced by an error for lack of room.
    pub(super) reply_bytes: usize,
    /// Number of frames that were replied to.
    pub requests: usize,
    /// Whether the connection must be closed.
    pub hang_up: bool,
    /// Whether the last request was an auth: others make what follows.
    pub is_other_caller: bool,
    /// Whether the next frame asks for changes, which is up to the session.
    pub follows: bool,
}

impl BatchResult {
    /// Whether to stop executing, to send the replies and to let other sessions run.
    pub(super) fn must_flush(&self, output: &Output) -> bool {
        self.hang_up || self.is_other_caller || output.is_full() || self.reply_bytes >= FRAME_BUFFER_BYTES
    }
}

/// Who makes the requests of a run, and when.
#[derive(Clone, Copy)]
pub(super) struct Execution<'e> {
    pub(super) service: &'e Service,
    pub(super) identity: &'e Identity,
    pub(super) at: Micros,
}

impl<'e> Execution<'e> {
    pub(super) fn origin(&self) -> Origin<'e> {
        Origin { identity: self.identity, protocol: Protocol::Frames }
    }
}

/// The options of a request with this flag.
pub(super) fn options(durable: bool) -> Options {
    Options { durability: if durable { Durability::Sync } else { Durability::Async } }
}

#[cold]
pub(super) fn encode_refusal(out: &mut Vec<u8>, service: &Service, id: u32, refusal: &Refusal) {
    service.meters().of(Protocol::Frames).refused(refusal);
    encode_error(out, id, ErrorCode::from(refusal), &refusal.to_string());
}

/// Refuses a reply for which there is no room; only the reply to a read can lack it. If it must wait for the log, that is
/// registered for the frame that starts at `start`.
#[inline]
pub(super) fn admit(
    reply: &Reply,
    awaits: Option<Lsn>,
    start: usize,
    output: &mut Output,
    result: &mut BatchResult,
) -> Result<(), Refusal> {
    if let Some(lsn) = awaits {
        output.wait_for(lsn, start);
    }
    let bytes = payload_bytes(reply);
    result.reply_bytes += bytes;
    if bytes > ALWAYS_ADMITTED_BYTES {
        output.admit(bytes)?;
    }
    Ok(())
}
