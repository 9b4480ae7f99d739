//! The history in PostgreSQL is partitioned: which rows are where, and how tables of an earlier version come to be so.

mod writer;

use std::time::{Duration, Instant};

use proto::Batch;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, Executor};
use testkit::postgres_server::{PostgresServer, within};
use txnd::{LogWriter, PostgresSink, SinkError};
use writer::{Content, Writer, put_text, seed, wait_for};

fn sink(url: &str) -> PostgresSink {
    url.parse().expect("a URL")
}

fn records(batches: &[Batch]) -> Vec<String> {
    let records = batches.iter().flat_map(|batch| batch.records());
    records.map(|record| format!("{:?}", record.unwrap())).collect()
}

const TYPES: [&str; 7] = ["integer", "uint", "float", "string", "map", "set", "key"];

/// First and last lsn of each range.
fn ranges(server: &PostgresServer, url: &str) -> Vec<(u64, u64)> {
    let found = server.psql(url, "SELECT first, last FROM history_ranges ORDER BY first");
    let range = |line: &str| {
        let (first, last) = line.split_once('|').expect("two columns");
        (first.parse().expect("a lsn"), last.parse().expect("a lsn"))
    };
    found.lines().map(range).collect()
}

/// The names of the partitions of one type.
fn partitions(server: &PostgresServer, url: &str, ty: &str) -> Vec<String> {
    let select = format!("SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = '{ty}_transactions'::regclass");
    server.psql(url, &select).lines().map(String::from).collect()
}

/// Each partition has rows, all of them of its range, and belongs to a range that is known.
fn check_partitions(server: &PostgresServer, url: &str) {
    let ranges = ranges(server, url);
    assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{ranges:?}");
    let mut checks = vec!["SELECT 'none', true".to_string()];
    for partition in TYPES.iter().flat_map(|ty| partitions(server, url, ty)) {
        let first: u64 = partition.rsplit('_').next().and_then(|first| first.parse().ok()).expect("a lsn in the name");
        let (_, last) = *ranges.iter().find(|range| range.0 == first).expect("a range");
        let right = format!("count(*) > 0 AND min(id) >= {first} AND max(id) <= {last}");
        checks.push(format!("SELECT '{partition} up to {last}', {right} FROM {partition}"));
    }
    let wrong = format!("SELECT * FROM ({}) AS checked (name, ok) WHERE NOT ok", checks.join(" UNION ALL "));
    assert_eq!(server.psql(url, &wrong), "");
}

#[tokio::test]
async fn rows_are_in_the_partition_of_their_lsn() {
    let seed = seed();
    let (mut rng, mut content) = (StdRng::seed_from_u64(seed), Content::new(seed));
    let server = PostgresServer::shared();
    let url = server.database();
    let (mut appended, mut lsn) = (Vec::new(), 0);
    for size in [20, 50, 16] {
        let mut writer = Writer::begin(sink(&format!("{url}?partition-records={size}"))).await.unwrap();
        for _ in 0..12 {
            // Up to 75 records in a group: it begins and ends anywhere, and goes on over more than one boundary.
            for _ in 0..rng.random_range(1..=3) {
                let records = rng.random_range(1..=25);
                appended.push(writer.append(&content.ops(records)).await);
            }
            writer.make_durable().await;
        }
        check_partitions(server, &url);
        let made = ranges(server, &url).into_iter().filter(|range| range.0 > lsn + size);
        assert!(made.clone().count() > 2 && made.clone().all(|(first, last)| last - first + 1 == size), "{size}");
        lsn = writer.durable;
        assert_eq!(records(&writer.read(1).await), records(&appended));
    }
    let last = *ranges(server, &url).last().unwrap();
    assert!(last.0 <= lsn && lsn <= last.1, "no range is made ahead: {last:?} {lsn}");
    let mut next = Writer::begin(sink(&url)).await.unwrap();
    assert_eq!(records(&next.read(1).await), records(&appended));
}

