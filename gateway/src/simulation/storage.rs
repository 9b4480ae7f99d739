//! Where txnd keeps the log.

use std::sync::Arc;

use ::txnd::{LogReader, LogWriter, MIN_SEGMENT_BYTES, Retention, SegmentReader, SegmentSink, SinkError};
use proto::{Batch, Lsn};
use rand::RngExt;
use rand::rngs::StdRng;
use tempfile::TempDir;
use testkit::folder::quick_folder;
use testkit::memory::{Faults, MemoryLog, MemorySink};

/// A log that outlives txnd. Clones share it.
pub(super) trait Storage: Clone + 'static {
    type Writer: LogWriter<Reader = Self::Reader> + Send + 'static;
    type Reader: LogReader;

    fn new() -> Self;

    fn writer(&self) -> Self::Writer;

    fn reader(&self) -> Self::Reader {
        self.writer().reader()
    }

    /// The machine has lost its power: what was not durable may be gone.
    fn cut_power(&self);

    /// Some of the next calls fail.
    fn disturb(&self, chance: &mut StdRng);

    /// No call fails any more.
    fn calm(&self);
}

/// In memory, which can lose what is not durable, refuse, and keep an acknowledgement to itself.
#[derive(Clone)]
pub(super) struct Memory(MemoryLog);

impl Storage for Memory {
    type Writer = MemorySink;
    type Reader = MemoryLog;

    fn new() -> Self {
        Self(MemoryLog::default())
    }

    fn writer(&self) -> MemorySink {
        self.0.sink()
    }

    fn cut_power(&self) {
        self.0.lose_tail();
    }

    fn disturb(&self, chance: &mut StdRng) {
        self.0.inject(Faults {
            refuse_appends: chance.random_range(0..3),
            lose_acks: chance.random_range(0..3),
            lose_tails: chance.random_range(0..2),
            fail_for_good: false,
        });
    }

    fn calm(&self) {
        self.0.inject(Faults::default());
    }
}

/// The segment files, with checkpoints, on a disk that keeps everything it was given.
#[derive(Clone)]
pub(super) struct Segments(Arc<TempDir>);

impl Storage for Segments {
    type Writer = SegmentSink;
    type Reader = SegmentReader;

    fn new() -> Self {
        // What a disk does to files is the subject of other tests.
        Self(Arc::new(quick_folder()))
    }

    fn writer(&self) -> SegmentSink {
        // Everything is kept, so that the whole log can be compared with what was acknowledged.
        SegmentSink::new(self.0.path().join("log"), MIN_SEGMENT_BYTES).with_retention(Retention::All)
    }

    fn cut_power(&self) {}

    fn disturb(&self, _: &mut StdRng) {}

    fn calm(&self) {}
}

/// Everything that is stored.
pub(super) async fn read(reader: &impl LogReader) -> Result<Vec<Batch>, SinkError> {
    let mut batches = Vec::new();
    let keep = &mut async |batch: &Batch| {
        batches.push(batch.clone());
        Ok(())
    };
    reader.read(1..=Lsn::MAX, keep).await?;
    Ok(batches)
}

/// The same, outside of a simulation.
pub(super) fn batches(reader: &impl LogReader) -> Result<Vec<Batch>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|e| e.to_string())?;
    runtime.block_on(read(reader)).map_err(|e| format!("the log cannot be read: {e}"))
}
