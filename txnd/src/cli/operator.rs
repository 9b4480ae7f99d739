//! The operator's listener: what supervisors and Prometheus ask a program, over plain HTTP.
//!
//! | path | answer |
//! |---|---|
//! | `/livez` | 200 while the program lives; 503 says what of it is stuck |
//! | `/readyz` | 200 if the program can do its work, else 503; with `?verbose` a line for each check |
//! | `/metrics` | metrics, in the text format of OpenMetrics, or in that of Prometheus if only that is accepted |
//! | `POST /checkpoint` | 202: a checkpoint of the log is begun; 409 says why it is not. Of programs that write some |

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN, WWW_AUTHENTICATE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, info, warn};

use super::host_names::{address, is_localhost, without_port};

/// Maximum number of connections; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;

/// Time limit for the head of a request, and for an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Pause after `accept` has failed.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

const CHECKPOINT: &str = "/checkpoint";

const INDEX: &str = "/livez\n/readyz\n/readyz?verbose\n/metrics\n";

/// How a part of the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All right.
    Good,
    /// It works, and needs attention soon.
    Warning,
    /// The program is not ready.
    Bad,
}

/// One named check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Its result.
    pub state: State,
    /// The result in words.
    pub detail: String,
}

/// A program that can be asked.
pub trait Operated: Send + Sync + 'static {
    /// What of it does not answer any more, so that only a restart helps. It never waits for a disk, or for a log.
    fn liveness(&self) -> Result<(), String>;

    /// How it is, in a few words. It never waits, either.
    fn status(&self) -> String;

    /// Whether it has not served yet. A start whose status changes makes progress.
    fn is_starting(&self) -> bool;

    /// Every check, in the order in which it is shown.
    fn checks(&self) -> Vec<Check>;

    /// Its metrics.
    fn metrics(&self) -> &Registry;

    /// Whether a client may see checks and metrics, that sends this header `Authorization` from this address.
    fn admits(&self, authorization: Option<&[u8]>, from: IpAddr) -> bool;

    /// Its checkpoints, if it writes some.
    fn checkpoints(&self) -> Option<&dyn Checkpoints> {
        None
    }
}

/// Checkpoints that can be asked for.
pub trait Checkpoints {
    /// Whether a client may ask for one that sends this header `Authorization` from this address.
    fn admits(&self, authorization: Option<&[u8]>, from: IpAddr) -> bool;

    /// Begins one now, or when the one that is being written is complete. The error says why not.
    fn begin(&self) -> Result<(), &'static str>;
}

/// The listener cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {0}: {1}; choose another address with --admin-addr")]
pub struct OperatorError(SocketAddr, io::Error);

/// Listens on `addr`. Must be called within a runtime.
pub async fn listen(addr: SocketAddr) -> Result<TcpListener, OperatorError> {
    TcpListener::bind(addr).await.map_err(|e| OperatorError(addr, e))
}

