//! The service, and connections to it.

use std::error::Error;
use std::io::Result;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::txnd::LogWriter;
use ::txnd::remote::{Connect, endpoint};
use ::txnd::service::{LogThread, server};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Uri};
use turmoil::net::{TcpListener, TcpStream};

/// Where the service runs.
pub(super) const HOST: &str = "txnd";

/// Something in between. When it dies, the connections that go through it are cut, wherever they are.
pub(super) const PROXY: &str = "proxy";

const PORT: u16 = 9000;

/// The service.
pub(super) async fn serve(sink: impl LogWriter + Send + 'static) -> turmoil::Result {
    let log = LogThread::start(sink)?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    server(&log).serve_with_incoming(connections(listener)).await?;
    Ok(())
}

/// What the listener accepts.
fn connections(listener: TcpListener) -> impl Stream<Item = Result<Accepted>> {
    let (send, accepted) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if send.send(Ok(Accepted(stream))).await.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(accepted)
}

/// Forwards connections to the service.
pub(super) async fn forward() -> turmoil::Result {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    loop {
        let (mut near, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut far = TcpStream::connect((HOST, PORT)).await?;
            copy_bidirectional(&mut near, &mut far).await
        });
    }
}

/// Connects to the service, directly or through the proxy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network(pub(super) &'static str);

impl Connect for Network {
    async fn connect(&self) -> std::result::Result<Channel, Box<dyn Error + Send + Sync>> {
        let host = self.0;
        let connect =
            tower::service_fn(move |_: Uri| async move { TcpStream::connect((host, PORT)).await.map(TokioIo::new) });
        Ok(endpoint(Uri::from_static("http://txnd")).connect_with_connector(connect).await?)
    }
}

/// A connection, as the server's library wants it.
struct Accepted(TcpStream);

impl Connected for Accepted {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        // Whether the peer still listens does not matter.
        let _ = ready!(Pin::new(&mut self.0).poll_shutdown(cx));
        Poll::Ready(Ok(()))
    }
}
