//! Builds responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use hyper::{StatusCode, Version};
use proto::{Lsn, Refusal};
use tokio::sync::mpsc;

use crate::config::UNBUDGETED_BYTES;
use crate::service::{ResponseMemory, Service};

static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// A response on its way to hyper. It is small, because it is moved from one result into the next.
#[derive(Debug)]
pub(super) struct Response {
    status: StatusCode,
    /// The type of the body, if there is one.
    content: Option<&'static HeaderValue>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    /// What the body goes on with, piece by piece.
    stream: Option<Pieces>,
}

/// A response that is complete. It may come from another thread.
pub(super) struct Whole {
    status: StatusCode,
    content: Option<&'static HeaderValue>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// A body that a future makes while it is sent. The future is dropped when the client goes.
pub(super) struct Pieces {
    /// `None` when it has ended.
    maker: Option<Pin<Box<dyn Future<Output = ()>>>>,
    made: mpsc::Receiver<Bytes>,
}

/// The body of a response as hyper sends it.
pub(super) enum ResponseBody {
    Whole(Full<Bytes>),
    Stream(Pieces),
}

/// An executed request.
pub(super) struct Executed {
    pub(super) response: Response,
    /// What must be durable before the response is sent.
    pub(super) awaits: Option<Lsn>,
    /// The lsn of the write, or what a read is at least as new as. Known if the API tells it.
    pub(super) place: Option<Lsn>,
}

impl Response {
    /// 200 without a body.
    pub(super) fn empty() -> Self {
        Self { status: StatusCode::OK, content: None, headers: Vec::new(), body: Bytes::new(), stream: None }
    }

    /// 200 with plain text.
    pub(super) fn text(body: impl Into<Bytes>) -> Self {
        Self { content: Some(&TEXT), body: body.into(), ..Self::empty() }
    }

    /// 200 with a page.
    pub(super) fn html(body: impl Into<Bytes>) -> Self {
        Self { content: Some(&HTML), body: body.into(), ..Self::empty() }
    }

    /// 200 with JSON.
    pub(super) fn json(body: impl Into<Bytes>) -> Self {
        Self { content: Some(&JSON), body: body.into(), ..Self::empty() }
    }

    /// 200 with a stream of this media type; none to HEAD.
    pub(super) fn streaming(content: &'static HeaderValue, stream: Option<Pieces>) -> Self {
        Self { content: Some(content), stream, ..Self::empty() }
    }

    /// A problem, as JSON.
    pub(super) fn problem(body: impl Into<Bytes>) -> Self {
        Self { content: Some(&PROBLEM), body: body.into(), ..Self::empty() }
    }

    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with a text that this server has made, of visible ASCII: an etag, a token, a time.
    pub(super) fn with_text(self, name: HeaderName, text: &str) -> Self {
        self.with(name, HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("")))
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn is_error(&self) -> bool {
        self.status.is_client_error() || self.status.is_server_error()
    }

    /// Whether the body is made while it is sent.
    pub(super) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Bytes of the body that are known.
    pub(super) fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Closes the connection after this response.
    pub(super) fn and_close(self) -> Self {
        self.with(CONNECTION, CLOSE)
    }

    /// Counts a large body against `--response-memory` until it has been sent.
    pub(super) fn admit(&mut self, service: &Service) -> Result<(), Refusal> {
        self.body = counted(std::mem::take(&mut self.body), service)?;
        Ok(())
    }

    /// Converts into the response that hyper sends.
    pub(super) fn into_hyper(self) -> hyper::Response<ResponseBody> {
        let mut response = hyper::Response::new(match self.stream {
            None => ResponseBody::Whole(Full::new(self.body)),
            Some(stream) => ResponseBody::Stream(stream),
        });
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(content) = self.content {
            headers.insert(CONTENT_TYPE, content.clone());
        }
        headers.extend(self.headers);
        response
    }

    /// The response without the stream that its body would go on with.
    pub(super) fn into_whole(self) -> Whole {
        let Self { status, content, headers, body, stream: _ } = self;
        Whole { status, content, headers, body }
    }

    /// All bytes of the response, for a connection that hyper does not serve, and that is closed after it.
    pub(super) fn into_bytes(self, date: HeaderValue) -> Vec<u8> {
        let length = self.body.len();
        let Self { status, content, headers, body, .. } =
            self.and_close().with(DATE, date).with(CONTENT_LENGTH, length.into());
        let mut bytes = format!("{:?} {status}\r\n", Version::HTTP_11).into_bytes();
        let content = content.map(|content| (&CONTENT_TYPE, content));
        for (name, value) in content.into_iter().chain(headers.iter().map(|(name, value)| (name, value))) {
            for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        bytes
    }
}

impl From<Whole> for Response {
    fn from(Whole { status, content, headers, body }: Whole) -> Self {
        Self { status, content, headers, body, stream: None }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    #[inline]
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(cx),
            Self::Stream(pieces) => pieces.poll_next(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece)))),
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

impl Pieces {
    /// Those that `make` sends. It is at most one piece ahead of the client.
    pub(super) fn of<F: Future<Output = ()> + 'static>(make: impl FnOnce(mpsc::Sender<Bytes>) -> F) -> Self {
        let (send, made) = mpsc::channel(1);
        Self { maker: Some(Box::pin(make(send))), made }
    }

    /// The next one; `None` at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Poll::Ready(Some(piece)) = self.made.poll_recv(cx) {
            return Poll::Ready(Some(piece));
        }
        if let Some(maker) = &mut self.maker
            && maker.as_mut().poll(cx).is_ready()
        {
            self.maker = None;
        }
        match self.made.poll_recv(cx) {
            Poll::Pending if self.maker.is_none() => Poll::Ready(None),
            piece => piece,
        }
    }
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

/// Counts a large body, or a large piece of one, against `--response-memory` until it has been sent.
pub(super) fn counted(body: Bytes, service: &Service) -> Result<Bytes, Refusal> {
    if body.len() <= UNBUDGETED_BYTES {
        return Ok(body);
    }
    let mut memory = service.response_memory(UNBUDGETED_BYTES);
    memory.grow_to(body.len())?;
    Ok(Bytes::from_owner(Counted { body, _memory: memory }))
}

/// A body with its share of `--response-memory`.
struct Counted {
    body: Bytes,
    _memory: ResponseMemory,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}
