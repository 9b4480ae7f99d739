//! Figures of several rounds, and how two servers' figures compare.

use serde::{Deserialize, Serialize};

/// A summary of several rounds: the median, and the spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// The spread of these figures; `None` if there are none, or one that is not a number.
    pub(crate) fn of(figures: &[f64]) -> Option<Self> {
        if figures.is_empty() || figures.iter().any(|figure| !figure.is_finite()) {
            return None;
        }
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 };
        Some(Self { median, min: sorted[0], max: sorted[sorted.len() - 1] })
    }

    /// The ratios of the rounds, `ours` to `theirs`. Each round is compared with itself, because the machine's speed
    /// varies between rounds.
    pub(crate) fn of_ratios(ours: &[f64], theirs: &[f64]) -> Option<Self> {
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        Self::of(&ratios)
    }
}

/// A goal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Goal {
    /// A ratio of at least this.
    AtLeast(f64),
    /// A ratio of at most this.
    AtMost(f64),
    /// A figure of kvs of at most this many bytes.
    Bytes(f64),
}

impl Goal {
    /// By what part of it the median misses it; not positive if it does not. `None` if there is no figure.
    pub(crate) fn missed_by(self, kvs: Option<Spread>, ratio: Option<Spread>) -> Option<f64> {
        match self {
            Self::AtLeast(goal) => ratio.map(|ratio| 1.0 - ratio.median / goal),
            Self::AtMost(goal) => ratio.map(|ratio| ratio.median / goal - 1.0),
            Self::Bytes(goal) => kvs.map(|kvs| kvs.median / goal - 1.0),
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(goal) => write!(f, ">= {goal}"),
            Self::AtMost(goal) => write!(f, "<= {goal}"),
            Self::Bytes(goal) => write!(f, "<= {goal} B"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[1.0, f64::NAN]), None);
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
    }

    #[test]
    fn each_round_is_compared_with_itself() {
        // The machine was half as fast in the second round; the ratio is the same.
        let ratio = Spread::of_ratios(&[10.0, 5.0], &[5.0, 2.5]).unwrap();
        assert_eq!(ratio, Spread { median: 2.0, min: 2.0, max: 2.0 });
        assert_eq!(Spread::of_ratios(&[1.0], &[0.0]), None);
        assert_eq!(Spread::of_ratios(&[1.0], &[]), None);
    }

    #[test]
    fn goals() {
        let ratio = Some(Spread { median: 1.0, min: 0.5, max: 2.0 });
        let kvs = Some(Spread { median: 44.0, min: 40.0, max: 48.0 });
        let missed = |goal: Goal| goal.missed_by(kvs, ratio);
        assert_eq!([Goal::AtLeast(1.0), Goal::AtMost(1.0), Goal::Bytes(44.0)].map(missed), [Some(0.0); 3]);
        assert_eq!([Goal::AtLeast(2.0), Goal::AtMost(0.5), Goal::Bytes(22.0)].map(missed), [0.5, 1.0, 1.0].map(Some));
        assert_eq!(Goal::AtLeast(1.0).missed_by(kvs, None), None);
    }
}
