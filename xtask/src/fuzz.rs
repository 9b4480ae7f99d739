//! Fuzzing of what reads the bytes of others: libFuzzer, guided by coverage, over the targets in `fuzz/`; then a running
//! kvs, which gets random and corrupted requests over real connections.
//!
//! `cargo fuzz` needs a nightly compiler for its sanitizers. The counters that guide the fuzzer are an LLVM pass, which
//! the stable compiler has too. The sanitizers look for errors that need `unsafe`, and the code under test has none.

use std::process::Command;

use crate::{Failed, cargo, root, step};

/// Turns the targets on; they are linked with libFuzzer.
pub(crate) const FEATURE: &str = "fuzz/libfuzzer";

/// How long CI runs each target.
const CI_SECONDS: u32 = 8;

/// Runs the targets whose names have this part for this time each.
pub(crate) fn targets(part: &str, seconds: u32) -> Result<(), Failed> {
    let mut test = cargo();
    // The whole workspace, like every other build of it: the crates that it does not write itself are built already.
    test.args(["test", "--workspace", "--features", FEATURE, "--test", "fuzz"]);
    test.args(["--", "--nocapture", "--test-threads=1", part]);
    // Only the crates of the workspace have counters. What is built with a wrapper does not replace what is built without.
    test.env("RUSTC_WORKSPACE_WRAPPER", root().join("fuzz/rustc.sh"));
    step(test.env("KVS_FUZZ_SECONDS", seconds.to_string()))
}

/// Runs the targets, and then a kvs, for this time each.
pub(crate) fn run(part: &str, seconds: u32) -> Result<(), Failed> {
    targets(part, seconds)?;
    if !part.is_empty() {
        return Ok(());
    }
    let test = ["test", "--workspace", "--test", "frames", "--", "--nocapture", "spoilt::random"];
    step(cargo().args(test).env("KVS_FUZZ_SECONDS", seconds.to_string()))
}

/// Runs each target for some seconds, where there is a C++ compiler.
pub(crate) fn run_if_possible() -> Result<(), Failed> {
    if !possible() {
        eprintln!("xtask: there is no C++ compiler (c++), which libFuzzer needs: nothing is fuzzed");
        return Ok(());
    }
    targets("", CI_SECONDS)
}

/// Whether libFuzzer can be compiled.
pub(crate) fn possible() -> bool {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    Command::new(compiler).arg("--version").output().is_ok_and(|output| output.status.success())
}
