//! The place of one who follows the log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proto::{Batch, Lsn};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;
use txnd::SinkError;

use super::Feed;
use super::source::EXPECTED_BYTES;
use super::steps::{Steps, Teller, Wanted};
use super::tail::Following;
use crate::access::Identity;
use crate::budget::Share;
use crate::log::status::{LogHealth, LogStatus};

/// Turns of all followers together in a second, about: what one costs is bounded, so this bounds what all cost. If there are
/// many, each waits for several batches before it looks again.
const TURNS_PER_SECOND: u32 = 20_000;

/// How long to wait, at the beginning, for the place to become durable, and for what follows it.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Pause before what could not be read from the log is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// One who follows.
#[derive(Debug)]
pub(crate) struct Follower {
    feed: Arc<Feed>,
    _following: Following,
    status: watch::Receiver<LogStatus>,
    /// Everything up to here was looked at.
    place: Lsn,
    steps: Steps,
    /// What was read from the log and not told yet.
    portion: VecDeque<Batch>,
    /// Of the portion.
    memory: Share,
    last_turn: Instant,
}

/// Why nothing more is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The record after the place is no longer kept; the oldest that is has this lsn.
    NoLongerKept {
        /// The oldest lsn.
        oldest: Lsn,
    },
    /// The log cannot be followed here any more, for this reason.
    Lost(String),
}

impl Follower {
    /// Follows from the record after `place` on. Waits until the place is durable. Fails if what follows it is no longer kept.
    pub(crate) async fn begin(feed: &Arc<Feed>, place: Lsn) -> Result<Self, Ended> {
        let following = feed.tail.follow();
        let mut follower = Self {
            status: feed.log.status(),
            memory: feed.memory.share(),
            feed: Arc::clone(feed),
            _following: following,
            place,
            steps: Steps::after(place),
            portion: VecDeque::new(),
            last_turn: Instant::now(),
        };
        // A place that a crash could take back is none yet.
        let is_durable = follower.status.wait_for(|now| now.durable >= place || now.health.is_final());
        match tokio::time::timeout(LONGEST_WAIT, is_durable).await {
            Ok(Ok(now)) if now.durable >= place => {}
            _ => return Err(Ended::Lost("the log has not confirmed the place".into())),
        }
        if place < follower.durable() && feed.tail.after(place).is_none() {
            // So that it is told at once.
            let unread = |_| Ended::Lost("the log cannot be read now".into());
            tokio::time::timeout(LONGEST_WAIT, follower.load()).await.map_err(unread)??;
        }
        Ok(follower)
    }

    /// The end of the last step that was told whole: here a client may go on.
    pub(crate) fn place(&self) -> Lsn {
        self.steps.end()
    }

    /// Whether no step is told in part.
    pub(crate) fn is_between_steps(&self) -> bool {
        self.steps.is_between()
    }

    /// Tells what is in the batch after the place, as far as there is room.
    pub(crate) fn tell(
        &mut self,
        batch: &Batch,
        wanted: &Wanted,
        identity: &Identity,
        teller: &mut impl Teller,
    ) -> Result<(), Ended> {
        let told = self.steps.tell(batch, self.place, wanted, identity, teller);
        self.place = told.map_err(|e| Ended::Lost(e.to_string()))?;
        while self.portion.pop_front_if(|batch| batch.last_lsn() <= self.place).is_some() {}
        if self.portion.is_empty() {
            self.memory.release();
        }
        Ok(())
    }

    /// The batch with the record after the place. `None` if nothing after it is durable.
    pub(crate) async fn batch(&mut self) -> Result<Option<Batch>, Ended> {
        self.last_turn = Instant::now();
        loop {
            if self.place >= self.durable() {
                return Ok(None);
            }
            if let Some(batch) = self.portion.front() {
                return Ok(Some(batch.clone()));
            }
            if let Some(batch) = self.feed.tail.after(self.place) {
                return Ok(Some(batch));
            }
            self.load().await?;
        }
    }

    /// Reads a portion of the log. Waits as long as the log cannot be read, or there is no memory for it.
    async fn load(&mut self) -> Result<(), Ended> {
        loop {
            if self.memory.grow_to(EXPECTED_BYTES) {
                match self.feed.source.after(self.place, self.durable()).await {
                    Ok(portion) => {
                        self.feed.portions.fetch_add(1, Ordering::Relaxed);
                        self.portion = portion.into();
                        return Ok(());
                    }
                    Err(SinkError::Unavailable(why)) => debug!(why, "a reader of the feed waits for the log"),
                    Err(SinkError::NoLongerKept { oldest, .. }) => return Err(Ended::NoLongerKept { oldest }),
                    Err(e) => return Err(Ended::Lost(e.to_string())),
                }
                self.memory.release();
            }
            self.check_log()?;
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Waits until there may be a batch.
    pub(crate) async fn wait(&mut self) -> Result<(), Ended> {
        let pause = Duration::from_secs(1) * self.followers() / TURNS_PER_SECOND;
        if pause > Duration::from_millis(1) {
            tokio::time::sleep_until(self.last_turn + pause).await;
        }
        let place = self.place;
        let changed = self.status.wait_for(|now| now.durable > place || now.health.is_final()).await;
        match changed.map(|now| now.durable > place) {
            Ok(true) => Ok(()),
            Ok(false) => self.check_log(),
            Err(_) => Err(Ended::Lost("the server is stopping".into())),
        }
    }

    /// The last durable lsn.
    fn durable(&self) -> Lsn {
        self.status.borrow().durable
    }

    fn followers(&self) -> u32 {
        u32::try_from(self.feed.tail.followers()).unwrap_or(u32::MAX)
    }

    /// Fails if nothing will ever be durable any more.
    fn check_log(&self) -> Result<(), Ended> {
        match self.status.borrow().health {
            LogHealth::Up | LogHealth::Down => Ok(()),
            LogHealth::Failed => Err(Ended::Lost("the log has failed".into())),
            LogHealth::Fenced => Err(Ended::Lost("another server has taken over the log".into())),
        }
    }
}
