//! Server messages: a stream of frames, and one frame whose length is valid.

#![no_main]

#[path = "../../proto/tests/frames/check.rs"]
#[allow(dead_code)] // Each target uses its half.
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check::replies(bytes);
    check::reply(&check::with_length(bytes));
});
