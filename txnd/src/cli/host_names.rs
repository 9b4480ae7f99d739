//! Host names, as clients send them in headers.

use std::net::{IpAddr, Ipv6Addr};

/// The name without its port; `None` if what follows the name is not a port.
pub fn without_port(host: &str) -> Option<&str> {
    let name_ends = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at(name_ends);
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(name)
}

/// The address that the name is; of IPv6 in brackets.
pub fn address(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

/// Whether the name is `localhost`, or one below it (RFC 6761).
pub fn is_localhost(name: &str) -> bool {
    name.len() >= 9 && {
        let (labels, last) = name.as_bytes().split_at(name.len() - 9);
        last.eq_ignore_ascii_case(b"localhost") && (labels.is_empty() || labels.ends_with(b"."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_with_and_without_ports() {
        for (host, name) in
            [("a", "a"), ("a:1", "a"), ("a:", "a"), ("[::1]", "[::1]"), ("[::1]:8080", "[::1]"), ("", "")]
        {
            assert_eq!(without_port(host), Some(name), "{host}");
        }
        for host in ["a:b", "a:1:2", "[::1", "[::1]a", "a:123456", "user@a:1@b"] {
            assert_eq!(without_port(host), None, "{host}");
        }
    }
}
