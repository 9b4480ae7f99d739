//! Checkpoints of a segmented log: what is kept, what is removed, what is left by a crash or damage.

mod log_folder;
mod writer;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use log_folder::{Ending, Files, edit, end, files_with, name_of, now, segments};
use proto::limits::MAX_LSN;
use proto::{Batch, Lsn};
use testkit::folder::quick_folder;
use txnd::{
    Checkpoint, CheckpointWriter, LogReader, LogWriter, MIN_SEGMENT_BYTES, Retention, SegmentReader, SegmentSink,
    SinkError,
};
use writer::{Writer, checkpoint_of, put_text};

const NOTHING: Retention = Retention::Bytes(0);

fn begin(folder: &Path, retention: Retention) -> Writer<SegmentSink> {
    now(Writer::begin(SegmentSink::new(folder, MIN_SEGMENT_BYTES).with_retention(retention)))
        .expect("the log is opened")
}

/// Appends records until the log has `more` segments more.
fn fill(writer: &mut Writer<SegmentSink>, folder: &Path, more: usize) {
    let before = segments(folder).last().cloned();
    let mut begun = 0;
    let mut last = before;
    while begun < more {
        now(writer.append(&[put_text("k", 12_000)]));
        now(writer.make_durable());
        let newest = segments(folder).pop();
        if newest != last {
            (last, begun) = (newest, begun + 1);
        }
    }
}

/// Writes a checkpoint of everything that is durable, with five entries.
fn write(writer: &mut Writer<SegmentSink>, folder: &Path) -> Checkpoint {
    let base = writer.durable;
    let mut checkpoint = writer.sink.begin_checkpoint(base).unwrap().expect("files keep checkpoints");
    for batch in checkpoint_of(base, 5, base) {
        now(checkpoint.append(&batch)).unwrap();
    }
    now(checkpoint.finish()).unwrap();
    let kept = now(writer.sink.keep_checkpoint(checkpoint)).unwrap();
    wait_for_removal(writer, folder);
    kept
}

/// Files are removed in a thread of their own.
fn wait_for_removal(writer: &Writer<SegmentSink>, folder: &Path) {
    let (reader, began) = (writer.sink.reader(), Instant::now());
    let is_done = || {
        let oldest = now(reader.bounds()).unwrap().oldest;
        let segments = segments(folder).iter().all(|segment| first_lsn(segment) >= oldest);
        segments && checkpoint_files(folder).len() == bases(&reader).len()
    };
    while !is_done() {
        assert!(began.elapsed() < Duration::from_secs(30), "what is no longer kept is not removed");
        std::thread::yield_now();
    }
}

fn bases(reader: &SegmentReader) -> Vec<Lsn> {
    now(reader.checkpoints()).unwrap().iter().map(|checkpoint| checkpoint.base).collect()
}

fn load(reader: &SegmentReader, checkpoint: &Checkpoint) -> Result<Vec<Batch>, SinkError> {
    let mut batches = Vec::new();
    now(reader.read_checkpoint(checkpoint, &mut async |batch: &Batch| {
        batches.push(batch.clone());
        Ok(())
    }))?;
    Ok(batches)
}

/// Lsns of the records from `from` to the end.
fn lsns(reader: &SegmentReader, from: Lsn) -> Result<Vec<Lsn>, SinkError> {
    let mut found = Vec::new();
    now(reader.read(from..=Lsn::MAX, &mut async |batch: &Batch| {
        found.extend(batch.first_lsn()..=batch.last_lsn());
        Ok(())
    }))?;
    Ok(found.into_iter().filter(|lsn| *lsn >= from).collect())
}

fn checkpoint_files(folder: &Path) -> Vec<String> {
    files_with(folder, |name| name.contains(".checkpoint")).iter().map(|path| name_of(path).to_owned()).collect()
}

fn first_lsn(segment: &Path) -> Lsn {
    name_of(segment).strip_suffix(".seg").and_then(|lsn| lsn.parse().ok()).expect("a segment's name")
}

