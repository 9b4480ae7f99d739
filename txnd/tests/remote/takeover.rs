//! A log that somebody else takes over, or that goes away for a moment, while its writer has nothing to write.

use std::time::{Duration, Instant};

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
