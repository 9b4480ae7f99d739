//! How connections to the service are made, and their limits.

use std::error::Error;

use tonic::transport::{Channel, Endpoint, Uri};

use crate::limits::{
    CONNECT_TIMEOUT, CONNECTION_WINDOW_BYTES, MAX_HEADER_LIST_BYTES, PING_INTERVAL, PONG_TIMEOUT, STREAM_WINDOW_BYTES,
};

/// Makes connections to the service. Clones connect to the same service: a writer's readers have their own connections.
#[allow(async_fn_in_trait)] // As for the sink: no Send bound to express.
pub trait Connect: Clone + Send + Sync + 'static {
    /// A new connection, made from an [`endpoint`]. The sink gives up after [`CONNECT_TIMEOUT`].
    async fn connect(&self) -> Result<Channel, Box<dyn Error + Send + Sync>>;
}

/// The service at `uri`, with every limit of a connection set.
pub fn endpoint(uri: Uri) -> Endpoint {
    Endpoint::from(uri)
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES)
        // A stopped service, or a cut cable, is detected by missing pings.
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PONG_TIMEOUT)
        .keep_alive_while_idle(true)
}
