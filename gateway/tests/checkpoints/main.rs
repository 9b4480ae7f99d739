//! Checkpoints as an operator sees them: a log that does not grow for ever, starts that do not take longer and longer, and
//! nothing lost, whenever kvs dies. Here over files; in `every_log.rs` over each kind of log.

mod deaths;
#[path = "../deployment/mod.rs"]
mod deployment;
mod every_log;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../ledger/mod.rs"]
mod ledger;
mod measured;
#[path = "../txnd_server/mod.rs"]
mod txnd_server;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Client, Kvs, eventually, field, folder, seed};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The smallest segments, and no more of the log than checkpoints need.
const SMALL: [&str; 4] = ["--segment-size", "64KiB", "--retain", "0"];

/// Log between two checkpoints.
const OFTEN: [&str; 2] = ["--checkpoint-after", "16KiB"];
const NEVER: [&str; 2] = ["--checkpoint-after", "never"];

fn start(folder: &Path, args: &[&str]) -> Kvs {
    Kvs::start(folder, &[&SMALL, args].concat())
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).expect("the log's folder").map(|entry| entry.expect("a file").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    paths.sort();
    paths
}

/// Bytes on the disk.
fn size(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(folder).expect("the log's folder");
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|file| file.blocks() * 512).sum()
}

/// The number that a line has under this name.
fn number(line: &str, name: &str) -> u64 {
    let (_, behind) = line.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {line}"));
    let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
    behind[..digits].parse().expect("a number")
}

fn recovered(kvs: &Kvs) -> &str {
    let wanted = "recovered the state from the log";
    kvs.lines.iter().find(|line| field(line, "message") == Some(wanted)).expect("something was recovered")
}

/// Puts `key`, at least once, until kvs has said another time that it has written a checkpoint. Returns its base.
fn write_until_a_checkpoint(kvs: &Kvs, client: &mut Client, key: &str, last: &mut u32) -> u64 {
    let began = std::time::Instant::now();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let said = scope.spawn(|| {
            let said = kvs.says(&["wrote a checkpoint"]);
            over.store(true, Ordering::SeqCst);
            number(&said, "base")
        });
        loop {
            assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint");
            *last += 1;
            assert_eq!(client.put(&format!("str-put/{key}"), format!("{last}:{}", "x".repeat(2000))).status, 200);
            if over.load(Ordering::SeqCst) {
                break;
            }
        }
        said.join().expect("it does not panic")
    })
}

/// All keys are overwritten again and again.
#[test]
fn neither_the_disk_nor_the_start_grows_with_the_number_of_writes() {
    let folder = folder();
    let args = [&OFTEN[..], &["--durability", "async"]].concat();
    let mut kvs = start(folder.path(), &args);
    let mut values = HashMap::new();
    let mut random = StdRng::seed_from_u64(seed());
    for round in 0..3u64 {
        let mut client = kvs.connect();
        for number in 0..4_000u32 {
            let key = random.random_range(0..200);
            let value = format!("{round}_{number}:{}", "x".repeat(random.random_range(0..500)));
            assert_eq!(client.put(&format!("str-put/k{key}"), &value).status, 200);
            values.insert(key, value);
        }
        // What was written last is not in a checkpoint yet.
        let mut last = 0;
        eventually("segments are removed", || {
            // What is said may be of long ago, and on a busy machine the checkpoint before it older than most of the log.
            let base = write_until_a_checkpoint(&kvs, &mut client, "last", &mut last);
            base >= 4_000 * (round + 1) && size(folder.path()) < 1 << 20
        });
        eventually("two checkpoints are kept", || files(folder.path(), "checkpoint").len() == 2);
        let (status, diagnostics) = kvs.stop();
        assert!(status.success(), "{diagnostics}");

        kvs = start(folder.path(), &args);
        let line = recovered(&kvs);
        let (replayed, lsn) = (number(line, "records"), number(line, "lsn"));
        assert!(lsn > 4_000 * (round + 1) && replayed < 2_000, "{line}");
        assert_eq!(number(line, "entries"), values.len() as u64 + 1);
        let mut client = kvs.connect();
        for (key, value) in &values {
            assert_eq!(client.get(&format!("str-get/k{key}")).text(), value);
        }
        assert!(client.get("str-get/last").text().starts_with(&format!("{last}:")));
    }
}

