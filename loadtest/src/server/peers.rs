//! Peers: other servers, with settings that let them do their best at the same work.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::{Server, temporary_folder};
use crate::process::child::{Child, find_program, free_address};
use crate::target::{Scheme, Target};

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Peer {
    /// Redis, without persistence.
    Redis,
    /// Valkey, without persistence.
    Valkey,
    /// memcached, one thread.
    Memcached,
    /// Webdis in front of a Redis.
    Webdis,
    /// nginx, one worker, `return 200`.
    Nginx,
}

impl Peer {
    /// Every peer.
    pub(crate) const ALL: [Self; 5] = [Self::Redis, Self::Valkey, Self::Memcached, Self::Webdis, Self::Nginx];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Valkey => "Valkey",
            Self::Memcached => "memcached",
            Self::Webdis => "Webdis + Redis",
            Self::Nginx => "nginx",
        }
    }

    /// The programs that it needs.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Redis => &["redis-server"],
            Self::Valkey => &["valkey-server"],
            Self::Memcached => &["memcached"],
            Self::Webdis => &["webdis", "redis-server"],
            Self::Nginx => &["nginx"],
        }
    }

    /// Those that are not installed.
    pub(crate) fn missing(self) -> Vec<&'static str> {
        self.programs().iter().copied().filter(|name| find_program(name).is_none()).collect()
    }

    /// Starts it on these cores.
    pub(crate) fn start(self, cores: &[usize]) -> Result<Server, String> {
        match self {
            Self::Redis => redis(self, "redis-server", cores),
            Self::Valkey => redis(self, "valkey-server", cores),
            Self::Memcached => memcached(cores),
            Self::Webdis => webdis(cores),
            Self::Nginx => nginx(cores),
        }
    }
}

fn program(name: &str) -> Result<PathBuf, String> {
    find_program(name).ok_or_else(|| format!("{name} is not installed"))
}

/// Redis, or Valkey, which is a fork of it.
fn redis(peer: Peer, name: &str, cores: &[usize]) -> Result<Server, String> {
    let (program, addr, folder) = (program(name)?, free_address()?, temporary_folder()?);
    let mut command = Command::new(&program);
    command.args(["--bind", "127.0.0.1", "--port", &addr.port().to_string(), "--daemonize", "no"]);
    command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(folder.path());
    let mut child = Child::start(&command, cores)?;
    child.wait_for_port(addr)?;
    // `Redis server v=7.0.15 sha=...`
    let said = first_line(&program, "--version");
    let version = said.split_whitespace().find_map(|word| word.strip_prefix("v=")).unwrap_or("?").to_owned();
    let target = Target::local(Scheme::Redis, addr);
    Ok(Server {
        preload: target.clone(),
        target,
        version: format!("{} {version}", peer.name()),
        children: vec![child],
        _folder: Some(folder),
    })
}

fn memcached(cores: &[usize]) -> Result<Server, String> {
    let (program, addr) = (program("memcached")?, free_address()?);
    let mut command = Command::new(&program);
    // One thread, as kvs has one worker here; no practical limit on requests per read (-R); enough memory (MiB)
    // that nothing is evicted. As root it needs a user to change to.
    command.args(["-l", "127.0.0.1", "-p", &addr.port().to_string(), "-U", "0", "-t", "1", "-R", "1024", "-m", "4096"]);
    command.args(["-u", "nobody"]);
    let mut child = Child::start(&command, cores)?;
    child.wait_for_port(addr)?;
    let target = Target::local(Scheme::Memcached, addr);
    // `memcached 1.6.18`
    let version = first_line(&program, "-V");
    Ok(Server { preload: target.clone(), target, version, children: vec![child], _folder: None })
}

fn webdis(cores: &[usize]) -> Result<Server, String> {
    let redis = Peer::Redis.start(cores)?;
    let (program, addr, folder) = (program("webdis")?, free_address()?, temporary_folder()?);
    // One thread, as kvs has one worker here. The pool has its default size.
    let config = serde_json::json!({
        "redis_host": "127.0.0.1", "redis_port": redis.target.addr.port(), "redis_auth": null,
        "http_host": "127.0.0.1", "http_port": addr.port(), "threads": 1, "pool_size": 20,
        "daemonize": false, "websockets": false, "database": 0, "verbosity": 0,
        "logfile": folder.path().join("webdis.log"), "pidfile": folder.path().join("webdis.pid"),
    });
    let file = folder.path().join("webdis.json");
    std::fs::write(&file, config.to_string()).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut child = Child::start(Command::new(&program).arg(&file), cores)?;
    child.wait_for_port(addr)?;
    let Server { target: preload, version, mut children, .. } = redis;
    children.insert(0, child);
    Ok(Server {
        target: Target::local(Scheme::Webdis, addr),
        preload,
        // Webdis does not report its version.
        version: format!("Webdis + {version}"),
        children,
        _folder: Some(folder),
    })
}

fn nginx(cores: &[usize]) -> Result<Server, String> {
    let (program, addr, folder) = (program("nginx")?, free_address()?, temporary_folder()?);
    let path = folder.path().display();
    // The body has the length of an int.
    let config = format!(
        "worker_processes 1;\ndaemon off;\npid {path}/nginx.pid;\nerror_log stderr;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 1000000000;\n  client_body_temp_path {path}; proxy_temp_path {path};\n  \
         fastcgi_temp_path {path}; uwsgi_temp_path {path}; scgi_temp_path {path};\n  \
         server {{ listen {addr}; location / {{ default_type text/plain; return 200 \"1000000\"; }} }}\n}}\n"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, config).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut child = Child::start(Command::new(&program).arg("-c").arg(&file).arg("-p").arg(folder.path()), cores)?;
    child.wait_for_port(addr)?;
    // `nginx version: nginx/1.22.1`
    let version = first_line(&program, "-v");
    let version = version.rsplit('/').next().unwrap_or("?").to_owned();
    let target = Target::local(Scheme::Http("/".into()), addr);
    Ok(Server {
        preload: target.clone(),
        target,
        version: format!("nginx {version}"),
        children: vec![child],
        _folder: Some(folder),
    })
}

/// The first line of a program's version output, from either stream.
fn first_line(program: &Path, argument: &str) -> String {
    let Ok(said) = Command::new(program).arg(argument).output() else { return String::new() };
    let both = [said.stdout, said.stderr].concat();
    String::from_utf8_lossy(&both).lines().next().unwrap_or_default().trim().to_owned()
}
