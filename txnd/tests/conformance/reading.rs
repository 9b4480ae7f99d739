//! What readers see while a writer goes on, and what the writer notices of them: nothing.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use proto::{Batch, Lsn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::Builder;
use txnd::{Bounds, LogReader, LogWriter, MAX_IN_FLIGHT, SinkError, TERM_CHECK_INTERVAL};

use super::{Storage, assert_same};
use crate::writer::{Content, Writer, put_text, seed};

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(120);

/// What a busy machine may add to a time limit.
const SLACK: Duration = Duration::from_secs(10);

async fn read(reader: &impl LogReader, lsns: RangeInclusive<Lsn>) -> Result<(Vec<Batch>, Bounds), SinkError> {
    let mut batches = Vec::new();
    let mut visit = async |batch: &Batch| {
        batches.push(batch.clone());
        Ok(())
    };
    let bounds = reader.read(lsns, &mut visit).await?;
    Ok((batches, bounds))
}

/// Runs a reader on a thread of its own.
fn on_a_thread<T: Send + 'static, F: Future<Output = T>>(make: impl FnOnce() -> F + Send + 'static) -> JoinHandle<T> {
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { make().await })
    })
}

pub(crate) async fn a_reader_without_a_writer_sees_what_is_durable<T: Storage>(storage: T) {
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let reader = storage.reader();
    let mut appended = Vec::new();
    for records in [0, 1, 3, 2] {
        if records > 0 {
            appended.push(writer.append(&content.ops(records)).await);
        }
        writer.make_durable().await;
        assert_eq!(reader.bounds().await, Ok(Bounds { oldest: 1, durable: writer.chain }));
        let (batches, bounds) = read(&reader, 1..=Lsn::MAX).await.unwrap();
        assert_eq!(bounds.durable, writer.chain);
        assert_same::<T>(&batches, &appended);
    }
    let durable = writer.chain.lsn;
    appended.push(writer.append(&content.ops(2)).await);
    let (batches, bounds) = read(&reader, 1..=Lsn::MAX).await.unwrap();
    assert!((durable..=writer.chain.lsn).contains(&bounds.durable.lsn), "{bounds:?}, {durable} was durable");
    let seen = appended.iter().take_while(|batch| batch.last_lsn() <= bounds.durable.lsn).count();
    assert_same::<T>(&batches, &appended[..seen]);

    writer.make_durable().await;
    let (chain, of_writer) = (writer.chain, writer.sink.reader());
    writer.sink.close().await.unwrap();
    drop(writer);
    for reader in [reader, of_writer, storage.reader()] {
        match read(&reader, 1..=Lsn::MAX).await {
            Ok((batches, bounds)) => {
                assert_eq!(bounds.durable, chain, "what was acknowledged is there without its writer");
                assert_same::<T>(&batches, &appended);
            }
            // A service checks the term of a reader that came from a writer.
            Err(e) => assert!(matches!(e, SinkError::Fenced { .. } | SinkError::Unavailable(_)), "{e}"),
        }
    }
}

pub(crate) async fn any_range_is_read<T: Storage>(storage: T) {
    let seed = seed();
    let (mut rng, mut content) = (StdRng::seed_from_u64(seed), Content::new(seed));
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for records in [1, 4, 1, 9, 2] {
        appended.push(writer.append(&content.ops(records)).await);
    }
    writer.make_durable().await;
    let end = writer.chain.lsn;
    let mut ranges: Vec<_> = (0..20).map(|_| (rng.random_range(0..=end + 1), rng.random_range(0..=end + 2))).collect();
    ranges.extend([(0, 0), (1, 1), (1, end), (end, end), (end, Lsn::MAX), (end + 1, Lsn::MAX), (0, Lsn::MAX)]);
    for (from, upto) in ranges {
        for reader in [writer.sink.reader(), storage.reader()] {
            let (batches, bounds) = read(&reader, from..=upto).await.unwrap();
            assert_eq!(bounds, Bounds { oldest: 1, durable: writer.chain }, "{from}..={upto}");
            let is_wanted = |batch: &&Batch| from <= upto && batch.last_lsn() >= from && batch.first_lsn() <= upto;
            if T::KEEPS_BATCHES {
                assert_same::<T>(&batches, &appended.iter().filter(is_wanted).cloned().collect::<Vec<_>>());
            } else {
                let lsns = batches.iter().flat_map(|batch| batch.first_lsn()..=batch.last_lsn());
                assert!(lsns.eq(from.max(1)..=upto.min(end)), "{from}..={upto}: {batches:?}");
            }
        }
    }
}

/// What a writer tells those that follow it.
#[derive(Default)]
struct Written {
    /// The last lsn of the batch that was handed over last.
    appended: AtomicU64,
    /// Where the log ends for good; 0 while it goes on.
    end: AtomicU64,
}

