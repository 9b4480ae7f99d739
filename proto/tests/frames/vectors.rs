//! `proto/frames.vectors` is what this codec encodes and decodes, and has an example of every kind of message.
//!
//! With `KVS_WRITE_VECTORS=1` the file is written anew.

use std::collections::BTreeSet;
use std::path::Path;

use proto::frame::{
    ClientPreface, Cursor, ETAG_BYTES, EntryFacts, ErrorCode, Etag, Frames, PrefaceStatus, RunDecoder, ServerPreface,
    Token, Ttl,
};
use proto::{CounterType, OpKind, Reply, Value, ValueType};

use crate::check;
use crate::messages::{OwnedAnswer, OwnedChange, OwnedRequest};
use testkit::arbitrary::{OwnedOp, packed};

const FILE: &str = "frames.vectors";

const HEAD: &str = "\
# Examples of every message of the frame protocol, for the tests of clients; see frames.md.
#
# A line is: who sends it (> the client, < the server) | what it says | its bytes in hexadecimal. Spaces between bytes
# stand where a field ends and mean nothing. The id of each request and reply is 01020304, written little-endian.
";

const ID: u32 = 0x0102_0304;

const ETAG: Etag = *b"the state, 20 bytes.";
const TOKEN: Token = *b"the place, of 23 bytes.";
const CURSOR: Cursor = *b"cursor, of 20 bytes.";

enum Message {
    Hello(ClientPreface),
    Welcome(ServerPreface),
    Request(OwnedRequest, bool),
    Answer(OwnedAnswer),
}
use Message::{Answer, Hello, Welcome};

impl Message {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Hello(preface) => out.extend(preface.encode()),
            Welcome(preface) => out.extend(preface.encode()),
            Message::Request(request, durable) => request.encode(&mut out, ID, *durable),
            Answer(answer) => answer.encode(&mut out, ID),
        }
        out
    }

    /// Panics unless `bytes` decode to this message.
    fn assert_is_in(&self, bytes: &[u8]) {
        match self {
            Hello(preface) => assert_eq!(ClientPreface::decode(bytes.try_into().unwrap()), Ok(*preface)),
            Welcome(preface) => assert_eq!(ServerPreface::decode(bytes.try_into().unwrap()), Ok(*preface)),
            Message::Request(request, durable) => {
                assert_eq!(RunDecoder::requests(bytes.len()).complete(bytes).unwrap(), bytes.len());
                request.assert_is_in(Frames::new(bytes).next().unwrap(), ID, *durable);
                check::requests(bytes);
            }
            Answer(answer) => {
                assert_eq!(RunDecoder::replies(bytes.len()).complete(bytes).unwrap(), bytes.len());
                answer.assert_is_in(Frames::new(bytes).next().unwrap(), ID);
                check::replies(bytes);
            }
        }
    }

    /// The lengths of the fields that have a fixed one.
    fn fields(&self) -> &'static [usize] {
        match self {
            Hello(_) => &[4, 2, 2],
            Welcome(_) => &[4, 2, 2, 4, 4],
            Message::Request(..) => &[4, 4, 1, 1, 2, 2, 2],
            Answer(_) => &[4, 4, 1, 1, 2],
        }
    }

    fn line(&self, says: &str) -> String {
        let from = if matches!(self, Hello(_) | Message::Request(..)) { '>' } else { '<' };
        let bytes = self.encode();
        let (mut rest, mut hex) = (&bytes[..], Vec::new());
        let key = match self {
            Message::Request(..) => usize::from(u16::from_le_bytes([bytes[10], bytes[11]])),
            _ => 0,
        };
        for length in self.fields().iter().copied().chain([key]) {
            let (field, behind) = rest.split_at(length);
            hex.push(field);
            rest = behind;
        }
        let hex = hex.into_iter().chain([rest]).filter(|field| !field.is_empty());
        let hex: Vec<String> = hex.map(|field| field.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
        format!("{from} | {says} | {}\n", hex.join(" "))
    }
}

