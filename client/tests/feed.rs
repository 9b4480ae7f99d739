//! The feed of the client, against the real kvs.

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use client::{
    Change, ChangeKind, Client, Error, ErrorCode, Expiry, Feed, FeedStep, Follow, Transaction, Value, ValueType,
};
use server::Kvs;

async fn connect(kvs: &Kvs) -> Client {
    Client::connect(kvs.address.to_string()).await.unwrap()
}

/// A kvs with its log in this folder, at this address.
fn start(folder: &Path, address: &str) -> Kvs {
    Kvs::with(&["--frame-addr", address, "--admin-addr", "off", "--log", &format!("file:{}", folder.display())])
}

/// The next step that has changes.
async fn step(feed: &mut Feed) -> FeedStep {
    loop {
        let step = feed.next().await.unwrap();
        if !step.changes.is_empty() {
            return step;
        }
    }
}

fn kinds(step: &FeedStep) -> Vec<(&str, ChangeKind)> {
    step.changes.iter().map(|Change { key, kind, .. }| (key.as_str(), kind.clone())).collect()
}

#[tokio::test]
async fn every_kind_of_change_comes_in_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let kvs = start(folder.path(), "127.0.0.1:0");
    let client = connect(&kvs).await;
    let mut feed = client.follow(Follow::all().values());
    let begin = feed.next().await.unwrap();
    assert!(begin.changes.is_empty() && feed.is_caught_up(), "at once, so that there is a place");
    let text = |text: &str| text.to_owned();
    let mut all = Transaction::new();
    all.put("m", BTreeMap::from([(text("a"), text("1"))]));
    all.map_set_field("m", "b", "2");
    all.map_del_field("m", "a");
    all.set_add("s", ["x", "y"]);
    all.set_rem("s", ["y", "z"]);
    all.incr_uint("n", 5);
    all.touch(ValueType::Set, "s", Expiry::After(Duration::from_secs(60)));
    all.del(ValueType::Uint, "n");
    let done = client.transact(&all).await.unwrap();
    let told = step(&mut feed).await;
    let set = |members: &[&str]| members.iter().map(|member| text(member)).collect::<BTreeSet<_>>();
    let expected = vec![
        ("m", ChangeKind::Put(Some(Value::Map(BTreeMap::from([(text("a"), text("1"))]))))),
        ("m", ChangeKind::FieldSet(Some((text("b"), text("2"))))),
        ("m", ChangeKind::FieldDeleted(Some(text("a")))),
        ("s", ChangeKind::Added(Some(set(&["x", "y"])))),
        ("s", ChangeKind::Removed(Some(set(&["y", "z"])))),
        ("n", ChangeKind::Incremented(Some(Value::Uint(5)))),
        ("s", ChangeKind::Touched),
        ("n", ChangeKind::Deleted),
    ];
    assert_eq!((kinds(&told), told.token), (expected, done.token));
    assert!(told.changes[6].expires.is_some() && told.changes[7].etag.is_none());
    // The same without values, of a type and a prefix, from the place before.
    let mut sets = client.follow(Follow::of(ValueType::Set).prefix("s").after(begin.token));
    let told = step(&mut sets).await;
    let expected = vec![("s", ChangeKind::Added(None)), ("s", ChangeKind::Removed(None)), ("s", ChangeKind::Touched)];
    assert_eq!(kinds(&told), expected);
    client.put_float("f", 0.5).await.unwrap();
    assert_eq!(kinds(&step(&mut feed).await), [("f", ChangeKind::Put(Some(Value::Float(0.5))))]);
    // Dropping a call loses nothing.
    for _ in 0..3 {
        let waited = tokio::time::timeout(Duration::from_millis(30), sets.next()).await;
        assert!(waited.is_err() || waited.unwrap().unwrap().changes.is_empty());
    }
    client.set_add("s", ["later"]).await.unwrap();
    assert_eq!(kinds(&step(&mut sets).await), [("s", ChangeKind::Added(None))]);
    // The requests of the client do not wait for the feed.
    client.ping().await.unwrap();
    client.close().await;
}

#[tokio::test]
async fn a_place_of_another_log_is_gone() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [here, there] = folders.each_ref().map(|folder| start(folder.path(), "127.0.0.1:0"));
    let place = connect(&there).await.follow(Follow::all()).next().await.unwrap().token;
    let error = connect(&here).await.follow(Follow::all().after(place)).next().await.unwrap_err();
    assert!(matches!(error, Error::Refused { code: ErrorCode::Gone, .. }), "{error}");
}

#[tokio::test]
async fn without_a_log_there_are_no_changes() {
    let kvs = Kvs::start();
    let error = connect(&kvs).await.follow(Follow::all()).next().await.unwrap_err();
    assert!(matches!(error, Error::Refused { code: ErrorCode::NoLog, .. }) && !error.is_retryable(), "{error}");
}

/// Kills of the server while it is followed.
const KILLS: u32 = 5;

#[tokio::test]
async fn a_feed_goes_on_whatever_happens_to_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut kvs = start(folder.path(), "127.0.0.1:0");
    let address = kvs.address.to_string();
    let client = connect(&kvs).await.durable();
    let mut feed = client.follow(Follow::of(ValueType::Uint).values());
    feed.next().await.unwrap();
    let mut seen = 0;
    for _ in 0..KILLS {
        // Some are told before the kill, others after it.
        for number in 0..20 {
            client.incr_uint("n").await.unwrap();
            if number % 3 == 0 {
                seen += 1;
                assert_eq!(kinds(&step(&mut feed).await), [("n", ChangeKind::Incremented(Some(Value::Uint(seen))))]);
            }
        }
        kvs.kill();
        kvs = start(folder.path(), &address);
        // What is sent over the connection that has ended would have an unknown outcome.
        while client.ping().await.is_err() {}
    }
    while seen < KILLS * 20 {
        seen += 1;
        assert_eq!(kinds(&step(&mut feed).await), [("n", ChangeKind::Incremented(Some(Value::Uint(seen))))]);
    }
    assert_eq!(client.get_uint("n").await.unwrap(), Some(seen));
}
