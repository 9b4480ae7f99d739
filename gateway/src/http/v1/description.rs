//! The description of REST v1 in OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.0>), made from the table of routes.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::Method;
use proto::limits::MAX_KEY_BYTES;
use proto::{CounterType, ValueType};
use serde_json::{Map, Value, json};

use super::route::{After, BASE, ENDPOINTS, Endpoint, Route, Verb};
use crate::http::schema::{Body, TEXT, integer, members, plain, string, text};
use crate::http::values::{schema, step_schema};

/// The description as JSON.
pub(in crate::http) fn json() -> Bytes {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| describe().to_string().into());
    TEXT.clone()
}

fn describe() -> Value {
    let mut paths = Map::new();
    for endpoint in &*ENDPOINTS {
        let path = match endpoint.after {
            After::Nothing => format!("{BASE}{}", endpoint.name),
            After::Key => format!("{BASE}{}/{{key}}", endpoint.name),
            After::KeyAndMember => format!("{BASE}{}/{{key}}/{{member}}", endpoint.name),
            After::KeyAndField => format!("{BASE}{}/{{key}}/{{field}}", endpoint.name),
        };
        let method = endpoint.route.method();
        let mut operations = Map::new();
        operations.insert(method.as_str().to_lowercase(), operation(endpoint, &method));
        if method == Method::GET {
            operations.insert("head".into(), operation(endpoint, &Method::HEAD));
        }
        paths.insert(path, Value::Object(operations));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "KVS REST API v1",
            "version": "1.0.0",
            "description": "Typed entries in memory, with a durable log. An entry is identified by its value type and its key. \
                            A response with an error is one line of text; but for 504 nothing has happened then.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": ValueType::ALL.map(ValueType::name).into_iter().chain(["all types", "more"]).map(|name| json!({"name": name})).collect::<Vec<_>>(),
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "parameters": parameters(),
            "responses": responses(),
        },
    })
}

fn parameters() -> Value {
    json!({
        "key": {
            "name": "key", "in": "path", "required": true,
            "description": format!("1 to {MAX_KEY_BYTES} bytes of UTF-8 without NUL, percent-encoded once"),
            // The limit is one of bytes; so many ASCII characters fit in any case.
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_BYTES, "pattern": TEXT},
        },
        "member": {"name": "member", "in": "path", "required": true, "description": "A member of a set", "schema": string()},
        "field": {"name": "field", "in": "path", "required": true, "description": "A field of a map", "schema": string()},
        "durability": {
            "name": "Kvs-Durability", "in": "header", "required": false,
            "description": "sync: this write is on disk before its response; async never lowers what the server is set to",
            "schema": {"type": "string", "enum": ["sync", "async"]},
        },
        "n": {
            "name": "n", "in": "query", "required": true, "description": "Which Fibonacci number",
            "schema": {"type": "integer", "minimum": 0, "maximum": 10000},
        },
    })
}

/// Every error, by status.
const ERRORS: [(u16, &str); 15] = [
    (400, "Malformed: key, number, JSON, body, headers, or HTTP"),
    (401, "No token, or one that is wrong, expired or revoked, where one is asked for"),
    (403, "This identity may not do that, or Origin is another site"),
    (404, "No such key, field or path"),
    (405, "Wrong method; Allow names the right ones"),
    (408, "The body came too slowly"),
    (409, "The increment would overflow"),
    (413, "Body, value or collection too large"),
    (414, "Path too long"),
    (421, "Host is a name that this server does not accept"),
    (422, "Well-formed, but it cannot be stored: out of range, NaN, infinity, NUL in a value"),
    (429, "Too many wrong tokens from this address"),
    (501, "A Transfer-Encoding other than chunked"),
    (503, "It cannot be done now: log unavailable, behind or lost, memory or another limit reached"),
    (504, "The outcome is unknown: the log has not confirmed the write"),
];

fn responses() -> Value {
    let response = |(status, what): (u16, &str)| {
        let mut response = json!({"description": what, "content": content(&text())});
        if [429, 503].contains(&status) {
            let seconds = json!({"description": "Seconds after which to try again", "schema": {"type": "integer"}});
            response["headers"] = json!({"Retry-After": seconds});
        }
        (status.to_string(), response)
    };
    Value::Object(ERRORS.into_iter().map(response).collect())
}

/// Which errors an operation can have.
fn errors_of(route: &Route<'_>) -> impl Iterator<Item = u16> {
    let (verb, takes_body) = match route {
        Route::Entry(entry) => (Some(entry.verb), route.takes_body()),
        _ => (None, route.takes_body()),
    };
    let writes = *route.method().as_str() != *"GET" && verb.is_some();
    ERRORS.into_iter().map(|(status, _)| status).filter(move |status| match status {
        404 => matches!(verb, Some(Verb::Get(_) | Verb::SetHas | Verb::MapGet)),
        408 => takes_body,
        409 => matches!(verb, Some(Verb::Incr(_) | Verb::IncrBy(_))),
        413 | 422 => takes_body || verb.is_some(),
        504 => writes,
        _ => true,
    })
}

