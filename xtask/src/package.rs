//! The Debian package: built with cargo-deb, and tested in a container that systemd boots. What was acknowledged must
//! survive a kill, a hang, a reboot, an upgrade, the removal and a purge.

use std::time::Duration;

use crate::docker::{Cleanup, engine_answers, run as command, wait_for};
use crate::{Failed, cargo, images, root, step};

/// Where the package is built, below the root of the project.
const PACKAGE: &str = "target/package/kvs.deb";

/// What kvs-cli prints for the package, and the names of these files beside it.
const PRINTED: [(&[&str], &str); 4] = [
    (&["man"], "kvs-cli.1"),
    (&["completions", "bash"], "kvs-cli.bash"),
    (&["completions", "zsh"], "kvs-cli.zsh"),
    (&["completions", "fish"], "kvs-cli.fish"),
];

/// Where these files are installed.
const INSTALLED: [&str; 4] = [
    "/usr/share/man/man1/kvs-cli.1.gz",
    "/usr/share/bash-completion/completions/kvs-cli",
    "/usr/share/zsh/vendor-completions/_kvs-cli",
    "/usr/share/fish/vendor_completions.d/kvs-cli.fish",
];

/// The worst exposure that `systemd-analyze security` may find, in tenths; docs/deployment.md names what it finds.
const EXPOSURE: &str = "15";

/// Time for a service to be what is expected of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A shorter watchdog, so that the test need not wait for so long.
const IMPATIENT: &str = "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=1s\n";

/// Builds the package and tests it, with what is here.
pub(crate) fn run() -> Result<(), Failed> {
    if !cargo().args(["deb", "--version"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("xtask: cargo-deb is not installed (cargo install --locked cargo-deb): there is no package to test");
        return Ok(());
    }
    let packages = ["--package", "gateway", "--package", "txnd", "--package", "cli"];
    step(cargo().args(["build", "--release", "--locked", "--bins"]).args(packages))?;
    print_by_itself()?;
    step(cargo().args(["deb", "--no-build", "--locked", "--strip", "--package", "gateway", "--output", PACKAGE]))?;
    if !engine_answers() {
        eprintln!("xtask: no Docker engine responds (docker info): the package is built, and not tested");
        return Ok(());
    }
    let mut cleanup = Cleanup::new()?;
    let machine = Machine::boot(images::systemd(&mut cleanup)?, &mut cleanup)?;
    let result = check(&machine);
    if result.is_err() {
        let said = machine.sh("journalctl --no-pager --lines 60; systemctl status --no-pager kvs txnd");
        eprintln!("{}", said.unwrap_or_else(|Failed(why)| why));
    }
    result
}

/// Makes the manual page and the completions of kvs-cli.
fn print_by_itself() -> Result<(), Failed> {
    let folder = root().join("target/package");
    std::fs::create_dir_all(&folder).map_err(|e| Failed(format!("{}: {e}", folder.display())))?;
    for (args, name) in PRINTED {
        let printed = command(20, &[&["target/release/kvs-cli"], args].concat())?;
        std::fs::write(folder.join(name), printed + "\n").map_err(|e| Failed(format!("{name}: {e}")))?;
    }
    Ok(())
}

/// A container that is a machine.
struct Machine(String);

impl Machine {
    fn boot(image: &str, cleanup: &mut Cleanup) -> Result<Self, Failed> {
        let name = format!("kvs-test-{}", std::process::id());
        cleanup.add(&["docker", "rm", "--force", "--volumes", &name])?;
        // What systemd needs to mount and to keep its services apart.
        let rights = ["--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined"];
        let mounts = ["--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"];
        let run = ["docker", "run", "--detach", "--network=none", "--cgroupns=host", "--name", &name];
        command(60, &[&run[..], &rights, &mounts, &[image]].concat())?;
        let machine = Self(name);
        machine.wait_booted()?;
        Ok(machine)
    }

    fn wait_booted(&self) -> Result<(), Failed> {
        wait_for("systemd to be up", PATIENCE, || {
            self.sh("systemctl is-system-running || true").ok().filter(|state| state == "running")
        })
        .map(drop)
    }

    /// Runs a shell's line as root. Returns what it says.
    fn sh(&self, line: &str) -> Result<String, Failed> {
        command(90, &["docker", "exec", &self.0, "sh", "-euc", line])
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), Failed> {
        command(60, &["docker", "cp", from, &format!("{}:{to}", self.0)]).map(drop)
    }

    /// A property of a service.
    fn property(&self, service: &str, name: &str) -> Result<String, Failed> {
        self.sh(&format!("systemctl show --property {name} --value {service}"))
    }

    /// Waits until a property has this value.
    fn wait_property(&self, service: &str, name: &str, value: &str) -> Result<(), Failed> {
        wait_for(&format!("{name} of {service} to be {value:?}"), PATIENCE, || {
            self.property(service, name).is_ok_and(|now| now == value).then_some(())
        })
    }

    /// Sends a signal to the process of a service, and waits until systemd has restarted it.
    fn restarts_after(&self, service: &str, signal: &str) -> Result<(), Failed> {
        eprintln!("xtask: kill -{signal} {service}");
        let restarts: u32 = self.property(service, "NRestarts")?.parse().unwrap_or(0);
        self.sh(&format!("kill -{signal} $(systemctl show --property MainPID --value {service})"))?;
        self.wait_property(service, "NRestarts", &(restarts + 1).to_string())?;
        self.wait_property(service, "ActiveState", "active")
    }

    /// One request to kvs, which must be answered with 200. Returns the body.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<String, Failed> {
        let url = format!("http://127.0.0.1:8080/kvs/v1-0-0/{path}");
        self.sh(&format!("curl --silent --show-error --fail --request {method} --data '{body}' {url}"))
    }

    fn remembers(&self, key: &str, value: &str) -> Result<(), Failed> {
        expect(key, &self.ask("GET", &format!("int-get/{key}"), "")?, value)
    }
}

