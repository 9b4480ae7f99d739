//! One conformance suite for every sink, and the memory sink's injected faults.

mod conformance;
mod writer;

use std::task::Poll;

use conformance::{Storage, assert_same, sink_conformance};
use proto::Batch;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;
use testkit::memory::{Faults, MemoryLog, MemorySink};
use txnd::MIN_SEGMENT_BYTES;
use txnd::{LogWriter, MAX_IN_FLIGHT, SegmentReader, SegmentSink, SinkError};
use writer::{Content, Writer, deliver, poll_once, put_text, seed};

impl Storage for MemoryLog {
    type LogWriter = MemorySink;

    fn sink(&self) -> MemorySink {
        MemoryLog::sink(self)
    }

    fn reader(&self) -> MemoryLog {
        self.clone()
    }
}

/// A folder of segments.
struct Segments {
    folder: TempDir,
    segment_bytes: u64,
}

impl Segments {
    fn of(segment_bytes: u64) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), segment_bytes }
    }
}

impl Storage for Segments {
    type LogWriter = SegmentSink;

    fn sink(&self) -> SegmentSink {
        SegmentSink::new(self.folder.path(), self.segment_bytes)
    }

    fn reader(&self) -> SegmentReader {
        SegmentReader::new(self.folder.path())
    }
}

sink_conformance!(memory, MemoryLog::default());
sink_conformance!(small_segments, Segments::of(MIN_SEGMENT_BYTES), checkpoints);
sink_conformance!(large_segments, Segments::of(4 << 20), checkpoints);

/// A writer that meets errors stores everything exactly once.
mod memory_with_faults {
    use super::*;

    /// Appends batches while `faults` strike; returns how often the writer was interrupted.
    async fn interrupted_by(faults: Faults) -> usize {
        let log = MemoryLog::default();
        let mut writer = Writer::begin(log.sink()).await.unwrap();
        let mut appended = vec![writer.append(&[put_text("before", 1)]).await];
        writer.make_durable().await;

        log.inject(faults);
        let batches: Vec<Batch> = (0..MAX_IN_FLIGHT).map(|size| writer.seal(&[put_text("k", size)])).collect();
        let interruptions = deliver(&mut writer, &batches).await.unwrap();
        appended.extend(batches);
        assert_same::<MemoryLog>(&writer.read(1).await, &appended);
        drop(writer);
        assert_same::<MemoryLog>(&Writer::begin(log.sink()).await.unwrap().read(1).await, &appended);
        interruptions
    }

    #[tokio::test]
    async fn a_refused_append_is_sent_again() {
        assert_eq!(interrupted_by(Faults { refuse_appends: 3, ..Faults::default() }).await, 3);
    }

    #[tokio::test]
    async fn a_lost_acknowledgement_stores_nothing_twice() {
        // What is durable by then is dropped after the first interruption: nothing is left to be interrupted.
        assert_eq!(interrupted_by(Faults { lose_acks: 3, ..Faults::default() }).await, 1);
    }

    #[tokio::test]
    async fn a_lost_tail_is_sent_again() {
        assert_eq!(interrupted_by(Faults { lose_tails: 3, ..Faults::default() }).await, 3);
    }

    #[tokio::test]
    async fn faults_come_in_any_order() {
        let seed = seed();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut content = Content::new(seed);
        let log = MemoryLog::default();
        let mut writer = Writer::begin(log.sink()).await.unwrap();
        let mut appended = Vec::new();
        for _ in 0..300 {
            log.inject(Faults {
                refuse_appends: rng.random_range(0..3),
                lose_acks: rng.random_range(0..3),
                lose_tails: rng.random_range(0..3),
                fail_for_good: false,
            });
            let count = rng.random_range(1..=MAX_IN_FLIGHT);
            let batches: Vec<Batch> = (0..count).map(|_| writer.seal(&content.ops(2))).collect();
            deliver(&mut writer, &batches).await.unwrap();
            appended.extend(batches);
            log.inject(Faults::default());
            assert_same::<MemoryLog>(&writer.read(1).await, &appended);
        }
    }

    #[tokio::test]
    async fn a_failure_for_good_cannot_be_resumed_from() {
        let log = MemoryLog::default();
        let mut writer = Writer::begin(log.sink()).await.unwrap();
        let mut appended = vec![writer.append(&[put_text("safe", 1)]).await];
        writer.make_durable().await;

        log.inject(Faults { fail_for_good: true, ..Faults::default() });
        let lost = writer.seal(&[put_text("lost", 1)]);
        let error = deliver(&mut writer, std::slice::from_ref(&lost)).await.unwrap_err();
        assert!(matches!(error, SinkError::Failed(_)) && !error.is_retryable(), "{error}");

        log.inject(Faults::default());
        let mut next = Writer::begin(log.sink()).await.unwrap();
        assert_same::<MemoryLog>(&next.read(1).await, &appended);
        appended.push(next.append(&[put_text("after", 1)]).await);
        next.make_durable().await;
        assert_same::<MemoryLog>(&next.read(1).await, &appended);
    }

    #[tokio::test]
    async fn durable_is_dropped_while_it_waits_and_called_again() {
        let log = MemoryLog::default();
        let mut writer = Writer::begin(log.sink()).await.unwrap();
        log.stall(true);
        let mut appended = Vec::new();
        for _ in 0..3 {
            appended.push(writer.append(&[put_text("k", 1)]).await);
            assert_eq!(poll_once(writer.sink.durable()), Poll::Pending);
        }
        assert_same::<MemoryLog>(&writer.read(1).await, &[]);

        let (reported, ()) = tokio::join!(writer.sink.durable(), async {
            tokio::task::yield_now().await;
            log.stall(false);
        });
        assert_eq!(reported, Ok(3));
        assert_same::<MemoryLog>(&writer.read(1).await, &appended);
    }
}
