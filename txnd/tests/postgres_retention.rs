//! History in PostgreSQL that is no longer kept: what is removed and when, what the views show after it, who is in the way of
//! whom, and what is left by a death.

mod present_state;
mod writer;

use std::time::{Duration, Instant};

use present_state::{PresentState, operations, shown};
use proto::{Batch, Lsn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, Executor, PgConnection};
use testkit::arbitrary::OwnedOp;
use testkit::postgres_server::PostgresServer;
use txnd::{CheckpointWriter, LogReader, LogWriter, PostgresReader, PostgresSink, Retention, SinkError};
use writer::{Content, Writer, checkpoint_of, put_text, seed};

/// Records in a partition.
const PARTITION: u64 = 64;

const NOTHING: Retention = Retention::Bytes(0);

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(60);

/// A log in a database of its own.
struct Log {
    server: &'static PostgresServer,
    /// Of the database, for others.
    url: String,
    retention: Retention,
    writer: Writer<PostgresSink>,
}

impl Log {
    async fn begin(retention: Retention) -> Self {
        let server = PostgresServer::shared();
        let url = server.database();
        let writer = begin(&url, retention).await;
        Self { server, url, retention, writer }
    }

    /// The next writer.
    async fn begin_again(&mut self) {
        self.writer = begin(&self.url, self.retention).await;
    }

    fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.url, sql)
    }

    fn reader(&self) -> PostgresReader {
        self.url.parse().expect("a URL")
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("a connection")
    }

    async fn append(&mut self, ops: &[OwnedOp]) -> Batch {
        let batch = self.writer.append(ops).await;
        self.writer.make_durable().await;
        batch
    }

    /// Texts up to this lsn.
    async fn fill_to(&mut self, lsn: Lsn) {
        self.append(&vec![put_text("k", 5); (lsn - self.writer.durable) as usize]).await;
    }

    /// Puts a checkpoint of everything that is durable in use.
    async fn checkpoint(&mut self) {
        let base = self.writer.durable;
        let mut checkpoint = self.writer.sink.begin_checkpoint(base).unwrap().expect("tables keep checkpoints");
        for batch in checkpoint_of(base, 3, base) {
            checkpoint.append(&batch).await.unwrap();
        }
        checkpoint.finish().await.unwrap();
        self.writer.sink.keep_checkpoint(checkpoint).await.unwrap();
    }

    async fn oldest(&self) -> Lsn {
        self.reader().bounds().await.unwrap().oldest
    }

    /// Waits until the log begins at `oldest`.
    async fn begins_at(&self, oldest: Lsn) {
        self.until("it begins there", || self.psql("SELECT first FROM producer") == oldest.to_string()).await;
        assert_eq!(self.oldest().await, oldest);
    }

    /// Waits for a condition.
    async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < DEADLINE, "waited in vain: {what}");
            // The removal runs on this thread.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until nothing is being removed: no session holds the tables `*_base` against others of its kind.
    async fn removal_ended(&self) {
        let held = "SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' \
                    AND relation = 'string_base'::regclass";
        self.until("the removal ends", || self.psql(held) == "0").await;
    }

    /// Waits until a removal that was seen has nothing more to remove: its session ends then. The writer has the other one.
    async fn nothing_more_is_removed(&self) {
        let sessions = "SELECT count(*) FROM pg_stat_activity \
                        WHERE datname = current_database() AND application_name = 'kvs'";
        self.until("the removal ends", || self.psql(sessions) == "1").await;
    }

    /// Waits until a removal has folded, and tries to get the locks. It does so for three seconds. If this test is stopped for
    /// as long, it misses that, and the next checkpoint begins another removal.
    async fn removal_is_held_up(&mut self) {
        const A_WHILE: Duration = Duration::from_secs(10);
        let held =
            "SELECT count(*) > 0 FROM pg_locks WHERE mode = 'RowExclusiveLock' AND relation = 'string_base'::regclass";
        for _ in 0..DEADLINE.as_secs() / A_WHILE.as_secs() {
            let began = Instant::now();
            while began.elapsed() < A_WHILE {
                if self.psql(held) == "t" {
                    return;
                }
                // The removal runs on this thread.
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            self.checkpoint().await;
        }
        panic!("waited in vain: a removal has folded");
    }

    /// Partitions of all types.
    fn partitions(&self) -> String {
        self.psql("SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = inhrelid WHERE relkind = 'r'")
    }
}

