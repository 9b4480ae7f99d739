//! Metrics, read from where they are counted when somebody asks. docs/operations.md lists them.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;
use proto::{OpKind, Refusal, ValueType};
use txnd::cli::figures::{self, Connections, Log};
use txnd::cli::sheet::{Histogram, Labels, Sheet};

use super::checks::log_folder;
use super::sources::{Serving, Sources};
use crate::access_log::Outcome;
use crate::lifecycle::Phase;
use crate::log::meters::LogMeters;
use crate::log::status::LogHealth;
use crate::meters::{ProtocolMeters, RequestResult, Times};
use crate::protocol::Protocol;

/// The sum of several times.
fn sum_of<'t>(times: impl IntoIterator<Item = &'t Times>) -> Histogram {
    let mut buckets: Vec<(f64, u64)> = figures::bounds().chain([f64::INFINITY]).map(|bound| (bound, 0)).collect();
    let mut sum = 0.0;
    for times in times {
        sum += times.sum_seconds();
        for ((_, count), more) in buckets.iter_mut().zip(times.counts()) {
            *count += more;
        }
    }
    (sum, buckets)
}

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet::new(encoder);
        figures::build_info(&mut sheet, env!("CARGO_PKG_VERSION"))?;
        let serving = u8::from(self.lifecycle.phase() == Phase::Serving);
        sheet.one(
            "kvs_serving",
            "1 while clients are served, 0 while kvs starts or stops",
            None,
            f64::from(serving),
        )?;
        sheet.count("kvs_auth_failures", "Tokens that were wrong, expired or revoked", self.access.failures())?;
        self.of_log(&mut sheet)?;
        self.of_checkpoints(&mut sheet)?;
        match self.serving.get() {
            Some(serving) => serving.encode(&self.log, &mut sheet),
            None => Ok(()),
        }
    }
}

impl Sources {
    fn of_log(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        if let Some(folder) = log_folder(&self.config.log) {
            figures::disk_free(sheet, folder)?;
        }
        let Some(recovery) = self.log.recovery() else { return Ok(()) };
        let records = recovery.records as f64;
        sheet.one("kvs_recovery_records", "Records that the last start has replayed", None, records)?;
        let help = "Time that the last start has taken to rebuild the state";
        sheet.one("kvs_recovery_duration", help, Some(&Unit::Seconds), recovery.took.as_secs_f64())?;
        let help = "Times that the log was lost and has come back";
        sheet.count("kvs_log_reconnects", help, self.log.reconnects.get())?;
        figures::durable_after(sheet, sum_of([&self.log.durable_after]))
    }

    fn of_checkpoints(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        if self.log.recovery().is_none() {
            return Ok(());
        }
        let outcomes = [
            ([("outcome", "written")], self.log.checkpoints_written.get()),
            ([("outcome", "failed")], self.log.checkpoints_failed.get()),
        ];
        sheet.counts("kvs_checkpoints", "Checkpoints that were begun, by outcome", outcomes)?;
        if let Some(due) = self.log.due() {
            let help = "Log that is still to come before the next checkpoint is due";
            sheet.one("kvs_checkpoint_due", help, Some(&Unit::Bytes), due as f64)?;
        }
        let Some(latest) = self.log.latest_checkpoint() else { return Ok(()) };
        let checkpoint = latest.checkpoint;
        let help = "Lsn up to which the latest checkpoint covers the log";
        sheet.one("kvs_checkpoint_base_lsn", help, None, checkpoint.base as f64)?;
        sheet.one("kvs_checkpoint_entries", "Entries in the latest checkpoint", None, checkpoint.entries as f64)?;
        let (bytes, seconds) = (Some(&Unit::Bytes), Some(&Unit::Seconds));
        sheet.one("kvs_checkpoint", "Size of the latest checkpoint", bytes, checkpoint.bytes as f64)?;
        let help = "When the latest checkpoint was begun, in Unix time";
        sheet.one("kvs_checkpoint_begun_timestamp", help, seconds, checkpoint.at as f64 / 1e6)?;
        match latest.took {
            None => Ok(()),
            Some(took) => {
                let help = "Time that the latest checkpoint has taken to be written";
                sheet.one("kvs_checkpoint_duration", help, seconds, took.as_secs_f64())
            }
        }
    }
}

/// A label for each protocol, with the sum over all workers.
fn by_protocol(
    serving: &Serving,
    value: impl Fn(&ProtocolMeters) -> u64,
) -> impl Iterator<Item = (Labels<'static, 1>, u64)> {
    Protocol::ALL.into_iter().map(move |protocol| ([("protocol", protocol.name())], serving.sum(protocol, &value)))
}

impl Serving {
    fn encode(&self, log: &LogMeters, sheet: &mut Sheet<'_>) -> fmt::Result {
        self.of_requests(sheet)?;
        self.of_access_log(sheet)?;
        self.of_connections(sheet)?;
        self.of_entries(sheet)?;
        let Some(watch) = &self.shared.log else { return Ok(()) };
        let status = *watch.status().borrow();
        let figures = Log {
            is_up: watch.health(status) == LogHealth::Up,
            epoch: log.epoch(),
            last: log.last_lsn(),
            durable: status.durable,
            pending_bytes: self.buffer.as_ref().map_or(0, |buffer| buffer.pending()) as u64,
            lag: log.lag(),
        };
        figures.encode(sheet)?;
        self.of_feed(sheet)
    }

