//! The feed over HTTP: a stream of events (HTML standard, server-sent events), or of lines of JSON.
//!
//! ```text
//!   query, headers ──> place, Wanted ──> Follower ──┐
//!                                                   ├─ turn: batch ── Steps ──> Writer ──> piece ──> hyper
//!   nothing new: wait, at most HEARTBEAT ───────────┘
//! ```

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use proto::{Lsn, Op, OpKind, Strings, ValueType};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::query::Query;
use super::recipient::{self, End, LINES, Recipient};
use super::token::{self, Tokens};
use super::{media, placed, ttl};
use crate::clock;
use crate::feed::{Change, Ended, Feed, Follower, HEARTBEAT, Teller, Wanted, beginning};
use crate::http::head::Head;
use crate::http::problem::Problem;
use crate::http::response::Response;
use crate::http::session::Session;
use crate::http::values::JsonValue;

static EVENTS: HeaderValue = HeaderValue::from_static(media::EVENTS);

/// Where a client goes on that was interrupted.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A piece is sent when it has so many bytes, or when there is nothing to add.
const PIECE_BYTES: usize = 32 << 10;

/// Memory of a piece to begin with.
const FIRST_PIECE_BYTES: usize = 1 << 10;

/// How a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Events,
    Lines,
}

/// Responds with a stream of the changes that the request asks for.
pub(super) async fn follow(session: &Session<'_>, head: &Head<'_>) -> Result<Response, Problem> {
    let Session { worker, caller, .. } = *session;
    let query = Query::of(head, &["after", "type", "prefix", "values", "wait"])?;
    let ty =
        match query.get("type") {
            None => None,
            Some(name) => Some(ValueType::from_name(name).ok_or_else(|| {
                Problem::Malformed(format!("type={name}: expected int, uint, float, str, map or set"))
            })?),
        };
    let wanted = Wanted { ty, prefix: query.get("prefix").unwrap_or_default().to_owned() };
    let values = query.flag("values")?;
    let waits = match query.get("wait") {
        None => true,
        Some("0") => false,
        Some(other) => return Err(Problem::Malformed(format!("wait={other}: expected 0, or nothing to wait"))),
    };
    let form = match media::check_accepts(head, media::EVENTS) {
        Ok(()) => Form::Events,
        Err(_) => media::check_accepts(head, media::LINES).map(|()| Form::Lines)?,
    };
    caller.identity()?.check_listing(ty)?;
    let shared = &worker.shared;
    let tokens = &shared.tokens;
    let feed = shared.feed.as_ref().ok_or(Problem::NoLog)?;
    let last_event = head.values(&LAST_EVENT_ID).next().filter(|id| !id.is_empty());
    let asked = last_event.or(query.get("after").map(str::as_bytes)).map(|text| token::parse_token(tokens, text));
    let after = beginning(asked, shared.engine.last_lsn(), worker.service.durable())
        .map_err(|why| token::refused("after", why))?;
    let follower = Follower::begin(feed, after).await.map_err(|ended| match ended {
        Ended::NoLongerKept { oldest } => {
            Problem::NoLongerKept { oldest: token::token(tokens, oldest.saturating_sub(1)) }
        }
        Ended::Lost(_) => Problem::NotDurable,
    })?;
    let telling = Telling {
        follower,
        wanted,
        waits,
        writer: Writer { form, values, tokens: tokens.clone(), out: Vec::with_capacity(FIRST_PIECE_BYTES), changes: 0 },
        feed: Arc::clone(feed),
    };
    let content = if form == Form::Events { &EVENTS } else { &LINES };
    let recipient = Recipient::of(session);
    let response = recipient::respond(head, content, |out| telling.run(recipient, out));
    Ok(placed(worker, response, after))
}

/// A client that is being told.
struct Telling {
    follower: Follower,
    wanted: Wanted,
    /// Whether the stream goes on when there is nothing new.
    waits: bool,
    writer: Writer,
    feed: Arc<Feed>,
}

