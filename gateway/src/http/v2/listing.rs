//! Listings: what is listed, and a page of it with the place where the next one begins. `whole.rs` lists all of it.

use engine::{Listed, Place, Wanted};
use proto::{Lsn, Refusal, ValueType};
use serde::Serialize;

use super::query::Query;
use super::token::{self, NotOurs, Tokens};
use super::{media, ttl};
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

/// An entry, as it is shown.
#[derive(Serialize)]
pub(super) struct Entry<'p> {
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

/// What is listed.
pub(super) struct Listing {
    ty: Option<ValueType>,
    prefix: String,
    values: bool,
    /// Where it begins.
    pub(super) begin: Place,
    goes_on: bool,
}

impl Listing {
    /// That of a query.
    pub(super) fn of(worker: &Worker, query: &Query, ty: Option<ValueType>) -> Result<Self, Problem> {
        let prefix = query.get("prefix").unwrap_or_default();
        let wanted = Wanted { ty, prefix, values: query.flag("values")? };
        let cursor = query.get("cursor");
        let begin = place(cursor, &wanted, &worker.shared.tokens)?;
        Ok(Self { ty, prefix: prefix.to_owned(), values: wanted.values, begin, goes_on: cursor.is_some() })
    }

    /// A page from a place on, and where the next one begins. What a crash would take back must not be shown, as the feed would
    /// not tell that it is gone: see [`crate::service::Service::shown`].
    pub(super) fn page(
        &self,
        worker: &Worker,
        caller: &Caller,
        place: Place,
        limit: usize,
    ) -> Result<(Vec<Listed>, Option<Place>), Problem> {
        let wanted = Wanted { ty: self.ty, prefix: &self.prefix, values: self.values };
        let identity = caller.identity()?;
        Ok(worker.service.list(&identity, &wanted, place, limit, worker.shared.clock.now())?)
    }

    /// An entry of a page.
    pub(super) fn shown<'l>(&self, worker: &Worker, listed: &'l Listed) -> Entry<'l> {
        let Listed { ty, key, facts, value } = listed;
        Entry {
            ty: self.ty.is_none().then(|| ty.name()),
            key,
            etag: token::etag(&worker.shared.tokens, facts.stamp),
            expires_at: facts.expires.map(ttl::shown),
            value: value.as_ref().map(|value| JsonValue(value.as_value_ref())),
        }
    }

    /// Where the feed tells what has changed since a place from before the listing; `None` if there is no feed, or the listing has
    /// begun earlier.
    pub(super) fn feed(&self, worker: &Worker, as_of: Lsn) -> Option<String> {
        let has_feed = worker.shared.feed.is_some() && worker.service.read_only().is_none();
        (has_feed && !self.goes_on).then(|| token::token(&worker.shared.tokens, as_of))
    }
}

/// Lists a page of the entries of a type, or of all.
pub(super) fn list(
    worker: &Worker,
    caller: &Caller,
    head: &Head<'_>,
    ty: Option<ValueType>,
) -> Result<Executed, Problem> {
    media::check_accepts(head, media::JSON)?;
    let query = Query::of(head, &["prefix", "limit", "cursor", "values"])?;
    let limit = match query.get("limit").map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
        Some(_) => return Err(Problem::Malformed(format!("limit: expected a number from 1 to {MAX_LIMIT}"))),
    };
    let listing = Listing::of(worker, &query, ty)?;
    let as_of = worker.shared.engine.last_lsn();
    let (entries, next) = listing.page(worker, caller, listing.begin, limit)?;
    let page = Page {
        entries: entries.iter().map(|listed| listing.shown(worker, listed)).collect(),
        next: next.map(|place| token::cursor(&worker.shared.tokens, place)),
        feed: listing.feed(worker, as_of),
    };
    let body = serde_json::to_vec(&page).map_err(|_| Refusal::ResponseTooLarge)?;
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
