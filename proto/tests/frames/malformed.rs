//! Frames that are refused, with the exact error and code of each.

use proto::frame::ErrorCode::{self, BadFlags, BadKey, BadLength, BadOpcode, BadPayload, BadType, BadValue, TooLarge};
use proto::frame::{
    BadRequest, ETAG_BYTES, MAX_MULTI_ITEMS, MAX_TRANSACT_ITEMS, ReplyError, ReplyFrame, Request, RequestError,
    RequestFrame, TOKEN_BYTES, encode_multi_get,
};
use proto::limits::MAX_KEY_BYTES;
use proto::{KeyError, OpKind, PayloadError, StringsError, TextError, ValueType};

use crate::check;
use testkit::arbitrary::as_key;

const INT: u8 = ValueType::Int as u8;
const UINT: u8 = ValueType::Uint as u8;
const FLOAT: u8 = ValueType::Float as u8;
const STR: u8 = ValueType::Str as u8;
const MAP: u8 = ValueType::Map as u8;
const SET: u8 = ValueType::Set as u8;

// Opcodes, as frames.md has them.
const GET: u8 = 1;
const PUT: u8 = 2;
const DEL: u8 = 3;
const DEL_ALL: u8 = 4;
const INCR: u8 = 5;
const INCRBY: u8 = 6;
const SET_ADD: u8 = 7;
const SET_REM: u8 = 8;
const SET_HAS: u8 = 9;
const MAP_GET: u8 = 10;
const MAP_SET: u8 = 11;
const MAP_DEL: u8 = 12;
const MULTI_GET: u8 = 32;
const MULTI_PUT: u8 = 33;
const TRANSACT: u8 = 34;
const SCAN: u8 = 35;
const FOLLOW: u8 = 36;
const PING: u8 = 48;
const AUTH: u8 = 49;

const ID: u32 = 0x0a0b_0c0d;

/// A frame whose length is right, whatever the rest says.
fn raw(opcode: u8, ty: u8, key_length: usize, flags: u16, zero: u16, rest: &[u8]) -> Vec<u8> {
    let length = (16 + rest.len()) as u32;
    let head = [&length.to_le_bytes()[..], &ID.to_le_bytes(), &[opcode, ty], &(key_length as u16).to_le_bytes()];
    [&head.concat()[..], &flags.to_le_bytes(), &zero.to_le_bytes(), rest].concat()
}

fn of(opcode: u8, ty: u8, key: &[u8], payload: &[u8]) -> Vec<u8> {
    raw(opcode, ty, key.len(), 0, 0, &[key, payload].concat())
}

/// A list whose items may hold anything.
fn list(items: &[&[u8]]) -> Vec<u8> {
    items.iter().flat_map(|item| [&(item.len() as u32).to_le_bytes()[..], item].concat()).collect()
}

fn get_item(ty: u8, zero: u8, key_length: u16, rest: &[u8]) -> Vec<u8> {
    [&[ty, zero][..], &key_length.to_le_bytes(), rest].concat()
}

fn put_item(ty: u8, key: &[u8], value: &[u8]) -> Vec<u8> {
    let value_length = (value.len() as u32).to_le_bytes();
    get_item(ty, 0, key.len() as u16, &[&value_length[..], key, value].concat())
}

#[track_caller]
fn assert_refused(frame: &[u8], error: RequestError, code: ErrorCode) {
    assert_eq!(RequestFrame::decode(frame), Err(BadRequest { id: ID, error }), "{frame:02x?}");
    assert_eq!(error.code(), code, "{error}");
}

