//! The load: requests from a few threads over many connections, and their results.
//!
//! ```text
//!   plan.rs         a load as data, and its results
//!   mod.rs          executes a plan: warm-up, measurement, end
//!   thread.rs       one thread: its connections in an event loop; closed and open loop
//!   connection.rs   one connection: a batch of requests out, replies in
//!   schedule.rs     when the requests of an open loop are due
//!   tally.rs        what is counted
//! ```

mod connection;
mod plan;
mod schedule;
mod tally;
mod thread;

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

pub(crate) use self::plan::{Choice, Measured, Pace, Plan, Point, Progress, Silent};
use self::schedule::Schedule;
pub(crate) use self::tally::{Errors, Tally};
use self::thread::{Driver, Requests, Shared};
use crate::distribution::Numbers;
use crate::keys::Values;
use crate::process::{pin, usage};
use crate::protocol::Protocol;
use crate::protocol::frames::Frames;
use crate::protocol::http::Http;
use crate::protocol::memcached::Memcached;
use crate::protocol::resp::Resp;
use crate::target::Scheme;

/// Maximum number of points of the curves over time.
const POINTS: u32 = 120;

/// Minimum time span of a point.
const MIN_SPAN: Duration = Duration::from_millis(100);

/// Executes a plan. `interrupt` ends it early.
pub(crate) fn run(plan: &Plan, progress: &dyn Progress, interrupt: &AtomicBool) -> Result<Measured, String> {
    let values = Values::new(plan.value, plan.value_bytes, plan.seed);
    let (host, bytes) = (&plan.target.host, values.text_bytes());
    match &plan.target.scheme {
        Scheme::Frames => {
            Run { plan, values: &values, protocol: Frames::new(plan.value, plan.durable) }.go(progress, interrupt)
        }
        Scheme::Memcached => Run { plan, values: &values, protocol: Memcached::new(bytes) }.go(progress, interrupt),
        Scheme::Redis => Run { plan, values: &values, protocol: Resp::new(bytes) }.go(progress, interrupt),
        Scheme::Rest => {
            let protocol = Http::rest(host, plan.value, bytes, plan.durable);
            Run { plan, values: &values, protocol }.go(progress, interrupt)
        }
        Scheme::Webdis => Run { plan, values: &values, protocol: Http::webdis(host, bytes) }.go(progress, interrupt),
        Scheme::Http(path) => {
            Run { plan, values: &values, protocol: Http::url(host, path, bytes) }.go(progress, interrupt)
        }
    }
}

struct Run<'r, P> {
    plan: &'r Plan,
    values: &'r Values,
    protocol: P,
}

impl<P: Protocol> Run<'_, P> {
    fn go(self, progress: &dyn Progress, interrupt: &AtomicBool) -> Result<Measured, String> {
        let plan = self.plan;
        let threads = plan.threads.clamp(1, plan.connections);
        let mut streams: Vec<Vec<TcpStream>> = (0..threads).map(|_| Vec::new()).collect();
        for n in 0..plan.connections {
            let stream = connection::connect(&self.protocol, plan.target.addr);
            streams[n % threads].push(stream.map_err(|e| format!("cannot connect to {}: {e}", plan.target))?);
        }
        let tallies: Vec<Mutex<Tally>> = (0..threads).map(|_| Mutex::new(Tally::new())).collect();
        let baseline = Baseline::now(plan)?;
        let (stop, start) = (AtomicBool::new(false), baseline.at);
        std::thread::scope(|scope| {
            let mut running = Vec::new();
            for (n, streams) in streams.into_iter().enumerate() {
                let shared = Shared { plan, values: self.values, start, stop: &stop };
                let (protocol, tally, requests) = (self.protocol.clone(), &tallies[n], self.requests(n, threads));
                running.push(scope.spawn(move || {
                    if let Some(core) = plan.cores.get(n % plan.cores.len().max(1)) {
                        pin::this_thread(&[*core])?;
                    }
                    let driver = Driver::new(shared, tally, protocol, requests, streams)?;
                    match plan.pace {
                        Pace::Closed => driver.closed_loop(),
                        Pace::Open(rate) => driver.open_loop(Schedule::new(rate, n, threads)),
                    }
                }));
            }
            let over = || running.iter().all(|thread| thread.is_finished());
            let measured = measure(plan, baseline, &tallies, progress, interrupt, &over);
            stop.store(true, Ordering::Relaxed);
            for thread in running {
                thread.join().map_err(|_| "a thread of the load has panicked")??;
            }
            measured
        })
    }

    fn requests(&self, part: usize, parts: usize) -> Requests {
        let plan = self.plan;
        // Each thread has its own random sequence; two seeds far apart give unrelated ones (Xoshiro's seeds are mixed).
        let seed = plan.seed.wrapping_add((part as u64) << 32);
        let numbers = match plan.choice {
            Choice::Random(distribution) => Numbers::random(distribution, plan.keys, seed),
            Choice::Each => Numbers::sequence(plan.keys, part as u64, parts as u64),
        };
        Requests::new(numbers, plan.gets, !seed)
    }
}

