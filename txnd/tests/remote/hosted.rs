//! A service in this process. It has a thread and a runtime of its own, as a test's runtime stands still while the test computes.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use tempfile::TempDir;
use testkit::memory::MemoryLog;
use tokio::sync::oneshot;
use tonic::transport::Channel;
use tonic::transport::server::TcpIncoming;
use txnd::MIN_SEGMENT_BYTES;
use txnd::limits::STOP_TIMEOUT;
use txnd::remote::{Connect, endpoint};
use txnd::service::{LogThread, server};
use txnd::{LogWriter, PostgresSink, RemoteReader, RemoteSink, SegmentSink};

use testkit::postgres_server::PostgresServer;

/// Connects without encryption.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainTcp(pub(crate) SocketAddr);

impl Connect for PlainTcp {
    async fn connect(&self) -> Result<Channel, Box<dyn Error + Send + Sync>> {
        Ok(endpoint(format!("http://{}", self.0).parse()?).connect().await?)
    }
}

/// A service that runs until it is dropped, which breaks its connections.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    kill: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// A service on a free port.
    pub(crate) fn start(sink: impl LogWriter + Send + 'static) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), sink)
    }

    pub(crate) fn start_at(address: SocketAddr, sink: impl LogWriter + Send + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let ((stop, stopped), (kill, killed)) = (oneshot::channel(), oneshot::channel());
        let thread = std::thread::spawn(move || run(listener, sink, stopped, killed));
        Self { address, stop: Some(stop), kill: Some(kill), thread: Some(thread) }
    }

    /// A writer's handle.
    pub(crate) fn sink(&self) -> RemoteSink<PlainTcp> {
        RemoteSink::new(PlainTcp(self.address))
    }

    /// A reader that does not come from a writer.
    pub(crate) fn reader(&self) -> RemoteReader<PlainTcp> {
        RemoteReader::new(PlainTcp(self.address))
    }

    /// Tells the service to stop as it should: with an answer to everybody.
    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }
}

fn run(
    listener: TcpListener,
    sink: impl LogWriter + Send + 'static,
    stopped: oneshot::Receiver<()>,
    killed: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let incoming = TcpIncoming::from(tokio::net::TcpListener::from_std(listener).unwrap()).with_nodelay(Some(true));
        let log = LogThread::start(sink).unwrap();
        let served = server(&log).serve_with_incoming_shutdown(incoming, async {
            let _ = stopped.await;
            log.stop(STOP_TIMEOUT).await;
        });
        tokio::select! {
            ended = served => ended.expect("the server ends in order"),
            // Connections break when the runtime goes.
            _ = killed => drop(log.stop(STOP_TIMEOUT).await),
        }
    });
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.kill.take());
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()), "the service has panicked");
    }
}

/// A service with its storage.
pub(crate) struct Hosted {
    pub(crate) service: Service,
    /// Dropped after the service.
    _folder: Option<TempDir>,
}

impl Hosted {
    pub(crate) fn memory(log: &MemoryLog) -> Self {
        Self { service: Service::start(log.sink()), _folder: None }
    }

    /// Over a database of its own in a server that all tests share.
    pub(crate) fn postgres() -> Self {
        let sink: PostgresSink = PostgresServer::shared().database().parse().expect("a URL");
        Self { service: Service::start(sink), _folder: None }
    }

    pub(crate) fn segments() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { service: Service::start(SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES)), _folder: Some(folder) }
    }
}
