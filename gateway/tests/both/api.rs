//! One interface to either protocol: what a client asks, and what it is told.

use proto::frame::{Answer, ErrorCode};
use proto::{OpKind, ValueRef, ValueType};
use serde_json::{Value as Json, json};

use crate::frame_client::{FrameClient, list, op};
use crate::harness::{Client, Kvs, folder, percent_encoded};
use crate::model::{Operation, Reply, Type, Value};

/// What came of a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Response {
    Reply(Reply),
    /// The key is none.
    BadKey,
    /// It cannot be stored.
    BadValue,
    /// The value would be too large.
    TooLarge,
}

/// A client of either protocol.
pub(crate) trait Api {
    /// One request and what came of it. Panics if the answer has another form than the request asks for.
    fn ask(&mut self, key: &str, ask: &Operation) -> Response;
}

/// Runs a test over each protocol, each time with a new server.
pub(crate) fn each(test: impl Fn(&mut dyn Api)) {
    let folders = [folder(), folder()];
    let [rest, frames] = folders.each_ref().map(|folder| Kvs::start(folder.path(), &["--durability", "async"]));
    println!("over REST");
    test(&mut Rest(rest.connect()));
    println!("over frames");
    test(&mut Frames::connect(&frames));
}

/// Over REST.
pub(crate) struct Rest(pub(crate) Client);

impl Api for Rest {
    fn ask(&mut self, key: &str, ask: &Operation) -> Response {
        let (name, key) = (ask.ty().map_or("", Type::name), percent_encoded(key));
        let (method, path, body) = match ask {
            Operation::Get(_) => ("GET", format!("{name}-get/{key}"), String::new()),
            Operation::Put(value) => ("PUT", format!("{name}-put/{key}"), body_of(value)),
            Operation::Del(_) => ("DELETE", format!("{name}-del/{key}"), String::new()),
            Operation::DelAll => ("DELETE", format!("del/{key}"), String::new()),
            Operation::Incr(_) => ("PUT", format!("{name}-incr/{key}"), String::new()),
            Operation::IncrBy(_, by) => ("PUT", format!("{name}-incrby/{key}"), by.to_string()),
            Operation::SetAdd(members) => ("PUT", format!("set-add/{key}"), json!(members).to_string()),
            Operation::SetRem(members) => ("PUT", format!("set-rem/{key}"), json!(members).to_string()),
            Operation::SetHas(member) => ("GET", format!("set-has/{key}/{}", percent_encoded(member)), String::new()),
            Operation::MapGet(field) => ("GET", format!("map-get/{key}/{}", percent_encoded(field)), String::new()),
            Operation::MapSet(field, value) => {
                ("PUT", format!("map-set/{key}/{}", percent_encoded(field)), value.clone())
            }
            Operation::MapDel(field) => ("DELETE", format!("map-del/{key}/{}", percent_encoded(field)), String::new()),
        };
        let answer = self.0.request(method, &path, body);
        let reply = match answer.status {
            200 => match ask {
                Operation::Get(ty) => Reply::Value(value_in(*ty, answer.text())),
                Operation::Put(_) | Operation::MapSet(..) => Reply::Stored,
                Operation::Del(_) | Operation::DelAll | Operation::MapDel(_) => Reply::Deleted(answer.deleted()),
                _ => Reply::Text(answer.text().into()),
            },
            404 => Reply::NotFound,
            409 => Reply::Overflow,
            400 => return Response::BadKey,
            413 => return Response::TooLarge,
            422 => return Response::BadValue,
            other => panic!("{method} {path}: {other}"),
        };
        Response::Reply(reply)
    }
}

fn body_of(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Str(text) => text.clone(),
        Value::Map(fields) => json!(fields).to_string(),
        Value::Set(members) => json!(members).to_string(),
    }
}

/// The value in the body of an answer, in the form that tells apart what differs.
fn value_in(ty: Type, body: &str) -> Json {
    let parsed = || serde_json::from_str(body).expect("JSON");
    match ty {
        Type::Int => Value::Int(body.parse().expect("an int")).json(),
        Type::Uint => Value::Uint(body.parse().expect("a uint")).json(),
        Type::Float => Value::Float(body.parse().expect("a float")).json(),
        Type::Str => json!(body),
        Type::Map | Type::Set => parsed(),
    }
}

/// Over frames.
pub(crate) struct Frames {
    client: FrameClient,
    id: u32,
}

impl Frames {
    pub(crate) fn connect(kvs: &Kvs) -> Self {
        Self { client: FrameClient::connect(kvs.frame_addr), id: 0 }
    }
}