#[test]
fn what_the_earlier_checkpoint_covers_is_removed() {
    let folder = quick_folder();
    let mut writer = begin(folder.path(), NOTHING);
    let mut kept = Vec::new();
    for round in 0..5 {
        fill(&mut writer, folder.path(), 3);
        let reader = writer.sink.reader();
        kept.push(write(&mut writer, folder.path()).base);
        let expected: Vec<Lsn> = kept.iter().rev().take(2).copied().collect();
        assert_eq!(bases(&reader), expected);
        assert_eq!(checkpoint_files(folder.path()).len(), expected.len());
        let oldest = now(reader.bounds()).unwrap().oldest;
        assert_eq!(oldest, first_lsn(&segments(folder.path())[0]));
        match round {
            0 => assert_eq!(oldest, 1, "one checkpoint alone may be damaged"),
            _ => {
                let earlier = kept[round - 1];
                assert!(oldest <= earlier + 1, "the earlier checkpoint is of use: {oldest} {earlier}");
                assert!(segments(folder.path())[1..].iter().all(|segment| first_lsn(segment) > earlier + 1), "no more");
                assert_eq!(lsns(&reader, 1), Err(SinkError::NoLongerKept { lsn: 1, oldest }));
                assert_eq!(lsns(&reader, oldest - 1), Err(SinkError::NoLongerKept { lsn: oldest - 1, oldest }));
            }
        }
        assert_eq!(lsns(&reader, oldest), Ok((oldest..=writer.durable).collect()));
    }
    let (durable, oldest) = (writer.durable, now(writer.sink.reader().bounds()).unwrap().oldest);
    end(writer, Ending::Killed);
    let mut writer = begin(folder.path(), NOTHING);
    assert_eq!((writer.durable, now(writer.sink.reader().bounds()).unwrap().oldest), (durable, oldest));
    fill(&mut writer, folder.path(), 1);
    assert_eq!(lsns(&writer.sink.reader(), oldest), Ok((oldest..=writer.durable).collect()));
}

#[test]
fn retention_keeps_more() {
    let age = |hours: u64| Retention::Age(Duration::from_secs(hours * 3600));
    let sizes = 4 * MIN_SEGMENT_BYTES;
    for (retention, fewest, most) in
        [(Retention::All, 12, 99), (Retention::Bytes(sizes), 4, 9), (age(1), 12, 99), (age(0), 1, 5), (NOTHING, 1, 5)]
    {
        let folder = quick_folder();
        let mut writer = begin(folder.path(), retention);
        for _ in 0..4 {
            fill(&mut writer, folder.path(), 3);
            write(&mut writer, folder.path());
        }
        let kept = segments(folder.path()).len();
        assert!((fewest..=most).contains(&kept), "{retention:?} keeps {kept} segments");
    }
    // By the time at which they were written last.
    let folder = quick_folder();
    let mut writer = begin(folder.path(), age(1));
    fill(&mut writer, folder.path(), 6);
    write(&mut writer, folder.path());
    let old = SystemTime::now() - Duration::from_secs(7200);
    for segment in &segments(folder.path())[..2] {
        std::fs::File::options().write(true).open(segment).unwrap().set_modified(old).unwrap();
    }
    let third = first_lsn(&segments(folder.path())[2]);
    fill(&mut writer, folder.path(), 1);
    write(&mut writer, folder.path());
    assert_eq!(first_lsn(&segments(folder.path())[0]), third);
}

/// The log does not grow by what comes until the next checkpoint.
#[test]
fn each_new_segment_lets_an_old_one_go() {
    let folder = quick_folder();
    let mut writer = begin(folder.path(), Retention::Bytes(12 * MIN_SEGMENT_BYTES));
    for segments in [2, 8, 8] {
        fill(&mut writer, folder.path(), segments);
        write(&mut writer, folder.path());
    }
    let reader = writer.sink.reader();
    let oldest = || now(reader.bounds()).unwrap().oldest;
    let (before, began, earlier) = (segments(folder.path()).len(), oldest(), bases(&reader)[1]);
    fill(&mut writer, folder.path(), 3);
    wait_for_removal(&writer, folder.path());
    assert!(began < oldest() && segments(folder.path()).len() <= before, "the log has grown");
    assert_eq!(lsns(&reader, oldest()), Ok((oldest()..=writer.durable).collect()));
    // What the earlier checkpoint needs stays.
    fill(&mut writer, folder.path(), 12);
    wait_for_removal(&writer, folder.path());
    assert!(oldest() <= earlier + 1);
    assert_eq!(lsns(&reader, earlier + 1), Ok((earlier + 1..=writer.durable).collect()));
    let oldest = oldest();
    end(writer, Ending::Killed);
    let writer = begin(folder.path(), Retention::All);
    assert_eq!(now(writer.sink.reader().bounds()).unwrap().oldest, oldest);
}

