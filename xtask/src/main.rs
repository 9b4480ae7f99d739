//! Chores of the project. `cargo xtask --help` lists them.
//!
//! ```text
//!   main.rs          commands
//!   compose/         end-to-end test of the deployment in compose.yaml: starts it, uses it, kills its processes
//!   package.rs       the Debian package: built, installed under systemd, used, killed, removed
//!   kubernetes.rs    the manifest: against Kubernetes' schemas, and its container in Docker
//!   docker.rs        commands with a deadline, and a cleanup that happens however a test ends
//!   images.rs        the images that tests in Docker need
//!   instructions.rs  instruction counts of the hot paths, from valgrind
//!   faults/          faults on purpose: long runs, and defects that tests must notice
//!   fuzz.rs          coverage-guided fuzzing of the bytes of others
//!   schema.rs        requests made from the description of REST, by schemathesis
//!   python.rs        the Python client: types, style, tests, packages
//!   venv.rs          programs of PyPI
//!   prometheus/      dashboard and alerts, in a real Prometheus
//!   servers.rs       programs that run beside a chore
//!   postgres.rs      PostgreSQL for the tests, installed where permitted
//!   tidy/            rules that no other tool checks: crate and file dependencies, file sizes, keys
//! ```

mod compose;
mod docker;
mod faults;
mod fuzz;
mod images;
mod instructions;
mod kubernetes;
mod package;
mod postgres;
mod prometheus;
mod python;
mod schema;
mod servers;
mod tidy;
mod venv;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;

