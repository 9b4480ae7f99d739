//! The folder of a segmented log: whose files it may hold, who may read it, and what happens when it is taken away.

mod log_folder;
mod writer;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use log_folder::{Files, begin, files_with, last_segment, now, quick_folder, recover, write_segments};
use txnd::{LogWriter, SinkError};
use writer::{Content, put_text, seed};

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

mod foreign_files {
    use super::*;

    /// Names that a careless pattern would take for the log's.
    const NAMES: [&str; 6] =
        ["thesis.tmp", "MANIFEST.old", "notes.seg.tmp", "00000000000000000001.seg.torn-x.tmp", ".hidden", "data"];

    #[test]
    fn a_folder_that_holds_some_and_no_log_is_refused_and_left_as_it_was() {
        for name in NAMES {
            let folder = quick_folder();
            std::fs::write(folder.path().join(name), "not the log's").unwrap();
            let before = Files::of(folder.path());
            let refused = begin(folder.path()).unwrap_err();
            assert!(matches!(refused, SinkError::Failed(_)), "{refused}");
            let message = refused.to_string();
            assert!(message.contains(name) && message.contains("a folder of its own"), "{message}");
            assert!(message.contains(&folder.path().display().to_string()), "{message}");
            assert!(Files::of(folder.path()) == before, "{name}: the folder was changed");
        }
    }

    #[test]
    fn those_that_come_to_a_log_stay() {
        let folder = quick_folder();
        let batches = write_segments(folder.path(), 2, &mut Content::new(seed()), log_folder::Ending::Killed);
        for name in NAMES {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let elsewhere = quick_folder();
        let target = elsewhere.path().join("target");
        std::fs::write(&target, "not the log's").unwrap();
        // It has the name of an unfinished segment, and is no file.
        let link = folder.path().join("00000000000000000099.seg.tmp");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        std::fs::create_dir(folder.path().join("00000000000000000098.seg.tmp")).unwrap();
        for _ in 0..2 {
            assert!(recover(folder.path()) == Ok(batches.clone()));
        }
        for name in NAMES {
            assert_eq!(std::fs::read_to_string(folder.path().join(name)).ok().as_deref(), Some(name));
        }
        assert_eq!(std::fs::read_link(&link).unwrap(), target);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "not the log's");
        assert!(folder.path().join("00000000000000000098.seg.tmp").is_dir());
    }

    #[test]
    fn a_new_file_system_holds_none() {
        let folder = quick_folder();
        std::fs::create_dir(folder.path().join("lost+found")).unwrap();
        let mut writer = begin(folder.path()).unwrap();
        let batch = now(writer.append(&[put_text("k", 1)]));
        now(writer.make_durable());
        drop(writer);
        assert_eq!(recover(folder.path()), Ok(vec![batch]));
        assert!(folder.path().join("lost+found").is_dir());
    }
}

mod modes {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    /// Writes a log of several segments, with a torn tail that is kept, and checks the mode of every file.
    fn files_are_private(folder: &Path) {
        write_segments(folder, 3, &mut Content::new(1), log_folder::Ending::Killed);
        log_folder::edit(&last_segment(folder), |bytes| {
            let end = log_folder::data_end(bytes);
            bytes[end + 10] = 1;
        });
        recover(folder).unwrap();
        assert_eq!(log_folder::torn_tails(folder).len(), 1);
        for file in files_with(folder, |_| true) {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[test]
    fn what_is_created_is_private_whatever_the_umask() {
        if let Some(folder) = std::env::var_os(FOLDER) {
            let folder = Path::new(&folder);
            files_are_private(folder);
            for created in [folder, folder.parent().unwrap()] {
                assert_eq!(mode(created), 0o700, "{}", created.display());
            }
            return;
        }
        for umask in ["000", "022", "077", "277", "777"] {
            let home = quick_folder();
            let run = format!("umask {umask}; exec \"$@\"");
            in_a_process("modes::what_is_created_is_private_whatever_the_umask", &run, &home.path().join("above/log"));
        }
    }

    #[test]
    fn a_folder_that_is_there_keeps_its_mode() {
        let folder = quick_folder();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o750)).unwrap();
        files_are_private(folder.path());
        assert_eq!(mode(folder.path()), 0o750);
    }
}

mod lock {
    use std::fs::File;

    use super::*;

    #[test]
    fn it_holds_although_its_file_is_deleted() {
        let folder = quick_folder();
        let mut writer = begin(folder.path()).unwrap();
        for _ in 0..2 {
            std::fs::remove_file(folder.path().join("LOCK")).unwrap();
            let refused = begin(folder.path()).unwrap_err();
            assert!(matches!(&refused, SinkError::InUse { path, .. } if path == folder.path()), "{refused}");
            std::fs::write(folder.path().join("LOCK"), "").unwrap();
        }
        let batch = now(writer.append(&[put_text("k", 1)]));
        now(writer.make_durable());
        drop(writer);
        assert_eq!(recover(folder.path()), Ok(vec![batch]));
    }

    /// Older versions lock the file alone.
    #[test]
    fn its_file_is_locked_too() {
        let folder = quick_folder();
        drop(begin(folder.path()).unwrap());
        let lock = File::options().write(true).open(folder.path().join("LOCK")).unwrap();
        lock.try_lock().expect("nobody has the log open");
        let refused = begin(folder.path()).unwrap_err();
        assert!(matches!(refused, SinkError::InUse { .. }), "{refused}");
        drop(lock);

        let _writer = begin(folder.path()).unwrap();
        let lock = File::options().write(true).open(folder.path().join("LOCK")).unwrap();
        assert!(lock.try_lock().is_err());
    }
}

