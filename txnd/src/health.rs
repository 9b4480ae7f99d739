//! `txnd health`: asks whether a txnd is serving, for supervisors and containers.

use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tonic::transport::{Endpoint, Uri};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::service_fn;

use crate::cli::flags::reachable;
use crate::tls::{Timeouts, TlsFiles, connect_to_self};

/// Longest time for the whole exchange. Containers give a probe 30 s by default.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks the txnd that listens on `addr`, using its own certificate, whether it is serving. The error says why it is
/// not.
pub async fn check(files: &TlsFiles, addr: SocketAddr) -> Result<(), String> {
    let addr = reachable(addr);
    match timeout(PROBE_TIMEOUT, ask(files, addr)).await {
        Ok(response) => response,
        Err(_) => Err(format!("txnd at {addr}: no response within {PROBE_TIMEOUT:?}")),
    }
}

async fn ask(files: &TlsFiles, addr: SocketAddr) -> Result<(), String> {
    // Connect first: tonic would hide the reason of a failure in the sources of its error.
    let stream = connect_to_self(files, &addr.to_string(), Timeouts::default()).await.map_err(|e| e.to_string())?;
    let mut stream = Some(TokioIo::new(stream));
    let connector = service_fn(move |_: Uri| {
        let stream = stream.take().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected));
        std::future::ready(stream)
    });
    let failed = |e: &dyn std::fmt::Display| format!("txnd at {addr}: {e}");
    let endpoint = Endpoint::try_from(format!("https://{addr}")).map_err(|e| failed(&e))?;
    let channel = endpoint.connect_with_connector(connector).await.map_err(|e| failed(&e))?;
    let response = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    match response.map_err(|status| failed(&status.message()))?.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        other => Err(failed(&format!("not serving ({})", other.as_str_name()))),
    }
}