async fn begin(url: &str, retention: Retention) -> Writer<PostgresSink> {
    let sink: PostgresSink = format!("{url}?partition-records={PARTITION}").parse().expect("a URL");
    Writer::begin(sink.with_retention(retention)).await.expect("the log is opened")
}

/// The records from `from` to the end.
async fn read(reader: &PostgresReader, from: Lsn) -> Result<Vec<String>, SinkError> {
    let mut found = Vec::new();
    let mut visit = async |batch: &Batch| {
        found.extend(records(batch));
        Ok(())
    };
    reader.read(from..=Lsn::MAX, &mut visit).await?;
    Ok(found)
}

fn records(batch: &Batch) -> Vec<String> {
    batch.records().map(|record| format!("{:?}", record.unwrap())).collect()
}

/// The end of the last partition that is wholly at or below `base`.
fn before(base: Lsn) -> Lsn {
    base / PARTITION * PARTITION
}

#[tokio::test]
async fn views_show_the_same_whatever_was_removed() {
    let seed = seed();
    let (mut rng, mut content) = (StdRng::seed_from_u64(seed), Content::of(seed, operations()));
    let mut log = Log::begin(NOTHING).await;
    let (mut model, mut all, mut bases) = (PresentState::default(), Vec::new(), vec![0]);
    for round in 0..12 {
        for _ in 0..rng.random_range(1..=4) {
            let batch = log.append(&content.ops(rng.random_range(1..=60))).await;
            model.apply(&batch);
            all.extend(records(&batch));
        }
        assert_eq!(shown(log.server, &log.url), model.rows(), "before the checkpoint of round {round}");
        let oldest = before(*bases.last().unwrap()) + 1;
        bases.push(log.writer.durable);
        log.checkpoint().await;
        log.begins_at(oldest).await;
        // The next removal begins only when this one has ended.
        log.nothing_more_is_removed().await;
        assert_eq!(shown(log.server, &log.url), model.rows(), "after that of round {round}");

        let kept = &all[oldest as usize - 1..];
        assert_eq!(read(&log.reader(), oldest).await.as_deref(), Ok(kept));
        if oldest > 1 {
            for lsn in [1, oldest - 1] {
                assert_eq!(read(&log.reader(), lsn).await, Err(SinkError::NoLongerKept { lsn, oldest }));
            }
        }
        if rng.random_bool(0.3) {
            log.begin_again().await;
        }
    }
    let oldest = log.oldest().await;
    assert!(oldest > 3 * PARTITION, "{oldest}");
    let tables = ["integer", "uint", "float", "string", "map", "set", "key"];
    let least = tables.map(|ty| format!("SELECT min(id) AS id FROM {ty}_transactions")).join(" UNION ALL ");
    assert_eq!(log.psql(&format!("SELECT min(id) FROM ({least}) t")), oldest.to_string());
    let empty = "SELECT count(*) FROM pg_class WHERE relname ~ '_transactions_[0-9]+$' AND relkind = 'r' \
                 AND NOT relispartition";
    assert_eq!(log.psql(empty), "0", "what was removed is dropped");
}

