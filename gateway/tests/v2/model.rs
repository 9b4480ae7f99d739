//! Random requests, over REST and over frames, against a model that knows conditions, batches and expiry. Time goes in hours, entries live for some and a
//! half.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

use crate::frame_client::FrameClient;
use crate::frames;
use crate::harness::{Kvs, folder, seed};
use crate::odd_clock::OddClock;
use crate::{Server, etag, json};

/// 15 January 2027, 08:00, in seconds since 1970.
const NOW: i64 = 1_800_000_000;

type Name = (&'static str, &'static str);

#[derive(Clone, Debug, Default)]
struct Model {
    entries: BTreeMap<Name, (Value, String)>,
    /// The hour after which an entry is no longer there.
    last_hours: BTreeMap<Name, i64>,
    /// Every etag that there has been.
    etags: Vec<String>,
}

const TYPES: [&str; 4] = ["int", "str", "map", "set"];
const KEYS: [&str; 3] = ["a", "b", "c"];

fn value(ty: &str, chance: &mut StdRng) -> Value {
    let text = |chance: &mut StdRng| ["x", "y", "z"].choose(chance).expect("one").to_string();
    match ty {
        "int" => json!(chance.random_range(-3..4)),
        "str" => json!(text(chance)),
        "map" => {
            (0..chance.random_range(0..3)).map(|_| (text(chance), json!(text(chance)))).collect::<Map<_, _>>().into()
        }
        _ => {
            let mut members: Vec<_> = (0..chance.random_range(0..3)).map(|_| text(chance)).collect();
            members.sort();
            members.dedup();
            json!(members)
        }
    }
}

/// What an operation of a batch comes to: status and value; or the status of its failure.
fn apply(entries: &mut BTreeMap<Name, Option<Value>>, op: &Value, name: Name) -> Result<(u16, Option<Value>), u16> {
    let now = entries.get(&name).cloned().flatten();
    match op["op"].as_str().expect("an op") {
        "get" => Ok(now.map_or((404, None), |value| (200, Some(value)))),
        "put" => {
            entries.insert(name, Some(op["value"].clone()));
            Ok((if now.is_some() { 204 } else { 201 }, None))
        }
        "del" => {
            entries.insert(name, None);
            Ok((if now.is_some() { 204 } else { 404 }, None))
        }
        _ => {
            let after = now.and_then(|value| value.as_i64()).unwrap_or(0) + op["value"].as_i64().expect("a number");
            if op["max"].as_i64().is_some_and(|max| after > max) {
                return Err(409);
            }
            entries.insert(name, Some(json!(after)));
            Ok((200, Some(json!(after))))
        }
    }
}

impl Model {
    fn condition(&self, name: Name, chance: &mut StdRng) -> (Value, bool) {
        let now = self.entries.get(&name).map(|(_, etag)| etag.clone());
        let (ty, key) = name;
        match chance.random_range(0..4) {
            0 => (json!({"type": ty, "key": key, "absent": true}), now.is_none()),
            1 => (json!({"type": ty, "key": key, "present": true}), now.is_some()),
            2 if now.is_some() => (json!({"type": ty, "key": key, "etag": now}), true),
            _ => {
                let any = self.etags.choose(chance).cloned().unwrap_or_else(|| "\"x\"".into());
                (json!({"type": ty, "key": key, "etag": any}), now.as_ref() == Some(&any))
            }
        }
    }
}

