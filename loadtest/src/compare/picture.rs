//! The results of a comparison as a picture: a self-contained SVG without external script, font or style. It follows
//! the reader's choice of dark or light.
//!
//! One bar per row: how many times as much work kvs does with the same CPU time as its peer, or how many times less
//! memory it takes. The axis is logarithmic with base 2, so that twice as much and half as much are equally far from
//! the line. If kvs is behind, the bar has another colour and points to the other side.

use super::cells::Measure;
use super::ratio::Spread;
use super::results::{Comparison, Row};
use crate::report::html::escape;
use crate::report::text::count;
use crate::server::peers::Peer;

const WIDTH: f64 = 840.0;
const MARGIN: f64 = 24.0;
/// Horizontal range of the bars.
const BARS: (f64, f64) = (250.0, 612.0);
/// Right ends of the columns of figures.
const KVS_X: f64 = 722.0;
const PEER_X: f64 = WIDTH - MARGIN;
const ROW: f64 = 17.0;
/// From the top of a row to the baseline of its text.
const TEXT: f64 = 12.5;
const BAR: f64 = 10.0;
const HEADER: f64 = 104.0;
const SECTION: f64 = 33.0;
const FOOTER_LINE: f64 = 15.0;

/// Minimum range of the axis, as powers of two: from half as much to twice as much.
const LEAST_RANGE: (f64, f64) = (-1.0, 1.0);

