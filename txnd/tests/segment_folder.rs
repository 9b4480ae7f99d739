//! The folder of a segmented log: whose files it may hold, who may read it, and what happens when it is taken away.

mod log_folder;
mod writer;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use log_folder::{Files, assert_files_are_private, begin, last_segment, mode, now, recover, write_segments};
use testkit::folder::quick_folder;
use txnd::{LogWriter, SinkError};
use writer::{Content, put_text, seed};

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

    #[test]
    fn a_folder_that_is_there_keeps_its_mode() {
        let folder = quick_folder();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o750)).unwrap();
        assert_files_are_private(folder.path());
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
        // In the first format, which has no terms.
        let lines = format!("{}epoch {epoch}\n", lines.replacen("kvs-log 3", "kvs-log 1", 1));
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
