//! Backups that cannot be continued, and what is restored from several.

use std::path::Path;

use crate::harness::{Kvs, eventually, folder};
use crate::{SMALL, count, counted, file, last_lsn, number_after, run, succeeds, text};

fn oldest(log: &Path) -> u64 {
    number_after(&succeeds(&["log", "info", "--log", &file(log)]), "records     lsn ")
}

/// The log removes what an increment would need: a new full copy begins, and both can be restored.
#[test]
fn a_hole_between_backups_is_told_and_never_restored() {
    let (log, backup, work) = (folder(), folder(), folder());
    let (source, dir) = (file(log.path()), text(backup.path()));
    let kvs = Kvs::start(log.path(), &SMALL);
    let (mut client, mut number) = (kvs.connect(), 0);
    count(&mut client, 50, &mut number);
    succeeds(&["backup", dir, "--log", &source]);
    let first = last_lsn(&format!("backup:{dir}"));
    eventually("the log removes more", || {
        count(&mut client, 20, &mut number);
        oldest(log.path()) > first + 1
    });
    let said = succeeds(&["backup", dir, "--log", &source]);
    assert!(said.contains(&format!("no longer keeps what follows lsn {first}")), "{said}");
    let last = last_lsn(&format!("backup:{dir}"));
    kvs.kill();
    let verified = succeeds(&["backup", "verify", dir]);
    let sets: Vec<&str> = verified.lines().collect();
    let [_, second] = sets[..] else { panic!("two sets: {verified}") };
    let again = number_after(second, "lsn ");

    for (name, until) in [("first", first), ("again", again), ("last", last)] {
        let target = work.path().join(name);
        succeeds(&["restore", dir, "--to", &file(&target), "--until", &until.to_string()]);
        let (number, text) = counted(&target);
        assert_eq!(u64::from(number + text), until);
    }
    let target = file(&work.path().join("hole"));
    for until in [first + 1, again - 1] {
        let (status, said) = run(&["restore", dir, "--to", &target, "--until", &until.to_string()]);
        assert_eq!(status, Some(4), "{said}");
        assert!(
            said.contains(&format!("lsn {again}, the first that can be restored")) || said.contains("the log ends"),
            "{said}"
        );
    }
}

/// Asked for, a full copy begins although the last could be continued.
#[test]
fn a_full_backup_begins_a_new_set() {
    let (log, backup, work) = (folder(), folder(), folder());
    let (source, dir) = (file(log.path()), text(backup.path()));
    let kvs = Kvs::start(log.path(), &SMALL);
    let (mut client, mut number) = (kvs.connect(), 0);
    let mut lsns = Vec::new();
    for args in [&["--full"][..], &[], &["--full"], &[]] {
        count(&mut client, 30, &mut number);
        succeeds(&[&["backup", dir, "--log", &source], args].concat());
        lsns.push(last_lsn(&format!("backup:{dir}")));
    }
    kvs.kill();
    assert_eq!(succeeds(&["backup", "verify", dir]).lines().count(), 2);
    for lsn in lsns {
        let target = work.path().join(lsn.to_string());
        succeeds(&["restore", dir, "--to", &file(&target), "--until", &lsn.to_string()]);
        let (number, text) = counted(&target);
        assert_eq!(u64::from(number + text), lsn);
    }
}

/// A restored log is backed up and restored itself, before and after it has records of its own.
#[test]
fn a_restored_log_is_backed_up_again() {
    let (log, work) = (folder(), folder());
    let kvs = Kvs::start(log.path(), &SMALL);
    let mut number = 0;
    count(&mut kvs.connect(), 40, &mut number);
    kvs.kill();
    let mut current = log.path().to_path_buf();
    for round in 0..3 {
        let (dir, target) = (work.path().join(format!("b{round}")), work.path().join(format!("r{round}")));
        succeeds(&["backup", text(&dir), "--log", &file(&current)]);
        succeeds(&["backup", "verify", text(&dir)]);
        succeeds(&["restore", text(&dir), "--to", &file(&target)]);
        if round == 1 {
            let kvs = Kvs::start(&target, &SMALL);
            count(&mut kvs.connect(), 40, &mut number);
            kvs.kill();
            succeeds(&["backup", text(&dir), "--log", &file(&current)]);
        }
        current = target;
    }
    assert_eq!(counted(&current), (80, 80));
}
