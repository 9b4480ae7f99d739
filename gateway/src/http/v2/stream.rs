//! The streams: responses of many documents that are made while they are sent.

use super::route::Stream;
use super::{check_min_token, feed, whole};
use crate::http::head::Head;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::http::session::Session;

/// Responds with a stream.
pub(in crate::http) async fn stream(
    session: &Session<'_>,
    head: &Head<'_>,
    stream: Stream,
) -> Result<Response, Problem> {
    check_min_token(session.worker, head)?;
    match stream {
        Stream::Feed => feed::follow(session, head).await,
        Stream::Listing(ty) => whole::list(session, head, ty).await,
    }
}
