//! Where the terms of a log begin.
//!
//! A writer that dies takes with it what was not durable, and the next one gives the same lsns to other records. So an lsn alone
//! does not tell a record: the lsn and the term in which it was given do. A record of a term that has ended is in the log if the
//! next term begins with it or after it, and is lost otherwise.

use proto::{Epoch, Lsn};

/// The beginning of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermStart {
    /// The number of the term.
    pub epoch: Epoch,
    /// The last lsn before it.
    pub base: Lsn,
}

/// The terms that have left records in the log, and the last one that began. 16 bytes for each.
///
/// Both numbers ascend. Terms of before a log kept this are not there: they count as one, with the epoch 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms(Vec<TermStart>);

impl Terms {
    /// These terms; `None` if the numbers do not ascend.
    pub fn of_starts(starts: impl IntoIterator<Item = TermStart>) -> Option<Self> {
        let starts: Vec<_> = starts.into_iter().collect();
        let ascend = |pair: &[TermStart]| pair[0].epoch < pair[1].epoch && pair[0].base < pair[1].base;
        (starts.windows(2).all(ascend) && starts.first().is_none_or(|first| first.epoch > 0)).then_some(Self(starts))
    }

    /// A term begins, later than all others. One before it that has left nothing need not be kept.
    pub fn begin(&mut self, start: TermStart) {
        self.0.truncate(self.0.partition_point(|earlier| earlier.base < start.base));
        self.0.push(start);
    }

    /// The term in which an lsn was given that the log has, or gives next.
    #[inline]
    pub fn of(&self, lsn: Lsn) -> Epoch {
        match self.0.last() {
            // Nearly always, in a server that runs for a while.
            Some(last) if last.base < lsn => last.epoch,
            _ => self.0[..self.0.partition_point(|start| start.base < lsn)].last().map_or(0, |start| start.epoch),
        }
    }

    /// Whether a record that got this lsn in this term can be in the log. It is not if the next term began without it, or if
    /// no such term has begun yet.
    pub fn has(&self, epoch: Epoch, lsn: Lsn) -> bool {
        let next = self.0.partition_point(|start| start.epoch <= epoch);
        match self.0.get(next) {
            Some(next) => lsn <= next.base,
            None => self.0.last().map_or(0, |last| last.epoch) == epoch,
        }
    }

    /// All of them, the earliest first.
    pub fn starts(&self) -> &[TermStart] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(starts: &[(Epoch, Lsn)]) -> Option<Terms> {
        Terms::of_starts(starts.iter().map(|&(epoch, base)| TermStart { epoch, base }))
    }

    #[test]
    fn an_lsn_that_was_given_twice_is_told_by_its_term() {
        let mut log = Terms::default();
        assert!(log.has(0, 7) && !log.has(1, 7) && log.of(7) == 0, "without terms there is one, without an end");
        // Term 1 leaves nothing, term 2 ends at 10, term 3 leaves nothing, and neither does term 4.
        for (epoch, base) in [(1, 0), (2, 0), (3, 10), (4, 10), (6, 10)] {
            log.begin(TermStart { epoch, base });
        }
        assert_eq!(Some(&log), terms(&[(2, 0), (6, 10)]).as_ref());
        assert_eq!([1, 10, 11, 99].map(|lsn| log.of(lsn)), [2, 2, 6, 6]);
        for (epoch, lsn, is_there) in [
            (0, 0, true),
            (1, 0, true),
            (1, 1, false),
            (2, 10, true),
            (2, 11, false),
            (3, 10, true),
            (3, 11, false),
            (4, 11, false),
            (6, 11, true),
            (6, 99, true),
            (7, 1, false),
        ] {
            assert_eq!(log.has(epoch, lsn), is_there, "{epoch} {lsn}");
        }
    }

    #[test]
    fn terms_that_a_log_cannot_have_are_refused() {
        for odd in [&[(0, 0)][..], &[(2, 0), (2, 5)], &[(1, 5), (2, 5)], &[(3, 0), (2, 5)], &[(1, 5), (2, 4)]] {
            assert_eq!(terms(odd), None, "{odd:?}");
        }
    }
}
