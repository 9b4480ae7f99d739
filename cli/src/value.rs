//! Values from arguments, files and standard input, and as JSON.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::{Etag, Token, Value, ValueType};
use serde_json::Value as Json;

use crate::failure::Failure;

/// The text of an argument: itself, or what a file or standard input has.
pub(crate) fn text_of(argument: &str) -> Result<String, Failure> {
    match (argument, argument.strip_prefix('@')) {
        ("-", _) => read(Path::new("-")),
        (_, Some(path)) => read(Path::new(path)),
        (text, None) => Ok(text.to_owned()),
    }
}

/// The content of a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    if path == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        return read.map(|_| text).map_err(|e| Failure::usage(format!("standard input: {e}")));
    }
    std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))
}

/// A value of a type, as a person writes it.
pub(crate) fn parse(ty: ValueType, text: &str) -> Result<Value, Failure> {
    if ty == ValueType::Str {
        return Ok(text.into());
    }
    // What is no JSON is not what is expected either.
    from_json(ty, &serde_json::from_str(text).unwrap_or_default())
}

/// A value of a type, from JSON.
pub(crate) fn from_json(ty: ValueType, json: &Json) -> Result<Value, Failure> {
    Value::from_json(ty, json).map_err(Failure::usage)
}

/// A merge patch of a map (RFC 7396): fields to set, and those to delete.
pub(crate) fn parse_patch(text: &str) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let expected = "expected a JSON object of strings and nulls, such as {\"name\":\"Ada\",\"email\":null}";
    serde_json::from_str(text).map_err(|_| Failure::usage(expected))
}

/// A value type, by its name.
pub(crate) fn type_named(name: &str) -> Result<ValueType, Failure> {
    ValueType::from_name(name).ok_or_else(|| Failure::usage(format!("unknown type {name:?}")))
}

/// The state of an entry, as REST has it between the quotes: base64url (RFC 4648).
pub(crate) fn shown_etag(Etag(bytes): Etag) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The state of an entry, with quotes or without.
pub(crate) fn parse_etag(text: &str) -> Result<Etag, String> {
    let wrong = || "expected a state as `get --entry` shows it".to_owned();
    parse_opaque(text.trim_matches('"')).map(Etag).ok_or_else(wrong)
}

/// A place in the log, as REST has it.
pub(crate) fn shown_token(Token(bytes): Token) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A place in the log.
pub(crate) fn parse_token(text: &str) -> Result<Token, String> {
    parse_opaque(text).map(Token).ok_or_else(|| "expected a token as `--json feed` shows it".to_owned())
}

fn parse_opaque<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}
