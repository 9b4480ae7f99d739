//! Compares kvs with its peers: cells as data, one loop over them.
//!
//! In each cell both servers run on the same core, and only one is loaded at a time. kvs and its peer alternate, in
//! reverse order each round, so that other activity on the machine affects both. The load generator runs on the other
//! cores.
//!
//! ```text
//!   mod.rs       the loop
//!   cells.rs     what is compared
//!   ratio.rs     medians, spreads, goals
//!   results.rs   the results, in the form of the JSON
//!   table.rs     the results as text
//!   page.rs      the results as HTML
//!   picture.rs   the results as a picture, SVG
//! ```

mod cells;
mod page;
mod picture;
mod ratio;
mod results;
mod table;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use self::cells::{Cell, Measure};
use self::ratio::Spread;
use self::results::{Comparison, Row, Side};
use crate::args::{CompareArgs, DrawArgs};
use crate::host::Host;
use crate::load::{self, Choice, Pace, Plan, Silent};
use crate::outcome::Outcome;
use crate::process::pin::{self, Cores};
use crate::report::{self, Figures, Memory};
use crate::run::preload_silently;
use crate::server::peers::Peer;
use crate::server::{Server, kvs};

/// Load before each measurement.
const WARMUP: Duration = Duration::from_millis(500);

/// Threads of the load generator: more than enough to keep one core of a server busy.
const MAX_THREADS: usize = 2;

/// Fraction of the keys that a quick run uses.
const QUICK_KEYS: u64 = 10;

/// Runs the cells selected on the command line.
pub(crate) fn compare(args: &CompareArgs, interrupt: &AtomicBool) -> Result<Outcome, String> {
    let mut cells = cells::all();
    let wanted = |cell: &Cell| args.only.iter().any(|part| cell.name.to_lowercase().contains(&part.to_lowercase()));
    cells.retain(|cell| args.only.is_empty() || wanted(cell));
    if cells.is_empty() {
        return Err("no cell matches; see `loadtest compare --list`".into());
    }
    if args.list {
        cells.iter().for_each(|cell| println!("{}", cell.name));
        return Ok(Outcome::Good);
    }
    if !(args.seconds.is_finite() && args.seconds > 0.0) {
        return Err("--seconds: expected more than 0".into());
    }
    for peer in Peer::ALL {
        let missing = peer.missing();
        if !missing.is_empty() {
            eprintln!("{} is skipped: not installed: {} (packages of these names)", peer.name(), missing.join(", "));
        }
    }
    if let Some(note) = Host::disturbance() {
        eprintln!("{note}");
    }
    if args.quick {
        eprintln!("note: quick run: fewer keys and one short round say little about the goals");
    }
    let available = pin::available()?;
    let (rounds, seconds) = if args.quick { (1, args.seconds.min(1.0)) } else { (args.rounds, args.seconds) };
    let split = Cores::split(&available, 1);
    let mut comparison = Comparison {
        loadtest: env!("CARGO_PKG_VERSION").to_owned(),
        at: report::now(),
        host: Host::this(available.len()),
        rounds,
        seconds,
        quick: args.quick,
        seed: args.seed,
        versions: Vec::new(),
        cores: format!("server on core {:?}, load on {:?}", split.server, split.load),
        rows: Vec::new(),
    };
    print!("{}", table::head(&comparison));
    let mut bench = Bench {
        kvs: kvs::find(args.kvs.as_deref())?,
        available,
        rounds,
        duration: Duration::from_secs_f64(seconds),
        seed: args.seed,
        interrupt,
        servers: None,
        versions: Vec::new(),
    };
    for mut cell in cells {
        if args.quick {
            cell.work.keys = (cell.work.keys / QUICK_KEYS).max(1);
        }
        let row = bench.run(cell);
        println!("{}", table::line(&row));
        comparison.rows.push(row);
        if interrupt.load(Ordering::Relaxed) {
            break;
        }
    }
    comparison.versions = std::mem::take(&mut bench.versions);
    drop(bench);
    println!("\n{}", table::whole(&comparison));
    if let Some(file) = &args.json {
        report::write(file, &report::json(&comparison)?)?;
    }
    if let Some(file) = &args.html {
        report::write(file, &page::page(&comparison))?;
    }
    if let Some(file) = &args.svg {
        report::write(file, &picture::svg(&comparison))?;
    }
    let failed = comparison.rows.iter().any(|row| row.kvs.errors + row.peer.errors > 0);
    let broken =
        comparison.rows.iter().any(|row| row.skipped.is_some() && row.cell.peer.is_none_or(|p| p.missing().is_empty()));
    Ok(match () {
        () if interrupt.load(Ordering::Relaxed) => Outcome::Interrupted,
        () if failed || broken => Outcome::WithErrors,
        () => Outcome::Good,
    })
}

