//! Results for a terminal.

use std::fmt::Write;

use super::Report;
use crate::distribution::Distribution;
use crate::keys::ValueKind;
use crate::load::{Choice, Pace, Plan};

/// A load in one line.
pub(crate) fn load(plan: &Plan) -> String {
    let what = match plan.gets {
        100 => "GET".into(),
        0 => "SET".into(),
        gets => format!("{gets} % GET"),
    };
    let value = match plan.value {
        ValueKind::Int => "int".into(),
        ValueKind::Str => format!("str of {} bytes", plan.value_bytes),
        ValueKind::Map => format!("map of one field with {} bytes", plan.value_bytes),
        ValueKind::Set => format!("set of one member of {} bytes", plan.value_bytes),
    };
    let choice = match plan.choice {
        Choice::Random(Distribution::Uniform) => "uniform",
        Choice::Random(Distribution::Zipf) => "zipf",
        Choice::Each => "each once",
    };
    let pace = match plan.pace {
        Pace::Closed => "closed loop".into(),
        Pace::Open(rate) => format!("open loop, {}/s", count(rate)),
    };
    let (keys, connections, depth, threads) = (count(plan.keys as f64), plan.connections, plan.depth, plan.threads);
    format!(
        "{what}, {keys} keys {choice}, {value}, {connections} connections, depth {depth}, {pace}, {threads} thread(s)"
    )
}

/// A number with a unit: 1.23 M.
pub(crate) fn count(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e4 => format!("{:.1} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// Microseconds with a unit.
pub(crate) fn time(us: f64) -> String {
    match us {
        us if us >= 1e6 => format!("{:.2} s", us / 1e6),
        us if us >= 1e4 => format!("{:.1} ms", us / 1e3),
        us if us >= 1e3 => format!("{:.2} ms", us / 1e3),
        us => format!("{us:.1} us"),
    }
}

/// A run.
pub(crate) fn result(report: &Report) -> String {
    let mut text = String::new();
    for (name, value) in lines(report) {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<12} {value}");
    }
    text
}

/// The results as pairs of name and text; the page has the same pairs.
pub(crate) fn lines(report: &Report) -> Vec<(&'static str, String)> {
    let (figures, latency) = (&report.result, &report.result.latency_us);
    let mut lines = vec![
        ("host", report.host.line()),
        (
            "server",
            report.server.as_ref().map_or_else(|| report.target.clone(), |name| format!("{name} at {}", report.target)),
        ),
        ("load", format!("{}, seed {}", report.load, report.settings.seed)),
    ];
    let interrupted = if figures.interrupted { " (ended early)" } else { "" };
    lines.push((
        "throughput",
        format!("{} responses/s over {:.1} s{interrupted}", count(figures.throughput), figures.seconds),
    ));
    lines.push((
        "latency",
        format!(
            "p50 {}, p90 {}, p99 {}, p99.9 {}, p99.99 {}, max {}",
            time(latency.p50),
            time(latency.p90),
            time(latency.p99),
            time(latency.p999),
            time(latency.p9999),
            time(latency.max)
        ),
    ));
    if let (Some(us), Some(rate), Some(cpu)) =
        (figures.server_us_per_answer, figures.answers_per_cpu_second, figures.server_cpu_seconds)
    {
        let share = 100.0 * cpu / figures.seconds;
        lines.push((
            "server CPU",
            format!("{us:.3} us a response, {} responses per CPU second ({share:.0} % of a core)", count(rate)),
        ));
    }
    lines.push(("load CPU", format!("{:.0} % of a core", 100.0 * figures.load_cores)));
    if let (Some(memory), Some(bytes)) = (report.memory, report.memory_bytes_per_entry) {
        let (before, after) = (memory.before >> 20, memory.after >> 20);
        lines.push(("memory", format!("{bytes:.1} bytes an entry (resident: {before} MiB before, {after} MiB after)")));
    }
    let errors = &figures.errors;
    let misses = if report.settings.preloaded { "misses" } else { "misses (no error: nothing was stored ahead)" };
    lines.push((
        "errors",
        format!(
            "{} refused, {} wrong, {} lost, {} {misses}{}",
            errors.refused,
            errors.wrong,
            errors.lost,
            figures.misses,
            errors.first.as_ref().map_or(String::new(), |first| format!("; the first: {first}"))
        ),
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([count(1_234_567.0), count(12_345.0), count(123.4)], ["1.23 M", "12.3 k", "123"]);
        assert_eq!([time(1.25), time(1250.0), time(12_500.0), time(2e6)], ["1.2 us", "1.25 ms", "12.5 ms", "2.00 s"]);
    }
}
