//! The folder of a segmented log in processes with an odd umask, or without file descriptors, or that start others.

mod log_folder;
mod writer;

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use log_folder::{assert_files_are_private, begin, mode, now, recover};
use testkit::folder::quick_folder;
use txnd::LogWriter;
use writer::put_text;

/// Runs the test `name` of this program in a process of its own, by the shell command `run`, in which `"$@"` stands for it. The
/// test finds `folder` in the environment.
fn in_a_process(name: &str, run: &str, folder: &Path) {
    let exe = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new("sh");
    command.args(["-c", run, "sh"]).arg(exe).args(["--exact", name, "--nocapture"]).env(FOLDER, folder);
    let output = command.output().expect("there is a shell");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Set for a process that a test has started, to the folder that it works on.
const FOLDER: &str = "KVS_TEST_FOLDER";

#[test]
fn what_is_created_is_private_whatever_the_umask() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = Path::new(&folder);
        assert_files_are_private(folder);
        for created in [folder, folder.parent().unwrap()] {
            assert_eq!(mode(created), 0o700, "{}", created.display());
        }
        return;
    }
    for umask in ["000", "022", "077", "277", "777"] {
        let home = quick_folder();
        let run = format!("umask {umask}; exec \"$@\"");
        in_a_process("what_is_created_is_private_whatever_the_umask", &run, &home.path().join("above/log"));
    }
}

/// A child process that has not run its program yet has copies of all descriptors, those of locked files too.
#[test]
fn a_dropped_writer_frees_the_log_while_children_are_started() {
    let home = quick_folder();
    let ended = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                Command::new("true").status().expect("there is a program that does nothing");
            }
        });
        let opened = (0..500).map(|_| begin(home.path()).map(drop)).find(Result::is_err);
        ended.store(true, Ordering::Relaxed);
        assert_eq!(opened, None);
    });
}

/// Text of one batch: one of them fills a segment.
const TEXT_BYTES: usize = 40_000;

/// Takes all file descriptors that are left, as clients can.
fn take_all() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[test]
fn the_log_goes_on_when_others_have_taken_all() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        let home = quick_folder();
        let name = "the_log_goes_on_when_others_have_taken_all";
        return in_a_process(name, "ulimit -n 64; exec \"$@\"", home.path());
    };
    let mut writer = begin(Path::new(&folder)).unwrap();
    let taken = take_all();
    assert!(taken.len() > 20, "there is a limit");
    let mut batches = Vec::new();
    for _ in 0..20 {
        batches.push(now(writer.append(&[put_text("k", TEXT_BYTES)])));
        now(writer.make_durable());
    }
    drop((taken, writer));
    assert!(recover(Path::new(&folder)) == Ok(batches));
}

#[test]
fn the_log_is_unavailable_while_others_take_each_that_comes_back() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        let home = quick_folder();
        let name = "the_log_is_unavailable_while_others_take_each_that_comes_back";
        return in_a_process(name, "ulimit -n 64; exec \"$@\"", home.path());
    };
    let folder = Path::new(&folder);
    let mut writer = begin(folder).unwrap();
    let mut batches = vec![now(writer.append(&[put_text("k", TEXT_BYTES)]))];
    now(writer.make_durable());
    // What the roll-over would go on to is gone, and so is its descriptor.
    let next = folder.join("NEXT-SEGMENT");
    std::fs::remove_file(&next).unwrap();
    let taken = take_all();
    let batch = writer.seal(&[put_text("k", TEXT_BYTES)]);
    let refused = now(writer.sink.append(&batch)).unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
    let _one_more = File::open("/dev/null").expect("the descriptor of the file that is gone");
    let refused = now(writer.sink.append(&batch)).unwrap_err();
    assert!(refused.is_retryable() && refused.to_string().contains("Too many open files"), "{refused}");
    assert_eq!(now(writer.resume()), Ok(1));

    drop(taken);
    now(writer.sink.append(&batch)).unwrap();
    batches.push(batch);
    now(writer.make_durable());
    drop(writer);
    assert!(recover(folder) == Ok(batches));
}
