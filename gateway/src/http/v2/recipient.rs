//! Who receives a stream, a response of many documents that are made while they are sent: how it begins, and why it ends.

use std::cell::Ref;
use std::fmt::Display;
use std::rc::Rc;

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::media;
use crate::access::{Caller, Identity};
use crate::connection::Activity;
use crate::http::head::Head;
use crate::http::response::{Pieces, Response};
use crate::http::session::Session;
use crate::socket::Stop;

/// The media type of documents, one a line.
pub(super) static LINES: HeaderValue = HeaderValue::from_static(media::LINES);

/// Tells proxies such as nginx to pass on each piece as it comes.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO: HeaderValue = HeaderValue::from_static("no");

/// The response with the pieces that `make` sends; without them to HEAD.
pub(super) fn respond<F: Future<Output = ()> + 'static>(
    head: &Head<'_>,
    content: &'static HeaderValue,
    make: impl FnOnce(mpsc::Sender<Bytes>) -> F,
) -> Response {
    let pieces = (*head.method != Method::HEAD).then(|| Pieces::of(make));
    Response::streaming(content, pieces).with(CACHE_CONTROL, NO_STORE).with(BUFFERING, NO)
}

/// Who receives a stream. At its end, the connection waits for another request.
pub(super) struct Recipient {
    caller: Rc<Caller>,
    stop: Stop,
    activity: Rc<Activity>,
}

/// Why a stream ends.
pub(super) enum End {
    /// The client has gone.
    Silent,
    /// The client is told this.
    Told(Value),
}

impl Recipient {
    /// The client of a session.
    pub(super) fn of(session: &Session<'_>) -> Self {
        let Session { activity, caller, stop, .. } = *session;
        Self { caller: Rc::clone(caller), stop: stop.clone(), activity: Rc::clone(activity) }
    }

    /// Who it is.
    pub(super) fn identity(&self) -> Result<Ref<'_, Identity>, End> {
        self.caller.identity().map_err(|_| unknown())
    }

    /// Tells it, until all is told, the server stops or the client is no longer known.
    pub(super) async fn while_served(&self, telling: impl Future<Output = Result<(), End>>) -> Result<(), End> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.wait() => {
                Err(End::Told(reason(StatusCode::SERVICE_UNAVAILABLE, &"the server ends this connection")))
            }
            () = self.caller.ended() => Err(unknown()),
            told = telling => told,
        }
    }
}

fn unknown() -> End {
    End::Told(reason(StatusCode::UNAUTHORIZED, &"the identity has ended, or may no longer do this"))
}

/// What a client is told last.
pub(super) fn reason(status: StatusCode, detail: &dyn Display) -> Value {
    json!({"op": "end", "status": status.as_u16(), "detail": detail.to_string()})
}

impl Drop for Recipient {
    fn drop(&mut self) {
        self.activity.answered();
    }
}
