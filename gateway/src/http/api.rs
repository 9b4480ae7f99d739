//! The APIs, by the path of a request.

use proto::ValueType;

use super::head::Head;
use super::problem::Problem;
use super::response::{Executed, Response};
use super::{v1, v2};
use crate::access::Caller;
use crate::context::Worker;

/// What a request asks for, in the API that its path belongs to.
pub(super) enum Route<'p> {
    V1(v1::Route<'p>),
    V2(v2::Route<'p>),
}

impl<'p> Route<'p> {
    /// The route of a request with this head.
    pub(super) fn of(head: &Head<'p>) -> Result<Self, Problem> {
        match v2::has(head.path) {
            true => v2::route(head).map(Self::V2),
            false => v1::route(head).map(Self::V1),
        }
    }

    /// The stream that a request with this head asks for; `None` if its response is none.
    pub(super) fn stream(&self, head: &Head<'_>) -> Option<v2::Stream> {
        match self {
            Self::V1(_) => None,
            Self::V2(route) => route.stream(head),
        }
    }

    /// The entry whose whole value the route reads, with its key still percent-encoded.
    pub(super) fn reads(&self) -> Option<(ValueType, &'p str)> {
        match self {
            Self::V1(route) => route.reads(),
            Self::V2(route) => route.reads(),
        }
    }

    /// Whether the route uses the body of the request.
    pub(super) fn takes_body(&self) -> bool {
        match self {
            Self::V1(route) => route.takes_body(),
            Self::V2(route) => route.takes_body(),
        }
    }

    /// Executes a request. Does not wait for the log, so that the request can be dropped before that wait.
    pub(super) fn execute(
        self,
        worker: &Worker,
        caller: &Caller,
        head: &Head<'_>,
        body: &[u8],
    ) -> Result<Executed, Problem> {
        match self {
            Self::V1(route) => v1::execute(worker, caller, head, route, body),
            Self::V2(route) => v2::execute(worker, caller, head, route, body),
        }
    }
}

/// The response to a request that has failed.
pub(super) fn refuse(path: &str, problem: Problem) -> Response {
    match v2::has(path) {
        true => v2::refuse(problem),
        false => problem.into_response(),
    }
}
