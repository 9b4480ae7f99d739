//! Lines of the access log for the requests of a turn. They are made of the frames and of the replies to them, so that
//! executing requests costs nothing more when there is no access log.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proto::Op;
use proto::frame::{Answer, ErrorCode, Frames, ReplyFrame, Request, RequestFrame};

use crate::access::{Caller, Identity};
use crate::access_log::{Line, Lines, Scribe};
use crate::protocol::Protocol;
use crate::request_id::MadeId;

/// The id of a request: that of its connection, and the number that the client has given it.
struct FrameId {
    connection: MadeId,
    frame: u32,
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.connection, self.frame)
    }
}

/// A turn, from before its requests are executed.
pub(super) struct Noted<'t> {
    scribe: &'t Scribe,
    connection: MadeId,
    /// Who makes the requests; an auth request ends a turn.
    before: Arc<Identity>,
    frames: Frames<'t>,
}

impl<'t> Noted<'t> {
    pub(super) fn new(scribe: &'t Scribe, connection: MadeId, caller: &Caller, frames: &Frames<'t>) -> Self {
        Self { scribe, connection, before: caller.known(), frames: frames.clone() }
    }

    /// Writes the lines of the `requests` first requests, with their replies, which have taken `took`.
    pub(super) fn answered(mut self, caller: &Caller, requests: usize, replies: &[u8], took: Duration) {
        let (after, mut lines) = (caller.known(), Lines::default());
        for (number, reply) in Frames::new(replies).enumerate() {
            // The last reply may be about the whole connection.
            let frame = if number < requests { self.frames.next() } else { None };
            // Not reached: the replies are this server's own.
            let Ok(ReplyFrame { id, answer }) = ReplyFrame::decode(reply) else { continue };
            let request = frame.map(|frame| RequestFrame::decode(frame).map(|decoded| decoded.request));
            let id = FrameId { connection: self.connection, frame: id };
            let mut line = Line::new(caller.address(), Protocol::Frames.name(), &id);
            let identity = if let Some(Ok(Request::Auth(_))) = request { &after } else { &self.before };
            line.identity = Some(identity.name());
            line.duration_us = took.as_micros() as u64;
            line.bytes_in = Some(frame.map_or(0, <[u8]>::len));
            line.bytes_out = Some(reply.len());
            push(&mut lines, line, request.and_then(Result::ok), answer);
        }
        self.scribe.hand_over(lines);
    }
}

/// Adds the line of a request, and of each item of it.
fn push(lines: &mut Lines, mut line: Line<'_>, request: Option<Request<'_>>, answer: Answer<'_>) {
    match request {
        Some(Request::Op(op)) => return push_op(lines, line, &op, answer),
        Some(Request::Auth(_)) => line.operation = Some("auth"),
        Some(Request::Ping) => line.operation = Some("ping"),
        Some(Request::Multi(multi)) => {
            line.operation = Some(if multi.writes() { "multi-put" } else { "multi-get" });
            if let Answer::Many(answers) = answer {
                lines.push(&Line { code: Some("ok"), ..line });
                for (op, answer) in multi.ops().zip(answers.iter()) {
                    push_op(lines, Line { bytes_in: None, bytes_out: None, ..line }, &op, answer);
                }
                return;
            }
        }
        None => {}
    }
    let shown = Code::of(answer).to_string();
    lines.push(&Line { code: Some(&shown), ..line });
}

fn push_op(lines: &mut Lines, line: Line<'_>, op: &Op<'_>, answer: Answer<'_>) {
    let (key, shown) = (op.key(), Code::of(answer).to_string());
    lines.push(&Line {
        operation: Some(op.kind().name()),
        value_type: op.value_type().map(|ty| ty.name()),
        key: Some(key.as_str()),
        code: Some(&shown),
        ..line
    });
}

/// Writes the line of bytes that are no frame, or of a frame that found no room.
pub(super) fn refused(scribe: &Scribe, connection: MadeId, caller: &Caller, frame: u32, code: ErrorCode) {
    let (id, shown) = (FrameId { connection, frame }, Code::Error(code).to_string());
    let mut line = Line::new(caller.address(), Protocol::Frames.name(), &id);
    let identity = caller.known();
    line.identity = Some(identity.name());
    line.code = Some(&shown);
    scribe.write(&line);
}

/// How a request ended.
enum Code {
    Ok,
    Missing,
    Error(ErrorCode),
}

impl Code {
    fn of(answer: Answer<'_>) -> Self {
        match answer {
            Answer::NoEntry | Answer::NoField => Self::Missing,
            Answer::Refused { code, .. } => Self::Error(code),
            _ => Self::Ok,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Missing => f.write_str("missing"),
            // As in proto/frames.md.
            Self::Error(code) => write!(f, "{:#04x}", *code as u8),
        }
    }
}
