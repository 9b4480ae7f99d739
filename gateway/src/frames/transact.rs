//! Transactions and scans of a connection.

use engine::{Bounds, Check, Condition, Expires, Facts, Listed, NotTransacted, Stamp, Step, Transacted, Wanted};
use proto::frame::{
    CheckItem, CheckKind, EntryFacts, ErrorCode, FoundEntry, Scan, ScannedEntry, StepItem, TransactItems,
    TransactReply, Ttl, encode_bounds, encode_condition, encode_error, encode_page,
};
use proto::{Key, Lsn, Micros};

use super::execution::{BatchResult, Execution, admit, encode_refusal};
use super::output::Output;
use crate::config::FRAME_BUFFER_BYTES;
use crate::once::AskedOnce;
use crate::protocol::Protocol;
use crate::service::{Options, told};
use crate::token::{NotOurs, Tokens};

/// What a transaction of one step counts for when it is time for others, in bytes of replies.
const ALONE_COUNTS: usize = 1 << 10;

/// Microseconds of a millisecond.
const MILLI: Micros = 1_000;

/// Carries out a transaction.
pub(super) fn transact(
    items: TransactItems<'_>,
    id: u32,
    options: Options,
    execution: Execution<'_>,
    output: &mut Output,
    result: &mut BatchResult,
) {
    let Execution { service, identity, at } = execution;
    let tokens = service.tokens();
    // States of another log, and those that were lost, are those of no entry here.
    let known = |check: CheckItem<'_>| match check.kind {
        CheckKind::Present | CheckKind::Absent => Vec::new(),
        CheckKind::OneOf(etags) | CheckKind::NoneOf(etags) => {
            etags.iter().filter_map(|etag| tokens.stamp_of(etag).ok()).collect()
        }
    };
    let stamps: Vec<Vec<Stamp>> = items.checks().map(known).collect();
    let checks: Vec<Check<'_>> = items.checks().zip(&stamps).map(|(check, stamps)| check_of(check, stamps)).collect();
    let steps: Vec<Step<'_>> = items.steps().map(|step| step_of(step, at)).collect();
    // Its work does not show in its reply. Others must not wait for many of them.
    result.reply_bytes += if steps.len() > 1 { FRAME_BUFFER_BYTES } else { ALONE_COUNTS };
    let once = items.once().map(|key| AskedOnce::new(key, [&b"frames"[..], items.payload()]));
    match service.transact(execution.origin(), &checks, &steps, once.as_ref(), options, at) {
        Ok((done, awaits)) => reply(&done, id, awaits, execution, output, result),
        Err(NotTransacted::Condition { check: number, found }) => {
            let told = found.as_ref().zip(checks.get(number)).map(|(found, check)| FoundEntry {
                etag: tokens.etag(found.stamp),
                value: told(identity, check, found),
            });
            encode_condition(output.bytes_mut(), id, number as u16, told.as_ref());
        }
        Err(NotTransacted::Bounds { step, before }) => encode_bounds(output.bytes_mut(), id, step as u16, before),
        Err(NotTransacted::Refused { step: Some(step), refusal }) if steps.len() > 1 => {
            service.meters().of(Protocol::Frames).refused(&refusal);
            encode_error(output.bytes_mut(), id, ErrorCode::from(&refusal), &format!("step {step}: {refusal}"));
        }
        Err(NotTransacted::Refused { refusal, .. }) => encode_refusal(output.bytes_mut(), service, id, &refusal),
    }
}

fn check_of<'a>(check: CheckItem<'a>, stamps: &'a [Stamp]) -> Check<'a> {
    let condition = match check.kind {
        CheckKind::Present => Condition::Present,
        CheckKind::Absent => Condition::Absent,
        CheckKind::OneOf(_) => Condition::OneOf(stamps),
        CheckKind::NoneOf(_) => Condition::NoneOf(stamps),
    };
    Check { ty: check.ty, key: check.key, condition }
}

