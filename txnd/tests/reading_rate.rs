//! How much of its rate a writer loses while its log is read. It measures, so it is not part of the suite:
//!
//! ```text
//! cargo test --release -p txnd --test reading_rate -- --ignored --nocapture
//! ```
//!
//! By turns the writer is alone, followed by a reader that reads what is new every few milliseconds from a random place on, and read
//! from random places to the end, again and again, as fast as it goes. Each turn has a log of its own, which holds something
//! at first. A turn's figure is what became durable a second.

#[allow(dead_code)]
#[path = "remote/hosted.rs"]
mod hosted;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hosted::{Hosted, PlainTcp};
use proto::{Batch, Lsn};
use rand::RngExt;
use testkit::memory::MemoryLog;
use testkit::postgres_server::PostgresServer;
use tokio::runtime::{Builder, Runtime};
use txnd::segment::DEFAULT_SEGMENT_BYTES;
use txnd::{LogReader, PostgresReader, PostgresSink, RemoteReader, SegmentReader, SegmentSink, Sink};
use writer::{Writer, put_text};

/// How often each kind of turn comes.
const ROUNDS: usize = 7;

/// How long a turn takes.
const TURN: Duration = Duration::from_secs(2);

/// What there is to read when a turn begins.
const BATCHES_BEFORE: usize = 1_000;

/// Records of a batch, and bytes of each value.
const RECORDS: usize = 50;
const VALUE_BYTES: usize = 100;

/// Batches that are appended before the writer waits for one group.
const GROUP: usize = 4;

/// Pause of a reader that follows, between two reads.
const FOLLOW_EVERY: Duration = Duration::from_millis(5);

/// What readers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Nothing,
    Following,
    Again,
}

/// A reader on a thread of its own.
struct Running {
    stop: Arc<AtomicBool>,
    read: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

impl Running {
    fn start(reader: impl LogReader, reading: Reading) -> Self {
        let (stop, read) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&read));
        let work = move || async move {
            let mut next = rand::rng().random_range(1..=(BATCHES_BEFORE * RECORDS) as Lsn);
            while !stopped.load(Ordering::Relaxed) {
                let from = next;
                let mut visit = async |batch: &Batch| {
                    next = batch.last_lsn() + 1;
                    count.fetch_add(u64::from(batch.count()), Ordering::Relaxed);
                    Ok(())
                };
                let bounds = reader.read(from..=Lsn::MAX, &mut visit).await.expect("the log can be read");
                match reading {
                    Reading::Again => next = rand::rng().random_range(1..=bounds.durable.lsn),
                    _ => tokio::time::sleep(FOLLOW_EVERY).await,
                }
            }
        };
        Self { stop, read, thread: thread::spawn(|| runtime().block_on(work())) }
    }

    /// How many records were read.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the reader does not panic");
        self.read.load(Ordering::Relaxed)
    }
}

/// Records a second that become durable in one turn, and that are read meanwhile.
fn turn<S: Sink>(sink: S, reader: impl LogReader, reading: Reading) -> (f64, f64) {
    let ops: Vec<_> = (0..RECORDS).map(|n| put_text(&format!("key {n}"), VALUE_BYTES)).collect();
    runtime().block_on(async {
        let mut writer = Writer::begin(sink).await.unwrap();
        for number in 1..=BATCHES_BEFORE {
            writer.append(&ops).await;
            if number % GROUP == 0 {
                writer.make_durable().await;
            }
        }
        let reader = (reading != Reading::Nothing).then(|| Running::start(reader, reading));
        let (began, before) = (Instant::now(), writer.chain.lsn);
        while began.elapsed() < TURN {
            for _ in 0..GROUP {
                writer.append(&ops).await;
            }
            writer.make_durable().await;
        }
        let seconds = began.elapsed().as_secs_f64();
        let read = reader.map_or(0, Running::stop);
        writer.sink.close().await.unwrap();
        ((writer.chain.lsn - before) as f64 / seconds, read as f64 / seconds)
    })
}

fn compare(name: &str, mut turn: impl FnMut(Reading) -> (f64, f64)) {
    let kinds = [Reading::Nothing, Reading::Following, Reading::Again];
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        kinds.iter().zip(&mut rates).for_each(|(kind, rates)| rates.push(turn(*kind)));
    }
    let median = |of: &[(f64, f64)], which: fn(&(f64, f64)) -> f64| {
        let mut sorted: Vec<f64> = of.iter().map(which).collect();
        sorted.sort_by(f64::total_cmp);
        (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1])
    };
    let alone = median(&rates[0], |turn| turn.0).1;
    for (kind, rates) in kinds.iter().zip(&rates) {
        let (least, written, most) = median(rates, |turn| turn.0);
        let (_, read, _) = median(rates, |turn| turn.1);
        println!(
            "{name:<22} {:<10} {written:>9.0} {least:>9.0} {most:>9.0} {read:>10.0} {:>6.1} %",
            format!("{kind:?}"),
            100.0 * written / alone
        );
    }
}

#[test]
#[ignore = "it measures"]
fn what_a_writer_loses_while_its_log_is_read() {
    println!(
        "{:<22} {:<10} {:>9} {:>9} {:>9} {:>10} {:>8}",
        "log", "read", "written/s", "least", "most", "read/s", "of alone"
    );
    compare("memory", |reading| {
        let log = MemoryLog::default();
        turn(log.sink(), log.clone(), reading)
    });
    compare("files", |reading| {
        let folder = tempfile::tempdir().expect("a folder");
        turn(SegmentSink::new(folder.path(), DEFAULT_SEGMENT_BYTES / 16), SegmentReader::new(folder.path()), reading)
    });
    compare("tables", |reading| {
        let url = PostgresServer::shared().database();
        let reader: PostgresReader = url.parse().expect("a URL");
        turn(url.parse::<PostgresSink>().expect("a URL"), reader, reading)
    });
    let through_txnd = |hosted: Hosted, reading| {
        turn(hosted.service.sink(), RemoteReader::new(PlainTcp(hosted.service.address)), reading)
    };
    compare("txnd over files", |reading| through_txnd(Hosted::segments(), reading));
    compare("txnd over tables", |reading| through_txnd(Hosted::postgres(), reading));
}
