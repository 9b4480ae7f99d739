//! How flags are read: addresses, sizes, times, and values that may hold a password.

use std::ffi::OsStr;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};

/// The address to connect to for one that is listened on: all addresses include that of this machine to itself.
pub fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, addr.port()).into()
}

/// Reads a flag's value, or an environment variable's, that may hold a password. Its errors do not quote what was given, as
/// clap's own do: diagnostics go where others read them.
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
            let flag = flag.and_then(Arg::get_long).unwrap_or_default();
            let message = format!("invalid value for '--{flag}': {why}\n");
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

/// Reads a time of more than 0 from a flag.
pub fn positive_time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text).map_err(|e| e.to_string())? {
        Duration::ZERO => Err("more than 0 is expected".into()),
        time => Ok(time),
    }
}
