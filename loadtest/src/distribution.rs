//! Which entry comes next: uniformly at random, by Zipf's law, or sequentially.

use clap::ValueEnum;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Zipf's exponent, as in YCSB: the entry of rank r is requested in proportion to 1 / (r + 1)^0.99.
pub(crate) const THETA: f64 = 0.99;

/// How entries are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Distribution {
    /// Every entry is equally likely
    Uniform,
    /// A few entries very often, most rarely: YCSB's scrambled Zipf distribution with theta 0.99
    Zipf,
}

/// Numbers with Zipf's distribution: 0 is the most frequent one.
///
/// The algorithm of Gray et al., "Quickly generating billion-record synthetic databases", SIGMOD 1994, section 3.2, as
/// in `ZipfianGenerator` of YCSB (Cooper et al., "Benchmarking cloud serving systems with YCSB", SoCC 2010): ranks 0
/// and 1 have their exact probabilities, the others those of a continuous curve that is close to them.
#[derive(Clone, Debug)]
pub(crate) struct Zipf {
    n: f64,
    zeta: f64,
    alpha: f64,
    eta: f64,
    /// Below it, times zeta, lies rank 1.
    second: f64,
}

impl Zipf {
    /// Ranks from 0 to `n` - 1.
    pub(crate) fn new(n: u64, theta: f64) -> Self {
        let zeta = zeta(n, theta);
        let second = 1.0 + 0.5_f64.powf(theta);
        let eta = (1.0 - (2.0 / n as f64).powf(1.0 - theta)) / (1.0 - zeta_of_two(theta) / zeta);
        Self { n: n as f64, zeta, alpha: 1.0 / (1.0 - theta), eta, second }
    }

    /// The rank for `u`, which is at least 0 and less than 1.
    pub(crate) fn rank(&self, u: f64) -> u64 {
        let uz = u * self.zeta;
        if uz < 1.0 {
            return 0;
        }
        if uz < self.second {
            return 1.min(self.n as u64 - 1);
        }
        let rank = self.n * (self.eta * u - self.eta + 1.0).powf(self.alpha);
        (rank as u64).min(self.n as u64 - 1)
    }
}

/// The sum of 1 / i^theta for i from 1 to `n`.
pub(crate) fn zeta(n: u64, theta: f64) -> f64 {
    // The smallest terms first, to limit rounding errors.
    (1..=n).rev().map(|i| (i as f64).powf(-theta)).sum()
}

fn zeta_of_two(theta: f64) -> f64 {
    zeta(2, theta)
}

/// Scatters ranks over the entries, so that frequent ones are not adjacent: 64-bit FNV-1a over the rank's bytes, like
/// `ScrambledZipfianGenerator` of YCSB. As there, some ranks map to the same entry.
fn scramble(rank: u64, n: u64) -> u64 {
    const OFFSET_BASIS: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    rank.to_le_bytes().iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME)) % n
}

/// An endless or finite sequence of entry numbers.
#[derive(Clone, Debug)]
pub(crate) enum Numbers {
    /// At random, below `n`.
    Uniform {
        /// Random number generator.
        random: Xoshiro256PlusPlus,
        /// Number of entries.
        n: u64,
    },
    /// By Zipf's law.
    Zipf {
        /// Random number generator.
        random: Xoshiro256PlusPlus,
        /// Number of entries.
        n: u64,
        /// Their ranks.
        zipf: Zipf,
    },
    /// `next`, `next` + `step`, ... below `end`.
    Sequence {
        /// The next one.
        next: u64,
        /// Step from one to the next.
        step: u64,
        /// None from here on.
        end: u64,
    },
}

impl Numbers {
    /// Random numbers below `n`.
    pub(crate) fn random(distribution: Distribution, n: u64, seed: u64) -> Self {
        let random = Xoshiro256PlusPlus::seed_from_u64(seed);
        match distribution {
            Distribution::Uniform => Self::Uniform { random, n },
            Distribution::Zipf => Self::Zipf { random, n, zipf: Zipf::new(n, THETA) },
        }
    }

