//! The metrics of the log and of its checkpoints, recorded through the `metrics` crate: without a recorder, nothing happens.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use proto::Lsn;
use txnd::{Checkpoint, Term};

use super::status::LogHealth;

const UP: &str = "kvs_log_up";
const EPOCH: &str = "kvs_log_epoch";
const LAST_LSN: &str = "kvs_log_last_lsn";
const DURABLE_LSN: &str = "kvs_log_durable_lsn";
const PENDING: &str = "kvs_log_pending_bytes";
const RECOVERED: &str = "kvs_recovery_records";
const RECOVERY: &str = "kvs_recovery_duration_seconds";
const CHECKPOINTS: &str = "kvs_checkpoints_total";
const BASE: &str = "kvs_checkpoint_base_lsn";
const ENTRIES: &str = "kvs_checkpoint_entries";
const BYTES: &str = "kvs_checkpoint_bytes";
const BEGUN: &str = "kvs_checkpoint_begun_timestamp_seconds";
const DURATION: &str = "kvs_checkpoint_duration_seconds";
const DUE: &str = "kvs_checkpoint_due_bytes";

/// Describes all of them to the recorder. Call it once the recorder is installed.
pub fn describe() {
    describe_gauge!(UP, "1 if the log accepts records, 0 if it is down, has failed or belongs to another kvs");
    describe_gauge!(EPOCH, "Epoch of this kvs's term as the writer of the log");
    describe_gauge!(LAST_LSN, "Lsn of the last record that was handed to the log");
    describe_gauge!(DURABLE_LSN, "Everything up to this lsn is durable");
    describe_gauge!(PENDING, Unit::Bytes, "Records that are not durable yet");
    describe_gauge!(RECOVERED, "Records that the last start has replayed");
    describe_gauge!(RECOVERY, Unit::Seconds, "Time that the last start has taken to rebuild the state");
    describe_counter!(CHECKPOINTS, "Checkpoints that were begun, by outcome: written, failed");
    describe_gauge!(BASE, "Lsn up to which the latest checkpoint covers the log");
    describe_gauge!(ENTRIES, "Entries in the latest checkpoint");
    describe_gauge!(BYTES, Unit::Bytes, "Size of the latest checkpoint");
    describe_gauge!(BEGUN, Unit::Seconds, "When the latest checkpoint was begun, in Unix time");
    describe_gauge!(DURATION, Unit::Seconds, "Time that the latest checkpoint has taken to be written");
    describe_gauge!(DUE, Unit::Bytes, "Log that is still to be written before the next checkpoint is due");
}

/// The state was rebuilt, with `records` replayed after a checkpoint, and the term can go on.
pub(super) fn recovered(term: &Term, records: u64, took: Duration, checkpoint: Option<&Checkpoint>) {
    health(LogHealth::Up);
    gauge!(EPOCH).set(term.epoch as f64);
    gauge!(LAST_LSN).set(term.chain.lsn as f64);
    durable(term.chain.lsn);
    gauge!(RECOVERED).set(records as f64);
    gauge!(RECOVERY).set(took.as_secs_f64());
    checkpoint.into_iter().for_each(latest_checkpoint);
}

pub(super) fn health(health: LogHealth) {
    gauge!(UP).set(if health == LogHealth::Up { 1.0 } else { 0.0 });
}

/// What the log was given, and what of it waits. `due` is the log until the next checkpoint.
pub(super) fn shipped(last: Lsn, pending: usize, due: Option<u64>) {
    gauge!(LAST_LSN).set(last as f64);
    gauge!(PENDING).set(pending as f64);
    if let Some(due) = due {
        gauge!(DUE).set(due as f64);
    }
}

pub(super) fn durable(lsn: Lsn) {
    gauge!(DURABLE_LSN).set(lsn as f64);
}

pub(super) fn checkpoint_written(checkpoint: &Checkpoint, took: Duration) {
    counter!(CHECKPOINTS, "outcome" => "written").increment(1);
    gauge!(DURATION).set(took.as_secs_f64());
    latest_checkpoint(checkpoint);
}

pub(super) fn checkpoint_failed() {
    counter!(CHECKPOINTS, "outcome" => "failed").increment(1);
}

fn latest_checkpoint(&Checkpoint { base, entries, bytes, at, .. }: &Checkpoint) {
    gauge!(BASE).set(base as f64);
    gauge!(ENTRIES).set(entries as f64);
    gauge!(BYTES).set(bytes as f64);
    gauge!(BEGUN).set(at as f64 / 1e6);
}
