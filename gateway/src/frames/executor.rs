//! Frames into operations, their execution, replies. Knows no socket, so that it can be measured and tested without one.
//!
//! Operations that stand next to each other are handed to the engine together, so that their cache misses
//! overlap. Whatever else comes between them is answered in its place.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrayvec::ArrayVec;
use proto::frame::{
    BadRequest, ErrorCode, Frames, MAX_REPLY_BYTES, ManyReplies, MultiOps, REPLY_ITEM_HEADER_BYTES, Request,
    RequestFrame, encode_done, encode_error, encode_reply, payload_bytes,
};
use proto::{Micros, Refusal, Reply};

use super::output::Output;
use crate::auth::Token;
use crate::config::{Durability, FRAME_BUFFER_BYTES};
use crate::service::{self, Done, MAX_BATCH, Options, RequestBatch, Service};

/// Answers with payloads up to this many bytes are given in any case: those to writes, which have been carried out by then.
const ALWAYS_ADMITTED_BYTES: usize = 4;

/// Longest reason why an item of a multi-get has no value, in bytes.
const MAX_REASON_BYTES: usize = 128;

/// What the answer to such an item takes in any case, in bytes.
const LEAST_ANSWER_BYTES: usize = REPLY_ITEM_HEADER_BYTES + MAX_REASON_BYTES;

const NOT_AUTHENTICATED: &str = "the first request must be an auth with the token of this server";
const WRONG_TOKEN: &str = "this is not the token of this server";

/// Carries out the requests of one connection.
#[derive(Debug)]
pub struct Executor {
    /// What the client must show.
    token: Option<Arc<Token>>,
    authenticated: bool,
}

/// What came of a turn besides replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchResult {
    /// Bytes of answers that were made, also of those for which there was no room.
    made: usize,
    /// Nothing more is to be read from this client.
    pub hang_up: bool,
}

/// What a reply needs to know of its request.
struct PendingReply<'f> {
    id: u32,
    /// The frames after this one.
    rest: Frames<'f>,
}

/// Operations that stand next to each other.
#[derive(Default)]
struct OpBatch<'f> {
    requests: RequestBatch<'f>,
    pending: ArrayVec<PendingReply<'f>, MAX_BATCH>,
}

impl BatchResult {
    /// Whether it is time to send what there is, and to let others work.
    fn is_over(&self, output: &Output) -> bool {
        self.hang_up || output.is_full() || self.made >= FRAME_BUFFER_BYTES
    }
}

impl Executor {
    /// For a new connection, whose client must show `token`.
    pub fn new(token: Option<Arc<Token>>) -> Self {
        let authenticated = token.is_none();
        Self { token, authenticated }
    }

    /// Whether the client has shown the token, if one is wanted.
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// Carries out requests from `frames` at the time `at`, until there are none or enough for a turn was done; those that are left
    /// stay in `frames`. Replies that must wait are noted in `output`.
    pub fn execute(
        &mut self,
        service: &Service,
        at: Micros,
        frames: &mut Frames<'_>,
        output: &mut Output,
    ) -> BatchResult {
        let mut turn = BatchResult::default();
        while !turn.is_over(output) && !frames.rest().is_empty() {
            let mut batch = OpBatch::default();
            let other = self.gather(&mut batch, frames);
            let done = run_batch(&batch, service, at, output, &mut turn);
            if done < batch.requests.len() {
                // The turn is over: the rest of the batch, and what comes after it, is for the next turn.
                frames.clone_from(&batch.pending[done - 1].rest);
                return turn;
            }
            match other {
                None => {}
                Some(Ok(frame)) => self.answer(frame, service, at, output, &mut turn),
                Some(Err(bad)) => {
                    encode_error(output.bytes_mut(), bad.id, bad.error.code(), &bad.error.to_string());
                    turn.hang_up = !self.authenticated;
                }
            }
        }
        turn
    }

    /// Gathers operations until there are enough or no more frames; returns what comes between.
    fn gather<'f>(
        &self,
        batch: &mut OpBatch<'f>,
        frames: &mut Frames<'f>,
    ) -> Option<Result<RequestFrame<'f>, BadRequest>> {
        while !batch.requests.is_full() {
            let frame = RequestFrame::decode(frames.next()?);
            let Ok(RequestFrame { id, durable, request: Request::Op(op) }) = frame else {
                return Some(frame);
            };
            if !self.authenticated {
                return Some(frame);
            }
            batch.requests.push(service::Request { op, options: options(durable) });
            batch.pending.push(PendingReply { id, rest: frames.clone() });
        }
        None
    }

    /// Answers what is not an operation, or comes before the token.
    fn answer(
        &mut self,
        frame: RequestFrame<'_>,
        service: &Service,
        at: Micros,
        output: &mut Output,
        turn: &mut BatchResult,
    ) {
        let out = output.bytes_mut();
        match frame.request {
            Request::Auth(token) => match &self.token {
                Some(expected) if !expected.matches(token.as_bytes()) => {
                    encode_error(out, frame.id, ErrorCode::Unauthenticated, WRONG_TOKEN);
                    turn.hang_up = true;
                }
                _ => {
                    self.authenticated = true;
                    encode_done(out, frame.id);
                }
            },
            _ if !self.authenticated => {
                encode_error(out, frame.id, ErrorCode::Unauthenticated, NOT_AUTHENTICATED);
                turn.hang_up = true;
            }
            Request::Ping => encode_done(out, frame.id),
            // All but those before the token are gathered.
            Request::Op(op) => {
                let request = service::Request { op, options: options(frame.durable) };
                reply(frame.id, service.execute(&request, at), output, turn);
            }
            Request::Multi(multi) => {
                let options = options(frame.durable);
                // As a whole: of a request that is refused for the log nothing is carried out.
                match service.admit(multi.writes(), options) {
                    Ok(_) => run_multi(multi, frame.id, options, service, at, output, turn),
                    Err(refusal) => encode_refusal(out, frame.id, &refusal),
                }
            }
        }
    }
}

