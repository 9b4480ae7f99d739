//! A TCP proxy whose connections can be cut, slowed down, silenced and refused.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Largest piece that is passed on at a time, in bytes.
const PIECE_BYTES: usize = 4096;

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From who connects to who accepts.
    Up,
    /// Back.
    Down,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In order, with a FIN.
    Fin,
    /// With an RST; what was on its way may be lost.
    Reset,
}

/// What happens to connections.
#[derive(Debug, Default)]
struct Fate {
    /// Bytes that still pass, of all connections together. Who would pass more is cut, once.
    cut: Option<(usize, End)>,
    delay: Duration,
    /// Connections that pass something this way meanwhile never do again.
    silent: Vec<Way>,
    refuses: bool,
}

/// What becomes of a piece.
enum Verdict {
    Passes(Duration),
    Cut(usize, End),
    Vanishes,
}

impl Fate {
    fn judge(&mut self, way: Way, length: usize) -> Verdict {
        if self.silent.contains(&way) {
            return Verdict::Vanishes;
        }
        match self.cut {
            Some((left, end)) if left < length => {
                self.cut = None;
                Verdict::Cut(left, end)
            }
            Some((left, end)) => {
                self.cut = Some((left - length, end));
                Verdict::Passes(self.delay)
            }
            None => Verdict::Passes(self.delay),
        }
    }
}

/// Passes bytes on in both directions. It has a thread of its own.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    fate: Arc<Mutex<Fate>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(crate) fn to(service: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a TCP socket");
        let address = listener.local_addr().expect("it is bound");
        let fate = Arc::<Mutex<Fate>>::default();
        let (stop, stopped) = oneshot::channel();
        let of_thread = Arc::clone(&fate);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("it does not block");
                tokio::select! {
                    () = accept(listener, service, of_thread) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, fate, stop: Some(stop), thread: Some(thread) }
    }

    /// Cuts the connection that passes more than so many `bytes`.
    pub(crate) fn cut_after(&self, bytes: usize, end: End) {
        self.change(|fate| fate.cut = Some((bytes, end)));
    }

    /// Whether that has happened.
    pub(crate) fn has_cut(&self) -> bool {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner).cut.is_none()
    }

    /// Each piece takes so long.
    pub(crate) fn delay(&self, time: Duration) {
        self.change(|fate| fate.delay = time);
    }

    /// Whatever is sent in these directions vanishes, as if a cable were cut: nobody is told. A connection that has lost
    /// something stays silent that way for good.
    pub(crate) fn silence(&self, ways: &[Way]) {
        self.change(|fate| fate.silent = ways.to_vec());
    }

    /// Ends new connections at once.
    pub(crate) fn refuse(&self) {
        self.change(|fate| fate.refuses = true);
    }

    /// New connections are well again.
    pub(crate) fn heal(&self) {
        self.change(|fate| *fate = Fate::default());
    }

    fn change(&self, change: impl FnOnce(&mut Fate)) {
        change(&mut self.fate.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn accept(listener: TcpListener, service: SocketAddr, fate: Arc<Mutex<Fate>>) {
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        if fate.lock().is_ok_and(|fate| fate.refuses) {
            reset_when_dropped(&client);
            continue;
        }
        let fate = Arc::clone(&fate);
        tokio::spawn(async move { connect(client, service, &fate).await });
    }
}

/// Passes bytes on until either side, or the fate of the connection, ends it.
async fn connect(mut client: TcpStream, service: SocketAddr, fate: &Mutex<Fate>) {
    let Ok(mut service) = TcpStream::connect(service).await else { return reset_when_dropped(&client) };
    client.set_nodelay(true).and_then(|()| service.set_nodelay(true)).expect("TCP sockets");
    let end = {
        let (from_client, to_client) = client.split();
        let (from_service, to_service) = service.split();
        tokio::select! {
            end = pass(from_client, to_service, Way::Up, fate) => end,
            end = pass(from_service, to_client, Way::Down, fate) => end,
        }
    };
    if end == End::Reset {
        reset_when_dropped(&client);
        reset_when_dropped(&service);
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, way: Way, fate: &Mutex<Fate>) -> End {
    let mut piece = [0; PIECE_BYTES];
    loop {
        let length = match from.read(&mut piece).await {
            Ok(0) | Err(_) => return End::Fin,
            Ok(length) => length,
        };
        let verdict = fate.lock().unwrap_or_else(PoisonError::into_inner).judge(way, length);
        match verdict {
            Verdict::Passes(delay) => {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                if to.write_all(&piece[..length]).await.is_err() {
                    return End::Fin;
                }
            }
            Verdict::Cut(left, end) => {
                // The connection ends whether or not this arrives.
                let _ = to.write_all(&piece[..left]).await;
                return end;
            }
            Verdict::Vanishes => {
                while from.read(&mut piece).await.is_ok_and(|length| length > 0) {}
                // The other side does not learn of the end either.
                return std::future::pending().await;
            }
        }
    }
}

fn reset_when_dropped(stream: &TcpStream) {
    // An error means that the connection is gone already.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
