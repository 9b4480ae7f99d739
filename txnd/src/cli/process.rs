//! Metrics of the process, with the names that Prometheus expects of every program
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>).

use std::fmt;

use procfs::process::{LimitValue, Process};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Reads them from `/proc` when they are asked for. What cannot be read is left out.
#[derive(Debug)]
pub struct ProcessMetrics;

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Ok(process) = Process::myself() else { return Ok(()) };
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        if let Ok(stat) = process.stat() {
            gauge(
                "process_resident_memory",
                "Resident memory",
                Some(&Unit::Bytes),
                (stat.rss * procfs::page_size()) as f64,
            )?;
            gauge("process_virtual_memory", "Virtual memory", Some(&Unit::Bytes), stat.vsize as f64)?;
            gauge("process_threads", "Threads", None, stat.num_threads as f64)?;
            if let Ok(boot) = procfs::boot_time_secs() {
                let started = boot as f64 + stat.starttime as f64 / procfs::ticks_per_second() as f64;
                gauge("process_start_time", "Start of the process, in Unix time", Some(&Unit::Seconds), started)?;
            }
        }
        if let Ok(open) = process.fd_count() {
            gauge("process_open_fds", "Open file descriptors", None, open as f64)?;
        }
        if let Ok(LimitValue::Value(most)) = process.limits().map(|limits| limits.max_open_files.soft_limit) {
            gauge("process_max_fds", "Limit of open file descriptors", None, most as f64)?;
        }
        if let Ok(stat) = process.stat() {
            let seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
            let counter = ConstCounter::new(seconds);
            let help = "Processor time, user and system";
            counter.encode(encoder.encode_descriptor(
                "process_cpu",
                help,
                Some(&Unit::Seconds),
                counter.metric_type(),
            )?)?;
        }
        Ok(())
    }
}