const STYLE: &str = "\
text { font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }
.card { fill: #ffffff; stroke: #d0d7de }
.title { font-size: 18px; font-weight: 600 }
.section { font-size: 13px; font-weight: 600 }
.soft { fill: #59636e }
.small { font-size: 10.5px; fill: #59636e }
.end { text-anchor: end }
.middle { text-anchor: middle }
.figure { font-variant-numeric: tabular-nums }
.grid { stroke: #d0d7de; stroke-width: 1 }
.even { stroke: #59636e; stroke-width: 1.5 }
.ahead { fill: #2f6fd0 }
.behind { fill: #c2570c }
.spread { stroke: #1f2328; stroke-width: 1; opacity: .6 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.card { fill: #0d1117; stroke: #30363d }
.soft, .small { fill: #9198a1 }
.grid { stroke: #262c34 }
.even { stroke: #9198a1 }
.ahead { fill: #4c8dec }
.behind { fill: #e5823b }
.spread { stroke: #e6edf3 }
}
";

/// Rows that are drawn together.
struct Section<'r> {
    title: String,
    rows: Vec<&'r Row>,
}

/// The picture.
pub(crate) fn svg(comparison: &Comparison) -> String {
    let sections = sections(&comparison.rows);
    let notes = notes(comparison);
    let rows: usize = sections.iter().map(|section| section.rows.len()).sum();
    let plot_bottom = HEADER + SECTION * sections.len() as f64 + ROW * rows as f64;
    let height = plot_bottom + 30.0 + FOOTER_LINE * notes.len() as f64;
    let axis = Axis::of(&comparison.rows);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" aria-label=\"kvs beside its peers\">\n<style>\n{STYLE}</style>\n\
         <rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n",
        WIDTH - 1.0,
        height - 1.0
    );
    let text = |class: &str, x: f64, y: f64, words: &str| {
        format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n", escape(words))
    };
    svg += &text("title", MARGIN, 34.0, "kvs beside its peers");
    svg += &text(
        "soft",
        MARGIN,
        54.0,
        "Requests for each second of the server's CPU time, and memory of an entry: kvs compared with its peer.",
    );
    svg += &text(
        "soft",
        MARGIN,
        70.0,
        "Bars to the right: kvs does more with the same CPU time, or takes less memory. To the left: its peer does.",
    );
    for power in axis.ticks() {
        svg += &text("small middle", axis.x(power), HEADER - 6.0, &tick(power));
    }
    svg += &text("small end", KVS_X, HEADER - 6.0, "kvs");
    svg += &text("small end", PEER_X, HEADER - 6.0, "peer");

    let mut y = HEADER;
    for section in &sections {
        svg += &text("section", MARGIN, y + SECTION - 9.0, &section.title);
        y += SECTION;
        if section.rows.iter().any(|row| row.cell.peer.is_some()) {
            svg += &axis.lines(y - 2.0, y + ROW * section.rows.len() as f64 + 2.0);
        }
        for row in &section.rows {
            let name = &row.cell.name;
            svg += &format!("<g><title>{}</title>\n", escape(name));
            svg += &text("", MARGIN + 10.0, y + TEXT, &label(row));
            svg += &bar(row, &axis, y);
            let figure = |spread: Option<Spread>| spread.map_or("–".into(), |spread| figure(spread.median, row));
            svg += &text("end figure", KVS_X, y + TEXT, &figure(row.kvs.spread));
            svg += &text("end figure soft", PEER_X, y + TEXT, &figure(row.peer.spread));
            svg += "</g>\n";
            y += ROW;
        }
    }
    y += 20.0;
    for note in notes {
        y += FOOTER_LINE;
        svg += &text("small", MARGIN, y - 4.0, &note);
    }
    svg + "</svg>\n"
}

/// The bar of a row, with the spread of the rounds, and the ratio in figures.
fn bar(row: &Row, axis: &Axis, y: f64) -> String {
    let (middle, top) = (y + ROW / 2.0, y + (ROW - BAR) / 2.0);
    let Some(times) = times(row) else {
        let why = match (&row.skipped, row.cell.peer) {
            (Some(why), _) => format!("not measured: {why}"),
            (None, None) => return String::new(),
            (None, Some(_)) => "not measured".into(),
        };
        return format!(
            "<text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
            axis.x(0.0) + 6.0,
            y + TEXT,
            escape(&why)
        );
    };
    let [even, end, from, to] = [1.0, times.median, times.min, times.max].map(|times: f64| axis.x(times.log2()));
    let class = if times.median >= 1.0 { "ahead" } else { "behind" };
    let (left, width) = (even.min(end), (end - even).abs());
    // On the side of the line that has no bar.
    let (text_x, anchor) = if times.median >= 1.0 { (to.max(end) + 6.0, "") } else { (from.min(end) - 6.0, " end") };
    format!(
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"1.5\"/>\n\
         <line class=\"spread\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\n\
         <text class=\"figure{anchor}\" x=\"{text_x:.1}\" y=\"{:.1}\">{:.2}×</text>\n",
        y + TEXT,
        times.median
    )
}

/// How many times better kvs is: as much work, or as little memory.
fn times(row: &Row) -> Option<Spread> {
    let ratio = row.ratio.filter(|ratio| ratio.min > 0.0)?;
    Some(match row.cell.measure {
        Measure::PerCpuSecond => ratio,
        Measure::BytesPerEntry => Spread { median: 1.0 / ratio.median, min: 1.0 / ratio.max, max: 1.0 / ratio.min },
    })
}

fn sections(rows: &[Row]) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for row in rows {
        let title = match (row.cell.measure, row.cell.peer, row.cell.kvs.rest) {
            (Measure::BytesPerEntry, ..) => "Memory of an entry with a key of 16 bytes: less is better".into(),
            (_, None, _) => "kvs alone: two workers, and with a log on disk".into(),
            (_, Some(Peer::Webdis | Peer::Nginx), _) => "REST, one request in flight on a connection".into(),
            (_, Some(peer), false) => format!("Frames beside {}", peer.name()),
            (_, Some(peer), true) => format!("REST beside {}", peer.name()),
        };
        match sections.iter_mut().find(|section| section.title == title) {
            Some(section) => section.rows.push(row),
            None => sections.push(Section { title, rows: vec![row] }),
        }
    }
    sections
}

/// The name of a row within its section.
fn label(row: &Row) -> String {
    let mut label = row.cell.name.as_str();
    for prefix in ["kvs alone: ", "memory of ", "REST "] {
        let within = row.cell.peer.is_some() || prefix == "kvs alone: ";
        label = label.strip_prefix(prefix).filter(|_| within).unwrap_or(label);
    }
    if row.cell.peer.is_some() {
        label = label.strip_prefix("frames ").unwrap_or(label);
    }
    let beside = row.cell.measure == Measure::BytesPerEntry;
    match (row.cell.peer, label.strip_suffix(", memcached")) {
        (Some(Peer::Memcached), Some(label)) if !beside => label.into(),
        (Some(Peer::Valkey), _) if !beside => label.strip_suffix(", Valkey").unwrap_or(label).into(),
        (Some(Peer::Redis), None) if beside => format!("{label}, Redis"),
        _ => label.into(),
    }
}

fn figure(figure: f64, row: &Row) -> String {
    match row.cell.measure {
        Measure::PerCpuSecond => count(figure),
        Measure::BytesPerEntry => format!("{figure:.1} B"),
    }
}

/// What a reader must know to judge the figures.
fn notes(comparison: &Comparison) -> Vec<String> {
    let date = comparison.at.split('T').next().unwrap_or(&comparison.at);
    let mut notes = vec![
        format!(
            "Measured by `loadtest compare` on {date}: the median of {} rounds of {} s, in which kvs and its peer take turns on the same core.",
            comparison.rounds, comparison.seconds
        ),
        "Thin line: least to most of all rounds. Figures: requests for each second of the server's CPU time, or bytes."
            .into(),
        "Ints, 1 M keys, one core, nothing logged, unless the row says otherwise. Depth: requests in flight on a connection."
            .into(),
        format!("{}.", comparison.versions.join(", ")),
        format!("Machine: {}.", comparison.host.line()),
    ];
    if comparison.quick {
        notes.push("A quick look with a tenth of the keys: not a result.".into());
    }
    notes
}

/// The axis, in powers of two.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    /// Covers everything that is drawn, and the figure after the longest bar.
    fn of(rows: &[Row]) -> Self {
        const ROOM: f64 = 0.6;
        let (mut from, mut to) = LEAST_RANGE;
        for times in rows.iter().filter_map(times) {
            from = from.min(times.min.log2() - ROOM);
            to = to.max(times.max.log2() + ROOM);
        }
        Self { from, to }
    }

    fn x(&self, power: f64) -> f64 {
        BARS.0 + (BARS.1 - BARS.0) * (power - self.from) / (self.to - self.from)
    }

    /// The vertical lines at the ticks, from `top` to `bottom`.
    fn lines(&self, top: f64, bottom: f64) -> String {
        let line = |power: f64| {
            let (x, class) = (self.x(power), if power == 0.0 { "even" } else { "grid" });
            format!("<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>\n")
        };
        self.ticks().into_iter().map(line).collect()
    }

    fn ticks(&self) -> Vec<f64> {
        (self.from.ceil() as i32..=self.to.floor() as i32).map(f64::from).collect()
    }
}

fn tick(power: f64) -> String {
    match power {
        0.0 => "equal".into(),
        power if power < 0.0 => format!("1/{}", 2_f64.powf(-power)),
        power => format!("{}×", 2_f64.powf(power)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells;
    use super::super::results::Side;
    use super::*;
    use crate::host::Host;

    fn side(figures: &[f64]) -> Side {
        Side { rounds: figures.to_vec(), spread: Spread::of(figures), ..Side::default() }
    }

    /// Every cell, with results, except some that could not be measured.
    fn comparison() -> Comparison {
        let rows = cells::all().into_iter().enumerate().map(|(n, cell)| {
            let (kvs, peer) = ([100.0 + n as f64, 90.0, 120.0], [60.0, 200.0 / (n + 1) as f64, 50.0]);
            let has_peer = cell.peer.is_some() && n % 7 != 3;
            let (kvs, peer) = (side(&kvs), if has_peer { side(&peer) } else { Side::default() });
            let ratio = Spread::of_ratios(&kvs.rounds, &peer.rounds);
            let skipped = (cell.peer.is_some() && !has_peer).then(|| "not installed: <peer> & co".to_owned());
            Row { cell, skipped, kvs, peer, ratio, reached: None, rate: None }
        });
        Comparison {
            loadtest: "1".into(),
            at: "2026-01-02T03:04:05Z".into(),
            host: Host { cpu: "A & B <C>".into(), cores: 2, kernel: "Linux".into(), memory: 1 << 34 },
            rounds: 3,
            seconds: 1.0,
            quick: false,
            seed: 1,
            versions: vec!["kvs 1".into()],
            cores: String::new(),
            rows: rows.collect(),
        }
    }

    #[test]
    fn the_picture_is_xml_that_needs_nothing_else_and_has_every_row() {
        let comparison = comparison();
        let svg = svg(&comparison);
        let document = roxmltree::Document::parse(&svg).unwrap();
        let titles: Vec<&str> =
            document.descendants().filter(|node| node.has_tag_name("title")).filter_map(|node| node.text()).collect();
        for row in &comparison.rows {
            assert_eq!(titles.iter().filter(|title| **title == row.cell.name).count(), 1, "{}", row.cell.name);
        }
        let bars = svg.matches("class=\"ahead\"").count() + svg.matches("class=\"behind\"").count();
        assert_eq!(bars, comparison.rows.iter().filter(|row| row.ratio.is_some()).count());
        assert!(
            document.descendants().all(|node| !["script", "image", "use"].iter().any(|tag| node.has_tag_name(*tag)))
        );
        for outside in ["href", "url(", "@import", "@font-face", "NaN", "inf"] {
            assert!(!svg.contains(outside), "{outside}");
        }
        assert!(svg.contains("A &amp; B &lt;C&gt;") && svg.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn everything_that_is_drawn_is_within_the_picture() {
        let svg = svg(&comparison());
        let document = roxmltree::Document::parse(&svg).unwrap();
        let number = |node: roxmltree::Node<'_, '_>, name: &str| -> Option<f64> { node.attribute(name)?.parse().ok() };
        let height = number(document.root_element(), "height").unwrap();
        for node in document.descendants() {
            for x in ["x", "x1", "x2"].iter().filter_map(|name| number(node, name)) {
                assert!((0.0..=WIDTH).contains(&x), "{node:?}");
            }
            for y in ["y", "y1", "y2"].iter().filter_map(|name| number(node, name)) {
                assert!((0.0..=height).contains(&y), "{node:?}");
            }
            assert!(number(node, "width").is_none_or(|width| width >= 0.0), "{node:?}");
        }
    }

    #[test]
    fn less_memory_is_drawn_as_ahead_and_less_work_as_behind() {
        let mut rows = comparison().rows;
        rows.retain(|row| row.cell.name == "memory of an int" || row.cell.name == "frames GET, depth 1");
        let half = Some(Spread { median: 0.5, min: 0.4, max: 0.8 });
        rows.iter_mut().for_each(|row| row.ratio = half);
        let [work, memory] = &rows[..] else { panic!("two rows") };
        assert_eq!(times(work), half);
        assert_eq!(times(memory), Some(Spread { median: 2.0, min: 1.25, max: 2.5 }));
        let axis = Axis::of(&rows);
        assert!(bar(work, &axis, 0.0).contains("behind") && bar(memory, &axis, 0.0).contains("ahead"));
    }
}
