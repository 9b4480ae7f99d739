//! The ids of keys, so that most rows are written without a query.
//!
//! The writer assigns the ids: for each type they increase by one, in the order in which keys were first used. The cache has
//! the ids of recently used keys. As long as it has never dropped one, it knows all of them, and an unknown key is new. After
//! that, the unknown keys of a group are looked up together, within the group's transaction (`commit.rs`).

use std::hash::{Hash, Hasher};

use compact_str::CompactString;
use hashbrown::Equivalent;

use super::generations::{Generations, heap_bytes};
use super::tables::TYPES;

/// Default memory for the ids of keys, in bytes: about 900 000 keys of up to 23 bytes, or 400 000 of 64. A reader uses
/// as much for the names of keys.
pub(super) const DEFAULT_KEY_CACHE_BYTES: usize = 64 << 20;

/// A key, followed by a byte for its type, the index in the list of tables. So an entry of the cache takes 32 bytes,
/// and a lookup touches one cache line besides the table's tags.
#[derive(Debug, PartialEq, Eq)]
struct OwnedKey(CompactString);

/// The same, borrowed: type and key.
#[derive(Clone, Copy)]
struct KeyRef<'a>(u8, &'a str);

impl OwnedKey {
    fn parts(&self) -> (u8, &[u8]) {
        let (ty, key) = self.0.as_bytes().split_last().expect("there is a type");
        (*ty, key)
    }
}

impl From<KeyRef<'_>> for OwnedKey {
    fn from(KeyRef(ty, key): KeyRef<'_>) -> Self {
        let mut text = CompactString::with_capacity(key.len() + 1);
        text.push_str(key);
        text.push(char::from(ty));
        Self(text)
    }
}

impl KeyRef<'_> {
    fn heap_bytes(self) -> usize {
        heap_bytes(self.1.len() + 1)
    }
}

impl Hash for OwnedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (ty, key) = self.parts();
        state.write(key);
        state.write_u8(ty);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.1.as_bytes());
        state.write_u8(self.0);
    }
}

impl Equivalent<OwnedKey> for KeyRef<'_> {
    fn equivalent(&self, key: &OwnedKey) -> bool {
        (self.0, self.1.as_bytes()) == key.parts()
    }
}

const _: () = assert!(TYPES < 128, "a type is one byte of UTF-8");

/// What is known about a key's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyId {
    /// It has this id.
    Known(i64),
    /// It is new, and was just assigned this id.
    New(i64),
    /// Only the database may know it.
    Unknown,
}

/// The ids of recently used keys, and the next ids.
#[derive(Debug)]
pub(super) struct KeyIds {
    cache: Generations<OwnedKey, i64>,
    /// For each type, the id of the next new key.
    pub(super) next: [i64; TYPES],
    /// Whether the cache was loaded without some of the database's keys.
    lacks_some: bool,
}

impl KeyIds {
    pub(super) fn new(budget: usize) -> Self {
        Self { cache: Generations::new(budget), next: [1; TYPES], lacks_some: false }
    }

    /// Forgets the ids from `next` on.
    pub(super) fn rewind(&mut self, next: [i64; TYPES]) {
        self.next = next;
        self.cache.retain(|key, id| *id < next[usize::from(key.parts().0)], |key, _| heap_bytes(key.0.len()));
    }

    /// The id of a key. A key that is known to be new gets the next id.
    pub(super) fn id_of(&mut self, ty: usize, key: &str) -> KeyId {
        let known = KeyRef(ty as u8, key);
        if let Some(id) = self.cache.get(&known, known.heap_bytes()) {
            return KeyId::Known(id);
        }
        if !self.knows_all() {
            return KeyId::Unknown;
        }
        let id = self.next[ty];
        self.next[ty] += 1;
        self.insert(ty, key, id);
        KeyId::New(id)
    }

    /// Adds a key of the database.
    pub(super) fn insert(&mut self, ty: usize, key: &str, id: i64) {
        let key = KeyRef(ty as u8, key);
        self.cache.insert(key.into(), id, key.heap_bytes());
    }

    /// Whether every key of the database is known.
    pub(super) fn knows_all(&self) -> bool {
        !self.lacks_some && !self.cache.has_dropped()
    }

    /// Records that the database has keys that were not added.
    pub(super) fn lack_some(&mut self) {
        self.lacks_some = true;
    }

    /// Memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.cache.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_given_once_and_again_after_they_were_forgotten() {
        let mut ids = KeyIds::new(1 << 20);
        assert_eq!(ids.id_of(0, "a"), KeyId::New(1));
        assert_eq!(ids.id_of(0, "b"), KeyId::New(2));
        assert_eq!(ids.id_of(1, "b"), KeyId::New(1));
        assert_eq!(ids.id_of(0, "a"), KeyId::Known(1));
        ids.rewind([2, 2, 1, 1, 1, 1]);
        assert_eq!(ids.id_of(0, "c"), KeyId::New(2));
        assert_eq!(ids.id_of(0, "b"), KeyId::New(3));
        assert_eq!(ids.id_of(1, "b"), KeyId::Known(1));
    }

    #[test]
    fn when_a_key_has_been_dropped_the_database_is_asked() {
        let mut ids = KeyIds::new(1 << 10);
        let given: Vec<KeyId> = (0..100).map(|n| ids.id_of(0, &format!("key {n}"))).collect();
        assert_eq!((given[0], given[99]), (KeyId::New(1), KeyId::Unknown));
        ids.insert(0, "key 99", 100);
        assert_eq!((ids.id_of(0, "key 99"), ids.id_of(0, "key 0")), (KeyId::Known(100), KeyId::Unknown));
    }
}
