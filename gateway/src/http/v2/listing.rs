//! Listings: a page of entries, and where the next one begins.

use engine::{Listed, Place, Wanted};
use proto::{Refusal, ValueType};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::query::Query;
use super::token::{self, NotOurs};
use crate::access::{Caller, Identity};
use crate::clock::now;
use crate::context::Worker;
use crate::http::head::Head;
use crate::http::problem::Problem;
use crate::http::response::{Executed, Response};
use crate::http::values::JsonValue;

/// Entries of a page if nothing else is asked for.
const DEFAULT_LIMIT: usize = 100;

/// Most entries of a page.
pub(super) const MAX_LIMIT: usize = 1_000;

/// A page ends after so many entries were looked at.
const MAX_SEEN: usize = 20_000;

/// A page ends after so many bytes of keys and values.
const MAX_BYTES: usize = 1 << 20;

struct Page<'p> {
    log: u64,
    names_type: bool,
    entries: &'p [Listed],
    next: Option<String>,
}

/// Lists the entries of a type, or of all.
pub(super) fn list(
    worker: &Worker,
    caller: &Caller,
    head: &Head<'_>,
    ty: Option<ValueType>,
) -> Result<Executed, Problem> {
    let query = Query::of(head, &["prefix", "limit", "cursor", "values"])?;
    let identity = caller.identity(now())?;
    let shared = &worker.shared;
    let wanted = Wanted { ty, prefix: query.get("prefix").unwrap_or_default(), values: query.flag("values")? };
    let limit = match query.get("limit").map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
        Some(_) => return Err(Problem::Malformed(format!("limit: expected a number from 1 to {MAX_LIMIT}"))),
    };
    let place = place(query.get("cursor"), &wanted, shared.id)?;
    identity.check_listing(ty)?;
    let as_of = shared.engine.last_lsn();
    let (entries, next) = page(worker, &identity, &wanted, place, limit);
    let next = next.map(|place| token::cursor(shared.id, place));
    let page = Page { log: shared.log_id(), names_type: ty.is_none(), entries: &entries, next };
    let body = serde_json::to_vec(&page).map_err(|_| Refusal::ResponseTooLarge)?;
    Ok(Executed { response: Response::json(body), awaits: None, place: Some(as_of) })
}

fn place(cursor: Option<&str>, wanted: &Wanted<'_>, process: u64) -> Result<Place, Problem> {
    let Some(cursor) = cursor else { return Ok(wanted.begin()) };
    match token::parse_cursor(process, cursor.as_bytes()) {
        Ok(place) if wanted.ty.is_none_or(|ty| ty == place.ty) => Ok(place),
        Err(NotOurs::Foreign) => {
            Err(Problem::Gone("the cursor is of a server that has ended; list again from the beginning"))
        }
        _ => Err(Problem::Malformed("cursor: expected the next of the page before, of the same path".into())),
    }
}

/// Slices until the page is full.
fn page(
    worker: &Worker,
    identity: &Identity,
    wanted: &Wanted<'_>,
    mut place: Place,
    limit: usize,
) -> (Vec<Listed>, Option<Place>) {
    let (mut entries, mut seen, mut bytes) = (Vec::new(), 0, 0);
    loop {
        let slice = worker.shared.engine.list(wanted, place, limit - entries.len());
        seen += slice.seen + 1;
        for listed in slice.entries.into_iter().filter(|listed| identity.may_read(listed.ty, &listed.key)) {
            bytes += listed.key.len() + listed.value.as_ref().map_or(0, |value| value.as_value_ref().packed_bytes());
            entries.push(listed);
        }
        match slice.next {
            Some(next) if entries.len() < limit && seen < MAX_SEEN && bytes < MAX_BYTES => place = next,
            next => return (entries, next),
        }
    }
}

impl Serialize for Page<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let mut page = json.serialize_map(None)?;
        page.serialize_entry("entries", &Entries(self))?;
        if let Some(next) = &self.next {
            page.serialize_entry("next", next)?;
        }
        page.end()
    }
}

struct Entries<'p>(&'p Page<'p>);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let mut entries = json.serialize_seq(Some(self.0.entries.len()))?;
        for listed in self.0.entries {
            entries.serialize_element(&Entry { page: self.0, listed })?;
        }
        entries.end()
    }
}

struct Entry<'p> {
    page: &'p Page<'p>,
    listed: &'p Listed,
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        let Listed { ty, key, stamp, value } = self.listed;
        let mut entry = json.serialize_map(None)?;
        if self.page.names_type {
            entry.serialize_entry("type", ty.name())?;
        }
        entry.serialize_entry("key", key)?;
        entry.serialize_entry("etag", &token::etag(self.page.log, *stamp))?;
        if let Some(value) = value {
            entry.serialize_entry("value", &JsonValue(value.as_value_ref()))?;
        }
        entry.end()
    }
}
