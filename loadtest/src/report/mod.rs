//! Results as text, JSON and HTML.
//!
//! ```text
//!   mod.rs     the report, in the form of the JSON
//!   text.rs    for a terminal
//!   html.rs    a self-contained page
//!   chart.rs   curves as SVG
//!   bar.rs     progress while a load runs
//! ```

pub(crate) mod bar;
pub(crate) mod chart;
pub(crate) mod html;
pub(crate) mod text;

use std::path::Path;
use std::time::SystemTime;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::load::{Errors, Measured, Pace, Plan, Point};

/// Latencies in microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) struct Latency {
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    #[serde(rename = "p99.9")]
    pub(crate) p999: f64,
    #[serde(rename = "p99.99")]
    pub(crate) p9999: f64,
    pub(crate) max: f64,
}

impl Latency {
    fn of(latencies: &Histogram<u64>) -> Self {
        let us = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
        Self {
            mean: latencies.mean() / 1e3,
            p50: us(0.5),
            p90: us(0.9),
            p99: us(0.99),
            p999: us(0.999),
            p9999: us(0.9999),
            max: latencies.max() as f64 / 1e3,
        }
    }
}

/// The results of one measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Its length.
    pub(crate) seconds: f64,
    /// Correct responses.
    pub(crate) answers: u64,
    /// Responses per second.
    pub(crate) throughput: f64,
    /// In microseconds.
    pub(crate) latency_us: Latency,
    /// CPU time of the server's processes, user and system, in seconds.
    pub(crate) server_cpu_seconds: Option<f64>,
    /// Server CPU time per response, in microseconds.
    pub(crate) server_us_per_answer: Option<f64>,
    /// Responses per second of server CPU time.
    pub(crate) answers_per_cpu_second: Option<f64>,
    /// CPU time of the load, in cores.
    pub(crate) load_cores: f64,
    /// Requests that failed.
    pub(crate) errors: Errors,
    /// Reads of entries that did not exist; errors if all were stored before.
    pub(crate) misses: u64,
    /// Connections that were reopened.
    pub(crate) reconnects: u64,
    /// Whether it was ended early.
    pub(crate) interrupted: bool,
}

impl Figures {
    /// The figures of a measurement.
    pub(crate) fn of(measured: &Measured) -> Self {
        let tally = &measured.tally;
        let per_cpu_second = measured.per_cpu_second();
        Self {
            seconds: measured.seconds,
            answers: tally.answers(),
            throughput: measured.throughput(),
            latency_us: Latency::of(&tally.latencies),
            server_cpu_seconds: measured.server_cpu,
            server_us_per_answer: per_cpu_second.filter(|rate| *rate > 0.0).map(|rate| 1e6 / rate),
            answers_per_cpu_second: per_cpu_second,
            load_cores: measured.load_cpu / measured.seconds,
            errors: tally.errors.clone(),
            misses: tally.misses,
            reconnects: tally.reconnects,
            interrupted: measured.interrupted,
        }
    }
}

/// Resident memory of the server before and after entries were stored, in bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    #[allow(missing_docs)]
    pub(crate) before: u64,
    #[allow(missing_docs)]
    pub(crate) after: u64,
    /// How many were stored.
    pub(crate) entries: u64,
}

impl Memory {
    /// Growth per entry, in bytes.
    pub(crate) fn per_entry(self) -> f64 {
        self.after.saturating_sub(self.before) as f64 / self.entries as f64
    }
}

/// Settings of a run.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub(crate) struct Settings {
    pub(crate) keys: u64,
    pub(crate) key_bytes: usize,
    pub(crate) choice: crate::load::Choice,
    pub(crate) get_percent: u8,
    pub(crate) value: crate::keys::ValueKind,
    pub(crate) value_bytes: usize,
    pub(crate) durable: bool,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) depth: usize,
    pub(crate) pace: Pace,
    pub(crate) warmup_seconds: f64,
    pub(crate) duration_seconds: f64,
    pub(crate) seed: u64,
    pub(crate) load_cores: Vec<usize>,
    pub(crate) preloaded: bool,
}

/// A run with everything needed to repeat it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Version of this program.
    pub(crate) loadtest: &'static str,
    /// When it ended, UTC.
    pub(crate) at: String,
    /// The machine.
    pub(crate) host: Host,
    /// What was measured.
    pub(crate) target: String,
    /// The server's name and version, if the harness started it.
    pub(crate) server: Option<String>,
    #[allow(missing_docs)]
    pub(crate) settings: Settings,
    #[allow(missing_docs)]
    pub(crate) result: Figures,
    #[allow(missing_docs)]
    pub(crate) memory: Option<Memory>,
    /// Growth of the resident memory per entry, in bytes.
    pub(crate) memory_bytes_per_entry: Option<f64>,
    /// Pairs of quantile and latency in microseconds.
    pub(crate) percentiles: Vec<(f64, f64)>,
    /// The run in spans.
    pub(crate) timeline: Vec<Point>,
    /// The load in one line.
    #[serde(skip)]
    pub(crate) load: String,
}

impl Report {
    /// The report of one run.
    pub(crate) fn new(
        plan: &Plan,
        load: String,
        measured: Measured,
        memory: Option<Memory>,
        host: Host,
        server: Option<String>,
        preloaded: bool,
    ) -> Self {
        Self {
            loadtest: env!("CARGO_PKG_VERSION"),
            at: now(),
            host,
            target: plan.target.to_string(),
            server,
            settings: Settings {
                keys: plan.keys,
                key_bytes: crate::keys::KEY_BYTES,
                choice: plan.choice,
                get_percent: plan.gets,
                value: plan.value,
                value_bytes: plan.value_bytes,
                durable: plan.durable,
                connections: plan.connections,
                threads: plan.threads,
                depth: plan.depth,
                pace: plan.pace,
                warmup_seconds: plan.warmup.as_secs_f64(),
                duration_seconds: plan.duration.as_secs_f64(),
                seed: plan.seed,
                load_cores: plan.cores.clone(),
                preloaded,
            },
            result: Figures::of(&measured),
            memory,
            memory_bytes_per_entry: memory.map(Memory::per_entry),
            percentiles: percentiles(&measured.tally.latencies),
            timeline: measured.timeline,
            load,
        }
    }
}

/// The distribution, with more points towards the tail: HdrHistogram's way of halving what remains.
fn percentiles(latencies: &Histogram<u64>) -> Vec<(f64, f64)> {
    const STEPS_PER_HALF: u32 = 5;
    latencies
        .iter_quantiles(STEPS_PER_HALF)
        .map(|step| (step.quantile_iterated_to(), step.value_iterated_to() as f64 / 1e3))
        .collect()
}

/// Now, as text, UTC.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// `value` as JSON, indented.
pub(crate) fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|e| format!("JSON: {e}"))
}

/// Writes a file.
pub(crate) fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}