#[tokio::test]
async fn a_size_that_is_none_is_refused() {
    for size in ["", "many", "0", "15", "-1", "99999999999999"] {
        let refused = format!("postgres://me@localhost/kvs?partition-records={size}").parse::<PostgresSink>();
        assert!(refused.unwrap_err().contains("partition-records in the URL: a number of records from 16"), "{size}");
    }
    let url =
        format!("{}?sslmode=disable&partition-records=99&application_name=x", PostgresServer::shared().database());
    sink(&url).open().await.expect("it may stand anywhere");
}

/// What VACUUM or CREATE INDEX of the keys hold is in the way of a new partition. The log waits, for a bounded time.
#[tokio::test]
async fn a_lock_in_the_way_of_a_partition_is_waited_for() {
    let server = PostgresServer::shared();
    let url = format!("{}?partition-records=16", server.database());
    let mut writer = Writer::begin(sink(&url)).await.unwrap();
    let mut appended = vec![writer.append(&[put_text("k", 1)]).await];
    writer.make_durable().await;
    let plain = url.split('?').next().unwrap();
    let mut other = sqlx::PgConnection::connect(plain).await.unwrap();
    other.execute("BEGIN; LOCK TABLE string_keys IN SHARE UPDATE EXCLUSIVE MODE").await.unwrap();

    // The present partition serves on.
    appended.push(writer.append(&vec![put_text("k", 2); 15]).await);
    writer.make_durable().await;
    appended.push(writer.append(&vec![put_text("k", 3); 20]).await);
    let began = Instant::now();
    let error = wait_for(&mut writer.sink, writer.chain.lsn).await.unwrap_err();
    assert!(matches!(error, SinkError::Unavailable(_)) && began.elapsed() < Duration::from_secs(20), "{error}");
    assert_eq!(partitions(server, plain, "string"), ["string_transactions_1"]);

    other.execute("COMMIT").await.unwrap();
    assert_eq!(writer.resume().await.unwrap(), 16);
    writer.sink.append(&appended[2]).await.unwrap();
    writer.make_durable().await;
    check_partitions(server, plain);
    assert_eq!(records(&writer.read(1).await), records(&appended));
}

/// A query of the history and of the keys, however long, is not in the way of a new partition.
#[tokio::test]
async fn a_query_is_not_in_the_way_of_a_partition() {
    let server = PostgresServer::shared();
    let url = format!("{}?partition-records=16", server.database());
    let mut writer = Writer::begin(sink(&url)).await.unwrap();
    writer.append(&[put_text("k", 1)]).await;
    writer.make_durable().await;
    let mut other = sqlx::PgConnection::connect(url.split('?').next().unwrap()).await.unwrap();
    other
        .execute("BEGIN; SELECT count(*) FROM string_transactions t JOIN string_keys k ON k.id = key_id")
        .await
        .unwrap();
    let began = Instant::now();
    writer.append(&vec![put_text("k", 2); 40]).await;
    writer.make_durable().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    other.execute("COMMIT").await.unwrap();
}

/// The tables of version 1, with the records that the program of that time had written: every operation, on every type.
const VERSION_1: &str = include_str!("golden/v1/tables.sql");

const VIEWS: [&str; 6] =
    ["current_int", "current_uint", "current_float", "current_string", "current_map", "current_set"];

/// The rows of all views.
fn present(server: &PostgresServer, url: &str) -> String {
    let views = VIEWS.map(|view| format!("SELECT '{view}', (key, value, lsn, timestamp)::text FROM {view} t"));
    server.psql(url, &format!("{} ORDER BY 1, 2", views.join(" UNION ALL ")))
}

