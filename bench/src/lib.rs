//! Code shared by the benchmarks: keys and their order.
//!
//! `cargo bench -p bench` runs them all. `bench/RESULTS.md` has the results and how they were made.

use proto::{Key, Op, ValueRef, ValueType};

/// Distinct keys: the working set is far larger than the caches.
pub const KEYS: usize = 1_000_000;

/// Operations per batch in the batched cases.
pub const BATCH: usize = 64;

/// All keys, 16 bytes each, in a scattered order, so that successive operations have no locality.
pub fn keys() -> Vec<String> {
    // 2 to the 64 divided by the golden ratio: multiples are spread evenly (Knuth, TAOCP volume 3, 6.4).
    (0..KEYS as u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect()
}

/// `key` as an engine key.
pub fn key(key: &str) -> Key<'_> {
    Key::new(key.as_bytes()).expect("benchmark keys are valid")
}

/// Reads the int under `name`.
pub fn get(name: &str) -> Op<'_> {
    Op::Get { ty: ValueType::Int, key: key(name) }
}

/// Stores an int under `name`.
pub fn put(name: &str, value: i32) -> Op<'_> {
    Op::Put { key: key(name), value: ValueRef::Int(value) }
}
