//! What must hold of any bytes that a connection brings. The fuzz targets in `fuzz/` assert the same.

use bytes::BytesMut;
use proto::frame::{
    Answer, ChangesReply, ErrorCode, ManyReplies, ReplyFrame, Request, RequestFrame, RunDecoder, StepResult,
    TransactReply, encode_auth, encode_bounds, encode_condition, encode_error, encode_follow, encode_multi_get,
    encode_multi_put, encode_page, encode_ping, encode_reply, encode_request, encode_scan, encode_transact,
    follow_bytes, scan_bytes, transact_bytes,
};
use proto::{Op, Reply, ValueRef};
use tokio_util::codec::Decoder;

/// Largest frame in these tests, in bytes.
pub(crate) const MOST: usize = 1 << 20;

/// Reads bytes as a server does: each is in a frame, which is refused or means what encodes to it, or is left over.
pub(crate) fn requests(bytes: &[u8]) {
    runs(RunDecoder::requests(MOST), bytes, request);
}

/// Reads bytes as a client does.
pub(crate) fn replies(bytes: &[u8]) {
    runs(RunDecoder::replies(MOST), bytes, reply);
}

fn runs(mut decoder: RunDecoder, bytes: &[u8], check: fn(&[u8])) {
    let mut buffer = BytesMut::from(bytes);
    let mut read = 0;
    while let Ok(Some(run)) = decoder.decode(&mut buffer) {
        let in_frames: usize = run.frames().map(<[u8]>::len).sum();
        assert!(in_frames > 0 && in_frames == run.bytes(), "a run holds frames and nothing else");
        read += in_frames;
        run.frames().for_each(check);
    }
    assert_eq!(buffer, bytes[read..], "what is left over is untouched");
    assert_eq!(decoder.decode(&mut buffer).is_err(), decoder.claimed(&buffer).is_err());
}

/// A frame whose length is right is refused, or means what encodes to it.
pub(crate) fn request(frame: &[u8]) {
    match RequestFrame::decode(frame) {
        Ok(request) => {
            let mut expected = frame.to_vec();
            if !request.durable {
                assert_eq!(expected[12], 0);
            }
            if !carries_durable(&request.request) {
                expected[12] = 0;
            }
            assert_eq!(request_again(&request), expected, "{request:?}");
        }
        Err(refused) => {
            assert_eq!(refused.id.to_le_bytes(), frame[4..8]);
            let _ = refused.error.to_string();
            let (code, mend) = (refused.error.code(), 0x80);
            assert!(code as u8 & 0xf0 == mend || code == ErrorCode::TooLarge, "{refused:?}");
        }
    }
}

/// Whether the encoder of such a request takes the flag. Others may carry it, and it means nothing.
fn carries_durable(request: &Request<'_>) -> bool {
    match request {
        Request::Op(_) => true,
        Request::Multi(ops) => ops.writes(),
        Request::Transact(_) => true,
        Request::Ping | Request::Auth(_) | Request::Scan(_) | Request::Follow(_) => false,
    }
}

fn request_again(frame: &RequestFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match frame.request {
        Request::Op(op) => encode_request(&mut out, frame.id, frame.durable, &op),
        Request::Ping => encode_ping(&mut out, frame.id),
        Request::Auth(token) => encode_auth(&mut out, frame.id, token),
        Request::Scan(scan) => {
            encode_scan(&mut out, frame.id, &scan);
            assert_eq!(out.len(), scan_bytes(&scan));
        }
        Request::Follow(follow) => {
            encode_follow(&mut out, frame.id, &follow);
            assert_eq!(out.len(), follow_bytes(&follow));
        }
        Request::Transact(items) => {
            let (checks, steps): (Vec<_>, Vec<_>) = (items.checks().collect(), items.steps().collect());
            encode_transact(&mut out, frame.id, frame.durable, items.once(), &checks, &steps);
            assert_eq!(out.len(), transact_bytes(items.once(), &checks, &steps));
            assert_eq!(items.writes(), steps.iter().any(|step| step.op.kind().writes()));
        }
        Request::Multi(ops) => {
            assert_eq!(ops.ops().count(), ops.count());
            let puts = ops.ops().map(|op| match op {
                Op::Put { key, value } => (key, value),
                other => panic!("in a multi-put: {other:?}"),
            });
            let gets = ops.ops().map(|op| match op {
                Op::Get { ty, key } => (ty, key),
                other => panic!("in a multi-get: {other:?}"),
            });
            match ops.writes() {
                true => encode_multi_put(&mut out, frame.id, frame.durable, puts),
                false => encode_multi_get(&mut out, frame.id, gets),
            }
        }
    }
    out
}

/// A reply whose length is right is refused, or means what encodes to it.
pub(crate) fn reply(frame: &[u8]) {
    match ReplyFrame::decode(frame) {
        Ok(reply) => assert_eq!(reply_again(&reply), frame, "{reply:?}"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn reply_again(frame: &ReplyFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    match frame.answer {
        Answer::Refused { code, message } => encode_error(&mut out, frame.id, code, message),
        Answer::Many(answers) => {
            let mut many = ManyReplies::begin(&mut out, frame.id);
            for answer in answers.iter() {
                match answer {
                    Answer::Refused { code, message } => many.push_error(&mut out, code, message),
                    other => many.push(&mut out, &as_reply(other)),
                }
            }
            many.finish(&mut out);
        }
        Answer::Transacted { token, replayed, results } => {
            let mut reply = TransactReply::begin(&mut out, frame.id, &token, replayed);
            for StepResult { answer, facts } in results.iter() {
                match answer {
                    Answer::Refused { code, message } => reply.push(&mut out, Err((code, message)), &facts),
                    other => reply.push(&mut out, Ok(&as_reply(other)), &facts),
                }
            }
            reply.finish(&mut out);
        }
        Answer::Condition { number, found } => encode_condition(&mut out, frame.id, number, found.as_ref()),
        Answer::Bounds { number, before } => encode_bounds(&mut out, frame.id, number, before),
        Answer::Page(page) => encode_page(&mut out, frame.id, page.next, page.entries()),
        Answer::Changes(changes) => {
            let mut reply = ChangesReply::begin(&mut out, frame.id);
            changes.iter().for_each(|change| reply.push(&mut out, &change));
            reply.finish(&mut out, &changes.token, changes.is_caught_up);
        }
        other => encode_reply(&mut out, frame.id, &as_reply(other)),
    }
    out
}

fn as_reply(answer: Answer<'_>) -> Reply {
    match answer {
        Answer::Done => Reply::Stored,
        Answer::Value(value) => Reply::Value(ValueRef::into(value)),
        Answer::NoEntry => Reply::NoEntry,
        Answer::NoField => Reply::NoField,
        Answer::Deleted(yes) => Reply::Deleted(yes),
        Answer::Count(count) => Reply::Count(count),
        Answer::Has(yes) => Reply::Has(yes),
        Answer::Many(_)
        | Answer::Transacted { .. }
        | Answer::Condition { .. }
        | Answer::Bounds { .. }
        | Answer::Page(_)
        | Answer::Changes(_)
        | Answer::Refused { .. } => panic!("no reply of one operation: {answer:?}"),
    }
}

/// The bytes with a length that is right, as far as there is room for one.
pub(crate) fn with_length(bytes: &[u8]) -> Vec<u8> {
    let mut frame = bytes.to_vec();
    if let Some(length) = frame.first_chunk_mut() {
        *length = (bytes.len() as u32).to_le_bytes();
    }
    frame
}
