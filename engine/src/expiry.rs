//! When the entries of a table expire: an index beside the slots, so that an entry that does not expire pays nothing for it.
//!
//! An entry has expired as soon as the time of an operation has reached its deadline. From then on nobody finds it. It is
//! removed, with a record in the log, by the next write of it or by a sweep, whichever comes first.

use std::collections::{BTreeMap, BTreeSet};

use proto::Micros;

use crate::slots::{SlotIndex, Stamp};

/// Memory of an entry's deadline in the two trees, in bytes.
pub(crate) const DEADLINE_BYTES: usize = 54;

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

/// The deadlines of a table's entries. Trees, since a hash map would stop everything to grow.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Deadlines {
    /// The earliest one; [`NEVER`] if there are none. All that a lookup reads.
    earliest: Micros,
    of: BTreeMap<SlotIndex, Micros>,
    order: BTreeSet<(Micros, SlotIndex)>,
}

impl From<Option<Micros>> for Expires {
    fn from(expires: Option<Micros>) -> Self {
        expires.map_or(Self::Never, Self::At)
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { of: BTreeMap::new(), order: BTreeSet::new(), earliest: NEVER }
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
    pub(crate) fn get(&self, slot: SlotIndex) -> Option<Micros> {
        if self.is_empty() { None } else { self.look_up(slot) }
    }

    #[cold]
    fn look_up(&self, slot: SlotIndex) -> Option<Micros> {
        self.of.get(&slot).copied()
    }

    /// Whether the entry in this slot has expired at this time.
    #[inline(always)]
    pub(crate) fn is_due(&self, slot: SlotIndex, at: Micros) -> bool {
        self.any_due(at) && self.has_passed(slot, at)
    }

    #[cold]
    fn has_passed(&self, slot: SlotIndex, at: Micros) -> bool {
        self.get(slot).is_some_and(|deadline| deadline <= at)
    }

    /// The slot whose deadline is the earliest, if that is due at this time.
    pub(crate) fn first_due(&self, at: Micros) -> Option<SlotIndex> {
        self.order.first().filter(|(deadline, _)| *deadline <= at).map(|(_, slot)| *slot)
    }

    /// Sets or removes the deadline of a slot; returns whether it had one.
    pub(crate) fn set(&mut self, slot: SlotIndex, expires: Option<Micros>) -> bool {
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
        self.earliest = self.order.first().map_or(NEVER, |(deadline, _)| *deadline);
        before.is_some()
    }

    /// The entry of a slot has moved to another one.
    #[inline]
    pub(crate) fn follow(&mut self, from: SlotIndex, to: SlotIndex) {
        if let deadline @ Some(_) = self.get(from) {
            self.set(from, None);
            self.set(to, deadline);
        }
    }
}