    fn of_feed(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let Some(feed) = &self.shared.feed else { return Ok(()) };
        sheet.one("kvs_feed_followers", "Clients that follow the feed", None, feed.tail().followers() as f64)?;
        let help = "Memory of what has become durable lately, for those who follow";
        sheet.one("kvs_feed_memory", help, Some(&Unit::Bytes), feed.tail().bytes() as f64)?;
        sheet.count("kvs_feed_changes", "Changes that were told to those who follow", feed.told())?;
        let help = "Portions of the log that were read for those who follow and are behind";
        sheet.count("kvs_feed_portions", help, feed.portions())
    }

    /// The sum over all workers.
    fn sum(&self, protocol: Protocol, value: impl Fn(&ProtocolMeters) -> u64) -> u64 {
        self.shared.meters.iter().map(|worker| value(worker.of(protocol))).fold(0, u64::wrapping_add)
    }

    fn of_access_log(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let Some(access_log) = &self.shared.access_log else { return Ok(()) };
        let lines = Outcome::ALL.map(|outcome| ([("outcome", outcome.name())], access_log.lines(outcome)));
        sheet.counts("kvs_access_log_lines", "Lines of the access log, by outcome: written, dropped, failed", lines)
    }

    fn of_requests(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let types = || ValueType::ALL.into_iter().map(Some).chain([None]);
        let mut requests = Vec::new();
        for protocol in Protocol::ALL {
            for kind in OpKind::ALL {
                for (ty, result) in types().flat_map(|ty| RequestResult::ALL.map(|result| (ty, result))) {
                    let counts = self.shared.meters.iter().map(|worker| worker.of(protocol).requests(kind, ty, result));
                    let labels = [
                        ("protocol", protocol.name()),
                        ("operation", kind.name()),
                        ("type", ty.map_or("all", ValueType::name)),
                        ("result", result.name()),
                    ];
                    requests.push((labels, counts.sum::<u64>()));
                }
            }
        }
        // Most combinations do not exist.
        requests.retain(|(_, count)| *count > 0);
        sheet.counts(
            "kvs_requests",
            "Operations, by result: ok, missing (no such entry or field), refused",
            requests,
        )?;
        let mut refusals = Vec::new();
        for protocol in Protocol::ALL {
            let mut sums = [0; Refusal::REASONS.len()];
            for worker in &self.shared.meters {
                sums.iter_mut().zip(worker.of(protocol).refusals()).for_each(|(sum, count)| *sum += count);
            }
            let labelled = Refusal::REASONS.into_iter().zip(sums);
            refusals.extend(labelled.map(|(reason, sum)| ([("protocol", protocol.name()), ("reason", reason)], sum)));
        }
        sheet.counts("kvs_refusals", "Requests that were refused, by reason", refusals)?;
        let times = Protocol::ALL.into_iter().flat_map(|protocol| {
            ["no", "yes"].into_iter().enumerate().map(move |(waited, name)| {
                let times = self.shared.meters.iter().map(|worker| &worker.of(protocol).times[waited]);
                ([("protocol", protocol.name()), ("waited_for_log", name)], sum_of(times))
            })
        });
        let help = "From the last byte of a request to its response, without sending it; over frames, of all requests read at once";
        sheet.times("kvs_request_duration", help, times)
    }

    fn of_connections(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let of = Protocol::ALL.map(|protocol| Connections {
            protocol: protocol.name(),
            open: self.sum(protocol, |meters| meters.open_connections.get()),
            accepted: self.sum(protocol, |meters| meters.accepted_connections.get()),
        });
        figures::connections(sheet, &of, self.shared.connections.limit())?;
        let rejected = by_protocol(self, |meters| meters.rejected_connections.get());
        sheet.counts("kvs_connections_rejected", "Connections that were one too many", rejected)?;
        let failed = by_protocol(self, |meters| meters.failed_handshakes.get());
        sheet.counts("kvs_tls_handshakes_failed", "TLS handshakes that have failed", failed)
    }

    fn of_entries(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let engine = &self.shared.engine;
        let usage = ValueType::ALL.into_iter().zip(engine.usage());
        let of = |value: fn(&engine::Usage) -> usize| {
            usage.clone().map(move |(ty, usage)| ([("type", ty.name())], value(&usage) as f64)).collect::<Vec<_>>()
        };
        sheet.many("kvs_entries", "Entries, by value type", None, of(|usage| usage.entries))?;
        let bytes = Some(&Unit::Bytes);
        sheet.many("kvs_memory", "Memory of entries, by value type", bytes, of(|usage| usage.bytes))?;
        sheet.many(
            "kvs_entries_expiring",
            "Entries that will expire, by value type",
            None,
            of(|usage| usage.expiring),
        )?;
        let help = "Entries that were removed because they had expired";
        sheet.count("kvs_entries_expired", help, engine.expired())?;
        let outcomes = engine.outcome_usage();
        sheet.one("kvs_idempotency_keys", "Idempotency keys that are kept", None, outcomes.keys as f64)?;
        let help = "Memory of idempotency keys and their outcomes";
        sheet.one("kvs_idempotency_memory", help, bytes, outcomes.bytes as f64)?;
        let help = "Requests that have got the outcome of an earlier one with the same idempotency key";
        sheet.count("kvs_idempotency_replays", help, outcomes.replays)?;
        let help = "How far kvs's time, which never goes back, is ahead of the machine's clock";
        sheet.one("kvs_clock_ahead", help, Some(&Unit::Seconds), self.shared.clock.ahead().as_secs_f64())?;
        if let Some(limit) = engine.meter().limit() {
            sheet.one("kvs_memory_limit", "Memory limit of entries", bytes, limit as f64)?;
        }
        let budgets = [("request", &self.shared.request_memory), ("response", &self.shared.response_memory)];
        let used = budgets.map(|(of, budget)| ([("of", of)], budget.used() as f64));
        sheet.many("kvs_transfer_memory", "Memory of large requests and responses", bytes, used)
    }
}
