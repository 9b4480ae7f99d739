//! The images of the deployments: kvs's own, with the programs built here, and the public ones that it needs. Where no
//! registry can be reached, stand-ins with the same content take the public names during the test.

use std::process::Stdio;

use crate::docker::{Cleanup, limited, run};
use crate::{Failed, root, servers, step};

const DEBIAN: &str = "debian:bookworm-slim";
const POSTGRES: &str = "postgres:15";

/// Prefix of the names of stand-ins. They are kept, so that the next test is quick.
const STAND_IN: &str = "kvs-test/";

/// The name of the Debian system that boots with systemd. It is kept, so that the next test is quick.
const SYSTEMD: &str = "kvs-test/systemd";

/// Provides the image with kvs, txnd and kvs-cli, under this name.
pub(crate) fn kvs(name: &str, cleanup: &mut Cleanup) -> Result<(), Failed> {
    public(DEBIAN, cleanup, debian)?;
    programs(name, cleanup)
}

/// Provides the image with PostgreSQL, under its public name.
pub(crate) fn postgres(cleanup: &mut Cleanup) -> Result<(), Failed> {
    public(DEBIAN, cleanup, debian)?;
    public(POSTGRES, cleanup, |name| build(&["--tag", name, "xtask/images/postgres"]))
}

/// Provides a Debian system that boots with systemd, and has curl. Returns its name.
pub(crate) fn systemd(cleanup: &mut Cleanup) -> Result<&'static str, Failed> {
    public(DEBIAN, cleanup, debian)?;
    build(&["--tag", SYSTEMD, "xtask/images/systemd"])?;
    Ok(SYSTEMD)
}

/// Provides a public image: uses it if present, otherwise pulls it from its registry, otherwise builds it.
fn public(name: &str, cleanup: &mut Cleanup, make: impl FnOnce(&str) -> Result<(), Failed>) -> Result<(), Failed> {
    if exists(name) || run(300, &["docker", "pull", "--quiet", name]).is_ok() {
        return Ok(());
    }
    let stand_in = format!("{STAND_IN}{name}");
    eprintln!("xtask: {name} cannot be pulled; using {stand_in} instead");
    make(&stand_in)?;
    cleanup.add(&["docker", "image", "rm", name])?;
    run(20, &["docker", "tag", &stand_in, name]).map(drop)
}

fn exists(name: &str) -> bool {
    run(20, &["docker", "image", "inspect", name]).is_ok()
}

/// A minimal Debian system, made from packages. Needs root privileges and a minute or two.
fn debian(name: &str) -> Result<(), Failed> {
    if exists(name) {
        return Ok(());
    }
    if run(20, &["debootstrap", "--version"]).is_err() {
        step(&mut limited(300, &["apt-get", "install", "--yes", "--no-install-recommends", "debootstrap"]))?;
    }
    let (folder, archive) = ("target/compose/debian", "target/compose/debian.tar");
    std::fs::create_dir_all(root().join("target/compose")).map_err(|e| Failed(format!("target/compose: {e}")))?;
    // Do not delete from a file system that is still mounted in there.
    let remove = || run(60, &["rm", "-rf", "--one-file-system", folder, archive]);
    remove()?;
    let system = ["debootstrap", "--variant=minbase", "bookworm", folder, "http://deb.debian.org/debian"];
    step(limited(900, &system).stdout(Stdio::null()))?;
    let without = ["--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*"];
    run(60, &[&["tar", "-cf", archive, "-C", folder], &without[..], &["."]].concat())?;
    run(120, &["docker", "import", "--change", "CMD [\"bash\"]", archive, name])?;
    remove().map(drop)
}

/// The programs, as they were built last; or built in Docker, if they do not run on Debian 12 because this system's C library is newer.
fn programs(name: &str, cleanup: &mut Cleanup) -> Result<(), Failed> {
    let context = root().join("target/compose/programs");
    std::fs::create_dir_all(&context).map_err(|e| Failed(format!("{}: {e}", context.display())))?;
    for program in ["kvs", "txnd", "kvs-cli"] {
        let from = servers::built(program);
        std::fs::copy(&from, context.join(program)).map_err(|e| Failed(format!("{}: {e}", from.display())))?;
    }
    // The runtime stage comes first, so that the classic builder does not compile anything for it.
    let runtime = format!("{name}-runtime");
    cleanup.add(&["docker", "image", "rm", &runtime])?;
    build(&["--tag", &runtime, "--target", "runtime", "."])?;
    let with_programs = ["--file", "xtask/images/prebuilt/Dockerfile", "target/compose/programs"];
    cleanup.add(&["docker", "image", "rm", name])?;
    build(&[&["--tag", name, "--build-arg", &format!("RUNTIME={runtime}")], &with_programs[..]].concat())?;
    match run(60, &["docker", "run", "--rm", "--network=none", name, "kvs", "--version"]) {
        Ok(_) => Ok(()),
        Err(_) => step(&mut limited(1800, &["docker", "build", "--tag", name, "."])),
    }
}

fn build(args: &[&str]) -> Result<(), Failed> {
    run(900, &[&["docker", "build"], args].concat()).map(drop)
}