fn check(machine: &Machine) -> Result<(), Failed> {
    let step = |what: &str| eprintln!("xtask: {what}");
    step("install it");
    machine.copy(&root().join(PACKAGE).display().to_string(), "/kvs.deb")?;
    machine.sh("dpkg --install /kvs.deb")?;
    serves_confined(machine)?;
    machine.ask("PUT", "int-put/visits", "41")?;
    expect("kvs-cli", &machine.sh("kvs-cli get int visits")?, "41")?;
    // A small Debian leaves manual pages out when it installs packages.
    let content = machine.sh("dpkg --contents /kvs.deb")?;
    if let Some(missing) = INSTALLED.iter().find(|file| !content.contains(*file)) {
        return Err(Failed(format!("{missing} is not in the package")));
    }

    step("kill it");
    machine.restarts_after("kvs", "KILL")?;
    machine.remembers("visits", "41")?;
    machine.sh(&format!("mkdir -p /run/systemd/system/kvs.service.d && printf '{IMPATIENT}' > /run/systemd/system/kvs.service.d/test.conf && systemctl daemon-reload && systemctl restart kvs"))?;
    machine.restarts_after("kvs", "STOP")?;
    machine.remembers("visits", "41")?;
    machine.sh("rm -r /run/systemd/system/kvs.service.d && systemctl daemon-reload && systemctl restart kvs && systemctl reload kvs")?;

    step("lock it");
    locked(machine)?;

    step("put txnd behind it");
    behind_txnd(machine)?;

    step("boot the machine again, upgrade the package");
    command(120, &["docker", "restart", &machine.0])?;
    machine.wait_booted()?;
    machine.wait_property("kvs", "ActiveState", "active")?;
    machine.remembers("visits", "41")?;
    machine.sh("echo KVS_MAX_CONNECTIONS=99 >> /etc/kvs/kvs.env && dpkg --install /kvs.deb")?;
    machine.remembers("visits", "41")?;
    let limit = "curl --silent --fail http://127.0.0.1:8091/metrics | grep '^kvs_connections_limit '";
    expect("the limit of kvs.env", &machine.sh(limit)?, "kvs_connections_limit 99.0")?;

    step("remove it, install it again, purge it");
    removed(machine, "--remove")?;
    expect("kvs.env after removal", &machine.sh("tail -n 1 /etc/kvs/kvs.env")?, "KVS_MAX_CONNECTIONS=99")?;
    machine.sh("dpkg --install /kvs.deb")?;
    machine.remembers("visits", "41")?;
    removed(machine, "--purge")?;
    expect("configuration after a purge", &machine.sh("ls /etc/kvs/*.env 2>/dev/null || true")?, "")?;
    // The folder is whole: a package that comes later finds everything.
    machine.sh("dpkg --install /kvs.deb")?;
    machine.remembers("visits", "41")
}

fn expect(what: &str, found: &str, expected: &str) -> Result<(), Failed> {
    match found == expected {
        true => Ok(()),
        false => Err(Failed(format!("{what}: expected {expected:?}, found {found:?}"))),
    }
}