fn step_of(step: StepItem<'_>, at: Micros) -> Step<'_> {
    let expires = match step.ttl {
        None => Expires::AsUsual,
        Some(Ttl::Never) => Expires::Never,
        Some(Ttl::After(millis)) => Expires::At(at.saturating_add(millis.cast_signed() * MILLI)),
    };
    Step { op: step.op, bounds: Bounds { min: step.min, max: step.max }, expires }
}

/// Encodes the results of the steps. One whose reply finds no room has the reason in its place.
fn reply(
    done: &Transacted,
    id: u32,
    awaits: Option<Lsn>,
    execution: Execution<'_>,
    output: &mut Output,
    result: &mut BatchResult,
) {
    let (service, start) = (execution.service, output.bytes().len());
    let tokens = service.tokens();
    if let Some(lsn) = awaits {
        output.wait_for(lsn, start);
    }
    let place = tokens.token(done.place(service.durable()));
    let mut reply = TransactReply::begin(output.bytes_mut(), id, &place, done.replayed);
    for step in &done.steps {
        let facts = facts_of(tokens, step.before.is_some(), step.after);
        match admit(&step.reply, None, start, output, result) {
            Ok(()) => reply.push(output.bytes_mut(), Ok(&step.reply), &facts),
            Err(refusal) => {
                service.meters().of(Protocol::Frames).refused(&refusal);
                reply.push(output.bytes_mut(), Err((ErrorCode::from(&refusal), &refusal.to_string())), &facts);
            }
        }
    }
    reply.finish(output.bytes_mut());
}

fn facts_of(tokens: &Tokens, existed: bool, after: Option<Facts>) -> EntryFacts {
    let etag = after.map(|facts| tokens.etag(facts.stamp));
    EntryFacts { existed, etag, expires: after.and_then(|facts| facts.expires) }
}

/// Replies with a page of entries.
pub(super) fn scan(scan: Scan<'_>, id: u32, execution: Execution<'_>, output: &mut Output, result: &mut BatchResult) {
    let Execution { service, identity, at } = execution;
    let tokens = service.tokens();
    let wanted = Wanted { ty: scan.ty, prefix: scan.prefix, values: scan.values };
    let place = match scan.cursor.map(|cursor| tokens.place_of(cursor)) {
        None => wanted.begin(),
        Some(Ok(place)) if scan.ty.is_none_or(|ty| ty == place.ty) => place,
        Some(Err(NotOurs::Foreign)) => {
            let message = "the cursor is of a server that has ended; begin anew";
            return encode_error(output.bytes_mut(), id, ErrorCode::Gone, message);
        }
        Some(_) => {
            let message = "the cursor is not that of a page of this scan";
            return encode_error(output.bytes_mut(), id, ErrorCode::BadPayload, message);
        }
    };
    let (entries, next) = match service.list(identity, &wanted, place, scan.limit.into(), at) {
        Ok(page) => page,
        Err(refusal) => return encode_refusal(output.bytes_mut(), service, id, &refusal),
    };
    if let Some(lsn) = service.shown() {
        output.wait_for(lsn, output.bytes().len());
    }
    let shown = entries.iter().filter_map(|listed| {
        Some(ScannedEntry {
            ty: listed.ty,
            key: Key::new(listed.key.as_bytes()).ok()?,
            etag: tokens.etag(listed.facts.stamp),
            expires: listed.facts.expires,
            value: listed.value.as_ref().map(|value| value.as_value_ref()),
        })
    });
    // It has looked at many entries, however few these are.
    result.reply_bytes += FRAME_BUFFER_BYTES;
    match output.admit(entries.iter().map(Listed::bytes).sum()) {
        Ok(()) => encode_page(output.bytes_mut(), id, next.map(|place| tokens.cursor(place)), shown),
        Err(refusal) => encode_refusal(output.bytes_mut(), service, id, &refusal),
    }
}