/// Four connections that count, each with a key of its own, and what was acknowledged to each.
fn count(kvs: &Kvs, time: Duration) -> [u32; 4] {
    let over = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let counting = [0, 1, 2, 3].map(|writer| {
            scope.spawn(move || {
                let (mut client, mut acknowledged) = (Client::connect(kvs.addr), 0);
                while !over.load(Ordering::Relaxed) {
                    // Entries that come and go, so that tables grow and become empty.
                    let passing = format!("map-set/passing_{}/field", acknowledged % 50);
                    let all = [
                        ("PUT", format!("int-incr/n_{writer}"), String::new()),
                        ("PUT", format!("str-put/s_{writer}"), "x".repeat(acknowledged as usize * 37 % 3000)),
                        ("PUT", passing, "1".into()),
                        ("DELETE", format!("map-del/passing_{}", (acknowledged + 25) % 50), String::new()),
                    ];
                    for (method, path, body) in all {
                        match client.try_request(method, &path, body) {
                            Ok(answer) if path.starts_with("int") && answer.status == 200 => acknowledged += 1,
                            Ok(_) => {}
                            Err(_) => return acknowledged,
                        }
                    }
                }
                acknowledged
            })
        });
        std::thread::sleep(time);
        kvs.signal("KILL");
        over.store(true, Ordering::Relaxed);
        counting.map(|counting| counting.join().expect("a writer"))
    })
}

/// Whenever kvs dies: while it walks, writes, syncs, renames, replaces the manifest or removes.
#[test]
fn when_kvs_dies_among_checkpoints_every_acknowledged_write_is_kept() {
    let folder = folder();
    let seed = seed();
    let mut random = StdRng::seed_from_u64(seed);
    let mut totals = [0; 4];
    let mut loaded = 0;
    for cycle in 0..12 {
        let kvs = start(folder.path(), &OFTEN);
        loaded += usize::from(kvs.lines.iter().any(|line| field(line, "message") == Some("loaded a checkpoint")));
        let mut client = kvs.connect();
        for (writer, total) in totals.iter_mut().enumerate() {
            let found = client.get(&format!("int-get/n_{writer}"));
            let found: u32 = if found.status == 404 { 0 } else { found.text().parse().expect("a number") };
            // One more may have been carried out and not acknowledged.
            assert!(
                (*total..=*total + 1).contains(&found),
                "cycle {cycle}: {found}, acknowledged {total}, KVS_SEED={seed}"
            );
            *total = found;
        }
        let acknowledged = count(&kvs, Duration::from_millis(random.random_range(50..400)));
        totals.iter_mut().zip(acknowledged).for_each(|(total, more)| *total += more);
        kvs.wait();
    }
    assert!(loaded > 3, "{loaded} starts used a checkpoint");
    let kvs = start(folder.path(), &OFTEN);
    assert!(size(folder.path()) < 2 << 20, "{} bytes", size(folder.path()));
    kvs.stop();
}

/// If the latest checkpoint is damaged the one before is used; if that is damaged too, nothing is served.
#[test]
fn a_damaged_checkpoint_is_never_served() {
    let folder = folder();
    let kvs = start(folder.path(), &OFTEN);
    let mut client = kvs.connect();
    assert_eq!(client.put("str-put/early", "value").status, 200);
    let mut last = 0;
    while files(folder.path(), "seg")[0].ends_with("00000000000000000001.seg") {
        write_until_a_checkpoint(&kvs, &mut client, "last", &mut last);
    }
    // The segments that are no longer needed are removed first.
    eventually("two checkpoints", || files(folder.path(), "checkpoint").len() == 2);
    kvs.kill();
    let [earlier, latest] = &files(folder.path(), "checkpoint")[..] else { panic!("two checkpoints") };
    let damage = |path: &Path| {
        let mut bytes = std::fs::read(path).expect("a checkpoint");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).expect("it can be written");
    };
    damage(latest);
    let kvs = start(folder.path(), &NEVER);
    let said = kvs.lines.concat();
    assert!(said.contains("a checkpoint cannot be used") && said.contains("loaded a checkpoint"), "{said}");
    let mut client = kvs.connect();
    assert_eq!(client.get("str-get/early").text(), "value");
    assert!(client.get("str-get/last").text().starts_with(&format!("{last}:")));
    kvs.kill();

    damage(earlier);
    let refused = Kvs::try_start(Kvs::command(folder.path()).args(NEVER)).err().expect("nothing is left to start from");
    assert_eq!(refused.status.code(), Some(5), "{}", refused.diagnostics);
    assert!(
        refused.diagnostics.contains(".checkpoint") && refused.diagnostics.contains("backup"),
        "{}",
        refused.diagnostics
    );
    damage(earlier);
    let kvs = start(folder.path(), &NEVER);
    assert_eq!(kvs.connect().get("str-get/early").text(), "value");
}

