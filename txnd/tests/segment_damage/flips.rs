//! Every single bit of every file of a log of acknowledged records is flipped: either the log is refused with the place
//! of the damage, or all records come back as they were.

use std::path::Path;

use proto::Batch;
use testkit::folder::quick_folder;
use txnd::{Location, SinkError};

use crate::log_folder::{
    Ending, Files, begin, data_end, end, last_segment, make_full, name_of, now, recover_prefix, segments,
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
    let whole = Files::of(folder.path());
    // Most of the zeros behind the data are left away where the data is damaged: reading them takes most of the time.
    let mut short = whole.clone();
    for path in segments(folder.path()) {
        let bytes = short.0.get_mut(&path).unwrap();
        bytes.truncate(data_end(bytes) + SAMPLE_BYTES);
    }
    let mut flips = Flips { folder: folder.path(), batches: &batches, tried: 0, wrong: Vec::new() };
    for (path, bytes) in &short.0 {
        let data = if path.extension().is_some_and(|e| e == "seg") { data_end(bytes) } else { bytes.len() };
        flips.try_each(&short, path, 0..8 * data);
        let zeros = (data..whole.0[path].len()).step_by(SAMPLE_BYTES);
        flips.try_each(&whole, path, zeros.map(|byte| 8 * byte + byte / SAMPLE_BYTES % 8));
    }
    let Flips { tried, wrong, .. } = flips;
    assert!(tried > 5000, "{tried} bits are not all bits of a log");
    assert!(wrong.is_empty(), "{} of {tried} flips, such as {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
}

/// What comes of flips in the files of one log.
struct Flips<'a> {
    folder: &'a Path,
    batches: &'a [Batch],
    tried: usize,
    wrong: Vec<String>,
}

impl Flips<'_> {
    /// Flips one bit of `damaged` at a time, in a log that consists of `files`.
    fn try_each(&mut self, files: &Files, damaged: &Path, bits: impl Iterator<Item = usize>) {
        files.put_back(self.folder);
        for bit in bits {
            let mut flipped = files.0[damaged].clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(damaged, flipped).unwrap();
            if let Err(what) = outcome(self.folder, files, damaged, bit, self.batches) {
                self.wrong.push(format!("{}, byte {}, bit {}: {what}", name_of(damaged), bit / 8, bit % 8));
            }
            files.put_back(self.folder);
            self.tried += 1;
        }
    }
}

/// Two segments of three small batches each, all acknowledged.
fn write_log(folder: &Path, content: &mut Content, ending: Ending, sealing: Sealing) -> Vec<Batch> {
    let mut batches = Vec::new();
    for (segment, ending) in [(1, Ending::Closed), (2, ending)] {
        let mut writer = begin(folder).unwrap();
        for records in [1, 2, 1] {
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
        Err(SinkError::Corrupt { place: Location::File { path: file, offset }, .. })
            if file == damaged && offset <= bit as u64 / 8 =>
        {
            let changed = |path: &&Path| *path != damaged && std::fs::read(path).unwrap() != files.0[*path];
            match segments(folder).iter().map(AsRef::as_ref).find(changed) {
                Some(segment) => Err(format!("the log was refused, and {} was changed", segment.display())),
                None => Ok(()),
            }
        }
        Err(other) => Err(format!("refused without the right place: {other}")),
    }
}
