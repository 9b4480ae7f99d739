//! Several operations that take effect together or not at all, on conditions.

use std::time::Duration;

use proto::frame::{CheckItem, CheckKind, MAX_TRANSACT_ITEMS, StepItem, Ttl};
use proto::limits::MAX_TTL_MILLIS;
use proto::{CounterType, Key, Op, OpKind, StringsBuf, ValueType};

use crate::client::key;
use crate::reply::Reply;
use crate::results::{Entry, Etag, NoRoom, StepDone, StepReply, Transacted};
use crate::value::{Value, pack, pack_set, text};
use crate::{Client, Error, InvalidInput};

/// What must be true of an entry before anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is such an entry.
    Present,
    /// There is none.
    Absent,
    /// There is one, in this state.
    Is(Etag),
    /// There is none, or it is in another state.
    IsNot(Etag),
}

/// When the entry of a write expires after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// After this time, to the millisecond: 1 ms to 100 years.
    After(Duration),
    /// Never.
    Never,
}

/// Operations to be carried out together, in their order.
///
/// [`Client::transact`] carries out all of them, or none if a condition does not hold, a counter would go beyond its bounds, or
/// anything is refused. Nobody sees a part of it, and the log has all of it or nothing. There are at most 1,000 conditions and 1,000
/// operations.
///
/// ```no_run
/// # async fn example(client: client::Client) -> Result<(), client::Error> {
/// use client::{Condition, Expiry, Transaction, ValueType};
/// use std::time::Duration;
///
/// // Take a piece out of the stock and note the order, or neither.
/// let mut order = Transaction::new();
/// order.require(ValueType::Str, "order_1", Condition::Absent);
/// order.incr_int("stock", -1).at_least(0);
/// order.put("order_1", "1 piece").expires(Expiry::After(Duration::from_secs(86_400)));
/// let done = client.transact(&order).await?;
/// assert!(done.steps[1].etag.is_some());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    once: Option<String>,
    checks: Vec<Check>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Check {
    ty: ValueType,
    key: String,
    condition: Condition,
}

/// An operation of a [`Transaction`], which may be told more.
#[derive(Clone, Debug)]
pub struct Step {
    key: String,
    work: Work,
    expiry: Option<Expiry>,
    min: Option<i64>,
    max: Option<i64>,
}

#[derive(Clone, Debug)]
enum Work {
    Get(ValueType),
    Put(Value),
    Del(ValueType),
    DelAll,
    Incr(CounterType, i64),
    SetAdd(Vec<String>),
    SetRem(Vec<String>),
    SetHas(String),
    MapGet(String),
    MapSet(String, String),
    MapDel(String),
    Touch(ValueType),
}

impl Transaction {
    /// One without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// The idempotency key: the same transaction again with the same key, by this or another client of the same identity, does nothing
    /// and comes to the same, for as long as the server keeps the key (10 minutes, if it is not set otherwise). 1 to 64 visible ASCII
    /// characters. Without it a client takes a key of its own, see [`Options::resends`](crate::Options::resends).
    pub fn once(&mut self, key: impl Into<String>) -> &mut Self {
        self.once = Some(key.into());
        self
    }

    /// Adds a condition. All of them are about the state before the first operation.
    pub fn require(&mut self, ty: ValueType, key: impl Into<String>, condition: Condition) -> &mut Self {
        self.checks.push(Check { ty, key: key.into(), condition });
        self
    }

    fn push(&mut self, key: impl Into<String>, work: Work) -> &mut Step {
        self.steps.push(Step { key: key.into(), work, expiry: None, min: None, max: None });
        self.steps.last_mut().expect("it was pushed just now")
    }

    /// Reads an entry.
    pub fn get(&mut self, ty: ValueType, key: impl Into<String>) -> &mut Step {
        self.push(key, Work::Get(ty))
    }

    /// Stores a value; the entry then does not expire, unless [`Step::expires`] says so.
    pub fn put(&mut self, key: impl Into<String>, value: impl Into<Value>) -> &mut Step {
        self.push(key, Work::Put(value.into()))
    }

    /// Deletes an entry.
    pub fn del(&mut self, ty: ValueType, key: impl Into<String>) -> &mut Step {
        self.push(key, Work::Del(ty))
    }

    /// Deletes the entries of all types.
    pub fn del_all(&mut self, key: impl Into<String>) -> &mut Step {
        self.push(key, Work::DelAll)
    }

