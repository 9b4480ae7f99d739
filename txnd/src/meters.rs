//! What the txnd program counts, for the whole process, and the metrics that only txnd has: name, unit and meaning. Those
//! that kvs has, too, are in `cli/figures.rs`.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use proto::{Batch, Epoch, Lsn};

use crate::cli::figures::{self, Connections, Log};
use crate::cli::sheet::Sheet;

/// Upper bounds of the buckets of handshakes, in seconds: from a local handshake to a disk in trouble.
const TIMES: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Upper bounds of the buckets of groups, in batches.
const GROUPS: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// A counter for each value of a label.
type ByLabel = Family<[(&'static str, &'static str); 1], Counter>;

struct Meters {
    open: Gauge,
    accepted: Counter,
    refused: ByLabel,
    handshake: Histogram,
    expiry: Gauge,
    reloads: ByLabel,
    batches: Counter,
    records: Counter,
    bytes: Counter,
    written: Mutex<Written>,
    group: Histogram,
    latency: Histogram,
    errors: Counter,
}

/// How far the log is.
#[derive(Clone, Copy, Debug, Default)]
struct Written {
    epoch: Epoch,
    durable: Lsn,
    waiting: Waiting,
}

/// What was appended to the log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waiting {
    /// The last record of it.
    pub(crate) last: Lsn,
    /// Bytes that are not durable yet.
    pub(crate) bytes: usize,
    /// When the oldest batch of these was received.
    pub(crate) since: Option<Instant>,
}

/// Counters that are shown from the beginning.
fn at_zero<const N: usize>(label: &'static str, values: [&'static str; N]) -> ByLabel {
    let counters = ByLabel::default();
    for value in values {
        drop(counters.get_or_create(&[(label, value)]));
    }
    counters
}

static METERS: LazyLock<Meters> = LazyLock::new(|| Meters {
    open: Gauge::default(),
    accepted: Counter::default(),
    refused: ByLabel::default(),
    handshake: Histogram::new(TIMES),
    expiry: Gauge::default(),
    reloads: at_zero("outcome", ["replaced", "rejected"]),
    batches: Counter::default(),
    records: Counter::default(),
    bytes: Counter::default(),
    written: Mutex::default(),
    group: Histogram::new(GROUPS),
    latency: Histogram::new(figures::bounds()),
    errors: Counter::default(),
});

/// Adds those that only txnd has to a registry.
pub(crate) fn register(registry: &mut Registry) {
    let it = &*METERS;
    registry.register("txnd_refused_connections", "Connections that were refused, by reason", it.refused.clone());
    let help = "Time of a successful TLS handshake";
    registry.register_with_unit("txnd_handshake", help, Unit::Seconds, it.handshake.clone());
    let help = "When the server's certificate expires, in Unix time";
    registry.register_with_unit("txnd_certificate_expiry_timestamp", help, Unit::Seconds, it.expiry.clone());
    let help = "Changes of the certificate files, by outcome: replaced, rejected";
    registry.register("txnd_certificate_reloads", help, it.reloads.clone());
    registry.register("txnd_batches_received", "Batches received, repeats included", it.batches.clone());
    registry.register("txnd_records_received", "Records in the batches received", it.records.clone());
    let help = "Bytes of the batches received";
    registry.register_with_unit("txnd_received", help, Unit::Bytes, it.bytes.clone());
    registry.register("txnd_group_batches", "Batches that became durable together", it.group.clone());
    registry.register("txnd_sink_errors", "Calls of the sink that failed", it.errors.clone());
}

/// The log, which is up or not.
pub(crate) fn log(is_up: bool) -> Log {
    let Written { epoch, durable, waiting } = *METERS.written.lock();
    let lag = waiting.since.map_or(Duration::ZERO, |since| since.elapsed());
    Log { is_up, epoch, last: waiting.last, durable, pending_bytes: waiting.bytes as u64, lag }
}

/// Writes the times from receiving batches to their durability.
pub(crate) fn durable_after(sheet: &mut Sheet<'_>) -> fmt::Result {
    figures::durable_after_of(sheet, &METERS.latency)
}

pub(crate) fn connections() -> Connections {
    Connections { protocol: "grpc", open: METERS.open.get().max(0) as u64, accepted: METERS.accepted.get() }
}

pub(crate) fn connection_opened() {
    METERS.accepted.inc();
    METERS.open.inc();
}

pub(crate) fn connection_closed() {
    METERS.open.dec();
}

pub(crate) fn connection_refused(reason: &'static str) {
    METERS.refused.get_or_create(&[("reason", reason)]).inc();
}

pub(crate) fn handshake(time: Duration) {
    METERS.handshake.observe(time.as_secs_f64());
}

pub(crate) fn certificate_expires(at: SystemTime) {
    METERS.expiry.set(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as i64);
}

pub(crate) fn certificates_replaced() {
    METERS.reloads.get_or_create(&[("outcome", "replaced")]).inc();
}

pub(crate) fn certificates_rejected() {
    METERS.reloads.get_or_create(&[("outcome", "rejected")]).inc();
}

pub(crate) fn received(batch: &Batch) {
    METERS.batches.inc();
    METERS.records.inc_by(u64::from(batch.count()));
    METERS.bytes.inc_by(batch.as_bytes().len() as u64);
}

/// A batch that was received at `received` is durable now.
pub(crate) fn became_durable(received: Instant) {
    METERS.latency.observe(received.elapsed().as_secs_f64());
}

pub(crate) fn durable(lsn: Lsn, group_batches: usize) {
    METERS.written.lock().durable = lsn;
    if group_batches > 0 {
        METERS.group.observe(group_batches as f64);
    }
}

pub(crate) fn term(epoch: Epoch) {
    METERS.written.lock().epoch = epoch;
}

/// What was appended has changed, or what of it is durable.
pub(crate) fn waiting(waiting: Waiting) {
    METERS.written.lock().waiting = waiting;
}

pub(crate) fn sink_error() {
    METERS.errors.inc();
}
