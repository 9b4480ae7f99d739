//! Changes as they happen: lines for people, or the documents that REST's feed sends.

use client::{Change, ChangeKind, Client, Error, ErrorCode, Follow, Token, ValueType};
use serde_json::{Map, Value as Json, json};

use crate::failure::Failure;
use crate::show::{self, Format};
use crate::value::{shown_etag, shown_token};

/// What to follow.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) ty: Option<ValueType>,
    pub(crate) prefix: String,
    pub(crate) values: bool,
    pub(crate) after: Option<Token>,
    /// Whether to end when there is nothing more to tell.
    pub(crate) ends: bool,
}

/// Prints changes until it is interrupted.
pub(crate) async fn follow(client: &Client, wanted: Wanted, format: Format) -> Result<(), Failure> {
    let mut follow = wanted.ty.map_or_else(Follow::all, Follow::of).prefix(wanted.prefix);
    if wanted.values {
        follow = follow.values();
    }
    if let Some(place) = wanted.after {
        follow = follow.after(place);
    }
    let mut feed = client.follow(follow);
    loop {
        let step = tokio::select! {
            step = feed.next() => step.map_err(gone)?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        };
        for (number, change) in step.changes.iter().enumerate() {
            let ends_at = (number + 1 == step.changes.len()).then_some(step.token);
            show::line(&match format {
                Format::Json => document(change, ends_at).to_string(),
                Format::Lines | Format::Table => told(change),
            })?;
        }
        if format == Format::Json && step.changes.is_empty() {
            show::line(&json!({"op": "bookmark", "token": shown_token(step.token)}).to_string())?;
        }
        if wanted.ends && feed.is_caught_up() {
            return Ok(());
        }
    }
}

fn gone(error: Error) -> Failure {
    match error {
        Error::Refused { code: ErrorCode::Gone, message } => Failure::Refused(format!("--after: {message}")),
        other => other.into(),
    }
}

/// What REST calls it.
fn name(kind: &ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Put(_) => "put",
        ChangeKind::Deleted => "del",
        ChangeKind::Expired => "expire",
        ChangeKind::Incremented(_) => "incr",
        ChangeKind::Touched => "touch",
        _ => "patch",
    }
}

/// What has changed: a member's name, and what it says.
fn content(kind: &ChangeKind) -> Option<(&'static str, Json)> {
    match kind {
        ChangeKind::Put(Some(value)) | ChangeKind::Incremented(Some(value)) => Some(("value", value.to_json())),
        ChangeKind::FieldSet(Some((field, value))) => Some(("patch", json!({field: value}))),
        ChangeKind::FieldDeleted(Some(field)) => Some(("patch", json!({field: null}))),
        ChangeKind::Added(Some(members)) => Some(("patch", json!({"add": members}))),
        ChangeKind::Removed(Some(members)) => Some(("patch", json!({"remove": members}))),
        _ => None,
    }
}

fn document(change: &Change, ends_at: Option<Token>) -> Json {
    let mut document = Map::new();
    let mut put = |name: &str, value: Json| drop(document.insert(name.into(), value));
    put("op", name(&change.kind).into());
    put("type", change.ty.name().into());
    put("key", change.key.as_str().into());
    put("time", show::time(change.at).into());
    change.etag.iter().for_each(|etag| put("etag", shown_etag(*etag).into()));
    change.expires.iter().for_each(|at| put("expires_at", show::time(*at).into()));
    content(&change.kind).into_iter().for_each(|(name, value)| put(name, value));
    match ends_at {
        Some(token) => put("token", shown_token(token).into()),
        None => put("more", true.into()),
    }
    document.into()
}

/// A line for people.
fn told(change: &Change) -> String {
    let content = content(&change.kind).map(|(_, value)| format!("\t{value}")).unwrap_or_default();
    let [at, name, ty] = [show::time(change.at), name(&change.kind).to_owned(), change.ty.name().to_owned()];
    format!("{at}\t{name}\t{ty}\t{}{content}", change.key)
}
