//! Requests about entries: parsed into an operation, executed, and turned into a response that may wait for the log.

use hyper::header::HeaderName;
use proto::{CounterType, Key, Lsn, Op, StringsBuf, ValueRef, ValueType, check_text};

use super::responses;
use super::route::{EntryRoute, Verb};
use crate::clock::now;
use crate::config::Durability;
use crate::context::Worker;
use crate::http::head::Head;
use crate::http::percent::percent_decode;
use crate::http::problem::{Problem, bad_text};
use crate::http::response::Response;
use crate::http::{json, number};
use crate::service::{Options, Request};

/// Raises the durability of a request above the server's setting.
const DURABILITY: HeaderName = HeaderName::from_static("kvs-durability");

const EXPECTED_INT: &str = "an integer from -2147483648 to 2147483647";
const EXPECTED_UINT: &str = "an integer from 0 to 4294967295";
const EXPECTED_UINT_STEP: &str = "an integer from -4294967295 to 4294967295";

/// The result of an executed request.
pub(in crate::http) struct Executed {
    pub(in crate::http) response: Response,
    /// The LSN that must be durable before the response may be sent.
    pub(in crate::http) awaits: Option<Lsn>,
}

/// Executes the operation of `route` and `body`. Does not wait for the log, so that the request can be dropped before
/// that wait.
pub(super) fn execute(
    worker: &Worker,
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
    let done = worker.service.execute(&Request { op, options }, now())?;
    let response = responses::from_reply(done.reply, key.as_str(), item)?;
    Ok(Executed { response, awaits: done.awaits })
}

/// Parses the operation. `list` holds the members or fields of a JSON body, which the operation borrows.
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
            let value = match ty {
                ValueType::Int => ValueRef::Int(number::parse_integer(body, EXPECTED_INT)?),
                ValueType::Uint => ValueRef::Uint(number::parse_integer(body, EXPECTED_UINT)?),
                ValueType::Float => ValueRef::Float(number::parse_float(body)?),
                ValueType::Str => ValueRef::Str(text()?),
                ValueType::Map => {
                    *list = json::parse_map(body)?;
                    ValueRef::Map(list.as_strings())
                }
                ValueType::Set => {
                    *list = json::parse_set(body)?;
                    ValueRef::Set(list.as_strings())
                }
            };
            Op::Put { key, value }
        }
        Verb::Incr(ty) => Op::Incr { ty, key },
        Verb::IncrBy(ty) => Op::IncrBy { ty, key, by: step(ty, body)? },
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

/// Parses what to add to a counter: an i32 for an int; for a uint any difference of two u32.
fn step(ty: CounterType, body: &[u8]) -> Result<i64, Problem> {
    match ty {
        CounterType::Uint => {
            let by: i64 = number::parse_integer(body, EXPECTED_UINT_STEP)?;
            match by.unsigned_abs() <= u64::from(u32::MAX) {
                true => Ok(by),
                false => Err(Problem::NotRepresentable(format!("{by} is out of range; expected {EXPECTED_UINT_STEP}"))),
            }
        }
        CounterType::Int => Ok(number::parse_integer::<i32>(body, EXPECTED_INT).map(i64::from)?),
    }
}

/// The strongest durability that any line of the header asks for. The header is ignored for reads.
fn durability(writes: bool, head: &Head<'_>) -> Result<Durability, Problem> {
    if !writes {
        return Ok(Durability::Async);
    }
    head.values(&DURABILITY).try_fold(Durability::Async, |strongest, value| match value {
        b"async" => Ok(strongest),
        b"sync" => Ok(Durability::Sync),
        _ => Err(Problem::Malformed("Kvs-Durability: expected sync or async".into())),
    })
}