#[test]
fn an_unfinished_checkpoint_leaves_nothing() {
    let folder = quick_folder();
    let mut writer = begin(folder.path(), NOTHING);
    fill(&mut writer, folder.path(), 1);
    let base = writer.durable;
    let before = Files::of(folder.path());
    let mut dropped = writer.sink.begin_checkpoint(base).unwrap().unwrap();
    now(dropped.append(&checkpoint_of(base, 2, base)[0])).unwrap();
    assert!(now(dropped.finish()).is_err(), "it has no end");
    assert_eq!(checkpoint_files(folder.path()).len(), 1);
    drop(dropped);
    assert_eq!(Files::of(folder.path()), before);

    // It shows more than what is durable.
    let mut ahead = writer.sink.begin_checkpoint(base).unwrap().unwrap();
    for batch in checkpoint_of(base, 2, base + 1) {
        now(ahead.append(&batch)).unwrap();
    }
    now(ahead.finish()).unwrap();
    assert!(now(writer.sink.keep_checkpoint(ahead)).is_err());
    assert_eq!(Files::of(folder.path()), before);

    // Batches of another checkpoint, or after the end.
    let mut mixed = writer.sink.begin_checkpoint(base).unwrap().unwrap();
    now(mixed.append(&checkpoint_of(base, 4, base)[0])).unwrap();
    assert!(now(mixed.append(&checkpoint_of(base, 4, base)[1])).is_err());
    let mut longer = writer.sink.begin_checkpoint(base).unwrap().unwrap();
    let batches = checkpoint_of(base, 2, base);
    now(longer.append(&batches[0])).unwrap();
    now(longer.append(&batches[1])).unwrap();
    assert!(now(longer.append(&batches[1])).is_err());
    drop((mixed, longer));

    // A process that died while it wrote one, or before it named it.
    end(writer, Ending::Killed);
    for name in [
        "00000000000000000009.checkpoint.tmp",
        "00000000000000000009.checkpoint.7.tmp",
        "00000000000000000009.checkpoint",
    ] {
        std::fs::write(folder.path().join(name), "half of it").unwrap();
    }
    std::fs::write(folder.path().join("mine.checkpoint"), "not of the log").unwrap();
    drop(begin(folder.path(), NOTHING));
    assert_eq!(checkpoint_files(folder.path()), ["mine.checkpoint"]);
}

/// Who writes a checkpoint may drop it late, in a thread of its own, when the log is already opened again.
#[test]
fn a_start_while_unfinished_checkpoints_are_dropped() {
    let folder = quick_folder();
    let mut writer = begin(folder.path(), NOTHING);
    now(writer.append(&[put_text("k", 10)]));
    now(writer.make_durable());
    for _ in 0..50 {
        let base = writer.durable;
        let unfinished: Vec<_> = (0..100).map(|_| writer.sink.begin_checkpoint(base).unwrap().unwrap()).collect();
        drop(writer);
        let late = std::thread::spawn(move || drop(unfinished));
        writer = begin(folder.path(), NOTHING);
        late.join().unwrap();
    }
}

/// Wherever a process dies that keeps a checkpoint: between any two changes of the folder.
#[test]
fn a_death_between_any_two_steps_loses_nothing() {
    let folder = quick_folder();
    let mut writer = begin(folder.path(), NOTHING);
    fill(&mut writer, folder.path(), 3);
    write(&mut writer, folder.path());
    fill(&mut writer, folder.path(), 3);
    let before = Files::of(folder.path());
    let kept = write(&mut writer, folder.path());
    let durable = writer.durable;
    end(writer, Ending::Killed);
    let after = Files::of(folder.path());
    let removed: Vec<_> = before.0.keys().filter(|path| !after.0.contains_key(*path)).collect();
    assert!(removed.len() >= 3, "segments: {removed:?}");
    let added: Vec<_> = after.0.keys().filter(|path| !before.0.contains_key(*path)).collect();
    assert_eq!(added.len(), 1, "the checkpoint: {added:?}");
    let manifest = folder.path().join("MANIFEST");

    // The checkpoint has its name, but the manifest does not name it.
    let mut named = before.clone();
    named.0.insert(added[0].clone(), after.0[added[0]].clone());
    // The manifest names it, and some segments are not removed yet.
    let mut states = vec![(named, false)];
    for left in 0..=removed.len() {
        let mut state = after.clone();
        removed[left..].iter().for_each(|path| drop(state.0.insert((*path).clone(), before.0[*path].clone())));
        assert_ne!(state.0[&manifest], before.0[&manifest]);
        states.push((state, true));
    }
    for (state, in_use) in states {
        state.put_back(folder.path());
        let writer = begin(folder.path(), NOTHING);
        assert_eq!(writer.durable, durable);
        let reader = writer.sink.reader();
        assert_eq!(bases(&reader).first() == Some(&kept.base), in_use);
        assert_eq!(checkpoint_files(folder.path()).len(), bases(&reader).len());
        let oldest = now(reader.bounds()).unwrap().oldest;
        assert_eq!(lsns(&reader, oldest), Ok((oldest..=durable).collect()));
        let earliest = *bases(&reader).last().unwrap();
        assert!(oldest <= earliest + 1);
        assert_eq!(
            segments(folder.path()).len(),
            if in_use { before_and_after(&after) } else { before_and_after(&before) }
        );
    }
}

