//! A log in files whose manifest, checkpoint and segments have any content. The input is a byte of flags, then the parts.

#![no_main]

use std::path::Path;

use fuzz::folder::{MANIFEST, now, quick_folder, read};
use fuzz::{mend, parts};
use proto::{Batch, BatchBuffer, Effect, Key, Op, ValueRef};
use txnd::{LogReader, LogWriter, MIN_SEGMENT_BYTES, SegmentReader, SegmentSink, SinkError, Term};

/// Flag: checksums are made right.
const MENDED: u8 = 1;

/// Flag: and so is the chain from batch to batch.
const CHAINED: u8 = 2;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((flags, rest)) = bytes.split_first() else { return };
    let folder = quick_folder();
    write(folder.path(), *flags, parts::split(rest));

    let reader = SegmentReader::new(folder.path());
    let before = read(&reader);
    check_checkpoints(&reader);
    let mut sink = SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES);
    let term = match now(sink.open()) {
        Ok(term) => term,
        Err(e) => return drop(e.to_string()),
    };
    match (before, read(&sink.reader())) {
        (Ok((bounds, before)), Ok((opened, after))) => {
            assert!(opened.durable == term.chain && bounds.durable.lsn <= opened.durable.lsn, "durable stays durable");
            assert!(after.starts_with(&before), "what was read is still read");
        }
        (Err(e), _) | (_, Err(e)) => drop(e.to_string()),
    }
    check_that_it_goes_on(folder.path(), sink, &term);
});

/// Writes the files, each under the name that it should have.
fn write<'p>(folder: &Path, flags: u8, mut files: impl Iterator<Item = &'p [u8]>) {
    let put = |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).expect("a file in memory");
    let (mended, chained) = (flags & MENDED != 0, flags & CHAINED != 0);
    if let Some(manifest) = files.next().filter(|manifest| !manifest.is_empty()) {
        put(MANIFEST, &if mended { mend::manifest(manifest) } else { manifest.to_vec() });
    }
    let endings = std::iter::once("checkpoint").chain(std::iter::repeat("seg"));
    for (file, ending) in files.zip(endings).filter(|(file, _)| !file.is_empty()) {
        let name = format!("{:020}.{ending}", mend::lsn_of(file).unwrap_or(1));
        put(&name, &if mended { mend::file(file, chained, ending == "checkpoint") } else { file.to_vec() });
    }
}

/// A checkpoint that is offered is refused as damaged, or is what it says.
fn check_checkpoints(reader: &SegmentReader) {
    for checkpoint in now(reader.checkpoints()).unwrap_or_default() {
        let mut entries = 0;
        let read = now(reader.read_checkpoint(&checkpoint, &mut async |batch: &Batch| {
            entries += u64::from(batch.count());
            Ok(())
        }));
        match read {
            Ok(()) => assert_eq!(entries, checkpoint.entries),
            Err(e) => assert!(matches!(e, SinkError::Corrupt { .. }), "{e}"),
        }
    }
}

/// A log that was opened takes the next batch, and has it when it is opened again.
fn check_that_it_goes_on(folder: &Path, mut sink: SegmentSink, term: &Term) {
    let key = Key::new(b"fuzz").expect("a key");
    let mut buffer = BatchBuffer::new(term.chain.lsn + 1, Vec::new());
    buffer.push(&Op::Put { key, value: ValueRef::Int(1) }, Effect::None, 0).expect("the first of its batch");
    let batch = buffer.seal(&term.chain, term.epoch, term.chain.lsn);
    now(sink.append(&batch)).expect("the log is open");
    assert_eq!(now(sink.durable()), Ok(batch.last_lsn()));
    drop(sink);
    let again = now(SegmentSink::new(folder, MIN_SEGMENT_BYTES).open()).expect("it was open before");
    assert_eq!((again.epoch, again.chain), (term.epoch + 1, term.chain.after(&batch)));
}
