//! What commands print: text for people, and for whoever reads lines; JSON for scripts.

use std::io::Write;
use std::time::SystemTime;

use client::{Entry, Scanned, Value, ValueType};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Map, Value as Json, json};

use crate::failure::Failure;
use crate::value::shown_etag;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people: lists are tables.
    Table,
    /// For whoever reads lines.
    Lines,
    Json,
}

impl Format {
    pub(crate) fn new(json: bool, is_terminal: bool) -> Self {
        match (json, is_terminal) {
            (true, _) => Self::Json,
            (false, true) => Self::Table,
            (false, false) => Self::Lines,
        }
    }
}

/// A time as RFC 3339 has it.
pub(crate) fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_micros(at).to_string()
}

/// A line on standard output.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::output)
}

/// A value as a person reads it.
fn text(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        other => other.to_json().to_string(),
    }
}

pub(crate) fn value(value: &Value, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => line(&value.to_json().to_string()),
        _ => line(&text(value)),
    }
}

/// A result of some name.
pub(crate) fn fact(name: &str, fact: &Json, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => line(&json!({ name: fact }).to_string()),
        _ => line(&fact.to_string()),
    }
}

/// How many fields a patch has set and deleted.
pub(crate) fn patched(set: usize, deleted: usize, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => line(&json!({"set": set, "deleted": deleted}).to_string()),
        _ => line(&format!("{set} set, {deleted} deleted")),
    }
}

/// A write that was carried out. People see it at the prompt; scripts need nothing but the exit code.
pub(crate) fn done(what: &str, format: Format) -> Result<(), Failure> {
    match format {
        Format::Table => line(what),
        Format::Lines => Ok(()),
        Format::Json => line(&json!({"done": what}).to_string()),
    }
}

fn document(ty: ValueType, key: &str, value: Option<&Value>, etag: client::Etag, expires: Option<SystemTime>) -> Json {
    let mut document = Map::new();
    document.insert("type".into(), ty.name().into());
    document.insert("key".into(), key.into());
    value.iter().for_each(|value| drop(document.insert("value".into(), value.to_json())));
    document.insert("etag".into(), shown_etag(etag).into());
    expires.iter().for_each(|at| drop(document.insert("expires_at".into(), time(*at).into())));
    document.into()
}

pub(crate) fn entry(ty: ValueType, key: &str, entry: &Entry, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return line(&document(ty, key, Some(&entry.value), entry.etag, entry.expires).to_string());
    }
    line(&format!("value    {}", text(&entry.value)))?;
    tail(entry)
}

/// The state of an entry, and when it expires.
fn tail(entry: &Entry) -> Result<(), Failure> {
    line(&format!("etag     {}", shown_etag(entry.etag)))?;
    line(&format!("expires  {}", entry.expires.map_or("never".into(), time)))
}

/// What an entry is like, but for its value.
pub(crate) fn facts(ty: ValueType, key: &str, entry: &Entry, format: Format) -> Result<(), Failure> {
    let (name, size) = match &entry.value {
        Value::Str(text) => ("bytes", json!(text.len())),
        Value::Map(fields) => ("fields", json!(fields.len())),
        Value::Set(members) => ("members", json!(members.len())),
        number => ("value", number.to_json()),
    };
    if format == Format::Json {
        let mut document = document(ty, key, None, entry.etag, entry.expires);
        document[name] = size;
        return line(&document.to_string());
    }
    line(&format!("type     {}", ty.name()))?;
    line(&format!("{name:<8} {size}"))?;
    tail(entry)
}

/// Figures of the server, by name, and by their label if they have one.
pub(crate) fn figures(figures: &Json, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return line(&figures.to_string());
    }
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (name, value) in figures.as_object().into_iter().flatten() {
        match value {
            Json::Object(labelled) => {
                labelled.iter().try_for_each(|(label, value)| line(&format!("{name}.{label}\t{}", text(value))))?;
            }
            value => line(&format!("{name}\t{}", text(value)))?,
        }
    }
    Ok(())
}

/// Entries of a listing.
pub(crate) fn entries(entries: &[Scanned], format: Format) -> Result<(), Failure> {
    let with_values = entries.iter().any(|entry| entry.value.is_some());
    match format {
        Format::Json => entries.iter().try_for_each(|entry| {
            line(&document(entry.ty, &entry.key, entry.value.as_ref(), entry.etag, entry.expires).to_string())
        }),
        Format::Lines => entries.iter().try_for_each(|entry| match &entry.value {
            Some(value) => line(&format!("{}\t{}\t{}", entry.ty.name(), entry.key, value.to_json())),
            None => line(&format!("{}\t{}", entry.ty.name(), entry.key)),
        }),
        Format::Table => {
            let mut table = Table::new();
            table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
            let mut head = vec!["type", "key", "expires"];
            head.extend(with_values.then_some("value"));
            table.set_header(head);
            for entry in entries {
                let mut row =
                    vec![entry.ty.name().to_owned(), entry.key.clone(), entry.expires.map_or("never".into(), time)];
                row.extend(entry.value.as_ref().map(text));
                table.add_row(row);
            }
            line(&table.to_string())?;
            line(&format!("{} entries", entries.len()))
        }
    }
}