fn values() -> [(&'static str, Value); 9] {
    [
        ("the int -2", Value::Int(-2)),
        ("the uint 4294967295", Value::Uint(u32::MAX)),
        ("the float 1.5", Value::Float(1.5)),
        ("the str \"añ€😀\"", Value::Str("añ€😀".into())),
        ("the empty str", Value::Str("".into())),
        ("the map {\"a\": \"1\", \"b\": \"\"}", Value::Map(packed(["a", "1", "b", ""]))),
        ("the empty map", Value::Map(packed([""; 0]))),
        ("the set [\"a\", \"b\", \"é\"]", Value::Set(packed(["a", "b", "é"]))),
        ("the empty set", Value::Set(packed([""; 0]))),
    ]
}

/// Every message with what it says.
fn vectors() -> Vec<(String, Message)> {
    let mut all = prefaces();
    all.extend(requests());
    all.extend(answers());
    all
}

fn prefaces() -> Vec<(String, Message)> {
    let mut all = vec![("preface of version 1".into(), Hello(ClientPreface::current()))];
    let welcome = ServerPreface {
        version: 1,
        status: PrefaceStatus::Welcome,
        max_frame: 1 << 24,
        auth_required: false,
        auth_offered: false,
        read_only: false,
        transacts: false,
        keeps_outcomes: false,
        follows: false,
    };
    let servers = [
        ("welcome, frames of at most 16 MiB", welcome),
        ("welcome, the first request must be an auth", ServerPreface { auth_required: true, ..welcome }),
        ("welcome, an auth is possible", ServerPreface { auth_offered: true, ..welcome }),
        ("welcome, transactions and scans are known", ServerPreface { transacts: true, ..welcome }),
        ("welcome, changes are told", ServerPreface { transacts: true, follows: true, ..welcome }),
        (
            "welcome, transactions, scans and idempotency keys are known",
            ServerPreface { transacts: true, keeps_outcomes: true, ..welcome },
        ),
        ("welcome, no writes any more", ServerPreface { read_only: true, ..welcome }),
        ("not this protocol", ServerPreface { status: PrefaceStatus::NotThisProtocol, ..welcome }),
        ("another version", ServerPreface { status: PrefaceStatus::Version, ..welcome }),
        ("too many connections", ServerPreface { status: PrefaceStatus::TooManyConnections, ..welcome }),
    ];
    all.extend(servers.map(|(says, preface)| (format!("preface: {says}"), Welcome(preface))));
    all
}

fn requests() -> Vec<(String, Message)> {
    use OwnedOp::*;
    let mut all: Vec<(String, Message)> = Vec::new();
    let mut say = |says: String, request: OwnedRequest, durable: bool| {
        all.push((says, Message::Request(request, durable)));
    };
    let mut ops = Vec::new();
    for ty in ValueType::ALL {
        ops.push((format!("get the {} `k`", ty.name()), Get(ty, "k".into())));
    }
    for (says, value) in values() {
        ops.push((format!("put under `k` {says}"), Put("k".into(), value)));
    }
    for ty in ValueType::ALL {
        ops.push((format!("del the {} `k`", ty.name()), Del(ty, "k".into())));
    }
    let key = || "schlüssel/🗝".to_string();
    ops.push(("del-all `schlüssel/🗝`".into(), DelAll(key())));
    for (name, ty) in [("int", CounterType::Int), ("uint", CounterType::Uint)] {
        ops.push((format!("incr the {name} `k`"), Incr(ty, "k".into())));
        ops.push((format!("incrby of the {name} `k` by -5"), IncrBy(ty, "k".into(), -5)));
    }
    ops.push(("set-add to `s` of \"a\", \"b\"".into(), SetAdd("s".into(), packed(["a", "b"]))));
    ops.push(("set-rem from `s` of \"a\"".into(), SetRem("s".into(), packed(["a"]))));
    ops.push(("set-has in `s` of \"a\"".into(), SetHas("s".into(), "a".into())));
    ops.push(("map-get from `m` of \"field\"".into(), MapGet("m".into(), "field".into())));
    ops.push(("map-set in `m` of \"field\" to \"value\"".into(), MapSet("m".into(), "field".into(), "value".into())));
    ops.push(("map-del from `m` of \"field\"".into(), MapDel("m".into(), "field".into())));
    ops.into_iter().for_each(|(says, op)| say(says, OwnedRequest::Op(op), false));
    say("put under `k` the int 7, durable".into(), OwnedRequest::Op(Put("k".into(), Value::Int(7))), true);
    let gets = vec![(ValueType::Int, "a".into()), (ValueType::Str, "bc".into())];
    say("multi-get of the int `a` and the str `bc`".into(), OwnedRequest::MultiGet(gets), false);
    say("multi-get of nothing".into(), OwnedRequest::MultiGet(Vec::new()), false);
    let puts = || OwnedRequest::MultiPut(vec![("a".into(), Value::Int(7)), ("bc".into(), Value::Str("text".into()))]);
    say("multi-put under `a` of the int 7 and under `bc` of the str \"text\"".into(), puts(), false);
    say("the same, durable".into(), puts(), true);
    say("ping".into(), OwnedRequest::Ping, false);
    say("auth with the token \"secret\"".into(), OwnedRequest::Auth("secret".into()), false);
    let checks = vec![
        (ValueType::Str, "a".into(), 0, Vec::new()),
        (ValueType::Str, "b".into(), 1, Vec::new()),
        (ValueType::Int, "c".into(), 2, vec![ETAG, [0; ETAG_BYTES]]),
        (ValueType::Int, "d".into(), 3, vec![ETAG]),
    ];
    let steps = vec![
        (Put("a".into(), Value::Str("text".into())), Some(Ttl::After(90_000)), None, None),
        (IncrBy(CounterType::Int, "c".into(), -1), Some(Ttl::Never), Some(0), Some(9)),
        (Touch(ValueType::Map, "m".into()), Some(Ttl::After(1)), None, None),
        (Get(ValueType::Int, "d".into()), None, None, None),
    ];
    let says = "transact if the str `a` is present, the str `b` absent, the int `c` in one of two states, the int `d` not in a \
                state: put under `a` the str \"text\" for 90 s, incrby of the int `c` by -1, from 0 to 9 and never expiring, \
                touch the map `m` for 1 ms, get the int `d`";
    say(says.into(), OwnedRequest::Transact(None, checks, steps), true);
    let incr = vec![(Incr(CounterType::Int, "k".into()), None, None, None)];
    let says = "transact with the idempotency key \"order-1\": incr the int `k`";
    say(says.into(), OwnedRequest::Transact(Some("order-1".into()), Vec::new(), incr), false);
    let scan = (Some(ValueType::Int), "user_".into(), 100, true, None);
    say("scan 100 ints with the prefix \"user_\", with values".into(), OwnedRequest::Scan(scan), false);
    let scan = (None, String::new(), 1, false, Some(CURSOR));
    say("scan one entry of any type, from a cursor on".into(), OwnedRequest::Scan(scan), false);
    let follow = (Some(ValueType::Int), "user_".into(), true, 30_000, Some(TOKEN));
    let says = "follow the ints with the prefix \"user_\" from a place on, with values; wait up to 30 s";
    say(says.into(), OwnedRequest::Follow(follow), false);
    let follow = (None, String::new(), false, 0, None);
    say("follow everything from now on; do not wait".into(), OwnedRequest::Follow(follow), false);
    all
}

fn answers() -> Vec<(String, Message)> {
    use OwnedOp::{Del, Incr, MapDel, MapSet, Put, SetAdd, SetRem};
    let mut all = Vec::new();
    let mut say = |says: String, answer: OwnedAnswer| all.push((says, Answer(answer)));
    say("done".into(), OwnedAnswer::Reply(Reply::Stored));
    for (says, value) in values() {
        say(format!("value: {says}"), OwnedAnswer::Reply(Reply::Value(value)));
    }
    for (says, reply) in [
        ("value of a field: the str \"value\"", Reply::Field("value".into())),
        ("no entry", Reply::NoEntry),
        ("no field", Reply::NoField),
        ("deleted", Reply::Deleted(true)),
        ("nothing to delete", Reply::Deleted(false)),
        ("count: 3", Reply::Count(3)),
        ("has it", Reply::Has(true)),
        ("has it not", Reply::Has(false)),
    ] {
        say(says.into(), OwnedAnswer::Reply(reply));
    }
    let many = vec![
        Ok(Reply::Value(Value::Int(7))),
        Ok(Reply::NoEntry),
        Err((ErrorCode::TooLarge, "too large".into())),
        Ok(Reply::Stored),
    ];
    say("many: value: the int 7; no entry; error 0x91 \"too large\"; done".into(), OwnedAnswer::Many(many));
    say("many: none".into(), OwnedAnswer::Many(Vec::new()));
    let facts = EntryFacts { existed: true, etag: Some(ETAG), expires: Some(1_800_000_000_000_000) };
    let steps = vec![
        (Ok(Reply::Stored), facts),
        (Ok(Reply::Value(Value::Int(7))), EntryFacts { expires: None, ..facts }),
        (Ok(Reply::NoEntry), EntryFacts::default()),
        (Err((ErrorCode::Busy, "no room".into())), EntryFacts { existed: true, ..EntryFacts::default() }),
    ];
    say(
        "transacted: done, existed before, expires; value: the int 7; no entry; no room".into(),
        OwnedAnswer::Transacted(TOKEN, false, steps),
    );
    let value = (Ok(Reply::Value(Value::Int(7))), EntryFacts { expires: None, ..facts });
    say(
        "transacted by an earlier request with the same idempotency key: value: the int 7".into(),
        OwnedAnswer::Transacted(TOKEN, true, vec![value]),
    );
    say("condition 2 failed: no entry".into(), OwnedAnswer::Condition(2, None));
    let found = Some((ETAG, Some(Value::Str("text".into()))));
    say("condition 0 failed: the entry is the str \"text\"".into(), OwnedAnswer::Condition(0, found));
    say("condition 0 failed: the entry has another state".into(), OwnedAnswer::Condition(0, Some((ETAG, None))));
    say("step 1 is beyond its bounds: the counter is -3".into(), OwnedAnswer::Bounds(1, -3));
    let entries = vec![
        (ValueType::Int, "a".into(), ETAG, None, Some(Value::Int(7))),
        (ValueType::Str, "bc".into(), ETAG, Some(1_800_000_000_000_000), None),
    ];
    say(
        "page: the int `a`, 7; the str `bc`, which expires; more follows".into(),
        OwnedAnswer::Page(Some(CURSOR), entries),
    );
    say("page: nothing, and the end".into(), OwnedAnswer::Page(None, Vec::new()));
    let change = |op, value| OwnedChange {
        op,
        value,
        at: 1_800_000_000_000_000,
        etag: Some(ETAG),
        expires: None,
        told: true,
        step_end: Some(TOKEN),
    };
    let together = OwnedChange { step_end: None, ..change(Put("a".into(), Value::Str("text".into())), None) };
    let changes = vec![
        OwnedChange { expires: Some(1_900_000_000_000_000), ..together },
        change(Incr(CounterType::Int, "c".into()), Some(Value::Int(7))),
        change(MapSet("m".into(), "field".into(), "value".into()), None),
        change(MapDel("m".into(), "field".into()), None),
        change(SetAdd("s".into(), packed(["a", "b"])), None),
        OwnedChange { told: false, ..change(SetRem("s".into(), packed(["a"])), None) },
        OwnedChange { etag: None, told: false, ..change(Del(ValueType::Map, "m".into()), None) },
    ];
    let says = "changes: put the str `a`, which expires, together with incr of the int `c` to 7; map-set `field` of `m`; map-del \
                of it; set-add \"a\", \"b\" to `s`; set-rem of `s` without what; del the map `m`; more follows";
    say(says.into(), OwnedAnswer::Changes(TOKEN, false, changes));
    say("changes: none, and nothing more has happened".into(), OwnedAnswer::Changes(TOKEN, true, Vec::new()));
    for code in ErrorCode::ALL {
        let message = format!("for people: {code:?}");
        say(format!("error {:#04x} \"{message}\"", code as u8), OwnedAnswer::Error((code, message)));
    }
    all
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)
}

