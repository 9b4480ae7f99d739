//! Operations on single members of sets and fields of maps.

use proto::{Op, StringsBuf, Value};

use crate::client::key;
use crate::entries::deleted;
use crate::reply::Reply;
use crate::value::{pack_set, text};
use crate::{Client, Error};

/// Members of sets and fields of maps, without transferring the whole value. Texts must not contain NUL.
impl Client {
    /// Adds members to the set at `name`; creates the set if there are members to add. Returns how many were new.
    pub async fn set_add<S: AsRef<str>>(&self, name: &str, members: impl IntoIterator<Item = S>) -> Result<u32, Error> {
        let members: StringsBuf = pack_set("member", members)?;
        count(self.run(Op::SetAdd { key: key(name)?, members: members.as_strings() }).await?)
    }

    /// Removes members from the set at `name`; a set that becomes empty is kept. Returns how many were present.
    pub async fn set_rem<S: AsRef<str>>(&self, name: &str, members: impl IntoIterator<Item = S>) -> Result<u32, Error> {
        let members: StringsBuf = pack_set("member", members)?;
        count(self.run(Op::SetRem { key: key(name)?, members: members.as_strings() }).await?)
    }

    /// Whether the set at `name` has this member; `None` if the set does not exist.
    pub async fn set_has(&self, name: &str, member: &str) -> Result<Option<bool>, Error> {
        match self.run(Op::SetHas { key: key(name)?, member: text("member", member)? }).await? {
            Reply::NoEntry => Ok(None),
            Reply::Has(yes) => Ok(Some(yes)),
            _ => Reply::unexpected("set-has"),
        }
    }

    /// The value of one field of the map at `name`; `None` if the field or the map does not exist.
    pub async fn map_get_field(&self, name: &str, field: &str) -> Result<Option<String>, Error> {
        match self.run(Op::MapGet { key: key(name)?, field: text("field", field)? }).await? {
            Reply::NoEntry | Reply::NoField => Ok(None),
            Reply::Value(Value::Str(value)) => Ok(Some(value.as_str().to_string())),
            _ => Reply::unexpected("map-get"),
        }
    }

    /// Stores one field of the map at `name`; creates the map if it does not exist.
    pub async fn map_set_field(&self, name: &str, field: &str, value: &str) -> Result<(), Error> {
        let (field, value) = (text("field", field)?, text("value", value)?);
        match self.run(Op::MapSet { key: key(name)?, field, value }).await? {
            Reply::Done => Ok(()),
            _ => Reply::unexpected("map-set"),
        }
    }

    /// Deletes one field of the map at `name`; a map that becomes empty is kept. Returns whether the field existed.
    pub async fn map_del_field(&self, name: &str, field: &str) -> Result<bool, Error> {
        deleted(self.run(Op::MapDel { key: key(name)?, field: text("field", field)? }).await?)
    }
}

fn count(reply: Reply) -> Result<u32, Error> {
    if let Reply::Count(count) = reply { Ok(count) } else { Reply::unexpected("set-add or set-rem") }
}
