//! What whoever watches kvs is told about its log and its checkpoints.

use std::net::{SocketAddr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::{Client, Kvs, eventually, folder};
use crate::{NEVER, OFTEN, number, start, write_until_a_checkpoint};

fn scrape(addr: SocketAddr) -> String {
    Client::connect(addr).exchange(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").text().to_owned()
}

/// The value of a metric; `None` if it is absent.
fn value(addr: SocketAddr, metric: &str) -> Option<f64> {
    let scraped = scrape(addr);
    let line = scraped.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '))?;
    Some(line.parse().expect("a number"))
}

#[test]
fn the_metrics_of_log_and_checkpoints_are_right() {
    let folder = folder();
    let addr = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let metrics = ["--admin-addr", &addr.to_string()];
    let kvs = start(folder.path(), &[&OFTEN[..], &metrics].concat());
    assert_eq!(value(addr, "kvs_log_up"), Some(1.0));
    assert_eq!(value(addr, "kvs_log_epoch"), Some(1.0));
    assert_eq!(value(addr, "kvs_checkpoint_base_lsn"), None, "there is none");
    eventually("the first checkpoint is due after 16 KiB", || value(addr, "kvs_checkpoint_due_bytes") == Some(16384.0));
    let mut client = kvs.connect();
    assert_eq!(client.put("str-put/k", "x".repeat(8000)).status, 200);
    eventually("half of it is written", || {
        value(addr, "kvs_log_durable_lsn") == Some(1.0)
            && value(addr, "kvs_checkpoint_due_bytes").is_some_and(|due| (8000.0..8384.0).contains(&due))
    });

    write_until_a_checkpoint(&kvs, &mut client, "k", &mut 0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    eventually("checkpoints are counted", || {
        value(addr, r#"kvs_checkpoints_total{outcome="written"}"#).is_some_and(|count| count >= 1.0)
    });
    assert_eq!(value(addr, "kvs_checkpoint_entries"), Some(1.0));
    let begun = value(addr, "kvs_checkpoint_begun_timestamp_seconds").expect("it is known");
    assert!((now - 60.0..=now + 1.0).contains(&begun), "{begun} {now}");
    assert!((0.0..60.0).contains(&value(addr, "kvs_checkpoint_duration_seconds").expect("it is known")));
    kvs.kill();

    // What a start has loaded is the latest checkpoint.
    let kvs = start(folder.path(), &[&NEVER[..], &metrics].concat());
    let line = kvs.lines.iter().find(|line| line.contains("loaded a checkpoint")).expect("a checkpoint is loaded");
    for (metric, name) in [("base_lsn", "base"), ("entries", "entries"), ("bytes", "bytes")] {
        assert_eq!(value(addr, &format!("kvs_checkpoint_{metric}")), Some(number(line, name) as f64), "{line}");
    }
    let replayed = number(crate::recovered(&kvs), "records");
    assert_eq!(value(addr, "kvs_recovery_records"), Some(replayed as f64));
    assert_eq!(value(addr, "kvs_log_epoch"), Some(2.0));
    assert_eq!(value(addr, "kvs_checkpoint_due_bytes"), None, "none is due");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("its address").to_string();
    let refused = Kvs::try_start(Kvs::command(folder.path()).args(["--admin-addr", &addr])).err().expect("no start");
    assert_eq!(refused.status.code(), Some(3), "{}", refused.diagnostics);
    assert!(refused.diagnostics.contains(&addr) && refused.diagnostics.contains("--admin-addr"));
}
