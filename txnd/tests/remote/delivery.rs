//! Nothing is lost or doubled, whatever happens to the connection, the service and its storage.

use std::time::{Duration, Instant};

use proto::{Batch, Chain, Lsn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use testkit::memory::{Faults, MemoryLog, MemorySink};
use tokio::sync::watch;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use txnd::MIN_SEGMENT_BYTES;
use txnd::limits::{PING_INTERVAL, PONG_TIMEOUT};
use txnd::remote::Connect;
use txnd::{LogWriter, MAX_IN_FLIGHT, NoCheckpoints, RemoteSink, SegmentSink, SinkError, Term, Terms};

use crate::conformance::assert_same;
use crate::hosted::{Hosted, PlainTcp, Service};
use crate::proxy::Proxy;
use crate::writer::{Content, Writer, deliver, put_text, seal, seed};

/// What a busy machine may add to a time limit.
const SLACK: Duration = Duration::from_secs(10);

/// Makes batches durable while the connection breaks at any place, over and over.
#[tokio::test]
async fn connections_are_cut_anywhere() {
    let seed = seed();
    let (mut rng, mut content) = (StdRng::seed_from_u64(seed), Content::new(seed));
    let hosted = Hosted::segments();
    let proxy = Proxy::to(hosted.service.address);
    let mut writer = Writer::begin(RemoteSink::new(PlainTcp(proxy.address))).await.unwrap();
    let mut appended = Vec::new();
    let mut interruptions = 0;
    for _ in 0..150 {
        let count = rng.random_range(1..=MAX_IN_FLIGHT);
        let batches: Vec<Batch> = (0..count).map(|_| writer.seal(&content.ops(3))).collect();
        proxy.cut_after(rng.random_range(0..8_000));
        interruptions += deliver_with_retries(&mut writer, &batches).await;
        appended.extend(batches);
    }
    assert!(interruptions > 20, "the connection was cut {interruptions} times");
    proxy.heal();
    writer.resume().await.unwrap();
    assert_same::<Hosted>(&writer.read(1).await, &appended);
}

/// As `deliver`, but a resume may fail as well. Returns how often there was an interruption.
async fn deliver_with_retries(writer: &mut Writer<RemoteSink<PlainTcp>>, batches: &[Batch]) -> usize {
    let mut rest = batches;
    for interruptions in 0.. {
        match deliver(writer, rest).await {
            Ok(more) => return interruptions + more,
            Err(e) => assert!(e.is_retryable(), "{e}"),
        }
        let durable = loop {
            match writer.resume().await {
                Ok(durable) => break durable,
                Err(e) => assert!(e.is_retryable(), "{e}"),
            }
        };
        rest = &rest[rest.partition_point(|batch| batch.last_lsn() <= durable)..];
    }
    unreachable!("the loop has no end")
}

#[tokio::test]
async fn the_storage_fails_in_any_order() {
    let seed = seed();
    let (mut rng, mut content) = (StdRng::seed_from_u64(seed), Content::new(seed));
    let log = MemoryLog::default();
    let hosted = Hosted::memory(&log);
    let mut writer = Writer::begin(hosted.service.sink()).await.unwrap();
    let mut appended = Vec::new();
    for _ in 0..60 {
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
    }
    writer.resume().await.unwrap();
    assert_same::<Hosted>(&writer.read(1).await, &appended);
}

#[tokio::test]
async fn a_restart_of_the_service_does_not_end_the_term() {
    let folder = tempfile::tempdir().unwrap();
    let sink = || SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES);
    let mut content = Content::new(seed());
    let mut service = Service::start(sink());
    let address = service.address;
    let mut writer = Writer::begin(service.sink()).await.unwrap();
    let mut appended = Vec::new();
    for outstanding in [0, 1, MAX_IN_FLIGHT, 0] {
        appended.push(writer.append(&content.ops(20)).await);
        writer.make_durable().await;
        let safe = writer.durable;
        for _ in 0..outstanding {
            appended.push(writer.append(&content.ops(20)).await);
        }
        drop(service);
        match writer.sink.durable().await {
            // What was received before the end was acknowledged.
            Ok(durable) => assert!(durable >= safe),
            Err(e) => assert!(e.is_retryable(), "{e}"),
        }
        let down = writer.resume().await.unwrap_err();
        assert!(down.is_retryable(), "{down}");
        assert_eq!(writer.sink.durable().await.unwrap_err(), down, "after an error every call fails until resume");

        service = Service::start_at(address, sink());
        let not_durable = appended.len() - outstanding;
        let epoch = writer.opened.epoch;
        let durable = writer.resume().await.expect("the term goes on");
        assert!(durable >= safe);
        let rest = appended[not_durable..].iter().filter(|batch| batch.last_lsn() > durable);
        deliver(&mut writer, &rest.cloned().collect::<Vec<_>>()).await.unwrap();
        writer.durable = writer.chain.lsn;
        assert_eq!(appended.last().unwrap().epoch(), epoch);
        assert_same::<Hosted>(&writer.read(1).await, &appended);
    }
    writer.sink.close().await.unwrap();
    drop(service);
    let mut recovered = Writer::begin(sink()).await.unwrap();
    assert_eq!(recovered.opened.epoch, writer.opened.epoch + 1);
    assert_same::<Hosted>(&recovered.read(1).await, &appended);
}

