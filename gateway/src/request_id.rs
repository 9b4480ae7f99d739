//! Ids of requests, by which a client, the access log and the diagnostics speak of the same request.

use std::cell::Cell;
use std::fmt;

/// Makes the ids of one worker. Each worker has a random prefix, so none needs to know of the others.
#[derive(Debug)]
pub(crate) struct Ids {
    prefix: u64,
    made: Cell<u64>,
}

/// An id that this server has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MadeId {
    prefix: u64,
    number: u64,
}

impl Default for Ids {
    fn default() -> Self {
        Self { prefix: rand::random(), made: Cell::new(0) }
    }
}

impl Ids {
    /// The next id. It is not text yet: most are never shown.
    #[inline]
    pub(crate) fn next(&self) -> MadeId {
        let number = self.made.get() + 1;
        self.made.set(number);
        MadeId { prefix: self.prefix, number }
    }
}

impl fmt::Display for MadeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The prefix has a fixed width, so different ids are different texts.
        write!(f, "{:016x}{:08x}", self.prefix, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_within_a_worker_and_between_workers() {
        let (one, other) = (Ids::default(), Ids::default());
        let made = [one.next(), one.next(), other.next(), other.next()].map(|id| id.to_string());
        assert!(made.iter().all(|id| id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit())), "{made:?}");
        assert_eq!(std::collections::BTreeSet::from(made).len(), 4);
    }
}
