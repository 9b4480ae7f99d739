//! loadtest: the load generator and benchmark harness of KVS. Anyone can repeat the published figures with it.
//!
//! It starts a server (kvs, or a peer: Redis, memcached, Webdis, nginx) on a core of its own, or uses one that is
//! already running. It sends requests for 16-byte keys from another core, checks every reply, and reports throughput,
//! latency, and the server's CPU time per request. `loadtest compare` does this for kvs and its peers alternately;
//! `loadtest draw` draws a picture of saved results.
//!
//! ```text
//!                   key stream              encode      ┌─ connection ─┐
//!  distribution ──> number ──> key, value ──────────────┤  out ──────> │ ──> server
//!   (uniform,        (a thread's own        protocol    │              │     (frames, REST,
//!    Zipf, each)      source of chance)     scan        │  in  <────── │ <──  RESP, HTTP)
//!                                 tally <───────────────┤  pending     │
//!                                   │                   └──────────────┘
//!        server's CPU time, memory ─┴─> measured ──> text, JSON, HTML        a few threads, one event loop each
//! ```
//!
//! **Closed loop**: each connection sends `depth` requests at once, reads all replies, and repeats; this measures the
//! maximum throughput of the server. **Open loop** (`--rate`): requests are due at a fixed rate, and their latency
//! counts from when they were due; this measures what clients would see.
//!
//! The server's CPU time per operation (all its threads and processes) is the robust figure on a machine shared with
//! the load: it does not depend on how fast the load is.
//!
//! # Files
//!
//! ```text
//!   args.rs           the command line
//!   run.rs            one server under one load
//!   outcome.rs        exit codes
//!   compare/          kvs compared with its peers: cells as data, one loop, ratios, tables and a picture
//!   target.rs         what is measured: address and protocol
//!   keys.rs           keys and values
//!   distribution.rs   which entry comes next
//!   protocol/         requests and replies: frames, HTTP, memcached, RESP
//!   load/             threads, connections, schedule, tallies
//!   server/           kvs and peers, started and stopped
//!   process/          child processes, cores, CPU time, memory
//!   host.rs           the machine
//!   report/           results as text, JSON, HTML
//! ```

mod args;
mod compare;
mod distribution;
mod host;
mod keys;
mod load;
mod outcome;
mod process;
mod protocol;
mod report;
mod run;
mod server;
mod target;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use crate::args::{Args, Command};
use crate::outcome::{INTERRUPTED, Outcome};

fn main() -> ExitCode {
    let args = Args::parse();
    let interrupt = Arc::new(AtomicBool::new(false));
    let done = match args.command {
        Some(Command::Launch(launch)) => Err(launch.exec()),
        Some(Command::Compare(compare)) => {
            catch_signals(&interrupt).and_then(|()| compare::compare(&compare, &interrupt))
        }
        Some(Command::Draw(draw)) => compare::draw(&draw),
        None => catch_signals(&interrupt).and_then(|()| run::run(&args.run, &interrupt)),
    };
    let outcome = done.unwrap_or_else(|e| {
        eprintln!("loadtest: {e}");
        if interrupt.load(Ordering::Relaxed) { Outcome::Interrupted } else { Outcome::Failed }
    });
    outcome.into()
}

/// The first signal ends the run in order: servers are stopped, what was measured is shown. Another one ends it at
/// once, and the servers with it.
fn catch_signals(interrupt: &Arc<AtomicBool>) -> Result<(), String> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, INTERRUPTED.into(), Arc::clone(interrupt))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(interrupt)))
            .map_err(|e| format!("cannot listen for signals: {e}"))?;
    }
    Ok(())
}
