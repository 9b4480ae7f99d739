//! Operations that own their texts, and proptest strategies for them. Shared by the tests of `proto` and `engine`.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};
use proto::{
    CounterType, Effect, Fingerprint, Key, Micros, Op, OutcomeStep, Place, RecordedOutcome, Reply, StringsBuf, Value,
    ValueType,
};

/// An [`Op`] that owns what the `Op` borrows; the fields are in the same order.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedOp {
    Get(ValueType, String),
    Put(String, Value),
    Del(ValueType, String),
    DelAll(String),
    Incr(CounterType, String),
    IncrBy(CounterType, String, i64),
    SetAdd(String, StringsBuf),
    SetRem(String, StringsBuf),
    SetHas(String, String),
    MapGet(String, String),
    MapSet(String, String, String),
    MapDel(String, String),
    Touch(ValueType, String),
    Expire(ValueType, String),
    Outcome(String, Fingerprint, Vec<u8>),
}

impl OwnedOp {
    pub fn as_op(&self) -> Op<'_> {
        match self {
            Self::Get(ty, key) => Op::Get { ty: *ty, key: as_key(key) },
            Self::Put(key, value) => Op::Put { key: as_key(key), value: value.as_value_ref() },
            Self::Del(ty, key) => Op::Del { ty: *ty, key: as_key(key) },
            Self::DelAll(key) => Op::DelAll { key: as_key(key) },
            Self::Incr(ty, key) => Op::Incr { ty: *ty, key: as_key(key) },
            Self::IncrBy(ty, key, by) => Op::IncrBy { ty: *ty, key: as_key(key), by: *by },
            Self::SetAdd(key, members) => Op::SetAdd { key: as_key(key), members: members.as_strings() },
            Self::SetRem(key, members) => Op::SetRem { key: as_key(key), members: members.as_strings() },
            Self::SetHas(key, member) => Op::SetHas { key: as_key(key), member },
            Self::MapGet(key, field) => Op::MapGet { key: as_key(key), field },
            Self::MapSet(key, field, value) => Op::MapSet { key: as_key(key), field, value },
            Self::MapDel(key, field) => Op::MapDel { key: as_key(key), field },
            Self::Touch(ty, key) => Op::Touch { ty: *ty, key: as_key(key) },
            Self::Expire(ty, key) => Op::Expire { ty: *ty, key: as_key(key) },
            Self::Outcome(key, fingerprint, outcome) => Op::Outcome { key: as_key(key), fingerprint, outcome },
        }
    }
}

pub fn as_key(key: &str) -> Key<'_> {
    Key::new(key.as_bytes()).expect("tests make valid keys")
}

/// A packed list of `items`.
pub fn packed<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> StringsBuf {
    let mut list = StringsBuf::default();
    items.into_iter().for_each(|item| list.push(item.as_ref()));
    list
}

/// `cases` random cases. A failing one is shrunk for up to 10 s, saved next to the test's source, and tried first the
/// next time.
pub fn cases(cases: u32) -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    let failure_persistence: Option<Box<dyn FailurePersistence>> = Some(Box::new(persistence));
    let (max_shrink_iters, max_shrink_time) = (u32::MAX - 1, 10_000);
    ProptestConfig { cases, failure_persistence, max_shrink_iters, max_shrink_time, ..ProptestConfig::default() }
}

/// Any text that may be stored, up to 40 characters.
pub fn any_text() -> BoxedStrategy<String> {
    "[^\0]{0,40}".boxed()
}

/// Any key: all of Unicode, and lengths up to the limit of 512 bytes.
pub fn any_key() -> BoxedStrategy<String> {
    prop_oneof![4 => "[^\0]{1,4}", 2 => "[^\0]{1,128}", 1 => "[a-zé]{250}[a-z]{1,12}"].boxed()
}

pub fn any_type() -> BoxedStrategy<ValueType> {
    prop::sample::select(&ValueType::ALL[..]).boxed()
}

/// Operands of increments: mostly small ones, the bounds of the counters, and all others.
pub fn any_operand() -> BoxedStrategy<i64> {
    let bounds = [i64::from(i32::MAX), i64::from(i32::MIN), i64::from(u32::MAX), -i64::from(u32::MAX)];
    prop_oneof![
        3 => -3..=3i64,
        2 => (prop::sample::select(bounds.to_vec()), -2..=2i64).prop_map(|(bound, off)| bound + off),
        1 => any::<i64>(),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX]),
    ]
    .boxed()
}

