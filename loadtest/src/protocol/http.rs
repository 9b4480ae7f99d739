//! HTTP/1.1 with keep-alive: the REST API of kvs, Webdis, and any URL.

use super::{Protocol, Request, Response, Unreadable};
use crate::keys::{KeyText, ValueKind};

/// Maximum number of headers of a response.
const MAX_HEADERS: usize = 64;

/// Longest head of a response, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// Largest body of a response, in bytes.
const MAX_BODY: usize = 64 << 20;

/// The position of the key in a request, and the text around it.
#[derive(Clone, Debug)]
struct Form {
    before_key: Vec<u8>,
    /// `None` is for URLs without a key.
    after_key: Option<Vec<u8>>,
}

/// The HTTP protocol.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    get: Form,
    set: Form,
    semantics: Semantics,
}

/// The meaning of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Semantics {
    /// A value, an empty body in response to a PUT, or 404: the entry does not exist.
    Kvs,
    /// A value, `+OK` in response to a PUT, or 404: the entry does not exist.
    Webdis,
    /// Any 2xx is correct.
    Any,
}

impl Form {
    fn encode(&self, out: &mut Vec<u8>, key: &KeyText) {
        out.extend_from_slice(&self.before_key);
        if let Some(after) = &self.after_key {
            out.extend_from_slice(key);
            out.extend_from_slice(after);
        }
    }
}

impl Http {
    /// The REST API of kvs.
    pub(crate) fn rest(host: &str, kind: ValueKind, value_bytes: usize, durable: bool) -> Self {
        let ty = match kind {
            ValueKind::Int => "int",
            ValueKind::Str => "str",
            ValueKind::Map => "map",
            ValueKind::Set => "set",
        };
        let durable = if durable { "Kvs-Durability: sync\r\n" } else { "" };
        let after_get = format!(" HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let after_set = format!(" HTTP/1.1\r\nHost: {host}\r\n{durable}Content-Length: {value_bytes}\r\n\r\n");
        let form = |method: &str, path: &str, after: String| Form {
            before_key: format!("{method} /kvs/v1-0-0/{ty}-{path}/").into_bytes(),
            after_key: Some(after.into_bytes()),
        };
        Self { get: form("GET", "get", after_get), set: form("PUT", "put", after_set), semantics: Semantics::Kvs }
    }

    /// Webdis: `GET /GET/key.txt` returns the value as it is, `PUT /SET/key` stores the body.
    pub(crate) fn webdis(host: &str, value_bytes: usize) -> Self {
        let form = |before: &str, after: String| Form {
            before_key: before.as_bytes().to_vec(),
            after_key: Some(after.into_bytes()),
        };
        let after_set = format!(".txt HTTP/1.1\r\nHost: {host}\r\nContent-Length: {value_bytes}\r\n\r\n");
        Self {
            get: form("GET /GET/", format!(".txt HTTP/1.1\r\nHost: {host}\r\n\r\n")),
            set: form("PUT /SET/", after_set),
            semantics: Semantics::Webdis,
        }
    }

    /// GET or PUT of one URL, whatever the entry.
    pub(crate) fn url(host: &str, path: &str, value_bytes: usize) -> Self {
        let form = |text: String| Form { before_key: text.into_bytes(), after_key: None };
        Self {
            get: form(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")),
            set: form(format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {value_bytes}\r\n\r\n")),
            semantics: Semantics::Any,
        }
    }
}

impl Protocol for Http {
    fn encode(&mut self, out: &mut Vec<u8>, key: &KeyText, request: Request<'_>) {
        match request {
            Request::Get => self.get.encode(out, key),
            Request::Set(value) => {
                self.set.encode(out, key);
                out.extend_from_slice(value.text().as_bytes());
            }
        }
    }

    fn scan<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<(usize, Response<'b>)>, Unreadable> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let body_at = match head.parse(bytes).map_err(|e| Unreadable(format!("not an HTTP response: {e}")))? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial if bytes.len() >= MAX_HEAD => {
                return Err(Unreadable(format!("a head of more than {MAX_HEAD} bytes")));
            }
            httparse::Status::Partial => return Ok(None),
        };
        let status = head.code.unwrap_or_default();
        let length = body_length(head.headers, status)?;
        let Some(body) = bytes[body_at..].get(..length) else { return Ok(None) };
        let response = match (status, self.semantics) {
            // A value has at least one byte here.
            (200, Semantics::Kvs) if body.is_empty() => Response::Done,
            (200, Semantics::Kvs) => Response::Value,
            (200, Semantics::Webdis) if body == b"+OK" => Response::Done,
            (200, Semantics::Webdis) => Response::Value,
            (404, Semantics::Kvs | Semantics::Webdis) => Response::Missing,
            (200..=299, _) => Response::Fine,
            _ if body.is_empty() => Response::Refused(head.reason.unwrap_or_default().as_bytes()),
            _ => Response::Refused(body),
        };
        Ok(Some((body_at + length, response)))
    }
}

fn body_length(headers: &[httparse::Header<'_>], status: u16) -> Result<usize, Unreadable> {
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            let length = std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse().ok());
            return length
                .filter(|length| *length <= MAX_BODY)
                .ok_or_else(|| Unreadable("a Content-Length that is not a number up to 64 MiB".into()));
        }
    }
    match status {
        // These have no body.
        204 | 304 => Ok(0),
        _ => Err(Unreadable("a response without Content-Length (chunked bodies are not read)".into())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::{Value, key};
    use crate::protocol::laws;

    fn rest() -> Http {
        Http::rest("localhost:1", ValueKind::Int, 2, true)
    }

    #[test]
    fn requests() {
        let (mut http, mut out) = (rest(), Vec::new());
        http.encode(&mut out, &key(0), Request::Get);
        http.encode(&mut out, &key(0), Request::Set(Value::Int(41, "41")));
        let expected = "GET /kvs/v1-0-0/int-get/0000000000000000 HTTP/1.1\r\nHost: localhost:1\r\n\r\n\
                        PUT /kvs/v1-0-0/int-put/0000000000000000 HTTP/1.1\r\nHost: localhost:1\r\n\
                        Kvs-Durability: sync\r\nContent-Length: 2\r\n\r\n41";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        Http::url("localhost", "/a?b", 0).encode(&mut out, &key(0), Request::Get);
        assert_eq!(out, b"GET /a?b HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }

    #[test]
    fn replies_cut_anywhere() {
        let replies: [(&[u8], Response<'_>); 5] = [
            (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n41", Response::Value),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\ndate: today\r\n\r\n", Response::Done),
            (b"HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nno\n", Response::Missing),
            (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\n\r\nlater", Response::Refused(b"later")),
            (b"HTTP/1.1 204 No Content\r\n\r\n", Response::Fine),
        ];
        laws::cut_anywhere(&rest(), &replies);
    }

    #[test]
    fn what_is_no_reply() {
        for bytes in [
            &b"+OK\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        ] {
            assert!(rest().scan(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn responses_of_webdis() {
        let replies: [(&[u8], Response<'_>); 3] = [
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Response::Missing),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n+OK", Response::Done),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n41", Response::Value),
        ];
        laws::cut_anywhere(&Http::webdis("h", 1), &replies);
    }

    proptest! {
        #[test]
        fn any_bytes(mut bytes in proptest::collection::vec(any::<u8>(), 0..64), begins in any::<bool>()) {
            if begins {
                bytes.splice(0..0, *b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n");
            }
            laws::any_bytes(&rest(), &bytes);
        }
    }
}
