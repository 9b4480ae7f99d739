//! Transactions, expiry and listings of the client, against the real kvs.

mod server;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use client::{
    Client, Condition, Entry, Error, ErrorCode, Expiry, InvalidInput, Scan, StepReply, Transaction, Value, ValueType,
};
use server::Kvs;

async fn connect(kvs: &Kvs) -> Client {
    Client::connect(kvs.address.to_string()).await.unwrap()
}

async fn entry(client: &Client, ty: ValueType, key: &str) -> Entry {
    client.entry(ty, key).await.unwrap().expect("there is one")
}

#[tokio::test]
async fn all_happens_or_nothing() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    client.put_int("stock", 3).await.unwrap();
    let order = |number: u32, pieces: i64| {
        let mut order = Transaction::new();
        let key = format!("order_{number}");
        order.require(ValueType::Str, &key, Condition::Absent);
        order.incr_int("stock", -pieces).at_least(0);
        order.put(key, format!("{pieces} pieces"));
        order
    };
    let done = client.transact(&order(1, 2)).await.unwrap();
    assert_eq!(done.steps[0].result, Ok(StepReply::Value(Value::Int(3))));
    assert_eq!((&done.steps[1].result, done.steps[1].existed), (&Ok(StepReply::Stored), false));
    assert!(done.steps.iter().all(|step| step.etag.is_some() && step.expires.is_none()));
    // The same again, and more than there is.
    let refused = client.transact(&order(1, 1)).await.unwrap_err();
    let Error::ConditionFailed { number: 0, etag: Some(etag), value: Some(value) } = &refused else {
        panic!("{refused}")
    };
    assert_eq!((**value == Value::from("2 pieces"), Some(*etag)), (true, done.steps[1].etag));
    let refused = client.transact(&order(2, 2)).await.unwrap_err();
    assert!(matches!(refused, Error::BeyondBounds { number: 0, before: 1 }), "{refused}");
    assert!(!refused.is_outcome_unknown() && !refused.is_retryable());
    assert_eq!((client.get_int("stock").await.unwrap(), client.get_str("order_2").await.unwrap()), (Some(1), None));
    // A step that is refused is named.
    let mut overflow = Transaction::new();
    overflow.put("order_3", "x");
    overflow.incr_int("stock", i64::MAX);
    let refused = client.durable().transact(&overflow).await.unwrap_err();
    let Error::Refused { code: ErrorCode::Overflow, message } = &refused else { panic!("{refused}") };
    assert!(message.starts_with("step 1: "), "{message}");
    assert_eq!(client.get_str("order_3").await.unwrap(), None);
    client.close().await;
}

#[tokio::test]
async fn the_same_transaction_again_does_nothing() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    let incr = |by: i64| {
        let mut incr = Transaction::new();
        incr.once("order-1").incr_int("stock", by);
        incr
    };
    let first = client.transact(&incr(5)).await.unwrap();
    assert!(!first.replayed);
    for client in [client.clone(), connect(&kvs).await] {
        let again = client.transact(&incr(5)).await.unwrap();
        assert_eq!((again.replayed, &again.steps, again.token), (true, &first.steps, first.token));
        let refused = client.transact(&incr(6)).await.unwrap_err();
        assert!(matches!(refused, Error::Refused { code: ErrorCode::KeyReused, .. }), "{refused}");
    }
    // Without a key of its own, each is another one.
    for before in [5, 6] {
        let mut one = Transaction::new();
        one.incr_int("stock", 1);
        assert_eq!(client.transact(&one).await.unwrap().steps[0].result, Ok(StepReply::Value(Value::Int(before))));
    }
    // Single writes with keys come to the same as without.
    let once = client.once();
    assert_eq!((once.incr_int("stock").await.unwrap(), once.get_int("stock").await.unwrap()), (7, Some(8)));
    once.put_str("s", "x").await.unwrap();
    assert!(once.del_str("s").await.unwrap() && !once.del_str("s").await.unwrap());
    assert_eq!(once.set_add("t", &["a", "b"]).await.unwrap(), 2);
    once.map_set_field("m", "f", "x").await.unwrap();
    assert!(once.map_del_field("m", "f").await.unwrap());
    client.close().await;
}

