//! Listings: a page of entries, and where the next one begins.

use engine::{Listed, Place, Wanted};
use proto::{Refusal, ValueType};
use serde::Serialize;

use super::query::Query;
use super::token::{self, NotOurs, Tokens};
use super::ttl;
use crate::access::Caller;
use crate::context::Worker;
use crate::http::head::Head;
use crate::http::problem::Problem;
use crate::http::response::{Executed, Response};
use crate::http::values::JsonValue;

/// Entries of a page if nothing else is asked for.
const DEFAULT_LIMIT: usize = 100;

/// Most entries of a page.
pub(super) const MAX_LIMIT: usize = 1_000;

/// The body of a response.
#[derive(Serialize)]
struct Page<'p> {
    entries: Vec<Entry<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Where the feed tells what has changed since, on the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    feed: Option<String>,
}

#[derive(Serialize)]
struct Entry<'p> {
    /// If the listing is of all types.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    ty: Option<&'static str>,
    key: &'p str,
    etag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<JsonValue<'p>>,
}

/// Lists the entries of a type, or of all.
pub(super) fn list(
    worker: &Worker,
    caller: &Caller,
    head: &Head<'_>,
    ty: Option<ValueType>,
) -> Result<Executed, Problem> {
    let query = Query::of(head, &["prefix", "limit", "cursor", "values"])?;
    let shared = &worker.shared;
    let at = shared.clock.now();
    let identity = caller.identity()?;
    let wanted = Wanted { ty, prefix: query.get("prefix").unwrap_or_default(), values: query.flag("values")? };
    let limit = match query.get("limit").map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
        Some(_) => return Err(Problem::Malformed(format!("limit: expected a number from 1 to {MAX_LIMIT}"))),
    };
    let place = place(query.get("cursor"), &wanted, &shared.tokens)?;
    let as_of = shared.engine.last_lsn();
    let (entries, next) = worker.service.list(&identity, &wanted, place, limit, at)?;
    let next = next.map(|place| token::cursor(&shared.tokens, place));
    let tokens = &shared.tokens;
    let shown = entries.iter().map(|Listed { ty: of, key, facts, value }| Entry {
        ty: ty.is_none().then(|| of.name()),
        key,
        etag: token::etag(tokens, facts.stamp),
        expires_at: facts.expires.map(ttl::shown),
        value: value.as_ref().map(|value| JsonValue(value.as_value_ref())),
    });
    let is_first = query.get("cursor").is_none() && shared.feed.is_some() && worker.service.read_only().is_none();
    let page = Page { entries: shown.collect(), next, feed: is_first.then(|| token::token(tokens, as_of)) };
    let body = serde_json::to_vec(&page).map_err(|_| Refusal::ResponseTooLarge)?;
    // What a crash would take back is not shown: the feed would not tell that it is gone.
    Ok(Executed { response: Response::json(body), awaits: worker.service.shown(), place: Some(as_of) })
}

fn place(cursor: Option<&str>, wanted: &Wanted<'_>, tokens: &Tokens) -> Result<Place, Problem> {
    let Some(cursor) = cursor else { return Ok(wanted.begin()) };
    match token::parse_cursor(tokens, cursor.as_bytes()) {
        Ok(place) if wanted.ty.is_none_or(|ty| ty == place.ty) => Ok(place),
        Err(NotOurs::Foreign) => {
            Err(Problem::Gone("the cursor is of a server that has ended; list again from the beginning"))
        }
        _ => Err(Problem::Malformed("cursor: expected the next of the page before, of the same path".into())),
    }
}