    /// Adds to an int; a missing one counts as 0.
    pub fn incr_int(&mut self, key: impl Into<String>, by: i64) -> &mut Step {
        self.push(key, Work::Incr(CounterType::Int, by))
    }

    /// Adds to a uint; a missing one counts as 0.
    pub fn incr_uint(&mut self, key: impl Into<String>, by: i64) -> &mut Step {
        self.push(key, Work::Incr(CounterType::Uint, by))
    }

    /// Adds members to a set.
    pub fn set_add<S: Into<String>>(
        &mut self,
        key: impl Into<String>,
        members: impl IntoIterator<Item = S>,
    ) -> &mut Step {
        self.push(key, Work::SetAdd(members.into_iter().map(Into::into).collect()))
    }

    /// Removes members from a set.
    pub fn set_rem<S: Into<String>>(
        &mut self,
        key: impl Into<String>,
        members: impl IntoIterator<Item = S>,
    ) -> &mut Step {
        self.push(key, Work::SetRem(members.into_iter().map(Into::into).collect()))
    }

    /// Asks whether a set has a member.
    pub fn set_has(&mut self, key: impl Into<String>, member: impl Into<String>) -> &mut Step {
        self.push(key, Work::SetHas(member.into()))
    }

    /// Reads a field of a map.
    pub fn map_get_field(&mut self, key: impl Into<String>, field: impl Into<String>) -> &mut Step {
        self.push(key, Work::MapGet(field.into()))
    }

    /// Stores a field of a map.
    pub fn map_set_field(
        &mut self,
        key: impl Into<String>,
        field: impl Into<String>,
        value: impl Into<String>,
    ) -> &mut Step {
        self.push(key, Work::MapSet(field.into(), value.into()))
    }

    /// Deletes a field of a map.
    pub fn map_del_field(&mut self, key: impl Into<String>, field: impl Into<String>) -> &mut Step {
        self.push(key, Work::MapDel(field.into()))
    }

    /// Changes only when an entry expires.
    pub fn touch(&mut self, ty: ValueType, key: impl Into<String>, expiry: Expiry) -> &mut Step {
        let step = self.push(key, Work::Touch(ty));
        step.expiry = Some(expiry);
        step
    }
}

impl Step {
    /// When the entry expires after this put, increment or map-set. Without it a put ends the expiry, and every other write keeps
    /// it. After changes of a set, and deletions of a field, add a [`Transaction::touch`].
    pub fn expires(&mut self, expiry: Expiry) -> &mut Self {
        self.expiry = Some(expiry);
        self
    }

    /// The smallest value that an increment may lead to.
    pub fn at_least(&mut self, min: i64) -> &mut Self {
        self.min = Some(min);
        self
    }

    /// The largest value that an increment may lead to.
    pub fn at_most(&mut self, max: i64) -> &mut Self {
        self.max = Some(max);
        self
    }

    fn ttl(&self, kind: OpKind) -> Result<Option<Ttl>, InvalidInput> {
        match self.expiry {
            None => Ok(None),
            Some(_) if !kind.takes_expiry() => Err(InvalidInput::NoExpiry(kind.name())),
            Some(Expiry::Never) => Ok(Some(Ttl::Never)),
            Some(Expiry::After(time)) => match u64::try_from(time.as_millis()) {
                Ok(millis @ 1..=MAX_TTL_MILLIS) => Ok(Some(Ttl::After(millis))),
                _ => Err(InvalidInput::Expiry(time)),
            },
        }
    }
}

/// The values and lists of a step in packed form.
enum Packed {
    Value(proto::Value),
    List(StringsBuf),
    Nothing,
}

impl Packed {
    fn of(work: &Work) -> Result<Self, InvalidInput> {
        Ok(match work {
            Work::Put(value) => Self::Value(pack(value.clone())?),
            Work::SetAdd(members) | Work::SetRem(members) => Self::List(pack_set("member", members)?),
            _ => Self::Nothing,
        })
    }
}

