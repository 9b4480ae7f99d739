//! One client's connection: HTTP/1.1 until it ends or the server stops.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;

use crate::config::{MAX_HEAD_BYTES, MAX_HEADERS};
use crate::connection::{Activity, Watched};
use crate::context::Worker;

/// Serves one client until it goes or the server stops.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    stream: TcpStream,
    activity: Rc<Activity>,
    mut stop: watch::Receiver<bool>,
) {
    let io = TokioIo::new(Watched::new(stream, Rc::clone(&activity)));
    let service = service_fn(async |request| Ok::<_, Infallible>(super::answer(&worker, &activity, request).await));
    let mut http = http1::Builder::new();
    http.title_case_headers(true)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .half_close(true)
        .header_read_timeout(None);
    let mut serving = pin!(http.serve_connection(io, service));
    let served = tokio::select! {
        served = &mut serving => served,
        _ = stop.wait_for(|stop| *stop) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(e) = served {
        debug!(error = %e, "connection ended");
    }
}
