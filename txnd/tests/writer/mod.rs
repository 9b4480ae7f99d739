//! A writer as the `LogWriter` contract wants it, and what it writes. Shared by the tests of this crate.

// Every test binary that includes this file uses a part of it.
#![allow(dead_code)]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use proto::options::RecordOptions;
use proto::{Batch, BatchBuffer, Chain, Effect, Epoch, Lsn, Micros};
use txnd::{CheckpointSealer, LogReader, LogWriter, SinkError, Term};

use testkit::arbitrary::{self, OwnedOp};

/// 2024-01-01, the time of the first record.
const FIRST_TIME: Micros = 1_704_067_200_000_000;

/// Time from one record to the next.
const RECORD_INTERVAL: Micros = 1_000;

/// A writer within its term.
#[derive(Debug)]
pub(crate) struct Writer<S> {
    pub(crate) sink: S,
    pub(crate) opened: Term,
    /// The log after the last batch that was sealed.
    pub(crate) chain: Chain,
    /// The highest lsn that the sink has reported as durable.
    pub(crate) durable: Lsn,
}

impl<S: LogWriter> Writer<S> {
    /// Begins a term.
    pub(crate) async fn begin(mut sink: S) -> Result<Self, SinkError> {
        let opened = sink.open().await?;
        Ok(Self { sink, opened, chain: opened.chain, durable: opened.chain.lsn })
    }

    /// Seals the batch that comes next.
    pub(crate) fn seal(&mut self, ops: &[OwnedOp]) -> Batch {
        let batch = seal(ops, &self.chain, self.opened.epoch, self.durable);
        self.chain = self.chain.after(&batch);
        batch
    }

    /// Seals the batch that comes next and appends it.
    pub(crate) async fn append(&mut self, ops: &[OwnedOp]) -> Batch {
        let batch = self.seal(ops);
        self.sink.append(&batch).await.expect("the next batch is taken");
        batch
    }

    /// Waits until everything that was sealed is durable.
    pub(crate) async fn make_durable(&mut self) {
        self.durable = wait_for(&mut self.sink, self.chain.lsn).await.expect("what was appended becomes durable");
    }

    /// Takes the term up again; returns the durable lsn.
    pub(crate) async fn resume(&mut self) -> Result<Lsn, SinkError> {
        self.sink.resume(&self.opened).await.map(|chain| chain.lsn)
    }

    /// What is durable, from the batch that holds `from`.
    pub(crate) async fn read(&mut self, from: Lsn) -> Vec<Batch> {
        let (batches, _) = read(&mut self.sink, from).await.expect("the log can be read");
        batches
    }
}

/// Calls `durable` until it reports `lsn`.
pub(crate) async fn wait_for<S: LogWriter>(sink: &mut S, lsn: Lsn) -> Result<Lsn, SinkError> {
    let mut reported = sink.durable().await?;
    while reported < lsn {
        let next = sink.durable().await?;
        assert!(next > reported, "durable() returned {next} after {reported}, although lsn {lsn} was appended");
        reported = next;
    }
    Ok(reported)
}

/// The sink's durable batches from the one that holds `from`, and the chain at the end.
pub(crate) async fn read<S: LogWriter>(sink: &mut S, from: Lsn) -> Result<(Vec<Batch>, Chain), SinkError> {
    let mut batches = Vec::new();
    let mut visit = async |batch: &Batch| {
        batches.push(batch.clone());
        Ok(())
    };
    let bounds = sink.reader().read(from..=Lsn::MAX, &mut visit).await?;
    Ok((batches, bounds.durable))
}

/// Makes `batches` durable. Whenever the sink is unavailable, resumes and sends again what is not durable. Returns how
/// often that was.
pub(crate) async fn deliver<S: LogWriter>(writer: &mut Writer<S>, batches: &[Batch]) -> Result<usize, SinkError> {
    let mut rest = batches;
    for interruptions in 0.. {
        match append_all(&mut writer.sink, rest).await {
            Err(e) if e.is_retryable() => {
                let durable = writer.resume().await?;
                rest = &rest[rest.partition_point(|batch| batch.last_lsn() <= durable)..];
            }
            ended => return ended.map(|()| interruptions),
        }
    }
    unreachable!("the loop has no end")
}

