//! The results of a comparison as text.

use super::cells::Measure;
use super::ratio::Spread;
use super::results::{Comparison, Row, Side};
use crate::report::text::count;

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
        (None, Some(false)) => "MISSED".into(),
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
    let head = COLUMNS.map(String::from);
    let rows: Vec<[String; 7]> = std::iter::once(head).chain(comparison.rows.iter().map(columns)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let mut text = format!("{}\n", comparison.versions.join(", "));
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    let with_goals = comparison.rows.iter().filter(|row| row.cell.goal.is_some()).count();
    let reached = comparison.rows.iter().filter(|row| row.reached == Some(true)).count();
    text.push_str(&format!("{reached} of {with_goals} goals reached\n"));
    text
}
