//! The segment sink on a disk that is full or read-only, and two processes that want the same folder.
//!
//! Where the machine allows neither root nor user namespaces, the tests that need a small disk say so and end.

mod log_folder;
mod writer;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use log_folder::{
    Ending, Files, SEGMENT_HEADER_BYTES, batches_in, begin, edit, end, files_with, last_segment, now, recover,
    segments, torn_tails, write_segments,
};
use proto::Batch;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::fs::FallocateFlags;
use testkit::folder::quick_folder;
use testkit::small_disk::{PAGE_BYTES, SmallDisk};
use txnd::MIN_SEGMENT_BYTES;
use txnd::{LogWriter, MAX_IN_FLIGHT, SegmentSink, SinkError};
use writer::{Content, Writer, deliver, put_text, seal, seed};

/// Bytes of the text in one batch on the small disk: a few of them fill a segment.
const TEXT_BYTES: usize = 20_000;

/// Lets one test run at a time. A process that one test starts has, until it executes its program, a copy of every
/// open file, and so for a moment holds the locks of the logs of all others.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks that the sink refuses for now, because of the space, and names the place.
fn is_out_of_space(error: &SinkError, folder: &Path) {
    let message = error.to_string();
    assert!(matches!(error, SinkError::Unavailable(_)), "{message}");
    assert!(message.contains("No space left on device"), "{message}");
    assert!(message.contains(&folder.display().to_string()), "{message}");
}

/// Appends batches, one at a time, until the sink is out of space; returns those that are durable, and the one that is not.
fn append_until_full(writer: &mut Writer<SegmentSink>, folder: &Path) -> (Vec<Batch>, Batch) {
    let mut durable = Vec::new();
    loop {
        let batch = writer.seal(&[put_text("k", TEXT_BYTES)]);
        match now(deliver_once(writer, &batch)) {
            Ok(()) => durable.push(batch),
            Err(e) => {
                is_out_of_space(&e, folder);
                return (durable, batch);
            }
        }
        assert!(durable.len() < 100, "the disk has no room for more");
    }
}

async fn deliver_once(writer: &mut Writer<SegmentSink>, batch: &Batch) -> Result<(), SinkError> {
    writer.sink.append(batch).await?;
    writer.durable = writer.sink.durable().await?;
    Ok(())
}

mod full {
    use super::*;

    #[test]
    fn what_is_durable_stays_and_the_rest_goes_on_when_there_is_space() {
        let _alone = alone();
        let Some(disk) = SmallDisk::new() else { return };
        disk.add_ballast();
        let folder = disk.log();
        let mut writer = begin(&folder).unwrap();
        let (mut appended, refused) = append_until_full(&mut writer, &folder);
        assert!(appended.len() > 3);

        for _ in 0..3 {
            assert_eq!(now(writer.resume()), Ok(writer.durable), "everything before was acknowledged");
            is_out_of_space(&now(writer.sink.append(&refused)).unwrap_err(), &folder);
            assert_eq!(now(writer.sink.durable()), Ok(writer.durable));
            assert!(now(writer.read(1)) == appended, "what is durable can be read");
            assert!(files_with(&folder, |name| name.ends_with(".tmp")).is_empty(), "no space is wasted");
        }

        disk.remove_ballast();
        assert_eq!(now(writer.resume()), Ok(writer.durable));
        assert_eq!(now(deliver(&mut writer, std::slice::from_ref(&refused))), Ok(0));
        appended.push(refused);
        appended.push(now(writer.append(&[put_text("after", 1)])));
        now(writer.make_durable());
        assert!(now(writer.read(1)) == appended);
        end(writer, Ending::Closed);
        assert!(recover(&folder) == Ok(appended));
    }

    #[test]
    fn batches_in_flight_are_stored_once() {
        let _alone = alone();
        let Some(disk) = SmallDisk::new() else { return };
        disk.add_ballast();
        let folder = disk.log();
        let mut writer = begin(&folder).unwrap();
        let mut appended = Vec::new();
        let in_flight: Vec<Batch> = loop {
            let batches: Vec<_> = (0..MAX_IN_FLIGHT).map(|_| writer.seal(&[put_text("k", TEXT_BYTES)])).collect();
            match batches.iter().try_for_each(|batch| now(writer.sink.append(batch))) {
                Ok(()) => now(writer.make_durable()),
                Err(e) => {
                    is_out_of_space(&e, &folder);
                    break batches;
                }
            }
            appended.extend(batches);
        };
        disk.remove_ballast();
        let durable = now(writer.resume()).unwrap();
        assert!((writer.durable..writer.chain.lsn).contains(&durable));
        let rest: Vec<Batch> = in_flight.iter().filter(|batch| batch.last_lsn() > durable).cloned().collect();
        assert_eq!(now(deliver(&mut writer, &rest)), Ok(0));
        appended.extend(in_flight);
        drop(writer);
        assert!(recover(&folder) == Ok(appended));
    }

