//! Reaches a server: every address of its name, and what the errors of connecting mean.
//!
//! The library connects by name, tries one address after the other without a timeout for each, and verifies TLS against the
//! name that it connects to. So an address that drops packets hides the addresses after it. When connecting by name takes
//! longer than its share of the time, the addresses are tried one by one here. The connection that was made is passed to the
//! library through a local socket, so that TLS still sees the name. That costs a copy of every byte, but only where one of
//! several addresses does not respond.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::net::{TcpStream, UnixListener};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info};

use super::address::Address;
use super::errors::code_of;
use crate::SinkError;

/// Timeout for making a connection. If a name has several addresses, each gets a share of it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to one database address.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) address: Address,
    /// The address that was reached after connecting by name had taken too long. It is tried first.
    reached: Arc<Mutex<Option<SocketAddr>>>,
}

/// Why there is no connection.
pub(super) enum ConnectError {
    Sqlx(sqlx::Error),
    /// Something that did not complete in time, or could not begin.
    Other(String),
}

impl From<sqlx::Error> for ConnectError {
    fn from(e: sqlx::Error) -> Self {
        Self::Sqlx(e)
    }
}

impl Connector {
    pub(super) fn new(address: Address) -> Self {
        Self { address, reached: Arc::default() }
    }

    /// Connects with these options, to any of the name's addresses.
    pub(super) async fn connect(&self, options: &PgConnectOptions) -> Result<PgConnection, ConnectError> {
        let host = options.get_host().trim_matches(['[', ']']);
        let by_socket = options.get_socket().is_some() || host.starts_with('/');
        let began = Instant::now();
        let addresses = match by_socket {
            true => Vec::new(),
            false => resolve(host, options.get_port()).await?,
        };
        if addresses.len() < 2 {
            return within(CONNECT_TIMEOUT, options.connect()).await;
        }
        // One share for the name, one for each address.
        let share = CONNECT_TIMEOUT / (addresses.len() as u32 + 1);
        let reached = *self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reached) = reached.filter(|reached| addresses.contains(reached))
            && let Ok(stream) = tcp(reached, share).await
        {
            return within(CONNECT_TIMEOUT, through(stream, options)).await;
        }
        if let Ok(result) = tokio::time::timeout(share, options.connect()).await {
            *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = None;
            return Ok(result?);
        }
        let mut failures = Vec::new();
        for address in &addresses {
            match tcp(*address, share).await {
                Ok(stream) => {
                    info!(%address, name = host, "an address of the server's name is silent; using this one");
                    *self.reached.lock().unwrap_or_else(PoisonError::into_inner) = Some(*address);
                    let left = CONNECT_TIMEOUT.saturating_sub(began.elapsed()).max(share);
                    return within(left, through(stream, options)).await;
                }
                Err(e) => failures.push(format!("{address}: {e}")),
            }
        }
        Err(ConnectError::Other(failures.join("; ")))
    }

    /// The error to report for a failed connection. It is permanent if waiting cannot help.
    pub(super) fn explain(&self, e: &ConnectError) -> SinkError {
        let (at, user) = (&self.address, self.address.user());
        let e = match e {
            ConnectError::Sqlx(e) => e,
            ConnectError::Other(what) => {
                return SinkError::Unavailable(format!("cannot connect to {at}: {what}"));
            }
        };
        let failed = |hint: &str| SinkError::Failed(format!("{at}: {e}; {hint}"));
        match code_of(e).as_deref() {
            Some("28P01" | "28000") => SinkError::Failed(format!(
                "{at} does not let user {user} in: {e}; check the password in the URL, PGPASSWORD or PGPASSFILE, and pg_hba.conf"
            )),
            Some("3D000") => failed(&format!("create it: createdb -O {user} {}", self.address.database())),
            Some("42501") => failed(&format!("GRANT CONNECT to {user}")),
            // The server says what it is doing: starting, recovering, shutting down, at its limit.
            Some(_) => SinkError::Unavailable(format!("{at} does not accept connections now: {e}")),
            None => match e {
                sqlx::Error::Tls(_) => failed("see sslmode and sslrootcert in the URL"),
                // rustls reports problems with a peer as an error of this kind.
                sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::InvalidData => {
                    SinkError::Failed(format!("{at}: TLS: {e}; see sslmode and sslrootcert in the URL"))
                }
                sqlx::Error::Configuration(_) => SinkError::Failed(format!("{at}: {e}")),
                sqlx::Error::Io(io) => match io.kind() {
                    std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound => {
                        SinkError::Unavailable(format!("cannot connect to {at}: {e}; is PostgreSQL running there?"))
                    }
                    _ => SinkError::Unavailable(format!("cannot connect to {at}: {e}")),
                },
                e => SinkError::Unavailable(format!("cannot connect to {at}: {e}")),
            },
        }
    }
}

/// The addresses of a name, each once, in the resolver's order.
async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let found = match tokio::time::timeout(CONNECT_TIMEOUT, tokio::net::lookup_host((host, port))).await {
        Ok(found) => found.map_err(|e| ConnectError::Other(format!("the name {host} cannot be resolved: {e}")))?,
        Err(_) => {
            return Err(ConnectError::Other(format!("the name {host} was not resolved within {CONNECT_TIMEOUT:?}")));
        }
    };
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

async fn within(
    time: Duration,
    connecting: impl Future<Output = Result<PgConnection, sqlx::Error>>,
) -> Result<PgConnection, ConnectError> {
    match tokio::time::timeout(time, connecting).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(ConnectError::Other(format!("no response within {time:?}"))),
    }
}

async fn tcp(address: SocketAddr, share: Duration) -> std::io::Result<TcpStream> {
    let connecting = tokio::time::timeout(share, TcpStream::connect(address));
    let stream = connecting.await.map_err(|_| std::io::Error::other(format!("no response within {share:?}")))??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection over `stream`, passed to the library through a socket that no other process can reach.
async fn through(mut stream: TcpStream, options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let folder = std::env::temp_dir().join(format!("kvs-{:016x}", rand::random::<u64>()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let folder = Folder(folder);
    let listener = UnixListener::bind(folder.0.join(format!(".s.PGSQL.{}", options.get_port())))?;
    let options = options.clone().socket(&folder.0);
    let passing = AbortOnDropHandle::new(tokio::spawn(async move {
        let Ok(Ok((mut local, _))) = tokio::time::timeout(CONNECT_TIMEOUT, listener.accept()).await else { return };
        drop((listener, folder));
        let ((mut from_local, mut to_local), (mut from_server, mut to_server)) = (local.split(), stream.split());
        // When one side has closed, nobody waits for what the other one may still send.
        let ended = tokio::select! {
            ended = tokio::io::copy(&mut from_local, &mut to_server) => ended,
            ended = tokio::io::copy(&mut from_server, &mut to_local) => ended,
        };
        if let Err(e) = ended {
            debug!("a connection to PostgreSQL ended: {e}");
        }
    }));
    let connected = options.connect().await?;
    drop(passing.detach());
    Ok(connected)
}

/// A folder with a socket, removed when dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // If it stays, it is empty and does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
