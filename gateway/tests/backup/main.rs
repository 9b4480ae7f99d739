//! Backups as an operator sees them: taken beside a server, verified, restored, and never half a state.

mod damage;
mod deaths;
#[path = "../deployment/mod.rs"]
mod deployment;
mod every_log;
#[path = "../harness/mod.rs"]
mod harness;
mod messages;
mod sets;
#[path = "../txnd_server/mod.rs"]
mod txnd_server;

use std::path::Path;

use harness::{Client, Kvs, output};

/// Small segments, and checkpoints that make their records superfluous.
const SMALL: [&str; 6] = ["--segment-size", "64KiB", "--retain", "0", "--checkpoint-after", "16KiB"];

/// Runs a command of kvs. Returns its exit code and what it says.
fn run(args: &[&str]) -> (Option<i32>, String) {
    output(&mut Kvs::tool(args))
}

/// Runs a command that must succeed.
fn succeeds(args: &[&str]) -> String {
    let (status, said) = run(args);
    assert_eq!(status, Some(0), "{args:?}: {said}");
    said
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path is text")
}

/// The argument for a log in this folder.
fn file(folder: &Path) -> String {
    format!("file:{}", folder.display())
}

/// The number after `words`.
fn number_after(said: &str, words: &str) -> u64 {
    let (_, rest) = said.split_once(words).unwrap_or_else(|| panic!("no {words:?} in {said}"));
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().expect("a number")
}

/// The last record that a log or a backup has.
fn last_lsn(log: &str) -> u64 {
    let info = succeeds(&["log", "info", "--log", log]);
    match info.contains(" to ") {
        true => number_after(&info, " to "),
        false => number_after(&info, "checkpoint  lsn "),
    }
}

/// The records of a log as `kvs log dump` shows them.
fn dump(log: &str) -> Vec<String> {
    succeeds(&["log", "dump", "--log", log]).lines().map(String::from).collect()
}

/// Adds one to a counter, then writes its value into a string.
fn count(client: &mut Client, times: u32, number: &mut u32) {
    for _ in 0..times {
        *number += 1;
        assert_eq!(client.put("int-incr/n", "").status, 200);
        assert_eq!(client.put("str-put/n", format!("{number}:{}", "x".repeat(500))).status, 200);
    }
}

/// What the two say, in a log that a new kvs starts on.
fn counted(folder: &Path) -> (u32, u32) {
    let kvs = Kvs::start(folder, &[]);
    let mut client = kvs.connect();
    let text = client.get("str-get/n");
    let text = text.text().split(':').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let number = client.get("int-get/n");
    let number = number.text().parse().unwrap_or(0);
    let (status, said) = kvs.stop();
    assert!(status.success(), "{said}");
    (number, text)
}
