//! Instruction counts of the hot paths, from valgrind. They do not depend on the load of the machine, so a change of a
//! few percent is visible. The saved counts are in `bench/results/instructions.txt`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::{Failed, cargo, root, step};

/// The paths implemented by `gateway/examples/instructions.rs`.
const PATHS: [&str; 12] = [
    "single-get",
    "single-put",
    "batch-get",
    "batch-put",
    "condition-put",
    "expiring-put",
    "atomic-put",
    "decode-get",
    "decode-put",
    "session-get",
    "session-put",
    "log-put",
];

/// Operations of the shorter run. The longer one has twice as many; the difference is what counts.
const OPERATIONS: u64 = 1 << 17;

/// It is an error if a count exceeds the saved one by more than this share.
const TOLERANCE: f64 = 0.03;

const KEPT: &str = "bench/results/instructions.txt";

/// Counts, prints, and compares with the saved counts; `keep` replaces them, or creates them.
pub(crate) fn run(keep: bool) -> Result<(), Failed> {
    let kept = match std::fs::read_to_string(root().join(KEPT)) {
        Err(e) if !keep => return Err(Failed(format!("{KEPT}: {e}; keep the counts with --keep"))),
        kept => kept.unwrap_or_default(),
    };
    let kept = read(&kept);
    let missing: Vec<&str> = PATHS.into_iter().filter(|path| !kept.contains_key(path)).collect();
    if !keep && !missing.is_empty() {
        return Err(Failed(format!("{KEPT} has no count of {}; keep the counts with --keep", missing.join(", "))));
    }
    step(cargo().args(["build", "--release", "--package", "gateway", "--example", "instructions"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let program = target.join("release/examples/instructions");
    let mut table = format!("# instructions for each operation, {}\n", rustc_version());
    let mut worse = Vec::new();
    for path in PATHS {
        let counted = count(&program, path, 2 * OPERATIONS)? - count(&program, path, OPERATIONS)?;
        let each = counted as f64 / OPERATIONS as f64;
        let line = format!("{path:<12} {each:>8.1}\n");
        let before = kept.get(path);
        print!("{}{}", line.trim_end(), before.map_or("\n".into(), |before| format!("   kept: {before:.1}\n")));
        if before.is_some_and(|before| each > before * (1.0 + TOLERANCE)) {
            worse.push(path);
        }
        table.push_str(&line);
    }
    if keep {
        std::fs::write(root().join(KEPT), table).map_err(|e| format!("{KEPT}: {e}"))?;
        return Ok(());
    }
    match worse.is_empty() {
        true => Ok(()),
        false => Err(Failed(format!(
            "more instructions than in {KEPT}: {}; find out why, or keep the new counts with --keep",
            worse.join(", ")
        ))),
    }
}

fn read(kept: &str) -> BTreeMap<&str, f64> {
    kept.lines()
        .filter_map(|line| {
            let (path, count) = line.split_once(char::is_whitespace)?;
            Some((path, count.trim().parse().ok()?))
        })
        .collect()
}

/// The total instruction count of one run.
fn count(program: &Path, path: &str, operations: u64) -> Result<u64, Failed> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(program)
        .args([path, &operations.to_string()])
        .output()
        .map_err(|e| format!("valgrind: {e}; install it (Debian: apt install valgrind)"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let refs = said.lines().find_map(|line| line.split_once(" refs:")).map(|(_, count)| count.replace(',', ""));
    let counted = refs.and_then(|count| count.trim().parse().ok());
    Ok(counted.ok_or_else(|| format!("{path}: valgrind said: {said}"))?)
}

fn rustc_version() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string()).unwrap_or_default()
}
