//! What clients were told, compared with the log: everything acknowledged is in it, where it was said to be, once.

use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use engine::Engine;
use proto::{Batch, Effect, Lsn, Op, Record, Reply, ValueType};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A simulation has one thread.
pub(super) type Shared = Rc<RefCell<Witness>>;

/// Keys and values, as texts.
type Contents = BTreeMap<(ValueType, String), String>;

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) acknowledged: u64,
    pub(super) recoveries: u64,
    pub(super) checkpoints: u64,
    pub(super) faults: u64,
    /// Of everything that was observed, in its order.
    pub(super) trace: u64,
}

impl Summary {
    /// Of two runs together; their traces do not go together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            acknowledged: self.acknowledged + other.acknowledged,
            recoveries: self.recoveries + other.recoveries,
            checkpoints: self.checkpoints + other.checkpoints,
            faults: self.faults + other.faults,
            trace: 0,
        }
    }
}

/// Sees everything that happens.
pub(super) struct Witness {
    chance: StdRng,
    /// What was written at each lsn, as the client that wrote it was told.
    acknowledged: BTreeMap<Lsn, String>,
    issued: u64,
    recoveries: u64,
    checkpoints: u64,
    trace: DefaultHasher,
    wrong: Option<String>,
}

/// What a write has done, in the words of its reply.
pub(super) fn told(op: &Op<'_>, reply: &Reply) -> Option<String> {
    match (op, reply) {
        (Op::Put { key, value }, Reply::Stored) => Some(format!("{} = {value:?}", key.as_str())),
        (Op::Incr { key, .. }, Reply::Value(value)) => {
            // The reply is the value before the increment.
            Some(format!("{} was {:?}", key.as_str(), value.as_value_ref()))
        }
        (Op::Del { key, .. }, Reply::Deleted(true)) => Some(format!("{} deleted", key.as_str())),
        // Nothing was changed.
        _ => None,
    }
}

/// Applies a record; returns what its client was told, if it was.
fn apply(contents: &mut Contents, record: &Record<'_>) -> Result<String, String> {
    let key = record.op.key().as_str().to_owned();
    match (&record.op, record.effect) {
        (Op::Put { value, .. }, Effect::None) => {
            contents.insert((value.value_type(), key.clone()), format!("{value:?}"));
            Ok(format!("{key} = {value:?}"))
        }
        (Op::Incr { ty, .. }, effect) => {
            let value = effect.value().ok_or_else(|| format!("an increment without its result: {record:?}"))?;
            let before = contents.insert(((*ty).into(), key.clone()), format!("{value:?}"));
            Ok(format!("{key} was {}", before.unwrap_or_else(|| "Int(0)".into())))
        }
        (Op::Del { ty, .. }, Effect::None) => {
            let before = contents.remove(&(*ty, key.clone()));
            before.map(|_| format!("{key} deleted")).ok_or_else(|| format!("deletes what is not there: {record:?}"))
        }
        _ => Err(format!("nobody has written this: {record:?}")),
    }
}

impl Witness {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: StdRng::seed_from_u64(seed),
            acknowledged: BTreeMap::new(),
            issued: 0,
            recoveries: 0,
            checkpoints: 0,
            trace: DefaultHasher::new(),
            wrong: None,
        }
    }

    pub(super) fn chance(world: &Shared) -> RefMut<'_, StdRng> {
        RefMut::map(world.borrow_mut(), |this| &mut this.chance)
    }

    /// A value that is written once.
    pub(super) fn text(&mut self) -> String {
        self.issued += 1;
        // Some are long, so that a batch is cut in the middle.
        let bytes = if self.chance.random_ratio(1, 20) { 20_000 } else { 8 };
        format!("{}:{}", self.issued, "x".repeat(self.chance.random_range(0..bytes)))
    }

    fn note(&mut self, what: impl Hash) {
        (turmoil::sim_elapsed(), what).hash(&mut self.trace);
    }

    /// A client was told that its write at `lsn` is durable.
    pub(super) fn acknowledge(&mut self, lsn: Lsn, told: String) {
        self.note((lsn, &told));
        if let Some(other) = self.acknowledged.insert(lsn, told) {
            self.is_wrong(format!("lsn {lsn} was acknowledged twice; first as {other}"));
        }
    }

    pub(super) fn acknowledgements(&self) -> u64 {
        self.acknowledged.len() as u64
    }

    /// The last lsn of which a client was told.
    pub(super) fn last(&self) -> Lsn {
        self.acknowledged.last_key_value().map_or(0, |(lsn, _)| *lsn)
    }

    pub(super) fn checkpoints(&mut self, written: u64) {
        self.checkpoints += written;
    }

    /// A kvs has recovered `engine` from `log`. When it began, clients had been told of `last`.
    pub(super) fn recovered(&mut self, engine: &Engine, last: Lsn, log: &[Batch]) {
        let upto = engine.last_lsn();
        self.note(("recovered", upto));
        self.recoveries += 1;
        if upto < last {
            return self.is_wrong(format!("recovered up to lsn {upto}, but lsn {last} was acknowledged before"));
        }
        let mut found = Contents::new();
        engine.for_each(|ty, key, value| {
            found.insert((ty, key.into()), format!("{:?}", value.as_value_ref()));
        });
        match self.replay(log, upto) {
            Err(what) => self.is_wrong(what),
            Ok(expected) if expected != found => {
                self.is_wrong(format!("recovered {found:?} where the log up to lsn {upto} says {expected:?}"));
            }
            Ok(_) => {}
        }
    }

    pub(super) fn is_wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    pub(super) fn verdict(&self) -> Result<(), String> {
        self.wrong.clone().map_or(Ok(()), Err)
    }

    /// At the end.
    pub(super) fn check(&self, log: &[Batch]) -> Result<(), String> {
        self.replay(log, Lsn::MAX)?;
        let (end, last) = (log.last().map_or(0, Batch::last_lsn), self.last());
        if end < last { Err(format!("the log ends at lsn {end}, but lsn {last} was acknowledged")) } else { Ok(()) }
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            acknowledged: self.acknowledgements(),
            recoveries: self.recoveries,
            checkpoints: self.checkpoints,
            faults: 0,
            trace: self.trace.finish(),
        }
    }

    /// What the log says, up to `upto`.
    fn replay(&self, log: &[Batch], upto: Lsn) -> Result<Contents, String> {
        let (mut contents, mut texts) = (Contents::new(), BTreeSet::new());
        for (expected, record) in (1..).zip(log.iter().flat_map(Batch::records)) {
            let record = record.map_err(|e| e.to_string())?;
            if record.lsn != expected {
                return Err(format!("lsn {} follows lsn {}", record.lsn, expected - 1));
            }
            if record.lsn > upto {
                break;
            }
            let says = apply(&mut contents, &record)?;
            if let Op::Put { value, .. } = record.op
                && !texts.insert(format!("{value:?}"))
            {
                return Err(format!("written once, stored twice: {record:?}"));
            }
            match self.acknowledged.get(&record.lsn) {
                Some(told) if *told != says => {
                    return Err(format!("at lsn {} a client was told {told}, and the log says {says}", record.lsn));
                }
                _ => {}
            }
        }
        Ok(contents)
    }
}