/// Draws saved results. Rows of cells that are no longer measured are skipped: cells.rs says why.
pub(crate) fn draw(args: &DrawArgs) -> Result<Outcome, String> {
    let file = &args.results;
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut comparison: Comparison = serde_json::from_str(&text)
        .map_err(|e| format!("{}: {e}; expected what `loadtest compare --json` writes", file.display()))?;
    let known: Vec<String> = cells::all().into_iter().map(|cell| cell.name).collect();
    comparison.rows.retain(|row| {
        let keep = known.contains(&row.cell.name);
        if !keep {
            eprintln!("skipped, because it is no longer measured: {}", row.cell.name);
        }
        keep
    });
    report::write(&args.svg, &picture::svg(&comparison))?;
    Ok(Outcome::Good)
}

/// Running servers with entries in them, kept while consecutive cells can use them.
struct Servers {
    /// What they were started for.
    cell: Cell,
    kvs: Server,
    peer: Option<Server>,
}

struct Bench<'i> {
    kvs: PathBuf,
    available: Vec<usize>,
    rounds: u32,
    duration: Duration,
    seed: u64,
    interrupt: &'i AtomicBool,
    servers: Option<Servers>,
    versions: Vec<String>,
}

/// Half of the requests per second that the slower one of the two answers in a closed loop.
fn half_of_the_slower(kvs: &Side, peer: &Side) -> f64 {
    let throughput = |side: &Side| {
        let rounds: Vec<f64> = side.figures.iter().map(|figures| figures.throughput).collect();
        Spread::of(&rounds).map(|spread| spread.median)
    };
    [kvs, peer].into_iter().filter_map(throughput).fold(f64::INFINITY, f64::min) / 2.0
}