impl Api for Frames {
    fn ask(&mut self, key: &str, ask: &Operation) -> Response {
        self.id += 1;
        let (kind, payload) = match ask {
            Operation::Get(_) => (OpKind::Get, Vec::new()),
            Operation::Put(value) => (OpKind::Put, payload_of(value)),
            Operation::Del(_) => (OpKind::Del, Vec::new()),
            Operation::DelAll => (OpKind::DelAll, Vec::new()),
            Operation::Incr(_) => (OpKind::Incr, Vec::new()),
            Operation::IncrBy(_, by) => (OpKind::IncrBy, by.to_le_bytes().to_vec()),
            Operation::SetAdd(members) => (OpKind::SetAdd, ascending(members)),
            Operation::SetRem(members) => (OpKind::SetRem, ascending(members)),
            Operation::SetHas(member) => (OpKind::SetHas, member.clone().into()),
            Operation::MapGet(field) => (OpKind::MapGet, field.clone().into()),
            Operation::MapSet(field, value) => (OpKind::MapSet, list(&[field, value])),
            Operation::MapDel(field) => (OpKind::MapDel, field.clone().into()),
        };
        let answer = self.client.exchange(&op(self.id, kind, ask.ty().map(value_type), key, &payload));
        let reply = match (ask, answer.answer()) {
            (Operation::Get(ty), Answer::Value(value)) if value.value_type() == value_type(*ty) => {
                Reply::Value(owned(value).json())
            }
            (Operation::Incr(ty) | Operation::IncrBy(ty, _), Answer::Value(value))
                if value.value_type() == value_type(*ty) =>
            {
                Reply::Text(owned(value).json().to_string())
            }
            (Operation::MapGet(_), Answer::Value(ValueRef::Str(text))) => Reply::Text(text.into()),
            (Operation::Get(_) | Operation::SetHas(_) | Operation::MapGet(_), Answer::NoEntry) => Reply::NotFound,
            (Operation::MapGet(_), Answer::NoField) => Reply::NotFound,
            (Operation::Put(_) | Operation::MapSet(..), Answer::Done) => Reply::Stored,
            (Operation::Del(_) | Operation::DelAll | Operation::MapDel(_), Answer::Deleted(yes)) => Reply::Deleted(yes),
            (Operation::SetAdd(_) | Operation::SetRem(_), Answer::Count(count)) => Reply::Text(count.to_string()),
            (Operation::SetHas(_), Answer::Has(yes)) => Reply::Text(yes.to_string()),
            (Operation::Incr(_) | Operation::IncrBy(..), Answer::Refused { code: ErrorCode::Overflow, .. }) => {
                Reply::Overflow
            }
            (_, Answer::Refused { code: ErrorCode::BadKey, .. }) => return Response::BadKey,
            (_, Answer::Refused { code: ErrorCode::BadValue, .. }) => return Response::BadValue,
            (_, Answer::Refused { code: ErrorCode::TooLarge, .. }) => return Response::TooLarge,
            (ask, _) => panic!("{ask:?}: {answer:?}"),
        };
        Response::Reply(reply)
    }
}

fn value_type(ty: Type) -> ValueType {
    match ty {
        Type::Int => ValueType::Int,
        Type::Uint => ValueType::Uint,
        Type::Float => ValueType::Float,
        Type::Str => ValueType::Str,
        Type::Map => ValueType::Map,
        Type::Set => ValueType::Set,
    }
}

fn payload_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Int(number) => number.to_le_bytes().into(),
        Value::Uint(number) => number.to_le_bytes().into(),
        Value::Float(number) => number.to_le_bytes().into(),
        Value::Str(text) => text.clone().into(),
        Value::Map(fields) => {
            list(&fields.iter().flat_map(|(field, value)| [field.as_str(), value.as_str()]).collect::<Vec<_>>())
        }
        Value::Set(members) => list(&members.iter().map(String::as_str).collect::<Vec<_>>()),
    }
}

fn ascending(members: &[String]) -> Vec<u8> {
    payload_of(&Value::Set(members.iter().cloned().collect()))
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Int(number) => Value::Int(number),
        ValueRef::Uint(number) => Value::Uint(number),
        ValueRef::Float(number) => Value::Float(number),
        ValueRef::Str(text) => Value::Str(text.into()),
        ValueRef::Map(list) => {
            assert!(list.pairs().is_sorted_by(|(a, _), (b, _)| a < b), "a value has one encoding");
            Value::Map(list.pairs().map(|(field, value)| (field.into(), value.into())).collect())
        }
        ValueRef::Set(list) => {
            assert!(list.iter().is_sorted_by(|a, b| a < b), "a value has one encoding");
            Value::Set(list.iter().map(String::from).collect())
        }
    }
}
