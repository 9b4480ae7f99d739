//! Backups and restores that are killed at any system call.

use std::os::unix::process::ExitStatusExt;

use crate::harness::{Kvs, folder, has_strace, killed_at};
use crate::{SMALL, count, counted, file, last_lsn, succeeds, text};

/// The calls that change a folder or make it durable.
const CALLS: [&str; 5] = ["write", "rename", "unlink", "fsync", "mkdir"];

/// Runs the command, killed at the call number `when` of this name; true if it was.
fn dies_at(call: &str, when: u32, args: &[&str]) -> bool {
    let output = killed_at(call, when, &Kvs::tool(args)).output().expect("strace can be executed");
    let died = output.status.signal().is_some() || output.status.code().is_some_and(|code| code > 128);
    assert!(died || output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    died
}

/// Calls each of the name `call` until the command gets to its end. Returns how often it died.
fn each_death(call: &str, args: &mut dyn FnMut() -> Vec<String>, after: &mut dyn FnMut()) -> u32 {
    let mut deaths = 0;
    loop {
        let args = args();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        if !dies_at(call, deaths + 1, &args) {
            return deaths;
        }
        deaths += 1;
        after();
    }
}

#[test]
fn a_backup_that_dies_leaves_the_backup_as_it_was() {
    if !has_strace() {
        return;
    }
    let (log, backup) = (folder(), folder());
    let (source, dir) = (file(log.path()), text(backup.path()));
    let kvs = Kvs::start(log.path(), &SMALL);
    let (mut client, mut number) = (kvs.connect(), 0);
    count(&mut client, 20, &mut number);
    succeeds(&["backup", dir, "--log", &source]);
    let mut deaths = 0;
    for call in CALLS {
        for full in [false, true] {
            count(&mut client, 5, &mut number);
            let before = last_lsn(&format!("backup:{dir}"));
            let mut args = || {
                let mut args = vec!["backup".into(), dir.into(), "--log".into(), source.clone()];
                args.extend(full.then(|| "--full".into()));
                args
            };
            deaths += each_death(call, &mut args, &mut || {
                succeeds(&["backup", "verify", dir]);
                assert!(last_lsn(&format!("backup:{dir}")) >= before);
            });
            assert_eq!(last_lsn(&format!("backup:{dir}")), u64::from(2 * number));
            let names = std::fs::read_dir(backup.path()).expect("the backup").count();
            let named = std::fs::read_to_string(backup.path().join("BACKUP.json")).expect("the manifest");
            assert_eq!(names, named.matches("\"sha256\"").count() + 1, "nothing is left of runs that died");
        }
    }
    kvs.kill();
    println!("{deaths} deaths");
    assert!(deaths > 15, "it was hardly ever hit: {deaths}");
}

/// The new log is there as a whole, or there is none and the next try succeeds.
#[test]
fn a_restore_that_dies_leaves_no_part_of_the_state() {
    if !has_strace() {
        return;
    }
    let (log, backup, work) = (folder(), folder(), folder());
    let (source, dir) = (file(log.path()), text(backup.path()));
    let kvs = Kvs::start(log.path(), &SMALL);
    let mut number = 0;
    count(&mut kvs.connect(), 40, &mut number);
    kvs.kill();
    succeeds(&["backup", dir, "--log", &source]);
    let (mut deaths, mut targets) = (0, 0);
    for call in CALLS {
        let target = std::cell::RefCell::new(work.path().join("none"));
        let mut args = || {
            targets += 1;
            target.replace(work.path().join(targets.to_string()));
            vec!["restore".into(), dir.into(), "--to".into(), file(&target.borrow())]
        };
        deaths += each_death(call, &mut args, &mut || {
            let target = target.borrow();
            let found = counted(&target);
            assert!(found == (40, 40) || found == (0, 0), "{call}: {found:?}");
            if found == (0, 0) {
                succeeds(&["restore", dir, "--to", &file(&target)]);
                assert_eq!(counted(&target), (40, 40));
            }
        });
        assert_eq!(counted(&target.borrow()), (40, 40));
    }
    println!("{deaths} deaths");
    assert!(deaths > 15, "it was hardly ever hit: {deaths}");
}
