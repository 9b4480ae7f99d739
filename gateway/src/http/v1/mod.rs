//! REST API v1: the contract that existing clients rely on.
//!
//! ```text
//!   Head ── route.rs ──> Route ── operations.rs ──> Op ──> engine ──> Reply ── responses.rs ──> Response
//!
//!   route.rs       paths and methods into routes
//!   operations.rs  routes and bodies into operations, their execution, durability
//!   responses.rs   replies into responses
//!   values.rs      values in bodies, for each value type
//!   demo.rs        echo, hello, fibo
//! ```

mod demo;
mod operations;
mod responses;
mod route;
mod values;

pub(super) use operations::Operated;
pub(super) use route::Route;

use hyper::Method;

use super::head::Head;
use super::problem::Problem;
use crate::context::Worker;

/// What a request with this head asks for.
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

/// What such a path looks like.
pub(super) const EXPECTED_PATH: &str = "/kvs/v1-0-0/ and then for example int-get/KEY, see REST API v1";

/// Carries out what a request asks for. Does not wait, so that nothing of the request is kept while the log is.
pub(super) fn execute(worker: &Worker, head: &Head<'_>, route: Route<'_>, body: &[u8]) -> Result<Operated, Problem> {
    let response = match route {
        Route::Echo => demo::echo(body)?,
        // What supervisors ask: a server that cannot write any more is not what they want.
        Route::Hello => match worker.service.read_only() {
            None => demo::hello(),
            Some(why) => return Err(why.into()),
        },
        Route::Fibo => demo::fibo(head.query)?,
        Route::Entry(entry) => return operations::operate(worker, head, entry, body),
    };
    Ok(Operated { response, awaits: None })
}
