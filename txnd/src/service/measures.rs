//! The metrics of the service, recorded through the `metrics` crate.

use std::time::Instant;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use proto::{Batch, Epoch, Lsn};

const BATCHES: &str = "txnd_batches_received_total";
const RECORDS: &str = "txnd_records_received_total";
const BYTES: &str = "txnd_received_bytes_total";
const DURABLE_LSN: &str = "txnd_durable_lsn";
const EPOCH: &str = "txnd_epoch";
const GROUP: &str = "txnd_group_batches";
const LATENCY: &str = "txnd_received_to_durable_seconds";
const ERRORS: &str = "txnd_sink_errors_total";

/// Describes every metric to the recorder that is installed.
pub fn describe() {
    describe_counter!(BATCHES, "Batches received, repeats included");
    describe_counter!(RECORDS, "Records in the batches received");
    describe_counter!(BYTES, Unit::Bytes, "Bytes of the batches received");
    describe_gauge!(DURABLE_LSN, "Everything up to this lsn is durable");
    describe_gauge!(EPOCH, "Epoch of the current term");
    describe_histogram!(GROUP, "Batches that became durable together");
    describe_histogram!(LATENCY, Unit::Seconds, "Time from the receipt of a batch until it is durable");
    describe_counter!(ERRORS, "Calls of the sink that failed");
}

pub(super) fn received(batch: &Batch) {
    counter!(BATCHES).increment(1);
    counter!(RECORDS).increment(u64::from(batch.count()));
    counter!(BYTES).increment(batch.as_bytes().len() as u64);
}

/// A batch that was received at `received` is durable now.
pub(super) fn became_durable(received: Instant) {
    histogram!(LATENCY).record(received.elapsed().as_secs_f64());
}

pub(super) fn durable(lsn: Lsn, group_batches: usize) {
    gauge!(DURABLE_LSN).set(lsn as f64);
    if group_batches > 0 {
        histogram!(GROUP).record(group_batches as f64);
    }
}

pub(super) fn term(epoch: Epoch) {
    gauge!(EPOCH).set(epoch as f64);
}

pub(super) fn sink_error() {
    counter!(ERRORS).increment(1);
}
