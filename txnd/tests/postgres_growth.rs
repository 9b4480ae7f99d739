//! The PostgreSQL sink over time: snapshots that others hold, more keys than there is memory for, tables of an older version.

mod writer;

use std::collections::BTreeSet;

use proto::{Batch, ValueType};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, Executor};
use testkit::arbitrary::OwnedOp;
use testkit::postgres_server::{PostgresServer, within};
use txnd::{LogWriter, PostgresSink};
use writer::{Writer, put_text, seed};

fn sink(url: &str) -> PostgresSink {
    url.parse().expect("a URL")
}

fn records(batches: &[Batch]) -> Vec<String> {
    let records = batches.iter().flat_map(|batch| batch.records());
    records.map(|record| format!("{:?}", record.unwrap())).collect()
}

#[tokio::test]
async fn a_snapshot_that_somebody_holds_leaves_no_trail_in_what_each_group_reads() {
    const GROUPS: u64 = 2500;
    let server = PostgresServer::with_settings(&[("autovacuum_naptime", "1s")]);
    let url = server.database();
    let mut writer = Writer::begin(sink(&url)).await.unwrap();
    let mut other = sqlx::PgConnection::connect(&url).await.unwrap();
    other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM group_ends").await.unwrap();
    for n in 0..GROUPS {
        writer.append(&[put_text("k", n as usize % 10)]).await;
        writer.make_durable().await;
    }
    // The one row is in its one page still, although the snapshot kept every version that there was.
    assert_eq!(server.psql(&url, "SELECT pg_relation_size('producer'), count(*) FROM producer"), "8192|1");
    // Nobody else needs the ends of earlier groups: what was inserted since they were deleted last is there.
    let ends: u64 = server.psql(&url, "SELECT count(*) FROM group_ends").parse().unwrap();
    assert!((1..=1100).contains(&ends), "{ends} rows in group_ends after {GROUPS} groups");
    // A group finds the end of the log by reading a few pages of it, not all that the snapshot keeps.
    let plan = "SET enable_seqscan = off; EXPLAIN (ANALYZE, BUFFERS, COSTS off, TIMING off, SUMMARY off) SELECT max(lsn) FROM group_ends";
    let plan = server.psql(&url, plan);
    let pages = plan.lines().find_map(|line| line.trim().strip_prefix("Buffers: shared hit=")).expect("buffers");
    let pages: u32 = pages.split(' ').next().unwrap().parse().unwrap();
    assert!(pages < 10, "{plan}");
    other.execute("COMMIT").await.unwrap();
    assert_eq!(writer.read(1).await.iter().map(|batch| u64::from(batch.count())).sum::<u64>(), GROUPS);
    let mut next = Writer::begin(sink(&url)).await.unwrap();
    assert_eq!(next.opened.chain, writer.chain);
    next.append(&[put_text("k", 1)]).await;
    next.make_durable().await;
}

#[tokio::test]
async fn more_keys_than_the_cache_holds_have_one_id_each() {
    /// Memory for 150 keys or so of those below.
    const CACHE_BYTES: usize = 64 << 10;
    const KEYS: usize = 4000;
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let server = PostgresServer::shared();
    let url = server.database();
    let mut names: Vec<String> = (0..KEYS).map(|n| format!("{n:0>200}")).collect();
    let mut writer = Writer::begin(sink(&url).with_key_cache(CACHE_BYTES)).await.unwrap();
    let mut appended = Vec::new();
    for round in 0..3 {
        names.shuffle(&mut rng);
        for (turn, chunk) in names.chunks(100).enumerate() {
            // A key that was used in the same group, or lately, or never, or long ago; in types of their own.
            let ops: Vec<OwnedOp> = chunk.iter().flat_map(|name| [put_text(name, round), put_text(name, 3)]).collect();
            appended.push(writer.append(&ops).await);
            if turn % 8 == 0 || rng.random_bool(0.3) {
                writer.make_durable().await;
                assert!(writer.sink.key_cache_in_use() <= CACHE_BYTES, "{} bytes", writer.sink.key_cache_in_use());
            }
            // A lost connection in between.
            if rng.random_bool(0.02) {
                let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                           WHERE datname = current_database() AND pid <> pg_backend_pid()";
                server.psql(&url, end);
                let lost = writer.append(&[put_text(&chunk[0], 1)]).await;
                let error = writer::wait_for(&mut writer.sink, lost.last_lsn()).await.unwrap_err();
                assert!(error.is_retryable(), "{error}");
                let durable = writer.resume().await.unwrap();
                appended.push(lost);
                let lost = appended.partition_point(|batch| batch.last_lsn() <= durable);
                for batch in &appended[lost..] {
                    writer.sink.append(batch).await.unwrap();
                }
            }
        }
    }
    writer.make_durable().await;
    assert!(writer.sink.key_cache_in_use() <= CACHE_BYTES, "{} bytes", writer.sink.key_cache_in_use());
    let found = server.psql(&url, "SELECT count(*), count(DISTINCT key), max(id) FROM string_keys");
    assert_eq!(found, format!("{KEYS}|{KEYS}|{KEYS}"));
    let expected = records(&appended);
    assert_eq!(records(&writer.read(1).await), expected, "a reader with as little memory finds the names");
    let mut next = Writer::begin(sink(&url)).await.unwrap();
    assert_eq!(records(&next.read(1).await), expected);
    assert_eq!(records(&next.read(7777).await), expected[7776..]);
}

