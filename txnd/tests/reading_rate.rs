//! How much of its rate a writer loses while its log is read. It measures, so it is not part of the suite:
//!
//! ```text
//! cargo test --release -p txnd --test reading_rate -- --ignored --nocapture
//! ```
//!
//! One writer writes all the time, first as fast as it can, then at half of that rate. By short turns it is alone, followed by a reader that reads what is new now and again, and read
//! from random places to the end, again and again, as fast as it goes. What else the machine does falls on all three alike. A
//! turn's figure is what became durable a second; each is compared with that of the turn alone beside it. The reader has a thread
//! like those of the feed, which give way: where the processors are busy with the writer alone, it reads as fast as they let it.

#[allow(dead_code)]
#[path = "remote/hosted.rs"]
mod hosted;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hosted::{Hosted, PlainTcp};
use proto::{Batch, Lsn};
use rand::RngExt;
use testkit::postgres_server::PostgresServer;
use tokio::runtime::{Builder, Runtime};
use txnd::DEFAULT_SEGMENT_BYTES;
use txnd::{LogReader, LogWriter, PostgresReader, PostgresSink, RemoteReader, SegmentReader, SegmentSink, SinkError};
use writer::{Writer, put_text};

/// How often each kind of turn comes, at each rate: over files, which take the most memory, and over tables, whose rates differ more
/// from one turn to the next.
const ROUNDS_OF_FILES: usize = 20;
const ROUNDS_OF_TABLES: usize = 60;

/// How long a turn takes.
const TURN: Duration = Duration::from_millis(250);

/// Batches that there are to read at first.
const BATCHES_BEFORE: usize = 1_000;

/// How long the writer writes alone before it does so at a share of its rate.
const CALIBRATION: Duration = Duration::from_secs(1);

/// The writer's rates, as shares of what it reaches alone; `None` is as fast as it can.
const RATES: [Option<f64>; 2] = [None, Some(0.5)];

/// Records of a batch, and bytes of each value.
const RECORDS: usize = 50;
const VALUE_BYTES: usize = 100;

/// Batches that are appended before the writer waits for one group.
const GROUP: usize = 4;

/// Pause of a reader that follows, between two reads.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(20);

/// What the reader does in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Reading {
    Nothing,
    Following,
    Again,
    /// The end.
    Stop,
}

impl Reading {
    const TURNS: [Self; 3] = [Self::Nothing, Self::Following, Self::Again];

