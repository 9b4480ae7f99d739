//! Decodes request frames, executes their operations and encodes the replies. Independent of sockets, so that it can be
//! measured and tested without them.
//!
//! Consecutive operations are passed to the engine as a batch, so that their cache misses overlap. Other requests end a
//! batch; replies are in the order of the requests.

use std::ops::ControlFlow;
use std::rc::Rc;

use arrayvec::ArrayVec;
use proto::frame::{
    BadRequest, ErrorCode, Frames, MAX_REPLY_BYTES, ManyReplies, MultiOps, REPLY_ITEM_HEADER_BYTES, Request,
    RequestFrame, encode_done, encode_error, encode_reply, payload_bytes,
};
use proto::{Lsn, Micros, Refusal, Reply};

use super::execution::{BatchResult, Execution, admit, encode_refusal, options};
use super::output::Output;
use super::transact::{scan, transact};
use crate::access::{Caller, Identity};
use crate::clock;
use crate::protocol::Protocol;
use crate::service::{self, MAX_BATCH, Options, Origin, RequestBatch, Service};

/// Longest reason why an item of a multi-get has no value, in bytes.
const MAX_REASON_BYTES: usize = 128;

/// Space that is reserved for the reply to such an item, in bytes.
const RESERVED_ITEM_BYTES: usize = REPLY_ITEM_HEADER_BYTES + MAX_REASON_BYTES;

/// Executes the requests of one connection.
#[derive(Debug)]
pub struct Executor {
    caller: Rc<Caller>,
}

/// A request of a batch whose reply is still to be encoded.
struct PendingReply<'f> {
    id: u32,
    /// The frames after this request.
    rest: Frames<'f>,
}

/// Consecutive operations.
#[derive(Default)]
struct OpBatch<'f> {
    requests: RequestBatch<'f>,
    pending: ArrayVec<PendingReply<'f>, MAX_BATCH>,
}

impl Executor {
    /// An executor for the connection of `caller`.
    pub fn new(caller: Rc<Caller>) -> Self {
        Self { caller }
    }

    /// Who makes the requests.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the client has said who it is, or need not.
    pub fn is_authenticated(&self) -> bool {
        !self.caller.must_authenticate()
    }

    /// Executes requests from `frames` at time `at`, until there are no more or the output must be flushed. Requests
    /// that were not executed remain in `frames`. Replies that must wait are registered in `output`.
    pub fn execute(
        &mut self,
        service: &Service,
        at: Micros,
        frames: &mut Frames<'_>,
        output: &mut Output,
    ) -> BatchResult {
        let mut result = BatchResult::default();
        while !result.must_flush(output) && !frames.rest().is_empty() {
            let identity = match self.caller.identity() {
                Ok(identity) => identity,
                Err(refusal) => {
                    // Of the whole connection.
                    encode_refusal(output.bytes_mut(), service, 0, &refusal);
                    result.hang_up = true;
                    return result;
                }
            };
            let (before, mut batch) = (frames.clone(), OpBatch::default());
            let other = gather(&identity, &mut batch, frames);
            let done = run_batch(&batch, Execution { service, identity: &identity, at }, output, &mut result);
            drop(identity);
            result.requests += done + usize::from(other.is_some() && done == batch.requests.len());
            if done < batch.requests.len() {
                // The output must be flushed first. The next call executes the rest of the batch and what follows it.
                frames.clone_from(&batch.pending[done - 1].rest);
                return result;
            }
            match other {
                None => {}
                Some(Ok(RequestFrame { request: Request::Follow(_), .. })) if self.is_authenticated() => {
                    *frames = batch.pending.last().map_or(before, |last| last.rest.clone());
                    result.requests -= 1;
                    result.follows = true;
                    return result;
                }
                Some(Ok(frame)) => self.answer(frame, service, at, output, &mut result),
                Some(Err(bad)) => {
                    encode_error(output.bytes_mut(), bad.id, bad.error.code(), &bad.error.to_string());
                    result.hang_up = !self.is_authenticated();
                }
            }
        }
        result
    }

    /// Replies to a request that is not part of a batch: it is not an operation, or the client is not authenticated.
    fn answer(
        &self,
        frame: RequestFrame<'_>,
        service: &Service,
        at: Micros,
        output: &mut Output,
        result: &mut BatchResult,
    ) {
        let out = output.bytes_mut();
        match frame.request {
            Request::Auth(token) => match self.caller.present(token.as_bytes(), clock::now()) {
                Ok(()) => {
                    encode_done(out, frame.id);
                    result.is_other_caller = true;
                }
                Err(refusal) => {
                    encode_refusal(out, service, frame.id, &refusal);
                    result.hang_up = true;
                }
            },
            _ if !self.is_authenticated() => {
                encode_refusal(out, service, frame.id, &Refusal::Unauthenticated);
                result.hang_up = true;
            }
            Request::Ping => encode_done(out, frame.id),
            // Not reached: the session carries it out.
            Request::Follow(_) => encode_refusal(out, service, frame.id, &Refusal::Unauthenticated),
            // Not reached: the operations of an authenticated client are in a batch, all others are refused above.
            Request::Op(op) => {
                let request = service::Request { op, options: options(frame.durable) };
                let identity = self.caller.identity();
                let done = identity.and_then(|identity| {
                    let origin = Origin { identity: &identity, protocol: Protocol::Frames };
                    service.execute(origin, &request, at)
                });
                match done {
                    Ok(done) => reply(service, frame.id, Ok(&done.reply), done.awaits, output, result),
                    Err(refusal) => reply(service, frame.id, Err(&refusal), None, output, result),
                }
            }
            Request::Transact(items) => match self.caller.identity() {
                Ok(identity) => {
                    let execution = Execution { service, identity: &identity, at };
                    transact(items, frame.id, options(frame.durable), execution, output, result);
                }
                Err(refusal) => encode_refusal(out, service, frame.id, &refusal),
            },
            Request::Scan(wanted) => match self.caller.identity() {
                Ok(identity) => {
                    scan(wanted, frame.id, Execution { service, identity: &identity, at }, output, result);
                }
                Err(refusal) => encode_refusal(out, service, frame.id, &refusal),
            },
            Request::Multi(multi) => {
                let options = options(frame.durable);
                // Checked once for the whole request: if the log requires a refusal, no item is executed.
                let admitted = service.admit(multi.writes(), options).and_then(|_| self.caller.identity());
                match admitted {
                    Ok(identity) => {
                        let execution = Execution { service, identity: &identity, at };
                        run_multi(multi, frame.id, options, execution, output, result);
                    }
                    Err(refusal) => encode_refusal(out, service, frame.id, &refusal),
                }
            }
        }
    }
}

