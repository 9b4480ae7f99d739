//! Frames into operations, their execution, replies. Knows no socket, so that it can be measured and tested without one.
//!
//! Operations that stand next to each other are handed to the engine together, so that their cache misses
//! overlap. Whatever else comes between them is answered in its place.

use std::ops::ControlFlow;

use arrayvec::ArrayVec;
use engine::{Engine, Executed};
use proto::frame::{
    BadRequest, ErrorCode, Frames, MAX_REPLY_BYTES, ManyReplies, MultiOps, REPLY_ITEM_HEADER_BYTES, Request,
    RequestFrame, encode_done, encode_error, encode_reply, payload_bytes,
};
use proto::{Lsn, Micros, Op, Refusal, Reply};

use super::output::Output;
use crate::auth::Token;
use crate::config::{Durability, FRAME_BUFFER_BYTES};

/// Operations that are handed to the engine together: enough to overlap their cache misses, few enough to stay in the
/// first-level cache.
const GATHERED: usize = 64;

/// Answers with payloads up to this many bytes are given in any case: those to writes, which have been carried out by then.
const ALWAYS_ADMITTED_BYTES: usize = 4;

const LOG_DOWN: &str = "the log is down; try again later";
const TOO_MANY_ANSWERS: &str = "too many large answers at a time; try again later";
const TOO_LARGE_ANSWER: &str = "the answers to this request are too large together; ask for this one alone";

/// Longest reason why an item of a multi-get has no value, in bytes.
const MAX_REASON_BYTES: usize = 128;

const _: () = assert!(TOO_LARGE_ANSWER.len() <= MAX_REASON_BYTES && TOO_MANY_ANSWERS.len() <= MAX_REASON_BYTES);

/// What the answer to such an item takes in any case, in bytes.
const LEAST_ANSWER_BYTES: usize = REPLY_ITEM_HEADER_BYTES + MAX_REASON_BYTES;

const NOT_AUTHENTICATED: &str = "the first request must be an auth with the token of this server";
const WRONG_TOKEN: &str = "this is not the token of this server";

/// What a session keeps to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The least that a reply to a write promises.
    pub durability: Durability,
    /// What clients must show.
    pub token: Option<Token>,
}

/// Carries out the requests of one connection.
#[derive(Debug)]
pub struct Executor {
    limits: Limits,
    authenticated: bool,
}

/// What came of a turn besides replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// What must be durable before the replies may be sent, and how many bytes of replies come before the first that waits.
    pub awaits: Option<(Lsn, usize)>,
    /// Bytes of answers that were made, also of those for which there was no room.
    made: usize,
    /// Nothing more is to be read from this client.
    pub hang_up: bool,
}

/// What a reply needs to know of its operation.
struct Asked<'f> {
    id: u32,
    must_be_durable: bool,
    /// The frames behind this one.
    behind: Frames<'f>,
}

/// Operations that stand next to each other.
#[derive(Default)]
struct Gathered<'f> {
    ops: ArrayVec<Op<'f>, GATHERED>,
    asked: ArrayVec<Asked<'f>, GATHERED>,
}

impl Turn {
    /// Notes a write that must be durable, whose reply begins behind `ready` bytes of replies.
    fn note(&mut self, engine: &Engine, executed: &Executed, ready: usize) {
        if let Ok(outcome) = executed {
            // A write that found nothing to do rests on an earlier one, which may not be durable yet.
            let lsn = outcome.lsn.unwrap_or_else(|| engine.last_lsn());
            let (before, ready) = self.awaits.unwrap_or((lsn, ready));
            self.awaits = Some((lsn.max(before), ready));
        }
    }

    /// Whether it is time to send what there is, and to let others work.
    fn is_over(&self, output: &Output) -> bool {
        self.hang_up || output.is_full() || self.made >= FRAME_BUFFER_BYTES
    }
}

impl Executor {
    /// For a new connection.
    pub fn new(limits: Limits) -> Self {
        let authenticated = limits.token.is_none();
        Self { limits, authenticated }
    }