#[test]
fn a_header_that_makes_no_sense() {
    for length in 0..16 {
        let error = RequestError::Length(length);
        assert_eq!(RequestFrame::decode(&of(PING, 0, b"", b"")[..length]), Err(BadRequest { id: 0, error }));
        assert_eq!(error.code(), BadLength);
    }
    for opcode in 0..=u8::MAX {
        if !matches!(opcode, 1..=12 | 32..=36 | 48 | 49) {
            assert_refused(&of(opcode, INT, b"k", b""), RequestError::Opcode(opcode), BadOpcode);
            assert_refused(&raw(opcode, 9, 99, 0, 0, b"?"), RequestError::Opcode(opcode), BadOpcode);
        }
    }
    for opcode in [GET, PUT, DEL_ALL, MULTI_GET, MULTI_PUT, TRANSACT, SCAN, FOLLOW, PING, AUTH] {
        for flags in [2, 3, 4, 0x8000, 0x8001, 0xffff] {
            assert_refused(&raw(opcode, 0, 0, flags, 0, b""), RequestError::Flags(flags), BadFlags);
        }
        for zero in [1, 0x0100, 0xffff] {
            assert_refused(&raw(opcode, 0, 0, 0, zero, b""), RequestError::Reserved, BadFlags);
        }
    }
}

#[test]
fn a_key_that_is_none() {
    let long = [b'k'; MAX_KEY_BYTES + 1];
    for opcode in 1..=12u8 {
        // For each opcode, a type that goes with it. The key is looked at before the payload.
        let ty = [INT, INT, INT, 0, INT, INT, SET, SET, SET, MAP, MAP, MAP][usize::from(opcode - 1)];
        let refused = |frame: &[u8], error: RequestError| assert_refused(frame, error, BadKey);
        refused(&of(opcode, ty, b"", b""), KeyError::Empty.into());
        refused(&of(opcode, ty, &long, b""), KeyError::TooLong(513).into());
        refused(&of(opcode, ty, &[b'k'; 65_535], b""), KeyError::TooLong(65_535).into());
        refused(&of(opcode, ty, b"a\0", b""), KeyError::Text(TextError::Nul(1)).into());
        refused(&of(opcode, ty, b"a\xff", b""), KeyError::Text(TextError::NotUtf8(1)).into());
        refused(&of(opcode, ty, b"\xed\xa0\x80", b""), KeyError::Text(TextError::NotUtf8(0)).into());
        refused(&raw(opcode, ty, 2, 0, 0, b"k"), RequestError::KeyLength(2));
        refused(&raw(opcode, ty, 65_535, 0, 0, b"k"), RequestError::KeyLength(65_535));
    }
    for opcode in [MULTI_GET, MULTI_PUT, SCAN, FOLLOW, PING, AUTH] {
        assert_refused(&of(opcode, 0, b"k", b""), RequestError::UnwantedKey, BadKey);
        assert_refused(&raw(opcode, 0, 1, 0, 0, b""), RequestError::KeyLength(1), BadKey);
    }
    let longest = [b'k'; MAX_KEY_BYTES];
    assert!(RequestFrame::decode(&of(GET, INT, &longest, b"")).is_ok());
}

#[test]
fn a_type_that_does_not_go_with_the_opcode() {
    let takes = |opcode: u8| match opcode {
        GET | PUT | DEL => &[INT, UINT, FLOAT, STR, MAP, SET][..],
        INCR | INCRBY => &[INT, UINT],
        SET_ADD | SET_REM | SET_HAS => &[SET],
        MAP_GET | MAP_SET | MAP_DEL => &[MAP],
        _ => &[0],
    };
    for kind in OpKind::ALL.into_iter().filter(|kind| !matches!(kind, OpKind::Touch | OpKind::Expire | OpKind::Outcome))
    {
        let opcode = kind as u8;
        let payload: &[u8] = if opcode == INCRBY { &[0; 8] } else { b"" };
        for ty in (0..=u8::MAX).filter(|ty| !takes(opcode).contains(ty)) {
            let error = PayloadError::Type { kind, ty }.into();
            assert_refused(&of(opcode, ty, b"k", payload), error, BadType);
        }
    }
    for opcode in [MULTI_GET, MULTI_PUT, PING, AUTH] {
        for ty in 1..=u8::MAX {
            assert_refused(&of(opcode, ty, b"", b""), RequestError::Type(ty), BadType);
        }
    }
}