    #[test]
    fn a_segment_never_needs_more_than_was_reserved_for_it() {
        let _alone = alone();
        let seed = seed();
        let mut rng = StdRng::seed_from_u64(seed);
        let folder = quick_folder();
        let mut writer = begin(folder.path()).unwrap();
        for _ in 0..2000 {
            // Some know what is durable, others were sealed before.
            if rng.random() {
                writer.durable = 0;
            }
            now(writer.append(&[put_text("k", rng.random_range(0..3000))]));
            if rng.random() {
                now(writer.make_durable());
            }
        }
        now(writer.sink.close()).unwrap();
        let sizes = segments(folder.path()).into_iter().map(|path| std::fs::metadata(path).unwrap().len());
        assert!(sizes.len() > 10);
        sizes.enumerate().for_each(|(index, size)| assert_eq!(size, MIN_SEGMENT_BYTES, "segment {index}"));
    }

    #[test]
    fn a_process_that_died_on_it_comes_back_when_there_is_space() {
        let _alone = alone();
        let Some(disk) = SmallDisk::new() else { return };
        disk.add_ballast();
        let folder = disk.log();
        let mut writer = begin(&folder).unwrap();
        let (appended, _) = append_until_full(&mut writer, &folder);
        drop(writer);
        disk.fill_up();
        match recover(&folder) {
            Ok(found) => assert!(found == appended),
            Err(e) => is_out_of_space(&e, &folder),
        }
        disk.remove_ballast();
        assert!(recover(&folder) == Ok(appended));
    }

    #[test]
    fn a_new_log_is_begun_when_there_is_space() {
        let _alone = alone();
        let Some(disk) = SmallDisk::new() else { return };
        disk.fill_up();
        let folder = disk.log();
        for _ in 0..2 {
            is_out_of_space(&begin(&folder).unwrap_err(), &folder);
        }
        disk.remove_ballast();
        let mut writer = begin(&folder).unwrap();
        assert_eq!(writer.opened.chain.lsn, 0);
        let batch = now(writer.append(&[put_text("k", 1)]));
        now(writer.make_durable());
        drop(writer);
        assert_eq!(recover(&folder), Ok(vec![batch]));
    }

    #[test]
    fn a_torn_tail_is_not_cut_off_before_it_is_kept() {
        let _alone = alone();
        let Some(disk) = SmallDisk::new() else { return };
        let folder = disk.log();
        let mut writer = begin(&folder).unwrap();
        let batch = now(writer.append(&[put_text("acknowledged", 100)]));
        now(writer.make_durable());
        now(writer.append(&[put_text("torn", TEXT_BYTES)]));
        drop(writer);
        let segment = last_segment(&folder);
        edit(&segment, |bytes| {
            let torn = batches_in(bytes)[1].0.clone();
            bytes[torn.end - 1] ^= 1;
        });
        let torn = std::fs::read(&segment).unwrap();
        disk.fill_up();
        is_out_of_space(&begin(&folder).unwrap_err(), &folder);
        assert!(std::fs::read(&segment).unwrap() == torn, "the segment is as it was");

        disk.remove_ballast();
        assert_eq!(recover(&folder), Ok(vec![batch]));
        assert_eq!(torn_tails(&folder).len(), 1);
    }
}

/// Some file systems cannot reserve space, and some write every change to a new place: there a full disk shows at any
/// write, after any byte.
mod full_without_reserved_space {
    use super::*;

    /// Bytes that the first batch leaves free in its page: less than the mark behind it needs.
    const ROOM: [u64; 4] = [0, 1, 32, 63];

