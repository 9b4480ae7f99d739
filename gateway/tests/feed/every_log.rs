//! Listing and feed give the exact state, on every kind of log. What was trimmed is not skipped silently.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::deployment;
use crate::follower::{Follower, State, told_after};
use crate::harness::{Client, Kvs, eventually, seed};
use crate::{ask, json, place};

/// Keys, so few that they are written again and again.
const KEYS: usize = 300;

/// Requests before the listing, and during it.
const BEFORE: usize = 400;

/// Entries of a page.
const PAGE: usize = 20;

/// One random request.
pub(crate) fn write(client: &mut Client, chance: &mut StdRng) {
    let key = format!("k{}", chance.random_range(0..KEYS));
    let number = chance.random_range(0..1_000).to_string();
    let ttl = [("Kvs-Ttl", ["1h", "150ms"][chance.random_range(0..2)])];
    let headers: &[_] = if chance.random_bool(0.2) { &ttl } else { &[] };
    let letter = ["a", "b", "c", "d"][chance.random_range(0..4)];
    let (method, path, body) = match chance.random_range(0..12) {
        0 => ("PUT", format!("int/{key}"), number),
        1 => ("PATCH", format!("uint/{key}"), r#"{"incr":3}"#.to_owned()),
        2 => ("PUT", format!("str/{key}"), "x".repeat(chance.random_range(0..300))),
        3 => ("PUT", format!("map/{key}"), json!({letter: number, "e": "f"}).to_string()),
        4 => ("PATCH", format!("map/{key}"), json!({letter: number, "e": null}).to_string()),
        5 => ("PUT", format!("set/{key}"), json!([letter, number]).to_string()),
        6 => ("PATCH", format!("set/{key}"), json!({"add": [letter], "remove": ["a"]}).to_string()),
        7 => ("PUT", format!("float/{key}"), "0.25".to_owned()),
        8 => ("DELETE", format!("{}/{key}", ["int", "str", "map", "set"][chance.random_range(0..4)]), String::new()),
        9 => ("PATCH", format!("str/{key}"), "{}".to_owned()),
        _ => {
            let ops: Vec<Value> = (0..chance.random_range(2..5))
                .map(|_| json!({"op": "put", "type": "int", "key": format!("k{}", chance.random_range(0..KEYS)), "value": 1}))
                .chain([json!({"op": "incr", "type": "uint", "key": key})])
                .collect();
            ("POST", "batch".to_owned(), json!({"ops": ops}).to_string())
        }
    };
    let headers = if matches!(method, "PUT" | "PATCH") { headers } else { &[] };
    let answer = ask(client, method, &path, headers, &body);
    assert!(matches!(answer.status, 200..=204 | 404), "{method} {path}: {answer:?}");
}

/// The whole state, as listings tell it, and the place before the first page.
pub(crate) fn listed(kvs: &Kvs, mut between: impl FnMut()) -> (State, String) {
    let (mut client, mut state, mut cursor) = (kvs.connect(), State::default(), String::new());
    let mut feed = None;
    loop {
        let page = json(&ask(&mut client, "GET", &format!("keys?values=true&limit={PAGE}{cursor}"), &[], ""));
        feed = feed.or_else(|| page["feed"].as_str().map(str::to_owned));
        page["entries"].as_array().expect("entries").iter().for_each(|entry| state.listed(entry));
        between();
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (state, feed.expect("the first page has it")),
        }
    }
}

/// Checks that each step has its end, and that no place comes twice. Returns the number of steps.
fn check_steps(told: &[Value]) -> usize {
    let mut tokens: Vec<&str> = told.iter().filter_map(|change| change["token"].as_str()).collect();
    assert!(told.iter().all(|change| change["token"].is_string() != change["more"].is_boolean()));
    assert!(told.last().is_none_or(|last| last["token"].is_string()), "a step has no end");
    let count = tokens.len();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), count, "a place was told twice");
    count
}

#[test]
fn a_listing_and_the_feed_give_the_state_on_every_log() {
    let seed = seed();
    for deployment in deployment::all() {
        let mut chance = StdRng::seed_from_u64(seed);
        // Everything is kept: the first place stays readable.
        let kvs = deployment.start(&["--retain", "all", "--checkpoint-after", "never"]);
        let begin = place(&kvs);
        let mut live = Follower::lines(kvs.addr, &format!("after={begin}&values=true"));
        let mut client = kvs.connect();
        (0..BEFORE).for_each(|_| write(&mut client, &mut chance));
        let (mut state, feed) = listed(&kvs, || (0..10).for_each(|_| write(&mut client, &mut chance)));
        // Nobody finds what has expired, and the record of it comes a moment later.
        let mut expected = State::default();
        eventually("what has expired is told", || {
            let mut now = state.clone();
            told_after(kvs.addr, &feed).iter().for_each(|change| now.change(change));
            expected = listed(&kvs, || {}).0;
            let lives = expected.0.values().all(|(_, expires)| expires.as_str().is_none_or(|at| at > &*soon()));
            lives && now.0.len() == expected.0.len()
        });
        told_after(kvs.addr, &feed).iter().for_each(|change| state.change(change));
        assert_same(deployment.name, &state, &expected);
        // From the beginning, without a listing; from the log, live, and after a kill.
        let all = told_after(kvs.addr, &begin);
        assert!(check_steps(&all) > BEFORE, "{}", deployment.name);
        let mut from_all = State::default();
        all.iter().for_each(|change| from_all.change(change));
        assert_same(deployment.name, &from_all, &expected);
        for expected in &all {
            assert_eq!(live.change(), *expected, "{}: what is told live is what the log has", deployment.name);
        }
        let (middle, rest) = split(&all);
        assert_eq!(told_after(kvs.addr, &middle), rest, "{}", deployment.name);
        kvs.kill();
        let kvs = deployment.start(&["--retain", "all", "--checkpoint-after", "never"]);
        assert_eq!(told_after(kvs.addr, &begin), all, "{}: after a kill", deployment.name);
        assert_eq!(told_after(kvs.addr, &middle), rest, "{}", deployment.name);
        kvs.kill();
    }
}

