//! The byte layout of batches and records: what goes in comes out, and what was not written is refused.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proto::limits::{BATCH_HEADER_BYTES as HEADER_BYTES, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_OPTIONS_BYTES};
use proto::options::{CRITICAL, OptionsError, RecordOptions, TAG_EXPIRY, TAG_GROUP, TAG_STAMP};
use proto::{
    BATCH_MAGIC as MAGIC, BATCH_VERSION as VERSION, Batch, BatchBuffer, BatchError, Chain, CounterType, Effect,
    KeyError, Lsn, Micros, OLDEST_BATCH_VERSION, Op, OpKind, OutcomeError, PayloadError, Record, RecordError,
    StringsError, TextError, TypeSet, ValueRef, ValueType, record_bytes,
};
use testkit::arbitrary::{OwnedOp, any_key, any_record, any_text, as_key, cases, effect_of, expires_of};

/// The first time that lies too far behind a batch's first record: 2^31 microseconds, 35 minutes and 47 seconds.
const TOO_LATE: Micros = 1 << 31;

const EPOCH: u64 = 7;

/// The bit of a record's kind that says that options follow the key.
const HAS_OPTIONS: u8 = 0x80;

fn any_version() -> impl Strategy<Value = u16> {
    OLDEST_BATCH_VERSION..=VERSION
}

/// The tag of an option that no version knows and any may skip.
fn unknown_tag() -> impl Strategy<Value = u8> {
    prop_oneof![0..TAG_STAMP, TAG_STAMP + 1..CRITICAL]
}

/// The same batch, said to be of another version.
fn as_version(batch: &Batch, version: u16) -> Batch {
    let (head, records) = batch.as_bytes().split_first_chunk::<HEADER_BYTES>().unwrap();
    let mut head = *head;
    head[4..6].copy_from_slice(&version.to_le_bytes());
    Batch::decode(&forge(head, records)).unwrap()
}

/// Options as options.rs lays them out.
fn raw_options(options: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let options: Vec<u8> =
        options.iter().flat_map(|(tag, value)| [&[*tag, value.len() as u8], &value[..]].concat()).collect();
    [&(options.len() as u16).to_le_bytes()[..], &options].concat()
}

/// The first record of a batch with these bytes between its key and its payload, alone.
fn with_options(batch: &Batch, options: &[u8]) -> Vec<u8> {
    let mut record = batch.as_bytes()[HEADER_BYTES..].to_vec();
    let key_end = 12 + usize::from(u16::from_le_bytes([record[6], record[7]]));
    record.splice(key_end..key_end, options.iter().copied());
    record[4] |= HAS_OPTIONS;
    let length = (record.len() as u32).to_le_bytes();
    record[..4].copy_from_slice(&length);
    record
}

/// What goes into a record.
#[derive(Clone, Debug)]
struct Entry {
    op: OwnedOp,
    effect: Effect,
    options: RecordOptions,
    at: Micros,
}

impl Entry {
    fn push(&self, buffer: &mut BatchBuffer) -> Option<Lsn> {
        buffer.push_with(&self.op.as_op(), self.effect, &self.options, self.at)
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    let time = prop_oneof![
        4 => 0..1000i64,
        2 => -2 * TOO_LATE..2 * TOO_LATE,
        1 => prop::sample::select(vec![TOO_LATE - 1, TOO_LATE, -TOO_LATE, -TOO_LATE - 1]),
        1 => prop::sample::select(vec![Micros::MIN, Micros::MAX]),
    ];
    (any_record(any_key(), any_text()), any::<u32>(), time).prop_map(|(op, bits, at)| {
        let effect = effect_of(&op.as_op(), bits);
        let options =
            RecordOptions { expires: expires_of(&op.as_op(), bits), stamp: None, following: (bits % 5 / 2) as u16 };
        Entry { op, effect, options, at }
    })
}

/// The same without options.
fn plain_entry() -> impl Strategy<Value = Entry> {
    entry().prop_map(|entry| Entry { options: RecordOptions::default(), ..entry })
}

/// Puts all entries into as few batches as their times allow.
fn seal_all(entries: &[Entry], mut chain: Chain) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut buffer = BatchBuffer::new(chain.lsn + 1, Vec::new());
    for entry in entries {
        if entry.push(&mut buffer).is_none() {
            let batch = std::mem::replace(&mut buffer, BatchBuffer::new(0, Vec::new())).seal(&chain, EPOCH, 0);
            chain = chain.after(&batch);
            batches.push(batch);
            buffer = BatchBuffer::new(chain.lsn + 1, Vec::new());
            entry.push(&mut buffer).expect("an empty buffer takes any time");
        }
    }
    if !buffer.is_empty() {
        batches.push(buffer.seal(&chain, EPOCH, 0));
    }
    batches
}

