//! A client's connection. hyper serves its requests one after the other, until the connection ends or the server stops.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{EXPECT, HeaderName, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use proto::{Key, Op, Operations, Refusal, ValueType};
use tokio::io::AsyncWriteExt;
use tracing::{debug, warn};

use super::body::{Body, IncomingBody, WholeBody};
use super::head::{Head, KnownHost};
use super::noted::{self, Noted};
use super::pages::Page;
use super::percent::percent_decode;
use super::problem::{BadMessage, Problem};
use super::response::{Response, ResponseBody};
use super::stream::{Handle, HttpStream};
use super::targets::Targets;
use super::{api, auth, cors, hosts, v2};
use crate::access::Caller;
use crate::clock;
use crate::config::{MAX_HEAD_BYTES, MAX_HEADERS};
use crate::connection::{self, Activity, Watched};
use crate::context::Worker;
use crate::helper::{Helper, LARGE_BYTES};
use crate::protocol::Protocol;
use crate::rarely::Rarely;
use crate::socket::{Socket, Stop};

/// Header of every response once writes have become impossible; its value is the reason.
const READ_ONLY: HeaderName = HeaderName::from_static("kvs-read-only");

/// Serves one client until it disconnects or the server stops.
pub(crate) async fn serve(worker: Rc<Worker>, stream: Socket, activity: Rc<Activity>, caller: Caller, mut stop: Stop) {
    let caller = Rc::new(caller);
    let stream = HttpStream::new(Watched::new(stream, Rc::clone(&activity)));
    let (host, mut odd_clock) = (KnownHost::default(), false);
    {
        let session =
            Session { worker: &worker, activity: &activity, caller: &caller, stop: &stop.clone(), host: &host };
        let service = service_fn(|request| answer(&session, &stream, request));
        let mut http = http1::Builder::new();
        http.title_case_headers(true)
            .max_buf_size(MAX_HEAD_BYTES)
            .max_headers(MAX_HEADERS)
            .half_close(true)
            // The worker's clock provides it.
            .header_read_timeout(None);
        let mut serving = pin!(http.serve_connection(TokioIo::new(Handle::to(&stream)), service));
        let stopping = pin!(stop.wait());
        let stopping = Rarely::new(stopping);
        let served = tokio::select! {
            served = while_date_is_representable(serving.as_mut()) => served,
            () = stopping => {
                serving.as_mut().graceful_shutdown();
                while_date_is_representable(serving).await
            }
        };
        match served {
            Some(Ok(())) => {}
            Some(Err(e)) => {
                if e.is_parse() {
                    noted::unreadable(&worker, &caller, status_of(&e));
                }
                debug!(error = %e, "connection ended");
            }
            None => odd_clock = true,
        }
    }
    let last = match odd_clock {
        true => last_words(&activity).map(|problem| problem.into_response().into_bytes(worker.reaper.clock().date())),
        false => None,
    };
    activity.closing();
    // hyper's handle is gone, so this is the only reference to the stream. An error means that the client has
    // disconnected already.
    if let Some(stream) = Rc::into_inner(stream) {
        let mut stream = stream.into_inner().watched;
        let stopping = stop.wait();
        let end = async {
            stream.write_all(&last.unwrap_or_default()).await?;
            connection::close_until(&mut stream, worker.shared.config.request_timeout, stopping).await
        };
        if let Err(e) = end.await {
            debug!(error = %e, "connection ended");
        }
    }
}

/// The status with which hyper answers a head that it cannot read.
fn status_of(error: &hyper::Error) -> StatusCode {
    match error.is_parse_too_large() {
        true => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        false => StatusCode::BAD_REQUEST,
    }
}

/// What to tell a client whose connection ends because of the clock.
fn last_words(activity: &Activity) -> Option<Problem> {
    if activity.is_sending() {
        // It would be taken for a part of the response.
        return None;
    }
    // A request that is being executed may have changed something.
    Some(if activity.is_working() { Refusal::OutcomeUnknown.into() } else { Problem::OddClock })
}

/// Runs the connection while the machine's clock shows a time that an HTTP date can represent; `None` when it does not.
/// hyper formats the date in every poll, even if it does not send it, and panics before 1970 and after 9999.
async fn while_date_is_representable<F: Future>(mut serving: Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| match clock::is_representable() {
        true => serving.as_mut().poll(cx).map(Some),
        false => Poll::Ready(None),
    })
    .await
}