    /// Part `part` of `parts` of all numbers below `n`, in order.
    pub(crate) fn sequence(n: u64, part: u64, parts: u64) -> Self {
        Self::Sequence { next: part, step: parts, end: n }
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> Option<u64> {
        match self {
            Self::Uniform { random, n } => Some(random.random_range(0..*n)),
            Self::Zipf { random, n, zipf } => Some(scramble(zipf.rank(random.random()), *n)),
            Self::Sequence { next, step, end } => {
                let number = *next;
                *next += *step;
                (number < *end).then_some(number)
            }
        }
    }

    /// Whether a sequence has ended.
    pub(crate) fn is_at_end(&self) -> bool {
        matches!(self, Self::Sequence { next, end, .. } if next >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: u64 = 10_000;
    const DRAWS: usize = 1_000_000;

    fn counts(mut draw: impl FnMut() -> u64) -> Vec<f64> {
        let mut counts = vec![0.0; N as usize];
        for _ in 0..DRAWS {
            counts[draw() as usize] += 1.0;
        }
        counts
    }

    #[test]
    fn zipf_ranks_have_their_frequencies() {
        let (zipf, mut random) = (Zipf::new(N, THETA), Xoshiro256PlusPlus::seed_from_u64(42));
        let counts = counts(|| zipf.rank(random.random()));
        let zeta = zeta(N, THETA);
        let expected = |rank: usize| DRAWS as f64 / ((rank + 1) as f64).powf(THETA) / zeta;
        for rank in [0, 1] {
            // Exact except for chance: five standard deviations.
            assert!((counts[rank] - expected(rank)).abs() < 5.0 * expected(rank).sqrt(), "{rank}: {}", counts[rank]);
        }
        // The others by ranges of ranks: the curve is below the steps of the sum at first, and above them later.
        for (from, to, tolerance) in [(2, 10, 0.15), (10, 100, 0.05), (100, 1000, 0.03), (1000, 10_000, 0.03)] {
            let drawn: f64 = counts[from..to].iter().sum();
            let expected: f64 = (from..to).map(expected).sum();
            assert!((drawn / expected - 1.0).abs() < tolerance, "{from}..{to}: {drawn} instead of {expected}");
        }
    }

    #[test]
    fn zipf_works_with_few_entries() {
        for n in 1..5 {
            let mut numbers = Numbers::random(Distribution::Zipf, n, 7);
            assert!((0..1000).all(|_| numbers.next().is_some_and(|number| number < n)));
        }
    }

    #[test]
    fn scrambled_ranks_are_spread() {
        let mut numbers = Numbers::random(Distribution::Zipf, N, 1);
        let counts = counts(|| numbers.next().unwrap());
        let lower: f64 = counts[..N as usize / 2].iter().sum();
        assert!((0.3..0.7).contains(&(lower / DRAWS as f64)), "{lower}");
        // The most frequent entry is where the hash puts rank 0.
        let most = (0..N as usize).max_by(|a, b| counts[*a].total_cmp(&counts[*b])).unwrap();
        assert_eq!(most as u64, scramble(0, N));
    }

    #[test]
    fn uniform_is_even() {
        let mut numbers = Numbers::random(Distribution::Uniform, N, 1);
        let expected = DRAWS as f64 / N as f64;
        // The sum of squares over the expectation has mean N and a standard deviation of about sqrt(2 N): chi square.
        let chi: f64 = counts(|| numbers.next().unwrap()).iter().map(|c| (c - expected).powi(2) / expected).sum();
        assert!((chi - N as f64).abs() < 5.0 * (2.0 * N as f64).sqrt(), "{chi}");
    }

    #[test]
    fn parts_of_a_sequence_cover_it() {
        let mut all: Vec<u64> = Vec::new();
        for part in 0..3 {
            let mut numbers = Numbers::sequence(10, part, 3);
            all.extend(std::iter::from_fn(|| numbers.next()));
            assert!(numbers.is_at_end());
        }
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }
}