    /// A log on a full disk whose segment has one page.
    fn begin_on_one_page(disk: &SmallDisk) -> Writer<SegmentSink> {
        let writer = begin(&disk.log()).unwrap();
        let segment = std::fs::File::options().write(true).open(last_segment(&disk.log())).unwrap();
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&segment, hole, PAGE_BYTES, MIN_SEGMENT_BYTES - PAGE_BYTES).expect("a tmpfs can do that");
        disk.fill_up();
        writer
    }

    /// Seals batches, none of which knows that anything is durable. The first one leaves `room` bytes of its page.
    fn seal_all(writer: &mut Writer<SegmentSink>, room: u64) -> Vec<Batch> {
        let around = SEGMENT_HEADER_BYTES + seal(&[put_text("k", 0)], &writer.chain, 1, 0).as_bytes().len();
        let first = PAGE_BYTES as usize - around - room as usize;
        [first, 1000, 5000, 10].map(|bytes| writer.seal(&[put_text("k", bytes)])).to_vec()
    }

    #[test]
    fn what_could_not_be_written_is_written_again() {
        let _alone = alone();
        for room in ROOM {
            let Some(disk) = SmallDisk::new() else { return };
            let folder = disk.log();
            let mut writer = begin_on_one_page(&disk);
            let batches = seal_all(&mut writer, room);
            is_out_of_space(&now(deliver_once(&mut writer, &batches[0])).unwrap_err(), &folder);
            // As long as the disk is full, the sink may resume, and has room for nothing.
            match now(writer.resume()) {
                Ok(reported) => {
                    let next = batches.iter().find(|batch| batch.last_lsn() > reported).expect("there are more");
                    is_out_of_space(&now(deliver_once(&mut writer, next)).unwrap_err(), &folder);
                }
                Err(e) => is_out_of_space(&e, &folder),
            }

            disk.remove_ballast();
            let reported = now(writer.resume()).unwrap();
            let rest = &batches[batches.partition_point(|batch| batch.last_lsn() <= reported)..];
            for batch in rest {
                now(deliver_once(&mut writer, batch)).unwrap();
            }
            assert!(now(writer.read(1)) == batches, "{room} bytes of room");
            drop(writer);
            match recover(&folder) {
                Ok(found) => assert!(found == batches, "{room} bytes of room"),
                Err(e) => panic!("{room} bytes of room: {e}"),
            }
        }
    }

    #[test]
    fn what_was_reported_as_durable_is_protected() {
        let _alone = alone();
        for room in ROOM {
            let Some(disk) = SmallDisk::new() else { return };
            let folder = disk.log();
            let mut writer = begin_on_one_page(&disk);
            let first = seal_all(&mut writer, room).remove(0);
            is_out_of_space(&now(deliver_once(&mut writer, &first)).unwrap_err(), &folder);
            disk.remove_ballast();
            let reported = now(writer.resume()).and_then(|_| now(writer.sink.durable())).unwrap();
            assert_eq!(reported, 1);
            drop(writer);
            edit(&last_segment(&folder), |bytes| bytes[SEGMENT_HEADER_BYTES + first.as_bytes().len() - 1] ^= 1);
            let found = recover(&folder);
            assert!(matches!(found, Err(SinkError::Corrupt { .. })), "{room} bytes of room: {found:?}");
        }
    }

    #[test]
    fn what_was_durable_is_protected_when_the_next_batch_was_half_written() {
        let _alone = alone();
        // Room for the mark behind the first batch, and for half of the second one.
        for room in [64, 65, 127, 128, 500] {
            let Some(disk) = SmallDisk::new() else { return };
            let folder = disk.log();
            let mut writer = begin_on_one_page(&disk);
            let first = seal_all(&mut writer, room).remove(0);
            now(deliver_once(&mut writer, &first)).unwrap();
            let second = seal(&[put_text("k", 1000)], &writer.opened.chain.after(&first), writer.opened.epoch, 1);
            is_out_of_space(&now(deliver_once(&mut writer, &second)).unwrap_err(), &folder);
            assert_eq!(now(writer.resume()), Ok(1));
            drop(writer);
            disk.remove_ballast();
            edit(&last_segment(&folder), |bytes| bytes[SEGMENT_HEADER_BYTES + first.as_bytes().len() - 1] ^= 1);
            let found = recover(&folder);
            assert!(matches!(found, Err(SinkError::Corrupt { .. })), "{room} bytes of room: {found:?}");
        }
    }
}

mod read_only {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn is_refused(folder: &Path, reason: &str) {
        let message = begin(folder).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
        assert!(message.contains(&folder.display().to_string()), "{message}");
    }

    #[test]
    fn a_disk_is_refused_and_left_as_it_was() {
        let _alone = alone();
        let Some(mut disk) = SmallDisk::new() else { return };
        let folder = disk.log();
        let batches = write_segments(&folder, 2, &mut Content::new(seed()), Ending::Killed);
        let files = Files::of(&folder);
        disk.command("mount -o remount,bind,ro").expect("nothing on it is open");
        is_refused(&folder, "Read-only file system");
        is_refused(&disk.root().join("new"), "Read-only file system");
        assert!(Files::of(&folder) == files);

        disk.command("mount -o remount,bind,rw").unwrap();
        assert_eq!(recover(&folder), Ok(batches));
    }

