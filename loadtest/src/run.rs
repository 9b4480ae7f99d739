//! One server under one load.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::args::{RunArgs, Start, Switch};
use crate::distribution::THETA;
use crate::host::Host;
use crate::keys::ValueKind;
use crate::load::{self, Choice, Pace, Plan, Progress, Silent};
use crate::outcome::Outcome;
use crate::process::pin::{self, Cores};
use crate::process::usage;
use crate::report::bar::Bar;
use crate::report::{self, Memory, Report};
use crate::server::Server;
use crate::server::kvs::{self, Log, Setup};
use crate::server::peers::Peer;
use crate::target::{Scheme, Target};

/// Maximum number of load threads by default.
const MAX_THREADS: usize = 4;

/// Requests in flight per connection, and connections, while entries are stored before the run.
const PRELOAD_DEPTH: usize = 128;
const PRELOAD_CONNECTIONS: usize = 4;

/// Executes what the command line specifies.
pub(crate) fn run(args: &RunArgs, interrupt: &AtomicBool) -> Result<Outcome, String> {
    check(args)?;
    let available = pin::available()?;
    let cores = match (&args.target, args.no_pin) {
        (_, true) => Cores { server: Vec::new(), load: Vec::new() },
        (Some(_), _) => Cores { server: Vec::new(), load: available.clone() },
        (None, _) => Cores::split(&available, args.workers.into()),
    };
    if args.target.is_none() && !args.no_pin && !cores.apart() {
        eprintln!(
            "note: server and load share cores; look at the server's CPU time rather than at latency and throughput"
        );
    }
    if let Some(note) = Host::disturbance() {
        eprintln!("{note}");
    }
    let server = if args.target.is_none() { Some(start(args, &cores.server)?) } else { None };
    let target =
        args.target.clone().or_else(|| server.as_ref().map(|server| server.target.clone())).ok_or("no target")?;
    let pids = server.as_ref().map_or_else(|| args.server_pid.clone(), Server::pids);
    let plan = plan(args, target, &cores, pids);
    let stores_lists = matches!(plan.value, ValueKind::Map | ValueKind::Set);
    if stores_lists && (plan.gets > 0 || !matches!(plan.target.scheme, Scheme::Frames | Scheme::Redis)) {
        return Err("--value map and --value set: only stored (--mix 0), over frames or RESP".into());
    }
    eprintln!("{}: {}", plan.target, report::text::load(&plan));

    let preloads = args.preload == Switch::On && !args.grow && plan.target.has_entries();
    let bar = Bar::new();
    let mut memory = None;
    if preloads {
        let into = server.as_ref().map_or_else(|| plan.target.clone(), |server| server.preload.clone());
        let before = resident(&plan.server)?;
        preload(&plan, into, &bar.named("storing"), interrupt)?;
        memory =
            before.zip(resident(&plan.server)?).map(|(before, after)| Memory { before, after, entries: plan.keys });
    }
    let before = resident(&plan.server)?;
    let measured = load::run(&plan, &bar.named("measuring"), interrupt)?;
    if args.grow && !measured.interrupted {
        memory =
            before.zip(resident(&plan.server)?).map(|(before, after)| Memory { before, after, entries: plan.keys });
    }
    bar.clear();

    let failed = measured.tally.errors.count() + if preloads { measured.tally.misses } else { 0 };
    let interrupted = measured.interrupted;
    let host = Host::this(available.len());
    let version = server.as_ref().map(|server| server.version.clone());
    let report = Report::new(&plan, report::text::load(&plan), measured, memory, host, version, preloads);
    print!("{}", report::text::result(&report));
    if let Some(file) = &args.json {
        report::write(file, &report::json(&report)?)?;
    }
    if let Some(file) = &args.html {
        report::write(file, &report::html::run(&report))?;
    }
    Ok(match failed {
        _ if interrupted => Outcome::Interrupted,
        0 => Outcome::Good,
        _ if args.allow_errors => Outcome::Good,
        _ => Outcome::WithErrors,
    })
}

