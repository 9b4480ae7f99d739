//! The keys of one value type and their numbers, so that a row is written without asking the database.

use std::hash::{BuildHasher, Hasher};

use ahash::RandomState;
use hashbrown::HashTable;

/// Most keys of one type: numbers beyond are not expected, and not reserved for.
const MAX_KEYS: usize = u32::MAX as usize;

/// Most numbers between two keys that the database may lack.
const MAX_GAP: usize = 1 << 20;

/// Keys by number and numbers by key. The numbers go from 1 without holes, in the order in which keys were first used.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The key of number `n` is at `n - 1`. Empty, which no key is, where the database has none.
    names: Vec<Box<str>>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

/// A key and its number, as it was found or given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbered {
    /// It has had this number before.
    Known(i64),
    /// It has just got this number.
    New(i64),
    /// There are no more numbers.
    Full,
}

impl Keys {
    /// The number of `key`; a new key gets the next one.
    pub(super) fn number_of(&mut self, key: &str) -> Numbered {
        let Self { names, numbers, hasher } = self;
        let hash = hash(hasher, key);
        if let Some(&number) = numbers.find(hash, |&number| *names[number as usize - 1] == *key) {
            return Numbered::Known(i64::from(number));
        }
        if names.len() == MAX_KEYS {
            return Numbered::Full;
        }
        names.push(key.into());
        let number = names.len() as u32;
        numbers.insert_unique(hash, number, |&number| hash_of(hasher, names, number));
        Numbered::New(i64::from(number))
    }

    /// The key that has this number.
    #[cfg(test)]
    pub(super) fn name(&self, number: i64) -> Option<&str> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.names.get(index).map(|name| &**name).filter(|name| !name.is_empty())
    }

    /// The highest number that was given.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Forgets every key with a number beyond `len`: it did not become durable.
    pub(super) fn truncate(&mut self, len: usize) {
        let Self { names, numbers, hasher } = self;
        while names.len() > len {
            let number = names.len() as u32;
            let hash = hash_of(hasher, names, number);
            if let Ok(entry) = numbers.find_entry(hash, |&found| found == number) {
                entry.remove();
            }
            names.pop();
        }
    }

    /// Takes over a key that the database has, numbers ascending. `None` if the number is not one that this program gives.
    pub(super) fn restore(&mut self, number: i64, key: &str) -> Option<()> {
        let index = usize::try_from(number.checked_sub(1)?)
            .ok()
            .filter(|index| *index < MAX_KEYS && *index < self.names.len() + MAX_GAP)?;
        let Self { names, numbers, hasher } = self;
        if names.len() <= index {
            names.resize(index + 1, Box::default());
        }
        names[index] = key.into();
        numbers.insert_unique(hash(hasher, key), number as u32, |&number| hash_of(hasher, names, number));
        Some(())
    }
}

fn hash_of(hasher: &RandomState, names: &[Box<str>], number: u32) -> u64 {
    hash(hasher, &names[number as usize - 1])
}

fn hash(hasher: &RandomState, key: &str) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(key.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_once_and_again_after_they_were_forgotten() {
        let mut keys = Keys::default();
        assert_eq!(keys.number_of("a"), Numbered::New(1));
        assert_eq!(keys.number_of("b"), Numbered::New(2));
        assert_eq!(keys.number_of("a"), Numbered::Known(1));
        keys.truncate(1);
        assert_eq!((keys.name(1), keys.name(2), keys.name(0), keys.name(-1)), (Some("a"), None, None, None));
        assert_eq!(keys.number_of("c"), Numbered::New(2));
        assert_eq!(keys.number_of("b"), Numbered::New(3));
    }

    #[test]
    fn what_the_database_has_keeps_its_number() {
        let mut keys = Keys::default();
        assert_eq!((keys.restore(1, "a"), keys.restore(3, "c"), keys.restore(0, "x")), (Some(()), Some(()), None));
        assert_eq!(keys.restore(4_000_000_000, "far"), None);
        assert_eq!((keys.name(2), keys.name(3)), (None, Some("c")));
        assert_eq!(keys.number_of("c"), Numbered::Known(3));
        assert_eq!(keys.number_of("b"), Numbered::New(4));
    }
}
