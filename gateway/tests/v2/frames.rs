//! The same over frames: batches as transactions and listings as scans, told as REST tells them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proto::frame::{Answer, CheckItem, CheckKind, ErrorCode, Etag, Scan, StepItem, Ttl, encode_scan, encode_transact};
use proto::{CounterType, Key, Op, StringsBuf, Value as Packed, ValueRef, ValueType};
use serde_json::{Map, Value, json};

use crate::frame_client::FrameClient;
use crate::{Server, etag, json};

fn type_of(document: &Value) -> ValueType {
    ValueType::from_name(document["type"].as_str().expect("a type")).expect("a value type")
}

fn key_of(document: &Value) -> Key<'_> {
    Key::new(document["key"].as_str().expect("a key").as_bytes()).expect("a key")
}

fn packed(ty: ValueType, value: &Value) -> Packed {
    let list = |texts: Vec<&str>| texts.into_iter().collect::<StringsBuf>();
    let text = |value: &'_ Value| value.as_str().expect("a text").to_owned();
    match ty {
        ValueType::Int => Packed::Int(value.as_i64().expect("a number") as i32),
        ValueType::Uint => Packed::Uint(value.as_u64().expect("a number") as u32),
        ValueType::Float => Packed::Float(value.as_f64().expect("a number") as f32),
        ValueType::Str => Packed::Str(text(value).as_str().into()),
        ValueType::Map => {
            let fields = value.as_object().expect("a map");
            Packed::Map(list(fields.iter().flat_map(|(field, value)| [field, value.as_str().unwrap()]).collect()))
        }
        ValueType::Set => {
            Packed::Set(list(value.as_array().expect("a set").iter().map(|v| v.as_str().unwrap()).collect()))
        }
    }
}

fn shown(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Int(number) => json!(number),
        ValueRef::Uint(number) => json!(number),
        ValueRef::Float(number) => json!(number),
        ValueRef::Str(text) => json!(text),
        ValueRef::Map(list) => list.pairs().map(|(f, v)| (f.to_owned(), json!(v))).collect::<Map<_, _>>().into(),
        ValueRef::Set(list) => list.iter().collect::<Vec<_>>().into(),
    }
}

fn quoted(etag: &Etag) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(etag))
}

fn millis(ttl: &str) -> Ttl {
    let minutes = ttl.strip_suffix('m').map(|number| number.parse::<u64>().expect("a number"));
    minutes.map_or(Ttl::Never, |minutes| Ttl::After(minutes * 60_000))
}

/// The bytes of a transaction that does what this batch of REST does, whose operations have one step each.
pub(crate) fn transaction(batch: &Value, id: u32) -> Vec<u8> {
    let none = Vec::new();
    let (conditions, ops) = (batch["if"].as_array().unwrap_or(&none), batch["ops"].as_array().expect("ops"));
    let states: Vec<Vec<Etag>> = conditions
        .iter()
        .map(|condition| {
            let text = condition["etag"].as_str().unwrap_or("").trim_matches('"');
            let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.into_iter().collect()
        })
        .collect();
    let checks = conditions.iter().zip(&states).map(|(condition, states)| CheckItem {
        ty: type_of(condition),
        key: key_of(condition),
        kind: match (&condition["absent"], &condition["present"]) {
            (Value::Bool(true), _) => CheckKind::Absent,
            (_, Value::Bool(true)) => CheckKind::Present,
            _ => CheckKind::OneOf(states),
        },
    });
    let values: Vec<Option<Packed>> =
        ops.iter().map(|op| (op["op"] == "put").then(|| packed(type_of(op), &op["value"]))).collect();
    let steps = ops.iter().zip(&values).map(|(op, value)| {
        let (ty, key) = (type_of(op), key_of(op));
        StepItem {
            op: match (op["op"].as_str(), value) {
                (Some("get"), _) => Op::Get { ty, key },
                (Some("del"), _) => Op::Del { ty, key },
                (Some("put"), Some(value)) => Op::Put { key, value: value.as_value_ref() },
                (Some("incr"), _) => {
                    let ty = if ty == ValueType::Int { CounterType::Int } else { CounterType::Uint };
                    Op::IncrBy { ty, key, by: op["value"].as_i64().unwrap_or(1) }
                }
                other => panic!("{other:?}"),
            },
            ttl: op["ttl"].as_str().map(millis),
            min: op["min"].as_i64(),
            max: op["max"].as_i64(),
        }
    });
    let mut bytes = Vec::new();
    encode_transact(&mut bytes, id, false, None, &checks.collect::<Vec<_>>(), &steps.collect::<Vec<_>>());
    bytes
}

