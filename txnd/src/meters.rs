//! The metrics of the txnd program: name, unit and meaning. Exported over HTTP when the program is asked to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

const OPEN: &str = "txnd_open_connections";
const ACCEPTED: &str = "txnd_accepted_connections_total";
const REFUSED: &str = "txnd_refused_connections_total";
const HANDSHAKE: &str = "txnd_handshake_seconds";
const EXPIRY: &str = "txnd_certificate_expiry_timestamp_seconds";
const RELOADS: &str = "txnd_certificate_reloads_total";

/// Describes all of them to the recorder. Call it once the recorder is installed.
pub fn describe() {
    describe_gauge!(OPEN, Unit::Count, "Connections that are open, after their handshakes");
    describe_counter!(ACCEPTED, Unit::Count, "Connections that were accepted");
    describe_counter!(REFUSED, Unit::Count, "Connections that were refused, by reason");
    describe_histogram!(HANDSHAKE, Unit::Seconds, "Time of a successful TLS handshake");
    describe_gauge!(EXPIRY, Unit::Seconds, "When the server's certificate expires, in Unix time");
    describe_counter!(RELOADS, Unit::Count, "Changes of the certificate files, by outcome: replaced, rejected");
}

pub(crate) fn connection_opened() {
    counter!(ACCEPTED).increment(1);
    gauge!(OPEN).increment(1);
}

pub(crate) fn connection_closed() {
    gauge!(OPEN).decrement(1);
}

pub(crate) fn connection_refused(reason: &'static str) {
    counter!(REFUSED, "reason" => reason).increment(1);
}

pub(crate) fn handshake(time: Duration) {
    histogram!(HANDSHAKE).record(time);
}

pub(crate) fn certificate_expires(at: SystemTime) {
    gauge!(EXPIRY).set(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
}

pub(crate) fn certificates_replaced() {
    counter!(RELOADS, "outcome" => "replaced").increment(1);
}

pub(crate) fn certificates_rejected() {
    counter!(RELOADS, "outcome" => "rejected").increment(1);
}
