//! Curves as SVG. Colours come from the page's style.

use std::fmt::Write;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 15.0;
const TOP: f64 = 25.0;
const BOTTOM: f64 = 30.0;

/// Number of grid lines across a linear chart.
const STEPS: u32 = 5;

/// A curve.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// Its name in the legend.
    pub(crate) name: &'static str,
    /// Its class in the page's style.
    pub(crate) class: &'static str,
    /// Its points from left to right.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Curves over one axis.
pub(crate) struct Chart<'c> {
    /// The title.
    pub(crate) title: &'static str,
    /// Formats a number on the horizontal axis.
    pub(crate) x: &'c dyn Fn(f64) -> String,
    /// Formats a number on the vertical axis.
    pub(crate) y: &'c dyn Fn(f64) -> String,
    /// Labels of the horizontal axis, instead of evenly spread ones.
    pub(crate) x_ticks: Option<Vec<f64>>,
    /// Whether the vertical axis is logarithmic (powers of ten).
    pub(crate) logarithmic: bool,
    /// What is drawn.
    pub(crate) curves: Vec<Curve>,
}

impl Chart<'_> {
    /// The picture.
    pub(crate) fn svg(&self) -> String {
        let points = || self.curves.iter().flat_map(|curve| curve.points.iter().copied());
        let most = |of: fn((f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
        let (x_max, y_max) = (most(|p| p.0), most(|p| p.1));
        if x_max <= 0.0 || y_max <= 0.0 {
            return "<p>Nothing was measured.</p>".into();
        }
        let least = points().map(|p| p.1).filter(|y| *y > 0.0).fold(y_max, f64::min);
        let scale = Scale::new(least, y_max, self.logarithmic);
        let x_at = |x: f64| LEFT + (WIDTH - LEFT - RIGHT) * x / x_max;
        let y_at = |y: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * scale.share(y);
        // Writing to a String does not fail.
        let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"{}\">\n", self.title);
        for tick in scale.ticks() {
            let (y, text) = (y_at(tick), (self.y)(tick));
            let _ = writeln!(svg, "<line class=grid x1={LEFT} x2={} y1={y:.1} y2={y:.1} />", WIDTH - RIGHT);
            let _ = writeln!(svg, "<text x={} y={:.1} text-anchor=end>{text}</text>", LEFT - 8.0, y + 4.0);
        }
        let even = || (0..=STEPS).map(|step| x_max * f64::from(step) / f64::from(STEPS)).collect();
        for tick in self.x_ticks.clone().unwrap_or_else(even).into_iter().filter(|tick| *tick <= x_max) {
            let (x, text) = (x_at(tick), (self.x)(tick));
            let _ = writeln!(svg, "<text x={x:.1} y={} text-anchor=middle>{text}</text>", HEIGHT - 10.0);
        }
        for (n, curve) in self.curves.iter().enumerate() {
            let line: Vec<String> =
                curve.points.iter().map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y))).collect();
            let _ = writeln!(svg, "<polyline class=\"curve {}\" points=\"{}\" />", curve.class, line.join(" "));
            let x = LEFT + 130.0 * n as f64;
            let _ = writeln!(svg, "<line class=\"curve {}\" x1={x} x2={} y1=10 y2=10 />", curve.class, x + 20.0);
            let _ = writeln!(svg, "<text x={} y=14>{}</text>", x + 26.0, curve.name);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// The vertical axis.
#[derive(Clone, Copy, Debug)]
struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    /// An axis that covers `least` to `most`, and starts and ends at a round number.
    fn new(least: f64, most: f64, logarithmic: bool) -> Self {
        if logarithmic {
            let (from, to) = (10_f64.powf(least.log10().floor()), 10_f64.powf(most.log10().ceil()));
            return Self { from, to: if to > from { to } else { 10.0 * from }, logarithmic };
        }
        let step = 10_f64.powf((most / f64::from(STEPS)).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * step).into_iter().find(|step| step * f64::from(STEPS) >= most);
        Self { from: 0.0, to: step.map_or(most, |step| step * f64::from(STEPS)), logarithmic }
    }

    /// How far up `y` is, from 0 to 1.
    fn share(self, y: f64) -> f64 {
        let share = match self.logarithmic {
            true => (y.max(self.from) / self.from).log10() / (self.to / self.from).log10(),
            false => (y - self.from) / (self.to - self.from),
        };
        share.clamp(0.0, 1.0)
    }

    fn ticks(self) -> Vec<f64> {
        if self.logarithmic {
            let decades = (self.to / self.from).log10().round() as i32;
            return (0..=decades).map(|n| self.from * 10_f64.powi(n)).collect();
        }
        (0..=STEPS).map(|n| self.to * f64::from(n) / f64::from(STEPS)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_begin_and_end_with_round_numbers() {
        let linear = Scale::new(30.0, 730.0, false);
        assert_eq!((linear.from, linear.to), (0.0, 1000.0));
        assert_eq!(linear.ticks().len(), 6);
        let logarithmic = Scale::new(3.0, 730.0, true);
        assert_eq!(logarithmic.ticks().iter().map(|tick| tick.round()).collect::<Vec<_>>(), [1.0, 10.0, 100.0, 1000.0]);
        assert!((logarithmic.share(10.0) - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!((logarithmic.share(0.0), logarithmic.share(1e9)), (0.0, 1.0));
        // A single value still has an axis.
        assert!(Scale::new(100.0, 100.0, true).to > 100.0);
    }

    #[test]
    fn a_chart_without_points_says_so() {
        let chart = Chart {
            title: "t",
            x: &|x| x.to_string(),
            y: &|y| y.to_string(),
            x_ticks: None,
            logarithmic: true,
            curves: Vec::new(),
        };
        assert!(!chart.svg().contains("NaN") && chart.svg().starts_with("<p>"));
    }
}
