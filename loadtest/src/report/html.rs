//! A self-contained page without external script, font or picture. It follows the reader's choice of dark or light.

use std::fmt::Write;

use super::chart::{Chart, Curve};
use super::{Report, text};

const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8884; --a: #1f6feb; --b: #c2410c; --c: #6b7280; --good: #15803d; --bad: #b91c1c }
@media (prefers-color-scheme: dark) { :root { --a: #79b8ff; --b: #fb923c; --c: #9ca3af; --good: #4ade80; --bad: #f87171 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.wide { overflow-x: auto }
table { border-collapse: collapse } td, th { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.figure { font-variant-numeric: tabular-nums; white-space: nowrap }
.reached { color: var(--good) } .missed { color: var(--bad); font-weight: 600 }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif } svg text { fill: currentColor }
.grid { stroke: var(--line); stroke-width: 1 } .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round }
.a { stroke: var(--a) } .b { stroke: var(--b) } .c { stroke: var(--c) }
footer { margin-top: 2rem; color: var(--c) }
";

/// One run.
pub(crate) fn run(report: &Report) -> String {
    let mut body = String::from("<table>\n");
    for (name, value) in text::lines(report) {
        let _ = writeln!(body, "<tr><th>{}</th><td>{}</td></tr>", escape(name), escape(&value));
    }
    body.push_str("</table>\n");
    let timeline = |figure: fn(&crate::load::Point) -> f64| report.timeline.iter().map(|p| (p.at, figure(p))).collect();
    let latencies = Chart {
        title: "Latency by percentile",
        x: &|nines| percentile(nines),
        y: &text::time,
        x_ticks: Some((0..=5).map(f64::from).collect()),
        logarithmic: true,
        curves: vec![Curve { name: "latency", class: "a", points: by_nines(&report.percentiles) }],
    };
    let throughput = Chart {
        title: "Responses a second over time",
        x: &|seconds| format!("{seconds:.1} s"),
        y: &text::count,
        x_ticks: None,
        logarithmic: false,
        curves: vec![Curve { name: "responses a second", class: "a", points: timeline(|p| p.rate) }],
    };
    let over_time = Chart {
        title: "Latency over time",
        x: &|seconds| format!("{seconds:.1} s"),
        y: &text::time,
        x_ticks: None,
        logarithmic: true,
        curves: vec![
            Curve { name: "p50", class: "a", points: timeline(|p| p.p50) },
            Curve { name: "p99", class: "b", points: timeline(|p| p.p99) },
            Curve { name: "max", class: "c", points: timeline(|p| p.max) },
        ],
    };
    for chart in [latencies, throughput, over_time] {
        let _ = writeln!(body, "<h2>{}</h2>\n{}", chart.title, chart.svg());
    }
    page("KVS load test", &report.target, &body, &report.at)
}

/// Quantiles as the number of their nines: 0.9 is 1, 0.99 is 2. Rare latencies get as much room as common ones.
fn by_nines(percentiles: &[(f64, f64)]) -> Vec<(f64, f64)> {
    const MOST: f64 = 5.0;
    let nines = |quantile: f64| -(1.0 - quantile).log10();
    percentiles.iter().map(|(quantile, us)| (nines(*quantile), *us)).filter(|(nines, _)| *nines <= MOST).collect()
}

fn percentile(nines: f64) -> String {
    match nines.round() as i32 {
        0 => "p0".into(),
        1 => "p90".into(),
        2 => "p99".into(),
        more => format!("p99.{}", "9".repeat(more as usize - 2)),
    }
}

/// A page with this title and body.
pub(crate) fn page(title: &str, subject: &str, body: &str, at: &str) -> String {
    let (version, subject) = (env!("CARGO_PKG_VERSION"), escape(subject));
    format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n<h1>{title} {subject}</h1>\n{body}\
         <footer>loadtest {version}, {at}</footer>\n</html>\n"
    )
}

/// Escapes a text for HTML and XML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_their_nines() {
        let points = by_nines(&[(0.0, 1.0), (0.9, 2.0), (0.99, 3.0), (1.0, 4.0)]);
        assert_eq!(points.len(), 3, "1.0 is infinitely far away");
        assert!((points[1].0 - 1.0).abs() < 1e-9 && (points[2].0 - 2.0).abs() < 1e-9);
        assert_eq!([percentile(0.0), percentile(2.0), percentile(4.0)], ["p0", "p99", "p99.99"]);
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
    }
}
