//! Operations on whole entries: get, put and delete for each type; increments.

use std::collections::{BTreeMap, BTreeSet};

use proto::{CounterType, Op, Value, ValueRef, ValueType};

use crate::client::key;
use crate::reply::Reply;
use crate::value::{finite, pack_map, pack_set, text, unpack_map, unpack_set};
use crate::{Client, Error};

/// Whole entries. The int `a` and the str `a` are different entries; each method works on the entry of its type. Every
/// method fails as [`Error`] describes. [`Error::InvalidInput`] is returned before anything is sent.
impl Client {
    /// The int at `name`; `None` if there is none.
    pub async fn get_int(&self, name: &str) -> Result<Option<i32>, Error> {
        self.get(ValueType::Int, name, |value| if let Value::Int(v) = value { Some(v) } else { None }).await
    }

    /// The uint at `name`; `None` if there is none.
    pub async fn get_uint(&self, name: &str) -> Result<Option<u32>, Error> {
        self.get(ValueType::Uint, name, |value| if let Value::Uint(v) = value { Some(v) } else { None }).await
    }

    /// The float at `name`; `None` if there is none.
    pub async fn get_float(&self, name: &str) -> Result<Option<f32>, Error> {
        self.get(ValueType::Float, name, |value| if let Value::Float(v) = value { Some(v) } else { None }).await
    }

    /// The str at `name`; `None` if there is none.
    pub async fn get_str(&self, name: &str) -> Result<Option<String>, Error> {
        self.get(ValueType::Str, name, |value| {
            if let Value::Str(text) = value { Some(text.as_str().to_string()) } else { None }
        })
        .await
    }

