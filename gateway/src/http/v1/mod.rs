//! REST API v1: the contract that existing clients rely on.
//!
//! ```text
//!   Head ── route.rs ──> Route ── operations.rs ──> Op ──> engine ──> Reply ── responses.rs ──> Response
//!
//!   route.rs       paths and methods into routes
//!   operations.rs  routes and bodies into operations, their execution, durability
//!   responses.rs   replies into responses
//!   demo.rs        echo, hello, fibo
//! ```

mod demo;
mod operations;
mod responses;
mod route;

pub(super) use operations::Operated;
pub(super) use route::Route;

use super::head::{Head, Method};
use super::problem::Problem;
use crate::worker::Worker;

/// What a request with this head asks for.
pub(super) fn route<'b>(head: &Head<'b>) -> Result<Route<'b>, Problem> {
    let route = Route::parse(head.path).ok_or(Problem::NoSuchPath(EXPECTED_PATH))?;
    match (route.method(), head.method) {
        (allowed, method) if allowed == method => Ok(route),
        (Method::Get, Method::Head) => Ok(route),
        (Method::Get, _) => Err(Problem::WrongMethod("GET, HEAD")),
        (Method::Put, _) => Err(Problem::WrongMethod("PUT")),
        (Method::Delete, _) => Err(Problem::WrongMethod("DELETE")),
        _ => Err(Problem::WrongMethod("POST")),
    }
}

/// What such a path looks like.
pub(super) const EXPECTED_PATH: &str = "/kvs/v1-0-0/ and then for example int-get/KEY, see REST API v1";

/// Carries out what a request asks for. Does not wait, so that nothing of the request is kept while the log is.
pub(super) fn execute(worker: &Worker, head: &Head<'_>, route: Route<'_>, body: &[u8]) -> Result<Operated, Problem> {
    let response = match route {
        Route::Echo => demo::echo(body)?,
        Route::Hello => demo::hello(),
        Route::Fibo => demo::fibo(head.query)?,
        Route::Entry(entry) => return operations::operate(worker, head, entry, body),
    };
    Ok(Operated { response, awaits: None })
}
