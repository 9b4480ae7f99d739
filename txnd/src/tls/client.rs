//! The client's side of a handshake.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncBufReadExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::files::TlsFiles;
use super::material::{ALPN, Material};
use super::refusal::{Reason, Refusal};
use super::socket::{connect_any, prepare};

/// Timeouts of a client.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the TCP connection, including name resolution. The addresses of a name share it.
    pub connect: Duration,
    /// For the handshake, up to the server's first bytes.
    pub handshake: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), handshake: Duration::from_secs(10) }
    }
}

/// Connects to the txnd at `authority`, `host:port`. Its certificate must have the host as a DNS name or IP address.
///
/// The files are read for every connection, so that renewed certificates are used. The connection is returned after the
/// server's first bytes, the settings of HTTP/2. In TLS 1.3 a client completes its handshake before the server has
/// checked its certificate, and only these bytes show that it was accepted.
///
/// Errors are sentences for an operator: they name the server, the file, and what does not match.
pub async fn connect(files: &TlsFiles, authority: &str, timeouts: Timeouts) -> io::Result<TlsStream<TcpStream>> {
    let (host, _) = split(authority)?;
    handshake(load(files).await?, files, authority, host, timeouts).await
}

/// Connects to a txnd with its own certificate. The server is verified against a name of this certificate, whatever
/// address is used.
pub async fn connect_to_self(
    files: &TlsFiles,
    authority: &str,
    timeouts: Timeouts,
) -> io::Result<TlsStream<TcpStream>> {
    let material = load(files).await?;
    let name = match material.leaf.some_host() {
        Some(name) => name,
        None => split(authority)?.0.to_owned(),
    };
    handshake(material, files, authority, &name, timeouts).await
}

async fn handshake(
    material: Material,
    files: &TlsFiles,
    authority: &str,
    name: &str,
    timeouts: Timeouts,
) -> io::Result<TlsStream<TcpStream>> {
    let (host, port) = split(authority)?;
    let server_name = ServerName::try_from(name.to_owned())
        .map_err(|_| invalid(format!("{name:?} is neither a DNS name nor an IP address")))?;
    let config = material.client().map_err(|e| invalid(e.to_string()))?;

    let failed = |e: io::Error, what: &str, advice: &str| {
        io::Error::new(e.kind(), format!("txnd at {authority} {what}: {e}; {advice}"))
    };
    let deadline = Instant::now() + timeouts.connect;
    let reach = async {
        let resolved = lookup_host((host, port)).await;
        let addresses: Vec<_> = resolved.map_err(|e| failed(e, "cannot be found", "is the host right?"))?.collect();
        connect_any(&addresses, deadline).await.map_err(|e| failed(e, "cannot be reached", "is it running there?"))
    };
    let stream = timeout(timeouts.connect, reach).await;
    let stream = stream.unwrap_or_else(|_| Err(late(authority, "no connection", timeouts.connect)))?;
    prepare(&stream)?;
    let handshake = async {
        let mut stream = TlsConnector::from(Arc::new(config)).connect(server_name, stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(io::Error::other("it does not speak HTTP/2"));
        }
        match stream.fill_buf().await? {
            [] => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(stream),
        }
    };
    match timeout(timeouts.handshake, handshake).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(e)) => {
            let refusal = Refusal::of(&e, &files.ca);
            let sentence = format!("{}{}", refusal.sentence, advice(refusal.reason, files));
            Err(io::Error::new(e.kind(), format!("txnd at {authority}: {sentence}")))
        }
        Err(_) => Err(late(authority, "no TLS handshake", timeouts.handshake)),
    }
}

/// What to do about a server that was refused, or that refused this side.
fn advice(reason: Reason, files: &TlsFiles) -> String {
    match reason {
        Reason::RefusedByPeer => {
            format!("; this side has shown {}, `txnd certs DIR --renew` makes a new one", files.cert.display())
        }
        Reason::OtherCa => "; give both sides certificates of one CA, as `txnd certs DIR` makes them".into(),
        Reason::Name => {
            "; use a name that it carries, or add one with `txnd certs DIR --renew --server-name NAME`".into()
        }
        Reason::Expired | Reason::Revoked | Reason::Purpose => "; make a new one with `txnd certs DIR --renew`".into(),
        _ => String::new(),
    }
}

async fn load(files: &TlsFiles) -> io::Result<Material> {
    let files = files.clone();
    let loaded = tokio::task::spawn_blocking(move || Material::load(&files)).await?;
    loaded.map_err(|e| invalid(e.to_string()))
}

/// Host, without the brackets of an IPv6 address, and port.
fn split(authority: &str) -> io::Result<(&str, u16)> {
    let expected = || invalid(format!("{authority:?} is no address; expected HOST:PORT, such as localhost:5051"));
    let (host, port) = authority.rsplit_once(':').ok_or_else(expected)?;
    let port = port.parse().map_err(|_| expected())?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host.is_empty() {
        true => Err(expected()),
        false => Ok((host, port)),
    }
}

fn late(authority: &str, what: &str, limit: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("txnd at {authority}: {what} within {limit:?}"))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn authorities_are_host_and_port() {
        assert_eq!(split("localhost:5051").unwrap(), ("localhost", 5051));
        assert_eq!(split("[::1]:1").unwrap(), ("::1", 1));
        for wrong in ["", "localhost", ":5051", "localhost:", "localhost:70000"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }
}