/// Carries out a batch of REST over frames. Returns what REST would: the status and the document.
pub(crate) fn batch(client: &mut FrameClient, batch: &Value) -> (u16, Value) {
    let reply = client.exchange(&transaction(batch, 7));
    match reply.answer() {
        Answer::Transacted { results, .. } => {
            let ops = batch["ops"].as_array().expect("ops");
            let results = results.iter().zip(ops).map(|(step, op)| {
                let mut result = json!({"status": 204});
                match (op["op"].as_str(), step.answer) {
                    (Some("put"), Answer::Done) => result["status"] = json!(if step.facts.existed { 204 } else { 201 }),
                    (Some("get"), Answer::Value(value)) => {
                        (result["status"], result["value"]) = (json!(200), shown(value));
                    }
                    (Some("incr"), Answer::Value(value)) => {
                        let before = shown(value).as_i64().expect("a number");
                        result = json!({"status": 200, "before": before, "value": before + op["value"].as_i64().unwrap_or(1)});
                    }
                    (Some("get"), Answer::NoEntry) | (Some("del"), Answer::Deleted(false)) => result["status"] = json!(404),
                    (Some("del"), Answer::Deleted(true)) => {}
                    other => panic!("{other:?}"),
                }
                if let Some(etag) = &step.facts.etag {
                    result["etag"] = json!(quoted(etag));
                }
                if let Some(expires) = step.facts.expires {
                    result["expires_at"] = json!(humantime::format_rfc3339_micros(
                        std::time::UNIX_EPOCH + std::time::Duration::from_micros(expires.cast_unsigned())
                    ).to_string());
                }
                result
            });
            (200, json!({"results": results.collect::<Vec<_>>()}))
        }
        Answer::Condition { number, found } => {
            let mut document = json!({"status": 412, "if": number});
            if let Some(found) = found {
                document["etag"] = json!(quoted(&found.etag));
                found.value.into_iter().for_each(|value| document["value"] = shown(value));
            }
            (412, document)
        }
        Answer::Bounds { number, before } => (409, json!({"status": 409, "op": number, "value": before})),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_apis_tell_the_same_of_the_same_entries() {
    let mut server = Server::start(&["--durability", "async"]);
    let mut frames = FrameClient::connect(server.kvs.frame_addr);
    let all = json!({"ops": [
        {"op": "put", "type": "str", "key": "a", "value": "text", "ttl": "90m"},
        {"op": "put", "type": "map", "key": "m", "value": {"f": "v"}},
        {"op": "put", "type": "set", "key": "s", "value": ["x", "y"]},
        {"op": "put", "type": "float", "key": "f", "value": 0.5},
        {"op": "incr", "type": "uint", "key": "n", "value": 5, "max": 5},
        {"op": "get", "type": "int", "key": "none"},
    ]});
    let (status, written) = batch(&mut frames, &all);
    assert_eq!((status, written["results"].as_array().map(Vec::len)), (200, Some(6)), "{written}");
    let reads: Vec<Value> = all["ops"]
        .as_array()
        .expect("ops")
        .iter()
        .map(|op| json!({"op": "get", "type": op["type"], "key": op["key"]}))
        .collect();
    let read = json!({"ops": reads});
    let over_frames = batch(&mut frames, &read);
    let over_rest = server.batch(&read);
    assert_eq!(over_frames, (200, json(&over_rest)));
    // A state that one API tells is a condition for the other.
    let tag = etag(&server.ask("GET", "str/a", "")).to_owned();
    assert_eq!(json!(tag), over_frames.1["results"][0]["etag"]);
    let put = |tag: &str| json!({"if": [{"type": "str", "key": "a", "etag": tag}], "ops": [{"op": "put", "type": "str", "key": "a", "value": "b"}]});
    assert_eq!(batch(&mut frames, &put(&tag)).0, 200);
    let (status, refused) = batch(&mut frames, &put(&tag));
    assert_eq!((status, &refused["value"]), (412, &json!("b")));
    assert_eq!(server.with("PUT", "str/a", &[("If-Match", refused["etag"].as_str().unwrap())], "c").status, 204);
    // Pages, too.
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let mut request = Vec::new();
        encode_scan(&mut request, 9, &Scan { ty: None, prefix: "", limit: 2, values: true, cursor: cursor.as_ref() });
        let reply = frames.exchange(&request);
        let Answer::Page(page) = reply.answer() else { panic!("{reply:?}") };
        for entry in page.entries() {
            let value = entry.value.map(shown);
            found.push(json!({"type": entry.ty.name(), "key": entry.key.as_str(), "etag": quoted(&entry.etag), "value": value}));
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut listed = json(&server.ask("GET", "keys?values=true", ""))["entries"].as_array().expect("entries").clone();
    listed.iter_mut().for_each(|entry| drop(entry.as_object_mut().expect("an entry").remove("expires_at")));
    assert_eq!(found, listed);
    // A cursor of another process.
    let mut request = Vec::new();
    let mut foreign = cursor.unwrap_or([0; 20]);
    foreign[0] = 0x13;
    encode_scan(&mut request, 9, &Scan { ty: None, prefix: "", limit: 2, values: true, cursor: Some(&foreign) });
    assert_eq!(frames.exchange(&request).error(), Some(ErrorCode::Gone));
    encode_scan(&mut request, 9, &Scan { ty: None, prefix: "", limit: 2, values: true, cursor: Some(&[7; 20]) });
    let second = request.split_off(request.len() / 2);
    assert_eq!(frames.exchange(&second).error(), Some(ErrorCode::BadPayload));
}
