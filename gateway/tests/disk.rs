//! A full disk, a read-only one and one that loses writes, on a small file system of the test's own.
//!
//! Where the machine allows neither root nor user namespaces, the tests say so and end.

mod harness;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Client, Kvs, eventually};
use testkit::small_disk::{LossyDisk, SmallDisk};

/// A kvs whose log is in `folder`.
fn kvs_in(folder: &Path) -> Command {
    let mut kvs = Kvs::command(folder);
    kvs.args(["--segment-size", "64KiB"]);
    kvs
}

/// Writes `k0`, `k1`, … until told to stop; returns how many were acknowledged. The write that hits the full disk waits until
/// there is space.
fn write_until(mut client: Client, stop: &AtomicBool) -> usize {
    let value = "x".repeat(1000);
    let mut acknowledged = 0;
    while !stop.load(Ordering::SeqCst) {
        match client.put(&format!("str-put/k{acknowledged}"), format!("{acknowledged}:{value}")).status {
            200 => acknowledged += 1,
            503 => {}
            other => panic!("unexpected status {other}"),
        }
    }
    acknowledged
}

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::new() else { return };
    disk.add_ballast();
    let kvs = Kvs::try_start(&mut kvs_in(&disk.log())).expect("kvs starts");

    // The write that hits the full disk is applied and waits; it is answered once there is space.
    let (writer, stop) = (kvs.connect(), Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let writing = std::thread::spawn(move || write_until(writer, &stopped));
    let refusal = || {
        let mut probe = kvs.connect();
        probe.stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a socket");
        probe.try_request("PUT", "int-put/probe", "1").ok().filter(|answer| answer.status == 503)
    };
    let mut refused = None;
    eventually("writes are refused when the disk is full", || {
        refused = refusal();
        refused.is_some()
    });
    let refused = refused.expect("an answer");
    assert!(refused.header("retry-after").is_some());
    assert!(refused.text().contains("log is down"), "{}", refused.text());
    assert_eq!(kvs.connect().get("str-get/k0").status, 200, "reads go on");

    stop.store(true, Ordering::SeqCst);
    disk.remove_ballast();
    let mut client = kvs.connect();
    eventually("writes go on after space is freed", || client.put("int-put/after", "7").status == 200);
    let acknowledged = writing.join().expect("the writer");
    kvs.kill();

    let kvs = Kvs::try_start(&mut kvs_in(&disk.log())).expect("kvs starts again");
    let mut client = kvs.connect();
    for n in 0..acknowledged {
        let answer = client.get(&format!("str-get/k{n}"));
        assert!(answer.status == 200 && answer.text().starts_with(&format!("{n}:")), "k{n} is lost");
    }
    assert_eq!(client.get("int-get/after").text(), "7");
}

#[test]
fn a_read_only_disk_is_refused_with_a_message() {
    let Some(mut disk) = SmallDisk::new() else { return };
    Kvs::try_start(&mut kvs_in(&disk.log())).expect("kvs starts").stop();
    disk.command("mount -o remount,ro").expect("the disk becomes read-only");

    let refused = Kvs::try_start(&mut kvs_in(&disk.log())).err().expect("kvs does not start");
    assert_eq!(refused.status.code(), Some(4));
    assert!(refused.diagnostics.contains("Read-only file system"), "{}", refused.diagnostics);
    assert!(refused.diagnostics.contains(&disk.log().display().to_string()), "{}", refused.diagnostics);
}

#[test]
fn what_is_acknowledged_after_a_write_was_lost_is_on_the_disk() {
    let Some(mut disk) = LossyDisk::new() else { return };
    let folder = disk.log();
    let kvs = Kvs::try_start(&mut kvs_in(&folder)).expect("kvs starts");
    assert_eq!(kvs.connect().put("int-put/before", "1").status, 200);
    disk.begin_losing();
    let lost = kvs.connect().try_request("PUT", "str-put/lost", "x".repeat(20_000));
    assert!(lost.is_err() || lost.is_ok_and(|answer| answer.status >= 500), "it is not acknowledged");
    kvs.kill();
    disk.stop_losing();

    let kvs = Kvs::try_start(&mut kvs_in(&folder)).expect("kvs starts when there is space");
    let mut client = kvs.connect();
    for n in 0..20 {
        assert_eq!(client.put(&format!("int-put/after{n}"), n.to_string()).status, 200);
    }
    let found = client.get("str-get/lost").status;
    kvs.kill();
    disk.drop_cache();

    let kvs = Kvs::try_start(&mut kvs_in(&folder)).expect("the log is whole");
    let mut client = kvs.connect();
    assert_eq!(client.get("int-get/before").text(), "1");
    for n in 0..20 {
        assert_eq!(client.get(&format!("int-get/after{n}")).text(), n.to_string());
    }
    assert_eq!(client.get("str-get/lost").status, found, "what was served stays");
}

#[test]
fn a_log_folder_that_is_removed_is_noticed() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let folder = home.path().join("log");
    let kvs = Kvs::try_start(&mut kvs_in(&folder)).expect("kvs starts");
    assert_eq!(kvs.connect().put("int-put/before", "1").status, 200);
    std::fs::remove_dir_all(&folder).expect("the folder is there");
    let lost = kvs.connect().try_request("PUT", "int-put/lost", "1");
    assert!(lost.is_err() || lost.is_ok_and(|answer| answer.status >= 500), "it is not acknowledged");
    kvs.says(&["removed, moved or replaced"]);
}
