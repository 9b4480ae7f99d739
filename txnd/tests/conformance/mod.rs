//! What every sink must do: the contract of `LogWriter`, property by property. `sink_conformance!` runs all of them.
//!
//! ```text
//!   mod.rs      Storage, what is run against; the list of properties
//!   order.rs    what is stored and read back, and in which order; which batches are refused
//!   reading.rs  what readers see while a writer goes on
//!   checkpoints.rs   those that are kept, and those that are not; only for logs that keep any
//!   terms.rs    epochs, fences, the end of a term in order and without
//!   script.rs   random calls against a model
//! ```

#[allow(dead_code)] // Not every log keeps any.
pub(crate) mod checkpoints;
pub(crate) mod order;
pub(crate) mod reading;
pub(crate) mod script;
pub(crate) mod terms;

use std::collections::BTreeMap;

use proto::{Batch, BatchBuffer, Chain, Op, Record, StringsBuf, ValueRef};
use txnd::LogWriter;

/// A place that holds one log, at first an empty one, and outlives its sinks.
pub(crate) trait Storage {
    type LogWriter: LogWriter + Send + 'static;

    /// Whether batches come back as they were appended. If not, the same records come back in other batches.
    const KEEPS_BATCHES: bool = true;

    /// A handle for another writer on the same log.
    fn sink(&self) -> Self::LogWriter;

    /// A reader that does not come from a writer.
    fn reader(&self) -> <Self::LogWriter as LogWriter>::Reader;
}

/// Compares what was read with what was appended, and says where they part.
pub(crate) fn assert_same<T: Storage>(read: &[Batch], appended: &[Batch]) {
    if !T::KEEPS_BATCHES {
        return assert_same_records(read, appended);
    }
    let differ = read.iter().zip(appended).position(|(read, appended)| read.as_bytes() != appended.as_bytes());
    if let Some(index) = differ {
        panic!("batch {index} was appended as {:?} and read as {:?}", appended[index], read[index]);
    }
    assert_eq!(read.len(), appended.len(), "number of batches read, and appended");
}

/// Compares record by record. A read that began within a batch of `appended` need not hold what was before.
fn assert_same_records(read: &[Batch], appended: &[Batch]) {
    let (read, appended_records) = (canonical_records(read), canonical_records(appended));
    let skipped = appended_records.len().saturating_sub(read.len());
    let first = appended.first().map_or(0, |batch| batch.count() as usize);
    assert!(skipped == 0 || skipped < first, "{} records appended, {} read", appended_records.len(), read.len());
    for (read, appended) in read.iter().zip(&appended_records[skipped..]) {
        assert_eq!(read.first_lsn(), appended.first_lsn());
        if read.as_bytes() != appended.as_bytes() {
            panic!("appended: {:?}, read: {:?}", appended.records().next(), read.records().next());
        }
    }
    assert_eq!(read.len(), appended_records.len() - skipped, "number of records read, and appended");
}

/// Each record in a batch of its own, the fields of a map in order.
fn canonical_records(batches: &[Batch]) -> Vec<Batch> {
    let mut alone = Vec::new();
    for record in batches.iter().flat_map(Batch::records) {
        let Record { lsn, at, op, effect, .. } = record.expect("records can be decoded");
        let mut buffer = BatchBuffer::new(lsn, Vec::new());
        match op {
            Op::Put { key, value: ValueRef::Map(map) } => {
                let fields: BTreeMap<&str, &str> = map.pairs().collect();
                let sorted: StringsBuf = fields.into_iter().flat_map(|(field, value)| [field, value]).collect();
                buffer.push(&Op::Put { key, value: ValueRef::Map(sorted.as_strings()) }, effect, at)
            }
            op => buffer.push(&op, effect, at),
        };
        alone.push(buffer.seal(&Chain { log_id: 0, lsn: lsn - 1, checksum: 0 }, 0, 0));
    }
    alone
}

/// Makes a module of tests, one for each property. `$storage` is an expression for a new, empty [`Storage`]. With
/// `checkpoints`, those of logs that keep checkpoints too.
macro_rules! sink_conformance {
    ($name:ident, $storage:expr $(, $checkpoints:ident)?) => {
        mod $name {
            use super::*;

            $(sink_conformance! { @$checkpoints $storage })?
            sink_conformance! { @each $storage;
                order::a_new_log_is_empty,
                order::what_is_durable_is_read_back_byte_for_byte,
                order::a_read_begins_at_any_lsn,
                order::a_read_returns_a_prefix_with_everything_durable,
                order::a_read_fails_when_its_visitor_fails,
                order::durable_returns_at_once_when_nothing_is_outstanding,
                order::durable_can_be_dropped_and_called_again,
                order::a_repeat_is_acknowledged_and_not_stored,
                order::everything_in_flight_can_be_sent_again,
                order::a_writer_may_seal_long_before_it_appends,
                order::a_gap_is_refused,
                order::a_batch_that_contradicts_the_log_is_refused,
                order::values_of_every_type_and_size_come_back,
                order::a_batch_holds_one_record_or_thousands,
                reading::a_reader_without_a_writer_sees_what_is_durable,
                reading::any_range_is_read,
                reading::readers_follow_a_writer_and_see_each_record_once,
                reading::a_reader_that_stalls_does_not_hold_the_writer_up,
                reading::an_idle_writer_learns_that_it_is_fenced,
                terms::every_term_has_a_higher_epoch,
                terms::the_log_knows_where_its_terms_begin,
                terms::a_batch_of_an_earlier_term_is_refused,
                terms::a_second_writer_fences_the_first_or_waits_for_it,
                terms::what_was_durable_survives_a_dropped_writer,
                terms::what_was_appended_survives_a_closed_writer,
                terms::a_writer_may_begin_another_term,
                terms::after_resume_the_rest_is_sent_again,
                script::a_random_script_agrees_with_the_model,
            }
        }
    };
    (@checkpoints $storage:expr) => {
        sink_conformance! { @each $storage;
            checkpoints::it_comes_back_as_it_was_written,
            checkpoints::the_last_two_are_kept,
            checkpoints::one_that_is_not_finished_is_not_used,
            checkpoints::a_fenced_writer_puts_none_in_use,
            checkpoints::a_writer_goes_on_beside_it,
            checkpoints::one_has_entries_of_every_size,
        }
    };
    (@each $storage:expr; $($file:ident::$property:ident,)*) => { $(
        #[tokio::test]
        async fn $property() {
            conformance::$file::$property($storage).await;
        }
    )* };
}
pub(crate) use sink_conformance;