#[test]
fn a_payload_of_another_form() {
    let size = |kind: OpKind| RequestError::from(PayloadError::Size(kind));
    let text = |error: TextError| RequestError::from(PayloadError::from(error));
    let listed = |error: StringsError| RequestError::from(PayloadError::from(error));
    let not_utf8 = |at: usize, byte: usize| listed(StringsError::Text { at, error: TextError::NotUtf8(byte) });
    let beyond = [&list(&[b"a"])[..], &[2, 0, 0, 0, b'b']].concat();
    let endless = [&list(&[b"a"])[..], &[0xff; 4]].concat();
    let cut = [&list(&[b"a"])[..], &[1, 0, 0]].concat();
    #[rustfmt::skip]
    let cases: &[(u8, u8, &[u8], RequestError)] = &[
        (GET, INT, b"x", size(OpKind::Get)),
        (DEL, INT, b"x", size(OpKind::Del)),
        (DEL_ALL, 0, b"x", size(OpKind::DelAll)),
        (INCR, INT, &[0; 8], size(OpKind::Incr)),
        (INCRBY, INT, b"", size(OpKind::IncrBy)),
        (INCRBY, UINT, &[0; 7], size(OpKind::IncrBy)),
        (INCRBY, INT, &[0; 9], size(OpKind::IncrBy)),
        (PUT, INT, b"", size(OpKind::Put)),
        (PUT, INT, &[0; 3], size(OpKind::Put)),
        (PUT, UINT, &[0; 5], size(OpKind::Put)),
        (PUT, FLOAT, &[0; 8], size(OpKind::Put)),
        (PUT, STR, b"abc\xff", text(TextError::NotUtf8(3))),
        (PUT, STR, b"\xc0\x80", text(TextError::NotUtf8(0))),
        (PUT, MAP, &list(&[b"a"]), listed(StringsError::Odd(1))),
        (PUT, MAP, &list(&[b"a", b"1", b"b"]), listed(StringsError::Odd(3))),
        (PUT, MAP, &list(&[b"b", b"1", b"a", b"2"]), RequestError::Order),
        (PUT, MAP, &list(&[b"a", b"1", b"a", b"2"]), RequestError::Order),
        (PUT, MAP, &list(&[b"a", b"\xff"]), not_utf8(5, 0)),
        (PUT, MAP, &beyond, listed(StringsError::Truncated(5))),
        (PUT, SET, &list(&[b"b", b"a"]), RequestError::Order),
        (PUT, SET, &list(&[b"a", b"a"]), RequestError::Order),
        (PUT, SET, &list(&["é".as_bytes(), b"z"]), RequestError::Order),
        (PUT, SET, &list(&[b"a", b"b\xff"]), not_utf8(5, 1)),
        (PUT, SET, &endless, listed(StringsError::Truncated(5))),
        (PUT, SET, &cut, listed(StringsError::Truncated(5))),
        (SET_ADD, SET, &list(&[b"b", b"a"]), RequestError::Order),
        (SET_ADD, SET, &beyond, listed(StringsError::Truncated(5))),
        (SET_REM, SET, &list(&[b"", b""]), RequestError::Order),
        (SET_HAS, SET, b"\xff", text(TextError::NotUtf8(0))),
        (MAP_GET, MAP, b"\xff", text(TextError::NotUtf8(0))),
        (MAP_DEL, MAP, b"\xe2\x82", text(TextError::NotUtf8(0))),
        (MAP_SET, MAP, b"", size(OpKind::MapSet)),
        (MAP_SET, MAP, &list(&[b"a"]), size(OpKind::MapSet)),
        (MAP_SET, MAP, &list(&[b"a", b"b", b"c"]), size(OpKind::MapSet)),
        (MAP_SET, MAP, &list(&[b"a", b"\xff"]), not_utf8(5, 0)),
        (MAP_SET, MAP, &endless, listed(StringsError::Truncated(5))),
    ];
    for (opcode, ty, payload, error) in cases {
        assert_refused(&of(*opcode, *ty, b"key", payload), *error, BadPayload);
    }
    assert_refused(&of(PING, 0, b"", b"x"), RequestError::UnwantedPayload, BadPayload);
    assert_refused(&of(AUTH, 0, b"", b"\xff"), text(TextError::NotUtf8(0)), BadPayload);
}