#[test]
fn answers_follow_the_model() {
    let (home, log) = (folder(), folder());
    let clock = OddClock::new(home.path());
    clock.set(NOW);
    let mut command = Kvs::command(log.path());
    let kvs = Kvs::try_start(clock.on(command.args(["--durability", "async"]))).expect("kvs starts");
    let (mut server, seed) = (Server { client: kvs.connect(), kvs, _folder: log }, seed());
    let mut frame_client = FrameClient::connect(server.kvs.frame_addr);
    let mut hour = 0;
    let (mut chance, mut model) = (StdRng::seed_from_u64(seed), Model::default());
    let (mut statuses, mut expired) = (BTreeMap::<u16, u32>::new(), 0);
    for round in 0..6000 {
        if chance.random_bool(0.1) {
            hour += chance.random_range(1..4);
            clock.set(NOW + hour * 3600);
        }
        let gone: Vec<Name> =
            model.last_hours.iter().filter(|(_, last)| **last < hour).map(|(name, _)| *name).collect();
        for name in gone {
            model.last_hours.remove(&name);
            model.entries.remove(&name);
            expired += 1;
        }
        let mut last_hours = model.last_hours.clone();
        let any = |chance: &mut StdRng| (*TYPES.choose(chance).expect("a type"), *KEYS.choose(chance).expect("a key"));
        let conditions: Vec<_> =
            (0..chance.random_range(0..2)).map(|_| model.condition(any(&mut chance), &mut chance)).collect();
        let mut after: BTreeMap<Name, Option<Value>> =
            model.entries.iter().map(|(name, (value, _))| (*name, Some(value.clone()))).collect();
        let (mut ops, mut expected, mut failed) = (Vec::new(), Vec::new(), None);
        for number in 0..chance.random_range(1..6) {
            let name @ (ty, key) = any(&mut chance);
            let mut op = match chance.random_range(0..4) {
                0 => json!({"op": "get"}),
                1 => json!({"op": "del"}),
                2 if ty == "int" => json!({"op": "incr", "value": chance.random_range(-2..5), "max": 2}),
                _ => json!({"op": "put", "value": value(ty, &mut chance)}),
            };
            (op["type"], op["key"]) = (json!(ty), json!(key));
            let lives = chance.random_range(0..4);
            match op["op"].as_str() {
                Some("put" | "incr") if lives > 0 && chance.random_bool(0.5) => {
                    op["ttl"] = json!(format!("{}m", lives * 60 + 30));
                    last_hours.insert(name, hour + lives);
                }
                Some("put" | "del") => drop(last_hours.remove(&name)),
                _ => {}
            }
            match apply(&mut after, &op, name) {
                Ok(result) => expected.push((result, name)),
                Err(status) => failed = failed.or(Some((status, number))),
            }
            ops.push(op);
        }
        let checks: Vec<&Value> = conditions.iter().map(|(check, _)| check).collect();
        let batch = json!({"if": checks, "ops": ops});
        let is_rest = chance.random_bool(0.5);
        let (status_told, document) = match is_rest {
            true => {
                let answer = server.batch(&batch);
                (answer.status, json(&answer))
            }
            false => frames::batch(&mut frame_client, &batch),
        };
        let shown = || format!("seed {seed}, round {round}, REST: {is_rest}: {batch}: {status_told} {document}");
        *statuses.entry(status_told).or_default() += 1;
        if let Some(check) = conditions.iter().position(|(_, holds)| !holds) {
            assert_eq!((status_told, &document["if"]), (412, &json!(check)), "{}", shown());
        } else if let Some((status, op)) = failed {
            assert_eq!((status_told, &document["op"]), (status, &json!(op)), "{}", shown());
        } else {
            assert_eq!(status_told, 200, "{}", shown());
            let results = document["results"].as_array().expect("results").clone();
            assert_eq!(results.len(), expected.len(), "{}", shown());
            for (result, ((status, value), _)) in results.iter().zip(&expected) {
                assert_eq!(result["status"], *status, "{}", shown());
                assert!(value.as_ref().is_none_or(|value| result["value"] == *value), "{result}: {}", shown());
            }
            model.last_hours = last_hours;
            model.entries.retain(|name, _| after.get(name).is_some_and(Option::is_some));
            for (name, value) in after {
                let Some(value) = value else { continue };
                let read = server.ask("GET", &format!("{}/{}?entry", name.0, name.1), "");
                let tag = etag(&read).to_owned();
                assert_eq!(json(&read)["value"], value, "{}", shown());
                assert_eq!(json(&read)["expires_at"].is_string(), model.last_hours.contains_key(&name), "{}", shown());
                let before = model.entries.insert(name, (value, tag.clone()));
                let was_written = ops.iter().any(|op| {
                    op["op"] != "get" && (op["type"].as_str(), op["key"].as_str()) == (Some(name.0), Some(name.1))
                });
                assert!(was_written || before.is_some_and(|(_, before)| before == tag), "{}", shown());
                model.etags.push(tag);
            }
        }
    }
    println!("{statuses:?}, {expired} expired");
    assert!(expired > 300, "{expired}");
    assert!([200, 409, 412].iter().all(|status| statuses[status] > 30), "{statuses:?}");
}
