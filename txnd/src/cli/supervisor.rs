//! What a supervisor is told that speaks systemd's notify protocol (`Type=notify`): that the program serves, how it is,
//! that it lives, and that it stops. Without the environment variable `NOTIFY_SOCKET` nothing is told.
//!
//! A program that is not alive ([`Operated::liveness`]) sends no pings, so that the supervisor's watchdog restarts it.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::operator::Operated;
use super::tracing::Throttle;

/// Longest time between two looks at the program. A watchdog that expects pings more often than every two of them gets them.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Shortest time between two looks, whatever the watchdog expects.
const MIN_LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Time that a start gets, each time that it has made progress, until it has to make progress again.
const START_EXTENSION: Duration = Duration::from_secs(120);

/// Interval between two log lines.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// The program serves.
pub fn ready() {
    report(tell(&[NotifyState::Ready, NotifyState::Status("serving")]));
}

/// The program waits for something at its start.
pub fn starting(status: &str) {
    report(tell(&[NotifyState::Status(status)]));
}

/// The program finishes what it has begun, and ends.
pub fn stopping() {
    report(tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]));
}

/// Tells the supervisor how the program is, as long as it is polled. It runs where the program's signals are received.
pub async fn inform<O: Operated>(operated: Arc<O>) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let watchdog = sd_notify::watchdog_enabled();
    let every = watchdog.map_or(LOOK_INTERVAL, |limit| (limit / 2).clamp(MIN_LOOK_INTERVAL, LOOK_INTERVAL));
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told, mut lines) = (None, Throttle::new(REPORT_INTERVAL));
    loop {
        looks.tick().await;
        let liveness = operated.liveness();
        let status = liveness.as_ref().err().cloned().unwrap_or_else(|| operated.status()).replace('\n', " ");
        let is_new = told.as_ref() != Some(&status);
        let mut news = Vec::new();
        if is_new {
            news.push(NotifyState::Status(&status));
        }
        if is_new && told.is_some() && operated.is_starting() {
            news.push(NotifyState::ExtendTimeoutUsec(START_EXTENSION.as_micros() as u32));
        }
        if watchdog.is_some() && liveness.is_ok() {
            news.push(NotifyState::Watchdog);
        }
        match tell(&news) {
            Ok(()) => told = Some(status),
            failed if lines.pass().is_some() => report(failed),
            Err(_) => {}
        }
    }
}

fn tell(news: &[NotifyState<'_>]) -> std::io::Result<()> {
    if news.is_empty() { Ok(()) } else { sd_notify::notify(news) }
}

fn report(told: std::io::Result<()>) {
    if let Err(e) = told {
        warn!(error = %e, "cannot tell the supervisor at NOTIFY_SOCKET how this program is");
    }
}
