//! A full disk and a read-only one, on a small file system of the test's own.
//!
//! The file system is a tmpfs in a mount namespace that a holder process keeps alive; servers enter it. Where the machine allows
//! neither root nor user namespaces, the tests say so and end.

mod harness;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{Client, Kvs, eventually, folder};

/// Size of the file system; segments have 64 KiB.
const DISK: &str = "1m";

/// A file that takes space until it is removed.
const BALLAST_BYTES: usize = 512 << 10;

/// A small disk, gone with its holder.
struct SmallDisk {
    holder: Child,
    mount: tempfile::TempDir,
}

impl SmallDisk {
    fn new() -> Option<Self> {
        let mount = folder();
        let script =
            format!("mount -t tmpfs -o size={DISK} tmpfs '{}' && echo ready && exec cat", mount.path().display());
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut ready = [0; 6];
        let read = std::io::Read::read_exact(holder.stdout.as_mut()?, &mut ready);
        let disk = Self { holder, mount };
        if read.is_err() {
            println!("skipped: this machine allows no mount namespaces (unshare --map-root-user --mount failed)");
            return None;
        }
        Some(disk)
    }

    /// The disk's root as seen from outside of the namespace.
    fn outside(&self) -> PathBuf {
        let inside = self.mount.path().strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(inside)
    }

    /// A command that runs within the namespace.
    fn enter(&self, program: &Command) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--user", "--mount", "--preserve-credentials", "--target", &self.holder.id().to_string(), "--"]);
        command.arg(program.get_program()).args(program.get_args());
        command
    }

    fn kvs(&self) -> Command {
        let mut kvs = Kvs::command(&self.mount.path().join("log"));
        kvs.args(["--segment-size", "64KiB"]);
        self.enter(&kvs)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
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
    let ballast = disk.outside().join("ballast");
    std::fs::write(&ballast, vec![1; BALLAST_BYTES]).expect("room for the ballast");
    let kvs = Kvs::try_start(&mut disk.kvs()).expect("kvs starts");

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
    std::fs::remove_file(&ballast).expect("the ballast is there");
    let mut client = kvs.connect();
    eventually("writes go on after space is freed", || client.put("int-put/after", "7").status == 200);
    let acknowledged = writing.join().expect("the writer");
    kvs.kill();

    let kvs = Kvs::try_start(&mut disk.kvs()).expect("kvs starts again");
    let mut client = kvs.connect();
    for n in 0..acknowledged {
        let answer = client.get(&format!("str-get/k{n}"));
        assert!(answer.status == 200 && answer.text().starts_with(&format!("{n}:")), "k{n} is lost");
    }
    assert_eq!(client.get("int-get/after").text(), "7");
}

#[test]
fn a_read_only_disk_is_refused_with_a_message() {
    let Some(disk) = SmallDisk::new() else { return };
    Kvs::try_start(&mut disk.kvs()).expect("kvs starts").stop();
    let remount = format!("mount -o remount,ro '{}'", disk.mount.path().display());
    assert!(disk.enter(Command::new("sh").args(["-c", &remount])).status().expect("sh can be executed").success());

    let refused = Kvs::try_start(&mut disk.kvs()).err().expect("kvs does not start");
    assert_eq!(refused.status.code(), Some(4));
    assert!(refused.diagnostics.contains("Read-only file system"), "{}", refused.diagnostics);
    assert!(refused.diagnostics.contains(&disk.mount.path().display().to_string()), "{}", refused.diagnostics);
}
