//! REST API v1: the contract that existing clients rely on.
//!
//! ```text
//!   Head ── route.rs ──> Route ── operations.rs ──> Op ──> engine ──> Reply ── responses.rs ──> Response
//!
//!   route.rs       the table of routes; parses paths and methods into routes
//!   description.rs describes the table in OpenAPI
//!   operations.rs  parses routes and bodies into operations and executes them
//!   responses.rs   converts replies into responses
//!   demo.rs        echo, hello, fibo
//! ```

mod demo;
mod description;
mod operations;
mod responses;
mod route;

pub(super) use description::json as description;
pub(super) use route::Route;

use hyper::Method;

use super::head::Head;
use super::problem::Problem;
use super::response::Executed;
use crate::access::Caller;
use crate::context::Worker;

/// The route of a request with this head.
pub(super) fn route<'b>(head: &Head<'b>) -> Result<Route<'b>, Problem> {
    let route = Route::parse(head.path).ok_or(Problem::NoSuchPath(EXPECTED_PATH))?;
    let allowed = route.method();
    match allowed == *head.method || (allowed == Method::GET && *head.method == Method::HEAD) {
        true => Ok(route),
        false => Err(Problem::WrongMethod(match allowed {
            Method::PUT => "PUT",
            Method::DELETE => "DELETE",
            Method::POST => "POST",
            _ => "GET, HEAD",
        })),
    }
}

/// The expected form of a path, for messages.
pub(super) const EXPECTED_PATH: &str = "a path such as /kvs/v1-0-0/int-get/KEY, see REST API v1";

/// Executes a request. Does not wait for the log, so that the request can be dropped before that wait.
pub(super) fn execute(
    worker: &Worker,
    caller: &Caller,
    head: &Head<'_>,
    route: Route<'_>,
    body: &[u8],
) -> Result<Executed, Problem> {
    let response = match route {
        Route::Echo => demo::echo(body)?,
        // Used as a health check: a server that can never write again is not healthy.
        Route::Hello => match worker.service.read_only() {
            None => demo::hello(),
            Some(why) => return Err(why.into()),
        },
        Route::Fibo => demo::fibo(head.query)?,
        Route::Entry(entry) => return operations::execute(worker, caller, head, entry, body),
    };
    Ok(Executed { response, awaits: None, place: None })
}
