//! The limit of open files.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// The limit of open files.
pub fn file_limit() -> usize {
    getrlimit(Resource::Nofile).current.and_then(|limit| limit.try_into().ok()).unwrap_or(usize::MAX)
}

/// Raises the limit of open files to what `connections` and `others` need together, as far as the system lets us. Returns how
/// many connections leave room for the others: with fewer, clients could take the files that the log needs.
pub fn raise_file_limit(connections: usize, others: usize) -> usize {
    let wanted = (connections + others) as u64;
    let mut limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current.filter(|current| *current < wanted) else { return connections };
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    limit.current = Some(allowed);
    let allowed = if setrlimit(Resource::Nofile, limit).is_ok() { allowed } else { current };
    // One is left in any case, so that it can be found out what is wrong.
    (allowed as usize).saturating_sub(others).clamp(1, connections)
}

/// Says that there may be fewer connections than was asked for.
pub fn warn_of_fewer_connections(wanted: usize, fitting: usize) {
    let limit = file_limit();
    warn!(
        limit,
        "the limit of open files leaves room for {fitting} connections, not {wanted}; raise it with ulimit -n"
    );
}
