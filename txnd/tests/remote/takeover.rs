//! A log that somebody else takes over, or that goes away for a moment, while its writer has nothing to write.

use std::time::{Duration, Instant};

use proto::Batch;
use testkit::postgres_server::PostgresServer;
use tonic::Code;
use txnd::{LogWriter, PostgresSink, SinkError, TERM_CHECK_INTERVAL};

use crate::hosted::Service;
use crate::raw::{self, Stream};
use crate::writer::{Writer, put_text};

/// What a busy machine may add to a time limit.
const SLACK: Duration = Duration::from_secs(10);

/// A service over tables that others reach, too.
fn service_over_tables() -> (Service, String) {
    let url = PostgresServer::shared().database();
    (Service::start(sink(&url)), url)
}

fn sink(url: &str) -> PostgresSink {
    url.parse().expect("a URL")
}

#[tokio::test]
async fn an_idle_writer_learns_that_its_services_tables_were_taken_over() {
    let (service, url) = service_over_tables();
    let mut idle = Writer::begin(service.sink()).await.unwrap();
    idle.append(&[put_text("k", 1)]).await;
    idle.make_durable().await;
    assert_eq!(idle.sink.check_term().await, Ok(()));

    let newer = sink(&url).open().await.unwrap();
    let began = Instant::now();
    let error = loop {
        match idle.sink.check_term().await {
            Ok(()) => assert!(began.elapsed() < TERM_CHECK_INTERVAL + SLACK, "the idle writer does not learn of it"),
            Err(e) => break e,
        }
        tokio::time::sleep(TERM_CHECK_INTERVAL / 20).await;
    };
    println!("learned after {:?}", began.elapsed());
    assert_eq!(error, SinkError::Fenced { own: idle.opened.epoch, newer: newer.epoch });
}

/// Nothing but waiting for the stream's end is needed, in any language.
#[tokio::test]
async fn the_stream_of_an_idle_writer_ends_when_its_services_tables_are_taken_over() {
    let (service, url) = service_over_tables();
    let mut client = raw::client(&service).await;
    let term = raw::open(&mut client).await;
    let (mut stream, _) = Stream::resume(&mut client, term).await.unwrap();
    sink(&url).open().await.unwrap();
    let ending = tokio::time::timeout(TERM_CHECK_INTERVAL + SLACK, stream.ending()).await.expect("the stream ends");
    assert_eq!(ending.code(), Code::Aborted, "{ending:?}");
    assert!(ending.metadata().get_bin("txn-failure-bin").is_some(), "{ending:?}");
}

#[tokio::test]
async fn a_lost_connection_of_an_idle_service_bothers_nobody() {
    let (service, url) = service_over_tables();
    let server = PostgresServer::shared();
    let mut writer = Writer::begin(service.sink()).await.unwrap();
    writer.append(&[put_text("before", 1)]).await;
    writer.make_durable().await;
    let sessions = || {
        let of_service = "FROM pg_stat_activity WHERE application_name = 'kvs' AND datname = current_database()";
        server.psql(&url, &format!("SELECT coalesce(string_agg(pid::text, ','), '') {of_service}"))
    };
    let before = sessions();
    assert!(!before.is_empty());
    server.psql(&url, &format!("SELECT pg_terminate_backend(pid) FROM unnest(ARRAY[{before}]) pid"));
    let began = Instant::now();
    while sessions().is_empty() || sessions() == before {
        assert!(began.elapsed() < TERM_CHECK_INTERVAL + SLACK, "the service does not connect again");
        tokio::time::sleep(TERM_CHECK_INTERVAL / 20).await;
    }
    assert_eq!(writer.sink.check_term().await, Ok(()), "the stream is the same");
    writer.append(&[put_text("after", 1)]).await;
    writer.make_durable().await;
    assert_eq!(writer.read(1).await.iter().map(|batch| batch.count()).sum::<u32>(), 2);
}

/// A writer may resume its term from another service over the same tables, and come back.
#[tokio::test]
async fn a_term_is_continued_through_another_service_and_back() {
    let (first, url) = service_over_tables();
    let second = Service::start(sink(&url));
    let mut writer = Writer::begin(first.sink()).await.unwrap();
    let mut appended = Vec::new();
    // Both services assign ids to keys, and must not mistake their own for the other's.
    for (round, service) in [&first, &second, &first, &second].into_iter().enumerate() {
        if round > 0 {
            writer.sink = service.sink();
            assert_eq!(writer.resume().await, Ok(writer.chain.lsn), "round {round}");
        }
        for key in ["shared", "own"] {
            appended.push(writer.append(&[put_text(&format!("{key}_{}", round / 2), 1), put_text("all", 1)]).await);
        }
        appended.push(writer.append(&[put_text(&format!("round_{round}"), 1)]).await);
        writer.make_durable().await;
    }
    assert_same_keys(&writer.read(1).await, &appended);
}

fn assert_same_keys(read: &[Batch], appended: &[Batch]) {
    let keys = |batches: &[Batch]| -> Vec<(u64, String)> {
        let records = batches.iter().flat_map(Batch::records).map(|record| record.expect("a record"));
        records.map(|record| (record.lsn, record.op.key().as_str().to_owned())).collect()
    };
    assert_eq!(keys(read), keys(appended));
}

#[tokio::test]
async fn a_stream_ends_when_its_term_is_continued_elsewhere() {
    let (service, url) = service_over_tables();
    let mut client = raw::client(&service).await;
    let term = raw::open(&mut client).await;
    let (mut stream, _) = Stream::resume(&mut client, term).await.unwrap();

    let mut elsewhere = Writer { sink: sink(&url), opened: term, chain: term.chain, durable: term.chain.lsn };
    assert_eq!(elsewhere.resume().await, Ok(0));
    elsewhere.append(&[put_text("k", 1)]).await;
    elsewhere.make_durable().await;

    let ending = tokio::time::timeout(TERM_CHECK_INTERVAL + SLACK, stream.ending()).await.expect("the stream ends");
    assert_eq!(ending.code(), Code::Unavailable, "the writer may resume: {ending:?}");
    let (mut stream, end) = Stream::resume(&mut client, term).await.expect("the service goes on");
    assert_eq!(end, elsewhere.chain);
    let batch = elsewhere.seal(&[put_text("another", 1)]);
    stream.send_batch(&batch).await;
    stream.durable(batch.last_lsn()).await;
}
