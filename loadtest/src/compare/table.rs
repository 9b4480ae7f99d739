//! The results of a comparison as text.

use super::cells::Measure;
use super::ratio::Spread;
use super::results::{Comparison, Row, Side};
use crate::report::Latency;
use crate::report::text::{count, time};

/// The text before the first cell.
pub(crate) fn head(comparison: &Comparison) -> String {
    format!(
        "{}\n{}; {} round(s) of {} s, seed {}\nFigures: responses for each second of the server's CPU time (all its processes), \
         or bytes an entry; median (least to most)\n\n",
        comparison.host.line(),
        comparison.cores,
        comparison.rounds,
        comparison.seconds,
        comparison.seed
    )
}

fn number(figure: f64, measure: Measure) -> String {
    match measure {
        Measure::PerCpuSecond => count(figure),
        Measure::BytesPerEntry => format!("{figure:.1} B"),
    }
}

/// A side's figure with its spread.
pub(crate) fn side(side: &Side, measure: Measure) -> String {
    side.spread.map_or_else(
        || "-".into(),
        |Spread { median, min, max }| match side.rounds.len() {
            1 => number(median, measure),
            _ => format!("{} ({} to {})", number(median, measure), number(min, measure), number(max, measure)),
        },
    )
}

/// The ratio with its spread.
pub(crate) fn ratio(row: &Row) -> String {
    row.ratio.map_or_else(
        || "-".into(),
        |Spread { median, min, max }| match row.kvs.rounds.len() {
            1 => format!("{median:.2}"),
            _ => format!("{median:.2} ({min:.2} to {max:.2})"),
        },
    )
}

/// Latencies of a side: p50, p99 and p99.9, each the median of all rounds.
fn latency(side: &Side) -> String {
    let quantile = |of: fn(&Latency) -> f64| {
        let rounds: Vec<f64> = side.latencies.iter().map(of).collect();
        Spread::of(&rounds).map_or_else(|| "-".into(), |spread| time(spread.median))
    };
    [quantile(|latency| latency.p50), quantile(|latency| latency.p99), quantile(|latency| latency.p999)].join(", ")
}

/// Names of the columns of latencies.
pub(crate) const LATENCY_COLUMNS: [&str; 5] =
    ["cell", "requests a second", "kvs: p50, p99, p99.9", "peer", "its p50, p99, p99.9"];

/// The latencies of a row, if they were measured.
pub(crate) fn latencies(row: &Row) -> Option<[String; 5]> {
    let rate = count(row.rate?);
    let theirs = if row.peer.latencies.is_empty() { String::new() } else { latency(&row.peer) };
    Some([row.cell.name.clone(), rate, latency(&row.kvs), peer(row).into(), theirs])
}

/// The goal, or nothing.
pub(crate) fn goal(row: &Row) -> String {
    row.cell.goal.map_or_else(String::new, |goal| goal.to_string())
}

/// A one-word comment on a row.
pub(crate) fn verdict(row: &Row) -> String {
    let errors = row.kvs.errors + row.peer.errors;
    match (&row.skipped, row.reached) {
        (Some(why), _) => format!("skipped: {why}"),
        _ if errors > 0 => format!("{errors} ERRORS"),
        (None, Some(true)) => "reached".into(),
        (None, Some(false)) => {
            let missed = row.cell.goal.and_then(|goal| goal.missed_by(row.kvs.spread, row.ratio));
            format!("MISSED by {:.0} %", 100.0 * missed.unwrap_or_default())
        }
        (None, None) => String::new(),
    }
}

/// The name of the peer.
pub(crate) fn peer(row: &Row) -> &'static str {
    row.cell.peer.map_or("", |peer| peer.name())
}

/// Names of the columns.
pub(crate) const COLUMNS: [&str; 7] = ["cell", "kvs", "peer", "its figure", "kvs / peer", "goal", ""];

/// The columns of a row.
pub(crate) fn columns(row: &Row) -> [String; 7] {
    let measure = row.cell.measure;
    [
        row.cell.name.clone(),
        side(&row.kvs, measure),
        peer(row).into(),
        side(&row.peer, measure),
        ratio(row),
        goal(row),
        verdict(row),
    ]
}

/// Prints a row as soon as it is available.
pub(crate) fn line(row: &Row) -> String {
    let [name, kvs, peer, theirs, ratio, goal, verdict] = columns(row);
    let mut line = format!("{name}: kvs {kvs}");
    if !peer.is_empty() {
        line.push_str(&format!(", {peer} {theirs}, ratio {ratio}"));
    }
    if !goal.is_empty() {
        line.push_str(&format!(", goal {goal}"));
    }
    if !verdict.is_empty() {
        line.push_str(&format!(": {verdict}"));
    }
    line
}

/// The whole table, in columns.
pub(crate) fn whole(comparison: &Comparison) -> String {
    let mut text = format!("{}\n", comparison.versions.join(", "));
    text.push_str(&aligned(COLUMNS, comparison.rows.iter().map(columns)));
    let with_goals = comparison.rows.iter().filter(|row| row.cell.goal.is_some()).count();
    let reached = comparison.rows.iter().filter(|row| row.reached == Some(true)).count();
    text.push_str(&format!("{reached} of {with_goals} goals reached\n"));
    let latencies: Vec<_> = comparison.rows.iter().filter_map(latencies).collect();
    if !latencies.is_empty() {
        text.push_str("\nLatency in an open loop at half of the slower one's maximum\n");
        text.push_str(&aligned(LATENCY_COLUMNS, latencies.into_iter()));
    }
    text
}

/// A head and rows, each column as wide as its longest cell.
fn aligned<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(String::from)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