/// Values of every type, made of texts from `text`.
pub fn any_value(text: &BoxedStrategy<String>) -> BoxedStrategy<Value> {
    let pairs = btree_map(text.clone(), text.clone(), 0..4);
    prop_oneof![
        any::<i32>().prop_map(Value::Int),
        prop::sample::select(vec![i32::MIN, -1, 0, i32::MAX]).prop_map(Value::Int),
        any::<u32>().prop_map(Value::Uint),
        prop::sample::select(vec![0, u32::MAX]).prop_map(Value::Uint),
        any::<f32>().prop_map(Value::Float),
        text.clone().prop_map(|text| Value::Str(text.as_str().into())),
        pairs.prop_map(|pairs| Value::Map(packed(pairs.iter().flat_map(|(field, value)| [field, value])))),
        btree_set(text.clone(), 0..4).prop_map(|members| Value::Set(packed(members))),
    ]
    .boxed()
}

/// Operations of every kind that any client can ask for, on keys from `key` with texts from `text`.
pub fn any_op(key: BoxedStrategy<String>, text: BoxedStrategy<String>) -> BoxedStrategy<OwnedOp> {
    use OwnedOp::*;
    let counter = prop::sample::select(vec![CounterType::Int, CounterType::Uint]);
    // A request may name a member twice.
    let members = vec(text.clone(), 0..4).prop_map(packed);
    let key = || key.clone();
    let text = || text.clone();
    prop_oneof![
        (any_type(), key()).prop_map(|(ty, key)| Get(ty, key)),
        (key(), any_value(&text())).prop_map(|(key, value)| Put(key, value)),
        (any_type(), key()).prop_map(|(ty, key)| Del(ty, key)),
        key().prop_map(DelAll),
        (counter.clone(), key()).prop_map(|(ty, key)| Incr(ty, key)),
        (counter, key(), any_operand()).prop_map(|(ty, key, by)| IncrBy(ty, key, by)),
        (key(), members.clone()).prop_map(|(key, members)| SetAdd(key, members)),
        (key(), members).prop_map(|(key, members)| SetRem(key, members)),
        (key(), text()).prop_map(|(key, member)| SetHas(key, member)),
        (key(), text()).prop_map(|(key, field)| MapGet(key, field)),
        (key(), text(), text()).prop_map(|(key, field, value)| MapSet(key, field, value)),
        (key(), text()).prop_map(|(key, field)| MapDel(key, field)),
    ]
    .boxed()
}

/// The same, with the kinds that are about expiry.
pub fn any_logged_op(key: BoxedStrategy<String>, text: BoxedStrategy<String>) -> BoxedStrategy<OwnedOp> {
    let of_expiry = (any_type(), key.clone(), any::<bool>()).prop_map(|(ty, key, touches)| match touches {
        true => OwnedOp::Touch(ty, key),
        false => OwnedOp::Expire(ty, key),
    });
    prop_oneof![6 => any_op(key, text), 1 => of_expiry].boxed()
}

/// The same, with outcomes of requests: all that may be in a log.
pub fn any_record(key: BoxedStrategy<String>, text: BoxedStrategy<String>) -> BoxedStrategy<OwnedOp> {
    let outcome = (key.clone(), any::<Fingerprint>(), any::<u32>(), any::<bool>());
    let outcome = outcome.prop_map(|(key, fingerprint, count, own)| {
        let place = if own { Place::Own(1) } else { Place::Lsn(count.into()) };
        let step = OutcomeStep { reply: Reply::Count(count), before: None, after: Some((place, None)) };
        let outcome = RecordedOutcome { last: own.then_some(1), steps: vec![step] };
        OwnedOp::Outcome(key, fingerprint, outcome.encode())
    });
    prop_oneof![20 => any_logged_op(key, text), 1 => outcome].boxed()
}

/// When the entry of an operation may expire after it, derived from these bits: some time in the year 2024, or never.
pub fn expires_of(op: &Op<'_>, bits: u32) -> Option<Micros> {
    const BEGIN: Micros = 1_704_067_200_000_000;
    let expires = op.kind().may_expire() && bits.is_multiple_of(3);
    expires.then(|| BEGIN + Micros::from(bits) * 7_000_001 % 31_536_000_000_000)
}

/// An effect that the operation may have, derived from these bits.
pub fn effect_of(op: &Op<'_>, bits: u32) -> Effect {
    match op {
        Op::Incr { ty, .. } | Op::IncrBy { ty, .. } => match ty {
            CounterType::Int => Effect::Int(bits.cast_signed()),
            CounterType::Uint => Effect::Uint(bits),
        },
        Op::DelAll { .. } => {
            Effect::Types(ValueType::ALL.into_iter().filter(|ty| bits >> (*ty as u8 - 1) & 1 != 0).collect())
        }
        _ => Effect::None,
    }
}
