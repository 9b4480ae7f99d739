//! Requests.

use super::error::RequestError;
use super::follow::Follow;
use super::limits::MAX_MULTI_ITEMS;
use super::rules::{check_members, check_value, kind_of};
use super::scan::Scan;
use super::transact::{self, CheckItem, StepItem, TransactItems};
use crate::idempotency::IdempotencyKey;
use crate::key::Key;
use crate::op::{Op, OpKind};
use crate::payload;
use crate::record::field;
use crate::text::check_text;
use crate::value::{ValueRef, ValueType};

const LENGTH: usize = 0;
const ID: usize = LENGTH + 4;
const OPCODE: usize = ID + 4;
const TYPE: usize = OPCODE + 1;
const KEY_LENGTH: usize = TYPE + 1;
const FLAGS: usize = KEY_LENGTH + 2;
const RESERVED: usize = FLAGS + 2;

/// Size of a request's header, in bytes.
pub const REQUEST_HEADER_BYTES: usize = RESERVED + 2;

const _: () = assert!(REQUEST_HEADER_BYTES == 16);

/// Flag: reply to a write only when it is durable, whatever the server's durability setting.
const DURABLE: u16 = 1;

// The opcode of an operation is the code of its kind.
const MULTI_GET: u8 = 0x20;
const MULTI_PUT: u8 = 0x21;
const TRANSACT: u8 = 0x22;
const SCAN: u8 = 0x23;
const FOLLOW: u8 = 0x24;
const PING: u8 = 0x30;
const AUTH: u8 = 0x31;

const ITEM_TYPE: usize = 0;
const ITEM_RESERVED: usize = ITEM_TYPE + 1;
const ITEM_KEY_LENGTH: usize = ITEM_RESERVED + 1;
const GET_ITEM_BYTES: usize = ITEM_KEY_LENGTH + 2;
const ITEM_VALUE_LENGTH: usize = GET_ITEM_BYTES;
const PUT_ITEM_BYTES: usize = ITEM_VALUE_LENGTH + 4;

/// A request with its id.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RequestFrame<'a> {
    /// The client's id for the request, which the reply repeats.
    pub id: u32,
    /// Whether a write must be durable before the reply.
    pub durable: bool,
    /// The request itself.
    pub request: Request<'a>,
}

