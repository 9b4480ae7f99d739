//! What the REST port says about itself: a page for people, descriptions for programs, what problems mean, and the figures of
//! the page. All but the figures are the same for everybody; those are for clients who may do something.

use bytes::Bytes;
use hyper::Method;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::json;

use super::head::Head;
use super::problem::Problem;
use super::response::Response;
use super::{v1, v2};
use crate::context::Worker;
use crate::log::status::LogHealth;
use crate::protocol::Protocol;

static PAGE: &[u8] = include_bytes!("../../assets/page.html");

/// Nothing from elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);
const PROTECTION: [(HeaderName, HeaderValue); 3] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// A path that is about the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page<'p> {
    /// `/`
    Home,
    /// `/openapi.json`
    Description,
    /// `/v2/openapi.json`
    DescriptionV2,
    /// `/v2/problems/NAME`
    Problem(&'p str),
    /// `/status.json`
    Status,
}

impl<'p> Page<'p> {
    /// The page of a request, if its path is one.
    pub(super) fn of(head: &Head<'p>) -> Option<Self> {
        match head.path {
            "/" => Some(Self::Home),
            "/openapi.json" => Some(Self::Description),
            "/v2/openapi.json" => Some(Self::DescriptionV2),
            "/status.json" => Some(Self::Status),
            path => path.strip_prefix(v2::PROBLEMS).map(Self::Problem),
        }
    }

    /// Whether it is for everybody, whoever asks.
    pub(super) fn is_public(self) -> bool {
        self != Self::Status
    }

    pub(super) fn respond(self, worker: &Worker, head: &Head<'_>) -> Result<Response, Problem> {
        if ![Method::GET, Method::HEAD].contains(head.method) {
            return Err(Problem::WrongMethod("GET, HEAD"));
        }
        Ok(match self {
            Self::Home => PROTECTION
                .into_iter()
                .fold(Response::html(Bytes::from_static(PAGE)), |page, (name, value)| page.with(name, value)),
            Self::Description => Response::json(v1::description()),
            Self::DescriptionV2 => Response::json(v2::description()),
            Self::Problem(name) => v2::problem_page(name)?,
            Self::Status => {
                let status = status(worker).to_string();
                Response::json(status).with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
            }
        })
    }
}

fn status(worker: &Worker) -> serde_json::Value {
    let shared = &worker.shared;
    let log = shared.log.as_ref().map_or("off", |watch| match watch.health(*watch.status().borrow()) {
        LogHealth::Up => "up",
        LogHealth::Down => "down",
        LogHealth::Failed => "failed",
        LogHealth::Fenced => "fenced",
    });
    let requests = |protocol: Protocol| shared.meters.iter().map(|worker| worker.of(protocol).total()).sum::<u64>();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "log": log,
        "requests": {"rest": requests(Protocol::Rest), "frames": requests(Protocol::Frames)},
        "connections": shared.connections.admitted(),
        "memory_bytes": shared.engine.meter().used(),
    })
}