    /// Whether the client has shown the token, if one is wanted.
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// Carries out requests from `frames` at the time `at`, until there are none or enough for a turn was done; those that are left
    /// stay in `frames`. Writes that must be durable are refused unless the log is up.
    pub fn execute(
        &mut self,
        engine: &Engine,
        log_is_up: bool,
        at: Micros,
        frames: &mut Frames<'_>,
        output: &mut Output,
    ) -> Turn {
        let mut turn = Turn::default();
        while !turn.is_over(output) && !frames.rest().is_empty() {
            let mut gathered = Gathered::default();
            let other = self.gather(&mut gathered, frames, log_is_up);
            let done = run_gathered(&gathered, engine, at, output, &mut turn);
            if done < gathered.ops.len() {
                // The turn is over: the rest of what was gathered, and what comes behind it, is for the next turn.
                frames.clone_from(&gathered.asked[done - 1].behind);
                return turn;
            }
            match other {
                None => {}
                Some(Ok(frame)) => self.answer(frame, engine, log_is_up, at, output, &mut turn),
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
        gathered: &mut Gathered<'f>,
        frames: &mut Frames<'f>,
        log_is_up: bool,
    ) -> Option<Result<RequestFrame<'f>, BadRequest>> {
        while !gathered.ops.is_full() {
            let frame = RequestFrame::decode(frames.next()?);
            let Ok(RequestFrame { id, durable, request: Request::Op(op) }) = frame else { return Some(frame) };
            let must_be_durable = self.must_be_durable(durable, op.kind().writes());
            if !self.authenticated || (must_be_durable && !log_is_up) {
                return Some(frame);
            }
            gathered.ops.push(op);
            gathered.asked.push(Asked { id, must_be_durable, behind: frames.clone() });
        }
        None
    }

    fn must_be_durable(&self, durable: bool, writes: bool) -> bool {
        writes && (durable || self.limits.durability == Durability::Sync)
    }

    /// Answers what is not an operation, or not one that can be carried out.
    fn answer(
        &mut self,
        frame: RequestFrame<'_>,
        engine: &Engine,
        log_is_up: bool,
        at: Micros,
        output: &mut Output,
        turn: &mut Turn,
    ) {
        let out = output.bytes_mut();
        match frame.request {
            Request::Auth(token) => match &self.limits.token {
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
            Request::Multi(multi) => {
                let must_be_durable = self.must_be_durable(frame.durable, multi.writes());
                match must_be_durable && !log_is_up {
                    true => encode_error(out, frame.id, ErrorCode::LogDown, LOG_DOWN),
                    false => run_multi(multi, frame.id, must_be_durable, engine, at, output, turn),
                }
            }
            // The one reason for which an operation is not gathered.
            Request::Op(_) => encode_error(out, frame.id, ErrorCode::LogDown, LOG_DOWN),
        }
    }
}

/// Carries out what was gathered; returns how many operations, because the turn may be over before the last.
fn run_gathered(gathered: &Gathered<'_>, engine: &Engine, at: Micros, output: &mut Output, turn: &mut Turn) -> usize {
    let mut asked = gathered.asked.iter();
    engine.execute_batch(&gathered.ops, at, |executed| {
        let Some(Asked { id, must_be_durable, .. }) = asked.next() else { return ControlFlow::Break(()) };
        if *must_be_durable {
            turn.note(engine, &executed, output.bytes().len());
        }
        match admitted(executed, output, turn) {
            Ok(reply) => encode_reply(output.bytes_mut(), *id, &reply),
            Err((code, message)) => encode_error(output.bytes_mut(), *id, code, &message),
        }
        if turn.is_over(output) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

/// Carries out a multi-get or multi-put as a whole.
fn run_multi(
    multi: MultiOps<'_>,
    id: u32,
    must_be_durable: bool,
    engine: &Engine,
    at: Micros,
    output: &mut Output,
    turn: &mut Turn,
) {
    let ready = output.bytes().len();
    let mut replies = ManyReplies::begin(output.bytes_mut(), id);
    let mut ops = multi.ops();
    let made_before = turn.made;
    let mut left = multi.count();
    loop {
        let gathered: ArrayVec<Op<'_>, GATHERED> = ops.by_ref().take(GATHERED).collect();
        let done = engine.execute_batch(&gathered, at, |executed| {
            if must_be_durable {
                turn.note(engine, &executed, ready);
            }
            left -= 1;
            // Values leave room to the answers behind them, which thus never go beyond the limit.
            let taken = replies.bytes(output.bytes()) + left * LEAST_ANSWER_BYTES;
            let fits = |reply: &Reply| taken + REPLY_ITEM_HEADER_BYTES + payload_bytes(reply) <= MAX_REPLY_BYTES;
            let executed = match &executed {
                Ok(outcome) if !fits(&outcome.reply) => {
                    turn.made += payload_bytes(&outcome.reply);
                    Err((ErrorCode::TooLarge, TOO_LARGE_ANSWER.into()))
                }
                _ => admitted(executed, output, turn),
            };
            match executed {
                Ok(reply) => replies.push(output.bytes_mut(), &reply),
                Err((code, message)) => replies.push_error(output.bytes_mut(), code, &message),
            }
            // To make answers for which there is no room would only keep others waiting.
            match turn.made - made_before < MAX_REPLY_BYTES {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        });
        if done < gathered.len() || gathered.is_empty() {
            break;
        }
    }
    for _ in 0..left {
        replies.push_error(output.bytes_mut(), ErrorCode::TooLarge, TOO_LARGE_ANSWER);
    }
    replies.finish(output.bytes_mut());
}

/// The reply, if the operation was carried out and there is room for it. Only a read's answer can lack room.
fn admitted(executed: Executed, output: &mut Output, turn: &mut Turn) -> Result<Reply, (ErrorCode, String)> {
    let reply = executed.map_err(|refusal: Refusal| (ErrorCode::from(&refusal), refusal.to_string()))?.reply;
    let bytes = payload_bytes(&reply);
    turn.made += bytes;
    match bytes <= ALWAYS_ADMITTED_BYTES || output.admit(bytes) {
        true => Ok(reply),
        false => Err((ErrorCode::Busy, TOO_MANY_ANSWERS.into())),
    }
}
