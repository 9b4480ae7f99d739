//! REST API v2: resources, conditions, batches and listings. docs/rest-v2.md is its contract.
//!
//! ```text
//!   Head ── route.rs ──> Route ─┬─ entry.rs    one entry, field or member ─┬─ action.rs ──> Service::transact ──> Response
//!                               ├─ batch.rs    many of them ───────────────┘
//!                               ├─ listing.rs  pages of entries ──> Service::list ──> Response
//!                               └─ stream.rs ─┬─ whole.rs  page after page ──> Service::list ──┐
//!                                             └─ feed.rs   every change ──> feed::Follower ────┴─ recipient.rs ──> Response
//!
//!   route.rs        the paths, and the methods of each
//!   description.rs  describes them in OpenAPI
//!   action.rs       what is done with an entry: its steps, and what they come to
//!   body.rs         bodies that change an entry, and values as JSON
//!   conditions.rs   If-Match and If-None-Match
//!   ttl.rs          for how long entries live
//!   token.rs        etags, tokens of places in the log, cursors
//!   media.rs        media types of bodies
//!   query.rs        the query of a request
//!   problem.rs      errors as application/problem+json, and their pages
//!   transact.rs     executes a transaction for a request
//! ```

mod action;
mod batch;
mod body;
mod conditions;
mod description;
mod entry;
mod feed;
mod listing;
mod media;
mod problem;
mod query;
mod recipient;
mod route;
mod stream;
mod token;
mod transact;
mod ttl;
mod whole;

use hyper::header::HeaderName;
use proto::Lsn;

pub(super) use description::json as description;
pub(super) use problem::{PROBLEMS, page as problem_page, refuse};
pub(super) use route::{Route, Stream};
pub(super) use stream::stream;

use self::route::{BASE, RouteMethod, Shape};
use super::head::Head;
use super::problem::Problem;
use super::response::{Executed, Response};
use crate::access::Caller;
use crate::context::Worker;

/// The place of a write in the log, or what a read is at least as new as.
const TOKEN: HeaderName = HeaderName::from_static("kvs-token");
const LSN: HeaderName = HeaderName::from_static("kvs-lsn");
const DURABLE_LSN: HeaderName = HeaderName::from_static("kvs-durable-lsn");

/// The state must be as new as this.
const MIN_TOKEN: HeaderName = HeaderName::from_static("kvs-min-token");

/// Whether a path belongs to this API.
pub(super) fn has(path: &str) -> bool {
    path.starts_with(BASE)
}

/// The route of a request with this head.
pub(super) fn route<'p>(head: &Head<'p>) -> Result<Route<'p>, Problem> {
    let expected = "a path such as /v2/int/KEY, see REST API v2";
    let (shape, key, item) = Shape::parse(head.path).ok_or(Problem::NoSuchPath(expected))?;
    let method = RouteMethod::of(head.method).filter(|method| shape.methods().contains(method));
    let method = method.ok_or(Problem::WrongMethod(shape.allowed()))?;
    Ok(Route { shape, key, item, method })
}

/// Executes a request. Does not wait for the log.
pub(super) fn execute(
    worker: &Worker,
    caller: &Caller,
    head: &Head<'_>,
    route: Route<'_>,
    body: &[u8],
) -> Result<Executed, Problem> {
    check_min_token(worker, head)?;
    match route.shape {
        Shape::Keys => listing::list(worker, caller, head, None),
        Shape::Type(ty) => listing::list(worker, caller, head, Some(ty)),
        Shape::Batch => batch::execute(worker, caller, head, body),
        // It is a stream, see `stream`.
        Shape::Feed => Err(Problem::NotImplemented),
        Shape::Entry(_) | Shape::Field | Shape::Member => entry::execute(worker, caller, head, route, body),
    }
}

/// Adds the headers that tell the place of a response in the log.
pub(super) fn placed(worker: &Worker, response: Response, place: Lsn) -> Response {
    // Without a log there are no places.
    let durable = worker.shared.log.as_ref().map_or(0, |_| worker.service.durable());
    let token = token::token(&worker.shared.tokens, place);
    response.with_text(TOKEN, &token).with(LSN, place.into()).with(DURABLE_LSN, durable.into())
}

/// Refuses a request whose client has seen what this server does not have. This server writes the log, so there is nothing
/// to wait for.
fn check_min_token(worker: &Worker, head: &Head<'_>) -> Result<(), Problem> {
    for token in head.values(&MIN_TOKEN) {
        let lsn =
            token::parse_token(&worker.shared.tokens, token).map_err(|why| token::refused("Kvs-Min-Token", why))?;
        if lsn > worker.shared.engine.last_lsn() {
            return Err(Problem::NotYet);
        }
    }
    Ok(())
}