    /// The map at `name`; `None` if there is none. For a single field see [`Client::map_get_field`].
    pub async fn get_map(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error> {
        let map = |value| if let Value::Map(list) = value { Some(unpack_map(list.as_strings())) } else { None };
        self.get(ValueType::Map, name, map).await
    }

    /// The set at `name`; `None` if there is none. For a single member see [`Client::set_has`].
    pub async fn get_set(&self, name: &str) -> Result<Option<BTreeSet<String>>, Error> {
        let set = |value| if let Value::Set(list) = value { Some(unpack_set(list.as_strings())) } else { None };
        self.get(ValueType::Set, name, set).await
    }

    /// Stores an int at `name`.
    pub async fn put_int(&self, name: &str, value: i32) -> Result<(), Error> {
        self.put(name, ValueRef::Int(value)).await
    }

    /// Stores a uint at `name`.
    pub async fn put_uint(&self, name: &str, value: u32) -> Result<(), Error> {
        self.put(name, ValueRef::Uint(value)).await
    }

    /// Stores a float at `name`. It must be finite.
    pub async fn put_float(&self, name: &str, value: f32) -> Result<(), Error> {
        self.put(name, ValueRef::Float(finite(value)?)).await
    }

    /// Stores a str at `name`. It must not contain NUL.
    pub async fn put_str(&self, name: &str, value: &str) -> Result<(), Error> {
        self.put(name, ValueRef::Str(text("value", value)?)).await
    }

    /// Stores a map at `name`, replacing the whole previous map: a `BTreeMap`, or any fields and values. If a field
    /// occurs twice, the last value counts. The texts must not contain NUL.
    pub async fn put_map<F, V>(&self, name: &str, fields: impl IntoIterator<Item = (F, V)>) -> Result<(), Error>
    where
        F: AsRef<str>,
        V: AsRef<str>,
    {
        self.put(name, ValueRef::Map(pack_map(fields)?.as_strings())).await
    }

    /// Stores a set at `name`, replacing the whole previous set: a `BTreeSet`, or any members. They must not contain
    /// NUL.
    pub async fn put_set<S: AsRef<str>>(&self, name: &str, members: impl IntoIterator<Item = S>) -> Result<(), Error> {
        self.put(name, ValueRef::Set(pack_set("member", members)?.as_strings())).await
    }

    /// Deletes the int at `name`; returns whether it existed.
    pub async fn del_int(&self, name: &str) -> Result<bool, Error> {
        self.del(ValueType::Int, name).await
    }

    /// Deletes the uint at `name`; returns whether it existed.
    pub async fn del_uint(&self, name: &str) -> Result<bool, Error> {
        self.del(ValueType::Uint, name).await
    }

    /// Deletes the float at `name`; returns whether it existed.
    pub async fn del_float(&self, name: &str) -> Result<bool, Error> {
        self.del(ValueType::Float, name).await
    }

    /// Deletes the str at `name`; returns whether it existed.
    pub async fn del_str(&self, name: &str) -> Result<bool, Error> {
        self.del(ValueType::Str, name).await
    }

    /// Deletes the map at `name`; returns whether it existed.
    pub async fn del_map(&self, name: &str) -> Result<bool, Error> {
        self.del(ValueType::Map, name).await
    }

    /// Deletes the set at `name`; returns whether it existed.
    pub async fn del_set(&self, name: &str) -> Result<bool, Error> {
        self.del(ValueType::Set, name).await
    }

    /// Deletes the entries of all types at `name`, atomically; returns whether any existed.
    pub async fn del_all(&self, name: &str) -> Result<bool, Error> {
        deleted(self.run(Op::DelAll { key: key(name)? }).await?)
    }

    /// Adds 1 to the int at `name`; a missing one counts as 0. Returns the previous value. Fails with
    /// [`Overflow`](proto::frame::ErrorCode::Overflow) if the sum does not fit.
    pub async fn incr_int(&self, name: &str) -> Result<i32, Error> {
        int(self.run(Op::Incr { ty: CounterType::Int, key: key(name)? }).await?)
    }

    /// Adds `by` to the int at `name`, as [`Client::incr_int`] does.
    pub async fn incr_int_by(&self, name: &str, by: i64) -> Result<i32, Error> {
        int(self.run(Op::IncrBy { ty: CounterType::Int, key: key(name)?, by }).await?)
    }

    /// Adds 1 to the uint at `name`, as [`Client::incr_int`] does.
    pub async fn incr_uint(&self, name: &str) -> Result<u32, Error> {
        uint(self.run(Op::Incr { ty: CounterType::Uint, key: key(name)? }).await?)
    }

    /// Adds `by` to the uint at `name`, as [`Client::incr_int`] does. `by` may be negative, the sum may not.
    pub async fn incr_uint_by(&self, name: &str, by: i64) -> Result<u32, Error> {
        uint(self.run(Op::IncrBy { ty: CounterType::Uint, key: key(name)?, by }).await?)
    }

    async fn get<T>(&self, ty: ValueType, name: &str, of: impl FnOnce(Value) -> Option<T>) -> Result<Option<T>, Error> {
        match self.run(Op::Get { ty, key: key(name)? }).await? {
            Reply::NoEntry => Ok(None),
            Reply::Value(value) => of(value).map_or_else(|| Reply::unexpected("get"), |value| Ok(Some(value))),
            _ => Reply::unexpected("get"),
        }
    }

    async fn put(&self, name: &str, value: ValueRef<'_>) -> Result<(), Error> {
        match self.run(Op::Put { key: key(name)?, value }).await? {
            Reply::Done => Ok(()),
            _ => Reply::unexpected("put"),
        }
    }

    async fn del(&self, ty: ValueType, name: &str) -> Result<bool, Error> {
        deleted(self.run(Op::Del { ty, key: key(name)? }).await?)
    }
}

pub(crate) fn deleted(reply: Reply) -> Result<bool, Error> {
    if let Reply::Deleted(yes) = reply { Ok(yes) } else { Reply::unexpected("deletion") }
}

fn int(reply: Reply) -> Result<i32, Error> {
    if let Reply::Value(Value::Int(v)) = reply { Ok(v) } else { Reply::unexpected("increment of an int") }
}

fn uint(reply: Reply) -> Result<u32, Error> {
    if let Reply::Value(Value::Uint(v)) = reply { Ok(v) } else { Reply::unexpected("increment of a uint") }
}
