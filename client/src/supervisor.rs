//! The background task: maintains the connection, and replaces it when it ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::Options;
use crate::connection::Connection;
use crate::pipeline::Pipeline;

/// Runs until `stop` is signalled or its sender is dropped.
pub(crate) async fn supervise(pipeline: Arc<Pipeline>, first: Option<Connection>, mut stop: watch::Receiver<bool>) {
    let _ending = Ending(&pipeline);
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => {}
        never = keep_connected(&pipeline, first) => match never {},
        never = pipeline.expire() => match never {},
    }
}

/// Tells the waiting tasks when the end has come, however it came: even if the runtime drops the task.
struct Ending<'p>(&'p Pipeline);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}

async fn keep_connected(pipeline: &Pipeline, first: Option<Connection>) -> Infallible {
    let mut backoff = Backoff::new(&pipeline.options);
    let mut next = first;
    loop {
        let connection = match next.take() {
            Some(connection) => Ok(connection),
            None => Connection::open(&pipeline.options).await,
        };
        match connection {
            Ok(connection) => {
                // A server that accepts connections only to drop them must not be retried without a delay.
                match connection.run(pipeline).await {
                    true => backoff.reset(),
                    false => sleep(backoff.next()).await,
                }
            }
            Err(problem) => {
                let permanent = problem.is_permanent();
                pipeline.unconnected(problem);
                sleep(backoff.next()).await;
                if permanent {
                    // Somebody may have fixed the problem, but while nothing is requested, do not retry.
                    pipeline.wanted().await;
                }
            }
        }
    }
}

/// The delay before the next attempt.
struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    fn new(options: &Options) -> Self {
        Self { first: options.first_backoff, longest: options.max_backoff, next: options.first_backoff }
    }

    fn reset(&mut self) {
        self.next = self.first;
    }

    /// Doubles up to the maximum. The returned delay is shortened at random by up to a half.
    fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_millis(350));
        let mut backoff = Backoff::new(&Options::new("").backoff(first, longest));
        for expected in [100, 200, 350, 350].map(Duration::from_millis) {
            let wait = backoff.next();
            assert!(wait >= expected / 2 && wait <= expected, "{wait:?} for {expected:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= first);
    }
}
