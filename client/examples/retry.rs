//! What to do about each kind of error, against a running server:
//!
//! ```text
//! cargo run --release -- --log off &
//! cargo run -p client --example retry [ADDRESS]
//! ```

use std::time::Duration;

use client::{Client, Error, Options};

/// How often a write is tried before somebody is told.
const ATTEMPTS: u32 = 5;

/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "localhost:8090".to_string());
    // Does not wait for the server: requests do, until they time out.
    let client = Options::new(address).request_timeout(Duration::from_secs(2)).start();

    store(&client, "motto", "on disk when this returns").await?;
    println!("{:?}", client.get_str("motto").await?);

    let sold = sell(&client, "stock").await?;
    println!("sold: {sold}");
    client.close().await;
    Ok(())
}

/// A put may be repeated whatever became of it: twice the same value is the same value.
async fn store(client: &Client, key: &str, value: &str) -> Result<(), Error> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match client.durable().put_str(key, value).await {
            Err(error) if error.is_retryable() || error.is_outcome_unknown() => {
                eprintln!("trying again in {pause:?}: {error}");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            result => return result,
        }
    }
    client.durable().put_str(key, value).await
}

/// An increment must not be repeated if it may have happened: it would count twice. Only an error that says that it did
/// not happen is a reason to repeat it.
async fn sell(client: &Client, key: &str) -> Result<bool, Error> {
    client.put_uint(key, 1).await?;
    loop {
        match client.incr_uint_by(key, -1).await {
            Ok(before) => return Ok(before > 0),
            Err(error) if error.is_retryable() => tokio::time::sleep(FIRST_PAUSE).await,
            Err(error) if error.is_outcome_unknown() => {
                // Nobody else sells here, so the entry itself says whether it happened.
                eprintln!("looking: {error}");
                return Ok(client.get_uint(key).await? == Some(0));
            }
            Err(error) => return Err(error),
        }
    }
}
