//! A connection that is cut, or falls silent, between a client and a service.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Largest piece that is passed on at a time, in bytes: how exactly a cut is placed.
const PIECE_BYTES: usize = 512;

/// What happens to connections.
#[derive(Debug, Default)]
struct Fate {
    /// Bytes that still pass, in both directions and over all connections together, before all connections are cut.
    left: AtomicI64,
    limited: AtomicBool,
    silent: AtomicBool,
}

/// Passes bytes on in both directions. It has a thread of its own.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    fate: Arc<Fate>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(crate) fn to(service: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let fate = Arc::<Fate>::default();
        let (stop, stopped) = oneshot::channel();
        let of_thread = Arc::clone(&fate);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, service, of_thread) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, fate, stop: Some(stop), thread: Some(thread) }
    }

    /// Cuts the connection after `bytes` more.
    pub(crate) fn cut_after(&self, bytes: i64) {
        self.fate.left.store(bytes, Ordering::SeqCst);
        self.fate.limited.store(true, Ordering::SeqCst);
    }

    /// Lets everything pass again.
    pub(crate) fn heal(&self) {
        self.fate.limited.store(false, Ordering::SeqCst);
    }

    /// Nothing passes any more, as if a cable were cut: neither side learns of it.
    pub(crate) fn fall_silent(&self) {
        self.fate.silent.store(true, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn accept(listener: TcpListener, service: SocketAddr, fate: Arc<Fate>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let fate = Arc::clone(&fate);
        tokio::spawn(async move {
            let Ok(service) = TcpStream::connect(service).await else { return };
            client.set_nodelay(true).unwrap();
            service.set_nodelay(true).unwrap();
            let (from_client, to_client) = client.into_split();
            let (from_service, to_service) = service.into_split();
            // Whichever direction ends first takes the other one with it.
            tokio::select! {
                () = pass(from_client, to_service, &fate) => {}
                () = pass(from_service, to_client, &fate) => {}
            }
        });
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, fate: &Fate) {
    let mut piece = [0; PIECE_BYTES];
    loop {
        let length = match from.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        if fate.silent.load(Ordering::SeqCst) {
            std::future::pending().await
        }
        if fate.limited.load(Ordering::SeqCst) {
            let left = fate.left.fetch_sub(length as i64, Ordering::SeqCst);
            if left < length as i64 {
                let _ = to.write_all(&piece[..left.max(0) as usize]).await;
                // The next connection is well again.
                fate.limited.store(false, Ordering::SeqCst);
                return;
            }
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
