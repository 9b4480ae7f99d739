//! What the headers of a request say about how it is carried out.

use hyper::header::HeaderName;

use super::head::Head;
use super::problem::Problem;
use crate::config::Durability;

/// Raises one request's durability above the server's.
const DURABILITY: HeaderName = HeaderName::from_static("kvs-durability");

/// For how long an entry lives after a write.
pub(super) const TTL: HeaderName = HeaderName::from_static("kvs-ttl");

/// The strongest durability that a line of the header requests. The header is for writes.
pub(super) fn durability(writes: bool, head: &Head<'_>) -> Result<Durability, Problem> {
    if !writes {
        return Ok(Durability::Async);
    }
    head.values(&DURABILITY).try_fold(Durability::Async, |strongest, asked| match asked {
        b"async" => Ok(strongest),
        b"sync" => Ok(Durability::Sync),
        _ => Err(Problem::Malformed("Kvs-Durability: expected sync or async".into())),
    })
}
