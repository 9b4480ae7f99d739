//! The host names that clients may use for this server.
//!
//! A server on a loopback address that anonymous clients may use trusts the machine that it runs on, but must not trust web pages that
//! are open in a browser there. A page could reach the server by resolving a name of its own to 127.0.0.1 (DNS
//! rebinding), or by cross-site requests. The headers Host and Origin, which browsers send, reveal both.

use txnd::cli::host_names::{address, is_localhost, without_port};

use super::cors;
use super::head::{Head, KnownHost};
use super::problem::Problem;
use crate::config::Config;

/// Maximum number of characters of an unknown name that are repeated in the error message.
const MAX_SHOWN_CHARS: usize = 64;

/// Refuses a request to a name that is not this server's, or from a page of another site.
pub(super) fn check(
    config: &Config,
    requires_identity: bool,
    head: &Head<'_>,
    known: &KnownHost,
) -> Result<(), Problem> {
    let is_open = !config.http_addr.ip().to_canonical().is_loopback() || requires_identity;
    if is_open && config.allowed_hosts.is_empty() {
        return Ok(());
    }
    let allowed = &config.allowed_hosts;
    if let Some(host) = head.host
        && !known.is(host)
    {
        let name = std::str::from_utf8(host).ok().and_then(without_port);
        // DNS rebinding needs a name, so addresses are safe.
        if !name.is_some_and(|name| address(name).is_some() || is_allowed(name, allowed)) {
            return Err(Problem::UnknownHost(shown(&String::from_utf8_lossy(host))));
        }
        known.set(host);
    }
    let Some(origin) = head.origin.filter(|origin| !cors::allows(&config.cors_origins, origin)) else {
        return Ok(());
    };
    let from = std::str::from_utf8(origin).ok().and_then(|origin| Some(origin.split_once("://")?.1));
    let is_ours = from.is_some_and(|from| {
        head.host.is_some_and(|host| host.eq_ignore_ascii_case(from.as_bytes()))
            || without_port(from).is_some_and(|name| is_allowed(name, allowed))
    });
    match is_ours {
        true => Ok(()),
        false => Err(Problem::OtherSite(shown(&String::from_utf8_lossy(origin)))),
    }
}

/// The name for a message, truncated.
fn shown(name: &str) -> String {
    name.chars().take(MAX_SHOWN_CHARS).collect()
}

/// Whether the name always means the local machine (RFC 6761), or is listed in `--allowed-hosts`.
fn is_allowed(name: &str, allowed: &[String]) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    is_localhost(name)
        || address(name).is_some_and(|address| address.to_canonical().is_loopback())
        || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_and_those_of_the_operator_are_allowed() {
        let allowed = ["kvs.example".to_string()];
        for name in ["localhost", "LocalHost.", "a.localhost", "127.0.0.1", "127.1.2.3", "[::1]", "KVS.example"] {
            assert!(is_allowed(name, &allowed), "{name}");
        }
        for name in ["", "notlocalhost", "localhost.evil.example", "evil.example", "10.0.0.1", "[::2]", "äocalhost"] {
            assert!(!is_allowed(name, &allowed), "{name}");
        }
    }
}
