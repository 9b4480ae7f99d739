//! How connections to the service are made, and their limits.

use std::error::Error;

use tonic::transport::{Channel, Endpoint, Uri};

use crate::limits::{
    CONNECT_TIMEOUT, CONNECTION_WINDOW_BYTES, MAX_HEADER_LIST_BYTES, PING_INTERVAL, PONG_TIMEOUT, STREAM_WINDOW_BYTES,
};

/// Makes connections to the service. Clones make the same ones: a writer's readers have connections of their own.
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
        // A service that is stopped, or behind a cable that was cut, is found out by its silence.
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PONG_TIMEOUT)
        .keep_alive_while_idle(true)
}
