//! The state of an engine as the batches of a checkpoint.

use engine::{Engine, Facts, Once};
use proto::limits::BATCH_TARGET_BYTES;
use proto::options::RecordOptions;
use proto::{BatchBuffer, Effect, Key, Lsn, Micros, Op, Value};
use txnd::pace::Pace;
use txnd::{CheckpointSealer, CheckpointWriter, SinkError};

/// Walks over the engine and stores what it finds, at no more than `rate` bytes a second, as records of the time `at` (0: not
/// known). Returns the last lsn that it may
/// have seen.
pub(crate) async fn write_state(
    engine: &Engine,
    writer: &mut impl CheckpointWriter,
    mut sealer: CheckpointSealer,
    rate: u64,
    at: Micros,
) -> Result<Lsn, SinkError> {
    let mut pace = Pace::new(rate);
    let mut walk = engine.walk();
    let mut entries = Entries { full: Vec::new(), filling: sealer.buffer(), at };
    let mut more = true;
    while more {
        more = walk.next(&mut |key, value, facts| entries.add(key, &value, facts))
            || walk.next_outcomes(&mut |once, outcome, facts| entries.add_outcome(once, outcome, facts));
        if !more {
            entries.next_batch();
        }
        for buffer in entries.full.drain(..).filter(|buffer| !buffer.is_empty()) {
            let batch = sealer.seal(buffer);
            writer.append(&batch).await?;
            pace.keep(batch.as_bytes().len()).await;
        }
    }
    let end = engine.last_lsn();
    writer.append(&sealer.end(end)).await?;
    writer.finish().await?;
    Ok(end)
}

/// Entries and outcomes on their way into batches.
struct Entries {
    full: Vec<BatchBuffer>,
    filling: BatchBuffer,
    at: Micros,
}

impl Entries {
    fn add(&mut self, key: Key<'_>, value: &Value, facts: Facts) {
        self.push(&Op::Put { key, value: value.as_value_ref() }, facts);
    }

    fn add_outcome(&mut self, Once { key, fingerprint }: Once<'_>, outcome: &[u8], facts: Facts) {
        self.push(&Op::Outcome { key, fingerprint, outcome }, facts);
    }

    fn push(&mut self, op: &Op<'_>, facts: Facts) {
        let options = RecordOptions { expires: facts.expires, stamp: Some(facts.stamp.low_bits()), following: 0 };
        self.filling.push_with(op, Effect::None, &options, self.at).expect("all of them have the same time");
        if self.filling.body_bytes() >= BATCH_TARGET_BYTES {
            self.next_batch();
        }
    }

    fn next_batch(&mut self) {
        let next = BatchBuffer::new(self.filling.next_lsn(), Vec::new());
        self.full.push(std::mem::replace(&mut self.filling, next));
    }
}