/// The bytes of the messages in the file: who sends them, and the bytes. Read as a client's author would.
fn in_file() -> Vec<(char, Vec<u8>)> {
    let text = std::fs::read_to_string(path()).expect("the file of vectors");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let mut columns = line.split(" | ");
        let (from, hex) = (columns.next().expect("a sender"), columns.nth(1).expect("bytes"));
        let digits: Vec<u8> = hex.bytes().filter(|digit| *digit != b' ').collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).expect("hexadecimal");
        (from.parse().expect("one character"), digits.chunks(2).map(byte).collect())
    };
    lines.map(read).collect()
}

#[test]
fn the_file_holds_what_is_encoded_and_decoded() {
    let vectors = vectors();
    let expected: String = vectors.iter().map(|(says, message)| message.line(says)).collect();
    if std::env::var_os("KVS_WRITE_VECTORS").is_some() {
        std::fs::write(path(), format!("{HEAD}{expected}")).expect("the file can be written");
    }
    let text = std::fs::read_to_string(path()).expect("the file of vectors");
    assert_eq!(text, format!("{HEAD}{expected}"), "KVS_WRITE_VECTORS=1 writes proto/frames.vectors anew");
    let in_file = in_file();
    assert_eq!(in_file.len(), vectors.len());
    for ((says, message), (_, bytes)) in vectors.iter().zip(&in_file) {
        println!("{says}");
        message.assert_is_in(bytes);
    }
}

