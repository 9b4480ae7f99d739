//! What was appended and is not durable yet.

use std::collections::VecDeque;

use proto::Lsn;

use crate::MAX_IN_FLIGHT;

/// Batches beyond the durable lsn, in order, each with a note `T` of its writer.
#[derive(Debug)]
pub struct InFlight<T> {
    durable: Lsn,
    /// Each batch's last lsn.
    batches: VecDeque<(Lsn, T)>,
}

impl<T> InFlight<T> {
    /// Nothing is in flight; the durable log ends at `durable`.
    pub fn beyond(durable: Lsn) -> Self {
        Self { durable, batches: VecDeque::with_capacity(MAX_IN_FLIGHT) }
    }

    /// Everything up to here is durable.
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// The end of the log, including all of these batches.
    pub fn end(&self) -> Lsn {
        self.batches.back().map_or(self.durable, |(last, _)| *last)
    }

    /// Number of batches.
    pub fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether one more may be appended.
    pub fn has_room(&self) -> bool {
        self.batches.len() < MAX_IN_FLIGHT
    }

    /// The notes in order, for example what must be appended again after an error.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.batches.iter().map(|(_, note)| note)
    }

    /// Adds a batch that ends at `last`. A batch that was added before counts once.
    pub fn push(&mut self, last: Lsn, note: T) {
        if last > self.end() {
            self.batches.push_back((last, note));
        }
    }

    /// Everything up to `durable` is durable. Returns the notes of the batches that became durable, in order.
    pub fn settle(&mut self, durable: Lsn) -> impl Iterator<Item = T> {
        debug_assert!(durable >= self.durable, "the durable lsn never goes back within a term");
        self.durable = durable;
        let count = self.batches.partition_point(|(last, _)| *last <= durable);
        self.batches.drain(..count).map(|(_, note)| note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_leave_in_order_once_they_are_durable() {
        let mut in_flight = InFlight::beyond(10);
        assert!((in_flight.end(), in_flight.is_empty(), in_flight.has_room()) == (10, true, true));
        for last in [12, 15, 15, 12, 20] {
            in_flight.push(last, last);
        }
        assert_eq!((in_flight.len(), in_flight.end()), (3, 20));
        assert!(in_flight.iter().eq(&[12, 15, 20]));
        assert_eq!(in_flight.settle(11).count(), 0);
        assert!(in_flight.settle(15).eq([12, 15]));
        assert_eq!((in_flight.durable(), in_flight.end(), in_flight.len()), (15, 20, 1));
        (21..).take(MAX_IN_FLIGHT - 1).for_each(|last| in_flight.push(last, last));
        assert!(!in_flight.has_room());
        in_flight.settle(Lsn::MAX).for_each(drop);
        assert_eq!((in_flight.is_empty(), in_flight.end()), (true, Lsn::MAX));
    }
}
