//! One who follows over REST, and the state that it makes of what it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::harness::{DEADLINE, request_to};

/// A stream that is being read.
pub(crate) struct Follower {
    reader: BufReader<TcpStream>,
    /// What has come and is not a whole line yet.
    rest: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body, if the request was refused.
    pub(crate) refusal: Value,
}

impl Follower {
    /// Follows with this query, as lines.
    pub(crate) fn lines(addr: SocketAddr, query: &str) -> Self {
        Self::begin(addr, query, &[("Accept", "application/x-ndjson")]).expect("kvs answers")
    }

    /// Follows with this query. Fails if the connection does.
    pub(crate) fn begin(addr: SocketAddr, query: &str, headers: &[(&str, &str)]) -> std::io::Result<Self> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(&request_to("GET", &format!("/v2/feed?{query}"), headers, b""))?;
        let mut reader = BufReader::new(stream);
        let mut line = || {
            let mut line = String::new();
            match reader.read_line(&mut line)? {
                0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
                _ => Ok(line.trim_end().to_owned()),
            }
        };
        let status = line()?.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let mut headers = Vec::new();
        loop {
            match line()? {
                end if end.is_empty() => break,
                header => {
                    let (name, value) = header.split_once(": ").expect("a header");
                    headers.push((name.to_lowercase(), value.to_owned()));
                }
            }
        }
        let mut follower = Self { reader, rest: Vec::new(), status, headers, refusal: Value::Null };
        if let Some(length) = follower.header("content-length").and_then(|length| length.parse().ok()) {
            let mut body = vec![0; length];
            follower.reader.read_exact(&mut body)?;
            follower.refusal = serde_json::from_slice(&body).unwrap_or_default();
        }
        Ok(follower)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// The socket.
    pub(crate) fn socket(&self) -> &TcpStream {
        self.reader.get_ref()
    }

    /// The next line of the body; `None` at its end. Fails if the connection does.
    pub(crate) fn line(&mut self) -> std::io::Result<Option<String>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(Some(String::from_utf8(line).expect("UTF-8").trim_end().to_owned()));
            }
            let mut head = String::new();
            if self.reader.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let length = usize::from_str_radix(head.trim_end(), 16).expect("the length of a chunk");
            let mut chunk = vec![0; length + 2];
            self.reader.read_exact(&mut chunk)?;
            if length == 0 {
                assert!(self.rest.is_empty(), "the stream ends within a line");
                return Ok(None);
            }
            self.rest.extend_from_slice(&chunk[..length]);
        }
    }

    /// The next document.
    pub(crate) fn try_next(&mut self) -> std::io::Result<Option<Value>> {
        Ok(self.line()?.map(|line| serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))))
    }

    /// The next document, which must come.
    pub(crate) fn next(&mut self) -> Value {
        self.try_next().expect("the connection holds").expect("the stream goes on")
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
    pub(crate) fn all(mut self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.refusal);
        std::iter::from_fn(|| self.try_next().expect("the connection holds")).collect()
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
