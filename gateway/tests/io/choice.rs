//! Which driver is used, and why.

use std::process::Command;

use crate::harness::{Kvs, field, folder, has_strace, injected};
use crate::{command, has_uring};

/// What a kvs says about its driver at its start: which, and why.
fn said(kvs: &Kvs) -> (String, String) {
    let line = kvs.lines.iter().find(|line| field(line, "message") == Some("I/O with clients")).expect("the driver");
    (field(line, "io").expect("which").into(), field(line, "because").unwrap_or_default().into())
}

/// The command, on a kernel that refuses to set up a ring.
fn refused(error: &str, command: &Command) -> Command {
    injected("io_uring_setup", &format!("error={error}"), command)
}

#[test]
fn the_one_that_is_asked_for_is_used() {
    let folder = folder();
    let kvs = Kvs::try_start(&mut command("epoll", folder.path())).expect("a kvs");
    assert_eq!(said(&kvs), ("epoll".into(), "--io epoll".into()));
    kvs.kill();
    if has_uring() {
        for driver in ["uring", "auto"] {
            let kvs = Kvs::try_start(&mut command(driver, folder.path())).expect("a kvs");
            assert_eq!(said(&kvs), ("uring".into(), String::new()));
            kvs.kill();
        }
    }
}

#[test]
fn epoll_is_used_where_the_kernel_refuses() {
    if !has_strace() {
        return;
    }
    for (error, why) in [("EPERM", "seccomp"), ("ENOSYS", "none"), ("EINVAL", "6.1"), ("ENOMEM", "RLIMIT_MEMLOCK")] {
        let folder = folder();
        let kvs = Kvs::try_start(&mut refused(error, &command("auto", folder.path()))).expect("a kvs");
        let (io, because) = said(&kvs);
        assert!(io == "epoll" && because.contains(why), "{error}: {io}, {because}");
        assert_eq!(kvs.connect().put("int-incr/n", "").status, 200);
        crate::harness::kill_traced(kvs.pid());
    }
}

#[test]
fn kvs_does_not_start_without_what_it_must_use() {
    if !has_strace() {
        return;
    }
    let folder = folder();
    let not = Kvs::try_start(&mut refused("EPERM", &command("uring", folder.path()))).err().expect("it does not start");
    assert_eq!(not.status.code(), Some(1));
    assert!(not.diagnostics.contains("io_uring") && not.diagnostics.contains("--io auto"), "{}", not.diagnostics);
}

#[test]
fn a_wrong_name_is_refused() {
    let folder = folder();
    let not = Kvs::try_start(&mut command("iocp", folder.path())).err().expect("it does not start");
    assert_eq!(not.status.code(), Some(2));
    assert!(not.diagnostics.contains("uring"), "{}", not.diagnostics);
}