/// Reads from `from` on, again and again, until the log has come to its end. Checks each read by itself.
async fn follow<R: LogReader>(mut reader: R, without_writer: R, from: Lsn, written: Arc<Written>) -> Vec<Batch> {
    let began = Instant::now();
    let (mut all, mut next, mut durable) = (Vec::new(), from, 0);
    loop {
        assert!(began.elapsed() < DEADLINE, "lsn {next} has not come");
        let end = written.end.load(Ordering::SeqCst);
        if end > 0 && next > end {
            return all;
        }
        match read(&reader, next..=Lsn::MAX).await {
            Ok((batches, bounds)) => {
                let appended = written.appended.load(Ordering::SeqCst);
                assert!(bounds.durable.lsn <= appended, "{bounds:?}, and {appended} was appended");
                assert!(bounds.durable.lsn >= durable, "the end went back from {durable} to {bounds:?}");
                durable = bounds.durable.lsn;
                for batch in &batches {
                    let is_next = batch.first_lsn() == next || (all.is_empty() && batch.first_lsn() <= next);
                    assert!(is_next && batch.last_lsn() >= next, "{next} comes next, and {batch:?} came");
                    next = batch.last_lsn() + 1;
                    all.push(batch.clone());
                }
                assert!(next == durable + 1 || (batches.is_empty() && next > durable), "{next} after {bounds:?}");
            }
            // A service checks the term of a reader that came from a writer.
            Err(SinkError::Fenced { .. } | SinkError::Unavailable(_)) => reader = without_writer.clone(),
            Err(e) => panic!("from {next}: {e}"),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) async fn readers_follow_a_writer_and_see_each_record_once<T: Storage>(storage: T) {
    const BATCHES: usize = 300;
    /// So that segments of the smallest size are rolled many times.
    const TEXT_BYTES: usize = 3_000;

    let seed = seed();
    let (mut rng, mut content) = (StdRng::seed_from_u64(seed), Content::new(seed));
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let written = Arc::new(Written::default());
    let mut followers = Vec::new();
    for number in 0..3 {
        let reader = if number == 1 { writer.sink.reader() } else { storage.reader() };
        let from = if number == 0 { 1 } else { rng.random_range(1..2 * BATCHES as Lsn) };
        let (without_writer, written) = (storage.reader(), Arc::clone(&written));
        followers.push((from, on_a_thread(move || follow(reader, without_writer, from, written))));
    }
    let mut appended: Vec<Batch> = Vec::new();
    while appended.len() < BATCHES {
        for _ in 0..rng.random_range(1..=MAX_IN_FLIGHT / 2) {
            let mut ops = content.ops(rng.random_range(1..4));
            ops.push(put_text("large", TEXT_BYTES));
            let batch = writer.seal(&ops);
            written.appended.fetch_max(batch.last_lsn(), Ordering::SeqCst);
            writer.sink.append(&batch).await.unwrap();
            appended.push(batch);
        }
        match rng.random_range(0..20) {
            // The writer dies, and another one comes.
            0 => {
                let epoch = writer.opened.epoch;
                drop(std::mem::replace(&mut writer.sink, storage.sink()));
                writer = Writer::begin(writer.sink).await.unwrap();
                assert!(writer.opened.epoch > epoch);
                appended.truncate(appended.partition_point(|batch| batch.last_lsn() <= writer.opened.chain.lsn));
            }
            _ => writer.make_durable().await,
        }
    }
    writer.make_durable().await;
    written.end.store(writer.chain.lsn, Ordering::SeqCst);
    for (from, follower) in followers {
        let seen = follower.join().expect("a follower is content");
        let expected: Vec<Batch> = appended.iter().filter(|batch| batch.last_lsn() >= from).cloned().collect();
        assert_same::<T>(&seen, &expected);
    }
}

pub(crate) async fn a_reader_that_stalls_does_not_hold_the_writer_up<T: Storage>(storage: T) {
    let mut writer = Writer::begin(storage.sink()).await.unwrap();
    let mut appended = Vec::new();
    for _ in 0..10 {
        appended.push(writer.append(&[put_text("before", 20_000)]).await);
    }
    writer.make_durable().await;
    let (stalled, has_stalled) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let reader = storage.reader();
    let reading = on_a_thread(move || async move {
        let mut batches = Vec::new();
        let mut visit = async |batch: &Batch| {
            if batches.is_empty() {
                stalled.send(()).expect("the test waits");
                may_go_on.recv_timeout(DEADLINE).expect("the writer is not held up");
            }
            batches.push(batch.clone());
            Ok(())
        };
        reader.read(1..=Lsn::MAX, &mut visit).await.map(|bounds| (batches, bounds))
    });
    tokio::task::spawn_blocking(move || has_stalled.recv()).await.unwrap().expect("the reader has begun");
    let before = appended.clone();
    for _ in 0..30 {
        appended.push(writer.append(&[put_text("meanwhile", 20_000)]).await);
        writer.make_durable().await;
    }
    go_on.send(()).expect("the reader waits");
    let (batches, bounds) = reading.join().expect("it does not panic").expect("it comes to its end");
    assert_same::<T>(&batches, &before);
    assert_eq!(bounds.durable.lsn, 10, "the log as it was when the read began");
    assert_same::<T>(&writer.read(1).await, &appended);
}

pub(crate) async fn an_idle_writer_learns_that_it_is_fenced<T: Storage>(storage: T) {
    let mut first = Writer::begin(storage.sink()).await.unwrap();
    first.append(&[put_text("k", 1)]).await;
    first.make_durable().await;
    assert_eq!(first.sink.check_term().await, Ok(()));
    let own = first.opened.epoch;
    let newer = match storage.sink().open().await {
        Ok(opened) => opened.epoch,
        Err(SinkError::InUse { .. }) => return assert_eq!(first.sink.check_term().await, Ok(())),
        Err(e) => panic!("a second writer may fence the first or find the log in use, not: {e}"),
    };
    let began = Instant::now();
    while first.sink.check_term().await.is_ok() {
        assert!(began.elapsed() < TERM_CHECK_INTERVAL + SLACK, "an idle writer does not learn that it is fenced");
        tokio::time::sleep(TERM_CHECK_INTERVAL / 20).await;
    }
    assert_eq!(first.sink.check_term().await, Err(SinkError::Fenced { own, newer }));
}
