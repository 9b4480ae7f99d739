//! A server process. It ends with this process, however this one ends.
//!
//! A server is not executed directly. This program executes itself (`loadtest launch`), pins itself, asks the kernel
//! for a signal when its parent dies (prctl(2), PR_SET_PDEATHSIG: it stays in force through execve), and then becomes
//! the server. So nothing needs to happen between fork and exec, which would need unsafe code, and a killed harness
//! leaves no processes.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::pin;

/// Timeout until a server listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Timeout of a stop, after which the server is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Arguments of `loadtest launch`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Launch {
    /// Process that the server must not outlive
    #[arg(long)]
    parent: u32,
    /// Cores that the server may use
    #[arg(long, value_delimiter = ',')]
    cores: Vec<usize>,
    /// The server and its arguments
    #[arg(last = true, required = true)]
    command: Vec<std::ffi::OsString>,
}

impl Launch {
    /// Becomes the server. Returns only if that fails.
    pub(crate) fn exec(self) -> String {
        if !self.cores.is_empty()
            && let Err(e) = pin::this_thread(&self.cores)
        {
            return e;
        }
        // Not SIGKILL: then the master of nginx could not stop its workers.
        if let Err(e) = rustix::process::set_parent_process_death_signal(Some(Signal::TERM)) {
            return format!("prctl: {e}");
        }
        // If the parent has already died, no signal comes.
        if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get() as u32) != Some(self.parent) {
            return "the parent is gone".into();
        }
        let error = Command::new(&self.command[0]).args(&self.command[1..]).exec();
        format!("{}: {error}", Path::new(&self.command[0]).display())
    }
}

/// A server process.
#[derive(Debug)]
pub(crate) struct Child {
    name: String,
    child: std::process::Child,
    /// Lines of its standard error.
    said: Receiver<String>,
}

impl Child {
    /// Starts `command` on these cores. Call it from the main thread: the kernel's signal is for the death of the
    /// thread that started the process.
    pub(crate) fn start(command: &Command, cores: &[usize]) -> Result<Self, String> {
        let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let me = std::env::current_exe().map_err(|e| format!("/proc/self/exe: {e}"))?;
        let cores: Vec<String> = cores.iter().map(usize::to_string).collect();
        let mut launch = Command::new(me);
        launch.arg("launch").args(["--parent", &std::process::id().to_string()]);
        if !cores.is_empty() {
            launch.args(["--cores", &cores.join(",")]);
        }
        launch.arg("--").arg(command.get_program()).args(command.get_args());
        // In its own process group: Ctrl-C in a terminal is for the harness, which then stops the server cleanly.
        launch.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = launch.spawn().map_err(|e| format!("cannot start {name}: {e}"))?;
        let (sender, said) = channel();
        let stderr = child.stderr.take().ok_or("no standard error")?;
        std::thread::spawn(move || {
            // Read to the end even if nothing receives the lines any more, so that the server never blocks on writing.
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Ok(Self { name, child, said })
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of its standard error that `find` accepts.
    pub(crate) fn wait_for_line<T>(&self, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let (deadline, mut said) = (Instant::now() + START_TIMEOUT, Vec::new());
        while let Ok(line) = self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if let Some(found) = find(&line) {
                return Ok(found);
            }
            said.push(line);
        }
        Err(format!("{} did not start; it said: {}", self.name, said.join("\n")))
    }

    /// Waits until it accepts connections.
    pub(crate) fn wait_for_port(&mut self, addr: SocketAddr) -> Result<(), String> {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if TcpStream::connect(addr).is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                let said: Vec<String> = self.said.iter().collect();
                return Err(format!("{} ended ({status}); it said: {}", self.name, said.join("\n")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("{} does not listen on {addr}", self.name))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                self.signal(Signal::KILL);
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A loopback address that nothing listens on.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map_err(|e| format!("no free port: {e}"))
}

/// Finds a program in PATH or in the directories of administrators' programs.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|file| file.is_file())
}
