//! What is noted of a request while it is served: its id, and its line in the access log.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::response::Response;
use crate::access::{Caller, Identity};
use crate::access_log::{Line, Scribe};
use crate::context::Worker;
use crate::protocol::Protocol;
use crate::request_id::{Ids, MadeId};

/// The header with a request's id, in requests and in responses.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over, in bytes.
const MAX_ID_BYTES: usize = 128;

/// The id of a request.
#[derive(Debug)]
pub(super) enum RequestId {
    /// The client has sent it.
    Taken(HeaderValue),
    /// Made here.
    Made {
        id: MadeId,
        /// Whether the client has sent one that cannot be taken over.
        instead: bool,
    },
}

impl RequestId {
    /// That of a request with these headers. An id that is no visible ASCII, is too long or is not the only one is not
    /// repeated anywhere.
    pub(super) fn of(headers: &HeaderMap, ids: &Ids) -> Self {
        let mut sent = headers.get_all(&REQUEST_ID).iter();
        match (sent.next(), sent.next()) {
            (Some(id), None) if is_good(id.as_bytes()) => Self::Taken(id.clone()),
            (first, _) => Self::Made { id: ids.next(), instead: first.is_some() },
        }
    }

    /// Adds it to the response if somebody may want it: the client has sent one, the operator's logs have it, or the request
    /// has failed.
    pub(super) fn shown(&self, response: Response, is_logged: bool) -> Response {
        let id = match self {
            Self::Taken(id) => id.clone(),
            Self::Made { id, instead } if *instead || is_logged || response.is_error() => {
                HeaderValue::from_str(&id.to_string()).expect("hexadecimal digits are visible ASCII")
            }
            Self::Made { .. } => return response,
        };
        response.with(REQUEST_ID, id)
    }
}

fn is_good(id: &[u8]) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Always text, see `is_good`.
            Self::Taken(id) => f.write_str(id.to_str().unwrap_or_default()),
            Self::Made { id, .. } => id.fmt(f),
        }
    }
}

/// A request that is served. When it is dropped, its line is written, if there is an access log: also if the client has
/// gone, and nobody waits for the response.
pub(super) struct Noted<'r> {
    pub(super) parts: &'r Parts,
    pub(super) caller: &'r Caller,
    pub(super) id: RequestId,
    scribe: Option<&'r Scribe>,
    /// When the head had come, or later the last byte. Known if there is an access log.
    began: Option<Instant>,
    /// Who makes the request; `None` if it was not looked at, or there is no access log.
    identity: Option<Arc<Identity>>,
    body_bytes: usize,
    /// Status of the response, and bytes of its body.
    answered: Option<(StatusCode, usize)>,
}

impl<'r> Noted<'r> {
    pub(super) fn new(worker: &'r Worker, caller: &'r Caller, parts: &'r Parts) -> Self {
        let scribe = worker.scribe.as_ref();
        Self {
            parts,
            caller,
            id: RequestId::of(&parts.headers, &worker.ids),
            scribe,
            began: scribe.map(|_| Instant::now()),
            identity: None,
            body_bytes: 0,
            answered: None,
        }
    }

    /// Who makes it is known.
    pub(super) fn identified(&mut self) {
        if self.scribe.is_some() {
            self.identity = Some(self.caller.known());
        }
    }

    /// It has come whole, with so many bytes of a body.
    pub(super) fn complete(&mut self, at: Instant, body_bytes: usize) {
        self.began = Some(at);
        self.body_bytes = body_bytes;
    }

    pub(super) fn answered(&mut self, response: &Response) {
        let bytes = if self.parts.method == Method::HEAD { 0 } else { response.body_bytes() };
        self.answered = Some((response.status(), bytes));
    }
}

impl Drop for Noted<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(scribe) = self.scribe {
            let mut line = Line::new(self.caller.address(), Protocol::Rest.name(), &self.id);
            line.identity = self.identity.as_deref().map(Identity::name);
            line.method = Some(self.parts.method.as_str());
            line.path = Some(self.parts.uri.path());
            line.bytes_in = Some(self.body_bytes);
            line.status = self.answered.map(|(status, _)| status.as_u16());
            line.bytes_out = self.answered.map(|(_, bytes)| bytes);
            line.duration_us = self.began.map_or(Duration::ZERO, |began| began.elapsed()).as_micros() as u64;
            scribe.write(&line);
        }
    }
}

/// Writes the line of a request whose head could not be read at all: hyper has answered it with this status.
pub(super) fn unreadable(worker: &Worker, caller: &Caller, status: StatusCode) {
    if let Some(scribe) = &worker.scribe {
        let id = worker.ids.next();
        let mut line = Line::new(caller.address(), Protocol::Rest.name(), &id);
        line.status = Some(status.as_u16());
        scribe.write(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_over_if_it_can_be_repeated_as_it_is() {
        let ids = Ids::default();
        let taken = |sent: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for id in sent {
                headers.append(REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
            }
            RequestId::of(&headers, &ids).to_string()
        };
        for good in [&b"1"[..], b"!~\"{}/?", &[b'x'; 128]] {
            assert_eq!(taken(&[good]).as_bytes(), good);
        }
        let bad = [&b""[..], b"a b", b"a\tb", "é".as_bytes(), &[b'x'; 129]];
        let sent = bad.iter().map(|bad| vec![*bad]).chain([vec![&b"a"[..], b"a"], vec![]]);
        for sent in sent {
            assert_eq!(taken(&sent).len(), 24, "{sent:?}");
        }
    }
}
