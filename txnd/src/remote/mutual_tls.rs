//! Connections with certificates on both sides.

use std::error::Error;

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Uri};
use tower::service_fn;

use super::connect::{Connect, endpoint};
use crate::limits::{DIAL_TIMEOUT, HANDSHAKE_TIMEOUT};
use crate::tls::{self, Timeouts, TlsFiles};

/// Port of a txnd whose URL names none.
const DEFAULT_PORT: u16 = 5051;

const TIMEOUTS: Timeouts = Timeouts { connect: DIAL_TIMEOUT, handshake: HANDSHAKE_TIMEOUT };

/// Connects to the txnd at an address, which its certificate must contain, using this side's own certificate.
#[derive(Clone, Debug)]
pub struct MutualTls {
    /// `host:port`.
    authority: String,
    files: TlsFiles,
}

impl MutualTls {
    /// Connects to the txnd at `url`, `https://HOST:PORT`. The files are read for every connection.
    pub fn new(url: &str, files: TlsFiles) -> Result<Self, String> {
        // The URL is not quoted, because it may contain a password.
        let expected = || "expected https://HOST:PORT".to_string();
        let uri: Uri = url.parse().map_err(|_| expected())?;
        let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or_else(expected)?;
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if has_user || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(expected());
        }
        let port = uri.port_u16().unwrap_or(DEFAULT_PORT);
        Ok(Self { authority: format!("{host}:{port}"), files })
    }
}

impl Connect for MutualTls {
    async fn connect(&self) -> Result<Channel, Box<dyn Error + Send + Sync>> {
        let own = self.clone();
        let connect = service_fn(move |_: Uri| {
            let Self { authority, files } = own.clone();
            async move { tls::connect(&files, &authority, TIMEOUTS).await.map(TokioIo::new) }
        });
        // The library is given a finished connection; encryption is underneath.
        let uri = format!("http://{}", self.authority).parse()?;
        Ok(endpoint(uri).connect_with_connector(connect).await?)
    }
}
