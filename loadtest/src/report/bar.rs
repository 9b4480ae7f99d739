//! Progress of a running load, on a terminal: how far it is, and how fast.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::text::count;
use crate::load::Progress;

/// A line at the bottom of the terminal. If standard error is not a terminal, it shows nothing.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

const STEPS: u64 = 1000;

impl Bar {
    /// A line that shows nothing yet.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{prefix:>10} [{wide_bar}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// The line, with a name for the next part of the work.
    pub(crate) fn named(&self, name: &str) -> Named<'_> {
        self.0.set_prefix(name.to_owned());
        self.0.set_position(0);
        Named(&self.0)
    }

    /// Removes the line.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// A part of a run.
#[derive(Debug)]
pub(crate) struct Named<'b>(&'b ProgressBar);

impl Progress for Named<'_> {
    fn update(&self, share: f64, rate: f64) {
        self.0.set_position((share * STEPS as f64) as u64);
        self.0.set_message(format!("{}/s", count(rate)));
    }
}