/// Answers for ever.
pub async fn serve<O: Operated>(listener: TcpListener, operated: Arc<O>) {
    let is_loopback = match listener.local_addr() {
        Ok(addr) => {
            info!(admin_addr = %addr, "serving health and metrics");
            addr.ip().to_canonical().is_loopback()
        }
        Err(_) => false,
    };
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, from)) => {
                let operated = Arc::clone(&operated);
                tokio::spawn(async move {
                    serve_one(stream, from.ip(), is_loopback, &*operated).await;
                    drop(permit);
                });
            }
            Err(e) => {
                warn!(error = %e, "cannot accept a connection for health and metrics");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_one(stream: TcpStream, from: IpAddr, is_loopback: bool, operated: &impl Operated) {
    let service = service_fn(async |request: Request<Incoming>| {
        let mut response = respond(&request, from, is_loopback, operated);
        if *request.method() == Method::HEAD {
            *response.body_mut() = Full::default();
        }
        Ok::<_, Infallible>(response)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD_BYTES);
    if let Err(e) = http.serve_connection(TokioIo::new(stream), service).await {
        debug!(error = %e, "a connection for health and metrics ended");
    }
}

fn respond(
    request: &Request<Incoming>,
    from: IpAddr,
    is_loopback: bool,
    operated: &impl Operated,
) -> Response<Full<Bytes>> {
    if is_loopback && !names_an_address(request.headers()) {
        // A web page could reach it through a name of its own (DNS rebinding).
        return text_of(StatusCode::MISDIRECTED_REQUEST, "expected localhost or an IP address in the header Host\n");
    }
    if let Some(checkpoints) = operated.checkpoints().filter(|_| request.uri().path() == CHECKPOINT) {
        return checkpoint(request, from, checkpoints);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return wrong_method("GET, HEAD");
    }
    let verbose = request.uri().query().is_some_and(|query| query.split('&').any(|part| part == "verbose"));
    match request.uri().path() {
        "/" => text_of(StatusCode::OK, INDEX),
        "/livez" => match operated.liveness() {
            Ok(()) => text_of(StatusCode::OK, "ok\n"),
            Err(why) => text_of(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        "/readyz" if !verbose => {
            let is_ready = operated.checks().iter().all(|check| check.state != State::Bad);
            match is_ready {
                true => text_of(StatusCode::OK, "ok\n"),
                false => text_of(StatusCode::SERVICE_UNAVAILABLE, "not ready; /readyz?verbose says why\n"),
            }
        }
        "/readyz" | "/metrics" if !operated.admits(authorization(request), from) => unauthorized(),
        "/readyz" => checks(&operated.checks()),
        "/metrics" => metrics(request.headers().get(ACCEPT), operated.metrics()),
        _ => text_of(StatusCode::NOT_FOUND, format!("no such path; expected one of\n{INDEX}")),
    }
}

/// Begins a checkpoint.
fn checkpoint(request: &Request<Incoming>, from: IpAddr, checkpoints: &dyn Checkpoints) -> Response<Full<Bytes>> {
    if *request.method() != Method::POST {
        return wrong_method("POST");
    }
    if request.headers().contains_key(ORIGIN) {
        // A web page can send this without being allowed to read the response.
        return text_of(StatusCode::FORBIDDEN, "web pages may not ask for checkpoints\n");
    }
    if !checkpoints.admits(authorization(request), from) {
        return unauthorized();
    }
    match checkpoints.begin() {
        Ok(()) => text_of(StatusCode::ACCEPTED, "a checkpoint is begun\n"),
        Err(why) => text_of(StatusCode::CONFLICT, format!("{why}\n")),
    }
}

fn authorization(request: &Request<Incoming>) -> Option<&[u8]> {
    request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes)
}

fn unauthorized() -> Response<Full<Bytes>> {
    let what = "expected the header Authorization: Bearer TOKEN, with a token that has the scope admin\n";
    let mut response = text_of(StatusCode::UNAUTHORIZED, what);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn wrong_method(allowed: &'static str) -> Response<Full<Bytes>> {
    let mut response = text_of(StatusCode::METHOD_NOT_ALLOWED, format!("expected {allowed}\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Whether the client has used an address, or `localhost`.
fn names_an_address(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    without_port(host).is_some_and(|name| name.is_empty() || is_localhost(name) || address(name).is_some())
}

fn text_of(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

/// A line for each check: `[+]` good, `[!]` a warning, `[-]` bad.
fn checks(checks: &[Check]) -> Response<Full<Bytes>> {
    let line = |Check { name, state, detail }: &Check| {
        let mark = match state {
            State::Good => '+',
            State::Warning => '!',
            State::Bad => '-',
        };
        format!("[{mark}] {name}: {detail}\n")
    };
    let is_ready = checks.iter().all(|check| check.state != State::Bad);
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let end = if is_ready { "ready\n" } else { "not ready\n" };
    text_of(status, checks.iter().map(line).chain([end.to_string()]).collect::<String>())
}

fn metrics(accept: Option<&HeaderValue>, registry: &Registry) -> Response<Full<Bytes>> {
    let accept = accept.and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let only_prometheus = accept.contains("text/plain") && !accept.contains("application/openmetrics-text");
    let mut body = String::new();
    let (encoded, content) = match only_prometheus {
        true => (prometheus_text::encode(&mut body, registry), PROMETHEUS),
        false => (text::encode(&mut body, registry), OPEN_METRICS),
    };
    if encoded.is_err() {
        return text_of(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be shown\n");
    }
    let mut response = text_of(StatusCode::OK, body);
    response.headers_mut().insert(CONTENT_TYPE, content);
    response
}
