//! The running deployment.

use std::time::Duration;

use super::rest;
use crate::Failed;
use crate::docker::{Cleanup, run, wait_for};

/// Time for all services to become healthy; the first start creates a database.
const START_SECONDS: u32 = 300;

/// Time for a service to recover after its process has been killed.
const RESTART_TIME: Duration = Duration::from_secs(90);

/// The long-running services, in the order in which they start.
pub(super) const SERVICES: [&str; 3] = ["postgres", "txnd", "kvs"];

/// A project of Docker Compose.
pub(super) struct Stack {
    project: String,
    image: String,
    /// Address of the REST service on this machine.
    pub(super) port: u16,
    compose: Vec<String>,
}

impl Stack {
    /// Prepares a project and its removal. Starts nothing.
    pub(super) fn new(project: &str, image: &str, port: u16, cleanup: &mut Cleanup) -> Result<Self, Failed> {
        let tools = [&["docker", "compose"][..], &["docker-compose"]];
        let tool = tools.into_iter().find(|tool| run(20, &[tool, &["version"][..]].concat()).is_ok());
        let tool = tool.ok_or_else(|| Failed("neither `docker compose` nor docker-compose is here".into()))?;
        let settings = [format!("KVS_IMAGE={image}"), format!("KVS_PORT={port}")];
        let which = ["--file", "compose.yaml", "--project-name", project];
        let compose = ["env"].iter().copied().chain(settings.iter().map(String::as_str));
        let compose = compose.chain(tool.iter().copied()).chain(which).map(str::to_owned).collect();
        let stack = Self { project: project.to_owned(), image: image.to_owned(), port, compose };
        cleanup.add(&stack.command(&["--profile", "tools", "down", "--volumes", "--timeout", "1"]))?;
        Ok(stack)
    }

    fn command<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        self.compose.iter().map(String::as_str).chain(args.iter().copied()).collect()
    }

    /// Runs a Docker Compose command on the project.
    pub(super) fn compose(&self, seconds: u32, args: &[&str]) -> Result<String, Failed> {
        run(seconds, &self.command(args))
    }

    /// Starts the services that are not running, and waits until all are healthy.
    pub(super) fn up(&self) -> Result<(), Failed> {
        self.compose(START_SECONDS, &["up", "--detach", "--no-build"])?;
        SERVICES.iter().try_for_each(|service| self.wait_healthy(service))
    }

    /// Waits until a service is healthy.
    pub(super) fn wait_healthy(&self, service: &str) -> Result<(), Failed> {
        wait_for(&format!("{service} to be healthy"), RESTART_TIME, || {
            self.inspect(service, "{{.State.Health.Status}}").is_ok_and(|status| status == "healthy").then_some(())
        })
    }

    /// The container of a service, running or not.
    pub(super) fn container(&self, service: &str) -> Result<String, Failed> {
        let filter = format!("label=com.docker.compose.service={service}");
        let found = run(20, &["docker", "ps", "--all", "--quiet", "--filter", &self.label(), "--filter", &filter])?;
        match found.lines().count() {
            1 => Ok(found),
            n => Err(Failed(format!("{n} containers of {service}"))),
        }
    }

    /// A field of `docker inspect` for the container of a service.
    pub(super) fn inspect(&self, service: &str, format: &str) -> Result<String, Failed> {
        run(20, &["docker", "inspect", "--format", format, &self.container(service)?])
    }

    /// Runs a command in the container of a service.
    pub(super) fn exec(&self, service: &str, command: &[&str]) -> Result<String, Failed> {
        let container = self.container(service)?;
        run(60, &[&["docker", "exec", container.as_str()], command].concat())
    }

    /// The rows of a query, columns separated by `|`.
    pub(super) fn sql(&self, query: &str) -> Result<String, Failed> {
        self.exec("postgres", &["psql", "-U", "postgres", "-d", "kvs", "-At", "-c", query])
    }

    /// One request to the REST service.
    pub(super) fn request(&self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
        rest::request(self.port, method, path, body)
    }

    /// Kills the process of a service as a crash would, and waits until it has restarted by itself. Docker does not
    /// restart what it was told to kill, so a container that sees the machine's processes sends the signal.
    pub(super) fn kill(&self, service: &str) -> Result<(), Failed> {
        eprintln!("xtask: kill -9 {service}");
        let process = self.inspect(service, "{{.State.Pid}}")?;
        let killer = ["docker", "run", "--rm", "--pid=host", "--userns=host", "--network=none", "--user=0:0"];
        run(60, &[&killer, &[self.image.as_str(), "sh", "-c", &format!("kill -9 {process}")][..]].concat())?;
        wait_for(&format!("{service} to be restarted"), RESTART_TIME, || {
            self.inspect(service, "{{.State.Pid}}").is_ok_and(|now| now != "0" && now != process).then_some(())
        })?;
        self.wait_healthy(service)
    }

    /// Removes a volume of the project, which is not in use.
    pub(super) fn remove_volume(&self, name: &str) -> Result<(), Failed> {
        run(60, &["docker", "volume", "rm", &format!("{}_{name}", self.project)]).map(drop)
    }

    /// The names of existing containers, volumes and networks.
    pub(super) fn parts(&self) -> Result<String, Failed> {
        let mut parts = String::new();
        for list in [&["ps", "--all"][..], &["volume", "ls"], &["network", "ls"]] {
            parts += &run(20, &[&["docker"], list, &["--quiet", "--filter", &self.label()]].concat())?;
        }
        Ok(parts)
    }

    fn label(&self) -> String {
        format!("label=com.docker.compose.project={}", self.project)
    }
}
