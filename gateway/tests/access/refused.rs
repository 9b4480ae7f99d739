//! Each request without an identity, and with each that does not suffice: refused, and nothing told.

use proto::frame::{Answer as FrameAnswer, ErrorCode};
use proto::{CounterType, OpKind, ValueType};

use crate::frame_client::{FrameClient, Reply, auth, get, list, multi_get, multi_put, op, ping};
use crate::harness::{Answer, Kvs};
use crate::{Identities, frames, rest};

/// Keys of entries of each type that are there, and of which there are none.
const THERE: &str = "user_there";
const NOT_THERE: &str = "user_not-there";

/// A request on a key: as REST v1 and as a frame.
struct Case {
    method: &'static str,
    path: String,
    body: &'static str,
    frame: Vec<u8>,
    writes: bool,
    /// None if it concerns all types.
    ty: Option<ValueType>,
}

/// A value of each type: as a body, and packed.
fn sample(ty: ValueType) -> (&'static str, Vec<u8>) {
    match ty {
        ValueType::Int => ("-7", (-7i32).to_le_bytes().into()),
        ValueType::Uint => ("7", 7u32.to_le_bytes().into()),
        ValueType::Float => ("1.5", 1.5f32.to_le_bytes().into()),
        ValueType::Str => ("text", b"text".into()),
        ValueType::Map => (r#"{"f":"v"}"#, list(&["f", "v"])),
        ValueType::Set => (r#"["m"]"#, list(&["m"])),
    }
}

/// Every operation of REST v1 and of frames on `key`, with what an identity needs for it.
fn cases(key: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |kind: OpKind, ty: Option<ValueType>, method, path: String, body, payload: &[u8]| {
        cases.push(Case { method, path, body, frame: op(9, kind, ty, key, payload), writes: kind.writes(), ty });
    };
    for ty in ValueType::ALL {
        let (name, (body, packed)) = (ty.name(), sample(ty));
        add(OpKind::Put, Some(ty), "PUT", format!("{name}-put/{key}"), body, &packed);
        add(OpKind::Get, Some(ty), "GET", format!("{name}-get/{key}"), "", b"");
        add(OpKind::Get, Some(ty), "HEAD", format!("{name}-get/{key}"), "", b"");
        if CounterType::of(ty).is_some() {
            add(OpKind::Incr, Some(ty), "PUT", format!("{name}-incr/{key}"), "", b"");
            add(OpKind::IncrBy, Some(ty), "PUT", format!("{name}-incrby/{key}"), "2", &2i64.to_le_bytes());
        }
    }
    let (uint, set, map) = (ValueType::Uint, ValueType::Set, ValueType::Map);
    add(OpKind::Put, Some(uint), "PUT", format!("uint/put/{key}"), "7", &7u32.to_le_bytes());
    add(OpKind::Get, Some(uint), "GET", format!("uint/get/{key}"), "", b"");
    add(OpKind::SetAdd, Some(set), "PUT", format!("set-add/{key}"), r#"["n"]"#, &list(&["n"]));
    add(OpKind::SetHas, Some(set), "GET", format!("set-has/{key}/m"), "", b"m");
    add(OpKind::SetRem, Some(set), "PUT", format!("set-rem/{key}"), r#"["m"]"#, &list(&["m"]));
    add(OpKind::MapSet, Some(map), "PUT", format!("map-set/{key}/f"), "w", &list(&["f", "w"]));
    add(OpKind::MapGet, Some(map), "GET", format!("map-get/{key}/f"), "", b"f");
    add(OpKind::MapDel, Some(map), "DELETE", format!("map-del/{key}/f"), "", b"f");
    for ty in ValueType::ALL {
        add(OpKind::Del, Some(ty), "DELETE", format!("{}-del/{key}", ty.name()), "", b"");
    }
    add(OpKind::Del, Some(uint), "DELETE", format!("uint/del/{key}"), "", b"");
    add(OpKind::DelAll, None, "DELETE", format!("del/{key}"), "", b"");
    cases
}

/// What a client sees of an answer: everything but the date, and the number that each request gets.
fn seen(answer: &Answer) -> Answer {
    let mut seen = answer.clone();
    seen.headers.retain(|(name, _)| name != "date" && name != "x-request-id");
    seen
}

fn send(kvs: &Kvs, case: &Case, token: Option<&str>) -> Answer {
    let mut client = kvs.connect();
    let header = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = header.iter().map(|value| ("Authorization", value.as_str())).collect();
    let bytes = crate::request_bytes(case.method, &case.path, &headers, case.body.as_bytes());
    client.send(&bytes).expect("kvs reads");
    match case.method {
        "HEAD" => client.receive_head(),
        _ => client.receive(),
    }
    .expect("an answer")
}

/// Entries of each type under [`THERE`].
fn fill(kvs: &Kvs, token: &str) {
    for ty in ValueType::ALL {
        let path = format!("{}-put/{THERE}", ty.name());
        assert_eq!(rest(kvs, "PUT", &path, Some(token), sample(ty).0.as_bytes()).status, 200);
    }
}

/// Panics unless the entries are those of [`fill`], and no others.
#[track_caller]
fn assert_unchanged(kvs: &Kvs, token: &str) {
    for ty in ValueType::ALL {
        let name = ty.name();
        let there = rest(kvs, "GET", &format!("{name}-get/{THERE}"), Some(token), b"");
        assert_eq!((there.status, there.text()), (200, sample(ty).0), "{name}");
        assert_eq!(rest(kvs, "GET", &format!("{name}-get/{NOT_THERE}"), Some(token), b"").status, 404, "{name}");
    }
}

#[test]
fn without_a_valid_token_nothing_is_done_and_nothing_told() {
    let identities = Identities::new();
    let all = identities.token("all", &["--scope", "read,write,admin"]);
    let expired = identities.token("expired", &["--scope", "read,write,admin", "--expires", "2020-01-01T00:00:00Z"]);
    let revoked = identities.token("revoked", &["--scope", "read,write,admin"]);
    let (_folder, kvs) = identities.serve(&["--auth-failures", "0"]);
    fill(&kvs, &all);
    assert_eq!(rest(&kvs, "GET", &format!("int-get/{THERE}"), Some(&revoked), b"").status, 200);
    identities.revoke("revoked");
    kvs.says(&["the identities have changed"]);

    let longer = format!("{all}0");
    let credentials =
        [None, Some(""), Some("wrong"), Some(&all[1..]), Some(longer.as_str()), Some(&expired), Some(&revoked)];
    for token in credentials {
        for (there, not_there) in cases(THERE).iter().zip(&cases(NOT_THERE)) {
            let answers = [there, not_there].map(|case| seen(&send(&kvs, case, token)));
            assert_eq!(answers[0].status, 401, "{} {} with {token:?}", there.method, there.path);
            assert_eq!(answers[0], answers[1], "{} {} with {token:?}", there.method, there.path);
            assert_eq!(answers[0].header("www-authenticate"), Some("Bearer"));
        }
        for path in ["echo", "hello", "fibo?n=3"] {
            assert_eq!(rest(&kvs, "POST", path, token, b"").status, 401, "{path} with {token:?}");
        }
        // Also a path or method that does not exist.
        assert_eq!(rest(&kvs, "GET", "no-such", token, b"").status, 401);
        assert_eq!(rest(&kvs, "POST", &format!("int-get/{THERE}"), token, b"").status, 401);

        let items = || [(ValueType::Str, THERE), (ValueType::Str, NOT_THERE)];
        let others = [ping(9), multi_get(9, items()), multi_put(9, items().map(|(ty, key)| (ty, key, &b"x"[..])))];
        for frame in cases(THERE).into_iter().chain(cases(NOT_THERE)).map(|case| case.frame).chain(others) {
            let mut client = FrameClient::connect(kvs.frame_addr);
            let bytes = match token {
                Some(token) => [&auth(9, token)[..], &frame].concat(),
                None => frame,
            };
            assert_eq!(client.exchange(&bytes[..]).error(), Some(ErrorCode::Unauthenticated), "with {token:?}");
            assert!(client.is_closed());
        }
    }
    assert_unchanged(&kvs, &all);
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{diagnostics}");
    for secret in [&all, &expired, &revoked] {
        assert!(!diagnostics.contains(&secret[4..]), "a token is in the diagnostics: {diagnostics}");
    }
}

#[test]
fn a_narrow_identity_does_what_it_may_and_nothing_else() {
    let identities = Identities::new();
    let all = identities.token("all", &["--scope", "read,write"]);
    let narrow = [
        ("reader", vec!["--scope", "read"]),
        ("writer", vec!["--scope", "write"]),
        ("operator", vec!["--scope", "admin"]),
        ("ints", vec!["--scope", "read,write", "--types", "int"]),
        ("texts", vec!["--scope", "read,write", "--types", "str,map,set"]),
        ("users", vec!["--scope", "read,write", "--prefix", "user_"]),
        ("others", vec!["--scope", "read,write", "--prefix", "other_"]),
    ];
    let (_folder, kvs) = identities.serve(&["--auth-failures", "0"]);
    for (name, args) in &narrow {
        let token = identities.token(name, args);
        kvs.says(&["the identities have changed"]);
        fill(&kvs, &all);
        let mut client = frames(&kvs, &token);
        let may = |case: &Case| match *name {
            "reader" => !case.writes,
            "writer" => case.writes,
            "ints" => case.ty == Some(ValueType::Int),
            "texts" => matches!(case.ty, Some(ValueType::Str | ValueType::Map | ValueType::Set)),
            "users" => true,
            _ => false,
        };
        let mut refused = 0;
        for (there, not_there) in cases(THERE).iter().zip(&cases(NOT_THERE)) {
            let shown = || format!("{name}: {} {}", there.method, there.path);
            if may(there) {
                // The state may have changed by what was allowed before: only permission is looked at.
                for case in [there, not_there] {
                    assert!(![401, 403].contains(&send(&kvs, case, Some(&token)).status), "{}", shown());
                    assert!(
                        client.exchange(&case.frame).error().is_none_or(|code| code == ErrorCode::Overflow),
                        "{}",
                        shown()
                    );
                }
                continue;
            }
            refused += 1;
            let answers = [there, not_there].map(|case| seen(&send(&kvs, case, Some(&token))));
            assert_eq!(answers[0].status, 403, "{}", shown());
            assert_eq!(answers[0], answers[1], "{}", shown());
            let replies = [there, not_there].map(|case| client.exchange(&case.frame));
            assert_eq!(replies[0].error(), Some(ErrorCode::Forbidden), "{}", shown());
            assert_eq!(replies[0], replies[1], "{}", shown());
        }
        assert!(refused > 0 || *name == "users", "{name}");
        // One item of many is refused in its place.
        let many = client.exchange(&multi_get(9, [(ValueType::Int, THERE), (ValueType::Str, "other_1")]));
        let expected = match *name {
            "reader" => [false, false],
            "ints" => [false, true],
            "texts" => [true, false],
            "users" => [false, true],
            "others" => [true, false],
            _ => [true, true],
        };
        assert_eq!(refused_items(&many), expected, "{name}");
        let put = client.exchange(&multi_put(9, [(ValueType::Str, "other_2", &b"x"[..])]));
        assert_eq!(refused_items(&put), [!["writer", "texts", "others"].contains(name)], "{name}");
        assert_eq!(client.exchange(&ping(9)).answer(), FrameAnswer::Done);
        // In a batch, others are carried out.
        client.send(&[get(1, ValueType::Int, THERE), get(2, ValueType::Str, THERE)].concat()).expect("kvs reads");
        let batch = [client.receive().expect("a reply"), client.receive().expect("a reply")];
        if *name == "ints" {
            assert_eq!((batch[0].error(), batch[1].error()), (None, Some(ErrorCode::Forbidden)));
        }
        for key in [THERE, NOT_THERE, "other_2"] {
            assert_eq!(rest(&kvs, "DELETE", &format!("del/{key}"), Some(&all), b"").status, 200);
        }
    }
}

/// Which items of a reply were refused as forbidden.
fn refused_items(reply: &Reply) -> Vec<bool> {
    let FrameAnswer::Many(items) = reply.answer() else { panic!("{reply:?}") };
    items.iter().map(|item| matches!(item, FrameAnswer::Refused { code: ErrorCode::Forbidden, .. })).collect()
}

#[test]
fn what_was_refused_changes_nothing() {
    let identities = Identities::new();
    let all = identities.token("all", &["--scope", "read,write"]);
    let narrow = identities.token("narrow", &["--scope", "read", "--types", "int", "--prefix", "nothing_"]);
    let (_folder, kvs) = identities.serve(&[]);
    fill(&kvs, &all);
    let mut client = frames(&kvs, &narrow);
    for case in cases(THERE).iter().chain(&cases(NOT_THERE)) {
        assert_eq!(send(&kvs, case, Some(&narrow)).status, 403, "{} {}", case.method, case.path);
        assert_eq!(client.exchange(&case.frame).error(), Some(ErrorCode::Forbidden));
    }
    assert_unchanged(&kvs, &all);
}
