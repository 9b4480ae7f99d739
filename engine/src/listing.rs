//! A listing of entries, slice by slice, while other threads go on.
//!
//! It goes through shards, and in each through value types and hashes, as a [`crate::Walk`] does. The place where a slice
//! ends is a hash, so it stays what it is while tables grow and shrink: an entry that is there during the whole listing is
//! listed exactly once. One that is created or deleted meanwhile is listed or not.

use proto::{Key, Micros, Value, ValueType};

use crate::engine::Engine;
use crate::expiry::Facts;

/// A slice ends before the values have more bytes than this, but for those of keys with the same hash.
const MAX_SLICE_BYTES: usize = 1 << 20;

/// Where a listing goes on: in a shard, at the entries of a type, from a hash on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the shard.
    pub shard: u32,
    /// The value type.
    pub ty: ValueType,
    /// The low 32 bits of a hash.
    pub from: u32,
}

/// An entry of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Its type.
    pub ty: ValueType,
    /// Its key.
    pub key: Box<str>,
    /// The stamp of its last write, and when it expires.
    pub facts: Facts,
    /// Its value, if it was wanted.
    pub value: Option<Value>,
}

impl Listed {
    /// Bytes of the key and of the value.
    pub fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Value::packed_bytes)
    }
}

/// A part of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// The entries, in the order of their hashes.
    pub entries: Vec<Listed>,
    /// How many entries were looked at.
    pub seen: usize,
    /// Where the next slice begins; `None` at the end.
    pub next: Option<Place>,
}

/// Which entries are listed.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// Of this type, or of all.
    pub ty: Option<ValueType>,
    /// Those whose keys begin so.
    pub prefix: &'w str,
    /// Whether their values are listed, too.
    pub values: bool,
}

impl Wanted<'_> {
    /// Where the listing begins.
    pub fn begin(&self) -> Place {
        Place { shard: 0, ty: self.ty.unwrap_or(ValueType::ALL[0]), from: 0 }
    }

    /// What comes after the entries of a type in a shard.
    fn after(&self, place: Place) -> Place {
        let next = ValueType::ALL.into_iter().find(|ty| *ty as u8 == place.ty as u8 + 1).filter(|_| self.ty.is_none());
        match next {
            Some(ty) => Place { ty, from: 0, ..place },
            None => Place { shard: place.shard + 1, ..self.begin() },
        }
    }
}

impl Engine {
    /// Lists entries from `place` on that have not expired at the time `at`: at most `limit`, and one more for each that has the same hash as the last one. Looks
    /// at about a thousand entries or 256 KiB, with one shard locked, so it may list fewer, or none.
    pub fn list(&self, wanted: &Wanted<'_>, place: Place, limit: usize, at: Micros) -> Slice {
        let mut slice = Slice { entries: Vec::new(), seen: 0, next: None };
        let Some(shard) = self.shards.get(place.shard as usize) else { return slice };
        let mut found: Vec<(u32, Listed)> = Vec::new();
        let mut visit = |key: Key<'_>, facts: Facts, value: &dyn Fn() -> Value| {
            slice.seen += 1;
            if key.as_str().starts_with(wanted.prefix) && !facts.have_expired(at) {
                let value = wanted.values.then(value);
                let listed = Listed { ty: place.ty, key: key.as_str().into(), facts, value };
                found.push((self.hash(key) as u32, listed));
            }
        };
        let next = shard.lock().list(place.ty, place.from.into(), self.env(), &mut visit);
        found.sort_by_key(|(hash, _)| *hash);
        // A slice ends where it has enough, as it does at the limit.
        let mut bytes = 0;
        let enough = found.iter().position(|(_, listed)| {
            bytes += listed.value.as_ref().map_or(0, Value::packed_bytes);
            bytes > MAX_SLICE_BYTES
        });
        let limit = enough.map_or(limit, |enough| limit.min(enough.max(1)));
        let last = limit.checked_sub(1).and_then(|last| found.get(last)).map(|(hash, _)| *hash);
        let listed = last.map_or(found.len(), |last| found.partition_point(|(hash, _)| *hash <= last));
        slice.next = match (found.get(listed), next) {
            (Some((hash, _)), _) => Some(Place { from: *hash, ..place }),
            (None, Some(from)) => Some(Place { from: from as u32, ..place }),
            (None, None) => Some(wanted.after(place)).filter(|next| (next.shard as usize) < self.shards.len()),
        };
        found.truncate(listed);
        slice.entries = found.into_iter().map(|(_, listed)| listed).collect();
        slice
    }
}
