//! Reading a segmented log while it is written: a reader sees exactly what was durable, whatever the writer does meanwhile.

mod log_folder;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use log_folder::{begin, now, segments};
use proto::{Batch, Chain};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use testkit::folder::quick_folder;
use txnd::{LogReader, LogWriter, SegmentReader, SinkError};
use writer::{Content, put_text, seed};

/// Groups of batches that are made durable one after the other.
const GROUPS: usize = 600;

/// Readers beside the writer.
const READERS: u64 = 3;

/// Reads that each reader makes at least.
const READS: usize = 30;

fn read(reader: &SegmentReader, from: u64, durable: Chain) -> Result<Vec<Batch>, SinkError> {
    let mut batches = Vec::new();
    now(reader.read(from..=durable.lsn, &mut async |batch: &Batch| {
        batches.push(batch.clone());
        Ok(())
    }))?;
    Ok(batches)
}

/// What the writer has told.
struct Told {
    durable: Chain,
    batches: Vec<Batch>,
}

#[test]
fn while_the_writer_appends_marks_and_rolls_over() {
    let seed = seed();
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    let start = writer.chain;
    let told = Arc::new(Mutex::new(Told { durable: start, batches: Vec::new() }));
    let done = Arc::new(AtomicBool::new(false));
    let reader = writer.sink.reader();
    let readers: Vec<_> = (0..READERS)
        .map(|number| {
            let (told, done) = (Arc::clone(&told), Arc::clone(&done));
            let reader = reader.clone();
            std::thread::spawn(move || {
                let mut rng = StdRng::seed_from_u64(seed + 1 + number);
                let mut reads = 0;
                while !done.load(Ordering::SeqCst) || reads < READS {
                    let durable = told.lock().unwrap().durable;
                    let from = rng.random_range(1..=durable.lsn + 1);
                    let found = read(&reader, from, durable).unwrap_or_else(|e| panic!("{from} to {durable:?}: {e}"));
                    let told = told.lock().unwrap();
                    let expected = told.batches.iter().filter(|b| b.last_lsn() >= from && b.last_lsn() <= durable.lsn);
                    assert!(expected.eq(found.iter()), "{from} to {durable:?}");
                    reads += 1;
                }
            })
        })
        .collect();
    let (mut rng, mut content) = (StdRng::seed_from_u64(seed), Content::new(seed));
    for _ in 0..GROUPS {
        let mut group = Vec::new();
        for _ in 0..rng.random_range(1..4) {
            // Some are written behind the mark, because they do not know what is durable.
            let known = writer.durable;
            writer.durable = if rng.random() { known } else { 0 };
            group.push(match rng.random_bool(0.2) {
                true => now(writer.append(&[put_text("large", rng.random_range(0..9000))])),
                false => now(writer.append(&content.ops(3))),
            });
            writer.durable = known;
        }
        now(writer.make_durable());
        let mut told = told.lock().unwrap();
        told.batches.append(&mut group);
        told.durable = writer.chain;
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.join().expect("each read was right");
    }
    assert!(segments(folder.path()).len() > 5, "the writer has rolled over");
}

#[test]
fn up_to_an_end_that_the_log_has_left_behind() {
    let folder = quick_folder();
    let mut writer = begin(folder.path()).unwrap();
    let reader = SegmentReader::new(folder.path());
    let (mut batches, mut ends) = (Vec::new(), vec![writer.chain]);
    for _ in 0..12 {
        batches.push(now(writer.append(&[put_text("k", 20_000)])));
        now(writer.make_durable());
        ends.push(writer.chain);
    }
    assert!(segments(folder.path()).len() > 3);
    for (count, end) in ends.iter().enumerate() {
        assert!(read(&reader, 1, *end).unwrap() == batches[..count], "{count} batches");
        assert_eq!(read(&reader, end.lsn + 1, *end), Ok(vec![]));
    }
    // The writer may be gone, too.
    drop(writer);
    assert!(read(&reader, 1, ends[12]).unwrap() == batches);
}