fn seal_one(ops: &[Op<'_>], chain: &Chain) -> Batch {
    let mut buffer = BatchBuffer::new(chain.lsn + 1, Vec::new());
    ops.iter().for_each(|op| assert!(buffer.push(op, effect_of(op, 0), 0).is_some()));
    buffer.seal(chain, EPOCH, chain.lsn)
}

/// A batch of three records.
fn small_batch() -> Batch {
    let key = as_key("schlüssel");
    let ops = [
        Op::Put { key, value: ValueRef::Str("text") },
        Op::IncrBy { ty: CounterType::Uint, key, by: -1 },
        Op::MapSet { key, field: "field", value: "" },
    ];
    seal_one(&ops, &Chain::start(1))
}

fn decode(bytes: &[u8]) -> Result<Batch, BatchError> {
    Batch::decode(&Bytes::copy_from_slice(bytes))
}

/// Bytes of a batch whose length and checksum are right, whatever the rest of the header and the records say.
fn forge(mut header: [u8; HEADER_BYTES], records: &[u8]) -> Bytes {
    header[..4].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&((HEADER_BYTES + records.len()) as u32).to_le_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&header[..60]), records);
    header[60..].copy_from_slice(&checksum.to_le_bytes());
    [&header[..], records].concat().into()
}

/// A header of a first batch that claims `count` records.
fn header(version: u16, count: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[4..6].copy_from_slice(&version.to_le_bytes());
    header[12..16].copy_from_slice(&count.to_le_bytes());
    header[32] = 1;
    header
}

/// What comes out of the batch with this header and these records.
fn read_forged(header: [u8; HEADER_BYTES], records: &[u8]) -> Vec<Result<Record<'static>, BatchError>> {
    let batch = Batch::decode(&forge(header, records)).expect("length, version and checksum are right");
    // The records borrow from the batch; a test may leak it.
    Box::leak(Box::new(batch)).records().collect()
}

