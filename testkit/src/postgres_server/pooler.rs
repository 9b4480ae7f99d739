//! A pgbouncer in front of a test's server.

use std::fs;
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::{PASSWORD, PostgresServer, USER, WATCHDOG, free_port, program, within};

/// Where packages install the program, besides PATH.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";

/// A pooler. It ends when dropped or with the test process.
pub struct Pooler {
    watchdog: Child,
    port: u16,
    _folder: TempDir,
}

impl PostgresServer {
    /// Starts a pgbouncer in this `pool_mode`, for the superuser and these `users` with their passwords, with
    /// additional `settings`. If pgbouncer is not installed, prints that and returns `None`.
    pub fn pooler(&self, mode: &str, users: &[(&str, &str)], settings: &[(&str, &str)]) -> Option<Pooler> {
        let Some(pgbouncer) = find() else {
            println!("skipped: there is no pgbouncer on this machine");
            return None;
        };
        let folder = super::template::folder_of(self.account);
        let file = |name: &str, text: String| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("the pooler's file is written");
            path
        };
        let users = [&[(USER, PASSWORD)], users].concat();
        let users: String = users.iter().map(|(user, password)| format!("\"{user}\" \"{password}\"\n")).collect();
        let users = file("users.txt", users);
        let port = free_port();
        let mut text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = {mode}\n",
            self.port,
            users.display()
        );
        settings.iter().for_each(|(name, value)| text += &format!("{name} = {value}\n"));
        let configuration = file("pgbouncer.ini", text);

        let mut command = program(Path::new(""), "sh");
        command
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(folder.path())
            .arg("TERM")
            .arg(pgbouncer)
            .arg("--quiet")
            .arg(configuration);
        self.account.runs(&mut command, folder.path());
        let mut watchdog =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn().expect("a shell");
        within("pgbouncer listens", || {
            assert!(watchdog.try_wait().expect("it is a child").is_none(), "pgbouncer ended");
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Some(Pooler { watchdog, port, _folder: folder })
    }
}

impl Pooler {
    /// The URL of a database through the pooler.
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The URL of the same database through the pooler, as the superuser.
    pub fn url_of(&self, url: &str) -> String {
        self.url(USER, PASSWORD, url.rsplit('/').next().expect("a database in the URL"))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain([SYSTEM_PROGRAMS.into()]);
    folders.find_map(|folder| Some(folder.join("pgbouncer")).filter(|program| program.is_file()))
}
