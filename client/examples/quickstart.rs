//! Every kind of operation once, against a running server:
//!
//! ```text
//! cargo run --release -- --log off &
//! cargo run -p client --example quickstart [ADDRESS]
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use client::{Client, Condition, Error, ErrorCode, Expiry, Scan, Transaction, Value, ValueType};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "localhost:8090".to_string());
    let client = Client::connect(address).await?;
    client.ping().await?;

    // Numbers. The type belongs to the name of an entry: this int and this float do not touch each other.
    client.put_int("temperature", -3).await?;
    client.put_float("temperature", -2.5).await?;
    println!("{:?} {:?}", client.get_int("temperature").await?, client.get_float("temperature").await?);
    println!("deleted from all types: {}", client.del_all("temperature").await?);

    // Counters answer with the value before.
    client.put_uint("stock", 2).await?;
    println!("in stock before: {}", client.incr_uint_by("stock", -2).await?);
    match client.incr_uint_by("stock", -1).await {
        Err(Error::Refused { code: ErrorCode::Overflow, message }) => println!("sold out: {message}"),
        other => println!("unexpected: {other:?}"),
    }

    // Maps and sets, whole and by element.
    client.put_map("user:1", [("name", "Ada"), ("city", "London")]).await?;
    client.map_set_field("user:1", "born", "1815").await?;
    let user: Option<BTreeMap<String, String>> = client.get_map("user:1").await?;
    println!("{user:?}");
    client.set_add("languages", ["en", "fr"]).await?;
    let languages: Option<BTreeSet<String>> = client.get_set("languages").await?;
    println!("{languages:?}, English: {:?}", client.set_has("languages", "en").await?);

    // Many at once, of mixed types, with a result for each.
    for stored in client.multi_put([("a", Value::from(1)), ("b", Value::from("two"))]).await? {
        stored?;
    }
    for value in client.multi_get([(ValueType::Int, "a"), (ValueType::Str, "b"), (ValueType::Set, "c")]).await? {
        println!("{:?}", value?);
    }

    // Several operations, all or nothing, on a condition; the session ends by itself.
    let mut login = Transaction::new();
    login.require(ValueType::Str, "session:1", Condition::Absent);
    login.put("session:1", "ada").expires(Expiry::After(Duration::from_secs(1800)));
    login.incr_int("logins", 1).at_most(100);
    let done = client.transact(&login).await?;
    println!("logged in: {}", done.steps[0].expires.is_some());
    match client.transact(&login).await {
        Err(Error::ConditionFailed { value, .. }) => println!("already: {value:?}"),
        other => println!("unexpected: {other:?}"),
    }

    // All entries whose keys begin so, page by page.
    let mut pages = client.scan(Scan::of(ValueType::Map).prefix("user:"));
    while let Some(page) = pages.next().await? {
        page.iter().for_each(|entry| println!("found {}", entry.key));
    }

    // On disk when it returns (with a log). From many tasks over the same connection.
    let durable = client.durable();
    let tasks = (0..8).map(|task| {
        let durable = durable.clone();
        tokio::spawn(async move { durable.incr_int(&format!("counter:{}", task % 2)).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("the task does not panic")?;
    }
    println!("{:?} {:?}", client.get_int("counter:0").await?, client.get_int("counter:1").await?);
    client.close().await;
    Ok(())
}
