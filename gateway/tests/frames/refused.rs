//! Prefaces and requests that are refused: with which error, and without a trace.

use proto::OpKind::{self, *};
use proto::ValueType::{self, *};
use proto::frame::ErrorCode::{self, BadFlags, BadKey, BadLength, BadOpcode, BadPayload, BadType, BadValue, TooLarge};
use proto::frame::{Answer, ClientPreface, MAX_MULTI_ITEMS, PrefaceStatus};

use crate::frame_client::{
    AUTH, FrameClient, MULTI_GET, MULTI_PUT, PING, list, multi_get, multi_put, op, ping, put_str, raw,
};
use crate::harness::Kvs;
use crate::{assert_serves, serve, stop_unharmed};

/// Largest frame with the default limit of bodies, in bytes: header, longest key, body.
const MAX_FRAME: u32 = 16 + 512 + (16 << 20);

/// A frame's length, replaced.
fn with_length(mut frame: Vec<u8>, length: u32) -> Vec<u8> {
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame
}

fn assert_absent(kvs: &Kvs, key: &str) {
    assert_eq!(FrameClient::connect(kvs.frame_addr).get_str(key), None, "{key} was stored");
}

#[test]
fn a_wrong_preface_gets_its_reason_and_nothing_is_carried_out() {
    let mut reserved = ClientPreface::current().encode();
    reserved[7] = 1;
    let http = b"PUT /kvs/v1-0-0/str-put/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\na";
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a ClientHello";
    let (_folder, kvs) = serve(&[]);
    for (theirs, status) in [
        (&b"KVSf\x01\0\0\0"[..], PrefaceStatus::NotThisProtocol),
        (b"FSVK\x01\0\0\0", PrefaceStatus::NotThisProtocol),
        (&reserved, PrefaceStatus::NotThisProtocol),
        (&[0; 8], PrefaceStatus::NotThisProtocol),
        (http, PrefaceStatus::NotThisProtocol),
        (tls, PrefaceStatus::NotThisProtocol),
        (b"KVSF\0\0\0\0", PrefaceStatus::Version),
        (b"KVSF\x02\0\0\0", PrefaceStatus::Version),
        (b"KVSF\x01\x01\0\0", PrefaceStatus::Version),
    ] {
        let mut client = FrameClient::silent(kvs.frame_addr);
        let preface = client.greet(&[theirs, &put_str(1, "k", "a")].concat()).expect("a preface");
        assert_eq!((preface.status, preface.version), (status, 1), "{theirs:?}");
        assert!(client.is_closed(), "{theirs:?}");
        assert_absent(&kvs, "k");
    }
    assert_eq!(kvs.connect().get("str-get/k").status, 404);
    stop_unharmed(kvs);
}

#[test]
fn the_preface_says_what_the_server_takes_and_may_come_byte_by_byte() {
    for (args, most) in [(&[][..], MAX_FRAME), (&["--max-body", "1KiB"], 16 + 512 + 1024)] {
        let (_folder, kvs) = serve(args);
        let mut client = FrameClient::silent(kvs.frame_addr);
        for byte in ClientPreface::current().encode() {
            client.send(&[byte]).expect("kvs reads");
        }
        let theirs = client.receive_preface().expect("a preface");
        assert_eq!((theirs.status, theirs.max_frame), (PrefaceStatus::Welcome, most));
        assert!(!theirs.auth_required && !theirs.auth_offered);
        let key = "k".repeat(512);
        let largest = put_str(1, &key, &"x".repeat(most as usize - 16 - 512));
        assert_eq!(client.exchange(&largest).answer(), Answer::Done);
        assert_eq!(client.get_str(&key).map(|text| text.len()), Some(most as usize - 16 - 512));
        let too_large = with_length(ping(2), most + 1);
        client.send(&too_large).expect("kvs reads");
        assert_eq!(client.receive().expect("an error").error(), Some(BadLength));
        assert!(client.is_closed());
    }
}

#[test]
fn an_impossible_length_ends_the_connection_behind_what_came_before() {
    let (_folder, kvs) = serve(&[]);
    for (number, length) in [0, 1, 4, 15, MAX_FRAME + 1, 1 << 31, u32::MAX].into_iter().enumerate() {
        let (before, behind) = (format!("before {number}"), format!("behind {number}"));
        let bad = with_length(put_str(2, &behind, "a"), length);
        let mut client = FrameClient::connect(kvs.frame_addr);
        client.send(&[put_str(1, &before, "a"), bad, put_str(3, &behind, "a")].concat()).expect("kvs reads");
        let first = client.receive().expect("a reply");
        assert_eq!((first.id(), first.answer()), (1, Answer::Done));
        assert_eq!(client.receive().expect("an error").error(), Some(BadLength), "length {length}");
        assert!(client.is_closed(), "length {length}");
        assert_eq!(FrameClient::connect(kvs.frame_addr).get_str(&before).as_deref(), Some("a"));
        assert_absent(&kvs, &behind);
    }
    stop_unharmed(kvs);
}

