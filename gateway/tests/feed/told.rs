//! What is told of each kind of change, and to whom.

use proto::frame::{Answer, ChangeContent, Follow, encode_follow};
use proto::{OpKind, ValueRef, ValueType};
use serde_json::{Value, json};

use crate::follower::Follower;
use crate::frame_client::{FrameClient, op};
use crate::harness::{Kvs, folder};
use crate::{ask, place};

/// Requests, each with the changes that it makes, as far as they do not depend on time.
fn cases() -> Vec<(&'static str, &'static str, &'static str, Vec<Value>)> {
    let of = |op: &str, ty: &str, rest: Value| {
        let mut change = json!({"op": op, "type": ty, "key": "k"});
        change.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        change
    };
    let put = |ty: &str, value: Value| vec![of("put", ty, json!({"value": value}))];
    vec![
        ("PUT", "int/k", "41", put("int", json!(41))),
        ("PUT", "uint/k", "4000000000", put("uint", json!(4_000_000_000_u32))),
        ("PUT", "float/k", "0.5", put("float", json!(0.5))),
        ("PUT", "str/k", "a \"text\"\n", put("str", json!("a \"text\"\n"))),
        ("PUT", "map/k", r#"{"a":"1","b":""}"#, put("map", json!({"a": "1", "b": ""}))),
        ("PUT", "set/k", r#"["b","a"]"#, put("set", json!(["a", "b"]))),
        ("PATCH", "int/k", r#"{"incr":2}"#, vec![of("incr", "int", json!({"value": 43}))]),
        ("PUT", "map/k/c", "3", vec![of("patch", "map", json!({"patch": {"c": "3"}}))]),
        ("DELETE", "map/k/c", "", vec![of("patch", "map", json!({"patch": {"c": null}}))]),
        (
            "PATCH",
            "map/k",
            r#"{"a":"2","b":null}"#,
            vec![
                of("patch", "map", json!({"patch": {"a": "2"}, "more": true})),
                of("patch", "map", json!({"patch": {"b": null}})),
            ],
        ),
        (
            "PATCH",
            "set/k",
            r#"{"add":["c"],"remove":["a"]}"#,
            vec![
                of("patch", "set", json!({"patch": {"add": ["c"]}, "more": true})),
                of("patch", "set", json!({"patch": {"remove": ["a"]}})),
            ],
        ),
        ("GET", "int/k", "", vec![]),
        ("DELETE", "uint/k", "", vec![of("del", "uint", json!({}))]),
        ("DELETE", "uint/k", "", vec![]),
        (
            "POST",
            "batch",
            r#"{"ops":[{"op":"put","type":"str","key":"k","value":"x"},{"op":"get","type":"int","key":"k"},
                {"op":"del","type":"float","key":"k"},{"op":"incr","type":"uint","key":"k"}]}"#,
            vec![
                of("put", "str", json!({"value": "x", "more": true})),
                of("del", "float", json!({"more": true})),
                of("incr", "uint", json!({"value": 1})),
            ],
        ),
    ]
}

/// A change without what depends on time and place, but for whether there is a place.
fn plain(change: &Value) -> Value {
    let mut plain = change.clone();
    let members = plain.as_object_mut().expect("a document");
    assert!(members.remove("time").expect("when").as_str().expect("a time").ends_with('Z'));
    let (token, more) = (members.remove("token"), members.contains_key("more"));
    assert_eq!(token.is_some(), !more, "either it ends its step, or more follows: {change}");
    let etag = members.remove("etag");
    assert_eq!(etag.is_some(), !matches!(change["op"].as_str(), Some("del" | "expire")), "{change}");
    plain
}

#[test]
fn every_kind_of_change_is_told_with_its_step() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let (begin, mut client) = (place(&kvs), kvs.connect());
    let mut live = Follower::lines(kvs.addr, &format!("after={begin}&values=true"));
    let mut expected = Vec::new();
    for (method, path, body, changes) in cases() {
        let answer = ask(&mut client, method, path, &[], body);
        assert!(matches!(answer.status, 200..=204) || changes.is_empty(), "{method} {path}: {answer:?}");
        // The etag that the response tells is that of the last change.
        let etag = answer.header("etag").filter(|_| method != "GET");
        for (number, change) in changes.iter().enumerate() {
            let told = live.change();
            assert_eq!(plain(&told), *change, "{method} {path}");
            if let Some(etag) = etag.filter(|_| number + 1 == changes.len()) {
                assert_eq!(told["etag"], etag, "{method} {path}");
            }
            if let Some(token) = told["token"].as_str() {
                assert_eq!(answer.header("kvs-token"), Some(token), "{method} {path}: one place, one token");
            }
        }
        expected.extend(changes);
    }
    // The same again from the log, as lines and as events.
    let query = format!("after={begin}&values=true&wait=0");
    let again: Vec<Value> = Follower::lines(kvs.addr, &query).all();
    assert_eq!(again.len(), expected.len() + 1, "and a bookmark");
    assert_eq!(again.last().unwrap()["caught_up"], true);
    assert!(again.iter().zip(&expected).all(|(told, expected)| plain(told) == *expected), "{again:?}");
    let mut events = Follower::begin(kvs.addr, &query, &[]).expect("kvs answers");
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    for document in &again {
        let mut lines = vec![
            format!("event: {}", document["op"].as_str().unwrap()),
            format!("data: {}", serde_json::to_string(document).unwrap()),
        ];
        if let Some(token) = document["token"].as_str() {
            lines.push(format!("id: {token}"));
        }
        lines.push(String::new());
        for expected in lines {
            let line = events.line().unwrap().expect("the stream goes on");
            match expected.strip_prefix("data: ") {
                // The members may be in another order.
                Some(data) => {
                    let [told, expected]: [Value; 2] =
                        [&line["data: ".len()..], data].map(|json| serde_json::from_str(json).unwrap());
                    assert_eq!(told, expected);
                }
                None => assert_eq!(line, expected),
            }
        }
    }
    assert_eq!(events.line().unwrap(), None);
    // Without values there is neither value nor patch.
    for told in Follower::lines(kvs.addr, &format!("after={begin}&wait=0")).all() {
        assert!(told.get("value").is_none() && told.get("patch").is_none(), "{told}");
    }
    over_frames(&kvs, &begin, &again);
    // A deletion of a key in every type is one step.
    let mut frames = FrameClient::connect(kvs.frame_addr);
    frames.exchange(&op(1, OpKind::DelAll, None, "k", b""));
    let types = ["int", "uint", "str", "map", "set"];
    for (number, ty) in types.into_iter().enumerate() {
        let told = live.change();
        assert_eq!((&told["op"], &told["type"]), (&json!("del"), &json!(ty)), "{told}");
        assert_eq!(told.get("more").is_some(), number + 1 < types.len(), "{told}");
    }
}