fn op<'a>(key: Key<'a>, work: &'a Work, packed: &'a Packed) -> Result<Op<'a>, InvalidInput> {
    Ok(match (work, packed) {
        (Work::Put(_), Packed::Value(value)) => Op::Put { key, value: value.as_value_ref() },
        (Work::SetAdd(_), Packed::List(members)) => Op::SetAdd { key, members: members.as_strings() },
        (Work::SetRem(_), Packed::List(members)) => Op::SetRem { key, members: members.as_strings() },
        (Work::Get(ty), _) => Op::Get { ty: *ty, key },
        (Work::Del(ty), _) => Op::Del { ty: *ty, key },
        (Work::Touch(ty), _) => Op::Touch { ty: *ty, key },
        (Work::Incr(ty, by), _) => Op::IncrBy { ty: *ty, key, by: *by },
        (Work::SetHas(member), _) => Op::SetHas { key, member: text("member", member)? },
        (Work::MapGet(field), _) => Op::MapGet { key, field: text("field", field)? },
        (Work::MapSet(field, value), _) => {
            Op::MapSet { key, field: text("field", field)?, value: text("value", value)? }
        }
        (Work::MapDel(field), _) => Op::MapDel { key, field: text("field", field)? },
        // The first three are packed as such.
        (Work::DelAll | Work::Put(_) | Work::SetAdd(_) | Work::SetRem(_), _) => Op::DelAll { key },
    })
}

impl Client {
    /// Carries out a transaction. If its outcome is unknown, because a connection was lost for example, it is sent again with its
    /// idempotency key ([`Options::resends`](crate::Options::resends)) until the request times out: it is carried out once.
    ///
    /// # Errors
    ///
    /// An error of an unknown outcome means that sending it again did not help either. With a key of your own ([`Transaction::once`])
    /// you may call this again later.
    ///
    /// [`Error::ConditionFailed`] and [`Error::BeyondBounds`] mean, as [`Error::Refused`] does, that nothing has happened. A
    /// server from before transactions refuses with [`BadOpcode`](proto::frame::ErrorCode::BadOpcode).
    pub async fn transact(&self, transaction: &Transaction) -> Result<Transacted, Error> {
        let Transaction { once, checks, steps } = transaction;
        if checks.len() > MAX_TRANSACT_ITEMS || steps.len() > MAX_TRANSACT_ITEMS {
            return Err(InvalidInput::TooManySteps.into());
        }
        let etags: Vec<[proto::frame::Etag; 1]> = checks
            .iter()
            .map(|check| match check.condition {
                Condition::Is(Etag(etag)) | Condition::IsNot(Etag(etag)) => [etag],
                Condition::Present | Condition::Absent => [[0; _]],
            })
            .collect();
        let checks = checks.iter().zip(&etags).map(|(check, etags)| {
            let kind = match check.condition {
                Condition::Present => CheckKind::Present,
                Condition::Absent => CheckKind::Absent,
                Condition::Is(_) => CheckKind::OneOf(etags),
                Condition::IsNot(_) => CheckKind::NoneOf(etags),
            };
            Ok(CheckItem { ty: check.ty, key: key(&check.key)?, kind })
        });
        let checks: Vec<CheckItem<'_>> = checks.collect::<Result<_, InvalidInput>>()?;
        let packed: Vec<Packed> = steps.iter().map(|step| Packed::of(&step.work)).collect::<Result<_, _>>()?;
        let steps = steps.iter().zip(&packed).map(|(step, packed)| {
            let op = op(key(&step.key)?, &step.work, packed)?;
            Ok(StepItem { op, ttl: step.ttl(op.kind())?, min: step.min, max: step.max })
        });
        let steps: Vec<StepItem<'_>> = steps.collect::<Result<_, InvalidInput>>()?;
        self.carry_out(once.as_deref(), &checks, &steps).await
    }

    /// Reads an entry with its state and when it expires; `None` if there is none.
    pub async fn entry(&self, ty: ValueType, name: &str) -> Result<Option<Entry>, Error> {
        let mut read = Transaction::new();
        read.get(ty, name);
        let mut done = self.transact(&read).await?;
        let Some(StepDone { result, etag, expires, .. }) = done.steps.pop() else { return Reply::unexpected("entry") };
        match (result, etag) {
            (Ok(StepReply::NoEntry), _) => Ok(None),
            (Ok(StepReply::Value(value)), Some(etag)) => Ok(Some(Entry { value, etag, expires })),
            (Err(NoRoom(message)), _) => Err(Error::Refused { code: proto::frame::ErrorCode::Busy, message }),
            _ => Reply::unexpected("entry"),
        }
    }
}
