//! Lines of the access log for the requests of a turn. They are made of the frames and of the replies to them, so that
//! executing requests costs nothing more when there is no access log.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::Op;
use proto::frame::{Answer, Answers, ErrorCode, Frames, ReplyFrame, Request, RequestFrame, StepResults};

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

/// A turn, from before its requests are executed. When it is dropped, those that were executed and have no reply have
/// their lines, too: the session has ended while they waited for the log.
pub(super) struct Noted<'t> {
    scribe: &'t Scribe,
    connection: MadeId,
    remote: IpAddr,
    /// Who makes the requests; an auth request ends a turn.
    before: Arc<Identity>,
    frames: Frames<'t>,
    began: Instant,
    /// How many of the next frames were executed.
    executed: usize,
}

impl<'t> Noted<'t> {
    pub(super) fn new(
        scribe: &'t Scribe,
        connection: MadeId,
        caller: &Caller,
        frames: &Frames<'t>,
        began: Instant,
    ) -> Self {
        let (remote, before, frames) = (caller.address(), caller.known(), frames.clone());
        Self { scribe, connection, remote, before, frames, began, executed: 0 }
    }

    /// So many requests have been executed.
    pub(super) fn executed(&mut self, requests: usize) {
        self.executed = requests;
    }

    /// Writes the lines of the requests that were executed, with their replies.
    pub(super) fn answered(mut self, caller: &Caller, replies: &[u8]) {
        let (after, took, mut lines) = (caller.known(), self.began.elapsed(), Lines::default());
        for reply in Frames::new(replies) {
            // Not reached: the replies are this server's own.
            let Ok(ReplyFrame { id, answer }) = ReplyFrame::decode(reply) else { continue };
            // The last reply may be about the whole connection.
            let frame = self.next();
            self.push(&mut lines, took, &after, id, frame, Some((reply, answer)));
        }
        self.executed = 0;
        self.scribe.hand_over(lines);
    }

    /// The next frame that was executed.
    fn next(&mut self) -> Option<&'t [u8]> {
        self.executed = self.executed.checked_sub(1)?;
        self.frames.next()
    }

    /// Adds the lines of a request, or of a reply to none.
    fn push(
        &self,
        lines: &mut Lines,
        took: Duration,
        after: &Identity,
        id: u32,
        frame: Option<&[u8]>,
        reply: Option<(&[u8], Answer<'_>)>,
    ) {
        let request = frame.and_then(|frame| RequestFrame::decode(frame).ok()).map(|decoded| decoded.request);
        let id = FrameId { connection: self.connection, frame: id };
        let mut line = Line::new(self.remote, Protocol::Frames.name(), &id);
        line.identity = Some(if let Some(Request::Auth(_)) = request { after.name() } else { self.before.name() });
        line.duration_us = took.as_micros() as u64;
        line.bytes_in = Some(frame.map_or(0, <[u8]>::len));
        line.bytes_out = reply.map(|(reply, _)| reply.len());
        push(lines, line, request, reply.map(|(_, answer)| answer));
    }
}

impl Drop for Noted<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.executed == 0 {
            return;
        }
        let (before, took, mut lines) = (Arc::clone(&self.before), self.began.elapsed(), Lines::default());
        while let Some(frame) = self.next() {
            let id = RequestFrame::decode(frame).map_or(0, |decoded| decoded.id);
            self.push(&mut lines, took, &before, id, Some(frame), None);
        }
        self.scribe.hand_over(lines);
    }
}

/// Adds the line of a request, and of each item of it.
fn push(lines: &mut Lines, mut line: Line<'_>, request: Option<Request<'_>>, answer: Option<Answer<'_>>) {
    match request {
        Some(Request::Op(op)) => return push_op(lines, line, &op, answer),
        Some(Request::Auth(_)) => line.operation = Some("auth"),
        Some(Request::Ping) => line.operation = Some("ping"),
        Some(Request::Scan(_)) => line.operation = Some("scan"),
        Some(Request::Follow(_)) => line.operation = Some("follow"),
        Some(Request::Transact(items)) => {
            line.operation = Some("transact");
            let results = match answer {
                Some(Answer::Transacted { results, .. }) => Some(results),
                None => None,
                Some(refused) => return push_coded(lines, line, Some(refused)),
            };
            lines.push(&Line { code: results.map(|_| "ok"), ..line });
            let mut results = results.map(StepResults::iter);
            for step in items.steps() {
                let answer = results.as_mut().and_then(Iterator::next).map(|result| result.answer);
                push_op(lines, Line { bytes_in: None, bytes_out: None, ..line }, &step.op, answer);
            }
            return;
        }
        Some(Request::Multi(multi)) => {
            line.operation = Some(if multi.writes() { "multi-put" } else { "multi-get" });
            let answers = match answer {
                Some(Answer::Many(answers)) => Some(answers),
                None => None,
                Some(refused) => return push_coded(lines, line, Some(refused)),
            };
            lines.push(&Line { code: answers.map(|_| "ok"), ..line });
            let mut answers = answers.map(Answers::iter);
            for op in multi.ops() {
                let answer = answers.as_mut().and_then(Iterator::next);
                push_op(lines, Line { bytes_in: None, bytes_out: None, ..line }, &op, answer);
            }
            return;
        }
        None => {}
    }
    push_coded(lines, line, answer);
}

