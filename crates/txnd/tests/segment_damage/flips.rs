//! Every single bit of every file of a log of acknowledged records is flipped: either the log is refused with the place
//! of the damage, or all records come back as they were.

use std::path::Path;

use proto::Batch;
use txnd::SinkError;

use crate::log_folder::{
    Ending, Files, begin, data_end, end, last_segment, make_full, name_of, now, quick_folder, recover_prefix, segments,
};
use crate::writer::{Content, seed};

/// Of the preallocated zeros behind the data one bit is flipped in so many bytes.
const SAMPLE_BYTES: usize = 64;

#[test]
fn in_a_log_that_was_closed() {
    flip_every_bit(Ending::Closed, Sealing::InTime);
}

#[test]
fn in_a_log_whose_process_died_after_the_acknowledgement() {
    flip_every_bit(Ending::Killed, Sealing::InTime);
}

#[test]
fn in_a_log_whose_writer_had_sealed_everything_beforehand() {
    flip_every_bit(Ending::Killed, Sealing::Beforehand);
}

/// When a batch is sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sealing {
    /// When the one before it is durable, which its header says.
    InTime,
    /// When nothing is durable yet.
    Beforehand,
}

fn flip_every_bit(ending: Ending, sealing: Sealing) {
    let folder = quick_folder();
    let batches = write_log(folder.path(), &mut Content::new(seed()), ending, sealing);
    let files = Files::of(folder.path());
    let mut wrong = Vec::new();
    let mut tried = 0;
    for (path, bytes) in &files.0 {
        let data = if path.extension().is_some_and(|e| e == "seg") { data_end(bytes) } else { bytes.len() };
        let zeros = (data..bytes.len()).step_by(SAMPLE_BYTES).map(|byte| 8 * byte + byte / SAMPLE_BYTES % 8);
        for bit in (0..8 * data).chain(zeros) {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(path, flipped).unwrap();
            if let Err(what) = outcome(folder.path(), &files, path, bit, &batches) {
                wrong.push(format!("{}, byte {} of {data}, bit {}: {what}", name_of(path), bit / 8, bit % 8));
            }
            files.put_back(folder.path());
            tried += 1;
        }
    }
    assert!(tried > 8000, "{tried} bits are not all bits of a log");
    assert!(wrong.is_empty(), "{} of {tried} flips, such as {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
}

/// Two segments of three small batches each, all acknowledged.
fn write_log(folder: &Path, content: &mut Content, ending: Ending, sealing: Sealing) -> Vec<Batch> {
    let mut batches = Vec::new();
    for (segment, ending) in [(1, Ending::Closed), (2, ending)] {
        let mut writer = begin(folder).unwrap();
        for records in [1, 3, 2] {
            if sealing == Sealing::Beforehand {
                writer.durable = 0;
            }
            batches.push(now(writer.append(&content.ops(records))));
            now(writer.make_durable());
        }
        end(writer, ending);
        assert_eq!(segments(folder).len(), segment);
        if segment == 1 {
            make_full(&last_segment(folder));
        }
    }
    batches
}

/// What happens to the log, in whose file `damaged` the bit was flipped.
fn outcome(folder: &Path, files: &Files, damaged: &Path, bit: usize, batches: &[Batch]) -> Result<(), String> {
    match recover_prefix(folder, batches) {
        Ok(found) if found == batches.len() => Ok(()),
        Ok(found) => Err(format!("{found} of {} batches came back", batches.len())),
        Err(SinkError::Corrupt { file, offset, .. }) if file == damaged && offset <= bit as u64 / 8 => {
            let changed = |path: &&Path| *path != damaged && std::fs::read(path).unwrap() != files.0[*path];
            match segments(folder).iter().map(AsRef::as_ref).find(changed) {
                Some(segment) => Err(format!("the log was refused, and {} was changed", segment.display())),
                None => Ok(()),
            }
        }
        Err(other) => Err(format!("refused without the right place: {other}")),
    }
}
