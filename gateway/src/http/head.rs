//! The head of a request: request line and headers, as they came.
//!
//! What cannot be relied on is refused here, and ends the connection: a head without a definite meaning may have another one for a
//! proxy in front of this server, which then would not agree about where the next request begins.

use std::mem::MaybeUninit;

use httparse::{Error, Status};
use memchr::{memchr, memchr_iter};

use super::problem::Problem;
use crate::config::{MAX_HEAD_BYTES, MAX_HEADERS, MAX_URI_BYTES};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Head,
    Put,
    Delete,
    Post,
    /// One that goes with no path.
    Other,
}

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After this many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
}

/// A request's head.
#[derive(Debug)]
pub(super) struct Head<'b> {
    pub(super) method: Method,
    /// The path, still percent-encoded.
    pub(super) path: &'b str,
    pub(super) query: Option<&'b str>,
    pub(super) framing: Framing,
    /// Whether the client waits for a word before it sends the body.
    pub(super) expects_continue: bool,
    /// Whether the client wants to go on with the connection.
    pub(super) keep_alive: bool,
    pub(super) is_http_1_0: bool,
    /// How the client calls this server. Only HTTP/1.0 may be silent about that.
    pub(super) host: Option<&'b str>,
    pub(super) origin: Option<&'b [u8]>,
    pub(super) authorization: Option<&'b [u8]>,
    lines: &'b [u8],
}

/// The length of the head that `bytes` begin with, if all of it is there. The first `searched` bytes hold no end of one.
pub(super) fn head_length(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(2);
    memchr_iter(b'\n', &bytes[from..]).find_map(|at| match &bytes[from + at + 1..] {
        [b'\n', ..] => Some(from + at + 2),
        [b'\r', b'\n', ..] => Some(from + at + 3),
        _ => None,
    })
}

/// Whether `bytes` may become a head when more of it has come in.
pub(super) fn check_beginning(bytes: &[u8]) -> Result<(), Problem> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    match httparse::Request::new(&mut []).parse_with_uninit_headers(bytes, &mut headers) {
        Ok(_) if bytes.len() >= MAX_HEAD_BYTES => Err(Problem::HeadTooLarge),
        Ok(_) => Ok(()),
        Err(e) => Err(malformed(e)),
    }
}

impl<'b> Head<'b> {
    /// Reads a complete head.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self, Problem> {
        if bytes.len() > MAX_HEAD_BYTES {
            return Err(Problem::HeadTooLarge);
        }
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(bytes, &mut headers).map_err(malformed)? {
            Status::Complete(length) if length == bytes.len() => {}
            _ => return Err(malformed(Error::NewLine)),
        }
        let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
            return Err(malformed(Error::Status));
        };
        let (authority, path, query) = split_target(target)?;
        let is_http_1_0 = version == 0;
        let fields = Fields::collect(request.headers)?;
        if fields.host.is_none() && !is_http_1_0 {
            return Err(bad("the header Host is missing; HTTP/1.1 expects one"));
        }
        let host = fields.host.map(host_name).transpose()?;
        let authority = authority.map(|authority| host_name(authority.as_bytes())).transpose()?;
        Ok(Self {
            method: match method {
                "GET" => Method::Get,
                "HEAD" => Method::Head,
                "PUT" => Method::Put,
                "DELETE" => Method::Delete,
                "POST" => Method::Post,
                _ => Method::Other,
            },
            path,
            query,
            framing: fields.framing(is_http_1_0)?,
            expects_continue: fields.expects_continue && !is_http_1_0,
            keep_alive: !fields.close && (fields.keep_alive || !is_http_1_0),
            is_http_1_0,
            // The name in the target goes before that of the header.
            host: authority.or(host),
            origin: fields.origin,
            authorization: fields.authorization,
            lines: &bytes[memchr(b'\n', bytes).map_or(0, |end| end + 1)..],
        })
    }

    /// The values of all headers of this name, without the space around them.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        self.lines.split(|byte| *byte == b'\n').filter_map(move |line| {
            let (shown, value) = line.split_at_checked(name.len())?;
            shown.eq_ignore_ascii_case(name.as_bytes()).then(|| value.strip_prefix(b":").map(<[u8]>::trim_ascii))?
        })
    }
}

/// The headers that mean something to every API.
#[derive(Default)]
struct Fields<'b> {
    host: Option<&'b [u8]>,
    origin: Option<&'b [u8]>,
    authorization: Option<&'b [u8]>,
    content_type: Option<&'b [u8]>,
    content_length: Option<&'b [u8]>,
    transfer_codings: Option<Codings>,
    expect: Option<&'b [u8]>,
    expects_continue: bool,
    close: bool,
    keep_alive: bool,
}

/// What Transfer-Encoding says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Codings {
    Chunked,
    /// Others, and chunked last.
    OthersInChunks,
    /// Others alone: nobody knows where the body ends.
    Others,
}

