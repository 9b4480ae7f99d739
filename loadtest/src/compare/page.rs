//! The results of a comparison as HTML.

use std::fmt::Write;

use super::results::{Comparison, Row};
use super::table;
use crate::report::html::{self, escape};

/// The page.
pub(crate) fn page(comparison: &Comparison) -> String {
    let mut body = format!(
        "<p>{}<br>{}<br>{}; {} round(s) of {} s each, seed {}</p>\n\
         <p>Responses for each second of the server's CPU time, all its processes counted, or bytes of resident memory an entry. \
         Median, and least to most, of all rounds.</p>\n",
        escape(&comparison.host.line()),
        escape(&comparison.versions.join(", ")),
        escape(&comparison.cores),
        comparison.rounds,
        comparison.seconds,
        comparison.seed
    );
    let classed = |row: &Row| match row.reached {
        Some(true) => "reached",
        Some(false) => "missed",
        None => "",
    };
    write_table(&mut body, table::COLUMNS, comparison.rows.iter().map(|row| (table::columns(row), classed(row))));
    let latencies: Vec<_> = comparison.rows.iter().filter_map(table::latencies).collect();
    if !latencies.is_empty() {
        body.push_str("<h2>Latency in an open loop at half of the slower one's maximum</h2>\n");
        write_table(&mut body, table::LATENCY_COLUMNS, latencies.into_iter().map(|row| (row, "")));
    }
    html::page("KVS beside its peers", "", &body, &comparison.at)
}

/// Writes a table: a head, and rows with a class each.
fn write_table<'c, const N: usize>(
    body: &mut String,
    head: [&str; N],
    rows: impl Iterator<Item = ([String; N], &'c str)>,
) {
    body.push_str("<div class=wide><table>\n<tr>");
    for name in head {
        let _ = write!(body, "<th>{}</th>", escape(name));
    }
    body.push_str("</tr>\n");
    for (row, class) in rows {
        body.push_str("<tr>");
        for (n, cell) in row.iter().enumerate() {
            // The colour belongs to the verdict, not to the figures.
            let class = if n < 4 { "" } else { class };
            let _ = write!(body, "<td class=\"figure {class}\">{}</td>", escape(cell));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</table></div>\n");
}
