//! `txnd health`: whether a txnd serves, for supervisors and containers.

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

/// Asks the txnd that listens on `addr`, with its own certificate, whether it serves. The error says why it does not.
pub async fn check(files: &TlsFiles, addr: SocketAddr) -> Result<(), String> {
    let addr = reachable(addr);
    match timeout(PROBE_TIMEOUT, ask(files, addr)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("txnd at {addr}: no answer within {PROBE_TIMEOUT:?}")),
    }
}

async fn ask(files: &TlsFiles, addr: SocketAddr) -> Result<(), String> {
    // Connected first: tonic would hide the reason of a failure in the sources of its error.
    let stream = connect_to_self(files, &addr.to_string(), Timeouts::default()).await.map_err(|e| e.to_string())?;
    let mut stream = Some(TokioIo::new(stream));
    let connector = service_fn(move |_: Uri| {
        let stream = stream.take().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected));
        std::future::ready(stream)
    });
    let failed = |e: &dyn std::fmt::Display| format!("txnd at {addr}: {e}");
    let endpoint = Endpoint::try_from(format!("https://{addr}")).map_err(|e| failed(&e))?;
    let channel = endpoint.connect_with_connector(connector).await.map_err(|e| failed(&e))?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    match answer.map_err(|status| failed(&status.message()))?.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        other => Err(failed(&format!("it does not serve ({})", other.as_str_name()))),
    }
}
