//! Describes the API in OpenAPI 3.1, from the same shapes and methods that route requests.

use std::sync::LazyLock;

use bytes::Bytes;
use proto::limits::MAX_KEY_BYTES;
use proto::{CounterType, ValueType};
use serde_json::{Map, Value, json};

use super::listing::MAX_LIMIT;
use super::media::{EVENTS, JSON, LINES, TEXT as PLAIN};
use super::route::{RouteMethod, Shape};
use super::transact::MAX_OPS;
use super::ttl;
use crate::http::schema::{TEXT, string};
use crate::http::values;

/// What is about no single type.
const ALL_TYPES: &str = "all types";
const CHANGES: &str = "changes";

/// The description as JSON.
pub(in crate::http) fn json() -> Bytes {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| describe().to_string().into());
    TEXT.clone()
}

fn describe() -> Value {
    let mut paths = Map::new();
    for shape in Shape::all() {
        let mut operations = Map::new();
        for method in shape.methods() {
            operations.insert(method.name().into(), operation(shape, *method, method.name()));
            if *method == RouteMethod::Get {
                operations.insert("head".into(), operation(shape, *method, "head"));
            }
        }
        paths.insert(shape.path(), Value::Object(operations));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "KVS REST API v2",
            "version": "2.0.0",
            "description": "Typed entries in memory, with a durable log. An error is a problem (RFC 9457); but for 504 nothing has \
                            happened then.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": ValueType::ALL.map(ValueType::name).into_iter().chain([ALL_TYPES, CHANGES]).map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "parameters": parameters(),
            "responses": {"problem": {
                "description": "A problem; see its status and type",
                "content": {"application/problem+json": {"schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
                        "detail": {"type": "string"}, "outcome": {"enum": ["none", "unknown"]},
                        "retry_after_ms": {"type": "integer"}, "etag": {"type": "string"}, "value": {},
                        "limit": {"type": "integer"}, "op": {"type": "integer"}, "if": {"type": "integer"},
                    },
                }}},
            }},
        },
    })
}

fn parameters() -> Value {
    let segment = |name: &str, what: &str| json!({"name": name, "in": "path", "required": true, "description": what, "schema": string()});
    let header = |name: &str, what: &str, schema: Value| json!({"name": name, "in": "header", "required": false, "description": what, "schema": schema});
    let query = |name: &str, what: &str, schema: Value| json!({"name": name, "in": "query", "required": false, "description": what, "schema": schema});
    // Alone, it says true.
    let flag = json!({"anyOf": [{"type": "boolean"}, {"const": ""}]});
    let etags = json!({"anyOf": [{"const": "*"}, {"type": "string", "pattern": "^\"[!#-~]*\"$"}]});
    json!({
        "key": {
            "name": "key", "in": "path", "required": true,
            "description": format!("1 to {MAX_KEY_BYTES} bytes of UTF-8 without NUL, percent-encoded once"),
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_BYTES, "pattern": TEXT},
        },
        "field": segment("field", "A field of a map"),
        "member": segment("member", "A member of a set"),
        "entry": query("entry", "Whether the response is a document with type, key, value and etag", flag.clone()),
        "prefix": query("prefix", "How keys must begin", string()),
        "limit": query("limit", "Most entries of the page; refused with lines", json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT})),
        "cursor": query("cursor", "The next of the page before", string()),
        "values": query("values", "Whether values are told", flag),
        "after": query("after", "A token: only what comes after its place. Without it, from now on", string()),
        "type": query("type", "Only entries of this type", json!({"enum": ValueType::ALL.map(ValueType::name)})),
        "wait": query("wait", "0: the stream ends when there is nothing more to tell", json!({"const": 0})),
        "last-event-id": header("Last-Event-ID", "As after, which it overrides", string()),
        "if-match": header("If-Match", "Only if the entry has one of these etags; *: only if there is one", etags.clone()),
        "if-none-match": header("If-None-Match", "Only if the entry has none of these etags; *: only if there is none", etags),
        "ttl": header(
            "Kvs-Ttl",
            "For how long the entry lives after this write, as 90s. Without it, or with none, a PUT ends the expiry; a PATCH keeps it, \
             and ends it with none",
            json!({"type": "string", "pattern": ttl::PATTERN}),
        ),
        "idempotency-key": header(
            "Idempotency-Key",
            "The same request again with the same key, within --idempotency-window, does nothing and gets the same response, with \
             Idempotency-Replayed: true; another request with it gets 422",
            json!({"type": "string", "pattern": "^([!#-\\[\\]-~]{1,64}|\"[!#-\\[\\]-~]{1,64}\")$"}),
        ),
        "durability": header(
            "Kvs-Durability",
            "sync: this write is on disk before its response; async never lowers what the server is set to",
            json!({"type": "string", "enum": ["sync", "async"]}),
        ),
    })
}

/// The schema of a value as JSON.
fn value(ty: ValueType) -> Value {
    values::schema(ty).schema
}

