//! Connects to a host by any of its addresses; sets the options of every socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// The system probes a connection that has been silent for this long,
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// repeats the probe after this time,
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// and sends this many probes before the connection counts as broken.
const KEEPALIVE_RETRIES: u32 = 3;

/// Sets the options of every connection's socket: send small messages at once, and detect a dead peer.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(KEEPALIVE_RETRIES);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Connects to the first of `addresses` that can be reached. Each gets an equal share of the time that is left until
/// `deadline`, so an address that drops packets does not keep the others from being tried. The error names each of
/// them.
pub(super) async fn connect_any(addresses: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let mut failures = Vec::new();
    let mut kind = io::ErrorKind::NotFound;
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / (addresses.len() - tried) as u32;
        let error = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(e)) => e,
            Err(_) => {
                let what = format!("no connection within {:.1} s", share.as_secs_f64());
                io::Error::new(io::ErrorKind::TimedOut, what)
            }
        };
        kind = error.kind();
        failures.push((address, error));
    }
    let what = match &failures[..] {
        [] => "its name has no address".into(),
        [(_, error)] => error.to_string(),
        all => all.iter().map(|(address, error)| format!("{address}: {error}")).collect::<Vec<_>>().join(", "),
    };
    Err(io::Error::new(kind, what))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// An address that swallows connections: its queue is full and nothing accepts them.
    async fn swallowing() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
        }
        (listener, queued)
    }

    #[tokio::test]
    async fn an_address_that_swallows_everything_does_not_keep_the_next_from_being_tried() {
        let (swallowing, _queued) = swallowing().await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addresses = [swallowing.local_addr().unwrap(), listener.local_addr().unwrap()];
        let deadline = Instant::now() + Duration::from_secs(4);
        let stream = connect_any(&addresses, deadline).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
        assert!(Instant::now() < deadline);
    }

    #[tokio::test]
    async fn every_address_is_named_with_its_failure() {
        let (swallowing, _queued) = swallowing().await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addresses = [swallowing.local_addr().unwrap(), listener.local_addr().unwrap()];
        drop(listener);
        let error = connect_any(&addresses, Instant::now() + Duration::from_secs(1)).await.unwrap_err().to_string();
        assert!(error.contains(&format!("{}: no connection within 0.5 s", addresses[0])), "{error}");
        assert!(error.contains(&format!("{}: Connection refused", addresses[1])), "{error}");
        let none = connect_any(&[], Instant::now()).await.unwrap_err();
        assert_eq!(none.to_string(), "its name has no address");
    }
}
