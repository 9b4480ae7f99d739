//! `Idempotency-Key`: a request that may be sent again, and is carried out once (draft-ietf-httpapi-idempotency-key-header).

use arrayvec::ArrayVec;
use hyper::header::{HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use proto::IdempotencyKey;
use proto::limits::MAX_IDEMPOTENCY_KEY_BYTES;

use super::head::Head;
use super::options::TTL;
use super::problem::Problem;
use super::response::Response;
use crate::once::AskedOnce;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The response is that to an earlier request with the same key; this one has done nothing.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// The headers that say what a request does. Others, such as the durability, do not make it another one.
const MEANING: [HeaderName; 3] = [IF_MATCH, IF_NONE_MATCH, TTL];

/// The idempotency key of a request, if it has one. The header is for writes.
pub(super) fn of<'h>(writes: bool, head: &Head<'h>, body: &[u8]) -> Result<Option<AskedOnce<'h>>, Problem> {
    if !writes {
        return Ok(None);
    }
    let lines: ArrayVec<&[u8], 2> = head.values(&KEY).take(2).collect();
    let Some(line) = lines.first() else { return Ok(None) };
    let key = parse(line).filter(|_| lines.len() == 1).ok_or_else(|| {
        Problem::Malformed(format!(
            "Idempotency-Key: expected it once, with 1 to {MAX_IDEMPOTENCY_KEY_BYTES} visible ASCII characters, in quotes or not"
        ))
    })?;
    let meaning = MEANING.each_ref().map(|name| head.values(name).collect::<Vec<_>>().join(&b'\n'));
    let query = head.query.unwrap_or_default();
    let parts = [b"rest", head.method.as_str().as_bytes(), head.path.as_bytes(), query.as_bytes()];
    let parts = parts.into_iter().chain(meaning.iter().map(Vec::as_slice)).chain([body]);
    Ok(Some(AskedOnce::new(key, parts)))
}

/// The key of a line: a string of RFC 9651 without escapes, or the same without its quotes.
fn parse(line: &[u8]) -> Option<IdempotencyKey<'_>> {
    let inner = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let is_plain = |key: &[u8]| !key.iter().any(|byte| b"\"\\".contains(byte));
    IdempotencyKey::new(inner.unwrap_or(line)).filter(|key| is_plain(key.as_str().as_bytes()))
}

/// The response to a request that may be a replay.
pub(super) fn told(replayed: bool, response: Response) -> Response {
    if replayed { response.with(REPLAYED, TRUE) } else { response }
}

/// The response to a request with a key that has been carried out: also that there was nothing to delete is kept for it.
pub(super) fn kept(
    replayed: bool,
    response: Result<Response, Problem>,
    refuse: impl FnOnce(Problem) -> Response,
) -> Response {
    told(replayed, response.unwrap_or_else(refuse))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_quotes_and_without() {
        let key = |line: &'static str| parse(line.as_bytes()).map(IdempotencyKey::as_str);
        assert_eq!(key("8e03978e-40d5-43dd-bc93-6894a57f9324"), Some("8e03978e-40d5-43dd-bc93-6894a57f9324"));
        assert_eq!(key("\"a!~\""), Some("a!~"));
        let longest = "x".repeat(64).leak();
        assert_eq!(key(longest), Some(&*longest));
        for line in
            ["", "\"\"", "\"", "\"a", "a\"", "a b", "\"a b\"", "\"a\\\\\"", "a\\", "é", "a\x7f", "x".repeat(65).leak()]
        {
            assert_eq!(key(line), None, "{line}");
        }
    }
}