fn content(body: &Body) -> Value {
    let mut content = Map::new();
    content.insert(body.media.into(), json!({"schema": body.schema}));
    Value::Object(content)
}

fn operation(endpoint: &Endpoint, method: &Method) -> Value {
    let route = &endpoint.route;
    let (summary, request, answer) = wording(route);
    let name = endpoint.name.replace('/', ".");
    let id = match (endpoint.after, method) {
        (After::KeyAndField | After::KeyAndMember, &Method::HEAD) => format!("{name}-item-head"),
        (After::KeyAndField | After::KeyAndMember, _) => format!("{name}-item"),
        (_, &Method::HEAD) => format!("{name}-head"),
        _ => name,
    };
    let mut parameters: Vec<&str> = match endpoint.after {
        After::Nothing => vec![],
        After::Key => vec!["key"],
        After::KeyAndMember => vec!["key", "member"],
        After::KeyAndField => vec!["key", "field"],
    };
    let is_entry = matches!(route, Route::Entry(_));
    if is_entry && ![Method::GET, Method::HEAD].contains(method) {
        parameters.push("durability");
    }
    if *route == Route::Fibo {
        parameters.push("n");
    }
    let parameters: Vec<Value> =
        parameters.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")})).collect();
    let mut done = json!({"description": "Done"});
    if let Some(schema) = answer.filter(|_| *method != Method::HEAD) {
        done["content"] = content(&schema);
    }
    if *method == Method::DELETE {
        let deleted = json!({"description": "There only if something was deleted", "schema": {"const": "true"}});
        done["headers"] = json!({"Deleted": deleted});
    }
    let mut responses = Map::new();
    responses.insert("200".into(), done);
    for status in errors_of(route) {
        responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{status}")}));
    }
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "tags": [tag(route)],
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(schema) = request {
        // No body is the empty text.
        let required = schema.schema["type"] != "string";
        operation["requestBody"] = json!({"required": required, "content": content(&schema)});
    }
    operation
}

fn tag(route: &Route<'_>) -> &'static str {
    match route {
        Route::Entry(entry) => match entry.verb {
            Verb::Get(ty) | Verb::Put(ty) | Verb::Del(ty) => ty.name(),
            Verb::Incr(ty) | Verb::IncrBy(ty) => ValueType::from(ty).name(),
            Verb::SetAdd | Verb::SetRem | Verb::SetHas => ValueType::Set.name(),
            Verb::MapGet | Verb::MapSet | Verb::MapDel => ValueType::Map.name(),
            Verb::DelAll => "all types",
        },
        Route::Echo | Route::Hello | Route::Fibo => "more",
    }
}

/// The name of a type with its article.
fn a(ty: ValueType) -> String {
    let name = ty.name();
    let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// A route in words, with the bodies of its request and its response.
fn wording(route: &Route<'_>) -> (String, Option<Body>, Option<Body>) {
    let Route::Entry(entry) = route else {
        return match route {
            Route::Echo => ("The text with the case of its letters swapped".into(), Some(text()), Some(text())),
            Route::Fibo => ("The n-th Fibonacci number".into(), None, Some(plain(json!({"type": "integer"})))),
            _ => ("Says that the server is there".into(), None, Some(text())),
        };
    };
    let counter = |ty: CounterType| schema(ValueType::from(ty));
    match entry.verb {
        Verb::Get(ty) => (format!("The value of {}", a(ty)), None, Some(schema(ty))),
        Verb::Put(ty) => (format!("Stores {}", a(ty)), Some(schema(ty)), None),
        Verb::Del(ty) => (format!("Deletes {}", a(ty)), None, None),
        Verb::DelAll => ("Deletes the key from every type".into(), None, None),
        Verb::Incr(ty) => ("Adds 1; the response is the value before".into(), None, Some(counter(ty))),
        Verb::IncrBy(ty) => {
            ("Adds a number; the response is the value before".into(), Some(step_schema(ty)), Some(counter(ty)))
        }
        Verb::SetAdd => (
            "Adds members; the response is how many were new".into(),
            Some(members()),
            Some(integer(0, u32::MAX.into())),
        ),
        Verb::SetRem => (
            "Removes members; the response is how many were there".into(),
            Some(members()),
            Some(integer(0, u32::MAX.into())),
        ),
        Verb::SetHas => ("Whether a member is in a set".into(), None, Some(plain(json!({"type": "boolean"})))),
        Verb::MapGet => ("The value of a field".into(), None, Some(text())),
        Verb::MapSet => ("Sets a field; creates the map if it is missing".into(), Some(text()), None),
        Verb::MapDel => ("Deletes a field".into(), None, None),
    }
}
