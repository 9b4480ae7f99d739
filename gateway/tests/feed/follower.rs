//! One who follows over REST, and the state that it makes of what it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use crate::stream_client::StreamClient;

/// A stream of changes that is being read.
pub(crate) struct Follower(StreamClient);

impl Follower {
    /// Follows with this query, as lines.
    pub(crate) fn lines(addr: SocketAddr, query: &str) -> Self {
        Self::begin(addr, query, &[("Accept", "application/x-ndjson")]).expect("kvs answers")
    }

    /// Follows with this query. Fails if the connection does.
    pub(crate) fn begin(addr: SocketAddr, query: &str, headers: &[(&str, &str)]) -> std::io::Result<Self> {
        StreamClient::begin(addr, &format!("/v2/feed?{query}"), headers).map(Self)
    }

    /// The next change, after any bookmarks.
    pub(crate) fn change(&mut self) -> Value {
        loop {
            let document = self.next();
            if document["op"] != "bookmark" {
                return document;
            }
        }
    }

    /// All documents until the stream ends.
    pub(crate) fn all(self) -> Vec<Value> {
        self.0.all()
    }
}

impl Deref for Follower {
    type Target = StreamClient;

    fn deref(&self) -> &StreamClient {
        &self.0
    }
}

impl DerefMut for Follower {
    fn deref_mut(&mut self) -> &mut StreamClient {
        &mut self.0
    }
}

/// Everything that the server tells after a place, until nothing is left, without the bookmarks.
pub(crate) fn told_after(addr: SocketAddr, token: &str) -> Vec<Value> {
    let all = Follower::lines(addr, &format!("after={token}&values=true&wait=0")).all();
    let last = all.last().expect("at least a bookmark");
    assert_eq!((&last["op"], &last["caught_up"]), (&json!("bookmark"), &json!(true)), "it says that it has caught up");
    all.into_iter().filter(|document| document["op"] != "bookmark").collect()
}

/// Entries by type and key: value and deadline.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State(pub(crate) BTreeMap<(String, String), (Value, Value)>);

impl State {
    /// Adds an entry of a listing.
    pub(crate) fn listed(&mut self, entry: &Value) {
        let text = |name: &str| entry[name].as_str().expect("a text").to_owned();
        self.0.insert((text("type"), text("key")), (entry["value"].clone(), entry["expires_at"].clone()));
    }

    /// Makes a change that was told with values.
    pub(crate) fn change(&mut self, change: &Value) {
        let text = |name: &str| change[name].as_str().unwrap_or_else(|| panic!("{name}: {change}")).to_owned();
        let (place, expires) = ((text("type"), text("key")), change["expires_at"].clone());
        match change["op"].as_str().expect("an operation") {
            "put" | "incr" => drop(self.0.insert(place, (change["value"].clone(), expires))),
            "del" | "expire" => drop(self.0.remove(&place)),
            "touch" => {
                if let Some(entry) = self.0.get_mut(&place) {
                    entry.1 = expires;
                }
            }
            "patch" => {
                let empty = if place.0 == "map" { json!({}) } else { json!([]) };
                let entry = self.0.entry(place.clone()).or_insert((empty, Value::Null));
                entry.1 = expires;
                patch(&mut entry.0, &change["patch"]);
            }
            other => panic!("{other}: {change}"),
        }
    }
}

fn patch(value: &mut Value, patch: &Value) {
    let patch = patch.as_object().expect("a patch");
    match value {
        Value::Object(fields) => {
            for (field, value) in patch {
                match value {
                    Value::Null => drop(fields.remove(field)),
                    text => drop(fields.insert(field.clone(), text.clone())),
                }
            }
        }
        Value::Array(members) => {
            let of = |name: &str| patch.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            let (added, removed) = (of("add"), of("remove"));
            members.retain(|member| !removed.contains(member) && !added.contains(member));
            members.extend(added);
            members.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        }
        other => panic!("a patch of {other}"),
    }
}