/// The content of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Request<'a> {
    /// One operation.
    Op(Op<'a>),
    /// Many gets or many puts, each executed on its own, in this order.
    Multi(MultiOps<'a>),
    /// Several operations that take effect together or not at all, on conditions.
    Transact(TransactItems<'a>),
    /// A page of entries.
    Scan(Scan<'a>),
    /// The changes after a place in the log.
    Follow(Follow<'a>),
    /// Checks that the server responds.
    Ping,
    /// The client's token.
    Auth(&'a str),
}

/// A request that is rejected because it is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRequest {
    /// The request's id.
    pub id: u32,
    /// The error.
    pub error: RequestError,
}

/// The operations of a multi-get or multi-put, validated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiOps<'a> {
    opcode: u8,
    items: &'a [u8],
    count: usize,
}

impl<'a> RequestFrame<'a> {
    /// Decodes a frame, as a [`super::Run`] yields it.
    #[inline]
    pub fn decode(frame: &'a [u8]) -> Result<Self, BadRequest> {
        let mut made = None;
        let other =
            Self::decode_op(frame, |id, durable, op| made = Some(Self { id, durable, request: Request::Op(op) }));
        made.map_or_else(|| other.expect("what is not an operation is returned"), Ok)
    }

    /// The same for who wants operations: hands one to `take`, with its id and whether it asks for durability, and returns
    /// anything else. Operations are large, and moving one costs as much as decoding it, so each kind is handed on where it is
    /// made.
    #[inline]
    pub fn decode_op(frame: &'a [u8], take: impl FnOnce(u32, bool, Op<'a>)) -> Option<Result<Self, BadRequest>> {
        let Some((head, rest)) = frame.split_first_chunk::<REQUEST_HEADER_BYTES>() else {
            return Some(Err(BadRequest { id: 0, error: RequestError::Length(frame.len()) }));
        };
        let id = u32::from_le_bytes(field(head, ID));
        let bad = |error| Some(Err(BadRequest { id, error }));
        let flags = u16::from_le_bytes(field(head, FLAGS));
        if flags > DURABLE {
            return bad(RequestError::Flags(flags));
        }
        if field::<2>(head, RESERVED) != [0, 0] {
            return bad(RequestError::Reserved);
        }
        let durable = flags == DURABLE;
        let (opcode, ty) = (head[OPCODE], head[TYPE]);
        let key_length = usize::from(u16::from_le_bytes(field(head, KEY_LENGTH)));
        match (kind_of(opcode), rest.split_at_checked(key_length)) {
            (Some(kind), Some((key, payload))) => {
                let key = match Key::new(key) {
                    Ok(key) => key,
                    Err(e) => return bad(e.into()),
                };
                match (kind, ValueType::from_code(ty)) {
                    (OpKind::Get, Some(ty)) if payload.is_empty() => take(id, durable, Op::Get { ty, key }),
                    (OpKind::Put, Some(ty)) => match payload::decode_value(ty, payload) {
                        Ok(value) => match check_value(&value) {
                            Ok(()) => take(id, durable, Op::Put { key, value }),
                            Err(error) => return bad(error),
                        },
                        Err(e) => return bad(e.into()),
                    },
                    _ => match payload::decode(kind, ty, key, payload) {
                        Ok(op) => match check_members(&op) {
                            Ok(()) => take(id, durable, op),
                            Err(error) => return bad(error),
                        },
                        Err(e) => return bad(e.into()),
                    },
                }
                None
            }
            (None, Some((key, payload))) => match decode_other(opcode, ty, key, payload) {
                Ok(request) => Some(Ok(Self { id, durable, request })),
                Err(error) => bad(error),
            },
            // The rest of a request with an unknown opcode has no known meaning, so the opcode is reported.
            (None, None) if !is_known(opcode) => bad(RequestError::Opcode(opcode)),
            (_, None) => bad(RequestError::KeyLength(key_length)),
        }
    }
}

fn is_known(opcode: u8) -> bool {
    matches!(opcode, MULTI_GET | MULTI_PUT | TRANSACT | SCAN | FOLLOW | PING | AUTH)
}

/// Decodes a request that is not an operation.
fn decode_other<'a>(opcode: u8, ty: u8, key: &'a [u8], payload: &'a [u8]) -> Result<Request<'a>, RequestError> {
    if !is_known(opcode) {
        return Err(RequestError::Opcode(opcode));
    }
    if ty != 0 && !matches!(opcode, SCAN | FOLLOW) {
        return Err(RequestError::Type(ty));
    }
    if !key.is_empty() && opcode != TRANSACT {
        return Err(RequestError::UnwantedKey);
    }
    match opcode {
        PING if payload.is_empty() => Ok(Request::Ping),
        PING => Err(RequestError::UnwantedPayload),
        TRANSACT => Ok(Request::Transact(TransactItems::decode(key, payload)?)),
        SCAN => Ok(Request::Scan(Scan::decode(ty, payload)?)),
        FOLLOW => Ok(Request::Follow(Follow::decode(ty, payload)?)),
        AUTH => Ok(Request::Auth(check_text(payload).map_err(payload::PayloadError::from)?)),
        _ => Ok(Request::Multi(MultiOps::decode(opcode, payload)?)),
    }
}

impl<'a> MultiOps<'a> {
    fn decode(opcode: u8, items: &'a [u8]) -> Result<Self, RequestError> {
        let (mut rest, mut count) = (items, 0);
        while !rest.is_empty() {
            if count == MAX_MULTI_ITEMS {
                return Err(RequestError::Items);
            }
            let (op, behind) = decode_item(opcode, rest, count)?;
            if let Op::Put { value, .. } = &op {
                check_value(value)?;
            }
            (rest, count) = (behind, count + 1);
        }
        Ok(Self { opcode, items, count })
    }

    /// The operations in order.
    pub fn ops(self) -> impl Iterator<Item = Op<'a>> {
        let mut rest = self.items;
        std::iter::from_fn(move || {
            let (op, behind) = (!rest.is_empty()).then(|| decode_item(self.opcode, rest, 0).ok()).flatten()?;
            rest = behind;
            Some(op)
        })
    }

    /// The number of operations.
    pub fn count(self) -> usize {
        self.count
    }

    /// Whether they are writes.
    pub fn writes(self) -> bool {
        self.opcode == MULTI_PUT
    }
}

fn decode_item(opcode: u8, rest: &[u8], number: usize) -> Result<(Op<'_>, &[u8]), RequestError> {
    let beyond = RequestError::ItemLength(number);
    let header = if opcode == MULTI_PUT { PUT_ITEM_BYTES } else { GET_ITEM_BYTES };
    let (head, rest) = rest.split_at_checked(header).ok_or(beyond)?;
    if head[ITEM_RESERVED] != 0 {
        return Err(RequestError::Reserved);
    }
    let (key, rest) = rest.split_at_checked(u16::from_le_bytes(field(head, ITEM_KEY_LENGTH)).into()).ok_or(beyond)?;
    let (kind, length) = match opcode {
        MULTI_PUT => (OpKind::Put, u32::from_le_bytes(field(head, ITEM_VALUE_LENGTH)) as usize),
        _ => (OpKind::Get, 0),
    };
    let (value, rest) = rest.split_at_checked(length).ok_or(beyond)?;
    Ok((payload::decode(kind, head[ITEM_TYPE], Key::new(key)?, value)?, rest))
}

/// Size of a request for `op`, in bytes.
pub fn request_bytes(op: &Op<'_>) -> usize {
    REQUEST_HEADER_BYTES + op.key().as_bytes().len() + payload::bytes(op)
}

/// Size of an item of a multi-get, in bytes.
pub fn multi_get_item_bytes(key: Key<'_>) -> usize {
    GET_ITEM_BYTES + key.as_bytes().len()
}

/// Size of an item of a multi-put, in bytes.
pub fn multi_put_item_bytes(key: Key<'_>, value: ValueRef<'_>) -> usize {
    PUT_ITEM_BYTES + key.as_bytes().len() + value.packed_bytes()
}

/// Appends a request for `op`. Its lists must be in ascending order without duplicates, and its float finite; a server
/// rejects anything else.
pub fn encode_request(out: &mut Vec<u8>, id: u32, durable: bool, op: &Op<'_>) {
    let key = op.key().as_bytes();
    let length = request_bytes(op);
    out.reserve(length);
    let ty = op.value_type().map_or(0, |ty| ty as u8);
    out.extend_from_slice(&header(length, id, op.kind() as u8, ty, key.len(), durable));
    out.extend_from_slice(key);
    payload::encode(out, op);
}

/// Appends a request for the values of many entries, at most [`MAX_MULTI_ITEMS`].
pub fn encode_multi_get<'k>(out: &mut Vec<u8>, id: u32, entries: impl IntoIterator<Item = (ValueType, Key<'k>)>) {
    let start = begin(out, id, MULTI_GET, false);
    for (ty, key) in entries {
        encode_item(out, ty, key);
    }
    finish(out, start);
}