#[tokio::test]
async fn tables_of_an_earlier_version_become_the_first_partition() {
    let server = PostgresServer::shared();
    let url = server.database();
    server.psql(&url, VERSION_1);
    server.psql(
        &url,
        "CREATE INDEX mine ON string_transactions (key_id, id); \
         DO $$ BEGIN CREATE ROLE analyst; EXCEPTION WHEN duplicate_object THEN END $$; \
         GRANT SELECT ON string_transactions, current_string TO analyst; \
         CREATE VIEW mine_too AS SELECT key FROM current_string",
    );
    let before = present(server, &url);
    assert!(VIEWS.iter().all(|view| before.contains(view)), "something of each type: {before}");
    let of_one = "SELECT count(*), min(id), max(id) FROM string_transactions";
    let counted = server.psql(&url, of_one);

    let mut writer = Writer::begin(sink(&url)).await.unwrap();
    assert_eq!(present(server, &url), before);
    assert_eq!(ranges(server, &url), [(1, 120)]);
    assert!(TYPES.iter().all(|ty| partitions(server, &url, ty) == [format!("{ty}_transactions_1")]));
    assert_eq!(server.psql(&url, of_one), counted);
    assert_eq!(server.psql(&url, "SELECT first FROM producer"), "1");
    check_partitions(server, &url);

    writer.append(&[put_text("new", 3)]).await;
    writer.make_durable().await;
    assert_eq!(ranges(server, &url), [(1, 120), (121, 120 + (16 << 20))]);
    assert_eq!(partitions(server, &url, "string").len(), 2);
    assert_eq!(server.psql(&url, "SELECT value, lsn FROM current_string WHERE key = 'new'"), "xxx|121");
    // What its users had made of it still holds.
    assert_eq!(server.psql(&url, "SET ROLE analyst; SELECT count(*) FROM string_transactions WHERE id = 121"), "1");
    assert_eq!(server.psql(&url, "SET ROLE analyst; SELECT count(*) FROM current_string WHERE key = 'new'"), "1");
    assert_eq!(server.psql(&url, "SELECT count(*) FROM mine_too WHERE key = 'new'"), "1");
    let indexed =
        "SELECT count(*) FROM pg_indexes WHERE tablename LIKE 'string_transactions%' AND indexdef LIKE '%(key_id, id)'";
    assert_eq!(server.psql(&url, indexed), "3", "the table and both partitions have the index");
    let declared = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND confrelid = 'string_keys'::regclass AND convalidated";
    assert_eq!(server.psql(&url, declared), "3");
}

#[tokio::test]
async fn a_view_that_would_miss_what_comes_is_not_left_behind() {
    let server = PostgresServer::shared();
    let url = server.database();
    server.psql(&url, VERSION_1);
    server.psql(&url, "CREATE VIEW mine AS SELECT id FROM float_transactions");
    let refused = sink(&url).open().await.unwrap_err();
    assert!(matches!(refused, SinkError::Failed(_)), "{refused}");
    for word in ["float_transactions", "view mine", "Drop them"] {
        assert!(refused.to_string().contains(word), "{word}: {refused}");
    }
    server.psql(&url, "DROP VIEW mine");
    assert_eq!(sink(&url).open().await.unwrap().chain.lsn, 120);
}

#[tokio::test]
async fn a_migration_that_is_interrupted_leaves_everything_as_it_was() {
    let server = PostgresServer::shared();
    let url = server.database();
    server.psql(&url, VERSION_1);
    let before = present(server, &url);
    let mut other = sqlx::PgConnection::connect(&url).await.unwrap();
    // The tables before this one are renamed by then.
    other.execute("BEGIN; SELECT count(*) FROM key_transactions").await.unwrap();
    let mut interrupted = sink(&url);
    let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let (opened, ()) = tokio::join!(interrupted.open(), async {
        while server.psql(&url, waiting).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.psql(&url, &format!("SELECT pg_terminate_backend(pid) FROM ({waiting}) waiting"));
    });
    assert!(opened.unwrap_err().is_retryable());
    within("it is undone", || server.psql(&url, waiting).is_empty().then_some(()));
    assert_eq!(present(server, &url), before);
    assert_eq!(
        server.psql(&url, "SELECT to_regclass('history_ranges') IS NULL AND to_regclass('int_base') IS NULL"),
        "t"
    );
    assert_eq!(server.psql(&url, "SELECT count(*) FROM pg_class WHERE relkind = 'p'"), "0");
    other.execute("COMMIT").await.unwrap();
    assert_eq!(interrupted.open().await.unwrap().chain.lsn, 120);
    assert_eq!(present(server, &url), before);
}
