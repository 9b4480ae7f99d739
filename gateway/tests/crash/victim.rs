//! What can die beneath a kvs, and how it comes back.

use crate::deployment::Deployment;
use testkit::postgres_server::within;

/// A process beneath kvs. All of them come back at once, so that what is tested is the crash and not the absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    Txnd,
    /// The backend that serves the writer of the log. PostgreSQL then ends all others, and recovers by itself.
    Backend,
    Postmaster,
}

impl Victim {
    /// `kill -9`.
    pub(crate) fn kill(self, deployment: &mut Deployment) {
        match (self, deployment.server) {
            (Self::Txnd, _) => deployment.kill_txnd(),
            (Self::Backend, Some(server)) => {
                let url = deployment.tables.as_ref().expect("a server has tables");
                let sql = "SELECT pid FROM pg_stat_activity \
                           WHERE datname = current_database() AND application_name = 'kvs' LIMIT 1";
                server.kill_backend(within("the log's writer is connected", || server.psql(url, sql).parse().ok()));
            }
            (Self::Postmaster, Some(server)) => server.kill_postmaster(),
            (_, None) => unreachable!("{}: there is no PostgreSQL to be killed", deployment.name),
        }
    }

    /// Starts what does not come back by itself.
    pub(crate) fn start_again(self, deployment: &mut Deployment) {
        match (self, deployment.server) {
            (Self::Txnd, _) => deployment.start_txnd(),
            (Self::Postmaster, Some(server)) => server.start_again(),
            _ => {}
        }
    }
}