/// A log that kept everything gets its first checkpoints; one that has checkpoints can do without new ones.
#[test]
fn checkpoints_begin_and_end_with_the_flag() {
    let folder = folder();
    let put =
        |kvs: &Kvs, key: &str| assert_eq!(kvs.connect().put(&format!("str-put/{key}"), "x".repeat(9_000)).status, 200);
    let kvs = start(folder.path(), &NEVER);
    (0..20).for_each(|number| put(&kvs, &format!("a{number}")));
    let (status, diagnostics) = kvs.stop();
    assert!(status.success() && !diagnostics.contains("checkpoint"), "{diagnostics}");

    // What was replayed counts: a server that is restarted often has checkpoints too.
    let kvs = start(folder.path(), &OFTEN);
    put(&kvs, "b");
    kvs.says(&["wrote a checkpoint"]);
    assert_eq!(files(folder.path(), "checkpoint").len(), 1);
    kvs.kill();
    let kvs = start(folder.path(), &NEVER);
    assert_eq!(number(recovered(&kvs), "entries"), 21);
    assert!(number(recovered(&kvs), "records") < 3, "{}", recovered(&kvs));
    put(&kvs, "c");
    kvs.kill();
    let kvs = start(folder.path(), &NEVER);
    assert_eq!(number(recovered(&kvs), "entries"), 22);
}

/// A checkpoint that would take hours does not hold up a stop.
#[test]
fn a_stop_does_not_wait_for_a_slow_checkpoint() {
    let folder = folder();
    let kvs = start(folder.path(), &[&OFTEN[..], &["--checkpoint-rate", "1KiB"]].concat());
    let mut client = kvs.connect();
    for number in 0..40 {
        assert_eq!(client.put(&format!("str-put/{number}"), "x".repeat(100_000)).status, 200);
    }
    // Its first batch has been written, and the pause after it takes a quarter of an hour.
    let begun = |path: &PathBuf| path.metadata().is_ok_and(|file| file.len() > 10_000);
    eventually("a checkpoint is being written", || {
        files(folder.path(), "tmp").iter().any(|path| path.to_string_lossy().contains(".checkpoint.") && begun(path))
    });
    let began = std::time::Instant::now();
    let (status, diagnostics) = kvs.stop();
    assert!(status.success() && began.elapsed() < Duration::from_secs(8), "{:?}: {diagnostics}", began.elapsed());
    assert!(files(folder.path(), "tmp").is_empty(), "{diagnostics}");
}

/// At a stop, if the log is much longer than the state.
#[test]
fn a_stop_writes_a_checkpoint_if_that_makes_the_next_start_fast() {
    let folder = folder();
    let args = [&SMALL[..], &["--checkpoint-after", "400KiB"]].concat();
    for (round, writes) in [150, 5, 150].into_iter().enumerate() {
        let kvs = Kvs::start(folder.path(), &args);
        let mut client = kvs.connect();
        for number in 0..writes {
            assert_eq!(client.put("str-put/k", format!("{round}_{number}:{}", "x".repeat(1_000))).status, 200);
        }
        let (status, said) = kvs.stop();
        // 150 KB of log and a state of a few kilobytes.
        let expected = writes == 150;
        assert!(status.success() && said.contains("wrote a checkpoint") == expected, "{writes}: {said}");
        let kvs = Kvs::start(folder.path(), &args);
        assert_eq!(number(recovered(&kvs), "records"), if expected { 0 } else { writes }, "{}", recovered(&kvs));
        assert!(kvs.connect().get("str-get/k").text().starts_with(&format!("{round}_{}:", writes - 1)));
        kvs.kill();
    }
}

/// On request, whatever the size of the log.
#[test]
fn a_signal_asks_for_a_checkpoint() {
    let folder = folder();
    let kvs = start(folder.path(), &NEVER);
    for value in 1..=3 {
        assert_eq!(kvs.connect().put("int-put/k", value.to_string()).status, 200);
        kvs.signal("USR1");
        assert_eq!(number(&kvs.says(&["wrote a checkpoint"]), "base"), value);
    }
    kvs.kill();
    let kvs = start(folder.path(), &NEVER);
    assert_eq!(number(recovered(&kvs), "records"), 0);
    assert_eq!(kvs.connect().get("int-get/k").text(), "3");
}