#[tokio::test]
async fn every_operation_can_be_a_step() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    let mut all = Transaction::new();
    all.put("m", BTreeMap::from([("a".to_owned(), "1".to_owned())]));
    all.map_set_field("m", "b", "2");
    all.map_get_field("m", "b");
    all.map_del_field("m", "a");
    all.map_get_field("m", "a");
    all.set_add("s", ["x", "y", "x"]);
    all.set_has("s", "x");
    all.set_rem("s", ["y", "z"]);
    all.incr_uint("n", 5).at_most(5);
    all.get(ValueType::Float, "none");
    all.touch(ValueType::Set, "s", Expiry::After(Duration::from_secs(60)));
    all.del(ValueType::Uint, "n");
    all.del_all("m");
    let done = client.transact(&all).await.unwrap();
    let replies: Vec<StepReply> = done.steps.iter().map(|step| step.result.clone().unwrap()).collect();
    let expected = [
        StepReply::Stored,
        StepReply::Stored,
        StepReply::Value(Value::from("2")),
        StepReply::Deleted(true),
        StepReply::NoField,
        StepReply::Count(2),
        StepReply::Has(true),
        StepReply::Count(1),
        StepReply::Value(Value::Uint(0)),
        StepReply::NoEntry,
        StepReply::Stored,
        StepReply::Deleted(true),
        StepReply::Deleted(true),
    ];
    assert_eq!(replies, expected);
    assert!(done.steps[10].expires.is_some() && done.steps[11].etag.is_none());
    let nothing = client.transact(&Transaction::new()).await.unwrap();
    assert_eq!(nothing.steps, []);
    client.close().await;
}

#[tokio::test]
async fn entries_change_only_from_the_state_that_was_read() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    client.put_str("motto", "make it work").await.unwrap();
    let first = entry(&client, ValueType::Str, "motto").await;
    let put = |condition, value: &str| {
        let mut put = Transaction::new();
        put.require(ValueType::Str, "motto", condition);
        put.put("motto", value);
        put
    };
    client.transact(&put(Condition::Is(first.etag), "make it right")).await.unwrap();
    for condition in [Condition::Is(first.etag), Condition::Absent] {
        let refused = client.transact(&put(condition, "make it wrong")).await.unwrap_err();
        assert!(matches!(refused, Error::ConditionFailed { .. }), "{refused}");
    }
    let second = entry(&client, ValueType::Str, "motto").await;
    assert_eq!(second.value, Value::from("make it right"));
    client.transact(&put(Condition::IsNot(first.etag), "make it fast")).await.unwrap();
    client.transact(&put(Condition::Present, "make it small")).await.unwrap();
    assert_eq!(client.entry(ValueType::Str, "nothing").await.unwrap(), None);
    client.close().await;
}

#[tokio::test]
async fn entries_expire_when_they_are_told_to() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    let (began, time) = (Instant::now(), Duration::from_millis(700));
    let mut put = Transaction::new();
    put.put("session", "ada").expires(Expiry::After(time));
    put.put("long", "ada").expires(Expiry::After(Duration::from_secs(3600)));
    let done = client.transact(&put).await.unwrap();
    assert!(done.steps[1].expires.expect("it expires") > SystemTime::now() + Duration::from_secs(3500));
    // An increment keeps it, a plain put ends it.
    client.put_str("long", "eva").await.unwrap();
    assert_eq!(entry(&client, ValueType::Str, "long").await.expires, None);
    while client.get_str("session").await.unwrap().is_some() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not expire");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(began.elapsed() >= time, "{:?}", began.elapsed());
    let mut bad = Transaction::new();
    for time in [Duration::ZERO, Duration::from_secs(u64::MAX)] {
        bad.touch(ValueType::Str, "long", Expiry::After(time));
        let refused = client.transact(&bad).await.unwrap_err();
        assert!(matches!(refused, Error::InvalidInput(InvalidInput::Expiry(_))), "{refused}");
    }
    let mut set = Transaction::new();
    set.set_add("s", ["x"]).expires(Expiry::Never);
    let refused = client.transact(&set).await.unwrap_err();
    assert!(matches!(refused, Error::InvalidInput(InvalidInput::NoExpiry("set-add"))), "{refused}");
    client.close().await;
}

#[tokio::test]
async fn a_listing_has_every_entry_once() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    for number in 0..1200 {
        client.put_int(&format!("user_{number}"), number).await.unwrap();
    }
    client.put_str("motto", "x").await.unwrap();
    for page in [1000, 7] {
        let mut pages = client.scan(Scan::of(ValueType::Int).prefix("user_").values().page(page));
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await.unwrap() {
            for entry in page {
                assert_eq!(found.insert(entry.key.clone(), entry.value), None, "{} twice", entry.key);
            }
        }
        assert_eq!(pages.next().await.unwrap(), None, "it has ended");
        assert_eq!(found.len(), 1200);
        assert!(found.iter().all(|(key, value)| *key
            == format!(
                "user_{}",
                match value {
                    Some(Value::Int(n)) => *n,
                    other => panic!("{other:?}"),
                }
            )));
    }
    let mut pages = client.scan(Scan::all().page(1));
    let first = pages.next().await.unwrap().expect("a page");
    assert!(first.len() <= 2 && first.iter().all(|entry| entry.value.is_none()), "{first:?}");
    client.close().await;
}
