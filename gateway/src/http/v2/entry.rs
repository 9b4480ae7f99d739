//! Requests about one entry, one field of a map, or one member of a set.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::ETAG;
use proto::{Key, StringsBuf, Value, ValueType, check_text};
use serde::Serialize;

use super::action::{Action, Content};
use super::body::{Patch, with_digits};
use super::conditions::{Conditions, Verdict};
use super::problem::refuse;
use super::query::Query;
use super::route::{Route, RouteMethod, Shape};
use super::transact::transact;
use super::{media, token, ttl};
use crate::access::Caller;
use crate::context::Worker;
use crate::http::head::Head;
use crate::http::once;
use crate::http::options::durability;
use crate::http::percent::percent_decode;
use crate::http::problem::{Problem, bad_text};
use crate::http::response::{Executed, Response};
use crate::http::values::{self, JsonValue};
use crate::service::Options;

/// Executes the request of `route` and `body`.
pub(super) fn execute(
    worker: &Worker,
    caller: &Caller,
    head: &Head<'_>,
    route: Route<'_>,
    body: &[u8],
) -> Result<Executed, Problem> {
    let key = percent_decode(route.key)?;
    let key = Key::new(&key)?;
    let item = percent_decode(route.item)?;
    let item = check_text(&item).map_err(|e| bad_text("the last path segment", e))?;
    let is_read = route.method == RouteMethod::Get;
    let ty = match route.shape {
        Shape::Entry(ty) => ty,
        Shape::Member => ValueType::Set,
        _ => ValueType::Map,
    };
    let as_entry = match route.shape {
        Shape::Entry(_) if is_read => Query::of(head, &["entry"])?.flag("entry")?,
        _ => Query::of(head, &[])?.flag("entry")?,
    };
    let (mut list, digits, patch);
    list = StringsBuf::default();
    let action = match (route.shape, route.method) {
        (Shape::Entry(_), RouteMethod::Get) => {
            media::check_accepts(head, if ty == ValueType::Str && !as_entry { media::TEXT } else { media::JSON })?;
            Action::Get
        }
        (Shape::Entry(_), RouteMethod::Put) => {
            if ty != ValueType::Str {
                media::check_json(head)?;
            }
            digits = with_digits(ty, body);
            Action::Put(values::read(ty, &digits, &mut list)?)
        }
        (Shape::Entry(_), RouteMethod::Patch) => {
            media::check_json(head)?;
            patch = Patch::read(ty, body)?;
            patch.action()
        }
        (Shape::Field, RouteMethod::Get) => {
            media::check_accepts(head, media::TEXT)?;
            Action::GetField(item)
        }
        (Shape::Field, RouteMethod::Put) => {
            Action::PutField(item, check_text(body).map_err(|e| bad_text("the body", e))?)
        }
        (Shape::Field, _) => Action::DeleteField(item),
        (Shape::Member, RouteMethod::Get) => Action::Has(item),
        (Shape::Member, method) => {
            list.push(item);
            let member = list.as_strings();
            if method == RouteMethod::Put { Action::AddMember(member) } else { Action::RemoveMember(member) }
        }
        _ => Action::Delete,
    };
    let conditions = Conditions::of(head, &worker.shared.tokens)?;
    let checks: Vec<_> = conditions.checks(ty, key).filter(|_| !is_read).collect();
    let at = worker.shared.clock.now();
    let takes_ttl =
        matches!(route.shape, Shape::Entry(_)) && matches!(route.method, RouteMethod::Put | RouteMethod::Patch);
    let mut steps = Vec::new();
    action.plan(ty, key, ttl::of(head, takes_ttl, at)?, &mut steps);
    let options = Options { durability: durability(!is_read, head)? };
    let once = once::of(!is_read, head, body)?;
    let (transacted, awaits) =
        transact(worker, caller, once.as_ref(), options, at, &checks, &steps).map_err(|(problem, _)| problem)?;
    let (place, replayed) = (Some(transacted.place(worker.service.durable())), transacted.replayed);
    let facts = transacted.steps.last().and_then(|step| step.after);
    let result = action.result(transacted.steps);
    let etag = facts.map(|facts| token::etag(&worker.shared.tokens, facts.stamp));
    let expires = facts.and_then(|facts| facts.expires);
    let tagged = |response: Response| {
        let response = match &etag {
            Some(etag) => response.with_text(ETAG, etag),
            None => response,
        };
        match expires {
            Some(expires) => response.with_text(ttl::EXPIRES, &ttl::shown(expires)),
            None => response,
        }
    };
    if let Some(facts) = facts.filter(|_| is_read && result.status.is_success()) {
        match conditions.verdict(facts.stamp) {
            Verdict::Holds => {}
            Verdict::NotModified => {
                let response = tagged(Response::empty().with_status(StatusCode::NOT_MODIFIED));
                return Ok(Executed { response, awaits, place });
            }
            Verdict::Fails => return Err(Problem::Condition { etag, value: None }),
        }
    }
    let response = match result.content {
        Content::NoEntry => Err(Problem::NoEntry(key.as_str().into())),
        Content::NoField => Err(Problem::NoField { key: key.as_str().into(), field: item.into() }),
        Content::Nothing => Ok(Response::empty()),
        Content::Text(text) => Ok(Response::text(values::text_body(text))),
        Content::Told(told) => Ok(Response::json(told.to_string())),
        Content::Value(value) if as_entry => {
            let (key, value) = (key.as_str(), JsonValue(value.as_value_ref()));
            Ok(Response::json(text_of(&Document {
                ty: ty.name(),
                key,
                value,
                etag: etag.as_deref(),
                expires_at: expires.map(ttl::shown),
            })))
        }
        Content::Value(Value::Str(text)) => Ok(Response::text(values::text_body(text))),
        Content::Value(value) => Ok(Response::json(text_of(&JsonValue(value.as_value_ref())))),
    };
    let response = response.map(|response| tagged(response.with_status(result.status)));
    let response = match once {
        None => response?,
        Some(_) => once::kept(replayed, response, refuse),
    };
    Ok(Executed { response, awaits, place })
}

fn text_of(document: &impl Serialize) -> Bytes {
    // Every value can be written as JSON, and memory takes it.
    serde_json::to_vec(document).unwrap_or_default().into()
}

/// An entry as one document.
#[derive(Serialize)]
struct Document<'d> {
    #[serde(rename = "type")]
    ty: &'static str,
    key: &'d str,
    value: JsonValue<'d>,
    etag: Option<&'d str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}