/// Half a minute from now, as times are shown.
fn soon() -> String {
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(30);
    humantime::format_rfc3339_micros(soon).to_string()
}

/// The end of a step in the middle, and what follows it.
fn split(all: &[Value]) -> (String, &[Value]) {
    let at = (all.len() / 2..all.len()).find(|at| all[*at]["token"].is_string()).expect("a step ends");
    (all[at]["token"].as_str().unwrap().to_owned(), &all[at + 1..])
}

fn assert_same(name: &str, state: &State, expected: &State) {
    for (entry, value) in &state.0 {
        assert_eq!(Some(value), expected.0.get(entry), "{name}: {entry:?}");
    }
    assert_eq!(state.0.len(), expected.0.len(), "{name}");
}

#[test]
fn what_is_no_longer_kept_is_said_not_skipped() {
    for deployment in [deployment::file(), deployment::small_partitions().remove(0)] {
        let kvs = deployment.start(&[]);
        let (begin, mut client) = (place(&kvs), kvs.connect());
        let mut number = 0;
        let mut refused = Value::Null;
        // Checkpoints remove segments and partitions sooner or later.
        eventually("the beginning is trimmed", || {
            for _ in 0..300 {
                number += 1;
                let put = ask(&mut client, "PUT", "str/k", &[], &format!("{number} {}", "x".repeat(200)));
                assert!(matches!(put.status, 201 | 204), "{put:?}");
            }
            let follower = Follower::lines(kvs.addr, &format!("after={begin}&wait=0"));
            refused = follower.refusal.clone();
            follower.status == 410
        });
        assert_eq!(refused["type"], "/v2/problems/no-longer-kept", "{refused}");
        // More may be trimmed meanwhile.
        let mut told = Vec::new();
        eventually("the trimming has ended", || {
            let oldest = refused["oldest"].as_str().expect("where one may begin");
            let follower = Follower::lines(kvs.addr, &format!("after={oldest}&wait=0&values=true"));
            refused = follower.refusal.clone();
            let begins = follower.status == 200;
            if begins {
                told = follower.all();
            }
            begins
        });
        assert!(told.len() > 1, "{}", deployment.name);
        let last = &told[told.len() - 2];
        assert!(last["value"].as_str().unwrap().starts_with(&format!("{number} ")), "{}: {last}", deployment.name);
        kvs.kill();
    }
}

#[test]
fn many_follow_parts_of_what_several_write() {
    const FOLLOWERS: usize = 20;
    let deployment = deployment::file();
    let kvs = deployment.start(&["--feed-memory", "64KiB"]);
    let begin = place(&kvs);
    let followers: Vec<Follower> = (0..FOLLOWERS)
        .map(|n| Follower::lines(kvs.addr, &format!("after={begin}&prefix=f{n:02}_&values=true")))
        .collect();
    let (seed, stop) = (seed(), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (mut client, stop) = (kvs.connect(), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut chance = StdRng::seed_from_u64(seed + writer);
                let mut written = vec![0; FOLLOWERS];
                while !stop.load(Ordering::Relaxed) {
                    let of = chance.random_range(0..FOLLOWERS);
                    written[of] += 1;
                    let (path, body) = (format!("int/f{of:02}_{writer}"), written[of].to_string());
                    assert!(ask(&mut client, "PUT", &path, &[], &body).status < 300);
                }
                written
            })
        })
        .collect();
    let readers: Vec<_> = followers
        .into_iter()
        .map(|mut follower| {
            std::thread::spawn(move || {
                // Of each writer the numbers come one after the other.
                let mut seen = [0; 3];
                while seen.iter().any(|seen| *seen < 30) {
                    let told = follower.change();
                    let writer: usize = told["key"].as_str().unwrap()[4..].parse().unwrap();
                    seen[writer] += 1;
                    assert_eq!(told["value"], seen[writer], "{told}");
                }
            })
        })
        .collect();
    readers.into_iter().for_each(|reader| reader.join().expect("every change in its order"));
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| drop(writer.join().expect("no panic")));
}