    fn now(turn: &AtomicU8) -> Self {
        let now = turn.load(Ordering::Relaxed);
        Self::TURNS.into_iter().find(|turn| *turn as u8 == now).unwrap_or(Self::Stop)
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Reads as `turn` says, and counts records in `read`.
async fn read(reader: impl LogReader, turn: &AtomicU8, read: &AtomicU64) {
    let (mut followed, mut before) = (1, Reading::Nothing);
    loop {
        let reading = Reading::now(turn);
        let durable = match reading {
            Reading::Stop => return,
            Reading::Following if before == reading => None,
            Reading::Following | Reading::Again => Some(reader.bounds().await.expect("bounds").durable.lsn),
            Reading::Nothing => None,
        };
        before = reading;
        let from = match (reading, durable) {
            (Reading::Again, Some(durable)) => rand::rng().random_range(1..=durable),
            // It was away; what has come meanwhile is not for this turn.
            (Reading::Following, Some(durable)) => durable + 1,
            _ => followed,
        };
        if reading != Reading::Nothing {
            let mut visit = async |batch: &Batch| {
                read.fetch_add(u64::from(batch.count()), Ordering::Relaxed);
                followed = batch.last_lsn() + 1;
                if Reading::now(turn) == reading { Ok(()) } else { Err(SinkError::Stopped.into()) }
            };
            let ended = reader.read(from..=Lsn::MAX, &mut visit).await;
            assert!(matches!(ended, Ok(_) | Err(SinkError::Stopped)), "{ended:?}");
            followed = followed.max(from);
        }
        if reading != Reading::Again {
            tokio::time::sleep(FOLLOW_INTERVAL).await;
        }
    }
}

/// What was written, and read, a second in each turn of each round.
type Rounds = Vec<[(f64, f64); 3]>;

/// Keeps a writer to a rate.
struct Pace {
    began: Instant,
    groups: u32,
    /// From one group to the next; zero for as fast as it can.
    interval: Duration,
}

impl Pace {
    async fn keep(&mut self) {
        self.groups += 1;
        tokio::time::sleep_until((self.began + self.interval * self.groups).into()).await;
    }
}

/// Writes and reads by turns.
fn take_turns<S: LogWriter>(rounds_of_each: usize, sink: S, reader: impl LogReader) -> [Rounds; RATES.len()] {
    let ops: Vec<_> = (0..RECORDS).map(|n| put_text(&format!("key {n}"), VALUE_BYTES)).collect();
    let (turn, count) = (Arc::new(AtomicU8::new(Reading::Nothing as u8)), Arc::<AtomicU64>::default());
    runtime().block_on(async {
        let mut writer = Writer::begin(sink).await.unwrap();
        let mut write = async |until: Instant, least: usize, interval: Duration| {
            let before = writer.chain.lsn;
            let mut pace = Pace { began: Instant::now(), groups: 0, interval };
            while (pace.groups as usize) < least || Instant::now() < until {
                for _ in 0..GROUP {
                    writer.append(&ops).await;
                }
                writer.make_durable().await;
                pace.keep().await;
            }
            writer.chain.lsn - before
        };
        write(Instant::now(), BATCHES_BEFORE / GROUP, Duration::ZERO).await;
        let alone = write(Instant::now() + CALIBRATION, 1, Duration::ZERO).await as usize / (GROUP * RECORDS);
        let (of_reader, read_by_it) = (Arc::clone(&turn), Arc::clone(&count));
        let (ended, thread) = std::sync::mpsc::channel();
        let work = async move || read(reader, &of_reader, &read_by_it).await;
        txnd::thread::run_giving_way("reader", work, move |()| ended.send(()).expect("it is waited for"))
            .expect("a thread");
        let mut at_rates = RATES.map(|_| Rounds::new());
        for (rate, rounds) in RATES.into_iter().zip(&mut at_rates) {
            let interval = rate.map_or(Duration::ZERO, |share| CALIBRATION.div_f64(alone as f64 * share));
            for _ in 0..rounds_of_each {
                let mut round = [(0.0, 0.0); 3];
                for (reading, figures) in Reading::TURNS.into_iter().zip(&mut round) {
                    turn.store(reading as u8, Ordering::Relaxed);
                    // What the turn before has left under way ends first.
                    write(Instant::now() + TURN / 5, 1, interval).await;
                    let (began, before) = (Instant::now(), count.load(Ordering::Relaxed));
                    let written = write(began + TURN, 1, interval).await;
                    let seconds = began.elapsed().as_secs_f64();
                    let was_read = count.load(Ordering::Relaxed) - before;
                    *figures = (written as f64 / seconds, was_read as f64 / seconds);
                }
                rounds.push(round);
            }
        }
        turn.store(Reading::Stop as u8, Ordering::Relaxed);
        thread.recv().expect("the reader does not panic");
        at_rates
    })
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[sorted.len() * quarter / 4])
}

fn report(name: &str, at_rates: &[Rounds; RATES.len()]) {
    for (rate, rounds) in RATES.into_iter().zip(at_rates) {
        report_at(&rate.map_or(name.into(), |share| format!("{name}, {share}")), rounds);
    }
}

fn report_at(name: &str, rounds: &Rounds) {
    for (index, reading) in Reading::TURNS.into_iter().enumerate() {
        let [_, written, _] = quartiles(rounds.iter().map(|round| round[index].0));
        let [_, was_read, _] = quartiles(rounds.iter().map(|round| round[index].1));
        let [low, middle, high] = quartiles(rounds.iter().map(|round| 100.0 * round[index].0 / round[0].0));
        let reading = format!("{reading:?}");
        println!("{name:<24} {reading:<10} {written:>9.0} {was_read:>10.0} {middle:>7.1} {low:>8.1} {high:>8.1}");
    }
}

#[test]
#[ignore = "it measures"]
fn what_a_writer_loses_while_its_log_is_read() {
    let head = ["log", "reader", "written/s", "read/s", "% alone", "quarter", "3/4"];
    println!(
        "{:<24} {:<10} {:>9} {:>10} {:>7} {:>8} {:>8}",
        head[0], head[1], head[2], head[3], head[4], head[5], head[6]
    );
    let folder = tempfile::tempdir().expect("a folder");
    let sink = SegmentSink::new(folder.path(), DEFAULT_SEGMENT_BYTES / 16);
    report("files", &take_turns(ROUNDS_OF_FILES, sink, SegmentReader::new(folder.path())));
    drop(folder);

    let url = PostgresServer::shared().database();
    let (sink, reader): (PostgresSink, PostgresReader) = (url.parse().expect("a URL"), url.parse().expect("a URL"));
    report("tables", &take_turns(ROUNDS_OF_TABLES, sink, reader));

    let through = |hosted: Hosted, rounds: usize| {
        take_turns(rounds, hosted.service.sink(), RemoteReader::new(PlainTcp(hosted.service.address)))
    };
    report("txnd over files", &through(Hosted::segments(), ROUNDS_OF_FILES));
    report("txnd over tables", &through(Hosted::postgres(), ROUNDS_OF_TABLES));
}
