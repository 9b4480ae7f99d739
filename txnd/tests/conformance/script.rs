//! Random calls, as writers make them that die, come back and repeat themselves, against a model.

use proto::{Batch, Lsn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use txnd::{LogWriter, MAX_IN_FLIGHT, SinkError};

use super::{Storage, assert_same};
use crate::writer::{Content, Writer, put_text, read, seal, seed};

/// Calls in one script.
const STEPS: usize = 500;

/// A writer, and what it knows about the log.
struct Run<T: Storage> {
    storage: T,
    writer: Writer<T::LogWriter>,
    /// Every batch of the log, as far as this writer knows.
    log: Vec<Batch>,
    /// How many of them were there when the term began.
    before_term: usize,
    rng: StdRng,
    content: Content,
}

pub(crate) async fn a_random_script_agrees_with_the_model<T: Storage>(storage: T) {
    let seed = seed();
    let writer = Writer::begin(storage.sink()).await.unwrap();
    let (rng, content) = (StdRng::seed_from_u64(seed), Content::new(seed));
    let mut run = Run { storage, writer, log: Vec::new(), before_term: 0, rng, content };
    for _ in 0..STEPS {
        match run.rng.random_range(0..100) {
            0..40 => run.append().await,
            40..65 => run.wait().await,
            65..74 => run.repeat().await,
            74..80 => run.resume().await,
            80..86 => run.contradict().await,
            86..92 => run.read().await,
            92..97 => run.die().await,
            _ => run.close().await,
        }
    }
    run.close().await;
    assert_same::<T>(&run.writer.read(1).await, &run.log);
}

impl<T: Storage> Run<T> {
    fn outstanding(&self) -> usize {
        self.log.iter().rev().take_while(|batch| batch.last_lsn() > self.writer.durable).count()
    }

    async fn append(&mut self) {
        if self.outstanding() < MAX_IN_FLIGHT {
            let records = 1 + self.rng.random_range(0..8usize).pow(2);
            let ops = self.content.ops(records);
            // The writer may have sealed it some time ago.
            let known = self.rng.random_range(0..=self.writer.durable);
            let batch = seal(&ops, &self.writer.chain, self.writer.opened.epoch, known);
            self.writer.sink.append(&batch).await.expect("the next batch is taken");
            self.writer.chain = self.writer.chain.after(&batch);
            self.log.push(batch);
        }
    }

    async fn wait(&mut self) {
        let durable = self.writer.sink.durable().await.unwrap();
        self.note_durable(durable);
    }

    fn note_durable(&mut self, durable: Lsn) {
        assert!(durable >= self.writer.durable, "durable went back from {} to {durable}", self.writer.durable);
        assert!(durable <= self.writer.chain.lsn, "durable is {durable}, appended {}", self.writer.chain.lsn);
        self.writer.durable = durable;
    }

    /// Sends the latest batches of this term again.
    async fn repeat(&mut self) {
        let sent = self.log.len() - self.before_term;
        let count = self.rng.random_range(0..=sent.min(MAX_IN_FLIGHT));
        for batch in &self.log[self.log.len() - count..] {
            self.writer.sink.append(batch).await.expect("a repeat is acknowledged");
        }
    }

    async fn resume(&mut self) {
        let durable = self.writer.resume().await.unwrap();
        self.note_durable(durable);
        for batch in &self.log[self.log.len() - self.outstanding()..] {
            self.writer.sink.append(batch).await.expect("what is not durable is sent again");
        }
    }

    async fn contradict(&mut self) {
        let (chain, epoch) = (self.writer.chain, self.writer.opened.epoch);
        let ops = [put_text("k", 1)];
        let gap = seal(&ops, &chain.after(&seal(&ops, &chain, epoch, 0)), epoch, 0);
        assert!(matches!(self.writer.sink.append(&gap).await, Err(SinkError::Gap { .. })));
        let late = seal(&ops, &chain, epoch - 1, 0);
        assert!(matches!(self.writer.sink.append(&late).await, Err(SinkError::Fenced { .. })));
        let parted = seal(&ops, &proto::Chain { checksum: !chain.checksum, ..chain }, epoch, 0);
        assert!(matches!(self.writer.sink.append(&parted).await, Err(SinkError::Conflict { .. })));
    }

    async fn read(&mut self) {
        let from = self.rng.random_range(1..=self.writer.chain.lsn + 1);
        let (batches, end) = read(&mut self.writer.sink, from).await.unwrap();
        assert!((self.writer.durable..=self.writer.chain.lsn).contains(&end.lsn));
        let expected = self.log.iter().filter(|batch| batch.last_lsn() >= from && batch.last_lsn() <= end.lsn);
        assert_same::<T>(&batches, &expected.cloned().collect::<Vec<_>>());
    }

    /// Ends the term without a word; the next writer finds at least what was durable.
    async fn die(&mut self) {
        let durable = self.writer.durable;
        self.begin().await;
        let end = self.writer.opened.chain.lsn;
        assert!(end >= durable, "{durable} was durable, the log ends at {end}");
        self.log.truncate(self.log.partition_point(|batch| batch.last_lsn() <= end));
        assert_eq!(end, self.log.last().map_or(0, Batch::last_lsn), "the log ends with a whole batch");
        self.before_term = self.log.len();
        assert_same::<T>(&self.writer.read(1).await, &self.log);
    }

    async fn close(&mut self) {
        self.writer.sink.close().await.unwrap();
        let end = self.writer.chain;
        self.begin().await;
        assert_eq!(self.writer.opened.chain, end);
        self.before_term = self.log.len();
    }

    async fn begin(&mut self) {
        // The present sink must be gone before another one is opened.
        let epoch = self.writer.opened.epoch;
        let idle = self.storage.sink();
        drop(std::mem::replace(&mut self.writer.sink, idle));
        self.writer = Writer::begin(self.storage.sink()).await.unwrap();
        assert!(self.writer.opened.epoch > epoch);
    }
}
