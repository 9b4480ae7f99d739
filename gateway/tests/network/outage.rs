//! The log is down for a while: reads go on, writes are refused before they are carried out, and it comes back by itself.

use std::time::{Duration, Instant};

use crate::harness::{Client, Kvs, eventually, folder, request_bytes};
use crate::load::recovered;
use crate::txnd_server::{Certificates, Txnd};
use testkit::postgres_server::PostgresServer;

/// `--log-budget` in these tests, in bytes.
const BUDGET: usize = 256 << 10;

/// How long "at once" may take on a loaded machine.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How long news take from thread to thread on a loaded machine.
const A_MOMENT: Duration = Duration::from_millis(200);

/// What is done while the log is down. Returns the number of writes that were acknowledged.
fn use_without_log(kvs: &Kvs) -> usize {
    let client = &mut kvs.connect();
    let sync = |client: &mut Client, path: &str| {
        let began = Instant::now();
        let answer = client.exchange(&request_bytes("PUT", path, &[("Kvs-Durability", "sync")], b"1"));
        assert!(began.elapsed() < AT_ONCE, "{path}: {:?}", began.elapsed());
        answer
    };
    // An asynchronous write goes to the log, which finds out that it is down.
    assert_eq!(client.put("str-put/a", "1").status, 200);
    kvs.says(&["the log is down"]);
    // Every worker has to hear of it, too: a write that comes before would wait for the log.
    std::thread::sleep(A_MOMENT);
    for path in ["str-put/a", "int-incr/n"] {
        sync(client, path).assert_error(503, path);
    }
    let value = "v".repeat(4 << 10);
    let accepted = (0..1000).take_while(|n| client.put(&format!("str-put/v_{n}"), &value).status == 200).count();
    assert!((BUDGET / 2..=BUDGET).contains(&(accepted * value.len())), "{accepted} values of 4 KiB");
    for n in 0..50 {
        client.put("str-put/refused", &value).assert_error(503, "a put behind a log that is down");
        assert_eq!(client.get(&format!("str-get/v_{}", n % accepted)).text(), value, "reads go on");
    }
    client.get("str-get/refused").assert_error(404, "what was refused");
    client.get("int-get/n").assert_error(404, "what was refused");
    accepted + 1
}

/// Waits until writes are accepted again, and checks that a fresh kvs has all of them. `before` were written when all was well.
fn assert_back(kvs: Kvs, start: impl Fn() -> Kvs, before: usize, accepted: usize) {
    kvs.says(&["the log is available again"]);
    let client = &mut kvs.connect();
    eventually("writes are accepted", || client.put("str-put/back", "1").status == 200);
    let (status, diagnostics) = kvs.stop();
    assert_eq!(status.code(), Some(0), "{diagnostics}");
    let kvs = start();
    let client = &mut kvs.connect();
    for path in ["str-get/a".to_string(), format!("str-get/v_{}", accepted - 2), "str-get/back".into()] {
        assert_eq!(client.get(&path).status, 200, "{path}");
    }
    client.get("str-get/refused").assert_error(404, "what was refused");
    assert_eq!(recovered(&kvs), (before + accepted + 1) as u64, "records in the log");
}

#[test]
fn while_txnd_is_gone_reads_go_on_and_writes_wait_within_the_budget() {
    let (certificates, folder) = (Certificates::make(), folder());
    let sink = format!("file:{}", folder.path().display());
    let txnd = Txnd::start(&sink, &certificates);
    let (address, url) = (txnd.addr, txnd.url());
    let start = || {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--durability", "async", "--log", &url]);
        command.args(["--log-budget", &BUDGET.to_string()]).args(certificates.flags("kvs"));
        Kvs::try_start(&mut command).unwrap_or_else(|e| panic!("kvs did not start: {e:?}"))
    };
    let kvs = start();
    assert_eq!(kvs.connect().put("str-put/a", "0").status, 200);
    txnd.kill();
    let accepted = use_without_log(&kvs);
    let _txnd = Txnd::start_at(address, &sink, &certificates, &[]);
    assert_back(kvs, start, 1, accepted);
}

#[test]
fn while_postgres_is_gone_reads_go_on_and_writes_wait_within_the_budget() {
    let (server, certificates) = (PostgresServer::start(), Certificates::make());
    // One kvs of its own each: directly, and through a txnd that stays.
    let (direct, behind_txnd) = (server.database(), server.database());
    let txnd = Txnd::start(&behind_txnd, &certificates);
    let start = |log: &str| {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--durability", "async", "--log", log]);
        command.args(["--log-budget", &BUDGET.to_string()]).args(certificates.flags("kvs"));
        Kvs::try_start(&mut command).unwrap_or_else(|e| panic!("kvs did not start: {e:?}"))
    };
    let logs = [direct, txnd.url()];
    let running = logs.each_ref().map(|log| start(log));
    running.iter().for_each(|kvs| assert_eq!(kvs.connect().put("str-put/a", "0").status, 200));
    server.stop();
    let used = running.map(|kvs| {
        let accepted = use_without_log(&kvs);
        (kvs, accepted)
    });
    server.start_again();
    for ((kvs, accepted), log) in used.into_iter().zip(&logs) {
        assert_back(kvs, || start(log), 1, accepted);
    }
}