#[test]
fn a_payload_of_the_right_form_that_cannot_be_stored() {
    let nul = |at: usize| RequestError::from(PayloadError::from(TextError::Nul(at)));
    let nul_in_list = |at: usize, byte: usize| {
        RequestError::from(PayloadError::from(StringsError::Text { at, error: TextError::Nul(byte) }))
    };
    let mut cases = vec![
        (PUT, STR, b"\0".to_vec(), nul(0)),
        (PUT, STR, b"ab\0c".to_vec(), nul(2)),
        (PUT, MAP, list(&[b"\0", b"1"]), nul_in_list(0, 0)),
        (PUT, MAP, list(&[b"a", b"1\0"]), nul_in_list(5, 1)),
        (PUT, SET, list(&[b"a", b"\0"]), nul_in_list(5, 0)),
        (SET_ADD, SET, list(&[b"a\0"]), nul_in_list(0, 1)),
        (SET_REM, SET, list(&[b"a\0"]), nul_in_list(0, 1)),
        (SET_HAS, SET, b"a\0".to_vec(), nul(1)),
        (MAP_GET, MAP, b"\0".to_vec(), nul(0)),
        (MAP_SET, MAP, list(&[b"a", b"\0"]), nul_in_list(5, 0)),
        (MAP_DEL, MAP, b"\0".to_vec(), nul(0)),
    ];
    let negative_nan = f32::from_bits(0xff80_0001);
    for number in [f32::NAN, negative_nan, f32::INFINITY, f32::NEG_INFINITY] {
        cases.push((PUT, FLOAT, number.to_le_bytes().to_vec(), RequestError::NotFinite));
    }
    for (opcode, ty, payload, error) in cases {
        assert_refused(&of(opcode, ty, b"k", &payload), error, BadValue);
        if opcode == PUT {
            let items = [put_item(INT, b"a", &[0; 4]), put_item(ty, b"k", &payload)].concat();
            assert_refused(&of(MULTI_PUT, 0, b"", &items), error, BadValue);
        }
    }
    assert_refused(&of(AUTH, 0, b"", b"a\0"), nul(1), BadValue);
}

#[test]
fn many_of_another_form() {
    let good = get_item(INT, 0, 1, b"k");
    let long = [b'k'; MAX_KEY_BYTES + 1];
    let mut value_beyond = put_item(STR, b"k", b"value");
    value_beyond[4] += 1;
    let mut value_endless = put_item(STR, b"k", b"value");
    value_endless[4..8].fill(0xff);
    let mut reserved = put_item(STR, b"k", b"value");
    reserved[1] = 1;
    #[rustfmt::skip]
    let cases = [
        (MULTI_GET, vec![INT, 0, 1], RequestError::ItemLength(1), BadPayload),
        (MULTI_GET, get_item(INT, 0, 2, b"k"), RequestError::ItemLength(1), BadPayload),
        (MULTI_GET, get_item(INT, 0, 65_535, b"k"), RequestError::ItemLength(1), BadPayload),
        (MULTI_GET, get_item(INT, 1, 1, b"k"), RequestError::Reserved, BadFlags),
        (MULTI_GET, get_item(0, 0, 1, b"k"), PayloadError::Type { kind: OpKind::Get, ty: 0 }.into(), BadType),
        (MULTI_GET, get_item(7, 0, 1, b"k"), PayloadError::Type { kind: OpKind::Get, ty: 7 }.into(), BadType),
        (MULTI_GET, get_item(INT, 0, 0, b""), KeyError::Empty.into(), BadKey),
        (MULTI_GET, get_item(INT, 0, 513, &long), KeyError::TooLong(513).into(), BadKey),
        (MULTI_GET, get_item(INT, 0, 1, b"\0"), KeyError::Text(TextError::Nul(0)).into(), BadKey),
    ];
    for (opcode, item, error, code) in cases {
        assert_refused(&of(opcode, 0, b"", &[&good[..], &item].concat()), error, code);
    }
    let good = put_item(INT, b"k", &[0; 4]);
    #[rustfmt::skip]
    let cases = [
        (vec![INT, 0, 1, 0, 0, 0, 0], RequestError::ItemLength(1), BadPayload),
        (value_beyond, RequestError::ItemLength(1), BadPayload),
        (value_endless, RequestError::ItemLength(1), BadPayload),
        (reserved, RequestError::Reserved, BadFlags),
        (put_item(0, b"k", b"x"), PayloadError::Type { kind: OpKind::Put, ty: 0 }.into(), BadType),
        (put_item(INT, b"k", &[0; 5]), PayloadError::Size(OpKind::Put).into(), BadPayload),
        (put_item(INT, b"", &[0; 4]), KeyError::Empty.into(), BadKey),
        (put_item(INT, &long, &[0; 4]), KeyError::TooLong(513).into(), BadKey),
        (put_item(SET, b"k", &list(&[b"b", b"a"])), RequestError::Order, BadPayload),
        (put_item(STR, b"k", b"\xff"), PayloadError::from(TextError::NotUtf8(0)).into(), BadPayload),
    ];
    for (item, error, code) in cases {
        assert_refused(&of(MULTI_PUT, 0, b"", &[&good[..], &item].concat()), error, code);
        // The good item behind it makes no difference.
        if !matches!(error, RequestError::ItemLength(_)) {
            assert_refused(&of(MULTI_PUT, 0, b"", &[&item[..], &good].concat()), error, code);
        }
    }
}

