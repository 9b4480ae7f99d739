//! Fuzzing of what reads the bytes of others: libFuzzer, guided by coverage, over the targets in `fuzz/`; then a running
//! kvs, which gets random and corrupted requests over real connections.
//!
//! `cargo fuzz` needs a nightly compiler for its sanitizers. The counters that guide the fuzzer are an LLVM pass, which
//! the stable compiler has too. The sanitizers look for errors that need `unsafe`, and the code under test has none.
//!
//! Each target begins with its corpus in `fuzz/corpus`, which `fuzz/seeds` makes, or with the vectors of its side; and with
//! what earlier runs found.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::{Failed, cargo, root, step};

/// Each target.
const TARGETS: [&str; 7] = ["requests", "replies", "batches", "segments", "transactions", "rest", "identities"];

/// The side whose messages a target reads, as marked in `proto/frames.vectors`.
fn side(target: &str) -> Option<char> {
    match target {
        "requests" => Some('>'),
        "replies" => Some('<'),
        _ => None,
    }
}

/// Counters at every edge, and traced comparisons, so that the fuzzer finds magic numbers.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// Largest input in bytes: enough for several frames with lists in them, and small enough for many runs.
const MAX_LEN: usize = 4096;

/// Builds every target and runs each for this time, then a kvs for the same time.
pub(crate) fn run(seconds: u32) -> Result<(), Failed> {
    let (folder, host) = (root().join("target/fuzz"), host()?);
    // With an explicit target, the flags do not apply to build scripts, which could not be linked with them.
    let mut build = cargo();
    build.current_dir(root().join("fuzz")).args(["build", "--release", "--locked", "--target", &host]);
    build.arg("--target-dir").arg(&folder).env("RUSTFLAGS", FLAGS.join(" "));
    step(&mut build)?;
    for target in TARGETS {
        let found = folder.join("corpus").join(target);
        std::fs::create_dir_all(&found).map_err(|e| format!("{}: {e}", found.display()))?;
        if let Some(side) = side(target) {
            seed(&found, side)?;
        }
        fuzz(&folder.join(&host).join("release").join(target), &found, seconds)?;
    }
    // The test profile: with debug assertions and overflow checks.
    let test = ["test", "--package", "gateway", "--test", "frames", "--", "--nocapture", "spoilt::random"];
    step(cargo().args(test).env("KVS_FUZZ_SECONDS", seconds.to_string()))
}

/// The compiler's own target.
fn host() -> Result<String, Failed> {
    let output = Command::new("rustc").arg("-vV").stderr(Stdio::inherit()).output();
    let output = output.map_err(|e| format!("rustc -vV: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or_else(|| format!("rustc -vV names no host: {text}"))?.to_string())
}

/// Puts every vector of one side into the corpus, which also keeps what earlier runs found.
fn seed(corpus: &Path, from: char) -> Result<(), Failed> {
    let file = root().join("proto/frames.vectors");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with(from)) {
        let bytes = line.rsplit(" | ").next().and_then(bytes);
        let bytes = bytes.ok_or_else(|| format!("{}:{}: no bytes in hexadecimal", file.display(), number + 1))?;
        let seed = corpus.join(format!("vector-{}", number + 1));
        std::fs::write(&seed, bytes).map_err(|e| format!("{}: {e}", seed.display()))?;
    }
    Ok(())
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: String = hex.split(' ').collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Runs a target. If it crashes, the error names the input that crashes it. A target may also fail without one.
fn fuzz(target: &Path, found: &Path, seconds: u32) -> Result<(), Failed> {
    let crashes = crashes_beside(found)?;
    let before = newest(&crashes);
    let mut run = Command::new(target);
    run.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={MAX_LEN}"));
    // An input that takes this many seconds, or a process of this many MiB, also counts as a crash.
    run.args(["-timeout=5", "-rss_limit_mb=512", "-print_final_stats=1", "-verbosity=0"]);
    // New inputs go to the first folder; the others are only read.
    run.arg(format!("-artifact_prefix={}/", crashes.display())).arg(found).args(kept(found));
    step(&mut run).map_err(|Failed(why)| {
        // Files that were there before are from another run.
        match newest(&crashes).filter(|newest| Some(newest) != before.as_ref()) {
            Some((_, input)) => {
                let (target, input) = (target.display(), input.display());
                Failed(format!("{why}\n  the input that crashes it: {input}\n  to repeat: {target} {input}"))
            }
            None => Failed(format!("{why}\n  it left no input that crashes it")),
        }
    })
}

/// The corpus of the same target that is kept with the sources, if it has one.
fn kept(found: &Path) -> Option<PathBuf> {
    let kept = root().join("fuzz/corpus").join(found.file_name()?);
    kept.exists().then_some(kept)
}

/// The most recently written file in a folder, and its time.
fn newest(folder: &Path) -> Option<(SystemTime, PathBuf)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path()))).max()
}

/// The folder for inputs that crash a target.
fn crashes_beside(found: &Path) -> Result<PathBuf, Failed> {
    let name = found.file_name().unwrap_or_default();
    let folder = root().join("target/fuzz/crashes").join(name);
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(folder)
}
