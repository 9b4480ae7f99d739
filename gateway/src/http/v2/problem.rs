//! Errors as `application/problem+json` (RFC 9457), and the pages that their types lead to.

use bytes::Bytes;
use proto::{Refusal, Trace};
use serde_json::{Map, Value as Json};

use crate::http::problem::Problem;
use crate::http::response::Response;

/// Where problems are explained, before their names.
pub(in crate::http) const PROBLEMS: &str = "/v2/problems/";

/// A type of problem: its name, its title, and what its page says.
type Kind = (&'static str, &'static str, &'static str);

/// Every type.
const KINDS: [Kind; 24] = [
    ("malformed", "Malformed request", "The request does not have the form that docs/rest-v2.md describes."),
    ("unauthenticated", "No valid token", "This needs a valid token, in the header Authorization: Bearer TOKEN."),
    (
        "forbidden",
        "Not allowed",
        "The identity's scopes, value types or key prefix do not include this, or the page is of another site.",
    ),
    ("no-path", "No such path", "The server has no such path."),
    ("no-entry", "No such entry", "There is no entry of this type and key, or it has no such field or member."),
    ("wrong-method", "Wrong method", "The header Allow names the methods of this path."),
    ("not-acceptable", "Not acceptable", "The header Accept excludes the only representation that there is."),
    ("too-slow", "Too slow", "The body came too slowly."),
    ("overflow", "Overflow", "The increment would lead beyond what the type can hold. Nothing has changed."),
    ("limit", "Counter limit", "The increment would lead beyond the min or max of the request. Nothing has changed."),
    ("gone", "Gone", "The cursor or token is of another log, or of a server that has been started again. Begin anew."),
    (
        "no-longer-kept",
        "No longer kept",
        "The log no longer keeps the changes after this token. Begin anew with a listing; or go on after the token in oldest, \
         without those in between.",
    ),
    ("no-log", "No log", "The server runs without a log (--log off), and has no feed."),
    (
        "condition",
        "Condition failed",
        "If-Match, If-None-Match or a condition of the batch does not hold. Nothing has changed. etag and value are those of the present entry.",
    ),
    (
        "too-large",
        "Too large",
        "The body, the value, the number of operations or the response is beyond a limit of the server.",
    ),
    ("unsupported-media-type", "Unsupported media type", "The body has a type that this path does not take."),
    ("wrong-host", "Wrong host", "The header Host is a name that this server does not accept."),
    (
        "not-representable",
        "Not representable",
        "The value is well-formed, but cannot be stored: out of range, not finite, or with NUL in it.",
    ),
    (
        "key-reused",
        "Idempotency key reused",
        "The Idempotency-Key was used for another request. Nothing has changed. Use a new key for each request.",
    ),
    (
        "too-many-keys",
        "Too many idempotency keys",
        "The server keeps as many idempotency keys as it may. Nothing has happened. Try again later, or without a key.",
    ),
    ("too-many-attempts", "Too many attempts", "Too many wrong tokens have come from this address."),
    ("not-implemented", "Not implemented", "The server does not have this part of HTTP."),
    ("unavailable", "Unavailable", "It cannot be done now; nothing has happened. Retry-After says when to try again."),
    (
        "outcome-unknown",
        "Outcome unknown",
        "The log has not confirmed the write: it may or may not have happened. With an Idempotency-Key, send the same request again; without one, ask before you repeat it.",
    ),
];

fn name(problem: &Problem) -> &'static str {
    match problem {
        Problem::Malformed(_) | Problem::BadMessage(_) | Problem::UriTooLong => "malformed",
        Problem::UnknownHost(_) => "wrong-host",
        Problem::OtherSite(_) => "forbidden",
        Problem::NoSuchPath(_) => "no-path",
        Problem::WrongMethod(_) => "wrong-method",
        Problem::NotRepresentable(_) => "not-representable",
        Problem::NotImplemented => "not-implemented",
        Problem::BodyTooLarge { .. } | Problem::TooMany(_) => "too-large",
        Problem::TooSlow => "too-slow",
        Problem::NoEntry(_) | Problem::NoField { .. } => "no-entry",
        Problem::TooManyConnections | Problem::OddClock | Problem::NotYet | Problem::NotDurable => "unavailable",
        Problem::Condition { .. } => "condition",
        Problem::Limit { .. } => "limit",
        Problem::Gone(_) => "gone",
        Problem::NoLongerKept { .. } => "no-longer-kept",
        Problem::NoLog => "no-log",
        Problem::NotAcceptable(_) => "not-acceptable",
        Problem::UnsupportedMedia(_) => "unsupported-media-type",
        Problem::InBatch { problem, .. } => name(problem),
        Problem::Refused(refusal) => match refusal {
            Refusal::Overflow { .. } => "overflow",
            Refusal::TooLarge(_) | Refusal::ResponseTooLarge | Refusal::OutcomeTooLarge(_) => "too-large",
            Refusal::KeyReused => "key-reused",
            Refusal::Unauthenticated => "unauthenticated",
            Refusal::Forbidden => "forbidden",
            Refusal::TooManyAttempts => "too-many-attempts",
            Refusal::OutcomeUnknown => "outcome-unknown",
            Refusal::Memory { .. }
            | Refusal::RequestMemory
            | Refusal::ResponseMemory
            | Refusal::LogBehind { .. }
            | Refusal::LogClosed(_)
            | Refusal::LogDown
            | Refusal::LogFailed
            | Refusal::Fenced => "unavailable",
            Refusal::TooManyKeys { .. } => "too-many-keys",
        },
    }
}

fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|(of, ..)| *of == name)
}

/// The page of a type of problem.
pub(in crate::http) fn page(of: &str) -> Result<Response, Problem> {
    let (_, title, text) = kind(of).ok_or(Problem::NoSuchPath("the name of a problem"))?;
    Ok(Response::text(format!("{title}\n\n{text}\n")))
}

/// What the document of a problem says.
pub(super) fn document(problem: &Problem) -> Map<String, Json> {
    let name = name(problem);
    let mut document = Map::new();
    let mut put = |name: &str, value: Json| drop(document.insert(name.into(), value));
    put("type", format!("{PROBLEMS}{name}").into());
    put("title", kind(name).map_or("", |(_, title, _)| title).into());
    put("status", problem.status().as_u16().into());
    put("detail", problem.to_string().into());
    let mut inner = problem;
    if let Problem::InBatch { place, number, problem } = problem {
        put(place, (*number).into());
        inner = problem;
    }
    match inner {
        Problem::Condition { etag, value } => {
            etag.iter().for_each(|etag| put("etag", etag.as_str().into()));
            value.iter().for_each(|value| put("value", value.clone()));
        }
        Problem::NoLongerKept { oldest } => put("oldest", oldest.as_str().into()),
        Problem::Limit { before } => put("value", (*before).into()),
        Problem::BodyTooLarge { limit } | Problem::TooMany(limit) => put("limit", (*limit).into()),
        _ => {}
    }
    let outcome = match problem.trace() {
        Trace::None => "none",
        Trace::Unknown => "unknown",
    };
    put("outcome", outcome.into());
    if let Some(pause) = problem.retry_after() {
        put("retry_after_ms", (pause.as_millis() as u64).into());
    }
    document
}

/// The response to a request that has failed.
pub(in crate::http) fn refuse(problem: Problem) -> Response {
    let body: Bytes = Json::Object(document(&problem)).to_string().into();
    problem.with_headers(Response::problem(body).with_status(problem.status()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_page() {
        let problems = [
            Problem::NotImplemented,
            Problem::TooSlow,
            Problem::Condition { etag: None, value: None },
            Problem::Gone("x"),
            Problem::NoLongerKept { oldest: String::new() },
            Problem::NoLog,
            Refusal::OutcomeUnknown.into(),
            Refusal::LogDown.into(),
            Refusal::KeyReused.into(),
            Refusal::TooManyKeys { keys: 1, bytes: 1 }.into(),
        ];
        for problem in problems {
            assert!(page(name(&problem)).is_ok(), "{problem}");
        }
        assert!(page("nothing").is_err());
    }

    #[test]
    fn a_document_tells_what_has_become_of_the_request() {
        let document = document(&Refusal::OutcomeUnknown.into());
        assert_eq!(document["type"], "/v2/problems/outcome-unknown");
        assert_eq!((&document["status"], &document["outcome"]), (&504.into(), &"unknown".into()));
    }
}