#[test]
fn as_many_items_as_there_may_be() {
    let entries = |count: usize| (0..count).map(|_| (ValueType::Int, as_key("k")));
    let (mut most, mut too_many) = (Vec::new(), Vec::new());
    encode_multi_get(&mut most, ID, entries(MAX_MULTI_ITEMS));
    encode_multi_get(&mut too_many, ID, entries(MAX_MULTI_ITEMS + 1));
    let decoded = RequestFrame::decode(&most).expect("this many are taken");
    assert!(matches!(decoded.request, Request::Multi(ops) if ops.count() == MAX_MULTI_ITEMS));
    assert_refused(&too_many, RequestError::Items, TooLarge);
}

/// A condition of a transaction.
fn check(ty: u8, kind: u8, key: &[u8], etags: u16, zero: u8, rest: &[u8]) -> Vec<u8> {
    let head = [&[ty, kind][..], &(key.len() as u16).to_le_bytes(), &etags.to_le_bytes(), &[zero, 0], key, rest];
    head.concat()
}

/// A step of a transaction.
fn step(kind: u8, ty: u8, key: &[u8], flags: u16, zero: u8, words: &[u64], payload: &[u8]) -> Vec<u8> {
    let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let length = (payload.len() as u32).to_le_bytes();
    let head = [&[kind, ty][..], &(key.len() as u16).to_le_bytes(), &flags.to_le_bytes(), &[zero, 0], &length];
    [&head.concat()[..], &words, key, payload].concat()
}

fn transact(checks: &[Vec<u8>], steps: &[Vec<u8>]) -> Vec<u8> {
    let counts = [(checks.len() as u16).to_le_bytes(), (steps.len() as u16).to_le_bytes()].concat();
    of(TRANSACT, 0, b"", &[&counts[..], &checks.concat(), &steps.concat()].concat())
}

