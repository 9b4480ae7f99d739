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
use crate::context::Worker;
use answer::{Problem, Response};
use body::Body;
use route::Route;
pub(crate) use session::serve;

/// Answers one request.
async fn answer(worker: &Worker, activity: &Activity, request: Request<Incoming>) -> Response {
    let asked_before_body = request.headers().contains_key(EXPECT);
    let answered = respond(worker, activity, request).await;
    activity.answered();
    let mut response = answered.unwrap_or_else(|problem| {
        debug!(%problem, "refused a request");
        let mut response = problem.into_response();
        if asked_before_body {
            // The body may come or not.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    });
    if let Some(because) = worker.service.read_only() {
        answer::mark_read_only(&mut response, &because);
    }
    response
}

async fn respond(worker: &Worker, activity: &Activity, request: Request<Incoming>) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let route = match authorized(worker, &head.headers).and_then(|()| route(&head)) {
        Ok(route) => route,
        Err(problem) => {
            body::skip(&head.headers, body).await;
            return Err(problem);
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
            Route::Echo => return extras::echo(body),
            // What supervisors ask: a server that cannot write any more is not what they want.
            Route::Hello => {
                return worker.service.read_only().map_or_else(|| Ok(extras::hello()), |why| Err(why.into()));
            }
            Route::Fibo => return extras::fibo(head.uri.query()),
            Route::Entry(entry) => operate::operate(worker, &head.headers, entry, body)?,
        }
    };
    drop(body);
    if let Some(lsn) = operated.awaits {
        worker.service.wait(lsn).await?;
    }
    Ok(operated.response)
}

/// Whether the client has shown the token, if the server wants one.
fn authorized(worker: &Worker, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(token) = worker.shared.token() else { return Ok(()) };
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
