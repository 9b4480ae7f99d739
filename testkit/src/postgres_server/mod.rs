//! A PostgreSQL server for tests: on a free port, in a temporary folder, as durable as a real one, and removed with the
//! test process, however that ends.
//!
//! ```text
//!   mod.rs        the server: start, stop, kill, start again; databases and SQL
//!   pooler.rs     a pgbouncer in front of it
//!   standby.rs    a standby that follows it, and takes its place
//!   programs.rs   where PostgreSQL's programs are
//!   template.rs   data folders and their owners
//! ```
//!
//! ```text
//!   test process ── stdin ──> watchdog (sh) ──> postmaster ──> backends
//! ```
//!
//! The watchdog's stdin is a pipe to which nothing is written. The kernel closes it when the test process ends, even by
//! `kill -9`. The watchdog then stops the server and removes the folder. So a static may hold a server, see
//! [`PostgresServer::shared`].

mod pooler;
pub mod programs;
mod standby;
mod template;

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Seek, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use pooler::Pooler;
use template::Account;

/// The superuser. Its password is required over TCP only; the socket is in a folder that no other user can enter.
pub const USER: &str = "kvs";
pub const PASSWORD: &str = "kvs-password";

/// How long a start or a stop may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Polling interval.
const PAUSE: Duration = Duration::from_millis(5);

/// Ports to choose from, outside the kernel's ephemeral range (Linux from 32768, others from 49152). Otherwise a client
/// that tries to reach a stopped server could get that very port as its own, and connect to itself.
const PORTS: Range<u16> = 15_000..32_000;

/// Arguments: the folder to remove at the end, the signal that ends the server, the server's command. Prints the
/// server's process id, and ends when the server does. Shells without job control let background commands ignore
/// SIGQUIT, but PostgreSQL handles it anyway.
const WATCHDOG: &str = r#"
folder=$1; signal=$2; shift 2
exec 3<&0
trap 'kill -"$signal" "$server"; wait "$server"; rm -rf "$folder"; exit' TERM
"$@" 3<&- </dev/null >&2 &
server=$!
echo "$server"
{ read -r nothing <&3; kill -TERM $$; } >&2 &
watcher=$!
wait "$server"
kill -KILL "$watcher"
"#;

/// A private server. It is stopped, and its data removed, when dropped.
pub struct PostgresServer {
    programs: PathBuf,
    folder: TempDir,
    account: Account,
    port: u16,
    running: Mutex<Option<Running>>,
    databases: AtomicU32,
}

/// The processes of a running server.
struct Running {
    watchdog: Child,
    /// Keeps the server alive, see [`WATCHDOG`].
    life: ChildStdin,
    postmaster: u32,
}

impl PostgresServer {
    /// Starts a server with PostgreSQL's default settings.
    pub fn start() -> Self {
        Self::with_settings(&[])
    }

    /// Starts a server with these settings in its `postgresql.conf`, such as `("fsync", "off")`.
    pub fn with_settings(settings: &[(&str, &str)]) -> Self {
        let programs = programs::find().unwrap_or_else(|e| {
            panic!("no PostgreSQL: {e}; `cargo xtask test` installs it where it may, or install its server yourself")
        });
        let (folder, account) = template::new_folder(&programs);
        let mut configuration = File::options().append(true).open(folder.path().join("data/postgresql.conf")).unwrap();
        let socket_folder = folder.path().to_str().expect("a temporary folder's path is text");
        let own = [("listen_addresses", "127.0.0.1"), ("unix_socket_directories", socket_folder), ("timezone", "UTC")];
        for (name, value) in own.iter().chain(settings) {
            writeln!(configuration, "{name} = '{}'", value.replace('\'', "''")).unwrap();
        }

        Self::run_in(folder, account, programs)
    }

    /// Starts a server with the data in this folder.
    fn run_in(folder: TempDir, account: Account, programs: PathBuf) -> Self {
        let (running, databases) = (Mutex::default(), AtomicU32::new(0));
        let mut server = Self { programs, folder, account, port: free_port(), running, databases };
        loop {
            match server.launch() {
                Ok(running) => *server.running() = Some(running),
                Err(log) if log.contains("Address already in use") => {
                    server.port = free_port();
                    continue;
                }
                Err(log) => panic!("PostgreSQL did not start:\n{log}"),
            }
            return server;
        }
    }

