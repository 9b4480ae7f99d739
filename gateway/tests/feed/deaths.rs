//! kill -9 of the server, and clients that break off: each durable change exactly once between two places.

use std::collections::HashMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::deployment::{self, Deployment};
use crate::follower::Follower;
use crate::harness::{Client, seed};
use crate::{ask, place, request_to};

/// Deaths of each deployment. `KVS_FEED_DEATHS` sets another number, for a long run.
fn deaths() -> usize {
    std::env::var("KVS_FEED_DEATHS").ok().and_then(|deaths| deaths.parse().ok()).unwrap_or(4)
}

/// One who stores the place of a step with what the step has changed, and trusts nothing else.
struct Consumer {
    token: String,
    /// What every counter has come to.
    counters: HashMap<String, u64>,
    steps: u64,
    breaks: u64,
}

impl Consumer {
    /// A step that was told whole: three counters go up by one together.
    fn take(&mut self, step: &[Value]) {
        let keys: Vec<&str> = step.iter().map(|change| change["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["first", "second", "third"], "a step is not split");
        for change in step {
            let counter = self.counters.entry(change["key"].as_str().unwrap().to_owned()).or_default();
            *counter += 1;
            assert_eq!(change["value"], *counter, "each change once, in order: {change}");
        }
        self.token = step.last().unwrap()["token"].as_str().expect("its place").to_owned();
        self.steps += 1;
    }

    /// Follows until the connection ends, or `most` steps were told. Returns whether it could begin.
    fn follow(&mut self, addr: std::net::SocketAddr, most: u64) -> bool {
        let query = format!("after={}&values=true", self.token);
        let Ok(mut follower) = Follower::begin(addr, &query, &[("Accept", "application/x-ndjson")]) else {
            return false;
        };
        assert_eq!(follower.status, 200, "{}", follower.refusal);
        let (mut step, end) = (Vec::new(), self.steps + most);
        while self.steps < end
            && let Ok(Some(document)) = follower.try_next()
        {
            match document["op"].as_str() {
                Some("bookmark") => {
                    assert!(step.is_empty(), "a place in the middle of a step");
                    self.token = document["token"].as_str().unwrap().to_owned();
                }
                Some("end") => break,
                _ => {
                    let is_last = document["token"].is_string();
                    step.push(document);
                    if is_last {
                        self.take(&step);
                        step.clear();
                    }
                }
            }
        }
        self.breaks += 1;
        true
    }
}

/// Writes steps until the connection ends. Returns how many were acknowledged.
fn write(mut client: Client) -> u64 {
    let ops = ["first", "second", "third"].map(|key| json!({"op": "incr", "type": "uint", "key": key}));
    let request = request_to("POST", "/v2/batch", &[], json!({"ops": ops}).to_string().as_bytes());
    let mut acknowledged = 0;
    while let Ok(answer) = client.send(&request).and_then(|()| client.receive()) {
        assert_eq!(answer.status, 200, "{answer:?}");
        acknowledged += 1;
    }
    acknowledged
}

fn survives(deployment: &Deployment, deaths: usize, chance: &mut StdRng) {
    let kept = ["--retain", "all"];
    let kvs = deployment.start(&kept);
    let mut consumer = Consumer { token: place(&kvs), counters: HashMap::new(), steps: 0, breaks: 0 };
    let (mut acknowledged, mut kvs) = (0, Some(kvs));
    for _ in 0..deaths {
        let running = kvs.take().expect("it runs");
        let (client, addr, pid) = (running.connect(), running.addr, running.pid());
        let writer = std::thread::spawn(move || write(client));
        let wait = Duration::from_millis(chance.random_range(30..250));
        let killer = std::thread::spawn(move || {
            std::thread::sleep(wait);
            running.kill();
            pid
        });
        // Connections that break off after a few steps, and one that lasts until the server dies.
        while consumer.follow(addr, chance.random_range(1..200)) {}
        killer.join().expect("it is killed");
        acknowledged += writer.join().expect("no panic");
        kvs = Some(deployment.start(&kept));
    }
    let kvs = kvs.expect("it runs");
    // What has become durable is told to its end, and that is the state.
    let now = ask(&mut kvs.connect(), "GET", "uint/third", &[], "");
    let now: u64 = now.text().parse().expect("a number");
    consumer.follow(kvs.addr, now - consumer.steps);
    assert_eq!(consumer.steps, now, "{}", deployment.name);
    assert!(now >= acknowledged, "{}: {acknowledged} of {now}", deployment.name);
    println!("{}: {now} steps, {} breaks", deployment.name, consumer.breaks);
    kvs.kill();
}

#[test]
fn each_durable_change_is_told_once_whatever_dies() {
    let mut chance = StdRng::seed_from_u64(seed());
    for deployment in deployment::all() {
        survives(&deployment, deaths(), &mut chance);
    }
}
