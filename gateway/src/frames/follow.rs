//! Requests for changes. Such a request waits for the first one, so the session carries it out itself, between two turns of
//! the executor. The replies after it wait, too: a client uses a connection of its own for it.

use std::sync::Arc;
use std::time::Duration;

use proto::frame::{ChangeContent, ChangeItem, ChangesReply, ErrorCode, Follow, encode_error};
use proto::{Batch, Lsn, OpKind, Refusal};
use tokio::time::Instant;

use crate::access::Caller;
use crate::config::FRAME_BUFFER_BYTES;
use crate::context::Worker;
use crate::feed::{Change, Ended, Feed, Follower, Teller, Wanted, beginning};
use crate::protocol::Protocol;
use crate::token::{NotOurs, Tokens};

/// Who is behind looks at least for so long before a reply without changes.
const LOOK: Duration = Duration::from_millis(100);

/// The place of a connection in the log, from one request for changes to the next.
#[derive(Debug, Default)]
pub(super) struct Following(Option<Follower>);

/// Why there are no changes.
enum NoChanges {
    /// As any request may be refused.
    Refused(Refusal),
    Because(ErrorCode, &'static str),
}

impl From<Refusal> for NoChanges {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotOurs> for NoChanges {
    fn from(why: NotOurs) -> Self {
        match why {
            NotOurs::Foreign => Self::Because(ErrorCode::Gone, "the token is of another log; begin anew"),
            NotOurs::Lost => {
                Self::Because(ErrorCode::Gone, "the token is of a write that the log has lost; begin anew")
            }
            NotOurs::Malformed => Self::Because(ErrorCode::BadPayload, "the token is none of this server"),
        }
    }
}

impl From<Ended> for NoChanges {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::NoLongerKept { .. } => {
                Self::Because(ErrorCode::Gone, "the changes after this place are no longer kept; begin anew")
            }
            Ended::Lost(_) => Self::Because(ErrorCode::LogDown, "the log cannot be followed here now"),
        }
    }
}

impl Following {
    /// The reply to a request for changes. Waits for the first one as long as the request says, and until `stopping`.
    pub(super) async fn reply(
        &mut self,
        worker: &Worker,
        caller: &Caller,
        id: u32,
        follow: Follow<'_>,
        stopping: impl Future,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        let changes = self.changes(worker, caller, id, follow, stopping, &mut out).await;
        let Err(refused) = changes else { return out };
        out.clear();
        match refused {
            NoChanges::Because(code, message) => encode_error(&mut out, id, code, message),
            NoChanges::Refused(refusal) => {
                worker.service.meters().of(Protocol::Frames).refused(&refusal);
                encode_error(&mut out, id, ErrorCode::from(&refusal), &refusal.to_string());
            }
        }
        out
    }

    async fn changes(
        &mut self,
        worker: &Worker,
        caller: &Caller,
        id: u32,
        follow: Follow<'_>,
        stopping: impl Future,
        out: &mut Vec<u8>,
    ) -> Result<(), NoChanges> {
        let shared = &worker.shared;
        caller.identity()?.check_listing(follow.ty)?;
        let no_log = NoChanges::Because(ErrorCode::NoLog, "the server has no log, which it could tell");
        let feed = shared.feed.as_ref().ok_or(no_log)?;
        let tokens = &shared.tokens;
        let asked = follow.after.map(|token| tokens.lsn_of(token));
        let place = beginning(asked, shared.engine.last_lsn(), worker.service.durable())?;
        let follower = self.at(feed, place).await?;
        let wanted = Wanted { ty: follow.ty, prefix: follow.prefix.to_owned() };
        let mut writer = Writer { reply: ChangesReply::begin(out, id), out, values: follow.values, tokens, changes: 0 };
        let began = Instant::now();
        let (until, look_until) = (began + Duration::from_millis(follow.wait.into()), began + LOOK);
        let mut stopping = std::pin::pin!(stopping);
        let is_caught_up = loop {
            match follower.batch().await? {
                Some(batch) => {
                    turn(follower, &batch, &wanted, caller, &mut writer)?;
                    let is_enough = !writer.has_room() || Instant::now() >= until.max(look_until);
                    if is_enough && follower.is_between_steps() {
                        break false;
                    }
                    tokio::task::yield_now().await;
                }
                // A step that has begun is durable as a whole.
                None if writer.changes > 0 || Instant::now() >= until => break true,
                None => {
                    tokio::select! {
                        waited = tokio::time::timeout_at(until, follower.wait()) => waited.unwrap_or(Ok(()))?,
                        _ = &mut stopping => break true,
                    }
                }
            }
        };
        feed.count(writer.changes);
        let token = tokens.token(follower.place());
        writer.reply.finish(writer.out, &token, is_caught_up);
        let mut memory = worker.service.response_memory(FRAME_BUFFER_BYTES);
        Ok(memory.grow_to(out.len())?)
    }

    /// One who follows from this place on: the same as before, if that is where the request before has ended.
    async fn at(&mut self, feed: &Arc<Feed>, place: Lsn) -> Result<&mut Follower, Ended> {
        let before = self.0.take().filter(|follower| follower.place() == place);
        let follower = match before {
            Some(follower) => follower,
            None => Follower::begin(feed, place).await?,
        };
        Ok(self.0.insert(follower))
    }
}

/// Tells what is in a batch, as far as there is room.
fn turn(
    follower: &mut Follower,
    batch: &Batch,
    wanted: &Wanted,
    caller: &Caller,
    writer: &mut Writer<'_>,
) -> Result<(), NoChanges> {
    Ok(follower.tell(batch, wanted, &*caller.identity()?, writer)?)
}

/// Writes changes.
struct Writer<'o> {
    reply: ChangesReply,
    out: &'o mut Vec<u8>,
    /// Whether values are wanted.
    values: bool,
    /// What tokens are of.
    tokens: &'o Tokens,
    changes: u64,
}

impl Teller for Writer<'_> {
    fn open(&mut self, change: &Change<'_>) {
        let Change { record, ty } = *change;
        let kind = match record.op.kind() {
            OpKind::IncrBy => OpKind::Incr,
            OpKind::DelAll => OpKind::Del,
            other => other,
        };
        let item = ChangeItem {
            kind,
            ty,
            key: record.op.key(),
            at: record.at,
            etag: kind.leaves_an_entry().then(|| self.tokens.etag(record.lsn.into())),
            expires: record.options.expires,
            content: ChangeContent::of(&record.op, record.effect.value()).filter(|_| self.values),
            step_end: None,
        };
        self.reply.push(self.out, &item);
        self.changes += 1;
    }

    fn close(&mut self, step_end: Option<Lsn>) {
        if let Some(place) = step_end {
            self.reply.end_step(self.out, &self.tokens.token(place));
        }
    }

    fn has_room(&self) -> bool {
        self.out.len() < FRAME_BUFFER_BYTES
    }
}
