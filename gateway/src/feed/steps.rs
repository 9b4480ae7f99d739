//! Which changes one wants and may see, and where a step of several changes ends.

use proto::{Batch, BatchError, Effect, Lsn, OpKind, Record, RecordHead, ValueType};

use crate::access::Identity;

/// Which changes are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Of this type, or of all.
    pub(crate) ty: Option<ValueType>,
    /// Those of keys that begin so.
    pub(crate) prefix: String,
}

/// A change of one entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change<'r> {
    /// What the log says. A deletion of a whole key is a change for each type that it was there of.
    pub(crate) record: &'r Record<'r>,
    /// The type of the entry.
    pub(crate) ty: ValueType,
}

/// Tells changes to a client.
pub(crate) trait Teller {
    /// Begins to tell a change.
    fn open(&mut self, change: &Change<'_>);

    /// Ends it: it is the last one of its step, which ends at this place, or another one of the same step follows.
    fn close(&mut self, step_end: Option<Lsn>);

    /// Whether there is room for another step.
    fn has_room(&self) -> bool;
}

/// Where one is among the steps of the log. A step is told with its last change: only there a client may go on.
#[derive(Debug)]
pub(super) struct Steps {
    /// Whether a change was begun that may be the last one of its step.
    is_open: bool,
    /// The end of the last step that was told whole.
    end: Lsn,
}

impl Wanted {
    #[inline]
    fn includes(&self, head: &RecordHead<'_>) -> bool {
        head.kind.is_some_and(OpKind::writes)
            && (self.ty.is_none() || head.ty.is_none() || head.ty == self.ty)
            && head.key.starts_with(self.prefix.as_bytes())
    }

    /// The changes that a record stands for.
    fn of<'r>(&self, record: &'r Record<'r>, identity: &Identity) -> impl Iterator<Item = Change<'r>> {
        let key = record.op.key().as_str();
        let is_seen = move |ty: &ValueType| match record.effect {
            Effect::Types(types) => types.iter().any(|of| of == *ty),
            _ => record.op.value_type() == Some(*ty),
        };
        ValueType::ALL
            .into_iter()
            .filter(is_seen)
            .filter(move |ty| self.ty.is_none_or(|wanted| wanted == *ty) && identity.may_read(*ty, key))
            .map(move |ty| Change { record, ty })
    }
}

impl Steps {
    /// Begins after the step that ends at `end`.
    pub(super) fn after(end: Lsn) -> Self {
        Self { is_open: false, end }
    }

    /// The end of the last step that was told whole.
    pub(super) fn end(&self) -> Lsn {
        self.end
    }

    /// Whether everything that was looked at was told: a step is not in the middle.
    pub(super) fn is_between(&self) -> bool {
        !self.is_open
    }

    /// Tells the changes of `batch` after `place` that are wanted and may be seen, as long as there is room. Returns how far
    /// the batch was looked at.
    pub(super) fn tell(
        &mut self,
        batch: &Batch,
        mut place: Lsn,
        wanted: &Wanted,
        identity: &Identity,
        teller: &mut impl Teller,
    ) -> Result<Lsn, BatchError> {
        let mut records = batch.records();
        while let Some(head) = records.peek() {
            if head.lsn <= place {
                records.pass(&head);
                continue;
            }
            if self.end + 1 == head.lsn && !teller.has_room() {
                return Ok(place);
            }
            match wanted.includes(&head) {
                false => records.pass(&head),
                true => {
                    let Some(record) = records.next().transpose()? else { break };
                    for change in wanted.of(&record, identity) {
                        if self.is_open {
                            teller.close(None);
                        }
                        teller.open(&change);
                        self.is_open = true;
                    }
                }
            }
            place = head.lsn;
            if head.following == 0 {
                if std::mem::take(&mut self.is_open) {
                    teller.close(Some(place));
                }
                self.end = place;
            }
        }
        // Only what cannot be decoded is left.
        records.next().transpose()?;
        Ok(place)
    }
}