impl<'b> Fields<'b> {
    fn collect(headers: &[httparse::Header<'b>]) -> Result<Self, Problem> {
        let mut fields = Self::default();
        for header in headers {
            let (name, value) = (header.name, header.value);
            let is = |expected: &str| name.eq_ignore_ascii_case(expected);
            match name.len() {
                4 if is("host") => single(&mut fields.host, name, value)?,
                6 if is("expect") => {
                    single(&mut fields.expect, name, value)?;
                    fields.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
                }
                6 if is("origin") => single(&mut fields.origin, name, value)?,
                10 if is("connection") => {
                    for option in tokens(value) {
                        fields.close |= option.eq_ignore_ascii_case(b"close");
                        fields.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                12 if is("content-type") => single(&mut fields.content_type, name, value)?,
                13 if is("authorization") => single(&mut fields.authorization, name, value)?,
                14 if is("content-length") => single(&mut fields.content_length, name, value)?,
                17 if is("transfer-encoding") => {
                    for coding in tokens(value) {
                        let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
                        fields.transfer_codings = Some(match (fields.transfer_codings, is_chunked) {
                            (None, true) => Codings::Chunked,
                            (Some(Codings::Others), true) => Codings::OthersInChunks,
                            _ => Codings::Others,
                        });
                    }
                }
                _ => {}
            }
        }
        Ok(fields)
    }

    /// RFC 9112, section 6.
    fn framing(&self, is_http_1_0: bool) -> Result<Framing, Problem> {
        match (self.transfer_codings, self.content_length) {
            (None, None) => Ok(Framing::Length(0)),
            (None, Some(length)) => {
                let digits =
                    std::str::from_utf8(length).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                let length = digits.and_then(|digits| digits.parse().ok());
                length.map(Framing::Length).ok_or_else(|| bad("Content-Length: expected a number of bytes"))
            }
            (Some(_), Some(_)) => Err(bad("expected either Content-Length or Transfer-Encoding, not both")),
            (Some(_), None) if is_http_1_0 => Err(bad("HTTP/1.0 has no Transfer-Encoding; expected Content-Length")),
            (Some(Codings::Chunked), None) => Ok(Framing::Chunked),
            (Some(Codings::OthersInChunks), None) => Err(Problem::NotImplemented),
            (Some(Codings::Others), None) => Err(bad("Transfer-Encoding: expected chunked")),
        }
    }
}

/// Notes a header that may be there once.
fn single<'b>(field: &mut Option<&'b [u8]>, name: &str, value: &'b [u8]) -> Result<(), Problem> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(Problem::Malformed(format!("the header {name} is there more than once; expected one"))),
    }
}

/// The elements of a list.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Authority, path and query of a request target.
fn split_target(target: &str) -> Result<(Option<&str>, &str, Option<&str>), Problem> {
    let absolute = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let (authority, rest) = match absolute {
        None => (None, target),
        Some(absolute) => {
            let end = absolute.find(['/', '?']).unwrap_or(absolute.len());
            (Some(&absolute[..end]), &absolute[end..])
        }
    };
    if rest.len() > MAX_URI_BYTES {
        return Err(Problem::UriTooLong);
    }
    // A fragment is for the client alone: one that arrives is a key that was not encoded. The others are those that RFC 3986 does not
    // allow and nobody sends; some that it does not allow either, such as braces and letters beyond ASCII, are common and
    // do no harm.
    if let Some(wrong) = target.bytes().find(|byte| matches!(byte, b'#' | b'<' | b'>' | b'`')) {
        let wrong = char::from(wrong);
        return Err(Problem::Malformed(format!("the request target holds {wrong:?}; expected %{:02X}", wrong as u32)));
    }
    if !rest.starts_with('/') && authority.is_none() && rest != "*" {
        return Err(bad("the request target is no path; expected one that begins with /"));
    }
    let (path, query) = match rest.split_once('?') {
        None => (rest, None),
        Some((path, query)) => (path, Some(query)),
    };
    Ok((authority, if path.is_empty() { "/" } else { path }, query))
}

/// The name or address of a host, and perhaps a port.
fn host_name(host: &[u8]) -> Result<&str, Problem> {
    let is_part = |byte: &u8| byte.is_ascii_graphic() && !b"/?#@\\<>\"".contains(byte);
    std::str::from_utf8(host)
        .ok()
        .filter(|host| host.as_bytes().iter().all(is_part))
        .ok_or_else(|| bad("Host: expected a name or an address, and perhaps a port"))
}

fn bad(message: &str) -> Problem {
    Problem::Malformed(message.into())
}

fn malformed(error: Error) -> Problem {
    match error {
        Error::TooManyHeaders => Problem::HeadTooLarge,
        error => Problem::Malformed(format!("this is no HTTP/1.1 request: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_head_is_found_wherever_the_search_begins() {
        for head in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\n\n"] {
            let bytes = [head.as_bytes(), b"body\r\n\r\n"].concat();
            for searched in 0..head.len() {
                assert_eq!(head_length(&bytes[..searched], 0), None);
                assert_eq!(head_length(&bytes, searched), Some(head.len()), "{head:?} from {searched}");
            }
        }
    }

    #[test]
    fn a_target_is_taken_apart_as_it_came() {
        for (target, expected) in [
            ("/a/b", (None, "/a/b", None)),
            ("/a?b?c", (None, "/a", Some("b?c"))),
            ("/a//../%2F", (None, "/a//../%2F", None)),
            ("http://h:1/a?b", (Some("h:1"), "/a", Some("b"))),
            ("http://h", (Some("h"), "/", None)),
            ("https://h?q", (Some("h"), "/", Some("q"))),
            ("*", (None, "*", None)),
        ] {
            assert_eq!(split_target(target).unwrap(), expected, "{target}");
        }
        for target in ["/a#b", "/a?b#", "#", "http://h/#", "http://h#a", "a", "?a", "h:80", "/<", "/`"] {
            assert!(split_target(target).is_err(), "{target}");
        }
    }

    #[test]
    fn all_lines_of_a_header_are_seen() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nX-Y:1\r\nx-y: \t2 \r\nX-Yz: 3\r\nX-Y: 4\r\n\r\n";
        let head = Head::parse(bytes).unwrap();
        assert!(head.values("x-y").eq([&b"1"[..], b"2", b"4"]));
    }
}