fn push_coded(lines: &mut Lines, line: Line<'_>, answer: Option<Answer<'_>>) {
    let shown = answer.map(|answer| Code::of(answer).to_string());
    lines.push(&Line { code: shown.as_deref(), ..line });
}

fn push_op(lines: &mut Lines, line: Line<'_>, op: &Op<'_>, answer: Option<Answer<'_>>) {
    let key = op.key();
    let value_type = op.value_type().map(|ty| ty.name());
    let line = Line { operation: Some(op.kind().name()), value_type, key: Some(key.as_str()), ..line };
    push_coded(lines, line, answer);
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
    /// A condition of a transaction does not hold.
    Condition,
    /// A counter would go beyond its bounds.
    Limit,
    Error(ErrorCode),
}

impl Code {
    fn of(answer: Answer<'_>) -> Self {
        match answer {
            Answer::NoEntry | Answer::NoField => Self::Missing,
            Answer::Condition { .. } => Self::Condition,
            Answer::Bounds { .. } => Self::Limit,
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
            Self::Condition => f.write_str("condition"),
            Self::Limit => f.write_str("limit"),
            // As in proto/frames.md.
            Self::Error(code) => write!(f, "{:#04x}", *code as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::frame::{encode_error, encode_ping, encode_reply, encode_request};
    use proto::{Key, Reply, ValueRef, ValueType};
    use serde_json::Value;

    use super::*;
    use crate::access_log::AccessLog;
    use crate::config::AccessLogTarget;
    use crate::request_id::Ids;

    /// The lines of a turn with a put, a get and a ping.
    fn lines(turn: impl FnOnce(Noted<'_>)) -> Vec<Value> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log");
        let log = AccessLog::start(AccessLogTarget::File(file.clone())).unwrap();
        let (scribe, caller) = (Scribe::new(Arc::clone(&log)), Caller::on_open_server());
        let (key, mut bytes) = (Key::new(b"k").unwrap(), Vec::new());
        encode_request(&mut bytes, 5, true, &Op::Put { key, value: ValueRef::Int(1) });
        encode_request(&mut bytes, 6, false, &Op::Get { ty: ValueType::Int, key });
        encode_ping(&mut bytes, 7);
        turn(Noted::new(&scribe, Ids::default().next(), &caller, &Frames::new(&bytes), Instant::now()));
        log.end();
        let text = std::fs::read_to_string(&file).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn operations(lines: &[Value]) -> Vec<(&str, Option<&str>)> {
        lines.iter().map(|line| (line["operation"].as_str().unwrap_or(""), line["code"].as_str())).collect()
    }

    #[test]
    fn what_was_executed_and_has_no_reply_has_a_line() {
        let lines = lines(|mut turn| turn.executed(2));
        assert_eq!(operations(&lines), [("put", None), ("get", None)]);
        assert_eq!((lines[0]["key"].as_str(), lines[0]["bytes_out"].as_u64()), (Some("k"), None));
    }

    #[test]
    fn a_reply_about_the_connection_has_a_line_without_an_operation() {
        let mut replies = Vec::new();
        encode_reply(&mut replies, 5, &Reply::Stored);
        encode_error(&mut replies, 0, ErrorCode::BadLength, "");
        let lines = lines(|mut turn| {
            turn.executed(1);
            turn.answered(&Caller::on_open_server(), &replies);
        });
        let code = Code::Error(ErrorCode::BadLength).to_string();
        assert_eq!(operations(&lines), [("put", Some("ok")), ("", Some(code.as_str()))]);
    }

    #[test]
    fn what_was_not_executed_has_no_line() {
        assert!(lines(|turn| drop(turn)).is_empty());
    }
}