#[test]
fn transactions_of_another_form() {
    const TOUCH: u8 = 13;
    let check_error = |item: Vec<u8>, error: RequestError, code| {
        let good = check(INT, 1, b"k", 0, 0, b"");
        assert_refused(&transact(&[good, item], &[step(GET, INT, b"k", 0, 0, &[], b"")]), error, code);
    };
    check_error(check(0, 1, b"k", 0, 0, b""), RequestError::Type(0), BadType);
    check_error(check(INT, 0, b"k", 0, 0, b""), RequestError::Condition(0), BadPayload);
    check_error(check(INT, 5, b"k", 0, 0, b""), RequestError::Condition(5), BadPayload);
    check_error(check(INT, 1, b"k", 1, 0, &[0; ETAG_BYTES]), RequestError::Condition(1), BadPayload);
    check_error(check(INT, 3, b"k", 101, 0, &[0; 1616]), RequestError::Etags, TooLarge);
    check_error(check(INT, 1, b"k", 0, 1, b""), RequestError::Reserved, BadFlags);
    check_error(check(INT, 1, b"", 0, 0, b""), KeyError::Empty.into(), BadKey);

    let step_error = |item: Vec<u8>, error: RequestError, code| {
        assert_refused(&transact(&[], &[step(GET, INT, b"k", 0, 0, &[], b""), item]), error, code);
    };
    step_error(step(14, INT, b"k", 0, 0, &[], b""), RequestError::Opcode(14), BadOpcode);
    step_error(step(0, INT, b"k", 0, 0, &[], b""), RequestError::Opcode(0), BadOpcode);
    step_error(step(15, 0, b"k", 0, 0, &[], &[0; 20]), RequestError::Opcode(15), BadOpcode);
    for key in [&[b'k'; 65][..], b"a b", b"\x7f", "é".as_bytes()] {
        assert_refused(&of(TRANSACT, 0, key, &[0; 4]), RequestError::IdempotencyKey, BadKey);
    }
    for (kind, payload, flags) in [
        (GET, &b""[..], 1),
        (DEL, b"", 2),
        (PUT, &[0; 4], 4),
        (PUT, &[0; 4], 8),
        (PUT, &[0; 4], 3),
        (PUT, &[0; 4], 16),
        (TOUCH, b"", 0),
        (GET, b"", 0x8000),
    ] {
        step_error(step(kind, INT, b"k", flags, 0, &[1], payload), RequestError::StepFlags(flags), BadFlags);
    }
    step_error(step(GET, INT, b"k", 0, 1, &[], b""), RequestError::Reserved, BadFlags);
    step_error(step(PUT, INT, b"k", 1, 0, &[0], &[0; 4]), RequestError::Ttl(0), BadPayload);
    step_error(step(PUT, INT, b"k", 1, 0, &[u64::MAX], &[0; 4]), RequestError::Ttl(u64::MAX), BadPayload);
    step_error(step(PUT, INT, b"", 0, 0, &[], &[0; 4]), KeyError::Empty.into(), BadKey);
    step_error(step(PUT, INT, b"k", 0, 0, &[], &[0; 3]), PayloadError::Size(OpKind::Put).into(), BadPayload);
    step_error(step(PUT, SET, b"k", 0, 0, &[], &list(&[b"b", b"a"])), RequestError::Order, BadPayload);
    step_error(step(SET_ADD, SET, b"k", 0, 0, &[], &list(&[b"b", b"a"])), RequestError::Order, BadPayload);
    step_error(step(PUT, FLOAT, b"k", 0, 0, &[], &f32::NAN.to_le_bytes()), RequestError::NotFinite, BadValue);
    step_error(
        step(INCR, STR, b"k", 0, 0, &[], b""),
        PayloadError::Type { kind: OpKind::Incr, ty: STR }.into(),
        BadType,
    );

    // Cut off anywhere, and with more behind.
    let whole =
        transact(&[check(INT, 3, b"k", 1, 0, &[7; ETAG_BYTES])], &[step(INCRBY, INT, b"k", 12, 0, &[1, 2], &[0; 8])]);
    assert!(RequestFrame::decode(&whole).is_ok());
    for end in 16..whole.len() {
        let cut = RequestFrame::decode(&check::with_length(&whole[..end])).unwrap_err();
        assert!(matches!(cut.error, RequestError::ItemLength(_)), "{end}: {cut:?}");
    }
    let longer = check::with_length(&[&whole[..], &[0]].concat());
    assert_refused(&longer, RequestError::ItemLength(2), BadPayload);
    let many = vec![step(GET, INT, b"k", 0, 0, &[], b""); MAX_TRANSACT_ITEMS + 1];
    assert_refused(&transact(&[], &many), RequestError::TransactItems, TooLarge);
    assert!(RequestFrame::decode(&transact(&[], &many[1..])).is_ok());
}

