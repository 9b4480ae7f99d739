//! `kvs health`: whether a kvs answers, for supervisors and containers that have no HTTP client at hand.

use std::io::{Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use txnd::cli::flags::reachable;

/// Longest time for any part of the exchange.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

const REQUEST: &[u8] =
    b"POST /kvs/v1-0-0/hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Asks the kvs that listens on `addr` for a greeting.
pub fn check(addr: SocketAddr) -> Result<(), Error> {
    let mut stream = TcpStream::connect_timeout(&reachable(addr), HEALTH_TIMEOUT)?;
    stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    stream.set_write_timeout(Some(HEALTH_TIMEOUT))?;
    stream.write_all(REQUEST)?;
    let mut answer = String::new();
    stream.take(1024).read_to_string(&mut answer)?;
    // One that asks for a token answers, too.
    match answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 401 ") {
        true => Ok(()),
        false => Err(Error::other(format!("an unexpected answer: {}", answer.lines().next().unwrap_or_default()))),
    }
}
