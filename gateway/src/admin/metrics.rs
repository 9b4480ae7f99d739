//! Metrics, read from where they are counted when somebody asks. docs/operations.md lists them.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use proto::{OpKind, Refusal, ValueType};

use super::checks::{log_folder, space};
use super::sources::{Serving, Sources};
use crate::lifecycle::Phase;
use crate::log::status::LogHealth;
use crate::meters::{ProtocolMeters, RequestResult, Times};
use crate::protocol::Protocol;

/// Label values: as many as there are names.
type Labels<'l, const N: usize> = [(&'static str, &'l str); N];

/// Writes metrics.
struct Sheet<'e>(DescriptorEncoder<'e>);

impl Sheet<'_> {
    /// A metric with one value.
    fn one(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: f64) -> fmt::Result {
        let gauge = ConstGauge::new(value);
        gauge.encode(self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?)
    }

    /// A counter with one value. Its name gets the ending `_total`.
    fn count(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    /// A metric with labels.
    fn many<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl IntoIterator<Item = (Labels<'l, N>, f64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in values {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Counters with labels. Their name gets the ending `_total`.
    fn counts<'l, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// Histograms of times, each the sum of several.
    fn times<'l, 't, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels<'l, N>, Vec<&'t Times>)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for (labels, times) in values {
            let mut buckets: Vec<(f64, u64)> = Times::bounds().into_iter().map(|bound| (bound, 0)).collect();
            for (bucket, count) in times.iter().flat_map(|times| times.counts().into_iter().enumerate()) {
                buckets[bucket].1 += count;
            }
            let sum = times.iter().map(|times| times.sum_seconds()).sum();
            let count = buckets.iter().map(|(_, count)| count).sum();
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet(encoder);
        let version = [([("version", env!("CARGO_PKG_VERSION"))], 1.0)];
        sheet.many("kvs_build_info", "The version of this kvs", None, version)?;
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
            Some(serving) => serving.encode(&mut sheet),
            None => Ok(()),
        }
    }
}

impl Sources {
    fn of_log(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        if let Some((free, _)) = log_folder(&self.config.log).and_then(space) {
            let help = "Bytes that are free on the disk of a log in files";
            sheet.one("kvs_log_disk_free", help, Some(&Unit::Bytes), free as f64)?;
        }
        let Some(recovery) = self.log.recovery() else { return Ok(()) };
        let records = recovery.records as f64;
        sheet.one("kvs_recovery_records", "Records that the last start has replayed", None, records)?;
        let help = "Time that the last start has taken to rebuild the state";
        sheet.one("kvs_recovery_duration", help, Some(&Unit::Seconds), recovery.took.as_secs_f64())?;
        let epoch = self.log.epoch() as f64;
        sheet.one("kvs_log_epoch", "Epoch of this kvs's term as the writer of the log", None, epoch)?;
        let last = self.log.last_lsn() as f64;
        sheet.one("kvs_log_last_lsn", "Lsn of the last record that was handed to the log", None, last)?;
        let help = "Age of the oldest batch that is not durable yet";
        sheet.one("kvs_log_lag", help, Some(&Unit::Seconds), self.log.lag().as_secs_f64())?;
        let help = "Times that the log was lost and has come back";
        sheet.count("kvs_log_reconnects", help, self.log.reconnects.get())?;
        let help = "From sealing a batch to its durability: the log's share of the time of a durable write";
        sheet.times("kvs_log_durable_after", help, [([], vec![&self.log.durable_after])])
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
    Protocol::ALL.into_iter().map(move |protocol| {
        let sum = serving.shared.meters.iter().map(|worker| value(worker.of(protocol))).fold(0, u64::wrapping_add);
        ([("protocol", protocol.name())], sum)
    })
}

impl Serving {
    fn encode(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        self.of_requests(sheet)?;
        self.of_connections(sheet)?;
        self.of_entries(sheet)?;
        let Some(watch) = &self.shared.log else { return Ok(()) };
        let status = *watch.status().borrow();
        let up = f64::from(u8::from(watch.health(status) == LogHealth::Up));
        let help = "1 if the log accepts records, 0 if it is down, has failed or belongs to another kvs";
        sheet.one("kvs_log_up", help, None, up)?;
        sheet.one("kvs_log_durable_lsn", "Everything up to this lsn is durable", None, status.durable as f64)?;
        let pending = self.buffer.as_ref().map_or(0, |buffer| buffer.pending());
        sheet.one("kvs_log_pending", "Records that are not durable yet", Some(&Unit::Bytes), pending as f64)
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
                let times = self.shared.meters.iter().map(|worker| &worker.of(protocol).times[waited]).collect();
                ([("protocol", protocol.name()), ("waited_for_log", name)], times)
            })
        });
        let help = "From the last byte of a request to its response, without sending it; over frames, of all requests read at once";
        sheet.times("kvs_request_duration", help, times)
    }

    fn of_connections(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let open = by_protocol(self, |meters| meters.open_connections.get());
        let open = open.map(|(labels, count)| (labels, count as f64));
        sheet.many("kvs_connections", "Connections that are open", None, open)?;
        let limit = self.shared.connections.limit() as f64;
        sheet.one("kvs_connections_limit", "Limit of open connections", None, limit)?;
        let accepted = by_protocol(self, |meters| meters.accepted_connections.get());
        sheet.counts("kvs_connections_accepted", "Connections that were accepted", accepted)?;
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
        if let Some(limit) = engine.meter().limit() {
            sheet.one("kvs_memory_limit", "Memory limit of entries", bytes, limit as f64)?;
        }
        let budgets = [("request", &self.shared.request_memory), ("response", &self.shared.response_memory)];
        let used = budgets.map(|(of, budget)| ([("of", of)], budget.used() as f64));
        sheet.many("kvs_transfer_memory", "Memory of large requests and responses", bytes, used)
    }
}
