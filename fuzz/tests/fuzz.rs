//! Runs each target for `KVS_FUZZ_SECONDS`, eight if it is not set. `cargo xtask fuzz` builds them as they must be built.
//!
//! A target begins with its corpus in `fuzz/corpus`, which `fuzz/seeds` makes, or with the vectors of its side; and with what
//! earlier runs found.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

/// Largest input in bytes: enough for several frames with lists in them, and small enough for many runs.
const MAX_LEN: usize = 4096;

#[test]
fn requests() {
    seed("requests", '>');
    fuzz("requests", env!("CARGO_BIN_EXE_requests"));
}

#[test]
fn replies() {
    seed("replies", '<');
    fuzz("replies", env!("CARGO_BIN_EXE_replies"));
}

#[test]
fn batches() {
    fuzz("batches", env!("CARGO_BIN_EXE_batches"));
}

#[test]
fn segments() {
    fuzz("segments", env!("CARGO_BIN_EXE_segments"));
}

#[test]
fn transactions() {
    fuzz("transactions", env!("CARGO_BIN_EXE_transactions"));
}

#[test]
fn rest() {
    fuzz("rest", env!("CARGO_BIN_EXE_rest"));
}

#[test]
fn identities() {
    fuzz("identities", env!("CARGO_BIN_EXE_identities"));
}

/// Runs a target. If it fails, the panic names the input and shows it. A target may also fail without one.
fn fuzz(name: &str, program: &str) {
    let (found, crashes) = (folder("corpus", name), folder("crashes", name));
    let kept = root().join("fuzz/corpus").join(name);
    let before = newest(&crashes);
    let mut run = Command::new(program);
    run.arg(format!("-max_total_time={}", seconds())).arg(format!("-max_len={MAX_LEN}"));
    // An input that takes this many seconds, or a process of this many MiB, also counts as a crash.
    run.args(["-timeout=20", "-rss_limit_mb=512", "-print_final_stats=1", "-print_funcs=0", "-verbosity=0"]);
    // New inputs go to the first folder; the others are only read.
    run.arg(format!("-artifact_prefix={}/", crashes.display())).arg(found).args(kept.exists().then_some(kept));
    let Output { status, stderr, .. } = run.output().expect("the target was built");
    let said = String::from_utf8_lossy(&stderr);
    if status.success() {
        let stat = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim();
        let (inputs, new) = (stat("stat::number_of_executed_units:"), stat("stat::new_units_added:"));
        println!("{name}: {inputs} inputs, {new} of them led somewhere new");
        return;
    }
    eprintln!("{said}");
    // Files that were there before are from another run.
    match newest(&crashes).filter(|newest| Some(newest) != before.as_ref()) {
        Some((_, input)) => {
            let (path, bytes) = (input.display(), std::fs::read(&input).expect("it was just written"));
            let shown = bytes.escape_ascii();
            panic!("{name}: {status}\n  the input: {path}\n  \"{shown}\"\n  to repeat: {program} {path}");
        }
        None => panic!("{name}: {status}, and it left no input"),
    }
}

fn seconds() -> u32 {
    std::env::var("KVS_FUZZ_SECONDS").map_or(8, |seconds| seconds.parse().expect("a number of seconds"))
}

/// Puts the vectors of one side, as marked in `proto/frames.vectors`, beside what earlier runs found.
fn seed(name: &str, side: char) {
    let found = folder("corpus", name);
    let vectors = std::fs::read_to_string(root().join("proto/frames.vectors")).expect("the vectors");
    for (number, line) in (1..).zip(vectors.lines()).filter(|(_, line)| line.starts_with(side)) {
        let bytes = line.rsplit(" | ").next().and_then(bytes).unwrap_or_else(|| panic!("line {number} has no bytes"));
        std::fs::write(found.join(format!("vector-{number}")), bytes).expect("a file");
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: String = hex.split(' ').collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// A folder below `target/fuzz`, where it stays for later runs.
fn folder(of: &str, name: &str) -> PathBuf {
    let folder = root().join("target/fuzz").join(of).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace")
}

/// The most recently written file in a folder, and its time.
fn newest(folder: &Path) -> Option<(SystemTime, PathBuf)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path()))).max()
}
