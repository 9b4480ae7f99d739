//! When the entries of a table expire: an index beside the slots, so that an entry that does not expire pays nothing for it.
//!
//! An entry has expired as soon as the time of an operation has reached its deadline. From then on nobody finds it. It is
//! removed, with a record in the log, by the next write of it or by a sweep, whichever comes first.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use proto::Micros;

use crate::slots::Stamp;

/// Memory of an entry's deadline, in bytes: a slot of a hash map (26 bytes on average), and one of a B-tree (28).
pub(crate) const DEADLINE_BYTES: usize = 54;

/// The map of deadlines shrinks when it has room for so many times what it holds.
const SPARSE: usize = 4;

/// A time that never comes.
const NEVER: Micros = Micros::MAX;

/// When the entry of a write expires after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expires {
    /// Never after a put, which replaces the entry as a whole. After any other write, when it did before.
    #[default]
    AsUsual,
    /// Never.
    Never,
    /// At this time, or right after the write if that is later.
    At(Micros),
}

/// What is known of an entry besides its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The stamp of its last write.
    pub stamp: Stamp,
    /// When it expires; `None`: never.
    pub expires: Option<Micros>,
}

impl Facts {
    /// Whether the entry has expired at this time.
    pub fn have_expired(&self, at: Micros) -> bool {
        self.expires.is_some_and(|deadline| deadline <= at)
    }
}

/// The deadlines of a table's entries, by the numbers of their slots.
#[derive(Debug)]
pub(crate) struct Deadlines {
    of: HashMap<u32, Micros>,
    order: BTreeSet<(Micros, u32)>,
    /// The earliest one; [`NEVER`] if there are none.
    earliest: Micros,
}

impl From<Option<Micros>> for Expires {
    fn from(expires: Option<Micros>) -> Self {
        expires.map_or(Self::Never, Self::At)
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { of: HashMap::new(), order: BTreeSet::new(), earliest: NEVER }
    }
}

impl Deadlines {
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether any entry may have expired at this time.
    #[inline(always)]
    fn any_due(&self, at: Micros) -> bool {
        at >= self.earliest
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.earliest == NEVER
    }

    #[inline(always)]
    pub(crate) fn get(&self, slot: usize) -> Option<Micros> {
        if self.is_empty() { None } else { self.look_up(slot) }
    }

    #[cold]
    fn look_up(&self, slot: usize) -> Option<Micros> {
        self.of.get(&(slot as u32)).copied()
    }

    /// Whether the entry in this slot has expired at this time.
    #[inline(always)]
    pub(crate) fn is_due(&self, slot: usize, at: Micros) -> bool {
        self.any_due(at) && self.has_passed(slot, at)
    }

    #[cold]
    fn has_passed(&self, slot: usize, at: Micros) -> bool {
        self.get(slot).is_some_and(|deadline| deadline <= at)
    }

    /// The slot whose deadline is the earliest, if that is due at this time.
    pub(crate) fn first_due(&self, at: Micros) -> Option<usize> {
        self.order.first().filter(|(deadline, _)| *deadline <= at).map(|(_, slot)| *slot as usize)
    }

    /// Sets or removes the deadline of a slot; returns whether it had one.
    pub(crate) fn set(&mut self, slot: usize, expires: Option<Micros>) -> bool {
        let slot = slot as u32;
        let expires = expires.map(|deadline| deadline.min(NEVER - 1));
        let before = match expires {
            Some(deadline) => self.of.insert(slot, deadline),
            None => self.of.remove(&slot),
        };
        if let Some(before) = before {
            self.order.remove(&(before, slot));
        }
        if let Some(deadline) = expires {
            self.order.insert((deadline, slot));
        }
        if expires.is_none() && self.of.len() * SPARSE < self.of.capacity() {
            // Gives memory back.
            self.of.shrink_to(self.of.len() * 2);
        }
        self.earliest = self.order.first().map_or(NEVER, |(deadline, _)| *deadline);
        before.is_some()
    }

    /// The deadlines after the entries have moved to other slots.
    pub(crate) fn moved(self, moves: impl Iterator<Item = (usize, usize)>) -> Self {
        let of: HashMap<u32, Micros> = moves.filter_map(|(from, to)| Some((to as u32, self.get(from)?))).collect();
        let order = of.iter().map(|(slot, deadline)| (*deadline, *slot)).collect();
        Self { of, order, earliest: self.earliest }
    }
}