impl Telling {
    /// Tells until the client goes, the server stops, or nothing more can be told.
    async fn run(mut self, recipient: Recipient, out: mpsc::Sender<Bytes>) {
        if let Err(End::Told(end)) = recipient.while_served(self.tell(&recipient, &out)).await {
            if !self.follower.is_between_steps() {
                // The rest of the step does not come on this connection.
                self.writer.finish(None);
            }
            self.writer.end(&end);
            let _ = self.send(&out).await;
        }
    }

    async fn tell(&mut self, recipient: &Recipient, out: &mpsc::Sender<Bytes>) -> Result<(), End> {
        let tokens = self.writer.tokens.clone();
        let mut heartbeat = Instant::now() + HEARTBEAT;
        // The first time that nothing is left to tell is always said.
        let mut has_caught_up = false;
        loop {
            let batch = self.follower.batch().await.map_err(|ended| end(ended, &tokens))?;
            let is_caught_up = batch.is_none();
            if let Some(batch) = batch {
                let told = self.follower.tell(&batch, &self.wanted, &*recipient.identity()?, &mut self.writer);
                told.map_err(|ended| end(ended, &tokens))?;
            }
            if (is_caught_up && !has_caught_up) || Instant::now() >= heartbeat {
                self.say_place(is_caught_up);
            }
            has_caught_up |= is_caught_up;
            let is_due = is_caught_up || !self.writer.has_room() || Instant::now() >= heartbeat;
            if is_due && !self.writer.out.is_empty() {
                self.send(out).await?;
                heartbeat = Instant::now() + HEARTBEAT;
            }
            if !is_caught_up {
                // Be fair to the other sessions of this worker.
                tokio::task::yield_now().await;
            } else if !self.waits {
                return Ok(());
            } else if let Ok(waited) = tokio::time::timeout_at(heartbeat, self.follower.wait()).await {
                waited.map_err(|ended| end(ended, &tokens))?;
            }
        }
    }

    /// Tells how far it is, unless it is in the middle of a step.
    fn say_place(&mut self, is_caught_up: bool) {
        if self.follower.is_between_steps() {
            self.writer.bookmark(self.follower.place(), is_caught_up);
        }
    }

    /// Sends what was written. Dropped while it waits, it has lost nothing.
    async fn send(&mut self, out: &mpsc::Sender<Bytes>) -> Result<(), End> {
        let permit = out.reserve().await.map_err(|_| End::Silent)?;
        self.feed.count(std::mem::take(&mut self.writer.changes));
        let piece = std::mem::replace(&mut self.writer.out, Vec::with_capacity(FIRST_PIECE_BYTES));
        permit.send(piece.into());
        Ok(())
    }
}

/// Why no more of this log is told.
fn end(ended: Ended, tokens: &Tokens) -> End {
    End::Told(match ended {
        Ended::Lost(why) => recipient::reason(StatusCode::SERVICE_UNAVAILABLE, &why),
        Ended::NoLongerKept { oldest } => {
            let mut reason = recipient::reason(StatusCode::GONE, &"what comes next is no longer kept");
            reason["oldest"] = token::token(tokens, oldest.saturating_sub(1)).into();
            reason
        }
    })
}

/// Writes changes.
struct Writer {
    form: Form,
    /// Whether values are wanted.
    values: bool,
    /// What tokens are of.
    tokens: Tokens,
    out: Vec<u8>,
    /// Changes in `out`.
    changes: u64,
}

/// What is said of a change.
#[derive(Serialize)]
struct Document<'c> {
    op: &'static str,
    #[serde(rename = "type")]
    ty: &'static str,
    key: &'c str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<JsonValue<'c>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Patch<'c>>,
}

/// A change of a part of a map or a set, as the body of a PATCH.
enum Patch<'c> {
    Field(&'c str, Option<&'c str>),
    Members(&'static str, Strings<'c>),
}

