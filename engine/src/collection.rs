//! Maps and sets as slots store them: sorted trees that know their packed size.

use std::collections::{BTreeMap, BTreeSet};

use proto::{Strings, StringsBuf, packed_bytes};

/// Estimated memory of one tree item besides its text: two 16-byte pointers in a B-tree that is about two thirds full.
pub(crate) const ITEM_BYTES: usize = 48;

/// A map's fields and values.
#[derive(Clone, Debug, Default)]
pub(crate) struct MapValue {
    fields: BTreeMap<Box<str>, Box<str>>,
    packed: usize,
}

/// A set's members.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetValue {
    members: BTreeSet<Box<str>>,
    packed: usize,
}

impl MapValue {
    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(|value| &**value)
    }

    /// Packed size after [`MapValue::set`].
    pub(crate) fn packed_after_set(&self, field: &str, value: &str) -> usize {
        match self.get(field) {
            Some(old) => self.packed - old.len() + value.len(),
            None => self.packed + packed_bytes(field.len()) + packed_bytes(value.len()),
        }
    }

    /// Number of bytes by which [`MapValue::set`] increases [`MapValue::heap_bytes`].
    pub(crate) fn growth_after_set(&self, field: &str, value: &str) -> usize {
        let item = if self.get(field).is_some() { 0 } else { ITEM_BYTES };
        (self.packed_after_set(field, value) + item).saturating_sub(self.packed)
    }

    pub(crate) fn set(&mut self, field: &str, value: &str) {
        self.packed = self.packed_after_set(field, value);
        self.fields.insert(field.into(), value.into());
    }

    pub(crate) fn remove(&mut self, field: &str) {
        if let Some(value) = self.fields.remove(field) {
            self.packed -= packed_bytes(field.len()) + packed_bytes(value.len());
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.packed + self.fields.len() * ITEM_BYTES
    }

    pub(crate) fn pack(&self) -> StringsBuf {
        let mut list = StringsBuf::with_capacity(self.packed);
        for (field, value) in &self.fields {
            list.push(field);
            list.push(value);
        }
        list
    }
}

impl From<Strings<'_>> for MapValue {
    fn from(list: Strings<'_>) -> Self {
        let fields: BTreeMap<Box<str>, Box<str>> = list.pairs().map(|(f, v)| (f.into(), v.into())).collect();
        let packed = fields.iter().map(|(f, v)| packed_bytes(f.len()) + packed_bytes(v.len())).sum();
        Self { fields, packed }
    }
}

impl SetValue {
    pub(crate) fn contains(&self, member: &str) -> bool {
        self.members.contains(member)
    }

    pub(crate) fn packed(&self) -> usize {
        self.packed
    }

    /// Adds the members; returns how many were new.
    pub(crate) fn add(&mut self, members: Strings<'_>) -> u32 {
        let mut added = 0;
        for member in members.iter() {
            if self.members.insert(member.into()) {
                self.packed += packed_bytes(member.len());
                added += 1;
            }
        }
        added
    }

    /// Removes the members; returns how many were present.
    pub(crate) fn remove(&mut self, members: Strings<'_>) -> u32 {
        let mut removed = 0;
        for member in members.iter() {
            if self.members.remove(member) {
                self.packed -= packed_bytes(member.len());
                removed += 1;
            }
        }
        removed
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.packed + self.members.len() * ITEM_BYTES
    }

    pub(crate) fn pack(&self) -> StringsBuf {
        let mut list = StringsBuf::with_capacity(self.packed);
        self.members.iter().for_each(|member| list.push(member));
        list
    }
}

impl From<Strings<'_>> for SetValue {
    fn from(list: Strings<'_>) -> Self {
        let mut set = Self::default();
        set.add(list);
        set
    }
}