/// The reply when the connection limit is reached.
pub(crate) fn too_many_connections(worker: &Worker) -> Vec<u8> {
    Problem::TooManyConnections.into_response().into_bytes(worker.reaper.clock().date())
}

fn was_cut_off(targets: &Targets, head: &Parts) -> bool {
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    targets.was_cut_off(head.method.as_str(), target)
}

/// What the requests of a connection have in common.
#[derive(Clone, Copy)]
pub(super) struct Session<'s> {
    pub(super) worker: &'s Rc<Worker>,
    pub(super) activity: &'s Rc<Activity>,
    pub(super) caller: &'s Rc<Caller>,
    pub(super) stop: &'s Stop,
    host: &'s KnownHost,
}

/// Serves one request.
async fn answer(
    session: &Session<'_>,
    stream: &RefCell<HttpStream>,
    request: Request<Incoming>,
) -> Result<hyper::Response<ResponseBody>, Infallible> {
    let Session { worker, activity, caller, .. } = *session;
    let (head, body) = request.into_parts();
    let cut_off = was_cut_off(&stream.borrow().targets, &head);
    let mut noted = Noted::new(worker, caller, &head);
    let responded = respond(session, &mut noted, body, cut_off).await;
    match &responded {
        Ok(response) if response.is_stream() => activity.streaming(),
        _ => activity.answered(),
    }
    let response = responded.unwrap_or_else(|problem| {
        debug!(%problem, request_id = %noted.id, "refused a request");
        if let Some(refusal) = problem.refusal() {
            worker.service.meters().of(Protocol::Rest).refused(refusal);
        }
        // With Expect, the client may or may not send the body after an error.
        let ends = problem.ends_connection() || head.headers.contains_key(EXPECT);
        let response = api::refuse(head.uri.path(), problem);
        if ends { response.and_close() } else { response }
    });
    let origins = &worker.shared.config.cors_origins;
    let response = match origins.is_empty() {
        true => response,
        false => cors::expose(origins, head.headers.get(ORIGIN), response),
    };
    let response = match worker.service.read_only() {
        None => response,
        Some(Refusal::Fenced) => response.with(READ_ONLY, HeaderValue::from_static("fenced")),
        Some(_) => response.with(READ_ONLY, HeaderValue::from_static("log-failed")),
    };
    let response = noted.id.shown(response, worker.scribe.is_some() || worker.shared.config.slow_request.is_some());
    noted.answered(&response);
    Ok(response.into_hyper())
}

async fn respond(
    session: &Session<'_>,
    noted: &mut Noted<'_>,
    body: Incoming,
    cut_off: bool,
) -> Result<Response, Problem> {
    let Session { worker, activity, caller, host, .. } = *session;
    let (shared, parts) = (&worker.shared, noted.parts);
    if cut_off {
        return Err(BadMessage("the request target contains '#'; expected %23".into()).into());
    }
    let head = Head::new(parts, host)?;
    let incoming = IncomingBody::new(body, activity, head.expects_continue);
    let route = match admit(worker, activity, &head, host, noted) {
        Ok(Asked::Route(route)) => route,
        Ok(Asked::Answered(response)) => {
            incoming.skip().await;
            return Ok(*response);
        }
        Err(problem) => {
            incoming.skip().await;
            return Err(problem);
        }
    };
    let body = match route.takes_body() {
        true => Some(incoming.read(shared.config.max_body.as_u64() as usize, &shared.request_memory).await?),
        false => {
            incoming.skip().await;
            None
        }
    };
    activity.working();
    let (began, mut waits) = (Instant::now(), false);
    noted.complete(began, body.as_ref().map_or(0, Body::len));
    let response = match route.stream(&head) {
        Some(stream) => v2::stream(session, &head, stream).await,
        None => match helper_for(worker, caller, &route, body.as_ref()) {
            Some(helper) => {
                activity.aside();
                execute_aside(helper, caller, parts, body, &mut waits).await
            }
            None => execute(worker, caller, &head, route, body, &mut waits).await,
        },
    };
    let took = began.elapsed();
    worker.service.meters().of(Protocol::Rest).times[usize::from(waits)].add(took, 1);
    if shared.config.slow_request.is_some_and(|limit| took >= limit) {
        let seconds = took.as_secs_f64();
        let (method, from, request_id) = (head.method, caller.address(), &noted.id);
        warn!(%method, path = head.path, seconds, %from, %request_id, "a slow request");
    }
    response
}