#[tokio::test]
async fn retention_keeps_more() {
    let years = |years: u64| Retention::Age(Duration::from_secs(years * 365 * 86_400));
    // Each partition has an index page and a table page or two, and a table of its own for long values.
    let sizes = Retention::Bytes(100 << 10);
    for (retention, fewest, most) in
        [(Retention::All, 10, 10), (years(1000), 10, 10), (years(1), 1, 1), (NOTHING, 1, 1), (sizes, 3, 8)]
    {
        let mut log = Log::begin(retention).await;
        log.fill_to(9 * PARTITION + 1).await;
        log.checkpoint().await;
        assert_eq!(log.oldest().await, 1, "one checkpoint alone may be damaged");
        log.fill_to(9 * PARTITION + 2).await;
        log.checkpoint().await;
        if most < 10 {
            log.until("something is removed", || log.psql("SELECT first > 1 FROM producer") == "t").await;
        }
        let mut kept = 0;
        log.until("it is all removed", || {
            kept = log.partitions().parse().expect("a number");
            kept <= most
        })
        .await;
        if most < 10 {
            log.nothing_more_is_removed().await;
            kept = log.partitions().parse().expect("a number");
        }
        assert!(kept >= fewest, "{retention:?} keeps {kept} partitions");
    }
}

#[tokio::test]
async fn what_only_the_last_checkpoint_covers_is_kept() {
    let mut log = Log::begin(NOTHING).await;
    log.fill_to(2 * PARTITION - 1).await;
    log.checkpoint().await;
    log.fill_to(5 * PARTITION).await;
    log.checkpoint().await;
    log.begins_at(PARTITION + 1).await;
    log.nothing_more_is_removed().await;
    assert_eq!(log.oldest().await, PARTITION + 1, "the second range ends after the earlier checkpoint");
    log.fill_to(6 * PARTITION).await;
    log.checkpoint().await;
    // All of a full range, and what comes next begins another one.
    log.begins_at(5 * PARTITION + 1).await;
    log.nothing_more_is_removed().await;
    log.checkpoint().await;
    log.begins_at(6 * PARTITION + 1).await;
    assert_eq!(log.partitions(), "0");
    assert_eq!(read(&log.reader(), log.writer.durable + 1).await, Ok(Vec::new()));
    log.fill_to(6 * PARTITION + 3).await;
    assert_eq!(read(&log.reader(), 6 * PARTITION + 1).await.unwrap().len(), 3);
    log.begin_again().await;
    log.fill_to(6 * PARTITION + 4).await;
    assert_eq!(log.psql("SELECT value, lsn FROM current_string"), format!("xxxxx|{}", 6 * PARTITION + 4));
}

/// A log with a range that may be removed, while somebody holds a lock that is in the way.
async fn held_up_by(lock: &str) -> (Log, PgConnection) {
    let mut log = Log::begin(NOTHING).await;
    log.append(&[OwnedOp::MapSet("m".into(), "f".into(), "v".into())]).await;
    log.append(&[OwnedOp::SetAdd("s".into(), testkit::arbitrary::packed(["x", "y"]))]).await;
    log.fill_to(PARTITION + 1).await;
    log.checkpoint().await;
    let mut other = log.connect().await;
    other.execute(format!("BEGIN; {lock}").as_str()).await.unwrap();
    log.checkpoint().await;
    (log, other)
}

#[tokio::test]
async fn a_query_postpones_the_removal_and_nobody_waits_for_it() {
    let (mut log, mut other) = held_up_by("SELECT count(*) FROM string_transactions").await;
    log.removal_is_held_up().await;
    let began = Instant::now();
    let (mut groups, mut slowest) = (0, Duration::ZERO);
    while began.elapsed() < Duration::from_secs(4) {
        let group = Instant::now();
        log.append(&[put_text("k", 1)]).await;
        (groups, slowest) = (groups + 1, slowest.max(group.elapsed()));
        // Other queries of the same tables are not queued behind the removal either.
        if groups % 20 == 0 {
            let query = Instant::now();
            log.psql("SET lock_timeout = '1s'; SELECT count(*) FROM current_string");
            slowest = slowest.max(query.elapsed());
        }
    }
    assert!(slowest < Duration::from_secs(1) && groups > 100, "{groups} groups, the slowest took {slowest:?}");
    log.removal_ended().await;
    assert_eq!(log.oldest().await, 1, "it was given up");
    other.execute("COMMIT").await.unwrap();
    log.checkpoint().await;
    log.begins_at(before(PARTITION + 1) + 1).await;
}