/// Chores of the project
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Task {
    /// Run every test: unit, property, black box with killed processes, and the interleavings under loom. Installs
    /// PostgreSQL's server if it is missing and root privileges are available
    Test {
        /// Passed to `cargo test`, such as a test's name
        args: Vec<String>,
    },
    /// Check formatting, lints, dependencies (if cargo-deny is installed) and the project's own rules, and run every test; where there is
    /// a C++ compiler, fuzz for a minute; where there is python3 with venv and PyPI, `python`, too, and where a Docker engine is available,
    /// `compose`
    Ci,
    /// Start the deployment of compose.yaml in Docker, use it, kill its processes, and check what survives
    Compose,
    /// Build the Debian package (release build, with cargo-deb), and test it in a container that systemd boots: install,
    /// kill -9, restart, upgrade, remove, purge. Says so if a tool is missing, and does what it can without
    Package,
    /// Check packaging/kubernetes against the schemas of Kubernetes, which are installed from PyPI below `target` (needs
    /// python3 with venv); if a Docker engine is available, run the container as the manifest says
    Kubernetes,
    /// Repeatedly kill -9 kvs, txnd and PostgreSQL under load (release build), and check what survives
    Crash {
        /// Number of kills of each process, with each log and each durability
        #[arg(long, default_value_t = 100)]
        cycles: u32,
        /// Seed of the run, to repeat one
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Repeatedly cut, slow down and silence the connections between kvs, txnd and PostgreSQL (release build), and
    /// check that everything acknowledged is stored exactly once; send 100,000 increments again and again, with 50 kills of kvs, and
    /// check that each counts once
    Network {
        /// Number of cuts, for each kind of log and each durability
        #[arg(long, default_value_t = 500)]
        cycles: u32,
        /// Seed of the run, to repeat one
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Make the long runs of faults on purpose (release build): the simulated deployment, power cuts, failing system calls,
    /// standbys
    Faults {
        /// Simulated runs
        #[arg(long, default_value_t = 100_000)]
        simulations: u32,
        /// How often each fault happens beneath the real programs
        #[arg(long, default_value_t = 200)]
        times: u32,
        /// Seed of the run, to repeat one
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Plant defects in a copy of the tree, one after the other, and check that a test notices each
    Defects {
        /// Parts of the names of those to plant; without any, all
        names: Vec<String>,
    },
    /// Count the instructions of the hot paths with valgrind (release build), and compare them with the saved counts
    Instructions {
        /// Save these counts for later comparisons
        #[arg(long)]
        keep: bool,
    },
    /// Fuzz what reads the bytes of others, guided by coverage: frames, batches, logs in files, calls to txnd, REST,
    /// identities; then a running kvs with random and corrupted requests. Needs a C++ compiler, for libFuzzer
    Fuzz {
        /// A part of the names of the targets to run; without it, all of them and kvs
        #[arg(default_value = "")]
        target: String,
        /// Duration of each
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Test REST against its own descriptions (`/openapi.json`, `/v2/openapi.json`) with schemathesis, which is installed from
    /// PyPI below `target` (needs python3 with venv)
    Schema {
        /// Requests for each operation and kind of case
        #[arg(long, default_value_t = 100)]
        examples: u32,
        /// Seed of the run, to repeat one
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Check the types and the style of the Python client, test it against kvs, and build its packages (needs python3 with venv;
    /// its tools are installed from PyPI below `target`)
    Python,
    /// Load dashboard and alerts into a Prometheus that scrapes kvs and txnd under load: every expression must be valid, and
    /// every metric must be there; then kill txnd, until the alert about the log fires (needs the program prometheus)
    Prometheus,
    /// Write a log of many records (release build), kill the server, and report the rate of recovery
    Recovery {
        /// Number of records
        #[arg(long, default_value_t = 5_000_000)]
        records: u64,
    },
}

/// How many tests of a program run at a time.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// A step failed; its own output says why.
struct Failed(String);

impl From<String> for Failed {
    fn from(what: String) -> Self {
        Self(what)
    }
}

fn main() -> ExitCode {
    match run(&Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(step)) => {
            eprintln!("xtask: failed: {step}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<(), Failed> {
    match task {
        Task::Test { args } => test(args),
        Task::Ci => {
            step(cargo().args(["fmt", "--all", "--check"]))?;
            let features = if fuzz::possible() { fuzz::FEATURE } else { "" };
            let lints = ["clippy", "--workspace", "--all-targets", "--features", features, "--", "-D", "warnings"];
            step(cargo().args(lints))?;
            step(cargo().args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))?;
            deny()?;
            test(&[])?;
            fuzz::run_if_possible()?;
            // These use the programs that the tests have built.
            python::run_if_possible()?;
            match docker::engine_answers() {
                true => compose::test(),
                false => {
                    eprintln!("xtask: no Docker engine responds (docker info): compose.yaml is not tested");
                    Ok(())
                }
            }
        }
        Task::Compose => servers::build().and_then(|()| compose::test()),
        Task::Package => package::run(),
        Task::Kubernetes => servers::build().and_then(|()| kubernetes::run()),
        Task::Crash { cycles, seed } => {
            long_run(gateway_test("crash").env("KVS_CRASH_CYCLES", cycles.to_string()), *seed)
        }
        Task::Network { cycles, seed } => {
            let mut network = gateway_test("network");
            network.env("KVS_NETWORK_CYCLES", cycles.to_string());
            long_run(network.env("KVS_ONCE_INCREMENTS", "100000").env("KVS_ONCE_KILLS", "50"), *seed)
        }
        Task::Faults { simulations, times, seed } => faults::long(*simulations, *times, *seed),
        Task::Defects { names } => faults::plant(names),
        Task::Instructions { keep } => instructions::run(*keep),
        Task::Fuzz { target, seconds } => fuzz::run(target, *seconds),
        Task::Python => python::run(),
        Task::Prometheus => prometheus::run(),
        Task::Schema { examples, seed } => schema::run(*examples, *seed),
        Task::Recovery { records } => step(gateway_test("recovery").env("KVS_RECOVERY_RECORDS", records.to_string())),
    }
}

/// Licences, sources and bans of dependencies, according to deny.toml. Advisories change without a change here, and
/// need the network: `cargo deny check` includes them.
fn deny() -> Result<(), Failed> {
    let installed = cargo().args(["deny", "--version"]).output().is_ok_and(|output| output.status.success());
    if !installed {
        eprintln!("xtask: cargo-deny is not installed (cargo install --locked cargo-deny): deny.toml is not checked");
        return Ok(());
    }
    step(cargo().args(["deny", "--locked", "check", "licenses", "sources", "bans"]))
}

fn test(args: &[String]) -> Result<(), Failed> {
    tidy::check(&root()).map_err(Failed)?;
    let programs = postgres::programs()?;
    let mut tests = cargo();
    tests.args(["test", "--workspace"]).args(args).env(postgres::VARIABLE, programs);
    if std::env::var_os(TEST_THREADS).is_none() {
        // Most tests wait most of the time: for programs, timers, disks.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        tests.env(TEST_THREADS, (2 * processors).to_string());
    }
    step(&mut tests)?;
    if args.is_empty() {
        // loom replaces the locks at compile time, so it needs a separate build.
        let loom = ["test", "--release", "--package", "engine", "--test", "loom", "--target-dir", "target/loom"];
        step(cargo().args(loom).env("RUSTFLAGS", "--cfg loom"))?;
    }
    Ok(())
}

/// A long run of one of the gateway's black-box tests.
fn gateway_test(name: &str) -> Command {
    let mut command = cargo();
    command.args(["test", "--release", "--package", "gateway", "--test", name, "--", "--nocapture"]);
    command
}

/// Carries out a long run of tests that start every program.
pub(crate) fn long_run(test: &mut Command, seed: Option<u64>) -> Result<(), Failed> {
    test.env(postgres::VARIABLE, postgres::programs()?);
    if let Some(seed) = seed {
        test.env("KVS_SEED", seed.to_string());
    }
    // The tests run the txnd beside kvs; building the gateway's tests does not build it.
    step(cargo().args(["build", "--release", "--package", "txnd"]))?;
    step(test)
}

pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

pub(crate) fn step(command: &mut Command) -> Result<(), Failed> {
    let name = format!("{command:?}");
    eprintln!("xtask: {name}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failed(format!("{name}: {status}"))),
        Err(e) => Err(Failed(format!("{name}: {e}"))),
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
