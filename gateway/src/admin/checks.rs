//! Named checks: what is bad makes the server not ready, what is a warning only needs attention soon. And whether it lives.

use std::path::Path;

use txnd::cli::disk_space;
use txnd::cli::operator::{Check, State};
use txnd::config::SinkTarget;

use super::sources::{Serving, Sources};
use crate::config::LogTarget;
use crate::lifecycle::Phase;
use crate::log::status::LogHealth;
use crate::pulse::{Pulse, STUCK_AFTER};

/// A limit counts as nearly reached above this share.
const NEARLY: f64 = 0.9;

/// A disk counts as nearly full with less free than this, in bytes, or than [`LITTLE_SHARE`] of it.
const LITTLE_BYTES: u64 = 1 << 30;

const LITTLE_SHARE: f64 = 0.05;

/// Every check. The first one is there from the beginning, the others once the state is recovered.
pub(super) fn all(sources: &Sources) -> Vec<Check> {
    let mut checks = vec![start(sources)];
    checks.extend(disk(sources));
    if let Some(serving) = sources.serving.get() {
        checks.extend([log(sources, serving), memory(serving), connections(serving)]);
    }
    checks
}

/// How the server is, in a few words: the first thing that is bad. Nothing here asks a disk.
pub(super) fn headline(sources: &Sources) -> String {
    let log = sources.serving.get().map(|serving| log(sources, serving));
    let bad = [Some(start(sources)), log].into_iter().flatten().find(|check| check.state == State::Bad);
    bad.map_or("serving".into(), |Check { name, detail, .. }| format!("{name}: {detail}"))
}

/// Whether every worker that should serve still does. Before and after that, whoever asks has the answer.
pub(super) fn liveness(sources: &Sources) -> Result<(), String> {
    let Some(serving) = sources.serving.get().filter(|_| sources.lifecycle.phase() == Phase::Serving) else {
        return Ok(());
    };
    let mut silent = serving.shared.pulses.iter().map(Pulse::silent_for).enumerate();
    match silent.find(|(_, time)| *time > STUCK_AFTER) {
        Some((number, time)) => Err(format!("worker {number} is stuck: no answer for {} s", time.as_secs())),
        None => Ok(()),
    }
}

fn check(name: &'static str, state: State, detail: impl Into<String>) -> Check {
    Check { name, state, detail: detail.into() }
}

fn start(sources: &Sources) -> Check {
    let (state, detail) = match sources.lifecycle.phase() {
        Phase::Opening => (State::Bad, "starting: opening the log".into()),
        Phase::Recovering => {
            let (done, total) = sources.lifecycle.progress();
            let percent = done * 100 / total.max(1);
            (State::Bad, format!("recovering: {done} of {total} entries or records, {percent} %"))
        }
        Phase::Serving => (State::Good, "serving".into()),
        Phase::Draining => (State::Bad, "draining: the server is stopping".into()),
    };
    check("start", state, detail)
}

fn log(sources: &Sources, serving: &Serving) -> Check {
    let Some(watch) = &serving.shared.log else {
        return check("log", State::Warning, "off: all data is lost when kvs exits");
    };
    let status = *watch.status().borrow();
    let (state, health) = match watch.health(status) {
        LogHealth::Up => (State::Good, "up"),
        LogHealth::Down => (State::Bad, "down, retrying; durable writes are rejected"),
        LogHealth::Failed => (State::Bad, "failed; all writes are rejected until kvs is restarted"),
        LogHealth::Fenced => (State::Bad, "fenced: another kvs has taken it over"),
    };
    let lag = sources.log.lag().as_secs_f64();
    check("log", state, format!("{health}; durable up to lsn {}, {lag:.3} s behind", status.durable))
}

fn memory(serving: &Serving) -> Check {
    let meter = serving.shared.engine.meter();
    match meter.limit() {
        None => check("memory", State::Good, format!("{} bytes of entries, no limit", meter.used())),
        Some(limit) => share("memory", meter.used(), limit, "bytes of entries"),
    }
}

fn connections(serving: &Serving) -> Check {
    let connections = &serving.shared.connections;
    share("connections", connections.admitted(), connections.limit(), "open")
}

/// Something that is used up to a limit.
fn share(name: &'static str, used: usize, limit: usize, what: &str) -> Check {
    let state = if used as f64 > limit as f64 * NEARLY { State::Warning } else { State::Good };
    check(name, state, format!("{used} of {limit} {what}"))
}

/// The disk of a log in files.
fn disk(sources: &Sources) -> Option<Check> {
    let (free, total) = disk_space::of(log_folder(&sources.config.log)?)?;
    let is_little = free < LITTLE_BYTES || (free as f64) < total as f64 * LITTLE_SHARE;
    let state = if is_little { State::Warning } else { State::Good };
    Some(check("disk", state, format!("{free} of {total} bytes are free")))
}

/// The folder of a log in files.
pub(super) fn log_folder(log: &LogTarget) -> Option<&Path> {
    match log {
        LogTarget::LogWriter(SinkTarget::File(folder)) => Some(folder),
        _ => None,
    }
}