#[test]
fn nothing_is_reserved_for_what_a_frame_claims() {
    const CLIENTS: usize = 64;
    const MOST_MEMORY: u64 = 16 << 20;
    let (_folder, kvs) = serve(&[]);
    assert_serves(&kvs);
    let before = kvs.resident_bytes();
    let claims = |length| with_length(put_str(1, "k", "a few bytes"), length);
    let mut clients: Vec<FrameClient> = (0..CLIENTS).map(|_| FrameClient::connect(kvs.frame_addr)).collect();
    for client in &mut clients {
        // A complete request before it: its reply shows that the claim has arrived.
        client.send(&[ping(1), claims(MAX_FRAME)].concat()).expect("kvs reads");
        assert_eq!(client.receive().expect("a reply").answer(), Answer::Done);
        let mut impossible = FrameClient::connect(kvs.frame_addr);
        impossible.send(&claims(u32::MAX)).expect("kvs reads");
        assert_eq!(impossible.receive().expect("an error").error(), Some(BadLength));
    }
    let used = kvs.resident_bytes().saturating_sub(before);
    assert!(used < MOST_MEMORY, "{used} bytes for {CLIENTS} claims");
    assert_serves(&kvs);
}

/// What is wrong, the request, its error. Each would leave a trace under the key `k` or `new`.
fn malformed() -> Vec<(&'static str, Vec<u8>, ErrorCode)> {
    let of = |kind: OpKind, ty: ValueType, payload: &[u8]| op(9, kind, Some(ty), "new", payload);
    let changed = |mut frame: Vec<u8>, at: usize, to: u8| {
        frame[at] = to;
        frame
    };
    let put = || put_str(9, "new", "a");
    let endless = [&list(&["a"])[..], &[0xff; 4], b"b"].concat();
    let good = (Int, "new", &[1, 0, 0, 0][..]);
    let many = multi_put(9, [good, (Str, "new", b"a")]);
    // Behind the header, and the first item's 8 bytes, key and value.
    let second = 16 + 8 + 3 + 4;
    let negative_nan = 0xff80_0001u32;
    #[rustfmt::skip]
    let mut cases = vec![
        ("opcode 0", changed(put(), 8, 0), BadOpcode),
        ("an unknown opcode", changed(put(), 8, 13), BadOpcode),
        ("an opcode of replies", changed(put(), 8, 0x80), BadOpcode),
        ("an unknown flag", changed(put(), 12, 2), BadFlags),
        ("an unknown flag beside a known one", changed(put(), 13, 0x80), BadFlags),
        ("bytes that must be zero", changed(put(), 15, 1), BadFlags),
        ("no type", changed(put(), 9, 0), BadType),
        ("an unknown type", changed(put(), 9, 7), BadType),
        ("incr of a str", of(Incr, Str, b""), BadType),
        ("set-add to a map", of(SetAdd, Map, &list(&["a"])), BadType),
        ("map-set in a set", of(MapSet, Set, &list(&["a", "b"])), BadType),
        ("del-all of one type", of(DelAll, Int, b""), BadType),
        ("a multi-put with a type", raw(9, MULTI_PUT, 4, 0, b"", b""), BadType),
        ("no key", raw(9, Put as u8, Str as u8, 0, b"", b"a"), BadKey),
        ("a key of 513 bytes", put_str(9, &"k".repeat(513), "a"), BadKey),
        ("a key that is not UTF-8", raw(9, Put as u8, Str as u8, 0, b"\xff", b"a"), BadKey),
        ("a key with NUL", put_str(9, "a\0", "a"), BadKey),
        ("a key beyond the frame", changed(put(), 11, 1), BadKey),
        ("a key where none goes", raw(9, PING, 0, 0, b"new", b""), BadKey),
        ("a key in a multi-put", raw(9, MULTI_PUT, 0, 0, b"new", &many[16..]), BadKey),
        ("a payload where none goes", of(Incr, Int, b"1"), BadPayload),
        ("a ping with a payload", raw(9, PING, 0, 0, b"", b"a"), BadPayload),
        ("an int of 3 bytes", of(Put, Int, &[1, 2, 3]), BadPayload),
        ("an int of 5 bytes", of(Put, Int, &[1, 2, 3, 4, 5]), BadPayload),
        ("an operand of 4 bytes", of(IncrBy, Int, &[1, 0, 0, 0]), BadPayload),
        ("a str that is not UTF-8", of(Put, Str, b"abc\xff"), BadPayload),
        ("an item beyond the frame", of(Put, Set, &endless), BadPayload),
        ("an item's length cut", of(Put, Set, &[1, 0, 0]), BadPayload),
        ("a field without a value", of(Put, Map, &list(&["a"])), BadPayload),
        ("fields out of order", of(Put, Map, &list(&["b", "1", "a", "2"])), BadPayload),
        ("a field twice", of(Put, Map, &list(&["a", "1", "a", "2"])), BadPayload),
        ("members out of order", of(SetAdd, Set, &list(&["b", "a"])), BadPayload),
        ("a member twice", of(Put, Set, &list(&["a", "a"])), BadPayload),
        ("a map-set of three", of(MapSet, Map, &list(&["a", "b", "c"])), BadPayload),
        ("a float that is NaN", of(Put, Float, &f32::NAN.to_le_bytes()), BadValue),
        ("a float that is another NaN", of(Put, Float, &negative_nan.to_le_bytes()), BadValue),
        ("an infinite float", of(Put, Float, &f32::INFINITY.to_le_bytes()), BadValue),
        ("a str with NUL", of(Put, Str, b"a\0b"), BadValue),
        ("a member with NUL", of(SetAdd, Set, &list(&["a", "b\0"])), BadValue),
        ("a field with NUL", of(MapSet, Map, &list(&["a\0", "b"])), BadValue),
        ("many: an item of no type", changed(many.clone(), second, 0), BadType),
        ("many: bytes that must be zero", changed(many.clone(), second + 1, 1), BadFlags),
        ("many: an item without a key", multi_put(9, [good, (Str, "", b"a")]), BadKey),
        ("many: a key beyond the frame", changed(many.clone(), second + 3, 1), BadPayload),
        ("many: a value beyond the frame", changed(many.clone(), second + 4, 2), BadPayload),
        ("many: an endless value", changed(many.clone(), second + 7, 0xff), BadPayload),
        ("many: an int of 3 bytes", multi_put(9, [good, (Int, "new", &[1, 2, 3])]), BadPayload),
        ("many: a str with NUL", multi_put(9, [good, (Str, "new", b"\0")]), BadValue),
        ("many: half of an item's header", [raw(9, MULTI_PUT, 0, 0, b"", &[&many[16..], &[4, 0, 1]].concat())].concat(), BadPayload),
        ("many: gets that are cut", raw(9, MULTI_GET, 0, 0, b"", &[1, 0, 1, 0]), BadPayload),
    ];
    let too_many = || std::iter::repeat_n((), MAX_MULTI_ITEMS + 1);
    cases.push(("too many puts", multi_put(9, too_many().map(|()| good)), TooLarge));
    cases.push(("too many gets", multi_get(9, too_many().map(|()| (Int, "new"))), TooLarge));
    cases
}