impl Bench<'_> {
    fn run(&mut self, cell: Cell) -> Row {
        let (mut kvs, mut peer) = (Side::default(), Side::default());
        let missing = cell.peer.map(Peer::missing).unwrap_or_default();
        let skipped = if missing.is_empty() {
            let ran = match cell.measure {
                Measure::PerCpuSecond => self.responses(&cell, &mut kvs, &mut peer),
                Measure::BytesPerEntry => self.memory(&cell, &mut kvs, &mut peer),
            };
            ran.err()
        } else {
            Some(format!("not installed: {}", missing.join(", ")))
        };
        kvs.spread = Spread::of(&kvs.rounds);
        peer.spread = Spread::of(&peer.rounds);
        let ratio = Spread::of_ratios(&kvs.rounds, &peer.rounds);
        let reached = cell.goal.and_then(|goal| goal.missed_by(kvs.spread, ratio)).map(|missed| missed <= 0.0);
        let rate = (!kvs.latencies.is_empty()).then(|| half_of_the_slower(&kvs, &peer));
        Row { cell, skipped, kvs, peer, ratio, reached, rate }
    }

    fn cores(&self, cell: &Cell) -> Cores {
        Cores::split(&self.available, cell.kvs.workers)
    }

    fn start_kvs(&mut self, cell: &Cell) -> Result<Server, String> {
        let server = kvs::start(&self.kvs, &cell.kvs, &self.cores(cell).server)?;
        self.note(&server);
        Ok(server)
    }

    fn start_peer(&mut self, cell: &Cell) -> Result<Option<Server>, String> {
        let Some(peer) = cell.peer else { return Ok(None) };
        let server = peer.start(&self.cores(cell).server)?;
        self.note(&server);
        Ok(Some(server))
    }

    fn note(&mut self, server: &Server) {
        if !self.versions.contains(&server.version) {
            self.versions.push(server.version.clone());
        }
    }

    fn plan(&self, cell: &Cell, server: &Server, pace: Pace) -> Plan {
        let (work, cores) = (&cell.work, self.cores(cell));
        Plan {
            target: server.target.clone(),
            keys: work.keys,
            choice: Choice::Random(work.distribution),
            gets: work.gets,
            value: work.value,
            value_bytes: work.value_bytes,
            durable: false,
            connections: work.connections,
            threads: cores.load.len().min(MAX_THREADS),
            depth: work.depth,
            pace,
            warmup: WARMUP.min(self.duration),
            duration: self.duration,
            seed: self.seed,
            cores: cores.load,
            server: server.pids(),
        }
    }

    /// Servers for this cell: those of the previous cell if they have the same entries, otherwise new ones.
    fn servers(&mut self, cell: &Cell) -> Result<Servers, String> {
        let entries =
            |cell: &Cell| (cell.work.keys, cell.work.value, cell.work.value_bytes, cell.peer, cell.kvs.clone());
        match self.servers.take() {
            Some(servers) if entries(&servers.cell) == entries(cell) => return Ok(servers),
            // Stop them before starting others.
            others => drop(others),
        }
        let servers = Servers { cell: cell.clone(), kvs: self.start_kvs(cell)?, peer: self.start_peer(cell)? };
        for server in [Some(&servers.kvs), servers.peer.as_ref()].into_iter().flatten() {
            if server.target.has_entries() {
                preload_silently(&self.plan(cell, server, Pace::Closed), server.preload.clone(), self.interrupt)?;
            }
        }
        Ok(servers)
    }

    fn responses(&mut self, cell: &Cell, kvs: &mut Side, peer: &mut Side) -> Result<(), String> {
        let servers = self.servers(cell)?;
        self.turns(cell, &servers, Pace::Closed, [&mut *kvs, &mut *peer])?;
        let pace = Pace::Open(half_of_the_slower(kvs, peer));
        self.turns(cell, &servers, pace, [kvs, peer])?;
        self.servers = Some(servers);
        Ok(())
    }

    /// kvs and its peer by turns. A closed loop tells what each can do, an open one how long requests take.
    fn turns(&self, cell: &Cell, servers: &Servers, pace: Pace, [kvs, peer]: [&mut Side; 2]) -> Result<(), String> {
        for round in 0..self.rounds {
            let mut turns = vec![(&servers.kvs, &mut *kvs)];
            turns.extend(servers.peer.as_ref().map(|server| (server, &mut *peer)));
            if round % 2 == 1 {
                turns.reverse();
            }
            for (server, side) in turns {
                let measured = load::run(&self.plan(cell, server, pace), &Silent, self.interrupt)?;
                if measured.interrupted {
                    return Err("interrupted".into());
                }
                let figures = Figures::of(&measured);
                let misses = if server.target.has_entries() { figures.misses } else { 0 };
                side.errors += figures.errors.count() + misses;
                if pace != Pace::Closed {
                    side.latencies.push(figures.latency_us);
                    continue;
                }
                side.rounds.push(figures.answers_per_cpu_second.ok_or("no CPU time was counted: measure longer")?);
                side.figures.push(figures);
            }
        }
        Ok(())
    }

    /// Each round fills new servers, one after the other.
    fn memory(&mut self, cell: &Cell, kvs: &mut Side, peer: &mut Side) -> Result<(), String> {
        self.servers = None;
        for _ in 0..self.rounds {
            let server = self.start_kvs(cell)?;
            self.fill(cell, &server, kvs)?;
            drop(server);
            if let Some(server) = self.start_peer(cell)? {
                self.fill(cell, &server, peer)?;
            }
        }
        Ok(())
    }

    fn fill(&self, cell: &Cell, server: &Server, side: &mut Side) -> Result<(), String> {
        let before = server.resident()?;
        preload_silently(&self.plan(cell, server, Pace::Closed), server.preload.clone(), self.interrupt)?;
        let memory = Memory { before, after: server.resident()?, entries: cell.work.keys };
        side.rounds.push(memory.per_entry());
        side.memory.push(memory);
        Ok(())
    }
}
