//! Routes of entries: parse the operation, execute it, respond when it is durable.

use engine::NotTransacted;
use proto::{Key, Op, Reply, StringsBuf, check_text};

use super::responses;
use super::route::{EntryRoute, Verb};
use crate::access::Caller;
use crate::context::Worker;
use crate::http::head::Head;
use crate::http::options::durability;
use crate::http::percent::percent_decode;
use crate::http::problem::{Problem, bad_text};
use crate::http::response::Executed;
use crate::http::{json, once, values};
use crate::protocol::Protocol;
use crate::service::{Options, Origin, Request};

/// Executes the operation of `route` and `body`. Does not wait, so nothing of the request is kept while the log stores it.
pub(super) fn execute(
    worker: &Worker,
    caller: &Caller,
    head: &Head<'_>,
    route: EntryRoute<'_>,
    body: &[u8],
) -> Result<Executed, Problem> {
    let key = percent_decode(route.key)?;
    let key = Key::new(&key)?;
    let item = percent_decode(route.item)?;
    let item = check_text(&item).map_err(|e| bad_text("the last path segment", e))?;
    let mut list = StringsBuf::default();
    let op = operation(route.verb, key, item, body, &mut list)?;

    let options = Options { durability: durability(op.kind().writes(), head)? };
    let at = worker.shared.clock.now();
    let identity = caller.identity()?;
    let origin = Origin { identity: &identity, protocol: Protocol::Rest };
    let Some(once) = once::of(op.kind().writes(), head, body)? else {
        let done = worker.service.execute(origin, &Request { op, options }, at)?;
        let response = responses::from_reply(done.reply, key.as_str(), item)?;
        return Ok(Executed { response, awaits: done.awaits, place: None });
    };
    let (mut done, awaits) = worker.service.transact(origin, &[], &[op.into()], Some(&once), options, at).map_err(
        |failed| match failed {
            NotTransacted::Refused { refusal, .. } => refusal.into(),
            // Not reached: there are neither conditions nor bounds.
            NotTransacted::Condition { .. } => Problem::Condition { etag: None, value: None },
            NotTransacted::Bounds { before, .. } => Problem::Limit { before },
        },
    )?;
    let reply = done.steps.pop().map_or(Reply::NoEntry, |step| step.reply);
    let response = responses::from_reply(reply, key.as_str(), item);
    let response = once::kept(done.replayed, response, Problem::into_response);
    Ok(Executed { response, awaits, place: None })
}

/// The operation. It borrows the members or fields of the body from `list`.
fn operation<'o>(
    verb: Verb,
    key: Key<'o>,
    item: &'o str,
    body: &'o [u8],
    list: &'o mut StringsBuf,
) -> Result<Op<'o>, Problem> {
    let text = || check_text(body).map_err(|e| bad_text("the body", e));
    Ok(match verb {
        Verb::Get(ty) => Op::Get { ty, key },
        Verb::Del(ty) => Op::Del { ty, key },
        Verb::DelAll => Op::DelAll { key },
        Verb::Put(ty) => {
            let value = values::read(ty, body, list)?;
            Op::Put { key, value }
        }
        Verb::Incr(ty) => Op::Incr { ty, key },
        Verb::IncrBy(ty) => Op::IncrBy { ty, key, by: values::read_step(ty, body)? },
        Verb::SetAdd => {
            *list = json::parse_set(body)?;
            Op::SetAdd { key, members: list.as_strings() }
        }
        Verb::SetRem => {
            *list = json::parse_set(body)?;
            Op::SetRem { key, members: list.as_strings() }
        }
        Verb::SetHas => Op::SetHas { key, member: item },
        Verb::MapGet => Op::MapGet { key, field: item },
        Verb::MapSet => Op::MapSet { key, field: item, value: text()? },
        Verb::MapDel => Op::MapDel { key, field: item },
    })
}