/// The start of a measurement, and the CPU time used before it.
#[derive(Clone, Copy, Debug)]
struct Baseline {
    at: Instant,
    server_cpu: Option<f64>,
    load_cpu: f64,
}

impl Baseline {
    fn now(plan: &Plan) -> Result<Self, String> {
        let (server_cpu, load_cpu) = (usage::cpu(&plan.server)?, usage::cpu_of_this_process()?);
        Ok(Self { at: Instant::now(), server_cpu, load_cpu })
    }
}

/// Watches the threads for the duration of the plan, or until they are done.
fn measure(
    plan: &Plan,
    mut baseline: Baseline,
    tallies: &[Mutex<Tally>],
    progress: &dyn Progress,
    interrupt: &AtomicBool,
    over: &dyn Fn() -> bool,
) -> Result<Measured, String> {
    let collect = |into: &mut Tally| -> Result<(), String> {
        for tally in tallies {
            into.take_from(&mut *tally.lock().map_err(|_| "a thread of the load has panicked")?);
        }
        Ok(())
    };
    let stopped = || over() || interrupt.load(Ordering::Relaxed);
    let mut total = Tally::new();
    // Without a warm-up everything counts, from the first request.
    if !plan.warmup.is_zero() {
        sleep_until(baseline.at + plan.warmup, &stopped);
        baseline = Baseline::now(plan)?;
        let mut warmup = Tally::new();
        collect(&mut warmup)?;
        // Errors always count.
        total.errors = warmup.errors;
    }
    let began = baseline.at;
    let every = (plan.duration / POINTS).max(MIN_SPAN);
    let (mut timeline, mut seen) = (Vec::new(), began);
    loop {
        let mut span = Tally::new();
        sleep_until((seen + every).min(began + plan.duration), &stopped);
        collect(&mut span)?;
        let now = Instant::now();
        let rate = span.answers() as f64 / (now - seen).as_secs_f64();
        timeline.push(point((now - began).as_secs_f64(), rate, &span.latencies));
        seen = now;
        total.take_from(&mut span);
        let share = match plan.choice {
            Choice::Random(_) => (now - began).as_secs_f64() / plan.duration.as_secs_f64(),
            Choice::Each => total.answers() as f64 / plan.keys as f64,
        };
        progress.update(share.min(1.0), rate);
        if stopped() || now >= began + plan.duration {
            break;
        }
    }
    // What arrived after the last sample.
    collect(&mut total)?;
    Ok(Measured {
        seconds: began.elapsed().as_secs_f64(),
        server_cpu: usage::cpu(&plan.server)?.zip(baseline.server_cpu).map(|(after, before)| after - before),
        load_cpu: usage::cpu_of_this_process()? - baseline.load_cpu,
        tally: total,
        timeline,
        interrupted: interrupt.load(Ordering::Relaxed),
    })
}

fn sleep_until(deadline: Instant, stopped: &dyn Fn() -> bool) {
    const STEP: Duration = Duration::from_millis(20);
    while let Some(rest) = deadline.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
        if stopped() {
            return;
        }
        std::thread::sleep(rest.min(STEP));
    }
}

fn point(at: f64, rate: f64, latencies: &Histogram<u64>) -> Point {
    let us = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
    Point { at, rate, p50: us(0.5), p99: us(0.99), max: latencies.max() as f64 / 1e3 }
}
