//! The results of a comparison as HTML.

use std::fmt::Write;

use super::results::Comparison;
use super::table;
use crate::report::html::{self, escape};

/// The page.
pub(crate) fn page(comparison: &Comparison) -> String {
    let mut body = format!(
        "<p>{}<br>{}<br>{}; {} round(s) of {} s each, seed {}</p>\n\
         <p>Responses for each second of the server's CPU time, all its processes counted, or bytes of resident memory an entry. \
         Median, and least to most, of all rounds.</p>\n<div class=wide><table>\n<tr>",
        escape(&comparison.host.line()),
        escape(&comparison.versions.join(", ")),
        escape(&comparison.cores),
        comparison.rounds,
        comparison.seconds,
        comparison.seed
    );
    for name in table::COLUMNS {
        let _ = write!(body, "<th>{}</th>", escape(name));
    }
    body.push_str("</tr>\n");
    for row in &comparison.rows {
        let class = match row.reached {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "",
        };
        body.push_str("<tr>");
        for (n, cell) in table::columns(row).iter().enumerate() {
            // The colour belongs to the verdict, not to the figures.
            let class = if n < 4 { "" } else { class };
            let _ = write!(body, "<td class=\"figure {class}\">{}</td>", escape(cell));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</table></div>\n");
    let latencies: Vec<_> = comparison.rows.iter().filter_map(table::latencies).collect();
    if !latencies.is_empty() {
        body.push_str(
            "<h2>Latency in an open loop at half of the slower one's maximum</h2>\n<div class=wide><table>\n<tr>",
        );
        for name in table::LATENCY_COLUMNS {
            let _ = write!(body, "<th>{}</th>", escape(name));
        }
        body.push_str("</tr>\n");
        for row in latencies {
            body.push_str("<tr>");
            for cell in row {
                let _ = write!(body, "<td class=figure>{}</td>", escape(&cell));
            }
            body.push_str("</tr>\n");
        }
        body.push_str("</table></div>\n");
    }
    html::page("KVS beside its peers", "", &body, &comparison.at)
}
