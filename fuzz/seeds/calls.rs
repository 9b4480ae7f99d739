//! Calls of txn.v1: what a writer and a reader send.

use fuzz::folder::LOG_ID;
use fuzz::parts;
use prost::Message;
use proto::Chain;
use txnd::Term;
use txnd::wire::v1::{
    BeginCheckpoint, Close, KeepCheckpointRequest, ListCheckpointsRequest, OpenRequest, ReadCheckpointRequest,
    ReadTransactionsRequest, WriteCheckpointRequest, WriteTransactionsRequest, write_checkpoint_request,
    write_transactions_request,
};

use crate::files::{Seeds, checkpoint, put};

const OPEN: u8 = 0;
const WRITE: u8 = 1;
const READ: u8 = 2;
const LIST_CHECKPOINTS: u8 = 3;
const READ_CHECKPOINT: u8 = 4;
const WRITE_CHECKPOINT: u8 = 5;
const KEEP_CHECKPOINT: u8 = 6;

/// The call of a method with these messages, in gRPC's framing.
fn call<M: Message>(method: u8, messages: impl IntoIterator<Item = M>) -> Vec<u8> {
    let mut call = vec![method];
    for message in messages {
        call.push(0);
        call.extend_from_slice(&(message.encoded_len() as u32).to_be_bytes());
        call.extend_from_slice(&message.encode_to_vec());
    }
    call
}

fn write(messages: impl IntoIterator<Item = write_transactions_request::Message>) -> Vec<u8> {
    call(WRITE, messages.into_iter().map(|message| WriteTransactionsRequest { message: Some(message) }))
}

pub(crate) fn calls() -> Seeds {
    use write_checkpoint_request::Message as ToCheckpoint;
    use write_transactions_request::Message as ToLog;

    // The term that the first Open of a new log begins.
    let start = Chain::start(LOG_ID);
    let term = || Some(Term { epoch: 1, chain: start }.into());
    let resume = || ToLog::Resume(term().expect("a term"));
    let first = put(&start, 1);
    let second = put(&start.after(&first), 2);
    let batches = || [&first, &second].map(|batch| ToLog::Batch(batch.to_bytes()));
    let open = call(OPEN, [OpenRequest {}]);
    let written = write([resume()].into_iter().chain(batches()).chain([ToLog::Close(Close {})]));
    let read = |from_lsn, upto_lsn, with_term: bool| {
        let term = term().filter(|_| with_term);
        call(READ, [ReadTransactionsRequest { term, from_lsn, upto_lsn, without_term: !with_term }])
    };
    let list = call(LIST_CHECKPOINTS, [ListCheckpointsRequest { term: None, without_term: true }]);
    let store = |base_lsn| {
        let begin = ToCheckpoint::Begin(BeginCheckpoint { term: term(), base_lsn });
        let batches = checkpoint(base_lsn).map(|batch| ToCheckpoint::Batch(batch.to_bytes()));
        let messages = [begin].into_iter().chain(batches);
        call(WRITE_CHECKPOINT, messages.map(|message| WriteCheckpointRequest { message: Some(message) }))
    };
    let keep =
        |base_lsn, begins_log| call(KEEP_CHECKPOINT, [KeepCheckpointRequest { term: term(), base_lsn, begins_log }]);
    let read_checkpoint =
        call(READ_CHECKPOINT, [ReadCheckpointRequest { term: None, without_term: true, base_lsn: 2 }]);
    let unclosed = write([resume()].into_iter().chain(batches()));
    let (open, list) = (|| open.clone(), || list.clone());
    let sequences: [(&str, Vec<Vec<u8>>); 7] = [
        ("open", vec![open()]),
        ("written-and-read", vec![open(), written, read(1, 0, false), list()]),
        ("read-by-its-writer", vec![open(), unclosed.clone(), read(1, 2, true), read(2, 2, true)]),
        ("read-too-far", vec![open(), read(9, 0, false), read(0, u64::MAX, false), read(1, 1, true)]),
        ("checkpoint", vec![open(), unclosed.clone(), store(2), keep(2, false), list(), read_checkpoint]),
        ("begins-with-checkpoint", vec![open(), store(2), keep(2, true), list(), open()]),
        ("resumed-twice", vec![open(), unclosed.clone(), unclosed.clone(), open(), unclosed]),
    ];
    sequences.into_iter().map(|(name, calls)| (name.into(), [vec![1], parts::join(calls)].concat())).collect()
}