/// The service runs by itself, as it should.
fn serves_confined(machine: &Machine) -> Result<(), Failed> {
    for (service, state, enabled) in [("kvs", "active", "enabled"), ("txnd", "inactive", "disabled")] {
        expect(service, &machine.property(service, "ActiveState")?, state)?;
        expect(service, &machine.property(service, "UnitFileState")?, enabled)?;
        // Says nothing if nothing is wrong.
        let unit = format!("/usr/lib/systemd/system/{service}.service");
        expect(&unit, &machine.sh(&format!("systemd-analyze verify {unit} 2>&1"))?, "")?;
        let judge = "systemd-analyze security --no-pager --offline=true";
        let judgement = machine.sh(&format!("{judge} --threshold={EXPOSURE} {unit}"))?;
        eprintln!("xtask: {service}: {}", judgement.lines().last().unwrap_or_default());
    }
    expect("the status of kvs", &machine.property("kvs", "StatusText")?, "serving")?;
    expect("its watchdog", &machine.property("kvs", "WatchdogUSec")?, "30s")?;
    let process = format!("/proc/{}", machine.property("kvs", "MainPID")?);
    expect("its user", &machine.sh(&format!("stat --format %U {process}"))?, "kvs")?;
    let rights = machine.sh(&format!("grep -E '^(CapBnd|NoNewPrivs|Seccomp):' {process}/status | tr '\\t' ' '"))?;
    expect("its rights", &rights, "CapBnd: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2")?;
    // The filter of system calls lets it choose its cores.
    let worker = format!("grep --files-with-matches kvs-worker-0 {process}/task/*/comm | xargs dirname");
    let cores = machine.sh(&format!("grep Cpus_allowed_list $({worker})/status | cut -f 2"))?;
    if cores.parse::<u32>().is_err() {
        return Err(Failed(format!("a worker that is not pinned to a core, but may run on {cores:?}")));
    }
    expect("its folder", &machine.sh("stat --format '%U %a' /var/lib/kvs")?, "kvs 700")?;
    // Nothing that it tries is refused by the sandbox.
    expect(
        "warnings",
        &machine.sh("journalctl --no-pager --unit kvs --grep 'WARN|ERROR|not permitted' || true")?,
        "-- No entries --",
    )
}

/// With an identity, which the user of the service makes, and one that is made while it runs.
fn locked(machine: &Machine) -> Result<(), Failed> {
    let new = |name: &str| {
        machine.sh(&format!(
            "runuser -u kvs -- kvs token new {name} --scope read,write --identities /var/lib/kvs/identities.toml"
        ))
    };
    let asks = |token: &str| {
        let get = "curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:8080/kvs/v1-0-0/int-get/visits";
        machine.sh(&format!("{get} --header 'Authorization: Bearer {token}'"))
    };
    let first = new("first")?;
    machine.sh("echo KVS_IDENTITIES=/var/lib/kvs/identities.toml >> /etc/kvs/kvs.env && systemctl restart kvs")?;
    expect("a client without a token", &asks("")?, "401")?;
    expect("a client with a token", &asks(&first)?, "200")?;
    let second = new("second")?;
    machine.sh("systemctl reload kvs")?;
    wait_for("a new token to be known", PATIENCE, || asks(&second).ok().filter(|status| status == "200"))?;
    machine.sh("sed -i '$d' /etc/kvs/kvs.env && systemctl restart kvs")?;
    machine.remembers("visits", "41")
}

/// The log behind a txnd on the same machine, for a while.
fn behind_txnd(machine: &Machine) -> Result<(), Failed> {
    machine.sh("txnd certs /etc/kvs/tls && cd /etc/kvs/tls && chown txnd txnd.key && chown kvs kvs.key")?;
    machine.sh("systemctl enable --now txnd")?;
    expect("the status of txnd", &machine.property("txnd", "StatusText")?, "log: no writer is connected")?;
    machine.sh("echo KVS_LOG=https://localhost:5051 >> /etc/kvs/kvs.env && systemctl restart kvs")?;
    machine.ask("PUT", "int-put/remote", "7")?;
    machine.restarts_after("txnd", "KILL")?;
    // Waits for txnd, if it has to.
    machine.sh("systemctl restart kvs")?;
    machine.remembers("remote", "7")?;
    machine.sh("test -d /var/lib/txnd/log && sed -i '$d' /etc/kvs/kvs.env && systemctl restart kvs && systemctl disable --now txnd")?;
    machine.remembers("visits", "41")
}

/// The package is gone, and what it has stored is not.
fn removed(machine: &Machine, how: &str) -> Result<(), Failed> {
    let said = machine.sh(&format!("dpkg {how} kvs 2>&1"))?;
    if how == "--purge" && !said.contains("kept the data in /var/lib/kvs") {
        return Err(Failed(format!("a purge that does not say what is left: {said}")));
    }
    expect("programs", &machine.sh("ls /usr/bin/kvs /usr/bin/txnd /usr/bin/kvs-cli 2>/dev/null || true")?, "")?;
    expect("processes", &machine.sh("cat /proc/[0-9]*/comm | grep -xE 'kvs|txnd' || true")?, "")?;
    machine.sh("ls /var/lib/kvs/log/* /var/lib/txnd/log/* > /dev/null").map(drop)
}