#[test]
fn no_kind_of_message_is_missing() {
    let in_file = in_file();
    let is_preface = |bytes: &[u8]| bytes.starts_with(b"KVSF");
    let frames = |from: char| in_file.iter().filter(move |(by, bytes)| *by == from && !is_preface(bytes));
    let opcodes: BTreeSet<u8> = frames('>').map(|(_, bytes)| bytes[8]).collect();
    let every_opcode = (OpKind::Get as u8..=OpKind::MapDel as u8).chain([32, 33, 34, 35, 36, 48, 49]);
    assert_eq!(opcodes, every_opcode.collect());
    let statuses: BTreeSet<u8> = frames('<').map(|(_, bytes)| bytes[8]).collect();
    assert_eq!(statuses, (0..=12).chain(ErrorCode::ALL.map(|code| code as u8)).collect());
    for ty in ValueType::ALL.map(|ty| ty as u8) {
        assert!(frames('>').any(|(_, bytes)| bytes[8..10] == [OpKind::Put as u8, ty]), "a put of type {ty}");
        assert!(frames('<').any(|(_, bytes)| bytes[8..10] == [1, ty]), "a value of type {ty}");
    }
    let prefaces: BTreeSet<u8> =
        in_file.iter().filter(|(from, bytes)| *from == '<' && is_preface(bytes)).map(|(_, bytes)| bytes[6]).collect();
    assert_eq!(prefaces, (0..=3).collect());
    assert!(in_file.iter().any(|(from, bytes)| *from == '>' && is_preface(bytes)));
}
