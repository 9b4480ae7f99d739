//! Entries that expire: what is said of it, when they are gone, and that neither clock nor log brings them back.

use std::time::Instant;

use serde_json::{Value, json};

use crate::deployment::{self, Deployment};
use crate::harness::{Answer, Client, Kvs, eventually, folder};
use crate::odd_clock::OddClock;
use crate::{Server, ask, json, problem};

/// 15 January 2027, 08:00, in seconds since 1970.
const NOW: i64 = 1_800_000_000;
const HOUR: i64 = 3600;

const EACH: [(&str, &str, &str); 6] = [
    ("int", "1", r#"{"incr":1}"#),
    ("uint", "1", r#"{"incr":1}"#),
    ("float", "0.5", "{}"),
    ("str", "text", "{}"),
    ("map", r#"{"a":"1"}"#, r#"{"b":"2"}"#),
    ("set", r#"["a"]"#, r#"{"add":["b"]}"#),
];

fn expires(answer: &Answer) -> Option<&str> {
    answer.header("kvs-expires")
}

/// A kvs whose machine has this clock.
fn on(clock: &OddClock, deployment: &Deployment) -> (Kvs, Client) {
    let mut command = deployment.command(&["--durability", "sync"]);
    let kvs = Kvs::try_start(clock.on(&mut command)).expect("kvs starts");
    let client = kvs.connect();
    (kvs, client)
}

#[test]
fn every_type_expires_and_says_when() {
    let mut server = Server::start(&[]);
    for (ty, value, patch) in EACH {
        let path = &format!("{ty}/k");
        let read = |server: &mut Server| expires(&server.ask("GET", path, "")).map(str::to_owned);
        assert_eq!(server.with("PUT", path, &[("Kvs-Ttl", "2h")], value).status, 201);
        let first = read(&mut server).expect("it expires");
        assert_eq!((first.len(), first.as_bytes()[19], first.as_bytes()[26]), (27, b'.', b'Z'), "{first}");
        let document = json(&server.ask("GET", &format!("{path}?entry"), ""));
        assert_eq!(document["expires_at"], json!(first), "{ty}");
        let listed = json(&server.ask("GET", ty, ""));
        assert_eq!(listed["entries"][0]["expires_at"], json!(first), "{ty}: {listed}");
        // A change of a part keeps it, unless it says something else.
        let changed = server.ask("PATCH", path, patch);
        assert_eq!((changed.status, read(&mut server)), (200, Some(first.clone())), "{ty}");
        let changed = server.with("PATCH", path, &[("Kvs-Ttl", "3h")], patch);
        let second = read(&mut server).expect("it expires");
        assert_eq!((changed.status, expires(&changed)), (200, Some(&*second)), "{ty}");
        assert!(second > first, "{second} {first}");
        // Nothing but that changes.
        let before = server.ask("GET", path, "").text().to_owned();
        let touched = server.with("PATCH", path, &[("Kvs-Ttl", "1h")], "{}");
        assert_eq!((touched.status, touched.text().starts_with('{')), (200, true), "{touched:?}");
        let third = read(&mut server).expect("it expires");
        assert!(third < second && server.ask("GET", path, "").text() == before, "{ty}");
        assert_ne!(touched.header("etag"), changed.header("etag"), "it is a write");
        assert_eq!(server.with("PATCH", path, &[("Kvs-Ttl", "none")], "{}").status, 200);
        assert_eq!(read(&mut server), None, "{ty}");
        // A put replaces the entry as a whole.
        server.with("PUT", path, &[("Kvs-Ttl", "1h")], value);
        assert!(read(&mut server).is_some());
        server.ask("PUT", path, value);
        assert_eq!(read(&mut server), None, "{ty}");
        assert_eq!(server.ask("PATCH", path, "{}").status, 200);
        problem(&server.with("PATCH", &format!("{ty}/none"), &[("Kvs-Ttl", "1h")], "{}"), 404, "no-entry");
    }
    // Fields and members are of an entry that goes on expiring.
    server.with("PUT", "map/m", &[("Kvs-Ttl", "1h")], "{}");
    server.ask("PUT", "map/m/f", "x");
    assert!(expires(&server.ask("GET", "map/m/f", "")).is_some());
    // A condition holds for it as for every write.
    let refused = server.with("PATCH", "int/k", &[("Kvs-Ttl", "1h"), ("If-Match", "\"x\"")], "{}");
    problem(&refused, 412, "condition");
}

#[test]
fn operations_of_a_batch_have_their_own_time() {
    let mut server = Server::start(&[]);
    let answer = server.batch(&json!({"ops": [
        {"op": "put", "type": "str", "key": "a", "value": "x", "ttl": "1h"},
        {"op": "put", "type": "str", "key": "b", "value": "x"},
        {"op": "incr", "type": "int", "key": "n", "ttl": "1h"},
        {"op": "patch", "type": "map", "key": "m", "value": {"f": "x"}, "ttl": "1h"},
        {"op": "patch", "type": "str", "key": "a", "value": {}, "ttl": "none"},
        {"op": "get", "type": "int", "key": "n"},
    ]}));
    let document = json(&answer);
    let at = |number: usize| document["results"][number]["expires_at"].is_string();
    assert_eq!([0, 1, 2, 3, 4, 5].map(at), [true, false, true, true, false, true], "{document}");
    assert_eq!(document["results"][3]["set"], 1, "{document}");
    for op in [
        json!({"op": "get", "type": "int", "key": "n", "ttl": "1h"}),
        json!({"op": "del", "type": "int", "key": "n", "ttl": "1h"}),
    ] {
        assert_eq!(problem(&server.batch(&json!({"ops": [op]})), 400, "malformed")["op"], 0);
    }
    let in_head = ask(&mut server.client, "POST", "batch", &[("Kvs-Ttl", "1h")], r#"{"ops":[]}"#);
    problem(&in_head, 400, "malformed");
}

#[test]
fn times_that_are_none_are_refused() {
    let mut server = Server::start(&[]);
    for ttl in ["0s", "", "1", "1.5s", "-1s", "1w", "never", "36501d", "99999999999999999999s", "1s, 2s"] {
        problem(&server.with("PUT", "int/k", &[("Kvs-Ttl", ttl)], "1"), 400, "malformed");
    }
    problem(&server.with("PUT", "int/k", &[("Kvs-Ttl", "1s"), ("Kvs-Ttl", "2s")], "1"), 400, "malformed");
    for (method, path) in [("GET", "int/k"), ("DELETE", "int/k"), ("PUT", "map/k/f"), ("PUT", "set/k/m")] {
        problem(&server.with(method, path, &[("Kvs-Ttl", "1s")], ""), 400, "malformed");
    }
    problem(&server.with("PATCH", "str/k", &[("Kvs-Ttl", "1s")], r#"{"a":1}"#), 400, "malformed");
    assert_eq!(server.status("GET", "int/k", ""), 404, "nothing was stored");
}

/// Whatever the machine's clock does, an entry that has expired does not come back, and none lives longer than it should.
#[test]
fn a_clock_that_steps_neither_lengthens_nor_resurrects() {
    let home = folder();
    let (clock, deployment) = (OddClock::new(home.path()), deployment::file());
    clock.set(NOW);
    let (kvs, mut client) = on(&clock, &deployment);
    let put = |client: &mut Client, key: &str, ttl: &str| {
        let answer = ask(client, "PUT", &format!("int/{key}"), &[("Kvs-Ttl", ttl)], "1");
        assert_eq!(answer.status, 201, "{key}");
    };
    let status = |client: &mut Client, key: &str| ask(client, "GET", &format!("int/{key}"), &[], "").status;
    put(&mut client, "hour", "1h");
    put(&mut client, "day", "1d");
    clock.set(NOW + HOUR - 60);
    assert_eq!(status(&mut client, "hour"), 200);
    clock.set(NOW + HOUR + 60);
    assert_eq!((status(&mut client, "hour"), status(&mut client, "day")), (404, 200));
    // v1 and conditions see the same.
    assert_eq!(client.get("int-get/hour").status, 404);
    assert_eq!(client.put("int-incr/hour", "").text(), "0", "it begins again");
    // Back by years: what is put now lives for two seconds all the same.
    clock.set(NOW - 10_000 * HOUR);
    assert_eq!((status(&mut client, "hour"), status(&mut client, "day")), (200, 200));
    let began = Instant::now();
    put(&mut client, "moment", "2s");
    assert_eq!(status(&mut client, "moment"), 200);
    eventually("the entry has expired", || status(&mut client, "moment") == 404);
    let lived = began.elapsed();
    assert!((2..10).contains(&lived.as_secs()), "{lived:?}");
    kvs.says(&["the machine's clock was set back"]);
    // What the log does not have yet would be forgotten.
    eventually("its removal is in the log", || {
        let (_, records) = deployment.inspect("dump");
        records.lines().any(|line| line.contains("\"op\":\"expire\"") && line.contains("moment"))
    });
    kvs.kill();
    // After a restart with the wrong clock, too: time goes on from where the log ends.
    let (kvs, mut client) = on(&clock, &deployment);
    assert_eq!(
        [status(&mut client, "moment"), status(&mut client, "hour"), status(&mut client, "day")],
        [404, 200, 200]
    );
    let day = ask(&mut client, "GET", "int/day", &[], "");
    assert_eq!(&expires(&day).expect("it expires")[..13], "2027-01-16T08");
    clock.set(NOW + 25 * HOUR);
    assert_eq!(status(&mut client, "day"), 404);
    kvs.kill();
    // The clock that was right is set back again, and the sweep may not have come: it is gone all the same.
    clock.set(NOW);
    let (_kvs, mut client) = on(&clock, &deployment);
    assert_eq!([status(&mut client, "moment"), status(&mut client, "hour")], [404, 200]);
}

/// What a view of SQL shows of the keys: value and deadline.
fn shown(deployment: &Deployment, sql: &str) -> Option<String> {
    let (url, server) = deployment.tables.as_ref().zip(deployment.server)?;
    Some(server.psql(url, sql))
}

#[test]
fn deadlines_are_in_every_kind_of_log_and_in_sql() {
    for deployment in deployment::all() {
        let home = folder();
        let (clock, name) = (OddClock::new(home.path()), deployment.name);
        clock.set(NOW);
        let (kvs, mut client) = on(&clock, &deployment);
        for (ty, value, patch) in EACH {
            for (key, ttl) in [("short", "1h"), ("long", "100h"), ("ended", "1h"), ("touched", "1h")] {
                ask(&mut client, "PUT", &format!("{ty}/{key}"), &[("Kvs-Ttl", ttl)], value);
            }
            ask(&mut client, "PATCH", &format!("{ty}/ended"), &[("Kvs-Ttl", "none")], "{}");
            ask(&mut client, "PATCH", &format!("{ty}/touched"), &[("Kvs-Ttl", "50h")], "{}");
            ask(&mut client, "PATCH", &format!("{ty}/long"), &[], patch);
        }
        let all = |client: &mut Client| -> Vec<Value> {
            let page = json(&ask(client, "GET", "keys?values=true&limit=100", &[], ""));
            let mut entries = page["entries"].as_array().expect("entries").clone();
            entries.sort_by_key(|entry| format!("{} {}", entry["type"], entry["key"]));
            entries.iter_mut().for_each(|entry| drop(entry.as_object_mut().expect("an entry").remove("etag")));
            entries
        };
        let before = all(&mut client);
        assert_eq!(before.len(), 24, "{name}");
        let hours =
            "SELECT key, extract(epoch FROM date_trunc('hour', expires_at))::bigint FROM current_string ORDER BY key";
        let hour = |after: i64| NOW + after * HOUR;
        if let Some(rows) = shown(&deployment, hours) {
            let expected = format!("ended|\nlong|{}\nshort|{}\ntouched|{}", hour(100), hour(1), hour(50));
            assert_eq!(rows, expected, "{name}");
        }
        kvs.kill();
        // With a checkpoint in between, too.
        for checkpoint in [false, true] {
            if checkpoint {
                kvs_checkpoint(&deployment, &clock);
            }
            let (kvs, mut client) = on(&clock, &deployment);
            assert_eq!(all(&mut client), before, "{name}, checkpoint: {checkpoint}");
            kvs.kill();
        }
        // While it is down, some expire.
        clock.set(NOW + 2 * HOUR);
        let (kvs, mut client) = on(&clock, &deployment);
        let left = all(&mut client);
        let keys: Vec<&str> = left.iter().filter_map(|entry| entry["key"].as_str()).collect();
        assert_eq!(keys, ["ended", "long", "touched"].repeat(6), "{name}");
        if let Some((url, server)) = deployment.tables.as_ref().zip(deployment.server) {
            let views = ["int", "uint", "float", "string", "map", "set"];
            let count = views.map(|view| format!("SELECT count(*) FROM current_{view}")).join(" UNION ALL ");
            eventually("SQL agrees", || server.psql(url, &count) == ["3"; 6].join("\n"));
            let expired = "SELECT count(*) FROM set_transactions WHERE transaction_type = 'expire'";
            assert_eq!(server.psql(url, expired), "1", "{name}");
        } else {
            eventually("the sweep", || {
                let (_, records) = deployment.inspect("dump");
                records.matches("\"op\":\"expire\"").count() == 6
            });
        }
        kvs.kill();
        clock.set(NOW);
        let (kvs, mut client) = on(&clock, &deployment);
        assert_eq!(all(&mut client), left, "{name}: nothing comes back");
        kvs.kill();
    }
}

/// Has a checkpoint made, and ends that kvs.
fn kvs_checkpoint(deployment: &Deployment, clock: &OddClock) {
    let (kvs, _client) = on(clock, deployment);
    kvs.signal("USR1");
    kvs.says(&["wrote a checkpoint"]);
    kvs.kill();
}

/// Expired entries give their memory back without being touched.
#[test]
fn what_has_expired_is_removed_by_itself() {
    let mut server = Server::start(&["--durability", "async"]);
    for number in 0..500 {
        let op =
            |n: u32| json!({"op": "put", "type": "int", "key": format!("{number} {n}"), "value": 1, "ttl": "300ms"});
        assert_eq!(server.batch(&json!({"ops": (0..20).map(op).collect::<Vec<_>>()})).status, 200);
    }
    let metric = |name: &str| {
        let metrics = server.kvs.operator("/metrics");
        let line = metrics.text().lines().find(|line| line.starts_with(name)).expect("the metric").to_owned();
        line.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number")
    };
    eventually("all are removed", || metric("kvs_entries{type=\"int\"}") == 0.0);
    assert_eq!((metric("kvs_entries_expired_total"), metric("kvs_entries_expiring{type=\"int\"}")), (10_000.0, 0.0));
    assert_eq!(metric("kvs_memory_bytes{type=\"int\"}"), 0.0);
    assert!(metric("kvs_clock_ahead_seconds") < 1.0);
}