/// Collects consecutive operations until the batch is full. Returns the first frame that is not an operation, if one ended
/// the batch. A client that is not authenticated has none.
fn gather<'f>(
    identity: &Identity,
    batch: &mut OpBatch<'f>,
    frames: &mut Frames<'f>,
) -> Option<Result<RequestFrame<'f>, BadRequest>> {
    if identity.must_authenticate() {
        return frames.next().map(RequestFrame::decode);
    }
    while !batch.requests.is_full() {
        let frame = frames.next()?;
        let other = RequestFrame::decode_op(frame, |id, durable, op| {
            batch.requests.push(service::Request { op, options: options(durable) });
            batch.pending.push(PendingReply { id, rest: frames.clone() });
        });
        if other.is_some() {
            return other;
        }
    }
    None
}

/// Executes a batch. Returns the number of executed operations, which is smaller than the batch if the output must be
/// flushed.
fn run_batch(batch: &OpBatch<'_>, execution: Execution<'_>, output: &mut Output, result: &mut BatchResult) -> usize {
    let mut pending = batch.pending.iter();
    execution.service.execute_batch(execution.origin(), &batch.requests, execution.at, |executed, awaits| {
        let Some(PendingReply { id, .. }) = pending.next() else { return ControlFlow::Break(()) };
        reply(execution.service, *id, executed, awaits, output, result);
        if result.must_flush(output) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

/// Encodes the reply to an operation.
#[inline]
fn reply(
    service: &Service,
    id: u32,
    executed: Result<&Reply, &Refusal>,
    awaits: Option<Lsn>,
    output: &mut Output,
    result: &mut BatchResult,
) {
    match executed {
        Ok(reply) => match admit(reply, awaits, output.bytes().len(), output, result) {
            Ok(()) => encode_reply(output.bytes_mut(), id, reply),
            Err(refusal) => encode_refusal(output.bytes_mut(), service, id, &refusal),
        },
        Err(refusal) => encode_refusal(output.bytes_mut(), service, id, refusal),
    }
}

/// Executes a multi-get or multi-put. Its items share one reply frame.
fn run_multi(
    multi: MultiOps<'_>,
    id: u32,
    options: Options,
    execution: Execution<'_>,
    output: &mut Output,
    result: &mut BatchResult,
) {
    let start = output.bytes().len();
    let mut replies = ManyReplies::begin(output.bytes_mut(), id);
    let mut requests = multi.ops().map(|op| service::Request { op, options });
    let bytes_before = result.reply_bytes;
    let mut left = multi.count();
    loop {
        let mut batch = RequestBatch::default();
        requests.by_ref().take(MAX_BATCH).for_each(|request| batch.push(request));
        let done = execution.service.execute_batch(execution.origin(), &batch, execution.at, |executed, awaits| {
            left -= 1;
            // A value must leave room for the replies to the remaining items, so that the frame never exceeds its
            // limit.
            let taken = replies.bytes(output.bytes()) + left * RESERVED_ITEM_BYTES;
            let fits = |reply: &Reply| taken + REPLY_ITEM_HEADER_BYTES + payload_bytes(reply) <= MAX_REPLY_BYTES;
            match executed {
                Ok(reply) if !fits(reply) => {
                    result.reply_bytes += payload_bytes(reply);
                    push_refusal(&mut replies, output, execution.service, &Refusal::ResponseTooLarge);
                }
                Ok(reply) => match admit(reply, awaits, start, output, result) {
                    Ok(()) => replies.push(output.bytes_mut(), reply),
                    Err(refusal) => push_refusal(&mut replies, output, execution.service, &refusal),
                },
                Err(refusal) => push_refusal(&mut replies, output, execution.service, refusal),
            }
            // Stop once the frame is full: producing replies for which there is no room would only delay other
            // sessions.
            match result.reply_bytes - bytes_before < MAX_REPLY_BYTES {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        if done < batch.len() || batch.is_empty() {
            break;
        }
    }
    for _ in 0..left {
        push_refusal(&mut replies, output, execution.service, &Refusal::ResponseTooLarge);
    }
    replies.finish(output.bytes_mut());
}

fn push_refusal(replies: &mut ManyReplies, output: &mut Output, service: &Service, refusal: &Refusal) {
    service.meters().of(Protocol::Frames).refused(refusal);
    replies.push_error(output.bytes_mut(), ErrorCode::from(refusal), &refusal.to_string());
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
