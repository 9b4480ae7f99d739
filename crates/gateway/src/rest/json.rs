//! Maps and sets as JSON.

use std::collections::{BTreeMap, BTreeSet};

use proto::{Strings, StringsBuf, check_text};
use serde::de::DeserializeOwned;
use serde::ser::Serializer;

use super::answer::Problem;

/// Reads a JSON object of strings as a packed map. Of a field that is there twice the last value counts.
pub(super) fn parse_map(body: &[u8]) -> Result<StringsBuf, Problem> {
    let fields: BTreeMap<String, String> = parse(body, "a JSON object of strings")?;
    let mut list = StringsBuf::with_capacity(body.len());
    for (field, value) in &fields {
        push(&mut list, field)?;
        push(&mut list, value)?;
    }
    Ok(list)
}

/// Reads a JSON array of strings as a packed set. Duplicates collapse.
pub(super) fn parse_set(body: &[u8]) -> Result<StringsBuf, Problem> {
    let members: BTreeSet<String> = parse(body, "a JSON array of strings")?;
    let mut list = StringsBuf::with_capacity(body.len());
    for member in &members {
        push(&mut list, member)?;
    }
    Ok(list)
}

fn parse<T: DeserializeOwned>(body: &[u8], expected: &str) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|e| Problem::Malformed(format!("the body is not {expected}: {e}")))
}

fn push(list: &mut StringsBuf, text: &str) -> Result<(), Problem> {
    check_text(text.as_bytes()).map_err(|e| Problem::NotRepresentable(format!("a string of the body {e}")))?;
    list.push(text);
    Ok(())
}

/// Writes a packed map as a JSON object.
pub(super) fn write_map(list: Strings<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.as_bytes().len() + 2);
    serde_json::Serializer::new(&mut out).collect_map(list.pairs()).expect("strings can be written into memory");
    out
}

/// Writes a packed set as a JSON array.
pub(super) fn write_set(list: Strings<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(list.as_bytes().len() + 2);
    serde_json::Serializer::new(&mut out).collect_seq(list.iter()).expect("strings can be written into memory");
    out
}