/// The bytes of one record, as record.rs lays them out.
fn raw_record(kind: u8, ty: u8, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = (12 + key.len() + payload.len()) as u32;
    let key_length = key.len() as u16;
    [&length.to_le_bytes()[..], &[kind, ty], &key_length.to_le_bytes(), &[0; 4], key, payload].concat()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn records_come_back_as_they_were_pushed(entries in vec(entry(), 0..24), log_id: u64, lsn in 0..u64::MAX / 2) {
        let start = Chain { lsn, ..Chain::start(log_id) };
        let batches = seal_all(&entries, start);
        let stream: Vec<u8> = batches.iter().flat_map(|batch| batch.as_bytes()).copied().collect();

        let (mut rest, mut chain, mut decoded) = (Bytes::from(stream), start, Vec::new());
        while !rest.is_empty() {
            let batch = Batch::decode(&rest).unwrap();
            prop_assert!(chain.continues_with(&batch));
            chain = chain.after(&batch);
            rest = rest.slice(batch.as_bytes().len()..);
            decoded.push(batch);
        }
        prop_assert_eq!(chain.lsn, lsn + entries.len() as u64);

        let records: Vec<Record<'_>> = decoded.iter().flat_map(Batch::records).map(Result::unwrap).collect();
        prop_assert_eq!(records.len(), entries.len());
        for ((record, entry), expected_lsn) in records.iter().zip(&entries).zip(lsn + 1..) {
            let (op, options) = (entry.op.as_op(), entry.options);
            let expected = Record { lsn: expected_lsn, at: entry.at, op, effect: entry.effect, options };
            prop_assert_eq!(*record, expected);
        }
    }

    #[test]
    fn a_head_says_what_its_record_says(entries in vec(entry(), 1..24)) {
        for batch in seal_all(&entries, Chain::start(1)) {
            let (mut heads, mut passed) = (batch.records(), batch.records());
            while let Some(record) = passed.next().transpose().unwrap() {
                let head = heads.peek().expect("there is a record");
                let (op, following) = (record.op, record.options.following);
                prop_assert_eq!((head.lsn, head.kind, head.ty), (record.lsn, Some(op.kind()), op.value_type()));
                prop_assert_eq!((head.key, head.following), (op.key().as_bytes(), following));
                heads.pass(&head);
            }
            prop_assert!(heads.peek().is_none() && heads.next().is_none(), "the end");
        }
    }

    #[test]
    fn what_was_decoded_encodes_to_the_same_bytes(entries in vec(entry(), 1..24)) {
        let mut chain = Chain::start(1);
        for batch in seal_all(&entries, chain) {
            let mut again = BatchBuffer::new(batch.first_lsn(), Vec::new());
            for record in batch.records().map(Result::unwrap) {
                prop_assert_eq!(again.push_with(&record.op, record.effect, &record.options, record.at), Some(record.lsn));
            }
            let again = again.seal(&chain, EPOCH, 0);
            prop_assert_eq!(again.as_bytes(), batch.as_bytes());
            chain = chain.after(&batch);
        }
    }

    #[test]
    fn a_batch_without_options_says_the_same_in_either_version(entries in vec(plain_entry(), 1..24)) {
        for batch in seal_all(&entries, Chain::start(1)) {
            let old = as_version(&batch, 1);
            prop_assert_eq!((old.version(), batch.version()), (1, 2));
            let [old, new]: [Vec<Record<'_>>; 2] = [&old, &batch].map(|batch| batch.records().map(Result::unwrap).collect());
            prop_assert_eq!(old, new);
        }
    }

    #[test]
    fn options_that_are_not_known_and_not_critical_change_nothing(
        entry in plain_entry(),
        options in vec((unknown_tag(), vec(any::<u8>(), 0..20)), 0..8),
    ) {
        let plain = &seal_all(&[entry], Chain::start(1))[0];
        let base = &plain.as_bytes()[40..48];
        let record = with_options(plain, &raw_options(&options));
        let mut head = header(2, 1);
        head[40..48].copy_from_slice(base);
        prop_assert_eq!(&read_forged(head, &record), &plain.records().collect::<Vec<_>>());

        let kind = record[4];
        let unknown = BatchError::Record { index: 0, error: RecordError::Kind(kind) };
        prop_assert_eq!(read_forged(header(1, 1), &record), [Err(unknown)], "version 1 has no options");
    }

    #[test]
    fn damaged_options_do_not_panic(entry in plain_entry(), options in vec(any::<u8>(), 0..300)) {
        let plain = &seal_all(&[entry], Chain::start(1))[0];
        check_forged(header(2, 1), &with_options(plain, &options), 1);
    }

    #[test]
    fn a_record_takes_the_bytes_that_record_bytes_says(entry in entry()) {
        let mut buffer = BatchBuffer::new(1, Vec::new());
        entry.push(&mut buffer);
        prop_assert_eq!(buffer.body_bytes(), record_bytes(&entry.op.as_op()) + entry.options.bytes());
        let bytes = buffer.body_bytes();
        prop_assert_eq!(buffer.seal(&Chain::start(1), EPOCH, 0).body_bytes(), bytes);
    }

    #[test]
    fn a_time_is_taken_if_it_lies_within_32_bits_of_the_first(first: Micros, off in -2 * TOO_LATE..2 * TOO_LATE) {
        let op = Op::Del { ty: ValueType::Int, key: as_key("k") };
        let mut buffer = BatchBuffer::new(5, Vec::new());
        prop_assert_eq!(buffer.push(&op, Effect::None, first), Some(5));
        let bytes = buffer.body_bytes();
        match first.checked_add(off) {
            Some(at) if (-TOO_LATE..TOO_LATE).contains(&off) => {
                prop_assert_eq!(buffer.push(&op, Effect::None, at), Some(6));
            }
            at => {
                prop_assert_eq!(buffer.push(&op, Effect::None, at.unwrap_or(if off < 0 { Micros::MAX } else { Micros::MIN })), None);
                prop_assert_eq!((buffer.next_lsn(), buffer.body_bytes()), (6, bytes), "a refused record leaves no trace");
            }
        }
    }

    #[test]
    fn every_bit_flip_is_refused(entries in vec(entry(), 1..4), behind in vec(any::<u8>(), 0..200)) {
        let batch = &seal_all(&entries, Chain::start(1))[0];
        let length = batch.as_bytes().len();
        // A flip in the length may reach into the bytes behind the batch.
        let mut bytes = [batch.as_bytes(), &behind].concat();
        for bit in 0..8 * length {
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(&bytes[..length]).is_err(), "bit {} flipped, nothing behind", bit);
            prop_assert!(decode(&bytes).is_err(), "bit {} flipped", bit);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        prop_assert!(decode(&bytes).is_ok());
    }

    #[test]
    fn every_truncation_is_refused(entries in vec(entry(), 1..4)) {
        let batch = &seal_all(&entries, Chain::start(1))[0];
        for length in 0..batch.as_bytes().len() {
            let error = decode(&batch.as_bytes()[..length]).unwrap_err();
            let is_length = matches!(error, BatchError::Length { available, .. } if available == length);
            prop_assert!(is_length, "{} bytes: {}", length, error);
        }
    }

    #[test]
    fn bytes_behind_a_batch_are_left_alone(entries in vec(entry(), 0..4), behind in vec(any::<u8>(), 0..100)) {
        for batch in seal_all(&entries, Chain::start(1)) {
            prop_assert_eq!(decode(&[batch.as_bytes(), &behind].concat()), Ok(batch));
        }
    }

    #[test]
    fn random_bytes_are_refused_without_a_panic(mut bytes in vec(any::<u8>(), 0..300), with_magic: bool) {
        if with_magic && bytes.len() >= 4 {
            bytes[..4].copy_from_slice(&MAGIC);
        }
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn random_records_behind_a_right_checksum_do_not_panic(
        records in vec((0u8..15, any::<bool>(), 0u8..8, vec(any::<u8>(), 0..4), vec(any::<u8>(), 0..16)), 0..6),
        behind in vec(any::<u8>(), 0..40),
        count in 0u32..8,
        version in any_version(),
    ) {
        let mut bytes = Vec::new();
        for (kind, has_options, ty, key, payload) in records {
            let kind = if has_options { kind | HAS_OPTIONS } else { kind };
            bytes.extend(raw_record(kind, ty, &key, &payload));
        }
        bytes.extend(behind);
        check_forged(header(version, count), &bytes, count);
    }

    #[test]
    fn damaged_records_behind_a_right_checksum_do_not_panic(
        entries in vec(entry(), 1..4),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        count in 0u32..6,
        version in any_version(),
    ) {
        let mut bytes = seal_all(&entries, Chain::start(1))[0].as_bytes()[HEADER_BYTES..].to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check_forged(header(version, count), &bytes, count);
    }

    #[test]
    fn a_random_header_behind_a_right_checksum_does_not_panic(
        fields in vec(prop_oneof![any::<u64>(), u64::MAX - 3..=u64::MAX], 5),
    ) {
        let batch = small_batch();
        let mut header = header(VERSION, batch.count());
        // Log id, epoch, first lsn, base time, durable lsn.
        for (at, field) in (16..).step_by(8).zip(fields) {
            header[at..at + 8].copy_from_slice(&field.to_le_bytes());
        }
        let records = &batch.as_bytes()[HEADER_BYTES..];
        if Batch::decode(&forge(header, records)).is_ok() {
            check_forged(header, records, batch.count());
        }
    }
}

/// Reads a forged batch to its end: at most `count` records, and one error at most, which comes last.
fn check_forged(header: [u8; HEADER_BYTES], records: &[u8], count: u32) {
    let batch = Batch::decode(&forge(header, records)).expect("length, version and checksum are right");
    let read: Vec<_> = batch.records().collect();
    let errors = read.iter().filter(|record| record.is_err()).count();
    assert!(read.len() - errors <= count as usize);
    assert!(errors == 0 || (errors == 1 && read.last().unwrap().is_err()));
    assert!(errors == 1 || read.len() == count as usize, "no error, hence all records");
    assert_eq!(batch.count(), count);
    let _ = (format!("{batch:?}"), batch.last_lsn(), batch.is_sealed());
}

#[test]
fn the_header_says_what_sealing_was_told() {
    let chain = Chain { log_id: 0xfeed, lsn: 41, checksum: 0xabcd };
    let mut buffer = BatchBuffer::new(42, Vec::new());
    assert!(buffer.is_empty());
    buffer.push(&Op::DelAll { key: as_key("k") }, Effect::Types(TypeSet::EMPTY), 5);
    buffer.push(&Op::DelAll { key: as_key("k") }, Effect::Types(TypeSet::EMPTY), 6);
    let batch = decode(buffer.seal(&chain, 9, 40).as_bytes()).unwrap();

    assert_eq!((batch.first_lsn(), batch.last_lsn(), batch.count()), (42, 43, 2));
    assert_eq!((batch.log_id(), batch.previous()), (0xfeed, 0xabcd));
    assert_eq!((batch.epoch(), batch.durable_lsn(), batch.is_sealed()), (9, 40, false));
    assert_eq!(chain.after(&batch), Chain { log_id: 0xfeed, lsn: 43, checksum: batch.checksum() });
}

#[test]
fn the_memory_of_a_batch_comes_back_when_its_last_holder_gives_it() {
    let batch = small_batch();
    let second = batch.clone();
    assert_eq!(batch.into_memory(), None);
    assert!(second.into_memory().is_some_and(|memory| memory.capacity() >= HEADER_BYTES));
}

#[test]
fn used_memory_leaves_no_trace_in_a_new_buffer() {
    let op = [Op::Get { ty: ValueType::Int, key: as_key("k") }];
    let mut used = BatchBuffer::new(1, vec![0xff; 1000]);
    used.push(&op[0], Effect::None, 0);
    assert_eq!(used.seal(&Chain::start(1), EPOCH, 0), seal_one(&op, &Chain::start(1)));
}

#[test]
fn the_chain_continues_only_with_the_next_batch_of_the_same_log() {
    let ops = [Op::DelAll { key: as_key("k") }];
    let start = Chain::start(1);
    let first = seal_one(&ops, &start);
    let after = start.after(&first);
    let second = seal_one(&ops, &after);

    assert!(start.continues_with(&first) && after.continues_with(&second));
    assert!(!after.continues_with(&first), "the same batch again");
    assert!(!start.continues_with(&second), "a gap");
    assert!(!Chain { log_id: 2, ..start }.continues_with(&first), "another log");
    assert!(!Chain { checksum: !after.checksum, ..after }.continues_with(&second), "another history");
    assert_ne!(Chain::start(1).checksum, Chain::start(2).checksum);
}

#[test]
fn a_mark_carries_the_durable_lsn_and_is_no_part_of_the_chain() {
    let ops = [Op::DelAll { key: as_key("k") }];
    for chain in [Chain::start(1), Chain::start(1).after(&seal_one(&ops, &Chain::start(1)))] {
        for sealed in [false, true] {
            let mark = decode(Batch::mark(&chain, EPOCH, 1234, sealed).as_bytes()).unwrap();
            assert_eq!((mark.count(), mark.body_bytes(), mark.records().count()), (0, 0, 0));
            assert_eq!((mark.durable_lsn(), mark.last_lsn(), mark.epoch()), (chain.lsn, chain.lsn, EPOCH));
            assert_eq!(mark.is_sealed(), sealed);
            assert!(chain.continues_with(&mark));
            assert_eq!(chain.after(&mark), chain);
        }
    }
}

#[test]
fn another_magic_is_no_batch() {
    let bytes = small_batch().as_bytes().to_vec();
    for at in 0..MAGIC.len() {
        let mut other = bytes.clone();
        other[at] = b'x';
        assert_eq!(decode(&other), Err(BatchError::Magic));
    }
}

#[test]
fn a_batch_begins_with_the_magic_and_its_log_id() {
    let (batch, bytes) = (small_batch(), small_batch().as_bytes()[..24].to_vec());
    assert!(Batch::begins(&bytes, batch.log_id()));
    assert!(!Batch::begins(&bytes, batch.log_id() + 1));
    assert!(!Batch::begins(&bytes[..23], batch.log_id()), "the log id is cut off");
    assert!(!Batch::begins(&bytes[1..], batch.log_id()));
}

#[test]
fn another_version_is_named_in_the_error() {
    assert_eq!(Batch::decode(&forge(header(3, 0), &[])), Err(BatchError::Version(3)));
    assert_eq!(Batch::decode(&forge(header(u16::MAX, 0), &[])), Err(BatchError::Version(u16::MAX)));
    assert_eq!(Batch::decode(&forge(header(0, 0), &[])), Err(BatchError::Version(0)));
}

#[test]
fn a_chain_goes_from_version_1_to_2() {
    let ops = [Op::Del { ty: ValueType::Str, key: as_key("k") }];
    let start = Chain::start(1);
    let old = as_version(&seal_one(&ops, &start), 1);
    assert!(start.continues_with(&old));
    let after = start.after(&old);
    let new = seal_one(&ops, &after);
    assert!(after.continues_with(&new));
    let stream = Bytes::from([old.as_bytes(), new.as_bytes()].concat());
    assert_eq!(Batch::decode(&stream).unwrap().version(), 1);
    assert_eq!(Batch::decode(&stream.slice(old.as_bytes().len()..)).unwrap().version(), 2);
}

#[test]
fn options_that_must_not_be_skipped_are_refused_with_the_reason() {
    let plain = seal_one(&[Op::Put { key: as_key("k"), value: ValueRef::Str("text") }], &Chain::start(1));
    let read = |options: &[u8]| read_forged(header(2, 1), &with_options(&plain, options));
    let refused = |error: OptionsError| [Err(BatchError::Record { index: 0, error: error.into() })];
    for tag in [TAG_GROUP + 1, CRITICAL, 0xff] {
        assert_eq!(read(&raw_options(&[(1, vec![]), (tag, vec![0; 8])])), refused(OptionsError::Critical(tag)));
    }
    assert_eq!(read(&raw_options(&[(2, vec![7; 16])])), plain.records().collect::<Vec<_>>());
    let expires = raw_options(&[(TAG_EXPIRY, vec![0; 8])]);
    assert_eq!(read(&expires)[0].map(|record| record.options.expires), Ok(Some(0)));
    let deletion = seal_one(&[Op::Del { ty: ValueType::Str, key: as_key("k") }], &Chain::start(1));
    let of_deletion = read_forged(header(2, 1), &with_options(&deletion, &expires));
    assert_eq!(of_deletion, refused(OptionsError::NothingExpires), "it leaves no entry");
    assert_eq!(read(&[0xff, 0xff]), refused(OptionsError::Length(0xffff)));
    assert_eq!(read(&[9, 0, 1, 0]), refused(OptionsError::Length(9)), "beyond the record");
    assert_eq!(read(&[1, 0, 1]), refused(OptionsError::Truncated(1)));
    assert_eq!(read(&[2, 0, 1, 1]), refused(OptionsError::Truncated(1)));
    let too_long = raw_options(&[(1, vec![0; 250]), (1, vec![0; 250])]);
    const { assert!(504 > MAX_OPTIONS_BYTES) };
    assert_eq!(read(&too_long), refused(OptionsError::Length(504)));
}

#[test]
#[should_panic(expected = "is no effect of incr")]
fn an_effect_of_another_kind_is_not_encoded() {
    let op = Op::Incr { ty: CounterType::Int, key: as_key("k") };
    BatchBuffer::new(1, Vec::new()).push(&op, Effect::Uint(1), 0);
}

#[test]
fn a_length_is_accepted_from_a_header_to_the_largest_batch() {
    let largest = vec![0; MAX_BATCH_BYTES - HEADER_BYTES];
    assert!(Batch::decode(&forge(header(VERSION, 0), &largest)).is_ok());
    drop(largest);
    let too_large = vec![0; MAX_BATCH_BYTES - HEADER_BYTES + 1];
    let claimed = MAX_BATCH_BYTES + 1;
    let refused = Err(BatchError::Length { claimed, available: claimed });
    assert_eq!(Batch::decode(&forge(header(VERSION, 0), &too_large)), refused);

    let mut too_small = forge(header(VERSION, 0), &[]).to_vec();
    too_small[8] = HEADER_BYTES as u8 - 1;
    assert_eq!(decode(&too_small), Err(BatchError::Length { claimed: HEADER_BYTES - 1, available: HEADER_BYTES }));
}

#[test]
fn a_wrong_number_of_records_is_noticed() {
    let bytes = small_batch().as_bytes()[HEADER_BYTES..].to_vec();
    let last = |count| read_forged(header(VERSION, count), &bytes).pop().unwrap();
    assert_eq!(last(2), Err(BatchError::Count), "fewer than there are");
    assert!(last(3).is_ok());
    let missing = BatchError::Record { index: 3, error: RecordError::Length(0) };
    assert_eq!(last(4), Err(missing), "more than there are");
}

#[test]
fn records_that_make_no_sense_are_refused_with_the_reason() {
    use PayloadError::{Size, Type};
    let payload = |error: PayloadError| RecordError::from(error);
    const INT: u8 = ValueType::Int as u8;
    const STR: u8 = ValueType::Str as u8;
    const MAP: u8 = ValueType::Map as u8;
    const SET: u8 = ValueType::Set as u8;
    let long_key = [b'k'; MAX_KEY_BYTES + 1];
    let mut key_beyond_record = raw_record(1, INT, b"k", b"");
    key_beyond_record[6] = 2;
    let mut record_beyond_batch = raw_record(1, INT, b"k", b"");
    record_beyond_batch[0] = 14;
    let mut record_below_header = raw_record(1, INT, b"k", b"");
    record_below_header[0] = 11;

    let cases = [
        (raw_record(0, INT, b"k", b""), RecordError::Kind(0)),
        (raw_record(16, INT, b"k", b""), RecordError::Kind(16)),
        (raw_record(15, INT, b"k", &[0; 20]), payload(Type { kind: OpKind::Outcome, ty: INT })),
        (raw_record(15, 0, b"k", &[0; 15]), payload(Size(OpKind::Outcome))),
        (raw_record(15, 0, b"k", &[0; 19]), payload(OutcomeError::Length.into())),
        (raw_record(13, 0, b"k", b""), payload(Type { kind: OpKind::Touch, ty: 0 })),
        (raw_record(14, INT, b"k", b"x"), payload(Size(OpKind::Expire))),
        (raw_record(1, 0, b"k", b""), payload(Type { kind: OpKind::Get, ty: 0 })),
        (raw_record(1, 7, b"k", b""), payload(Type { kind: OpKind::Get, ty: 7 })),
        (raw_record(4, INT, b"k", &[0; 4]), payload(Type { kind: OpKind::DelAll, ty: INT })),
        (raw_record(5, STR, b"k", &[0; 4]), payload(Type { kind: OpKind::Incr, ty: STR })),
        (raw_record(6, SET, b"k", &[0; 12]), payload(Type { kind: OpKind::IncrBy, ty: SET })),
        (raw_record(7, MAP, b"k", b""), payload(Type { kind: OpKind::SetAdd, ty: MAP })),
        (raw_record(10, SET, b"k", b""), payload(Type { kind: OpKind::MapGet, ty: SET })),
        (raw_record(1, INT, b"", b""), KeyError::Empty.into()),
        (raw_record(1, INT, &long_key, b""), KeyError::TooLong(513).into()),
        (raw_record(1, INT, b"a\0", b""), KeyError::Text(TextError::Nul(1)).into()),
        (raw_record(1, INT, b"a\xff", b""), KeyError::Text(TextError::NotUtf8(1)).into()),
        (key_beyond_record, RecordError::Length(14)),
        (record_beyond_batch, RecordError::Length(14)),
        (record_below_header, RecordError::Length(11)),
        (raw_record(1, INT, b"k", b"x"), payload(Size(OpKind::Get))),
        (raw_record(3, INT, b"k", b"x"), payload(Size(OpKind::Del))),
        (raw_record(2, INT, b"k", &[0; 3]), payload(Size(OpKind::Put))),
        (raw_record(2, STR, b"k", b"\xff"), payload(TextError::NotUtf8(0).into())),
        (raw_record(2, STR, b"k", b"\0"), payload(TextError::Nul(0).into())),
        (raw_record(2, MAP, b"k", &[0; 4]), payload(StringsError::Odd(1).into())),
        (raw_record(2, SET, b"k", &[1, 0, 0, 0]), payload(StringsError::Truncated(0).into())),
        (raw_record(4, 0, b"k", &[0; 5]), payload(Size(OpKind::DelAll))),
        (raw_record(4, 0, b"k", &[0x80, 0, 0, 0]), RecordError::Types(0x80)),
        (raw_record(4, 0, b"k", &[1, 0, 0, 0]), RecordError::Types(1)),
        (raw_record(5, INT, b"k", &[0; 3]), payload(Size(OpKind::Incr))),
        (raw_record(6, INT, b"k", &[0; 11]), payload(Size(OpKind::IncrBy))),
        (raw_record(9, SET, b"k", b"\0"), payload(TextError::Nul(0).into())),
        (raw_record(11, MAP, b"k", &[0; 4]), payload(Size(OpKind::MapSet))),
        (raw_record(11, MAP, b"k", &[0; 12]), payload(Size(OpKind::MapSet))),
    ];
    for (bytes, error) in cases {
        for version in OLDEST_BATCH_VERSION..=VERSION {
            let read = read_forged(header(version, 1), &bytes);
            assert_eq!(read, [Err(BatchError::Record { index: 0, error })], "version {version}: {bytes:?}");
        }
    }
}
