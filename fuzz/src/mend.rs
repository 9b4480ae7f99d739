//! Right checksums for wrong bytes. A fuzzer does not guess a checksum, and what comes after the check would never see an
//! odd byte. The layouts are those of `proto/src/batch.rs` and `txnd/src/segment/`.

use bytes::{BufMut, Bytes};
use prost::Message as _;
use proto::BATCH_MAGIC;
use proto::limits::BATCH_HEADER_BYTES;
use txnd::wire::v1::WriteTransactionsRequest;
use txnd::wire::v1::write_transactions_request::Message;

/// Size of the header of a segment or checkpoint, in bytes.
pub const HEADER_BYTES: usize = 64;

/// Where a header has its checksum, and a batch has its own.
const CHECKSUM_AT: usize = 60;

const BATCH_LENGTH_AT: usize = 8;
const BATCH_COUNT_AT: usize = 12;
const BATCH_LOG_ID_AT: usize = 16;
const BATCH_PREVIOUS_AT: usize = 56;

/// The second field of a header: the first lsn of a segment, the base of a checkpoint.
const LSN_AT: usize = 16;
/// The third field of a segment's header: where its chain begins.
const CHAIN_AT: usize = 24;

const MANIFEST_CHECKSUM: &str = "crc32c ";

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

fn put(bytes: &mut [u8], at: usize, word: u32) {
    bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

/// The lsn that a segment's or checkpoint's header names, if there is a header.
pub fn lsn_of(file: &[u8]) -> Option<u64> {
    file.get(LSN_AT..HEADER_BYTES)?.first_chunk().map(|lsn| u64::from_le_bytes(*lsn))
}

/// A batch that is as long as it says, with its checksum.
pub fn batch(bytes: &[u8]) -> Vec<u8> {
    let mut batch = bytes.to_vec();
    let Some(claimed) = word(&batch, BATCH_LENGTH_AT) else { return batch };
    let length = match claimed as usize {
        claimed if (BATCH_HEADER_BYTES..=batch.len()).contains(&claimed) => claimed,
        _ => batch.len(),
    };
    if length >= BATCH_HEADER_BYTES {
        put(&mut batch, BATCH_LENGTH_AT, length as u32);
        seal(&mut batch[..length]);
    }
    batch
}

fn seal(batch: &mut [u8]) -> u32 {
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&batch[..CHECKSUM_AT]), &batch[BATCH_HEADER_BYTES..]);
    put(batch, CHECKSUM_AT, checksum);
    checksum
}

/// A segment or checkpoint whose header and batches have their checksums. If it is `chained`, each batch also names the
/// checksum of the one before it.
pub fn file(bytes: &[u8], chained: bool, is_checkpoint: bool) -> Vec<u8> {
    let mut file = bytes.to_vec();
    let Some(begins) = word(&file, CHAIN_AT).filter(|_| file.len() >= HEADER_BYTES) else { return file };
    let checksum = crc32c::crc32c(&file[..CHECKSUM_AT]);
    put(&mut file, CHECKSUM_AT, checksum);
    // A checkpoint has a chain of its own.
    let (mut chain, mut rest) = ((!is_checkpoint).then_some(begins), &mut file[HEADER_BYTES..]);
    while rest.starts_with(&BATCH_MAGIC) && rest.len() >= BATCH_HEADER_BYTES {
        let length = word(rest, BATCH_LENGTH_AT).unwrap_or_default() as usize;
        if !(BATCH_HEADER_BYTES..=rest.len()).contains(&length) {
            break;
        }
        let (batch, after) = rest.split_at_mut(length);
        let previous = *chain.get_or_insert_with(|| crc32c::crc32c(&batch[BATCH_LOG_ID_AT..BATCH_LOG_ID_AT + 8]));
        if chained {
            put(batch, BATCH_PREVIOUS_AT, previous);
        }
        let checksum = seal(batch);
        if word(batch, BATCH_COUNT_AT) != Some(0) {
            chain = Some(checksum);
        }
        rest = after;
    }
    file
}

/// A manifest whose last line is the checksum of the lines above.
pub fn manifest(bytes: &[u8]) -> Vec<u8> {
    let lines = match bytes.windows(MANIFEST_CHECKSUM.len()).rposition(|end| end == MANIFEST_CHECKSUM.as_bytes()) {
        Some(end) => &bytes[..end],
        None => bytes,
    };
    [lines, format!("{MANIFEST_CHECKSUM}{:08x}\n", crc32c::crc32c(lines)).as_bytes()].concat()
}

/// The body of a call with gRPC's framing, in which each batch has its checksum. The message with a batch of a checkpoint has
/// the same form.
pub fn messages(body: &[u8]) -> Vec<u8> {
    let (mut mended, mut rest) = (Vec::new(), body);
    while let Some((head, after)) = rest.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (message, next) = after.split_at(length.min(after.len()));
        let request = match WriteTransactionsRequest::decode(message) {
            Ok(WriteTransactionsRequest { message: Some(Message::Batch(bytes)) }) => {
                let message = Some(Message::Batch(Bytes::from(batch(&bytes))));
                WriteTransactionsRequest { message }.encode_to_vec()
            }
            _ => message.to_vec(),
        };
        mended.put_u8(head[0]);
        mended.put_u32(request.len() as u32);
        mended.extend_from_slice(&request);
        rest = next;
    }
    mended.extend_from_slice(rest);
    mended
}
