//! A change of an entry, as the feed tells it.

use std::collections::BTreeSet;
use std::time::SystemTime;

use proto::frame::{ChangeContent, ChangeItem};
use proto::{OpKind, Strings, ValueType};

use crate::results::{Etag, Token, time_of};
use crate::value::Value;

/// A change of an entry.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// The entry's type.
    pub ty: ValueType,
    /// Its key.
    pub key: String,
    /// What was done.
    pub kind: ChangeKind,
    /// When it was done, by the clock of the server.
    pub at: SystemTime,
    /// The entry's state after it, if there is one.
    pub etag: Option<Etag>,
    /// When the entry expires; `None`: never.
    pub expires: Option<SystemTime>,
}

/// What was done with an entry. What it has come to is told if values were asked for ([`Follow::values`](crate::Follow::values)).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It was stored.
    Put(Option<Value>),
    /// It was deleted.
    Deleted,
    /// It has expired.
    Expired,
    /// It was incremented: the new value.
    Incremented(Option<Value>),
    /// A field of the map was set: its name and its value.
    FieldSet(Option<(String, String)>),
    /// A field of the map was deleted: its name.
    FieldDeleted(Option<String>),
    /// The set has these members now.
    Added(Option<BTreeSet<String>>),
    /// The set no longer has these members.
    Removed(Option<BTreeSet<String>>),
    /// Only when it expires has changed.
    Touched,
}

/// Changes that were one step: one operation, or a whole transaction.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FeedStep {
    /// The changes, in their order. None, if it only says how far the feed is.
    pub changes: Vec<Change>,
    /// The place after it. Store it together with what you have made of the changes: a feed that begins after it tells
    /// nothing twice and leaves nothing out.
    pub token: Token,
}

impl Change {
    pub(crate) fn of(item: &ChangeItem<'_>) -> Self {
        let value = || match item.content {
            Some(ChangeContent::Value(value)) => Some(proto::Value::from(value).into()),
            _ => None,
        };
        let members = |members: Strings<'_>| Some(members.iter().map(str::to_owned).collect());
        let kind = match (item.kind, item.content) {
            (OpKind::Put, _) => ChangeKind::Put(value()),
            (OpKind::Incr | OpKind::IncrBy, _) => ChangeKind::Incremented(value()),
            (OpKind::Expire, _) => ChangeKind::Expired,
            (OpKind::MapSet, Some(ChangeContent::Field { field, value })) => {
                ChangeKind::FieldSet(Some((field.to_owned(), value.to_owned())))
            }
            (OpKind::MapSet, _) => ChangeKind::FieldSet(None),
            (OpKind::MapDel, Some(ChangeContent::NoField(field))) => ChangeKind::FieldDeleted(Some(field.to_owned())),
            (OpKind::MapDel, _) => ChangeKind::FieldDeleted(None),
            (OpKind::SetAdd, Some(ChangeContent::Added(added))) => ChangeKind::Added(members(added)),
            (OpKind::SetAdd, _) => ChangeKind::Added(None),
            (OpKind::SetRem, Some(ChangeContent::Removed(removed))) => ChangeKind::Removed(members(removed)),
            (OpKind::SetRem, _) => ChangeKind::Removed(None),
            (OpKind::Touch, _) => ChangeKind::Touched,
            _ => ChangeKind::Deleted,
        };
        Self {
            ty: item.ty,
            key: item.key.as_str().to_owned(),
            kind,
            at: time_of(item.at),
            etag: item.etag.map(Etag),
            expires: item.expires.map(time_of),
        }
    }
}
