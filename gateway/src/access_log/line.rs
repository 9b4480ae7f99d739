//! What a line says, and lines that are written together.

use std::fmt;
use std::net::IpAddr;

use proto::Micros;
use serde::{Serialize, Serializer};

use crate::clock;

/// Bytes that are set aside for a line at first.
const LINE_BYTES: usize = 320;

/// A request, or an item of one. What does not apply is left out. There is no field for a token or for a value.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Line<'l> {
    /// When it was answered.
    #[serde(serialize_with = "exact_time")]
    pub(crate) time: Micros,
    pub(crate) remote: IpAddr,
    /// The name of the identity; absent if the request was refused before that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<&'l str>,
    pub(crate) protocol: &'static str,

    // Over REST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<&'l str>,
    /// As it was sent, still percent-encoded; without the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<&'l str>,
    /// Absent if the client was gone before it got a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,

    // Over frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<&'l str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) value_type: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<&'l str>,
    /// `ok`, `missing`, or the code of the error; absent if the session ended before there was a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'l str>,

    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_in: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_out: Option<usize>,
    pub(crate) duration_us: u64,
    #[serde(serialize_with = "as_text")]
    pub(crate) request_id: &'l dyn fmt::Display,
}

impl<'l> Line<'l> {
    /// A line of a request that was answered now, with nothing said of it but this.
    pub(crate) fn new(remote: IpAddr, protocol: &'static str, request_id: &'l dyn fmt::Display) -> Self {
        Self {
            time: clock::now(),
            remote,
            identity: None,
            protocol,
            method: None,
            path: None,
            status: None,
            operation: None,
            value_type: None,
            key: None,
            code: None,
            bytes_in: None,
            bytes_out: None,
            duration_us: 0,
            request_id,
        }
    }
}

/// Lines that are handed over together.
#[derive(Default)]
pub(crate) struct Lines {
    pub(super) text: Vec<u8>,
    pub(super) count: u64,
}

impl Lines {
    pub(crate) fn push(&mut self, line: &Line<'_>) {
        self.text.reserve(LINE_BYTES);
        let length = self.text.len();
        match serde_json::to_writer(&mut self.text, line) {
            Ok(()) => {
                self.text.push(b'\n');
                self.count += 1;
            }
            // Not reached: every field can be written as JSON, and memory takes it.
            Err(_) => self.text.truncate(length),
        }
    }
}

fn exact_time<S: Serializer>(at: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&clock::exactly(*at))
}

fn as_text<S: Serializer>(shown: &dyn fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(shown)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_it_holds() {
        let mut line = Line::new(Ipv4Addr::LOCALHOST.into(), "frames", &7);
        line.time = 1_700_000_000_000_001;
        line.key = Some("a\n\"b\"\u{1}ü");
        let text = serde_json::to_string(&line).unwrap();
        let expected = r#"{"time":"2023-11-14T22:13:20.000001Z","remote":"127.0.0.1","protocol":"frames","key":"a\n\"b\"\u0001ü","duration_us":0,"request_id":"7"}"#;
        assert_eq!(text, expected);
    }
}