async fn append_all<S: LogWriter>(sink: &mut S, batches: &[Batch]) -> Result<(), SinkError> {
    for batch in batches {
        sink.append(batch).await?;
    }
    match batches.last() {
        Some(last) => wait_for(sink, last.last_lsn()).await.map(drop),
        None => Ok(()),
    }
}

/// Polls `future` once, then drops it.
pub(crate) fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// How many records of its step follow each of `count` records: some stand alone, some are in steps of several.
fn steps(count: usize, seed: Lsn) -> Vec<u16> {
    let mut following = Vec::new();
    while following.len() < count {
        let size = [1, 1, 3, 1, 2][(seed as usize + following.len()) % 5].min(count - following.len());
        following.extend((0..size as u16).rev());
    }
    following
}

/// A batch of `ops` that continues `chain`.
pub(crate) fn seal(ops: &[OwnedOp], chain: &Chain, epoch: Epoch, durable: Lsn) -> Batch {
    let mut buffer = BatchBuffer::new(chain.lsn + 1, Vec::new());
    let mut steps = steps(ops.len(), chain.lsn).into_iter();
    for op in ops {
        let lsn = buffer.next_lsn();
        let at = FIRST_TIME + lsn.cast_signed() * RECORD_INTERVAL;
        let op = op.as_op();
        let following = steps.next().expect("one for each record");
        let options = RecordOptions { expires: arbitrary::expires_of(&op, lsn as u32), stamp: None, following };
        buffer
            .push_with(&op, arbitrary::effect_of(&op, lsn as u32), &options, at)
            .expect("the records of one batch lie within 35 minutes");
    }
    buffer.seal(chain, epoch, durable)
}

/// A checkpoint of `base` with `count` entries, in batches of two; the last batch is the end.
pub(crate) fn checkpoint_of(base: Lsn, count: u64, end: Lsn) -> Vec<Batch> {
    let key = |number| format!("{base}_{number}");
    checkpoint_with(base, (0..count).map(|number| OwnedOp::Put(key(number), proto::Value::Int(number as i32))), end)
}

/// The same with these entries.
pub(crate) fn checkpoint_with(base: Lsn, entries: impl IntoIterator<Item = OwnedOp>, end: Lsn) -> Vec<Batch> {
    let mut sealer = CheckpointSealer::new(1, base);
    let entries: Vec<OwnedOp> = entries.into_iter().collect();
    let mut batches = Vec::new();
    for some in entries.chunks(2) {
        let mut buffer = sealer.buffer();
        for entry in some {
            let expires = arbitrary::expires_of(&entry.as_op(), buffer.next_lsn() as u32);
            let options = RecordOptions { expires, stamp: Some(base), ..RecordOptions::default() };
            buffer.push_with(&entry.as_op(), Effect::None, &options, 0).expect("entries have no time");
        }
        batches.push(sealer.seal(buffer));
    }
    batches.push(sealer.end(end));
    batches
}

/// A put of a text of `bytes` bytes.
pub(crate) fn put_text(key: &str, bytes: usize) -> OwnedOp {
    OwnedOp::Put(key.into(), proto::Value::Str("x".repeat(bytes).as_str().into()))
}

/// Random operations of every kind, the same for the same seed.
#[derive(Debug)]
pub(crate) struct Content {
    runner: TestRunner,
    op: BoxedStrategy<OwnedOp>,
}

impl Content {
    pub(crate) fn new(seed: u64) -> Self {
        Self::of(seed, arbitrary::any_record(arbitrary::any_key(), arbitrary::any_text()))
    }

    /// The same, of these operations.
    pub(crate) fn of(seed: u64, op: BoxedStrategy<OwnedOp>) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
        Self { runner, op }
    }

    pub(crate) fn ops(&mut self, count: usize) -> Vec<OwnedOp> {
        let op = |_| self.op.new_tree(&mut self.runner).expect("the strategy rejects nothing").current();
        (0..count).map(op).collect()
    }
}

/// The seed of this run's random choices: from `KVS_SEED`, or new. Printed, so that a failure can be repeated.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("KVS_SEED").ok().map(|seed| seed.parse().expect("KVS_SEED is a number"));
    let seed = given.unwrap_or_else(rand::random);
    println!("KVS_SEED={seed}");
    seed
}
