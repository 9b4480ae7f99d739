//! How flags are read: addresses, sizes, times, and values that may contain a password.

use std::ffi::{OsStr, OsString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::{Resettable, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Parser};

use crate::checkpoint::Retention;

/// Reads the command line and the environment. Ends the program with a message if they are wrong. An empty variable
/// counts as unset. `renamed` lists variables whose name has changed: (old, new). The old one is used where the new one
/// is not set.
pub fn parse<C: Parser>(renamed: &[(&'static str, &'static str)]) -> C {
    let mut command = C::command().mut_args(|arg| with_variable(arg, renamed));
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    parsed.and_then(|matches| C::from_arg_matches(&matches)).unwrap_or_else(|e| named_by_origin(e, &command).exit())
}

/// The argument with the environment variable to use for it.
fn with_variable(arg: Arg, renamed: &[(&'static str, &'static str)]) -> Arg {
    let is_set = |name: &OsStr| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let Some(name) = arg.get_env().map(OsStr::to_os_string) else { return arg };
    if is_set(&name) {
        return arg;
    }
    match renamed.iter().find(|(old, new)| *new == name && is_set(OsStr::new(old))) {
        Some((old, _)) => arg.env(*old),
        None if std::env::var_os(&name).is_some() => arg.env(Resettable::<clap::builder::OsStr>::Reset),
        None => arg,
    }
}

/// The error, naming the variable that a wrong value came from instead of the flag.
fn named_by_origin(mut error: clap::Error, command: &Command) -> clap::Error {
    if error.kind() == ErrorKind::InvalidUtf8 {
        let is_wrong = |arg: &&Arg| variable(arg).is_some_and(|name| std::env::var(name).is_err());
        if let Some(name) = command.get_arguments().find(is_wrong).and_then(variable) {
            return Command::error(&mut command.clone(), ErrorKind::InvalidUtf8, format!("{name} is not valid UTF-8"));
        }
    }
    if let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg)
        && let Some(arg) = command.get_arguments().find(|arg| arg.to_string() == *shown)
        && let Some(name) = variable(arg)
    {
        error.insert(ContextKind::InvalidArg, ContextValue::String(name));
    }
    error
}

/// The variable that the argument's value comes from; `None` if it comes from the command line or is a default.
fn variable(arg: &Arg) -> Option<String> {
    let flag = format!("--{}", arg.get_long()?);
    let is_flag = |given: &OsString| {
        given
            .to_str()
            .and_then(|given| given.strip_prefix(&flag))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    };
    let name = arg.get_env().filter(|name| std::env::var_os(name).is_some())?;
    (!std::env::args_os().any(|given| is_flag(&given))).then(|| name.to_string_lossy().into_owned())
}

/// The address to connect to in order to reach a server that listens on `addr`: an unspecified address becomes
/// loopback.
pub fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, addr.port()).into()
}

/// Reads the value of a flag or environment variable that may contain a password. Unlike clap's own errors, its errors
/// do not quote the value: logs may be read by others.
#[derive(Debug)]
pub struct Unquoted<T>(PhantomData<fn() -> T>);

/// A parser for [`Unquoted`] values.
pub fn unquoted<T>() -> Unquoted<T> {
    Unquoted(PhantomData)
}

impl<T> Clone for Unquoted<T> {
    fn clone(&self) -> Self {
        unquoted()
    }
}

impl<T: FromStr<Err = String> + Clone + Send + Sync + 'static> TypedValueParser for Unquoted<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, flag: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let parsed = value.to_str().ok_or_else(|| "it is not valid UTF-8".into()).and_then(str::parse);
        parsed.map_err(|why: String| {
            let origin = flag.and_then(variable);
            let origin = origin.unwrap_or_else(|| format!("--{}", flag.and_then(Arg::get_long).unwrap_or_default()));
            let message = format!("invalid value for '{origin}': {why}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// Reads an address to listen on from a flag.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an IP address and a port are expected, such as 127.0.0.1:8080 or [::1]:8080".into())
}

/// Reads a size of `MIN` bytes or more from a flag.
pub fn at_least<const MIN: u64>(text: &str) -> Result<ByteSize, String> {
    within::<MIN, { u64::MAX }>(text)
}

/// Reads a size of `MIN` to `MAX` bytes from a flag.
pub fn within<const MIN: u64, const MAX: u64>(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse()?;
    match size.as_u64() {
        bytes if bytes < MIN => Err(format!("at least {} is expected", ByteSize::b(MIN))),
        bytes if bytes > MAX => Err(format!("at most {} is expected", ByteSize::b(MAX))),
        _ => Ok(size),
    }
}

/// Reads a time from a flag; 0 is allowed.
pub fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|e| e.to_string())
}

/// Reads from a flag how much of a log is kept.
pub fn retention(text: &str) -> Result<Retention, String> {
    let is_size = text.ends_with(['B', 'b']) || text.bytes().all(|byte| byte.is_ascii_digit());
    match text {
        "all" => Ok(Retention::All),
        _ if is_size => at_least::<0>(text).map(|size| Retention::Bytes(size.as_u64())),
        _ => time(text).map(Retention::Age),
    }
    .map_err(|e| format!("expected `all`, a size such as 10GiB, or a time such as 30d: {e}"))
}

/// Reads a time of more than 0 from a flag.
pub fn positive_time(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("more than 0 is expected".into()),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_retained_is_a_size_or_a_time_or_all() {
        assert_eq!(retention("all"), Ok(Retention::All));
        assert_eq!(retention("0"), Ok(Retention::Bytes(0)));
        assert_eq!(retention("10GiB"), Ok(Retention::Bytes(10 << 30)));
        assert_eq!(retention("2 days"), Ok(Retention::Age(Duration::from_secs(2 * 86_400))));
        for text in ["", "some", "1 GB of it", "-1s"] {
            assert!(retention(text).is_err_and(|e| e.contains("all")), "{text}");
        }
    }
}
