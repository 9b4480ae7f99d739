//! REST v1: one request from its head to its answer.
//!
//! ```text
//!   Request ── route.rs ──> Route ── body.rs, json.rs, number.rs ──> Op ──> engine ──> Reply ── answer.rs ──> Response
//!
//!   session.rs  a connection, which hyper serves
//!   mod.rs      the way through: answer()
//!   route.rs    paths into routes, methods, keys
//!   operate.rs  routes and bodies into operations, their execution, durability
//!   body.rs     reading a body within its limits
//!   number.rs   numbers as text
//!   json.rs     maps and sets as JSON
//!   answer.rs   replies and problems into responses: the one table of status codes
//!   extras.rs   echo, hello, fibo
//! ```

mod answer;
mod body;
mod extras;
mod json;
mod number;
mod operate;
mod route;
mod session;

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONNECTION, EXPECT, HeaderValue};
use hyper::{HeaderMap, Method, Request};
use tracing::debug;

use crate::config::MAX_URI_BYTES;
use crate::connection::Activity;
use crate::durability::OutcomeUnknown;
use crate::worker::Worker;
use answer::{Problem, Response};
use body::Body;
use route::Route;
pub(crate) use session::serve;

/// Answers one request. The error means that no answer may be given: the connection is closed.
async fn answer(worker: &Worker, activity: &Activity, request: Request<Incoming>) -> Result<Response, OutcomeUnknown> {
    let asked_before_body = request.headers().contains_key(EXPECT);
    let answered = respond(worker, activity, request).await;
    activity.answered();
    match answered {
        Ok(response) => Ok(response),
        Err(Failure::Problem(problem)) => {
            debug!(%problem, "refused a request");
            let mut response = problem.into_response();
            if asked_before_body {
                // The body may come or not.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
        Err(Failure::Unknown(unknown)) => Err(unknown),
    }
}

/// Why there is no answer of the wished kind.
enum Failure {
    Problem(Problem),
    Unknown(OutcomeUnknown),
}

impl<P: Into<Problem>> From<P> for Failure {
    fn from(problem: P) -> Self {
        Self::Problem(problem.into())
    }
}

impl From<OutcomeUnknown> for Failure {
    fn from(unknown: OutcomeUnknown) -> Self {
        Self::Unknown(unknown)
    }
}

async fn respond(worker: &Worker, activity: &Activity, request: Request<Incoming>) -> Result<Response, Failure> {
    let (head, body) = request.into_parts();
    let route = match authorized(worker, &head.headers).and_then(|()| route(&head)) {
        Ok(route) => route,
        Err(problem) => {
            body::skip(&head.headers, body).await;
            return Err(problem.into());
        }
    };
    let body = match route.takes_body() {
        true => Some(body::read(&worker.shared, &head.headers, body).await?),
        false => {
            body::skip(&head.headers, body).await;
            None
        }
    };
    activity.working();
    let operated = {
        let body = body.as_ref().map_or(&[][..], Body::bytes);
        match route {
            Route::Echo => return Ok(extras::echo(body)?),
            Route::Hello => return Ok(extras::hello()),
            Route::Fibo => return Ok(extras::fibo(head.uri.query())?),
            Route::Entry(entry) => operate::operate(worker, &head.headers, entry, body)?,
        }
    };
    drop(body);
    if let Some(lsn) = operated.awaits {
        worker.gate.wait(lsn).await?;
    }
    Ok(operated.response)
}

/// Whether the client has shown the token, if the server wants one.
fn authorized(worker: &Worker, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = &worker.shared.token else { return Ok(()) };
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match shown.is_some_and(|shown| token.matches(shown)) {
        true => Ok(()),
        false => Err(Problem::Unauthorized),
    }
}

fn route(head: &hyper::http::request::Parts) -> Result<Route<'_>, Problem> {
    if head.uri.path_and_query().map_or(0, |uri| uri.as_str().len()) > MAX_URI_BYTES {
        return Err(Problem::UriTooLong);
    }
    let route = Route::parse(head.uri.path()).ok_or(Problem::NoSuchPath)?;
    let method = route.method();
    if head.method != method && !(method == Method::GET && head.method == Method::HEAD) {
        return Err(Problem::WrongMethod(method));
    }
    Ok(route)
}
