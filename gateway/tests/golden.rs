//! A kvs started on a log that an earlier version has written serves what that one served. The logs are txnd's
//! (`txnd/tests/golden/`, where each has a README).

mod harness;

use std::fs;
use std::path::{Path, PathBuf};

use harness::{Client, Kvs, folder, percent_encoded};
use serde_json::Value;
use testkit::postgres_server::PostgresServer;

const TYPES: [&str; 6] = ["int", "uint", "float", "str", "map", "set"];

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../txnd/tests/golden").join(version)
}

/// The objects in a file with one a line.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

/// Every entry is there with its value, and none is that should not be.
fn check_entries(client: &mut Client, golden: &Path) {
    let entries = lines(&golden.join("state.jsonl"));
    let text = |value: &Value| value.as_str().expect("a text").to_string();
    let mut keys: Vec<String> =
        lines(&golden.join("records.jsonl")).iter().map(|record| text(&record["key"])).collect();
    keys.sort();
    keys.dedup();
    let mut found = 0;
    for key in &keys {
        for ty in TYPES {
            let path = format!("{ty}-get/{}", percent_encoded(key));
            let answer = client.get(&path);
            let Some(entry) = entries.iter().find(|entry| entry["type"] == ty && entry["key"] == key.as_str()) else {
                assert_eq!(answer.status, 404, "{ty} {key}");
                continue;
            };
            assert_eq!(answer.status, 200, "{ty} {key}");
            found += 1;
            let expected = &entry["value"];
            match ty {
                "int" | "uint" => assert_eq!(answer.text(), expected.to_string(), "{ty} {key}"),
                "float" => {
                    let bits = |text: &str| text.parse::<f32>().expect("a number").to_bits();
                    assert_eq!(bits(answer.text()), bits(&text(expected)), "{ty} {key}");
                }
                "str" => assert_eq!(answer.text(), text(expected), "{ty} {key}"),
                _ => assert_eq!(&serde_json::from_slice::<Value>(&answer.body).unwrap(), expected, "{ty} {key}"),
            }
        }
    }
    assert_eq!(found, entries.len(), "all entries were asked for");
}

/// A second start reads a log that both versions have written.
fn serves_and_goes_on(start: impl Fn() -> Kvs, golden: &Path) {
    for term in 0..3 {
        let kvs = start();
        let mut client = kvs.connect();
        check_entries(&mut client, golden);
        let before = client.put("int-incr/after%20the%20golden%20log", "");
        assert_eq!((before.status, before.text()), (200, term.to_string().as_str()));
        kvs.kill();
    }
}

#[test]
fn a_kvs_serves_segments_of_version_1() {
    let (golden, folder) = (golden("v1"), folder());
    for file in fs::read_dir(golden.join("segments")).expect("the golden log").map(Result::unwrap) {
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    serves_and_goes_on(|| Kvs::start(folder.path(), &["--segment-size", "64KiB"]), &golden);
}

#[test]
fn a_kvs_serves_tables_of_version_1() {
    let (golden, server) = (golden("v1"), PostgresServer::shared());
    let url = server.database();
    server.psql(&url, &fs::read_to_string(golden.join("tables.sql")).expect("the golden dump"));
    let start = || {
        let mut command = Kvs::program();
        Kvs::try_start(command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--log", &url])).expect("a kvs")
    };
    serves_and_goes_on(start, &golden);
}