/// What REST has told is told over frames, too.
fn over_frames(kvs: &Kvs, begin: &str, expected: &[Value]) {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let token = URL_SAFE_NO_PAD.decode(begin).unwrap().try_into().unwrap();
    let mut frames = FrameClient::connect(kvs.frame_addr);
    let follow = Follow { ty: None, prefix: "", values: true, wait: 0, after: Some(&token) };
    let mut request = Vec::new();
    encode_follow(&mut request, 7, &follow);
    let reply = frames.exchange(&request);
    let Answer::Changes(changes) = reply.answer() else { panic!("{:?}", reply.answer()) };
    assert!(changes.is_caught_up);
    let (bookmark, expected) = expected.split_last().expect("a bookmark");
    assert_eq!(URL_SAFE_NO_PAD.encode(changes.token), bookmark["token"]);
    let shown = |value: ValueRef<'_>| match value {
        ValueRef::Int(number) => json!(number),
        ValueRef::Uint(number) => json!(number),
        ValueRef::Float(number) => json!(number),
        ValueRef::Str(text) => json!(text),
        ValueRef::Map(list) => list.pairs().map(|(f, v)| (f.to_owned(), json!(v))).collect(),
        ValueRef::Set(list) => list.iter().collect(),
    };
    let told: Vec<Value> = changes
        .iter()
        .map(|change| {
            let mut told = json!({"type": change.ty.name(), "key": change.key.as_str()});
            told["op"] = match change.kind {
                OpKind::MapSet | OpKind::MapDel | OpKind::SetAdd | OpKind::SetRem => json!("patch"),
                kind => json!(kind.name()),
            };
            match change.content {
                None => {}
                Some(ChangeContent::Value(value)) => told["value"] = shown(value),
                Some(ChangeContent::Field { field, value }) => told["patch"] = json!({field: value}),
                Some(ChangeContent::NoField(field)) => told["patch"] = json!({field: null}),
                Some(ChangeContent::Added(members)) => told["patch"] = json!({"add": shown(ValueRef::Set(members))}),
                Some(ChangeContent::Removed(members)) => {
                    told["patch"] = json!({"remove": shown(ValueRef::Set(members))});
                }
            }
            if let Some(etag) = change.etag {
                told["etag"] = json!(format!("\"{}\"", URL_SAFE_NO_PAD.encode(etag)));
            }
            match change.step_end {
                Some(token) => told["token"] = json!(URL_SAFE_NO_PAD.encode(token)),
                None => told["more"] = json!(true),
            }
            told
        })
        .collect();
    let expected: Vec<Value> = expected
        .iter()
        .map(|document| {
            let mut document = document.clone();
            document.as_object_mut().unwrap().remove("time");
            document
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn an_expiry_is_told_with_its_deadline_and_its_end() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let mut live = Follower::lines(kvs.addr, "");
    assert_eq!(live.next()["op"], "bookmark", "at once, so that there is a place");
    let mut client = kvs.connect();
    let put = ask(&mut client, "PUT", "str/k", &[("Kvs-Ttl", "1h")], "x");
    let told = live.change();
    assert_eq!((&told["op"], &told["expires_at"]), (&json!("put"), &json!(put.header("kvs-expires"))));
    let touched = ask(&mut client, "PATCH", "str/k", &[("Kvs-Ttl", "300ms")], "{}");
    let told = live.change();
    assert_eq!((&told["op"], &told["expires_at"]), (&json!("touch"), &json!(touched.header("kvs-expires"))));
    let told = live.change();
    assert_eq!((&told["op"], told.get("expires_at")), (&json!("expire"), None));
}

#[test]
fn type_and_prefix_choose_and_a_place_is_told_all_the_same() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let (begin, mut client) = (place(&kvs), kvs.connect());
    for path in ["int/a1", "str/a1", "int/b1", "int/a2", "str/b2"] {
        ask(&mut client, "PUT", path, &[], "1");
    }
    // The steps of a batch that are wanted: the last of them has the place.
    let batch = r#"{"ops":[{"op":"put","type":"int","key":"a3","value":1},{"op":"put","type":"int","key":"a4","value":1},
                    {"op":"put","type":"str","key":"b3","value":"1"}]}"#;
    let end = ask(&mut client, "POST", "batch", &[], batch).header("kvs-token").expect("a token").to_owned();
    let keys = |query: &str| {
        let all = Follower::lines(kvs.addr, &format!("after={begin}&wait=0&{query}")).all();
        assert_eq!(all.last().unwrap()["token"], end, "{query}: how far it is");
        let shown = |told: &Value| format!("{}/{}", told["type"].as_str().unwrap(), told["key"].as_str().unwrap());
        all[..all.len() - 1].iter().map(shown).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(keys("type=int"), "int/a1 int/b1 int/a2 int/a3 int/a4");
    assert_eq!(keys("prefix=b"), "int/b1 str/b2 str/b3");
    assert_eq!(keys("type=str&prefix=a"), "str/a1");
    assert_eq!(keys("type=map"), "");
    let ints = Follower::lines(kvs.addr, &format!("after={begin}&wait=0&type=int&prefix=a3")).all();
    assert_eq!(
        (ints[0]["token"].as_str(), ints[0].get("more")),
        (Some(&*end), None),
        "it is the last one for this client"
    );
    for ty in ValueType::ALL {
        assert!(Follower::lines(kvs.addr, &format!("type={}&wait=0", ty.name())).status == 200);
    }
}