impl Serialize for Patch<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Field(field, value) => json.collect_map([(field, value)]),
            Self::Members(what, members) => json.collect_map([(what, members.iter().collect::<Vec<_>>())]),
        }
    }
}

/// What a change is called: as in batches, and two more.
fn name(kind: OpKind) -> &'static str {
    match kind {
        OpKind::Incr | OpKind::IncrBy => "incr",
        OpKind::MapSet | OpKind::MapDel | OpKind::SetAdd | OpKind::SetRem => "patch",
        OpKind::DelAll => OpKind::Del.name(),
        other => other.name(),
    }
}

impl<'c> Document<'c> {
    fn of(change: &Change<'c>, tokens: &Tokens, values: bool) -> Self {
        let Change { record, ty } = *change;
        let (value, patch) = match (record.op, record.effect.value()) {
            _ if !values => (None, None),
            (Op::Put { value, .. }, _) | (_, Some(value)) => (Some(JsonValue(value)), None),
            (Op::MapSet { field, value, .. }, _) => (None, Some(Patch::Field(field, Some(value)))),
            (Op::MapDel { field, .. }, _) => (None, Some(Patch::Field(field, None))),
            (Op::SetAdd { members, .. }, _) => (None, Some(Patch::Members("add", members))),
            (Op::SetRem { members, .. }, _) => (None, Some(Patch::Members("remove", members))),
            _ => (None, None),
        };
        let kind = record.op.kind();
        Self {
            op: name(kind),
            ty: ty.name(),
            key: record.op.key().as_str(),
            time: clock::exactly(record.at).to_string(),
            etag: kind.leaves_an_entry().then(|| token::etag(tokens, record.lsn.into())),
            expires_at: record.options.expires.map(ttl::shown),
            value,
            patch,
        }
    }
}

impl Writer {
    /// Begins an event, whose document is still open.
    fn begin(&mut self, op: &str, document: &impl Serialize) {
        if self.form == Form::Events {
            for part in ["event: ", op, "\ndata: "] {
                self.out.extend_from_slice(part.as_bytes());
            }
        }
        serde_json::to_writer(&mut self.out, document).expect("JSON can be written into memory");
        self.out.pop();
    }

    /// Adds the last member to its document, and ends the event.
    fn finish(&mut self, place: Option<Lsn>) {
        let token = place.map(|place| token::token(&self.tokens, place));
        match &token {
            Some(token) => {
                for part in [",\"token\":\"", token, "\"}\n"] {
                    self.out.extend_from_slice(part.as_bytes());
                }
            }
            None => self.out.extend_from_slice(b",\"more\":true}\n"),
        }
        if self.form == Form::Events {
            if let Some(token) = &token {
                for part in ["id: ", token, "\n"] {
                    self.out.extend_from_slice(part.as_bytes());
                }
            }
            self.out.push(b'\n');
        }
    }

    /// Says that everything up to this place was told, and whether that is all there is.
    fn bookmark(&mut self, place: Lsn, is_caught_up: bool) {
        self.begin("bookmark", &json!({"op": "bookmark", "caught_up": is_caught_up}));
        self.finish(Some(place));
    }

    /// Says why nothing more is told.
    fn end(&mut self, document: &Value) {
        self.begin("end", document);
        self.out.extend_from_slice(b"}\n");
        if self.form == Form::Events {
            self.out.push(b'\n');
        }
    }
}

impl Teller for Writer {
    fn open(&mut self, change: &Change<'_>) {
        let document = Document::of(change, &self.tokens, self.values);
        self.begin(document.op, &document);
        self.changes += 1;
    }

    fn close(&mut self, step_end: Option<Lsn>) {
        self.finish(step_end);
    }

    fn has_room(&self) -> bool {
        self.out.len() < PIECE_BYTES
    }
}
