//! `kvs health`: a health check for supervisors and containers that have no HTTP client.

use std::io::{Error, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use txnd::cli::flags::reachable;

use crate::config::{AdminAddr, Config, DEFAULT_ADMIN_ADDR};

/// Time limit for each of connecting, writing and reading.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

const HELLO: &[u8] =
    b"POST /kvs/v1-0-0/hello HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

const READY: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Asks the kvs that runs with this configuration: with a `hello` request or, if REST needs TLS, at its operator's
/// listener. The error names the address.
pub fn check(config: &Config) -> Result<(), String> {
    let (addr, request) = match (&config.server_cert, config.admin_addr) {
        (None, _) => (config.http_addr, HELLO),
        (Some(_), None) => (DEFAULT_ADMIN_ADDR, READY),
        (Some(_), Some(AdminAddr::At(addr))) => (addr, READY),
        (Some(_), Some(AdminAddr::Off)) => {
            return Err("with TLS its health is asked at --admin-addr, which is off".into());
        }
    };
    ask(addr, request).map_err(|e| format!("kvs at {addr}: {e}"))
}

fn ask(addr: SocketAddr, request: &[u8]) -> Result<(), Error> {
    let mut stream = TcpStream::connect_timeout(&reachable(addr), HEALTH_TIMEOUT)?;
    stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    stream.set_write_timeout(Some(HEALTH_TIMEOUT))?;
    stream.write_all(request)?;
    let mut response = String::new();
    stream.take(1024).read_to_string(&mut response)?;
    // A server that requires a token is healthy, too.
    match response.starts_with("HTTP/1.1 200 ") || response.starts_with("HTTP/1.1 401 ") {
        true => Ok(()),
        false => Err(Error::other(format!("unexpected response: {}", response.lines().next().unwrap_or_default()))),
    }
}
