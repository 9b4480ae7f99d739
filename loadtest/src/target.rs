//! The measured server: its address and protocol.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// The protocol of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// The frame protocol of kvs.
    Frames,
    /// The REST API of kvs.
    Rest,
    /// RESP.
    Redis,
    /// memcached's text protocol.
    Memcached,
    /// Redis behind Webdis.
    Webdis,
    /// GET, or PUT, of one URL with this path and query.
    Http(String),
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its protocol.
    pub(crate) scheme: Scheme,
    /// Its address.
    pub(crate) addr: SocketAddr,
    /// Its name and port, as HTTP expects them.
    pub(crate) host: String,
}

impl Target {
    /// A server on this machine.
    pub(crate) fn local(scheme: Scheme, addr: SocketAddr) -> Self {
        Self { scheme, addr, host: addr.to_string() }
    }

    /// Whether the server has entries, so that they can be stored before the run and a GET must find one.
    pub(crate) fn has_entries(&self) -> bool {
        !matches!(self.scheme, Scheme::Http(_))
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected frames://HOST:PORT, rest://HOST:PORT, redis://HOST:PORT, memcached://HOST:PORT, webdis://HOST:PORT or http://HOST[:PORT]/PATH";
        let (scheme, rest) = text.split_once("://").ok_or(EXPECTED)?;
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (scheme, port) = match (scheme, path) {
            ("http", "") => (Scheme::Http("/".into()), 80),
            ("http", path) => (Scheme::Http(path.into()), 80),
            (_, path) if !matches!(path, "" | "/") => return Err(format!("`{path}` does not belong here; {EXPECTED}")),
            ("frames" | "kvs", _) => (Scheme::Frames, 8090),
            ("rest", _) => (Scheme::Rest, 8080),
            ("redis", _) => (Scheme::Redis, 6379),
            ("memcached", _) => (Scheme::Memcached, 11211),
            ("webdis", _) => (Scheme::Webdis, 7379),
            _ => return Err(EXPECTED.into()),
        };
        if path.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
            return Err("a path has no spaces and control characters".into());
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let with_port = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        let addr = with_port.to_socket_addrs().map_err(|e| format!("{with_port}: {e}"))?.next();
        Ok(Self { scheme, addr: addr.ok_or_else(|| format!("{with_port} has no address"))?, host: host.to_owned() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Scheme::Frames => write!(f, "frames://{}", self.host),
            Scheme::Rest => write!(f, "rest://{}", self.host),
            Scheme::Redis => write!(f, "redis://{}", self.host),
            Scheme::Memcached => write!(f, "memcached://{}", self.host),
            Scheme::Webdis => write!(f, "webdis://{}", self.host),
            Scheme::Http(path) => write!(f, "http://{}{path}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_written() {
        for text in [
            "frames://127.0.0.1:1",
            "rest://127.0.0.1:2",
            "redis://[::1]:3",
            "memcached://127.0.0.1:4",
            "http://127.0.0.1:80/a?b=c",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        let url: Target = "http://127.0.0.1".parse().unwrap();
        assert_eq!((url.scheme, url.addr.port()), (Scheme::Http("/".into()), 80));
    }

    #[test]
    fn what_is_no_target() {
        for text in ["127.0.0.1:1", "ftp://127.0.0.1:1", "redis://127.0.0.1:1/0", "http://127.0.0.1/a b", "rest://"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