fn content(media: &str, schema: &Value) -> Value {
    json!({media: {"schema": schema}})
}

/// The smallest or the largest value that an increment may lead to.
fn bound() -> Value {
    json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX})
}

/// The body of a change of nothing but the expiry.
fn nothing() -> Value {
    json!({"type": "object", "additionalProperties": false})
}

/// The body of a change, and of its response.
fn change(ty: ValueType) -> (Value, Value) {
    let count = json!({"type": "integer", "minimum": 0});
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    if let Some(counter) = CounterType::of(ty) {
        let (number, step) = (value(ty), values::step_schema(counter).schema);
        let bound = bound();
        let mut body = object(json!({"incr": step, "min": bound, "max": bound}));
        body["required"] = json!(["incr"]);
        body["additionalProperties"] = false.into();
        let body = json!({"anyOf": [body, nothing()]});
        return (body, object(json!({"before": number, "value": number})));
    }
    match ty {
        ValueType::Float | ValueType::Str => (nothing(), object(json!({}))),
        ValueType::Set => {
            let members = json!({"type": "array", "items": string()});
            let mut body = object(json!({"add": members, "remove": members}));
            body["additionalProperties"] = false.into();
            (body, object(json!({"added": count, "removed": count})))
        }
        _ => {
            let text = json!({"type": ["string", "null"], "pattern": TEXT});
            let body = json!({"type": "object", "propertyNames": string(), "additionalProperties": text});
            (body, object(json!({"set": count, "deleted": count})))
        }
    }
}

/// The body of a batch.
fn batch() -> Value {
    let names = ValueType::ALL.map(ValueType::name);
    let key = json!({"type": "string", "minLength": 1, "maxLength": MAX_KEY_BYTES, "pattern": TEXT});
    json!({
        "type": "object",
        "required": ["ops"],
        "additionalProperties": false,
        "properties": {
            "atomic": {"type": "boolean", "default": true},
            "if": {"type": "array", "maxItems": MAX_OPS, "items": {
                "type": "object", "required": ["type", "key"], "additionalProperties": false,
                "properties": {
                    "type": {"enum": names}, "key": key, "etag": {"type": ["string", "null"]}, "absent": {"const": true},
                    "present": {"const": true},
                },
                "oneOf": [
                    {"required": ["etag"], "properties": {"etag": {"type": "string"}}},
                    {"required": ["absent"]}, {"required": ["present"]},
                ],
            }},
            "ops": {"type": "array", "maxItems": MAX_OPS, "items": {
                "type": "object", "required": ["op", "type", "key"], "additionalProperties": false,
                "properties": {
                    "op": {"enum": ["get", "put", "del", "incr", "patch"]}, "type": {"enum": names}, "key": key,
                    "value": {}, "min": bound(), "max": bound(), "ttl": {"type": "string", "pattern": ttl::PATTERN},
                },
            }},
        },
    })
}

/// A page of a listing.
fn page(ty: Option<ValueType>) -> Value {
    let mut entry = json!({
        "type": "object", "required": ["key", "etag"],
        "properties": {"key": {"type": "string"}, "etag": {"type": "string"}, "expires_at": {"type": "string"}},
    });
    entry["properties"]["value"] = ty.map_or(json!({}), value);
    if ty.is_none() {
        entry["properties"]["type"] = json!({"enum": ValueType::ALL.map(ValueType::name)});
    }
    json!({
        "type": "object", "required": ["entries"],
        "properties": {
            "entries": {"type": "array", "items": entry}, "next": {"type": "string"}, "feed": {"type": "string"},
        },
    })
}

