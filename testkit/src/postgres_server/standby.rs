//! A standby that follows a server, and takes its place.

use std::fs;
use std::path::Path;

use super::template::folder_of;
use super::{PostgresServer, USER, output, program, within};

impl PostgresServer {
    /// A server that follows this one by streaming replication, asynchronously, as `pg_basebackup` sets it up.
    pub fn standby(&self) -> Self {
        let folder = folder_of(self.account);
        let data = folder.path().join("data");
        let mut backup = program(&self.programs, "pg_basebackup");
        backup.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        backup.args(["--username", USER, "--port", &self.port.to_string()]).arg("--host").arg(self.folder.path());
        self.account.runs(backup.arg("--pgdata").arg(&data), folder.path());
        output(&mut backup).unwrap_or_else(|e| panic!("{backup:?}: {e}"));
        keep_socket_in(folder.path());
        Self::run_in(folder, self.account, self.programs.clone())
    }

    /// Waits until this standby has replayed everything that `primary` has written.
    pub fn catch_up(&self, primary: &Self) {
        let written = primary.psql("postgres", "SELECT pg_current_wal_flush_lsn()");
        let caught_up = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        within("the standby catches up", || (self.psql("postgres", &caught_up) == "t").then_some(()));
    }

    /// This server is lost, and `standby` takes its place, at its address and with what it has.
    pub fn fail_over(&self, standby: Self) {
        self.kill_postmaster();
        if standby.running().is_none() {
            standby.start_again();
        }
        standby.psql("postgres", "SELECT pg_promote()");
        standby.stop();
        let (lost, taken) = (self.folder.path().join("data"), standby.folder.path().join("data"));
        within("the backends of the lost server end", || is_unused(&lost).then_some(()));
        fs::remove_dir_all(&lost).expect("the data of the lost server");
        fs::rename(taken, lost).expect("the standby's data are moved");
        keep_socket_in(self.folder.path());
        self.start_again();
    }
}

/// The settings are those of the server that the data were copied from. Its socket is in a folder of its own.
fn keep_socket_in(folder: &Path) {
    let settings = folder.join("data/postgresql.conf");
    let mut text = fs::read_to_string(&settings).expect("its settings");
    text.push_str(&format!("unix_socket_directories = '{}'\n", folder.display()));
    fs::write(&settings, text).expect("its settings");
}

/// Whether all processes have ended that serve these data.
fn is_unused(data: &Path) -> bool {
    let serves = |process: fs::DirEntry| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == data);
    !fs::read_dir("/proc").expect("processes").flatten().any(serves)
}
