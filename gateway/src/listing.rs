//! Pages of entries: slices of the engine's listing, until a page is full.

use engine::{Engine, Listed, Place, Wanted};
use proto::Micros;

use crate::access::Identity;

/// A page ends after so many entries were looked at.
const MAX_SEEN: usize = 20_000;

/// A page ends after so many bytes of keys and values.
const MAX_BYTES: usize = 1 << 20;

/// The entries of a page that this identity may read, and where the next page begins.
pub(crate) fn page(
    engine: &Engine,
    identity: &Identity,
    wanted: &Wanted<'_>,
    mut place: Place,
    limit: usize,
    at: Micros,
) -> (Vec<Listed>, Option<Place>) {
    let (mut entries, mut seen, mut bytes) = (Vec::new(), 0, 0);
    loop {
        let slice = engine.list(wanted, place, limit - entries.len(), at);
        seen += slice.seen + 1;
        for listed in slice.entries.into_iter().filter(|listed| identity.may_read(listed.ty, &listed.key)) {
            bytes += listed.bytes();
            entries.push(listed);
        }
        match slice.next {
            Some(next) if entries.len() < limit && seen < MAX_SEEN && bytes < MAX_BYTES => place = next,
            next => return (entries, next),
        }
    }
}