mod taken_away {
    use proto::Batch;
    use txnd::SegmentSink;

    use super::*;
    use crate::writer::Writer;

    /// Text of one batch: three of them fill a segment.
    const TEXT_BYTES: usize = 20_000;

    /// A writer with some batches, all durable, in a folder within `home`.
    fn writer_in(home: &Path) -> (Writer<SegmentSink>, Vec<Batch>) {
        let mut writer = begin(&home.join("log")).unwrap();
        let batch = now(writer.append(&[put_text("k", TEXT_BYTES)]));
        now(writer.make_durable());
        (writer, vec![batch])
    }

    /// Appends until the writer is told, for good, that its log is gone; returns how many batches were acknowledged before.
    fn is_noticed(writer: &mut Writer<SegmentSink>, expected: impl Fn(&SinkError) -> bool) -> usize {
        for acknowledged in 0..=3 {
            let batch = writer.seal(&[put_text("k", TEXT_BYTES)]);
            let taken = now(writer.sink.append(&batch)).and_then(|()| now(writer.sink.durable()));
            let Err(failed) = taken else { continue };
            assert!(expected(&failed), "{failed}");
            assert_eq!(now(writer.sink.append(&batch)), Err(failed.clone()));
            assert_eq!(now(writer.sink.durable()), Err(failed.clone()));
            assert_eq!(now(writer.resume()), Err(failed), "it is final");
            return acknowledged;
        }
        panic!("a whole segment was acknowledged");
    }

    fn is_gone(failed: &SinkError) -> bool {
        matches!(failed, SinkError::Failed(why) if why.contains("removed, moved or replaced"))
    }

    #[test]
    fn a_folder_that_is_removed_is_noticed_at_once() {
        let home = quick_folder();
        let (mut writer, _) = writer_in(home.path());
        std::fs::remove_dir_all(home.path().join("log")).unwrap();
        assert_eq!(is_noticed(&mut writer, is_gone), 0);
        assert!(!home.path().join("log").exists(), "nothing is made in its place");
    }

    #[test]
    fn a_segment_that_is_removed_is_noticed_at_once() {
        let home = quick_folder();
        let (mut writer, _) = writer_in(home.path());
        std::fs::remove_file(last_segment(&home.path().join("log"))).unwrap();
        assert_eq!(is_noticed(&mut writer, is_gone), 0);
    }

    #[test]
    fn a_folder_that_is_moved_is_noticed_at_the_next_roll_over() {
        let home = quick_folder();
        let (mut writer, batches) = writer_in(home.path());
        let moved = home.path().join("moved");
        std::fs::rename(home.path().join("log"), &moved).unwrap();
        let acknowledged = is_noticed(&mut writer, is_gone);
        drop(writer);
        let found = recover(&moved).unwrap();
        assert!(found.len() > acknowledged && found.starts_with(&batches), "what was acknowledged is where it went");
    }

    #[test]
    fn a_folder_that_another_log_took_the_place_of_is_noticed_at_the_next_roll_over() {
        let home = quick_folder();
        let (mut writer, _) = writer_in(home.path());
        std::fs::rename(home.path().join("log"), home.path().join("moved")).unwrap();
        let (_other, batches) = writer_in(home.path());
        is_noticed(&mut writer, is_gone);
        drop(writer);
        drop(_other);
        assert_eq!(recover(&home.path().join("log")), Ok(batches), "the other log is as it was");
    }

    #[test]
    fn a_manifest_that_is_removed_is_noticed_at_the_next_roll_over() {
        let home = quick_folder();
        let (mut writer, _) = writer_in(home.path());
        std::fs::remove_file(home.path().join("log/MANIFEST")).unwrap();
        is_noticed(&mut writer, is_gone);
    }

    /// Writes the manifest anew, in a file of its own, with `epoch`.
    fn set_epoch(folder: &Path, epoch: u64) {
        let manifest = folder.join("MANIFEST");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let (lines, _) = text.split_once("epoch").unwrap();
        let lines = format!("{lines}epoch {epoch}\n");
        std::fs::remove_file(&manifest).unwrap();
        std::fs::write(&manifest, format!("{lines}crc32c {:08x}\n", crc32c::crc32c(lines.as_bytes()))).unwrap();
    }

    /// Where locks do not hold, as on some network file systems, or because an older version knows only the file.
    #[test]
    fn a_writer_that_another_one_has_taken_over_from_is_fenced_at_the_next_roll_over() {
        let home = quick_folder();
        let (mut writer, _) = writer_in(home.path());
        let own = writer.opened.epoch;
        set_epoch(&home.path().join("log"), own + 1);
        is_noticed(&mut writer, |failed| *failed == SinkError::Fenced { own, newer: own + 1 });
    }

    #[test]
    fn a_manifest_that_was_put_back_as_it_was_is_no_harm() {
        let home = quick_folder();
        let (mut writer, mut batches) = writer_in(home.path());
        set_epoch(&home.path().join("log"), writer.opened.epoch);
        for _ in 0..10 {
            batches.push(now(writer.append(&[put_text("k", TEXT_BYTES)])));
            now(writer.make_durable());
        }
        drop(writer);
        assert!(recover(&home.path().join("log")) == Ok(batches));
    }
}

mod descriptors {
    use std::fs::File;

    use super::*;

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
            let name = "descriptors::the_log_goes_on_when_others_have_taken_all";
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
            let name = "descriptors::the_log_is_unavailable_while_others_take_each_that_comes_back";
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
}
