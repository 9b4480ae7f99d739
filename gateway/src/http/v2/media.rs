//! Media types of bodies: which are taken, and whether a client accepts the one that there is.

use hyper::header::{ACCEPT, CONTENT_TYPE};

use crate::http::head::Head;
use crate::http::problem::Problem;

/// What the API calls text.
pub(super) const TEXT: &str = "text/plain";

/// What it calls everything else.
pub(super) const JSON: &str = "application/json";

/// A stream of events.
pub(super) const EVENTS: &str = "text/event-stream";

/// A stream of documents, one a line.
pub(super) const LINES: &str = "application/x-ndjson";

/// What bodies with JSON may call themselves. `curl -d` says that it sends a form.
const TAKEN_AS_JSON: [&[u8]; 5] = [
    JSON.as_bytes(),
    b"application/merge-patch+json",
    b"application/x-www-form-urlencoded",
    b"application/octet-stream",
    TEXT.as_bytes(),
];

/// A media type without its parameters.
fn essence(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

/// Refuses a body that says it is something other than JSON.
pub(super) fn check_json(head: &Head<'_>) -> Result<(), Problem> {
    let is_json = |media: &[u8]| TAKEN_AS_JSON.iter().any(|json| essence(media).eq_ignore_ascii_case(json));
    match head.values(&CONTENT_TYPE).all(is_json) {
        true => Ok(()),
        false => Err(Problem::UnsupportedMedia(JSON)),
    }
}

/// Whether a client wants lines where there is a document, too.
pub(super) fn wants_lines(head: &Head<'_>) -> bool {
    check_accepts(head, JSON).is_err() && check_accepts(head, LINES).is_ok()
}

/// Refuses a request for a representation that there is not (RFC 9110, section 12.5.1).
pub(super) fn check_accepts(head: &Head<'_>, media: &'static str) -> Result<(), Problem> {
    let (group, _) = media.split_once('/').unwrap_or_default();
    // The most specific range that matches decides.
    let mut best: Option<(u8, bool)> = None;
    let mut lines = head.values(&ACCEPT).peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    for range in lines.flat_map(|line| line.split(|byte| *byte == b',')) {
        let of = essence(range).to_ascii_lowercase();
        let rank = match &*of {
            of if of == media.as_bytes() => 3,
            of if of.strip_suffix(b"/*") == Some(group.as_bytes()) => 2,
            b"*/*" => 1,
            _ => continue,
        };
        let is_zero = |parameter: &[u8]| {
            let weight = parameter.trim_ascii().strip_prefix(b"q=");
            weight.is_some_and(|q| q.starts_with(b"0") && q.iter().all(|digit| b"0.".contains(digit)))
        };
        let wanted = !range.split(|byte| *byte == b';').skip(1).any(is_zero);
        if best.is_none_or(|(before, _)| rank > before) {
            best = Some((rank, wanted));
        }
    }
    match best {
        Some((_, true)) => Ok(()),
        _ => Err(Problem::NotAcceptable(media)),
    }
}
