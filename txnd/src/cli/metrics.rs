//! Metrics for Prometheus, over plain HTTP.

use std::net::SocketAddr;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use tracing::info;

/// Upper bounds of the histograms' buckets, in seconds: from a local handshake to a disk in trouble.
const BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Metrics cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics on {0}: {1}; choose another address with --metrics-addr")]
pub struct MetricsError(SocketAddr, BuildError);

/// Installs the program's recorder of metrics, and serves what it records at `addr`. Runs within the current runtime.
pub fn serve(addr: SocketAddr) -> Result<(), MetricsError> {
    let served = PrometheusBuilder::new()
        .with_http_listener(addr)
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS)
        .and_then(PrometheusBuilder::install);
    served.map_err(|e| MetricsError(addr, e))?;
    info!(metrics_addr = %addr, "serving metrics");
    Ok(())
}