#[test]
fn an_identity_is_told_what_it_may_read() {
    let folder = folder();
    let identities = folder.path().join("identities");
    let identities = identities.to_str().expect("UTF-8");
    let token = |args: &[&str]| {
        let all = [&["token", "new", "--identities", identities][..], args].concat();
        let (status, out) = crate::harness::output(&mut Kvs::tool(&all));
        assert_eq!(status, Some(0), "{out}");
        out.lines().next().expect("a token").to_owned()
    };
    let all = token(&["all", "--scope", "read,write"]);
    let mine = token(&["mine", "--scope", "read", "--prefix", "mine_"]);
    let kvs = Kvs::start(&folder.path().join("log"), &["--identities", identities]);
    let bearer = |token: &str| format!("Bearer {token}");
    let (all, mine) = (bearer(&all), bearer(&mine));
    let follow = |who: &str, query: &str| {
        Follower::begin(kvs.addr, query, &[("Accept", "application/x-ndjson"), ("Authorization", who)]).unwrap()
    };
    assert_eq!(Follower::lines(kvs.addr, "").status, 401);
    let (mut sees_all, mut sees_some) = (follow(&all, ""), follow(&mine, ""));
    let mut client = kvs.connect();
    for key in ["other", "mine_1", "mine", "mine_2"] {
        let put = ask(&mut client, "PUT", &format!("int/{key}"), &[("Authorization", &all)], "1");
        assert_eq!(put.status, 201, "{put:?}");
    }
    for key in ["other", "mine_1", "mine", "mine_2"] {
        assert_eq!(sees_all.change()["key"], key);
    }
    assert_eq!([sees_some.change(), sees_some.change()].map(|told| told["key"].clone()), ["mine_1", "mine_2"]);
    // When the identity ends, so does its stream.
    let (status, out) =
        crate::harness::output(&mut Kvs::tool(&["token", "revoke", "mine", "--identities", identities]));
    assert_eq!(status, Some(0), "{out}");
    kvs.signal("HUP");
    let mut last = Value::Null;
    while let Ok(Some(document)) = sees_some.try_next() {
        assert!(matches!(document["op"].as_str(), Some("bookmark" | "end")), "{document}");
        last = document;
    }
    assert_eq!((&last["op"], &last["status"]), (&json!("end"), &json!(401)), "{last}");
}
