//! The limit of open files.

use tracing::warn;

/// File descriptors besides one for each connection: listeners, runtimes, the log.
const OTHER_FILES: u64 = 256;

/// Raises the limit of open files to what so many connections need, as far as the system lets us.
pub fn raise_file_limit(connections: u64) {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let wanted = connections + OTHER_FILES;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    limit.current = Some(allowed);
    let raised = setrlimit(Resource::Nofile, limit).is_ok();
    if !raised || allowed < wanted {
        warn!(
            allowed,
            wanted, "the limit of open files is lower than {connections} connections need; raise it with ulimit -n"
        );
    }
}
