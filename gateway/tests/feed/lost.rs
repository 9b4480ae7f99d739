//! What a crash has taken back. Its lsns are given again, and what clients hold of it is not mistaken for what has them now.

use proto::frame::ErrorCode;
use serde_json::json;

use crate::deployment::{self, Deployment};
use crate::harness::{Answer, Client, Kvs};
use crate::tokens::{over_frames, place_bytes, refused};
use crate::{ask, json};
use testkit::postgres_server::PostgresServer;

/// Writes that are lost.
const LOST: usize = 5;

fn put(client: &mut Client, key: &str) -> Answer {
    let put = ask(client, "PUT", &format!("int/{key}"), &[], "1");
    assert!(matches!(put.status, 201 | 204), "{put:?}");
    put
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.header(name).unwrap_or_else(|| panic!("no {name}: {answer:?}"))
}

/// The log goes down and comes back up; `down` and `up` are told of the deployment.
fn lose(mut deployment: Deployment, down: impl Fn(&mut Deployment), up: impl Fn(&mut Deployment)) {
    let kvs = deployment.start(&["--durability", "async"]);
    let mut client = kvs.connect();
    let kept = ask(&mut client, "PUT", "int/kept", &[("Kvs-Durability", "sync")], "1");
    down(&mut deployment);
    let lost: Vec<Answer> = (0..LOST).map(|_| put(&mut client, "x")).collect();
    kvs.kill();
    up(&mut deployment);
    let kvs: Kvs = deployment.start(&["--durability", "async"]);
    let mut client = kvs.connect();
    assert_eq!(ask(&mut client, "GET", "int/x", &[], "").status, 404, "{}: it was not lost", deployment.name);
    let given_again: Vec<Answer> = (0..LOST).map(|_| put(&mut client, "x")).collect();
    for (lost, now) in lost.iter().zip(&given_again) {
        assert_eq!(
            header(lost, "kvs-lsn"),
            header(now, "kvs-lsn"),
            "{}: the test needs the same lsns",
            deployment.name
        );
        assert_ne!(header(lost, "etag"), header(now, "etag"));
    }
    let (lost, now) = (lost.last().unwrap(), given_again.last().unwrap());
    let (etag, token) = (header(lost, "etag"), header(lost, "kvs-token"));
    // An etag of a lost write is that of no entry.
    let changed = ask(&mut client, "PUT", "int/x", &[("If-Match", etag)], "9");
    assert_eq!((changed.status, &json(&changed)["etag"]), (412, &json!(header(now, "etag"))), "{changed:?}");
    assert_eq!(ask(&mut client, "GET", "int/x", &[("If-None-Match", etag)], "").status, 200);
    let batch =
        json!({"if": [{"type": "int", "key": "x", "etag": etag}], "ops": [{"op": "del", "type": "int", "key": "x"}]});
    assert_eq!(ask(&mut client, "POST", "batch", &[], &batch.to_string()).status, 412);
    // A token of a lost write is no place.
    let read = ask(&mut client, "GET", "int/x", &[("Kvs-Min-Token", token)], "");
    assert_eq!((read.status, &json(&read)["type"]), (410, &json!("/v2/problems/gone")), "{read:?}");
    refused(&kvs, &format!("after={token}"), 410, "gone");
    assert_eq!(over_frames(&kvs, Some(&place_bytes(token))), Some(ErrorCode::Gone));
    // What was not lost is what it was.
    let read = ask(&mut client, "GET", "int/kept", &[("Kvs-Min-Token", header(&kept, "kvs-token"))], "");
    assert_eq!((read.status, read.header("etag")), (200, kept.header("etag")));
    assert_eq!(over_frames(&kvs, Some(&place_bytes(header(&kept, "kvs-token")))), None);
    assert_eq!(ask(&mut client, "PUT", "int/kept", &[("If-Match", header(&kept, "etag"))], "2").status, 204);
    kvs.kill();
}

#[test]
fn behind_a_txnd_over_files() {
    lose(deployment::txnd_file(), Deployment::kill_txnd, Deployment::start_txnd);
}

#[test]
fn behind_a_txnd_over_postgres() {
    lose(deployment::txnd_postgres(), Deployment::kill_txnd, Deployment::start_txnd);
}

#[test]
fn on_postgres() {
    let server = Box::leak(Box::new(PostgresServer::start()));
    lose(deployment::postgres_on(server), |_| server.stop(), |_| server.start_again());
    server.stop();
}
