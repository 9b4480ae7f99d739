//! A response, and its bytes.

use std::io::{self, Write};
use std::sync::Arc;

use arrayvec::ArrayVec;
use bytes::Bytes;

use super::stream::HttpStream;
use crate::budget::{Budget, Share};
use crate::clock::DATE_BYTES;
use crate::config::UNCOUNTED_BYTES;

/// Most headers that a response has besides those of every response.
const MAX_OWN_HEADERS: usize = 4;

/// A status code and its reason phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(pub(super) u16, pub(super) &'static str);

pub(super) const OK: Status = Status(200, "OK");

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    status: Status,
    headers: ArrayVec<(&'static str, &'static str), MAX_OWN_HEADERS>,
    body: Bytes,
    /// The body's share of the memory for responses, until the client has taken it.
    share: Option<Share>,
}

/// How a response is sent, which depends on the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    pub(super) without_body: bool,
    pub(super) keep_alive: bool,
    /// To a client that does not keep connections unless told.
    pub(super) is_http_1_0: bool,
    pub(super) date: [u8; DATE_BYTES],
}

impl Response {
    /// 200 without a body.
    pub(super) fn empty() -> Self {
        Self { status: OK, headers: ArrayVec::new(), body: Bytes::new(), share: None }
    }

    /// 200 with plain text.
    pub(super) fn text(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::empty() }.with("Content-Type", "text/plain; charset=utf-8")
    }

    /// 200 with JSON.
    pub(super) fn json(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..Self::empty() }.with("Content-Type", "application/json")
    }

    pub(super) fn with_status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Counts the body against the memory for responses. Returns whether that had room for it.
    #[must_use]
    pub(super) fn admit(&mut self, budget: &Arc<Budget>) -> bool {
        let bytes = self.body.len();
        bytes <= UNCOUNTED_BYTES || self.share.get_or_insert_with(|| budget.share()).grow_to(bytes)
    }

    /// The response's head as it is sent.
    fn write_head(&self, out: &mut Vec<u8>, sending: Sending) {
        let Status(code, reason) = self.status;
        let length = self.body.len();
        // Writing into memory cannot fail.
        let _ = write!(out, "HTTP/1.1 {code} {reason}\r\n");
        for (name, value) in &self.headers {
            for part in [name, ": ", value, "\r\n"] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        match (sending.keep_alive, sending.is_http_1_0) {
            (false, _) => out.extend_from_slice(b"Connection: close\r\n"),
            (true, true) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
            (true, false) => {}
        }
        let _ = write!(out, "Content-Length: {length}\r\nDate: ");
        out.extend_from_slice(&sending.date);
        out.extend_from_slice(b"\r\n\r\n");
    }

    /// Sends the response, or adds it to what is to go out.
    pub(super) async fn send(self, stream: &mut HttpStream, sending: Sending) -> io::Result<()> {
        self.write_head(&mut stream.output, sending);
        let body = if sending.without_body { &[][..] } else { &self.body };
        stream.push_body(body).await
    }

    /// All bytes of the response, after which the connection is closed.
    pub(super) fn into_last_bytes(self, date: [u8; DATE_BYTES]) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_head(&mut bytes, Sending { without_body: false, keep_alive: false, is_http_1_0: false, date });
        bytes.extend_from_slice(&self.body);
        bytes
    }
}