#[test]
fn requests_for_changes_of_another_form() {
    let cases: [(u8, &[u8], RequestError, ErrorCode); 6] = [
        (9, &[0, 0, 0, 0], RequestError::Type(9), BadType),
        (INT, &[0, 0, 0], RequestError::ItemLength(0), BadPayload),
        (INT, &[0x31, 0x75, 0, 0], RequestError::Wait(30_001), BadPayload),
        (INT, &[0, 0, 2, 0], RequestError::Reserved, BadFlags),
        (INT, &[0, 0, 0, 20], RequestError::ItemLength(0), BadPayload),
        (INT, &[0, 0, 0, 19, 1], RequestError::ItemLength(0), BadPayload),
    ];
    for (ty, payload, error, code) in cases {
        assert_refused(&of(FOLLOW, ty, b"", payload), error, code);
    }
    assert_refused(&of(FOLLOW, 0, b"", b"\0\0\0\0a\0"), PayloadError::from(TextError::Nul(1)).into(), BadValue);
}

#[test]
fn scans_of_another_form() {
    let cases: [(u8, &[u8], RequestError, ErrorCode); 7] = [
        (9, &[1, 0, 0, 0], RequestError::Type(9), BadType),
        (INT, &[1, 0, 0], RequestError::ItemLength(0), BadPayload),
        (INT, &[0, 0, 0, 0], RequestError::ScanLimit(0), BadPayload),
        (INT, &[0xe9, 3, 0, 0], RequestError::ScanLimit(1001), BadPayload),
        (INT, &[1, 0, 2, 0], RequestError::Reserved, BadFlags),
        (INT, &[1, 0, 0, 19], RequestError::ItemLength(0), BadPayload),
        (INT, &[1, 0, 0, 20, 1], RequestError::ItemLength(0), BadPayload),
    ];
    for (ty, payload, error, code) in cases {
        assert_refused(&of(SCAN, ty, b"", payload), error, code);
    }
    assert_refused(&of(SCAN, 0, b"", b"\x01\0\0\0a\0"), PayloadError::from(TextError::Nul(1)).into(), BadValue);
}

/// A reply whose length is right, whatever the rest says.
fn reply(status: u8, ty: u8, zero: u16, payload: &[u8]) -> Vec<u8> {
    let length = (12 + payload.len()) as u32;
    [&length.to_le_bytes()[..], &ID.to_le_bytes(), &[status, ty], &zero.to_le_bytes(), payload].concat()
}

fn reply_item(status: u8, ty: u8, payload: &[u8]) -> Vec<u8> {
    [&[status, ty, 0, 0][..], &(payload.len() as u32).to_le_bytes(), payload].concat()
}