fn check(args: &RunArgs) -> Result<(), String> {
    if args.rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
        return Err("--rate: expected more than 0 requests a second".into());
    }
    if args.distribution == crate::distribution::Distribution::Zipf && args.keys > 100_000_000 {
        return Err(format!("--distribution zipf adds up i^-{THETA} for every entry: use at most 100000000 keys"));
    }
    Ok(())
}

fn start(args: &RunArgs, cores: &[usize]) -> Result<Server, String> {
    let log = match (args.log.as_str(), args.durability.as_str()) {
        ("off", _) => Log::Off,
        ("file", "async") => Log::FileAsync,
        ("file", "sync") => Log::FileSync,
        (log, durability) => Log::As(log.into(), durability.into()),
    };
    let kvs = |rest: bool| {
        let setup = Setup { workers: args.workers.into(), log: log.clone(), rest };
        kvs::start(&kvs::find(args.kvs.as_deref())?, &setup, cores)
    };
    match args.start {
        Start::Frames => kvs(false),
        Start::Rest => kvs(true),
        Start::Redis => Peer::Redis.start(cores),
        Start::Valkey => Peer::Valkey.start(cores),
        Start::Memcached => Peer::Memcached.start(cores),
        Start::Webdis => Peer::Webdis.start(cores),
        Start::Nginx => Peer::Nginx.start(cores),
    }
}

fn plan(args: &RunArgs, target: Target, cores: &Cores, server: Vec<u32>) -> Plan {
    let http = matches!(target.scheme, Scheme::Rest | Scheme::Webdis | Scheme::Http(_));
    let threads = args.threads.map_or_else(|| cores.load.len().clamp(1, MAX_THREADS), |threads| threads as usize);
    Plan {
        target,
        keys: args.keys,
        choice: if args.grow { Choice::Each } else { Choice::Random(args.distribution) },
        gets: if args.grow { 0 } else { args.mix },
        value: args.value,
        value_bytes: args.value_bytes as usize,
        durable: args.durable,
        connections: args.connections as usize,
        threads,
        depth: args.depth.map_or(if http { 1 } else { 16 }, |depth| depth as usize),
        pace: args.rate.map_or(Pace::Closed, Pace::Open),
        // Growth is measured from its beginning.
        warmup: if args.grow { Duration::ZERO } else { args.warmup },
        duration: args.duration,
        seed: args.seed,
        cores: cores.load.clone(),
        server,
    }
}

/// Stores every entry once, through `into`.
pub(crate) fn preload(
    plan: &Plan,
    into: Target,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<(), String> {
    const LONG: Duration = Duration::from_secs(24 * 3600);
    let preload = Plan {
        target: into,
        choice: Choice::Each,
        gets: 0,
        durable: false,
        connections: PRELOAD_CONNECTIONS,
        depth: PRELOAD_DEPTH,
        pace: Pace::Closed,
        warmup: Duration::ZERO,
        duration: LONG,
        ..plan.clone()
    };
    let stored = load::run(&preload, progress, interrupt)?;
    let (errors, answers) = (&stored.tally.errors, stored.tally.answers());
    match (errors.count(), &errors.first) {
        _ if stored.interrupted => Err("interrupted while entries were being stored".into()),
        (0, _) if answers == plan.keys => Ok(()),
        (0, _) => Err(format!("{answers} of {} entries were stored", plan.keys)),
        (count, first) => {
            Err(format!("{count} of {} entries could not be stored: {}", plan.keys, first.as_deref().unwrap_or("?")))
        }
    }
}

/// Resident memory, if the server's processes are known.
fn resident(server: &[u32]) -> Result<Option<u64>, String> {
    if server.is_empty() { Ok(None) } else { usage::resident(server).map(Some) }
}

/// Like [`preload`], without an observer.
pub(crate) fn preload_silently(plan: &Plan, into: Target, interrupt: &AtomicBool) -> Result<(), String> {
    preload(plan, into, &Silent, interrupt)
}
