//! The metrics that kvs and txnd both have. What is the same has the same name, whichever program tells it; the scrape's job
//! tells them apart. docs/operations.md lists them.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::registry::Unit;
use proto::{Epoch, Lsn};

use super::disk_space;
use super::sheet::{Histogram, Sheet};

/// Upper bound of the first bucket of times, in microseconds. Each of the others is twice the one before.
pub const FIRST_BUCKET_MICROS: u64 = 16;

/// Number of buckets of times; the last one has no upper bound, the one before has 16.8 s.
pub const BUCKETS: usize = 22;

const DURABLE_AFTER: &str = "kvs_log_durable_after";
const DURABLE_AFTER_HELP: &str =
    "From sealing a batch (kvs) or receiving it (txnd) to its durability, with its fdatasync or COMMIT";

/// Upper bounds of the buckets of times in seconds, but for the last.
pub fn bounds() -> impl Iterator<Item = f64> {
    (0..BUCKETS - 1).map(|power| (FIRST_BUCKET_MICROS << power) as f64 / 1e6)
}

/// The log, as the program sees it.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// Whether it accepts records.
    pub is_up: bool,
    /// The writer's term.
    pub epoch: Epoch,
    /// The last record that the log was given.
    pub last: Lsn,
    /// The last record that is durable.
    pub durable: Lsn,
    /// Bytes of the records that are not durable yet.
    pub pending_bytes: u64,
    /// Age of the oldest of them.
    pub lag: Duration,
}

/// Connections of one protocol.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// The protocol's name.
    pub protocol: &'static str,
    /// Those that are open.
    pub open: u64,
    /// Those that were accepted since the start.
    pub accepted: u64,
}

impl Log {
    /// Writes them.
    pub fn encode(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let help = "1 if the log accepts records, 0 if it is down, has failed or belongs to another writer";
        sheet.one("kvs_log_up", help, None, f64::from(u8::from(self.is_up)))?;
        sheet.one("kvs_log_epoch", "Epoch of the term of the log's writer", None, self.epoch as f64)?;
        sheet.one("kvs_log_last_lsn", "Lsn of the last record that the log was given", None, self.last as f64)?;
        sheet.one("kvs_log_durable_lsn", "Everything up to this lsn is durable", None, self.durable as f64)?;
        let (bytes, seconds) = (Some(&Unit::Bytes), Some(&Unit::Seconds));
        sheet.one("kvs_log_pending", "Records that are not durable yet", bytes, self.pending_bytes as f64)?;
        sheet.one("kvs_log_lag", "Age of the oldest batch that is not durable yet", seconds, self.lag.as_secs_f64())
    }
}

/// Writes the program's version.
pub fn build_info(sheet: &mut Sheet<'_>, version: &str) -> fmt::Result {
    sheet.many("kvs_build_info", "The version of this program", None, [([("version", version)], 1.0)])
}

/// Writes the free space on the disk of a log in this folder.
pub fn disk_free(sheet: &mut Sheet<'_>, folder: &Path) -> fmt::Result {
    match disk_space::of(folder) {
        None => Ok(()),
        Some((free, _)) => {
            let help = "Bytes that are free on the disk of a log in files";
            sheet.one("kvs_log_disk_free", help, Some(&Unit::Bytes), free as f64)
        }
    }
}

/// Writes the times from batches to their durability.
pub fn durable_after(sheet: &mut Sheet<'_>, times: Histogram) -> fmt::Result {
    sheet.times(DURABLE_AFTER, DURABLE_AFTER_HELP, [([], times)])
}

/// The same, of a histogram with [`bounds`].
pub fn durable_after_of(sheet: &mut Sheet<'_>, times: &impl EncodeMetric) -> fmt::Result {
    sheet.metric(DURABLE_AFTER, DURABLE_AFTER_HELP, Some(&Unit::Seconds), times)
}

/// Writes the connections of all protocols, and the limit of those that are open.
pub fn connections(sheet: &mut Sheet<'_>, of: &[Connections], limit: usize) -> fmt::Result {
    let labels = |of: &Connections| [("protocol", of.protocol)];
    let open = of.iter().map(|of| (labels(of), of.open as f64));
    sheet.many("kvs_connections", "Connections that are open", None, open)?;
    sheet.one("kvs_connections_limit", "Limit of open connections", None, limit as f64)?;
    let accepted = of.iter().map(|of| (labels(of), of.accepted));
    sheet.counts("kvs_connections_accepted", "Connections that were accepted", accepted)
}