    #[test]
    fn a_folder_without_permission_is_refused() {
        let _alone = alone();

        let home = quick_folder();
        let set_mode = |mode| std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        set_mode(0o555);
        if std::fs::write(home.path().join("probe"), "").is_ok() {
            println!("skipped: permission bits do not stop this user (root)");
            return;
        }
        is_refused(home.path(), "Permission denied");
        is_refused(&home.path().join("new"), "Permission denied");
        set_mode(0o755);
        assert_eq!(recover(home.path()), Ok(vec![]));
    }
}

mod in_use {
    use super::*;

    /// Set for a process that plays the writer, to the log's folder.
    const WRITES_TO: &str = "KVS_TEST_WRITES_TO";

    /// Kills of the writer in one run.
    const KILLS: usize = 12;

    /// Checks that the folder is refused because the process `holder` has it.
    fn is_held_by(folder: &Path, holder: u32) {
        let error = begin(folder).unwrap_err();
        let SinkError::InUse { path, .. } = &error else { panic!("{error}") };
        assert_eq!(path, folder);
        assert!(error.to_string().contains(&format!("process {holder};")), "{error}");
    }

    #[test]
    fn by_this_process() {
        let _alone = alone();
        let folder = quick_folder();
        let mut writer = begin(folder.path()).unwrap();
        let batch = now(writer.append(&[put_text("k", 1)]));
        for _ in 0..2 {
            is_held_by(folder.path(), std::process::id());
        }
        now(writer.make_durable());
        drop(writer);
        assert_eq!(recover(folder.path()), Ok(vec![batch]));
    }

    #[test]
    fn by_another_process_until_it_is_killed() {
        let _alone = alone();
        if let Some(folder) = std::env::var_os(WRITES_TO) {
            write_for_ever(Path::new(&folder));
        }
        let mut rng = StdRng::seed_from_u64(seed());
        let folder = tempfile::tempdir().expect("a temporary folder");
        for _ in 0..KILLS {
            let mut other = OtherWriter::start(folder.path(), "in_use::by_another_process_until_it_is_killed");
            let goal = other.next_durable().expect("it writes") + rng.random_range(0..400);
            is_held_by(folder.path(), other.0.id());
            while other.next_durable().expect("it writes") < goal {}
            let acknowledged = other.kill();

            let batches = recover(folder.path()).expect("the lock has died with its holder");
            let keys = batches.iter().flat_map(Batch::records).map(|record| record.unwrap().op.key().to_string());
            let keys: Vec<String> = keys.collect();
            assert!(keys.len() as u64 >= acknowledged, "{acknowledged} were acknowledged, {} are left", keys.len());
            assert!(keys.iter().zip(1..).all(|(key, lsn)| *key == lsn.to_string()), "each record once, in order");
        }
        assert!(segments(folder.path()).len() > 2, "the writers have filled some segments");
    }

    /// Appends records that have their lsn for a key, and says how far they are durable.
    fn write_for_ever(folder: &Path) -> ! {
        let mut writer = begin(folder).unwrap();
        loop {
            for _ in 0..1 + writer.chain.lsn % 3 {
                let lsn = writer.chain.lsn + 1;
                now(writer.append(&[put_text(&lsn.to_string(), 100 + lsn as usize % 400)]));
            }
            now(writer.make_durable());
            println!("durable {}", writer.durable);
        }
    }

    /// A process that writes to the log until it is killed.
    struct OtherWriter(Child, BufReader<ChildStdout>);

    impl OtherWriter {
        /// `test` is the test that writes when it is told to by the environment.
        fn start(folder: &Path, test: &str) -> Self {
            let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
            command.args(["--exact", test, "--nocapture"]).env(WRITES_TO, folder).stdout(Stdio::piped());
            let mut child = command.spawn().expect("this program can be executed");
            let said = BufReader::new(child.stdout.take().expect("it is piped"));
            Self(child, said)
        }

        /// The next lsn that it says is durable; `None` when it is gone.
        fn next_durable(&mut self) -> Option<u64> {
            (&mut self.1).lines().map_while(Result::ok).find_map(|line| line.strip_prefix("durable ")?.parse().ok())
        }

        /// Kills it; returns the last lsn that it has said is durable.
        fn kill(mut self) -> u64 {
            self.0.kill().expect("it runs");
            self.0.wait().expect("it ends");
            std::iter::from_fn(|| self.next_durable()).last().unwrap_or(0)
        }
    }

    impl Drop for OtherWriter {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