/// Appends a request to store many values, at most [`MAX_MULTI_ITEMS`].
pub fn encode_multi_put<'k>(
    out: &mut Vec<u8>,
    id: u32,
    durable: bool,
    entries: impl IntoIterator<Item = (Key<'k>, ValueRef<'k>)>,
) {
    let start = begin(out, id, MULTI_PUT, durable);
    for (key, value) in entries {
        encode_put_item(out, key, value);
    }
    finish(out, start);
}

/// Size of a request for a transaction, in bytes.
pub fn transact_bytes(once: Option<IdempotencyKey<'_>>, checks: &[CheckItem<'_>], steps: &[StepItem<'_>]) -> usize {
    REQUEST_HEADER_BYTES + once.map_or(0, |key| key.as_str().len()) + transact::payload_bytes(checks, steps)
}

/// Appends a request for a transaction: at most [`super::MAX_TRANSACT_ITEMS`] conditions, and as many steps. With an idempotency key
/// only to a server that says in its preface that it knows them.
pub fn encode_transact(
    out: &mut Vec<u8>,
    id: u32,
    durable: bool,
    once: Option<IdempotencyKey<'_>>,
    checks: &[CheckItem<'_>],
    steps: &[StepItem<'_>],
) {
    let start = begin(out, id, TRANSACT, durable);
    if let Some(key) = once {
        out[start + KEY_LENGTH..start + FLAGS].copy_from_slice(&(key.as_str().len() as u16).to_le_bytes());
        out.extend_from_slice(key.as_str().as_bytes());
    }
    transact::encode_items(out, checks, steps);
    finish(out, start);
}

/// Size of a request for a page of entries, in bytes.
pub fn scan_bytes(scan: &Scan<'_>) -> usize {
    REQUEST_HEADER_BYTES + scan.selection().payload_bytes()
}

/// Appends a request for a page of entries.
pub fn encode_scan(out: &mut Vec<u8>, id: u32, scan: &Scan<'_>) {
    let start = begin(out, id, SCAN, false);
    out[start + TYPE] = scan.ty.map_or(0, |ty| ty as u8);
    scan.selection().encode_payload(out);
    finish(out, start);
}

/// Size of a request for changes, in bytes.
pub fn follow_bytes(follow: &Follow<'_>) -> usize {
    REQUEST_HEADER_BYTES + follow.selection().payload_bytes()
}

/// Appends a request for changes.
pub fn encode_follow(out: &mut Vec<u8>, id: u32, follow: &Follow<'_>) {
    let start = begin(out, id, FOLLOW, false);
    out[start + TYPE] = follow.ty.map_or(0, |ty| ty as u8);
    follow.selection().encode_payload(out);
    finish(out, start);
}

/// Appends a ping.
pub fn encode_ping(out: &mut Vec<u8>, id: u32) {
    let start = begin(out, id, PING, false);
    finish(out, start);
}

/// Appends an auth request.
pub fn encode_auth(out: &mut Vec<u8>, id: u32, token: &str) {
    let start = begin(out, id, AUTH, false);
    out.extend_from_slice(token.as_bytes());
    finish(out, start);
}

fn encode_item(out: &mut Vec<u8>, ty: ValueType, key: Key<'_>) {
    out.extend_from_slice(&[ty as u8, 0]);
    out.extend_from_slice(&(key.as_bytes().len() as u16).to_le_bytes());
    out.extend_from_slice(key.as_bytes());
}

fn encode_put_item(out: &mut Vec<u8>, key: Key<'_>, value: ValueRef<'_>) {
    out.extend_from_slice(&[value.value_type() as u8, 0]);
    out.extend_from_slice(&(key.as_bytes().len() as u16).to_le_bytes());
    out.extend_from_slice(&(value.packed_bytes() as u32).to_le_bytes());
    out.extend_from_slice(key.as_bytes());
    value.pack(out);
}

fn header(length: usize, id: u32, opcode: u8, ty: u8, key: usize, durable: bool) -> [u8; REQUEST_HEADER_BYTES] {
    let mut head = [0; REQUEST_HEADER_BYTES];
    head[LENGTH..ID].copy_from_slice(&(length as u32).to_le_bytes());
    head[ID..OPCODE].copy_from_slice(&id.to_le_bytes());
    head[OPCODE] = opcode;
    head[TYPE] = ty;
    head[KEY_LENGTH..FLAGS].copy_from_slice(&(key as u16).to_le_bytes());
    head[FLAGS..RESERVED].copy_from_slice(&(if durable { DURABLE } else { 0 }).to_le_bytes());
    head
}

/// Appends a header whose length [`finish`] fills in.
fn begin(out: &mut Vec<u8>, id: u32, opcode: u8, durable: bool) -> usize {
    let start = out.len();
    out.extend_from_slice(&header(0, id, opcode, 0, 0, durable));
    start
}

fn finish(out: &mut [u8], start: usize) {
    let length = (out.len() - start) as u32;
    out[start + LENGTH..start + ID].copy_from_slice(&length.to_le_bytes());
}

// A request is moved on the way of every operation. The rarer kinds must not make it larger.
const _: () = assert!(size_of::<Request<'_>>() == size_of::<Op<'_>>());