fn before_and_after(files: &Files) -> usize {
    files.0.keys().filter(|path| name_of(path).ends_with(".seg")).count()
}

#[test]
fn every_changed_byte_of_a_checkpoint_is_noticed() {
    let folder = quick_folder();
    let mut writer = begin(folder.path(), NOTHING);
    fill(&mut writer, folder.path(), 1);
    write(&mut writer, folder.path());
    fill(&mut writer, folder.path(), 1);
    let kept = write(&mut writer, folder.path());
    let reader = SegmentReader::new(folder.path());
    let path = files_with(folder.path(), |name| name.ends_with(".checkpoint")).pop().unwrap();
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            std::fs::write(&path, bytes).unwrap();
            // The time is for people only, and covered by the header's checksum, too.
            assert!(matches!(load(&reader, &kept), Err(SinkError::Corrupt { .. })), "byte {at}, bit {bit}");
        }
    }
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(load(&reader, &kept), Err(SinkError::Corrupt { .. })), "{length} bytes");
    }
    std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert!(matches!(load(&reader, &kept), Err(SinkError::Corrupt { .. })), "a byte more");
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(load(&reader, &kept), Err(SinkError::Corrupt { .. })), "no file");
    assert_eq!(bases(&reader).len(), 1, "the one before is left");
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(load(&reader, &kept).unwrap().len(), 4);
}

#[test]
fn a_manifest_says_what_it_is_of() {
    let folder = quick_folder();
    let mut writer = begin(folder.path(), NOTHING);
    let first_line =
        || std::fs::read_to_string(folder.path().join("MANIFEST")).unwrap().lines().next().map(String::from);
    fill(&mut writer, folder.path(), 1);
    write(&mut writer, folder.path());
    assert_eq!(first_line().as_deref(), Some("kvs-log 3"), "earlier programs refuse it");
    end(writer, Ending::Closed);
    edit(&folder.path().join("MANIFEST"), |text| {
        let at = text.windows(6).position(|part| part == b"first ").unwrap() + 6;
        text[at] ^= 3;
    });
    let open = || now(SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES).open());
    let refused = open();
    assert!(matches!(refused, Err(SinkError::Corrupt { .. })), "{refused:?}");

    // A format to come has the same last line.
    let lines = "kvs-log 4\nid 0000000000000007\nepoch 1\nshelf 4\n";
    let newer = format!("{lines}crc32c {:08x}\n", crc32c::crc32c(lines.as_bytes()));
    std::fs::write(folder.path().join("MANIFEST"), newer).unwrap();
    let refused = open();
    assert!(matches!(&refused, Err(SinkError::Failed(why)) if why.contains("use a newer program")), "{refused:?}");
}

/// A reader that is under way when its segments are removed says so, and is not taken for damage.
#[test]
fn a_reader_whose_segments_are_removed_is_told() {
    let folder = quick_folder();
    let mut writer = begin(folder.path(), NOTHING);
    fill(&mut writer, folder.path(), 3);
    write(&mut writer, folder.path());
    fill(&mut writer, folder.path(), 3);
    let reader = SegmentReader::new(folder.path());
    let mut visited = 0;
    let writer = std::cell::RefCell::new(writer);
    let ended = now(reader.read(1..=Lsn::MAX, &mut async |_: &Batch| {
        visited += 1;
        if visited == 1 {
            write(&mut writer.borrow_mut(), folder.path());
        }
        Ok(())
    }));
    let oldest = now(reader.bounds()).unwrap().oldest;
    assert!(matches!(ended, Err(SinkError::NoLongerKept { oldest: found, .. }) if found == oldest), "{ended:?}");
    assert!(visited >= 1 && oldest > 1);
}

/// There is no lsn after the last one.
#[test]
fn a_log_cannot_begin_after_every_lsn_that_there_is() {
    for base in [MAX_LSN, MAX_LSN + 1, Lsn::MAX] {
        let folder = quick_folder();
        let mut writer = begin(folder.path(), NOTHING);
        let mut checkpoint = writer.sink.begin_checkpoint(base).unwrap().expect("files keep checkpoints");
        checkpoint_of(base, 5, base).iter().for_each(|batch| now(checkpoint.append(batch)).unwrap());
        now(checkpoint.finish()).unwrap();
        let refused = now(writer.sink.begin_with(checkpoint)).unwrap_err();
        assert!(matches!(&refused, SinkError::Failed(why) if why.contains("cannot begin after")), "{refused}");
        drop(writer);
        assert_eq!(begin(folder.path(), NOTHING).opened.chain.lsn, 0, "the log is as it was");
    }
}