fn options(durable: bool) -> Options {
    Options { durability: if durable { Durability::Sync } else { Durability::Async } }
}

/// Carries out a batch; returns how many operations, because the turn may be over before the last.
fn run_batch(batch: &OpBatch<'_>, service: &Service, at: Micros, output: &mut Output, turn: &mut BatchResult) -> usize {
    let mut pending = batch.pending.iter();
    service.execute_batch(&batch.requests, at, |executed| {
        let Some(PendingReply { id, .. }) = pending.next() else { return ControlFlow::Break(()) };
        reply(*id, executed, output, turn);
        if turn.is_over(output) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

/// Writes the reply to an operation.
#[inline]
fn reply(id: u32, executed: Result<Done, Refusal>, output: &mut Output, turn: &mut BatchResult) {
    let begins = output.bytes().len();
    match admitted(executed, begins, output, turn) {
        Ok(reply) => encode_reply(output.bytes_mut(), id, &reply),
        Err(refusal) => encode_refusal(output.bytes_mut(), id, &refusal),
    }
}

fn encode_refusal(out: &mut Vec<u8>, id: u32, refusal: &Refusal) {
    encode_error(out, id, ErrorCode::from(refusal), &refusal.to_string());
}

/// Carries out a multi-get or multi-put as a whole.
fn run_multi(
    multi: MultiOps<'_>,
    id: u32,
    options: Options,
    service: &Service,
    at: Micros,
    output: &mut Output,
    turn: &mut BatchResult,
) {
    let begins = output.bytes().len();
    let mut replies = ManyReplies::begin(output.bytes_mut(), id);
    let mut requests = multi.ops().map(|op| service::Request { op, options });
    let made_before = turn.made;
    let mut left = multi.count();
    loop {
        let mut batch = RequestBatch::default();
        requests.by_ref().take(MAX_BATCH).for_each(|request| batch.push(request));
        let done = service.execute_batch(&batch, at, |executed| {
            left -= 1;
            // Values leave room to the answers after them, which thus never go beyond the limit.
            let taken = replies.bytes(output.bytes()) + left * LEAST_ANSWER_BYTES;
            let fits = |reply: &Reply| taken + REPLY_ITEM_HEADER_BYTES + payload_bytes(reply) <= MAX_REPLY_BYTES;
            let executed = match &executed {
                Ok(done) if !fits(&done.reply) => {
                    turn.made += payload_bytes(&done.reply);
                    Err(Refusal::ResponseTooLarge)
                }
                _ => admitted(executed, begins, output, turn),
            };
            match executed {
                Ok(reply) => replies.push(output.bytes_mut(), &reply),
                Err(refusal) => push_refusal(&mut replies, output, &refusal),
            }
            // To make answers for which there is no room would only keep others waiting.
            match turn.made - made_before < MAX_REPLY_BYTES {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        if done < batch.len() || batch.is_empty() {
            break;
        }
    }
    for _ in 0..left {
        push_refusal(&mut replies, output, &Refusal::ResponseTooLarge);
    }
    replies.finish(output.bytes_mut());
}

fn push_refusal(replies: &mut ManyReplies, output: &mut Output, refusal: &Refusal) {
    replies.push_error(output.bytes_mut(), ErrorCode::from(refusal), &refusal.to_string());
}

/// The reply, if the request was carried out and there is room for it; if it must wait, that is noted for what begins at
/// `begins`. Only a read's answer can lack room.
fn admitted(
    executed: Result<Done, Refusal>,
    begins: usize,
    output: &mut Output,
    turn: &mut BatchResult,
) -> Result<Reply, Refusal> {
    let done = executed?;
    if let Some(lsn) = done.awaits {
        output.wait_for(lsn, begins);
    }
    let bytes = payload_bytes(&done.reply);
    turn.made += bytes;
    if bytes > ALWAYS_ADMITTED_BYTES {
        output.admit(bytes)?;
    }
    Ok(done.reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_for_missing_values_are_short() {
        for refusal in [Refusal::ResponseTooLarge, Refusal::ResponseMemory] {
            assert!(refusal.to_string().len() <= MAX_REASON_BYTES, "{refusal}");
        }
    }
}
