//! The feed: every change from a place in the log on. It has a connection of its own, and goes on by itself after every break.

use std::collections::VecDeque;
use std::time::Duration;

use proto::ValueType;
use proto::frame::{MAX_FOLLOW_WAIT_MILLIS, encode_follow, follow_bytes};

use crate::change::FeedStep;
use crate::reply::Reply;
use crate::results::Token;
use crate::value::text;
use crate::{Client, Error};

/// Pause before another try after an error, if the client itself does not pause.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Which changes to tell.
#[derive(Clone, Debug, Default)]
pub struct Follow {
    ty: Option<ValueType>,
    prefix: String,
    values: bool,
    after: Option<Token>,
}

/// Changes that are followed. Dropping it ends it.
#[derive(Debug)]
pub struct Feed {
    client: Client,
    follow: Follow,
    ready: VecDeque<FeedStep>,
    is_caught_up: bool,
}

impl Follow {
    /// The changes of all entries.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those of the entries of a type.
    pub fn of(ty: ValueType) -> Self {
        Self { ty: Some(ty), ..Self::default() }
    }

    /// Only of entries whose keys begin so.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// With values.
    pub fn values(mut self) -> Self {
        self.values = true;
        self
    }

    /// Those after this place: of a write, a step of a feed, or a listing. Without it, from now on.
    pub fn after(mut self, place: Token) -> Self {
        self.after = Some(place);
        self
    }
}

impl Client {
    /// Follows the changes: each durable one once, in the order of the log, and those of a transaction together.
    ///
    /// ```no_run
    /// # async fn example(client: client::Client) -> Result<(), client::Error> {
    /// use client::{Follow, ValueType};
    ///
    /// let mut feed = client.follow(Follow::of(ValueType::Map).prefix("session_").values());
    /// loop {
    ///     let step = feed.next().await?;
    ///     step.changes.iter().for_each(|change| println!("{}: {:?}", change.key, change.kind));
    /// }
    /// # }
    /// ```
    pub fn follow(&self, follow: Follow) -> Feed {
        // Requests for changes wait, and so would all requests after them.
        let client = self.pipeline().options.clone().start();
        Feed { client, follow, ready: VecDeque::new(), is_caught_up: false }
    }
}

impl Feed {
    /// The next step. Waits for it as long as it takes; connections that break are replaced, and the feed goes on where it was.
    /// About every few seconds without one it returns a step without changes, whose token is how far the feed is. May be
    /// dropped at any time.
    ///
    /// # Errors
    ///
    /// [`Gone`](proto::frame::ErrorCode::Gone) if the place is no longer kept, or of another log: begin anew, with a listing.
    /// [`NoLog`](proto::frame::ErrorCode::NoLog) if the server has none. Other errors that waiting would not mend.
    pub async fn next(&mut self) -> Result<FeedStep, Error> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(step);
            }
            match self.ask().await {
                Ok(()) => {}
                // It asks for changes after a place, so asking again does no harm.
                Err(e) if e.is_retryable() || e.is_outcome_unknown() => tokio::time::sleep(RETRY_PAUSE).await,
                Err(e) => return Err(e),
            }
        }
    }

    /// Whether nothing more had happened when the last step was told.
    pub fn is_caught_up(&self) -> bool {
        self.is_caught_up && self.ready.is_empty()
    }

    async fn ask(&mut self) -> Result<(), Error> {
        let Follow { ty, prefix, values, after } = &self.follow;
        let prefix = text("prefix", prefix)?;
        // Half of the time that a request may take.
        let most = self.client.pipeline().options.request_timeout / 2;
        let wait = match after {
            // At once: so that there is a place to go on from.
            None => 0,
            Some(_) => most.as_millis().min(MAX_FOLLOW_WAIT_MILLIS.into()) as u16,
        };
        let after = after.as_ref().map(|token| &token.0);
        let follow = proto::frame::Follow { ty: *ty, prefix, values: *values, wait, after };
        let sent = self.client.pipeline().send(follow_bytes(&follow), |out, id| encode_follow(out, id, &follow));
        let Reply::Changes { token, is_caught_up, steps } = sent.await?.reply().await? else {
            return Reply::unexpected("request for changes");
        };
        self.follow.after = Some(token);
        self.is_caught_up = is_caught_up;
        if steps.is_empty() {
            self.ready.push_back(FeedStep { changes: Vec::new(), token });
        }
        self.ready.extend(steps);
        Ok(())
    }
}
