//! The PostgreSQL sink in trouble: servers and databases that it must not use, tables that were tampered with, sessions and
//! servers that die under it. Each message says what to do.

mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use proto::{Batch, Lsn};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, Executor};
use testkit::postgres_server::{PASSWORD, PostgresServer, USER, signal};
use txnd::{LogReader, LogWriter, MAX_IN_FLIGHT, PostgresSink, SinkError};
use writer::{Content, Writer, put_text, seed};

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(60);

fn sink(url: &str) -> PostgresSink {
    url.parse().expect("a URL")
}

/// Opens the log, which must fail for good, and returns the message.
async fn refused(url: &str) -> String {
    match sink(url).open().await {
        Err(SinkError::Failed(why)) => why,
        other => panic!("{url}: {other:?}"),
    }
}

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} is expected in: {message}");
    }
    assert!(!message.contains(PASSWORD), "a password in: {message}");
}

#[tokio::test]
async fn a_server_that_may_lose_what_it_acknowledged_is_refused() {
    for setting in ["fsync", "full_page_writes"] {
        let server = PostgresServer::with_settings(&[(setting, "off")]);
        assert_says(&refused(&server.database()).await, &[setting, "off", "postgresql.conf"]);
    }
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    let server = PostgresServer::shared();
    server.psql("postgres", "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
    assert_says(&refused(&server.url(USER, PASSWORD, "ascii")).await, &["SQL_ASCII", "UTF8", "template0"]);
}

#[tokio::test]
async fn who_is_not_let_in_learns_why() {
    let server = PostgresServer::shared();
    assert_says(&refused(&server.url(USER, "wrong", "postgres")).await, &["password", "PGPASSFILE"]);
    assert_says(&refused(&server.url(USER, PASSWORD, "nowhere")).await, &["nowhere", "createdb"]);

    server.psql("postgres", "CREATE ROLE guest LOGIN PASSWORD 'guest'; CREATE DATABASE closed");
    server.psql("closed", "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    assert_says(&refused(&server.url("guest", "guest", "closed")).await, &["guest", "GRANT"]);
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come_back() {
    let server = PostgresServer::start();
    let url = server.database();
    server.stop();
    let error = sink(&url).open().await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_says(&error.to_string(), &["cannot connect", "is PostgreSQL running"]);
    server.start_again();
    sink(&url).open().await.expect("it is back");
}

#[tokio::test]
async fn tables_of_a_newer_program_are_left_alone() {
    let server = PostgresServer::shared();
    let url = server.database();
    sink(&url).open().await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'of the future', true, '', 0)";
    server.psql(&url, newer);
    let epoch = server.psql(&url, "SELECT epoch FROM producer");
    assert_says(&refused(&url).await, &["9999", "newer program"]);
    assert_eq!(server.psql(&url, "SELECT epoch FROM producer"), epoch);
}

#[tokio::test]
async fn tables_of_somebody_else_are_left_alone() {
    let server = PostgresServer::shared();
    let url = server.database();
    server.psql(&url, "CREATE TABLE int_keys (name TEXT)");
    assert_says(&refused(&url).await, &["int_keys", "database or schema of its own"]);
}

#[tokio::test]
async fn a_role_that_may_not_load_trusted_loads_with_foreign_keys_checked() {
    let server = PostgresServer::shared();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.psql("postgres", &format!("CREATE ROLE plain LOGIN PASSWORD 'plain'; ALTER DATABASE {name} OWNER TO plain"));
    server.psql(&url, "GRANT CREATE ON SCHEMA public TO plain");
    let mut content = Content::new(seed());
    let mut writer = Writer::begin(sink(&server.url("plain", "plain", name))).await.unwrap();
    writer.append(&content.ops(300)).await;
    writer.make_durable().await;
    let records: u64 = writer.read(1).await.iter().map(|batch| u64::from(batch.count())).sum();
    assert_eq!(records, 300);
}

/// Makes the server speak TLS with a certificate for 127.0.0.1 that signs itself; returns the certificate's file.
fn with_tls(server: &PostgresServer) -> std::path::PathBuf {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let data = server.folder().join("data");
    for (file, pem) in [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem())] {
        let file = data.join(file);
        std::fs::write(&file, pem).unwrap();
        for (program, arg) in [("chmod", "600".to_string()), ("chown", format!("--reference={}", data.display()))] {
            assert!(std::process::Command::new(program).arg(arg).arg(&file).status().unwrap().success());
        }
    }
    server.psql("postgres", "ALTER SYSTEM SET ssl = on");
    server.restart();
    let trusted = server.folder().join("trusted.crt");
    std::fs::write(&trusted, made.cert.pem()).unwrap();
    trusted
}

#[tokio::test]
async fn connections_are_encrypted_and_the_server_is_known_when_the_url_says_so() {
    let server = PostgresServer::start();
    let url = server.database();
    let refusal = sink(&format!("{url}?sslmode=require")).open().await.unwrap_err();
    assert_says(&refusal.to_string(), &["TLS", "sslmode"]);

    let trusted = with_tls(&server);
    let encrypted =
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'kvs'";
    for mode in ["require".to_string(), format!("verify-full&sslrootcert={}", trusted.display())] {
        let mut writer = Writer::begin(sink(&format!("{url}?sslmode={mode}"))).await.unwrap();
        assert_eq!(server.psql(&url, encrypted), "t", "{mode}");
        writer.append(&[put_text("k", 1)]).await;
        writer.sink.close().await.unwrap();
    }
    let stranger = server.folder().join("stranger.crt");
    std::fs::write(&stranger, rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap().cert.pem())
        .unwrap();
    let error =
        sink(&format!("{url}?sslmode=verify-full&sslrootcert={}", stranger.display())).open().await.unwrap_err();
    assert_says(&error.to_string(), &["certificate"]);
}

/// A log with ten texts.
async fn ten_texts(url: &str) {
    let mut writer = Writer::begin(sink(url)).await.unwrap();
    for n in 0..10 {
        writer.append(&[put_text("k", n)]).await;
    }
    writer.sink.close().await.unwrap();
}

#[tokio::test]
async fn a_hole_or_a_foreign_row_is_found_and_named() {
    let server = PostgresServer::shared();
    let tampering = [
        ("DELETE FROM string_transactions WHERE id = 7", 7, "no table"),
        ("DELETE FROM string_transactions WHERE id = 10", 10, "no table"),
        ("UPDATE string_transactions SET transaction_type = 'nonsense' WHERE id = 3", 3, "transaction_type"),
        ("UPDATE string_transactions SET value = NULL WHERE id = 4", 4, "value"),
        (
            "SET session_replication_role = replica; UPDATE string_transactions SET key_id = 99 WHERE id = 5",
            5,
            "key_id",
        ),
        ("UPDATE string_transactions SET timestamp = 'infinity' WHERE id = 6", 6, "timestamp"),
    ];
    for (sql, lsn, word) in tampering {
        let url = server.database();
        ten_texts(&url).await;
        server.psql(&url, sql);
        let mut tampered = sink(&url);
        tampered.open().await.unwrap();
        match tampered.reader().read(1..=Lsn::MAX, &mut async |_: &Batch| Ok(())).await {
            Err(SinkError::Corrupt { lsn: found, what, .. }) => {
                assert_eq!(found, lsn, "{sql}");
                assert_says(&what, &[word]);
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_not_taken_for_a_new_or_a_shorter_one() {
    let server = PostgresServer::shared();
    for sql in [
        "DELETE FROM producer",
        "DELETE FROM group_ends",
        "DELETE FROM producer; DELETE FROM group_ends",
        "DELETE FROM group_ends WHERE lsn > 9; INSERT INTO group_ends VALUES (9, 0) ON CONFLICT DO NOTHING",
    ] {
        let url = server.database();
        ten_texts(&url).await;
        server.psql(&url, sql);
        for attempt in 1..=2 {
            let opened = sink(&url).open().await;
            assert!(matches!(opened, Err(SinkError::Corrupt { .. })), "{sql}, attempt {attempt}: {opened:?}");
        }
    }
}

#[tokio::test]
async fn keys_cannot_be_deleted_by_accident() {
    let server = PostgresServer::shared();
    let url = server.database();
    ten_texts(&url).await;
    for sql in ["DELETE FROM string_keys", "TRUNCATE string_keys CASCADE"] {
        assert_says(&server.try_psql(&url, sql).unwrap_err(), &["keys are not deleted", "hole"]);
    }
    assert_eq!(server.psql(&url, "SELECT count(*) FROM string_transactions"), "10");
}

#[tokio::test]
async fn rows_of_another_program_stop_the_writer_for_good() {
    let server = PostgresServer::shared();
    let url = server.database();
    let mut writer = Writer::begin(sink(&url)).await.unwrap();
    // There is a partition for what the other program writes.
    writer.append(&[put_text("k", 1)]).await;
    writer.make_durable().await;
    server.psql(&url, "INSERT INTO string_transactions VALUES (2, 'put', 1, 'x')");
    writer.append(&[put_text("k", 1)]).await;
    let error = writer.sink.durable().await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_says(&error.to_string(), &["another program"]);
}

#[tokio::test]
async fn a_writer_that_was_stopped_within_a_transaction_does_not_keep_the_next_one_waiting() {
    let server = PostgresServer::shared();
    let url = server.database();
    ten_texts(&url).await;
    let mut stopped = Writer::begin(sink(&url)).await.unwrap();
    stopped.append(&[put_text("k", 1)]).await;
    // It sends the beginning of its transaction, and is never heard of again.
    let in_transaction =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'";
    let (sent, mut durable) = (Instant::now(), 10);
    while server.psql(&url, in_transaction) != "1" {
        assert!(sent.elapsed() < DEADLINE, "the writer is in a transaction");
        // A poll may find that the socket is not ready yet; only then is there nothing to see for long.
        if let Poll::Ready(done) = writer::poll_once(stopped.sink.durable()) {
            // This test was stopped for so long that it has missed the transaction.
            durable = done.expect("it is durable");
            stopped.append(&[put_text("k", 1)]).await;
            continue;
        }
        let seen = Instant::now();
        while server.psql(&url, in_transaction) != "1" && seen.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let began = Instant::now();
    let opened = sink(&url).open().await.expect("the next writer begins its term");
    assert!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    assert_eq!((opened.epoch, opened.chain.lsn), (3, durable));
    assert_eq!(server.psql(&url, in_transaction), "0", "the stopped session was ended");
}

#[tokio::test]
async fn another_program_that_holds_the_producer_row_is_waited_for_whatever_its_name() {
    let server = PostgresServer::shared();
    let url = server.database();
    ten_texts(&url).await;
    let mut other = sqlx::PgConnection::connect(&format!("{url}?application_name=kvs")).await.unwrap();
    other.execute("BEGIN; SELECT FROM producer FOR UPDATE").await.unwrap();
    let mut next = sink(&url);
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let (opened, ()) = tokio::join!(next.open(), async {
        // It looks who holds the row, and then waits again.
        for waiting in ["1", "0", "1"] {
            let began = Instant::now();
            while server.psql(&url, waits) != waiting {
                assert!(began.elapsed() < DEADLINE, "{waiting} sessions should wait");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        other.execute("COMMIT").await.expect("the session was left alone");
    });
    assert_eq!(opened.unwrap().chain.lsn, 10);
}

fn cycles() -> u32 {
    std::env::var("KVS_CRASH_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(6)
}

/// Appends batches while `strike` hits the server at random, until it has struck `cycles()` times. Every batch must then be
/// there once.
async fn write_under_fire(server: &'static PostgresServer, strike: fn(&PostgresServer, &str)) {
    let seed = seed();
    let (mut rng, mut content) = (StdRng::seed_from_u64(seed), Content::new(seed));
    let url = server.database();
    let mut writer = Writer::begin(sink(&url)).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let (target, over) = (url.clone(), Arc::clone(&done));
    let striker = std::thread::spawn(move || {
        for _ in 0..cycles() {
            // The load has to run for a while; which instant is hit is random by design.
            std::thread::sleep(Duration::from_millis(rng.random_range(5..150)));
            strike(server, &target);
        }
        over.store(true, Ordering::SeqCst);
    });
    let (mut appended, mut interruptions) = (Vec::new(), 0);
    while !done.load(Ordering::SeqCst) {
        let batches: Vec<Batch> = (0..MAX_IN_FLIGHT).map(|_| writer.seal(&content.ops(20))).collect();
        interruptions += deliver_whatever_happens(&mut writer, &batches).await;
        appended.extend(batches);
    }
    striker.join().expect("the striker does not panic");
    println!("{interruptions} interruptions in {} strikes, {} batches", cycles(), appended.len());
    assert!(interruptions > 0, "nothing was hit");
    let stored: u64 = writer.read(1).await.iter().map(|batch| u64::from(batch.count())).sum();
    assert_eq!(stored, writer.chain.lsn, "every record once, no hole (a read checks that)");
    let mut next = Writer::begin(sink(&url)).await.unwrap();
    assert_eq!(next.opened.chain, writer.chain);
    let stored: u64 = next.read(1).await.iter().map(|batch| u64::from(batch.count())).sum();
    assert_eq!(stored, writer.chain.lsn);
}

/// Makes `batches` durable; returns how often the sink was unavailable meanwhile.
async fn deliver_whatever_happens(writer: &mut Writer<PostgresSink>, batches: &[Batch]) -> usize {
    let (began, mut interruptions, mut rest) = (Instant::now(), 0, batches);
    loop {
        let delivered = async {
            for batch in rest {
                writer.sink.append(batch).await?;
            }
            writer::wait_for(&mut writer.sink, batches.last().map_or(0, Batch::last_lsn)).await
        };
        match delivered.await {
            Ok(_) => return interruptions,
            Err(e) => assert!(e.is_retryable(), "{e}"),
        }
        interruptions += 1;
        let durable = loop {
            match writer.resume().await {
                Ok(durable) => break durable,
                Err(e) => assert!(e.is_retryable() && began.elapsed() < DEADLINE, "{e}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        rest = &batches[batches.partition_point(|batch| batch.last_lsn() <= durable)..];
    }
}

/// A server of the test's own that may be killed, kept to the end of the process.
fn target() -> &'static PostgresServer {
    Box::leak(Box::new(PostgresServer::start()))
}

#[tokio::test]
async fn whatever_session_is_killed_every_batch_is_stored_once() {
    write_under_fire(target(), |server, url| {
        if let Some(pid) = server.try_psql(url, "SELECT pid FROM pg_stat_activity WHERE application_name = 'kvs'").ok()
            && let Some(pid) = pid.lines().next().and_then(|pid| pid.parse().ok())
        {
            signal(pid, "KILL");
        }
    })
    .await;
}

#[tokio::test]
async fn whenever_the_server_is_killed_every_batch_is_stored_once() {
    write_under_fire(target(), |server, _| {
        server.kill_postmaster();
        server.start_again();
    })
    .await;
}