    /// The server that all tests of this process share, started on the first call. It must stay up: tests that stop or
    /// kill a server use their own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Creates a database and returns its URL, with the superuser's password.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(USER, PASSWORD, &name)
    }

    /// The URL of a database over TCP, where the server requires the password.
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL in a database, given by its name or URL, and returns the rows: one per line, columns separated by `|`,
    /// without headings. Every statement is a transaction unless the SQL says otherwise. Panics with psql's message if
    /// one fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|e| panic!("{sql}\n{e}"))
    }

    /// Like [`Self::psql`], but returns psql's message as the error.
    pub fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut script = tempfile::tempfile().expect("a temporary file");
        script.write_all(sql.as_bytes()).and_then(|()| script.rewind()).expect("the SQL is written");
        let mut psql = program(&self.programs, "psql");
        psql.env("PGHOST", self.folder.path()).env("PGPORT", self.port.to_string()).env("PGUSER", USER);
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--no-password"]);
        psql.args(["--dbname", database]).stdin(script);
        output(&mut psql)
    }

    /// The server's version in PostgreSQL's numbering, such as 150018 for 15.18.
    pub fn version(&self) -> u32 {
        self.psql("postgres", "SHOW server_version_num").parse().expect("a number")
    }

    /// What the server has logged since it was first started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).expect("the log can be read")
    }

    /// The folder of the data, the Unix socket and the log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Process id of the postmaster. Panics if the server is not running.
    pub fn postmaster_pid(&self) -> u32 {
        self.running().as_ref().expect("the server runs").postmaster
    }

    /// Process ids of the backends that serve a database's clients.
    pub fn backend_pids(&self, database: &str) -> Vec<u32> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() \
                   AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid";
        self.psql(database, sql).lines().map(|pid| pid.parse().expect("a process id")).collect()
    }

    /// Kills one backend with `kill -9`. The postmaster treats this as a crash: it ends all other backends and recovers
    /// the data. This waits until that is done. To end a single session, use `pg_terminate_backend`.
    pub fn kill_backend(&self, pid: u32) {
        let times_ready = || self.log().matches("database system is ready to accept connections").count();
        let before = times_ready();
        assert!(signal(pid, "KILL"), "there is no backend {pid}");
        within("PostgreSQL recovers", || (times_ready() > before).then_some(()));
    }

    /// Stops the server cleanly; clients are disconnected, and their open transactions rolled back.
    pub fn stop(&self) {
        self.end("INT");
    }

    /// Kills the postmaster with `kill -9`. Backends notice and end by themselves, some time after this returns.
    pub fn kill_postmaster(&self) {
        self.end("KILL");
    }

    /// Starts the server again after it was stopped or killed, with the same port and data.
    pub fn start_again(&self) {
        let mut running = self.running();
        assert!(running.is_none(), "the server runs already");
        let launched = within("PostgreSQL starts again", || match self.launch() {
            // Backends of the killed postmaster hold the shared memory until they have noticed.
            Err(log) if log.contains("is still in use") => None,
            launched => Some(launched),
        });
        *running = Some(launched.unwrap_or_else(|log| panic!("PostgreSQL did not start again:\n{log}")));
    }

    /// Stops the server cleanly and starts it again.
    pub fn restart(&self) {
        self.stop();
        self.start_again();
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Starts the server and waits until it accepts connections. If it ends instead, the error is its log output.
    fn launch(&self) -> Result<Running, String> {
        let log = File::options().create(true).append(true).open(self.log_path()).expect("the log can be written");
        let logged_before = log.metadata().expect("the log is there").len();
        let data = self.folder.path().join("data");

        let mut command = program(Path::new(""), "sh");
        command.args(["-c", WATCHDOG, "watchdog"]).arg(self.folder.path()).arg("QUIT");
        command.arg(self.programs.join("postgres")).args(["-p", &self.port.to_string(), "-D"]).arg(&data);
        self.account.runs(&mut command, self.folder.path());
        // Not in the terminal's process group: Ctrl-C is meant for the test process, and the watchdog acts only when
        // that has ended.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).process_group(0);
        let mut watchdog = command.spawn().expect("a shell can be executed");
        let life = watchdog.stdin.take().expect("it is piped");
        let mut postmaster = String::new();
        let said = BufReader::new(watchdog.stdout.take().expect("it is piped")).read_line(&mut postmaster);
        said.expect("a process id is said");
        let postmaster = postmaster.trim().parse().expect("a process id is a number");

        let ready = within("PostgreSQL is ready", || match watchdog.try_wait().expect("it is a child") {
            Some(_) => Some(false),
            None => is_ready(&data, postmaster).then_some(true),
        });
        match ready {
            true => Ok(Running { watchdog, life, postmaster }),
            false => Err(self.log().split_off(usize::try_from(logged_before).expect("a log fits into memory"))),
        }
    }

    /// Sends a signal to the postmaster and waits for its end.
    fn end(&self, name: &str) {
        let Running { mut watchdog, life, postmaster } = self.running().take().expect("the server runs");
        assert!(signal(postmaster, name), "the postmaster {postmaster} has ended by itself:\n{}", self.log());
        // Child::wait would close stdin, which tells the watchdog to stop the server in its own way.
        within("PostgreSQL ends", || watchdog.try_wait().expect("it is a child"));
        drop(life);
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(Running { mut watchdog, life, .. }) = self.running().take() {
            drop(life);
            let _ = watchdog.wait();
        }
    }
}

/// Whether the postmaster's lock file says that it accepts connections, if only to read; `pg_ctl` uses the same line.
fn is_ready(data: &Path, postmaster: u32) -> bool {
    let lock = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = lock.lines();
    // A killed postmaster leaves the file, with its old process id.
    lines.next().and_then(|pid| pid.parse().ok()) == Some(postmaster)
        && lines.nth(6).map(str::trim).is_some_and(|state| matches!(state, "ready" | "standby"))
}

/// A port that nothing listens on, and that the kernel does not assign.
pub fn free_port() -> u16 {
    let random = RandomState::new();
    let port = |attempt: u64| PORTS.start + (random.hash_one(attempt) % PORTS.len() as u64) as u16;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (0..1_000).map(port).find(is_free).expect("a free port")
}

/// A command with English messages, and without environment variables that say where to connect.
fn program(folder: &Path, name: &str) -> Command {
    let mut command = Command::new(folder.join(name));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C");
    command
}

/// Runs a command to its end and returns its output; the error is its message.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let printed = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is UTF-8");
    match output.status.success() {
        true => Ok(printed(output.stdout).trim_end_matches('\n').to_string()),
        false => Err(printed(output.stderr)),
    }
}

/// Sends a signal, such as `STOP`; returns whether the process exists.
pub fn signal(pid: u32, name: &str) -> bool {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status();
    sent.expect("kill can be executed").success()
}

/// Polls until there is a result; panics after `DEADLINE`.
pub fn within<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}
