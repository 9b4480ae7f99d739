//! The limits of open files, and of their size.

use std::io;

use rustix::process::{Resource, Signal, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tracing::warn;

/// The limit of open files.
pub fn file_limit() -> usize {
    getrlimit(Resource::Nofile).current.and_then(|limit| limit.try_into().ok()).unwrap_or(usize::MAX)
}

/// Raises the limit of open files to what `connections` and `others` need together, as far as the system allows.
/// Returns how many connections leave room for the others: with more, clients could use up the files that the log
/// needs.
pub fn raise_file_limit(connections: usize, others: usize) -> usize {
    let wanted = (connections + others) as u64;
    let mut limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < wanted) else { return connections };
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    limit.current = Some(allowed);
    let allowed = if setrlimit(Resource::Nofile, limit).is_ok() { allowed } else { current };
    // One connection is always left, for finding out what is wrong.
    (allowed as usize).saturating_sub(others).clamp(1, connections)
}

/// Warns that fewer connections are possible than were asked for.
pub fn warn_of_fewer_connections(wanted: usize, fitting: usize) {
    let limit = file_limit();
    warn!(
        limit,
        "the limit of open files leaves room for {fitting} connections, not {wanted}; raise it with ulimit -n"
    );
}

/// From now on a write beyond the limit of a file's size (`ulimit -f`) is an error like any other. Otherwise the system ends
/// the process without a word (SIGXFSZ). Must be called within a tokio runtime.
pub fn survive_size_limit() -> io::Result<()> {
    // The handler stays when this is dropped.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}
