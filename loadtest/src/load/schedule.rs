//! When the requests of an open loop are due: at a fixed rate, whether or not the server keeps up.
//!
//! A request's latency counts from when it was due. If it counted from when it was sent, a stalled server would get
//! fewer requests during the stall, and its worst responses would be missing from the figures ("coordinated omission";
//! Gil Tene, "How NOT to Measure Latency").

use std::time::Duration;

/// Times of requests since the start of a run, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// Requests per second.
    rate: f64,
    /// When the first one is due, in nanoseconds.
    offset: f64,
    given: u64,
}

impl Schedule {
    /// Part `part` of `parts` of `rate` requests per second: the parts alternate.
    pub(crate) fn new(rate: f64, part: usize, parts: usize) -> Self {
        Self { rate: rate / parts as f64, offset: part as f64 * 1e9 / rate, given: 0 }
    }

    /// When the next request is due. Computed from its number, so that rounding errors do not accumulate.
    pub(crate) fn next(&self) -> u64 {
        (self.offset + self.given as f64 * 1e9 / self.rate) as u64
    }

    /// Takes the next request if it is due at `now`; returns when it was due.
    pub(crate) fn take(&mut self, now: u64) -> Option<u64> {
        let due = self.next();
        (due <= now).then(|| {
            self.given += 1;
            due
        })
    }

    /// Time until the next request is due.
    pub(crate) fn wait(&self, now: u64) -> Duration {
        Duration::from_nanos(self.next().saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_take_turns_at_the_whole_rate() {
        let mut parts: Vec<Schedule> = (0..3).map(|part| Schedule::new(3000.0, part, 3)).collect();
        let mut due: Vec<u64> = Vec::new();
        for part in &mut parts {
            due.extend(std::iter::from_fn(|| part.take(1_000_000_000 - 1)));
        }
        due.sort_unstable();
        assert_eq!(due.len(), 3000);
        for (n, due) in due.into_iter().enumerate() {
            assert!(due.abs_diff(n as u64 * 1_000_000 / 3) <= 1, "{n}: {due}");
        }
    }

    #[test]
    fn requests_keep_their_times_when_they_are_late() {
        let mut schedule = Schedule::new(1000.0, 0, 1);
        assert_eq!(schedule.take(0), Some(0));
        assert_eq!(schedule.take(999_999), None);
        assert_eq!(schedule.wait(999_999), Duration::from_nanos(1));
        // After a stall, all requests that became due meanwhile are taken, each with its own time.
        let late: Vec<u64> = std::iter::from_fn(|| schedule.take(5_000_000)).collect();
        assert_eq!(late, [1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000]);
        assert_eq!(schedule.wait(7_000_000), Duration::ZERO);
    }
}