#[test]
fn a_malformed_request_gets_its_error_and_the_connection_goes_on() {
    let (_folder, kvs) = serve(&[]);
    let (mut client, mut other) = (FrameClient::connect(kvs.frame_addr), FrameClient::connect(kvs.frame_addr));
    for (what, request, code) in malformed() {
        let reply = client.exchange(&request);
        assert_eq!(reply.error(), Some(code), "{what}: {reply:?}");
        assert_eq!(client.exchange(&ping(1)).answer(), Answer::Done, "the connection after {what}");
        let every_type = [Int, Uint, Float, Str, Map, Set].map(|ty| (ty, "new"));
        let found = other.exchange(&multi_get(2, every_type));
        let Answer::Many(found) = found.answer() else { panic!("{what}") };
        assert!(found.iter().all(|answer| answer == Answer::NoEntry), "{what} left a trace");
    }
    stop_unharmed(kvs);
}

#[test]
fn a_malformed_request_between_others_is_answered_in_its_place() {
    let (_folder, kvs) = serve(&[]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    let cases = malformed();
    let mut script = Vec::new();
    for (_, request, _) in &cases {
        script.extend(crate::frame_client::incr(1, "n"));
        script.extend(request);
    }
    client.send(&script).expect("kvs reads");
    for ((what, _, code), before) in cases.iter().zip(0..) {
        assert_eq!(client.receive().expect("a reply").int(), before, "before {what}");
        assert_eq!(client.receive().expect("an error").error(), Some(*code), "{what}");
    }
}

#[test]
fn a_token_where_none_is_wanted_is_taken() {
    let (_folder, kvs) = serve(&[]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    assert_eq!(client.exchange(&raw(1, AUTH, 0, 0, b"", b"whatever")).answer(), Answer::Done);
    assert_eq!(client.exchange(&raw(2, AUTH, 0, 0, b"", b"\xff")).error(), Some(BadPayload));
}
