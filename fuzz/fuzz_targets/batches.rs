//! Batches of records: any bytes, and the same with a right checksum.

#![no_main]

use bytes::Bytes;
use fuzz::mend;
use proto::{Batch, BatchBuffer, Chain, Record};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&mend::batch(bytes));
});

/// Bytes are refused, or are a batch whose records mean what encodes to them.
fn check(bytes: &[u8]) {
    let batch = match Batch::decode(&Bytes::copy_from_slice(bytes)) {
        Ok(batch) => batch,
        Err(e) => return drop(e.to_string()),
    };
    assert!(bytes.starts_with(batch.as_bytes()));
    let records: Vec<Record<'_>> = match batch.records().collect() {
        Ok(records) => records,
        Err(e) => {
            assert_eq!(batch.check(), Err(e));
            return drop(e.to_string());
        }
    };
    assert_eq!((batch.check(), records.len()), (Ok(()), batch.count() as usize));
    let Some(before) = batch.first_lsn().checked_sub(1) else { return };
    let chain = Chain { log_id: batch.log_id(), lsn: before, checksum: batch.previous() };
    if let Some(again) = encoded(&batch, &chain, &records) {
        assert!(chain.continues_with(&again) && again.durable_lsn() == batch.durable_lsn());
        let read: Vec<Record<'_>> = again.records().collect::<Result<_, _>>().expect("what was just encoded");
        // As text, in which a NaN is itself.
        assert_eq!(format!("{read:?}"), format!("{records:?}"));
        assert_eq!(encoded(&batch, &chain, &read).as_ref(), Some(&again));
    }
}

/// The batch with these records; `None` if their times are too far apart for one.
fn encoded(like: &Batch, chain: &Chain, records: &[Record<'_>]) -> Option<Batch> {
    let mut buffer = BatchBuffer::new(like.first_lsn(), Vec::new());
    for record in records {
        let lsn = buffer.push_with(&record.op, record.effect, &record.options, record.at)?;
        assert_eq!(lsn, record.lsn);
    }
    Some(buffer.seal(chain, like.epoch(), like.durable_lsn()))
}