#[tokio::test]
async fn a_fenced_writer_stays_fenced_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let sink = || SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES);
    let service = Service::start(sink());
    let mut first = Writer::begin(service.sink()).await.unwrap();
    let second = Writer::begin(service.sink()).await.unwrap();
    let address = service.address;
    drop(service);
    let _service = Service::start_at(address, sink());
    let (own, newer) = (first.opened.epoch, second.opened.epoch);
    assert_eq!(first.resume().await, Err(SinkError::Fenced { own, newer }));
}

/// A memory sink that says what it has taken.
struct Observed {
    sink: MemorySink,
    appended: watch::Sender<Lsn>,
}

impl LogWriter for Observed {
    type Reader = MemoryLog;
    type Checkpoint = NoCheckpoints;

    fn reader(&self) -> MemoryLog {
        self.sink.reader()
    }

    async fn open(&mut self) -> Result<Term, SinkError> {
        self.sink.open().await
    }

    fn terms(&self) -> Terms {
        self.sink.terms()
    }

    async fn resume(&mut self, term: &Term) -> Result<Chain, SinkError> {
        self.sink.resume(term).await
    }

    async fn append(&mut self, batch: &Batch) -> Result<(), SinkError> {
        self.sink.append(batch).await?;
        self.appended.send_replace(batch.last_lsn());
        Ok(())
    }

    async fn durable(&mut self) -> Result<Lsn, SinkError> {
        self.sink.durable().await
    }

    async fn close(&mut self) -> Result<(), SinkError> {
        panic!("the service does not end a term that its writer has not closed");
    }
}

#[tokio::test]
async fn what_was_received_is_acknowledged_before_the_service_stops() {
    let log = MemoryLog::default();
    let (appended, mut observed) = watch::channel(0);
    let mut service = Service::start(Observed { sink: log.sink(), appended });
    let mut writer = Writer::begin(service.sink()).await.unwrap();
    log.stall(true);
    for _ in 0..5 {
        writer.append(&[put_text("k", 100)]).await;
    }
    observed.wait_for(|&lsn| lsn == 5).await.unwrap();
    service.begin_stop();
    log.stall(false);
    writer.make_durable().await;
    assert_eq!(writer.durable, 5);

    let late = writer.seal(&[put_text("k", 100)]);
    let error = match writer.sink.append(&late).await {
        Ok(()) => writer.sink.durable().await.unwrap_err(),
        Err(e) => e,
    };
    assert!(error.is_retryable(), "{error}");
    let mut next = log.sink();
    assert_eq!(next.resume(&writer.opened).await.map(|chain| chain.lsn), Ok(5));
}

#[tokio::test]
async fn a_sink_that_has_failed_for_good_is_not_used_again() {
    let log = MemoryLog::default();
    let hosted = Hosted::memory(&log);
    let mut writer = Writer::begin(hosted.service.sink()).await.unwrap();
    let channel = PlainTcp(hosted.service.address).connect().await.unwrap();
    let mut health = HealthClient::new(channel);
    let service = || HealthCheckRequest { service: "txn.v1.TransactionService".into() };
    let mut watched = health.watch(service()).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    log.inject(Faults { fail_for_good: true, ..Faults::default() });
    writer.append(&[put_text("k", 1)]).await;
    let failed = writer.sink.durable().await.unwrap_err();
    assert!(matches!(failed, SinkError::Failed(_)), "{failed}");
    let then = watched.message().await.unwrap().unwrap();
    assert_eq!(then.status(), ServingStatus::NotServing);

    // Whatever the storage would say now.
    log.inject(Faults::default());
    assert_eq!(writer.resume().await.unwrap_err(), failed);
    assert_eq!(hosted.service.sink().open().await.unwrap_err(), failed);
}

#[tokio::test]
async fn a_service_that_falls_silent_is_noticed() {
    let hosted = Hosted::memory(&MemoryLog::default());
    let proxy = Proxy::to(hosted.service.address);
    let mut writer = Writer::begin(RemoteSink::new(PlainTcp(proxy.address))).await.unwrap();
    writer.append(&[put_text("k", 1)]).await;
    writer.make_durable().await;
    proxy.fall_silent();
    let batch = writer.append(&[put_text("k", 1)]).await;
    let began = Instant::now();
    let silent = tokio::time::timeout(PING_INTERVAL + PONG_TIMEOUT + SLACK, writer.sink.durable()).await;
    let error = silent.expect("a silent service is noticed").unwrap_err();
    assert!(error.is_retryable(), "{error}");
    println!("noticed after {:?}: {error}", began.elapsed());

    // The service need not have noticed: the new stream takes over.
    let mut again = hosted.service.sink();
    assert_eq!(again.resume(&writer.opened).await.map(|chain| chain.lsn), Ok(1));
    again.append(&batch).await.unwrap();
    assert_eq!(again.durable().await, Ok(2));
}

/// Batches as large as they come do not fit into a connection's windows or the service's queue together.
#[tokio::test]
async fn the_largest_batches_pass() {
    let log = MemoryLog::default();
    let hosted = Hosted::memory(&log);
    let mut writer = Writer::begin(hosted.service.sink()).await.unwrap();
    let large = put_text("large", proto::limits::MAX_VALUE_BYTES);
    let mut appended = Vec::new();
    for _ in 0..4 {
        let batch = seal(&[large.clone(), put_text("k", 1)], &writer.chain, writer.opened.epoch, 0);
        writer.chain = writer.chain.after(&batch);
        writer.sink.append(&batch).await.unwrap();
        appended.push(batch);
    }
    writer.make_durable().await;
    assert_same::<Hosted>(&writer.read(1).await, &appended);
}
