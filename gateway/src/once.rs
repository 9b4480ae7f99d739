//! Idempotency keys as requests have them, over any protocol: whose they are, and which request each belongs to.

use engine::Once;
use proto::{Fingerprint, IdempotencyKey, Key};
use sha2::{Digest, Sha256};

use crate::access::Identity;

/// The idempotency key of a request, or of an operation of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedOnce<'k> {
    key: IdempotencyKey<'k>,
    /// The number of the operation, if each is carried out by itself.
    operation: Option<usize>,
    fingerprint: Fingerprint,
}

impl<'k> AskedOnce<'k> {
    /// The key of a request that consists of these parts.
    pub(crate) fn new<'p>(key: IdempotencyKey<'k>, parts: impl IntoIterator<Item = &'p [u8]>) -> Self {
        Self { key, operation: None, fingerprint: fingerprint(parts) }
    }

    /// The key of the operation with this number.
    pub(crate) fn of_operation(self, number: usize) -> Self {
        Self { operation: Some(number), ..self }
    }

    /// Calls `transact` with the key as it is kept for this identity. No two identities have the same one, because names and keys
    /// have no spaces.
    pub(crate) fn of<T>(&self, identity: &Identity, transact: impl FnOnce(&Once<'_>) -> T) -> T {
        let mut key = format!("{} {}", identity.name(), self.key.as_str());
        if let Some(number) = self.operation {
            key += &format!(" {number}");
        }
        let key = Key::new(key.as_bytes()).expect("a name, an idempotency key and a number are shorter than a key");
        transact(&Once { key, fingerprint: &self.fingerprint })
    }
}

/// The first 16 bytes of the SHA-256 (FIPS 180-4) of the parts, each with its length before it. It is the same in every version of
/// the program, because logs have it.
fn fingerprint<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    *hash.first_chunk().expect("it has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_never_changes_and_tells_where_parts_end() {
        let hex = |parts: &[&[u8]]| -> String {
            fingerprint(parts.iter().copied()).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        assert_eq!(hex(&[b"PUT", b"/v2/int/k", b"7"]), FIXED);
        assert_ne!(hex(&[b"ab", b"c"]), hex(&[b"a", b"bc"]));
        assert_ne!(hex(&[b"a"]), hex(&[b"a", b""]));
    }

    const FIXED: &str = "8c6fe50afb9133ab9f70e9fd5a8d77e0";
}