#[tokio::test]
async fn reads_of_keys_that_are_not_there_take_no_more_memory_than_writes() {
    const CACHE_BYTES: usize = 64 << 10;
    let server = PostgresServer::shared();
    let url = server.database();
    let mut writer = Writer::begin(sink(&url).with_key_cache(CACHE_BYTES)).await.unwrap();
    for first in (0..10_000).step_by(1000) {
        let ops: Vec<OwnedOp> =
            (first..first + 1000).map(|n| OwnedOp::Get(ValueType::Str, format!("missing {n:0>100}"))).collect();
        writer.append(&ops).await;
        writer.make_durable().await;
        assert!(writer.sink.key_cache_in_use() <= CACHE_BYTES, "{} bytes", writer.sink.key_cache_in_use());
    }
    assert_eq!(writer.read(1).await.iter().map(|batch| batch.count()).sum::<u32>(), 10_000);
}

#[tokio::test]
async fn a_read_finds_its_first_row_without_looking_at_all_of_them() {
    const BATCHES: u64 = 100;
    const RECORDS: u64 = 100;
    let server = PostgresServer::shared();
    let url = server.database();
    let mut writer = Writer::begin(sink(&url)).await.unwrap();
    for _ in 0..BATCHES {
        writer.append(&(0..RECORDS as usize).map(|n| put_text("k", n)).collect::<Vec<_>>()).await;
    }
    writer.make_durable().await;
    server.psql(&url, "SELECT pg_stat_reset()");
    let (before, last) = (BATCHES * RECORDS / 5, BATCHES * RECORDS);
    assert_eq!(writer.read(before + 1).await.iter().map(|batch| u64::from(batch.count())).sum::<u64>(), last - before);
    // The server has not analysed the table; it would make a bitmap of its rows before it says that there is one.
    let counts = "SELECT sum(idx_tup_read), sum(seq_tup_read) FROM pg_stat_user_tables JOIN pg_stat_user_indexes USING (relid) \
                  WHERE pg_stat_user_tables.relname LIKE 'string_transactions_%'";
    let (by_index, by_scanning) = within("the server's counts of what was read", || {
        let counts = server.psql(&url, counts);
        let (by_index, by_scanning) = counts.split_once('|')?;
        let by_index: u64 = by_index.parse().ok()?;
        (by_index >= last - before).then(|| (by_index, by_scanning.to_owned()))
    });
    assert!(by_index < (last - before) * 3 / 2, "{by_index} entries of the index");
    assert_eq!(by_scanning, "0");
}

/// The tables of version 1, with the records that the program of that time had written: every operation, on every type.
const VERSION_1: &str = include_str!("golden/v1/tables.sql");

#[tokio::test]
async fn tables_of_version_1_are_moved_with_all_that_is_in_them() {
    let server = PostgresServer::shared();
    let url = server.database();
    server.psql(&url, VERSION_1);
    let mut writer = Writer::begin(sink(&url)).await.unwrap();
    assert_eq!((writer.opened.epoch, writer.opened.chain.lsn), (3, 120));
    assert_eq!(writer.opened.chain.log_id, (-1_113_056_351_972_869_522_i64).cast_unsigned());
    assert_eq!(writer.opened.chain.checksum, 28_221_301);
    let stored = records(&writer.read(1).await);
    assert_eq!(stored.len(), 120);
    let kinds: BTreeSet<&str> =
        stored.iter().filter_map(|record| record.split("op: ").nth(1)?.split(' ').next()).collect();
    let all =
        ["Del", "DelAll", "Get", "Incr", "IncrBy", "MapDel", "MapGet", "MapSet", "Put", "SetAdd", "SetHas", "SetRem"];
    assert_eq!(kinds, BTreeSet::from(all));
    writer.append(&[put_text("k", 1)]).await;
    writer.make_durable().await;
    assert_eq!(server.psql(&url, "SELECT max(lsn) FROM group_ends"), "121");

    // A writer of the version before, which may still run, stores nothing any more.
    let advance =
        "BEGIN; UPDATE producer SET lsn = 122, checksum = 0, updated_at = now() WHERE epoch = 3 AND lsn = 121";
    server.try_psql(&url, advance).expect_err("there are no such columns");
}

#[tokio::test]
async fn a_writer_of_version_1_within_a_transaction_is_waited_for() {
    let server = PostgresServer::shared();
    let url = server.database();
    server.psql(&url, VERSION_1);
    let mut before = sqlx::PgConnection::connect(&url).await.unwrap();
    before.execute("BEGIN; UPDATE producer SET lsn = 121, checksum = 7").await.unwrap();
    let row = "INSERT INTO integer_transactions SELECT 121, 'put', id, 5, NULL, now() FROM int_keys WHERE key = 'k'";
    before.execute(row).await.unwrap();
    let mut next = sink(&url);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let (opened, ()) = tokio::join!(next.open(), async {
        while server.psql(&url, waits) != "1" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        before.execute("COMMIT").await.unwrap();
    });
    assert_eq!((opened.unwrap().chain.lsn, opened_checksum(server, &url)), (121, "7".into()));
}

fn opened_checksum(server: &PostgresServer, url: &str) -> String {
    within("an end", || Some(server.psql(url, "SELECT checksum FROM group_ends ORDER BY lsn DESC LIMIT 1")))
}
