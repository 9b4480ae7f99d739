//! kill -9 among batches: of each there is all or nothing, in memory, in SQL, whatever the log.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::ask;
use crate::deployment::{self, Deployment};
use crate::harness::{Kvs, seed};

/// Lives of each deployment.
const LIVES: u64 = 4;

/// A batch that says the same in four entries, which lie in different shards.
fn batch(n: u64) -> String {
    let padding = "x".repeat(2_000);
    json!({"ops": [
        {"op": "put", "type": "int", "key": "first", "value": n},
        {"op": "put", "type": "str", "key": "second", "value": format!("{n}:{padding}")},
        {"op": "patch", "type": "map", "key": "third", "value": {"n": n.to_string(), (n - 1).to_string(): null, "p": padding}},
        {"op": "put", "type": "int", "key": "last", "value": n},
    ]})
    .to_string()
}

/// What the entries say; they must agree.
fn said(kvs: &Kvs) -> u64 {
    let mut client = kvs.connect();
    let mut read = |path: &str| match ask(&mut client, "GET", path, &[], "") {
        answer if answer.status == 404 => "0".to_owned(),
        answer => answer.text().split(':').next().unwrap_or_default().to_owned(),
    };
    let all = ["int/first", "str/second", "map/third/n", "int/last"].map(&mut read);
    assert!(all.iter().all(|one| *one == all[0]), "a part of a batch: {all:?}");
    all[0].parse().expect("a number")
}

/// What SQL says; it must agree at all times.
fn said_in_sql(deployment: &Deployment) -> Option<u64> {
    let (url, server) = deployment.tables.as_ref().zip(deployment.server)?;
    let sql =
        "SELECT coalesce(string_agg(DISTINCT value::text, ','), '0') FROM current_int WHERE key IN ('first', 'last')";
    let all = server.psql(url, sql);
    Some(all.parse().unwrap_or_else(|_| panic!("a part of a batch in SQL: {all}")))
}

#[test]
fn a_death_among_batches_leaves_none_in_part() {
    let mut chance = StdRng::seed_from_u64(seed());
    for deployment in deployment::all() {
        let (mut acknowledged, mut last) = (0, 0);
        for _ in 0..LIVES {
            let kvs = deployment.start(&[]);
            let (mut client, wait) = (kvs.connect(), chance.random_range(20..300));
            let writer = std::thread::spawn(move || {
                let (mut n, mut acknowledged) = (last + 1, last);
                loop {
                    let request = crate::request_to("POST", "/v2/batch", &[], batch(n).as_bytes());
                    match client.send(&request).and_then(|()| client.receive()) {
                        Ok(answer) if answer.status == 200 => acknowledged = n,
                        Ok(answer) => panic!("{answer:?}"),
                        Err(_) => return (n, acknowledged),
                    }
                    n += 1;
                }
            });
            let until = std::time::Instant::now() + Duration::from_millis(wait);
            while std::time::Instant::now() < until {
                if said_in_sql(&deployment).is_none() {
                    // Nothing else to do than to let it write.
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            kvs.kill();
            let (tried, answered) = writer.join().expect("no panic");
            let kvs = deployment.start(&[]);
            last = said(&kvs);
            assert!((answered..=tried).contains(&last), "{}: {answered}, {last}, {tried}", deployment.name);
            let in_sql = said_in_sql(&deployment);
            assert!(in_sql.is_none_or(|in_sql| in_sql == last), "{}: {in_sql:?}, {last}", deployment.name);
            acknowledged = answered;
            kvs.kill();
        }
        println!("{}: {acknowledged} batches", deployment.name);
        assert!(acknowledged > LIVES, "{}: hardly anything was written", deployment.name);
    }
}
