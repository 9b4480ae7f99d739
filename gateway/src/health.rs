//! `kvs health`: a health check for supervisors and containers that have no HTTP client.

use std::io::{Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use txnd::cli::flags::reachable;

/// Time limit for each of connecting, writing and reading.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

const REQUEST: &[u8] =
    b"POST /kvs/v1-0-0/hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Sends a `hello` request to the kvs that listens on `addr`.
pub fn check(addr: SocketAddr) -> Result<(), Error> {
    let mut stream = TcpStream::connect_timeout(&reachable(addr), HEALTH_TIMEOUT)?;
    stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    stream.set_write_timeout(Some(HEALTH_TIMEOUT))?;
    stream.write_all(REQUEST)?;
    let mut response = String::new();
    stream.take(1024).read_to_string(&mut response)?;
    // A server that requires a token is healthy, too.
    match response.starts_with("HTTP/1.1 200 ") || response.starts_with("HTTP/1.1 401 ") {
        true => Ok(()),
        false => Err(Error::other(format!("unexpected response: {}", response.lines().next().unwrap_or_default()))),
    }
}
