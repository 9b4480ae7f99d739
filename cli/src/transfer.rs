//! All entries as lines of JSON, and back.

use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use client::{Client, Error, Expiry, Scan, Transaction, Value, ValueType};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::command::begin_anew;
use crate::failure::Failure;
use crate::show::{self, Format};
use crate::value::{from_json, type_named};

/// Lines that are stored in one request.
const LINES_AT_ONCE: u64 = 200;

/// The same in bytes; a longer line is alone.
const BYTES_AT_ONCE: usize = 256 << 10;

/// Progress on standard error, if that is a terminal and standard output is not.
fn progress(total: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let style =
        if total.is_some() { "{bar:40} {percent}% of the file, {eta} left" } else { "{pos} entries, {per_sec}" };
    bar.with_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Prints the entries.
pub(crate) async fn dump(client: &Client, ty: Option<ValueType>, prefix: String) -> Result<(), Failure> {
    let scan = ty.map_or_else(Scan::all, Scan::of).prefix(prefix).values();
    let (mut pages, bar) = (client.scan(scan), progress(None));
    while let Some(page) = pages.next().await.map_err(begin_anew)? {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for entry in &page {
            let value = entry.value.as_ref().map(Value::to_json);
            let mut line = json!({"type": entry.ty.name(), "key": entry.key, "value": value});
            if let Some(at) = entry.expires {
                line["expires_at"] = show::time(at).into();
            }
            writeln!(out, "{line}").map_err(Failure::output)?;
        }
        out.flush().map_err(Failure::output)?;
        bar.inc(page.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(rename = "type")]
    ty: String,
    key: String,
    value: Json,
    expires_at: Option<String>,
}

/// Adds the put of a line, unless its entry has expired. Returns whether it has been added.
fn add(put: &mut Transaction, text: &str, number: usize) -> Result<bool, Failure> {
    let malformed = |what: String| Failure::usage(format!("line {number}: {what}"));
    let line: Line = serde_json::from_str(text).map_err(|e| malformed(e.to_string()))?;
    let ty = type_named(&line.ty).map_err(|e| malformed(e.to_string()))?;
    let value = from_json(ty, &line.value).map_err(|e| malformed(e.to_string()))?;
    let expiry = match line.expires_at {
        None => None,
        Some(at) => {
            let at = humantime::parse_rfc3339(&at).map_err(|e| malformed(format!("expires_at: {e}")))?;
            let left = at.duration_since(SystemTime::now()).unwrap_or_default();
            if left < Duration::from_millis(1) {
                return Ok(false);
            }
            Some(Expiry::After(left))
        }
    };
    let step = put.put(line.key, value);
    if let Some(expiry) = expiry {
        step.expires(expiry);
    }
    Ok(true)
}

/// Stores the entries of a dump, from a line on.
pub(crate) async fn load(client: &Client, path: &Path, from: usize, format: Format) -> Result<(), Failure> {
    let (reader, total): (Box<dyn BufRead>, _) = if path == Path::new("-") {
        (Box::new(BufReader::new(std::io::stdin())), None)
    } else {
        let file = std::fs::File::open(path).map_err(|e| Failure::file(path, &e))?;
        let total = file.metadata().ok().map(|about| about.len());
        (Box::new(BufReader::new(file)), total)
    };
    let bar = progress(total);
    let (mut put, mut first, mut waiting, mut bytes) = (Transaction::new(), from, 0, 0);
    let (mut stored, mut expired) = (0_u64, 0_u64);
    let mut next = from;
    for (number, line) in (1..).zip(reader.lines()) {
        let line = line.map_err(|e| Failure::file(path, &e))?;
        bar.inc(line.len() as u64 + 1);
        if number < from || line.trim().is_empty() {
            next = next.max(number + 1);
            continue;
        }
        match add(&mut put, &line, number) {
            Ok(true) => (waiting, bytes) = (waiting + 1, bytes + line.len()),
            Ok(false) => expired += 1,
            Err(failure) => {
                // What comes before it is stored.
                stored += send(client, &put, waiting, first).await?;
                return Err(Failure::usage(format!(
                    "{failure}; {stored} entries are stored, go on with --from {number}"
                )));
            }
        }
        next = number + 1;
        if waiting >= LINES_AT_ONCE || bytes >= BYTES_AT_ONCE {
            stored += send(client, &put, waiting, first).await?;
            (put, first, waiting, bytes) = (Transaction::new(), next, 0, 0);
        }
    }
    stored += send(client, &put, waiting, first).await?;
    bar.finish_and_clear();
    match format {
        Format::Json => show::line(&json!({"stored": stored, "expired": expired}).to_string()),
        _ => show::line(&format!("{stored} entries stored, {expired} had expired")),
    }
}

/// Stores the entries of some lines; `first` is the first of them.
async fn send(client: &Client, put: &Transaction, entries: u64, first: usize) -> Result<u64, Failure> {
    if entries == 0 {
        return Ok(0);
    }
    match client.transact(put).await {
        Ok(_) => Ok(entries),
        Err(error) => Err(stopped(error, first)),
    }
}

/// Loading again what was stored changes nothing but the state of the entries, so an unknown outcome does no harm.
fn stopped(error: Error, first: usize) -> Failure {
    let hint = |text: String| format!("{text}; go on with --from {first}");
    match Failure::from(error) {
        Failure::Refused(text) => Failure::Refused(hint(text)),
        Failure::Unreachable(text) => Failure::Unreachable(hint(text)),
        Failure::Unknown(text) => Failure::Unknown(hint(text)),
        other => other,
    }
}