/// What a head asks for.
enum Asked<'h> {
    /// Nothing more is needed to answer.
    Answered(Box<Response>),
    Route(api::Route<'h>),
}

/// Decides what can be decided from the head: who asks, and for what.
fn admit<'h>(
    worker: &Worker,
    activity: &Activity,
    head: &Head<'h>,
    host: &KnownHost,
    noted: &mut Noted<'_>,
) -> Result<Asked<'h>, Problem> {
    let shared = &worker.shared;
    hosts::check(&shared.config, shared.access.requires_identity(), head, host)?;
    if let Some(response) = cors::preflight(&shared.config.cors_origins, head) {
        return Ok(Asked::Answered(response.into()));
    }
    let page = Page::of(head);
    if page.is_none_or(|page| !page.is_public()) {
        let checked = auth::check(noted.caller, head.authorization, worker.reaper.clock().micros());
        noted.identified();
        checked?;
        activity.established();
    }
    match page {
        Some(page) => page.respond(worker, head).map(|response| Asked::Answered(response.into())),
        None => api::Route::of(head).map(Asked::Route),
    }
}

/// Who carries out a request, if it takes so long that other clients should not wait for it.
fn helper_for<'w>(
    worker: &'w Worker,
    caller: &Caller,
    route: &api::Route<'_>,
    body: Option<&Body>,
) -> Option<&'w Helper<Worker>> {
    let is_large = body.is_some_and(|body| body.len() >= LARGE_BYTES)
        || route.reads().is_some_and(|(ty, key)| is_large(worker, caller, ty, key));
    worker.helper.as_ref().filter(|_| is_large)
}

/// Whether a map or set that this client may read is large.
fn is_large(worker: &Worker, caller: &Caller, ty: ValueType, key: &str) -> bool {
    if ty.operations() != Operations::Collection {
        return false;
    }
    let Ok(key) = percent_decode(key) else { return false };
    let Ok(key) = Key::new(&key) else { return false };
    let may_read = caller.identity().is_ok_and(|identity| identity.check(&Op::Get { ty, key }).is_ok());
    may_read && worker.shared.engine.has_collection_of(ty, key, LARGE_BYTES)
}

/// Has the helper execute a request that has arrived, and waits for it.
async fn execute_aside(
    helper: &Helper<Worker>,
    caller: &Caller,
    parts: &Parts,
    body: Option<Body>,
    waits: &mut bool,
) -> Result<Response, Problem> {
    let (caller, parts) = (caller.twin(), parts.clone());
    let work = async move |worker: &Worker| {
        let mut waits = false;
        let execute = async {
            let head = Head::new(&parts, &KnownHost::default())?;
            let route = api::Route::of(&head)?;
            execute(worker, &caller, &head, route, body, &mut waits).await
        };
        let executed = execute.await.map(Response::into_whole);
        (executed, waits)
    };
    let (executed, waited) = helper.run(work).await?;
    *waits = waited;
    executed.map(Response::from)
}

/// Executes a request that has arrived, and waits for the log if its response must.
async fn execute(
    worker: &Worker,
    caller: &Caller,
    head: &Head<'_>,
    route: api::Route<'_>,
    body: Option<Body>,
    waits: &mut bool,
) -> Result<Response, Problem> {
    let body = body.map(Body::whole);
    let executed = route.execute(worker, caller, head, body.as_ref().map_or(&[], WholeBody::bytes))?;
    let mut response = executed.response;
    if *head.method != Method::HEAD {
        response.admit(&worker.service)?;
    }
    drop(body);
    if let Some(lsn) = executed.awaits {
        *waits = true;
        let waited = worker.service.wait(lsn).await;
        waited.map_err(|refusal| if head.method.is_safe() { Problem::NotDurable } else { refusal.into() })?;
    }
    Ok(match executed.place {
        Some(place) => v2::placed(worker, response, place),
        None => response,
    })
}