#[test]
fn a_reply_of_another_form() {
    let mut item_beyond = reply_item(5, 0, &[1, 0, 0, 0]);
    item_beyond[4] = 5;
    let mut item_reserved = reply_item(5, 0, &[1, 0, 0, 0]);
    item_reserved[2] = 1;
    let text = |error: TextError| ReplyError::from(PayloadError::from(error));
    #[rustfmt::skip]
    let cases = [
        (reply(0, 0, 1, b""), ReplyError::Reserved),
        (reply(0, 0, 0, b"x"), ReplyError::Size(0)),
        (reply(1, 0, 0, b""), ReplyError::Type(0)),
        (reply(1, 7, 0, b""), ReplyError::Type(7)),
        (reply(1, INT, 0, &[0; 3]), ReplyError::Size(1)),
        (reply(1, STR, 0, b"\0"), text(TextError::Nul(0))),
        (reply(1, MAP, 0, &list(&[b"a"])), PayloadError::from(StringsError::Odd(1)).into()),
        (reply(1, SET, 0, &[1, 0, 0, 0]), PayloadError::from(StringsError::Truncated(0)).into()),
        (reply(2, 0, 0, b"x"), ReplyError::Size(2)),
        (reply(2, INT, 0, b""), ReplyError::Type(INT)),
        (reply(3, 0, 0, b"x"), ReplyError::Size(3)),
        (reply(4, 0, 0, b""), ReplyError::Size(4)),
        (reply(4, 0, 0, &[2]), ReplyError::Size(4)),
        (reply(5, 0, 0, &[0; 5]), ReplyError::Size(5)),
        (reply(6, 0, 0, &[0, 0]), ReplyError::Size(6)),
        (reply(7, INT, 0, b""), ReplyError::Type(INT)),
        (reply(7, 0, 0, &[0; 7]), ReplyError::Item),
        (reply(7, 0, 0, &item_beyond), ReplyError::Item),
        (reply(7, 0, 0, &item_reserved), ReplyError::Reserved),
        (reply(7, 0, 0, &reply_item(7, 0, b"")), ReplyError::Nested),
        (reply(7, 0, 0, &reply_item(8, 0, b"")), ReplyError::Nested),
        (reply(7, 0, 0, &reply_item(12, 0, b"")), ReplyError::Nested),
        (reply(7, 0, 0, &reply_item(13, 0, b"")), ReplyError::Status(13)),
        (reply(13, 0, 0, b""), ReplyError::Status(13)),
        (reply(12, 0, 0, &[0; TOKEN_BYTES]), ReplyError::Reserved),
        (reply(12, 0, 0, &[&[0; TOKEN_BYTES][..], &[2]].concat()), ReplyError::Reserved),
        (reply(12, 0, 0, &[&[0; TOKEN_BYTES + 1][..], &[1; 5]].concat()), ReplyError::Item),
        (reply(8, 0, 0, &[0; TOKEN_BYTES - 1]), ReplyError::Size(8)),
        (reply(8, 0, 0, &[0; TOKEN_BYTES]), ReplyError::Reserved),
        (reply(8, 0, 0, &[[0; TOKEN_BYTES].as_slice(), &[2]].concat()), ReplyError::Reserved),
        (reply(8, 0, 0, &[[0; TOKEN_BYTES + 1].as_slice(), &[0, 0, 8, 0, 0, 0, 0, 0]].concat()), ReplyError::Reserved),
        (reply(8, 0, 0, &[[0; TOKEN_BYTES + 1].as_slice(), &[0, 0, 2, 0, 0, 0, 0, 0]].concat()), ReplyError::Item),
        (reply(8, 0, 0, &[[0; TOKEN_BYTES + 1].as_slice(), &[0, 0, 0, 0, 1, 0, 0, 0]].concat()), ReplyError::Item),
        (reply(8, 0, 0, &[[0; TOKEN_BYTES + 1].as_slice(), &[8, 0, 0, 0, 0, 0, 0, 0]].concat()), ReplyError::Nested),
        (reply(9, 0, 0, &[0; 3]), ReplyError::Size(9)),
        (reply(9, 0, 0, &[0, 0, 2, 0]), ReplyError::Reserved),
        (reply(9, 0, 0, &[0, 0, 1, 0]), ReplyError::Item),
        (reply(9, 0, 0, &[0, 0, 0, 0, 1]), ReplyError::Size(9)),
        (reply(9, INT, 0, &[0; 8]), ReplyError::Size(9)),
        (reply(10, 0, 0, &[0; 11]), ReplyError::Size(10)),
        (reply(10, 0, 0, &[0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), ReplyError::Reserved),
        (reply(11, 0, 0, &[0; 3]), ReplyError::Item),
        (reply(11, 0, 0, &[1, 0, 0, 0]), ReplyError::Reserved),
        (reply(11, 0, 0, &[20, 0, 0, 0]), ReplyError::Item),
        (reply(11, 0, 0, &[0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]), ReplyError::Type(9)),
        (reply(11, 0, 0, &[0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0]), ReplyError::Reserved),
        (reply(11, 0, 0, &[[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0].as_slice(), &[0; ETAG_BYTES]].concat()), ReplyError::Key),
        (reply(0x7f, 0, 0, b""), ReplyError::Status(0x7f)),
        (reply(0x87, 0, 0, b""), ReplyError::Status(0x87)),
        (reply(0x80, INT, 0, b""), ReplyError::Type(INT)),
        (reply(0x80, 0, 0, b"\xff"), text(TextError::NotUtf8(0))),
    ];
    for (frame, error) in cases {
        assert_eq!(ReplyFrame::decode(&frame), Err(error), "{frame:02x?}");
        check::replies(&frame);
    }
    for length in 0..12 {
        assert_eq!(ReplyFrame::decode(&reply(0, 0, 0, b"")[..length]), Err(ReplyError::Header));
    }
}