#[tokio::test]
async fn a_query_that_ends_soon_is_waited_for() {
    let (mut log, mut other) = held_up_by("SELECT count(*) FROM map_transactions").await;
    log.removal_is_held_up().await;
    other.execute("COMMIT").await.unwrap();
    log.begins_at(PARTITION + 1).await;
}

/// A death while a range is folded, and one after that, before its partitions are dropped.
#[tokio::test]
async fn a_death_within_a_removal_loses_nothing() {
    let while_folding = "LOCK TABLE set_transactions_1 IN ACCESS EXCLUSIVE MODE";
    for (lock, waits) in [(while_folding, true), ("SELECT count(*) FROM set_transactions", false)] {
        let (mut log, mut other) = held_up_by(lock).await;
        let present = "SELECT key, value::text, lsn, timestamp FROM current_string \
                       UNION ALL SELECT key, value::text, lsn, timestamp FROM current_map ORDER BY 1";
        log.removal_is_held_up().await;
        let before = log.psql(present);
        let removing =
            "SELECT pid FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND relation = 'set_base'::regclass";
        if waits {
            let waiting = format!("SELECT wait_event_type FROM pg_stat_activity WHERE pid = ({removing})");
            log.until("it waits for the partition", || log.psql(&waiting) == "Lock").await;
        }
        assert_eq!(log.psql(&format!("SELECT pg_terminate_backend(pid) FROM ({removing}) removing")), "t");
        log.removal_ended().await;
        other.execute("COMMIT").await.unwrap();
        assert_eq!(log.psql(present), before);
        let bases =
            ["integer", "uint", "float", "string", "map", "set"].map(|ty| format!("SELECT key_id FROM {ty}_base"));
        assert_eq!(log.psql(&format!("SELECT count(*) FROM ({}) bases", bases.join(" UNION ALL "))), "0");
        assert_eq!((log.oldest().await, read(&log.reader(), 1).await.unwrap().len() as u64), (1, PARTITION + 1));
        // The writer does not notice, and the next checkpoint tries again.
        log.append(&[put_text("k2", 1)]).await;
        log.checkpoint().await;
        log.begins_at(PARTITION + 1).await;
        let after = log.psql(&present.replace("FROM current_string", "FROM current_string WHERE key <> 'k2'"));
        assert_eq!(after, before);
        assert_eq!(log.psql("SELECT value, lsn FROM current_set"), "{x,y}|2");
    }
}

#[tokio::test]
async fn a_fenced_writer_removes_nothing() {
    let (mut log, mut other) = held_up_by("SELECT count(*) FROM set_transactions").await;
    log.removal_is_held_up().await;
    let next = begin(&log.url, NOTHING).await;
    other.execute("COMMIT").await.unwrap();
    log.removal_ended().await;
    assert_eq!(log.oldest().await, 1);
    assert_eq!(read(&next.sink.reader(), 1).await.unwrap().len() as u64, PARTITION + 1);
}

/// A reader that has begun when its records are removed is told, and takes it for no damage.
#[tokio::test]
async fn a_reader_whose_records_are_removed_is_told() {
    let mut log = Log::begin(Retention::All).await;
    log.fill_to(PARTITION + 5).await;
    // Where it looks for the first rows.
    let mut other = log.connect().await;
    other.execute("BEGIN; LOCK TABLE ONLY integer_transactions IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let reader = log.reader();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let (ended, ()) = tokio::join!(read(&reader, 1), async {
        log.until("the reader waits", || log.psql(waiting) == "1").await;
        let removal = format!(
            "DROP TABLE string_transactions_1; DELETE FROM history_ranges WHERE first = 1; \
             UPDATE producer SET first = {}; COMMIT",
            PARTITION + 1
        );
        other.execute(removal.as_str()).await.unwrap();
    });
    assert_eq!(ended, Err(SinkError::NoLongerKept { lsn: 1, oldest: PARTITION + 1 }));
    assert_eq!(read(&reader, PARTITION + 1).await.unwrap().len(), 5);
}