/// What an operation takes and returns.
struct Wording {
    summary: &'static str,
    parameters: Vec<&'static str>,
    /// The media type and the schema of the request.
    request: Option<(&'static str, Value)>,
    /// Each status of success, with the media type and the schema of its body, if it has one.
    responses: Vec<(u16, Option<(&'static str, Value)>)>,
}

fn wording(shape: Shape, method: RouteMethod) -> Wording {
    let conditions = ["if-match", "if-none-match"];
    let write = |segments: &[&'static str]| [segments, &conditions, &["idempotency-key", "durability"]].concat();
    let text = || Some((PLAIN, string()));
    let represented = |ty| if ty == ValueType::Str { text() } else { Some((JSON, value(ty))) };
    let (summary, parameters, request, responses) = match (shape, method) {
        (Shape::Keys, _) => (
            "The keys of all types, page by page, or all of them as lines",
            vec!["prefix", "limit", "cursor", "values"],
            None,
            vec![(200, Some((JSON, page(None))))],
        ),
        (Shape::Type(ty), _) => (
            "The keys of a type, page by page, or all of them as lines",
            vec!["prefix", "limit", "cursor", "values"],
            None,
            vec![(200, Some((JSON, page(Some(ty)))))],
        ),
        (Shape::Batch, _) => (
            "Many operations, all or nothing, or each by itself",
            vec!["idempotency-key", "durability"],
            Some((JSON, batch())),
            vec![(200, Some((JSON, json!({"type": "object", "required": ["results"]}))))],
        ),
        (Shape::Feed, _) => (
            "Every change from a place in the log on, as a stream",
            vec!["after", "type", "prefix", "values", "wait", "last-event-id"],
            None,
            vec![(200, Some((EVENTS, string())))],
        ),
        (Shape::Entry(ty), RouteMethod::Get) => {
            let mut schema = represented(ty);
            if let Some((JSON, schema)) = &mut schema {
                *schema = json!({"anyOf": [schema.clone(), {"type": "object", "required": ["type", "key", "value", "etag"]}]});
            }
            ("The value", [&["key", "entry"], &conditions[..]].concat(), None, vec![(200, schema), (304, None)])
        }
        (Shape::Entry(ty), RouteMethod::Put) => {
            ("Stores the value", write(&["key", "ttl"]), represented(ty), vec![(201, None), (204, None)])
        }
        (Shape::Entry(ty), RouteMethod::Patch) => {
            let (body, answer) = change(ty);
            (
                "Changes a part of the value, or when it expires",
                write(&["key", "ttl"]),
                Some((JSON, body)),
                vec![(200, Some((JSON, answer)))],
            )
        }
        (Shape::Entry(_), _) => ("Deletes the entry", write(&["key"]), None, vec![(204, None)]),
        (Shape::Field, RouteMethod::Get) => {
            let parameters = [&["key", "field"], &conditions[..]].concat();
            ("The value of a field", parameters, None, vec![(200, text()), (304, None)])
        }
        (Shape::Field, RouteMethod::Put) => {
            ("Sets a field; creates the map", write(&["key", "field"]), text(), vec![(201, None), (204, None)])
        }
        (Shape::Field, _) => ("Deletes a field", write(&["key", "field"]), None, vec![(204, None)]),
        (Shape::Member, RouteMethod::Get) => {
            let parameters = [&["key", "member"], &conditions[..]].concat();
            ("Whether a set has a member", parameters, None, vec![(204, None), (304, None)])
        }
        (Shape::Member, RouteMethod::Put) => {
            ("Adds a member; creates the set", write(&["key", "member"]), None, vec![(201, None), (204, None)])
        }
        (Shape::Member, _) => ("Removes a member", write(&["key", "member"]), None, vec![(204, None)]),
    };
    Wording { summary, parameters, request, responses }
}

fn tag(shape: Shape) -> &'static str {
    match shape {
        Shape::Type(ty) | Shape::Entry(ty) => ty.name(),
        Shape::Field => ValueType::Map.name(),
        Shape::Member => ValueType::Set.name(),
        Shape::Keys | Shape::Batch => ALL_TYPES,
        Shape::Feed => CHANGES,
    }
}

/// What a status of success says.
fn outcome(status: u16) -> &'static str {
    match status {
        201 => "Done; it is new",
        304 => "Not changed: the entry has an etag of If-None-Match",
        _ => "Done",
    }
}

fn operation(shape: Shape, method: RouteMethod, shown: &str) -> Value {
    let Wording { summary, parameters, request, responses } = wording(shape, method);
    let is_head = shown == "head";
    let mut described = Map::new();
    for (status, body) in responses {
        // A document of another media type than the value is sent on request.
        let mut response = json!({"description": outcome(status)});
        if let Some((media, schema)) = body.filter(|_| !is_head) {
            response["content"] = content(media, &schema);
            if let (Shape::Entry(ValueType::Str), PLAIN) = (shape, media) {
                response["content"][JSON] = json!({"schema": {"type": "object"}});
            }
            if matches!(shape, Shape::Feed | Shape::Keys | Shape::Type(_)) {
                response["content"][LINES] = json!({"schema": string()});
            }
        }
        described.insert(status.to_string(), response);
    }
    if parameters.contains(&"idempotency-key") {
        let replayed = json!({"description": "Whether this is the response to an earlier request, and nothing was done", "schema": {"const": "true"}});
        described.values_mut().for_each(|response| response["headers"] = json!({"Idempotency-Replayed": replayed}));
        let reused = "A value that cannot be stored, or an Idempotency-Key that was used for another request";
        described.insert("422".into(), json!({"$ref": "#/components/responses/problem", "description": reused}));
    }
    described.insert("default".into(), json!({"$ref": "#/components/responses/problem"}));
    let parameters: Vec<Value> =
        parameters.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")})).collect();
    let path = shape.path();
    let mut operation = json!({
        "operationId": format!("{shown} {path}"),
        "summary": summary,
        "tags": [tag(shape)],
        "parameters": parameters,
        "responses": described,
    });
    if let Some((media, schema)) = request {
        let required = media == JSON;
        operation["requestBody"] = json!({"required": required, "content": content(media, &schema)});
    }
    operation
}
