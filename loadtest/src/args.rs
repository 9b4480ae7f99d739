//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::distribution::Distribution;
use crate::keys::ValueKind;
use crate::process::child::Launch;
use crate::target::Target;

const AFTER_HELP: &str = "\
Examples:
  loadtest                                              kvs over frames, 90 % reads, depth 16
  loadtest --start rest --mix 100                       kvs over REST
  loadtest --start redis --depth 128                    Redis under the same load
  loadtest --target frames://10.0.0.5:8090 --rate 50000 --html report.html
  loadtest --grow --mix 0 --keys 10000000               pauses while kvs grows
  loadtest compare                                      kvs compared with Redis, Valkey, memcached, nginx and Webdis
  loadtest draw compare.json --svg compare.svg          a picture of saved results

Times need a unit (10s, 500ms). Latencies of a closed loop count from when a batch was sent, those of an open loop (--rate)
from when the request was due.

Exit codes:
  0    every reply was correct
  1    the run failed
  2    wrong usage
  3    there were errors among the replies (see --allow-errors)
  130  ended by a signal";

/// Load generator for kvs and its peers: starts a server, loads it, and reports throughput, latency and CPU cost
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, about, long_about = None, after_help = AFTER_HELP, args_conflicts_with_subcommands = true, args_override_self = true)]
pub(crate) struct Args {
    /// What to do instead of one run
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// One run.
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compare kvs with the peers that are installed (Redis, Valkey, memcached, nginx, Webdis), alternating: a table of ratios, and latencies at half of the slower one's maximum
    Compare(CompareArgs),
    /// Draw a picture (SVG) of results saved by `compare --json`
    Draw(DrawArgs),
    /// Become a server, pinned, that ends with its parent; used by the harness itself
    #[command(hide = true)]
    Launch(Launch),
}

/// A server that the harness starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Start {
    /// kvs, over the frame protocol
    Frames,
    /// kvs, over REST
    Rest,
    /// Redis without persistence
    Redis,
    /// Valkey without persistence
    Valkey,
    /// memcached, one thread
    Memcached,
    /// Webdis in front of a Redis
    Webdis,
    /// nginx, `return 200`
    Nginx,
}

/// Options of one run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Measure this server, which is already running: `frames://HOST:PORT` or `rest://HOST:PORT` (kvs),
    /// `redis://HOST:PORT`, `memcached://HOST:PORT`, `webdis://HOST:PORT`, or `http://HOST:PORT/PATH` (GET, or PUT, of
    /// this URL)
    #[arg(long, value_name = "URL")]
    pub(crate) target: Option<Target>,

    /// Start this server on a free port and its own core, and stop it afterwards
    #[arg(long, value_name = "SERVER", default_value = "frames", conflicts_with = "target")]
    pub(crate) start: Start,

    /// The kvs program [default: the one beside this program; built first under `cargo run`]
    #[arg(long, value_name = "FILE", env = "LOADTEST_KVS", conflicts_with = "target")]
    pub(crate) kvs: Option<PathBuf>,

    /// Worker threads of the started kvs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: u16,

    /// Log of the started kvs: `off`, `file` (in a temporary folder), or any value of its `--log`
    #[arg(long, value_name = "LOG", default_value = "off")]
    pub(crate) log: String,

    /// Durability of the started kvs: `sync` or `async`
    #[arg(long, value_name = "MODE", default_value = "sync")]
    pub(crate) durability: String,

    /// Request durable writes: kvs replies to a write only when it is on disk
    #[arg(long)]
    pub(crate) durable: bool,

    /// Process id of the target, for its CPU time and memory, including children; may be repeated
    #[arg(long, value_name = "PID", requires = "target")]
    pub(crate) server_pid: Vec<u32>,

    /// Number of entries
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    pub(crate) keys: u64,

    /// How entries are chosen
    #[arg(long, value_name = "HOW", default_value = "uniform")]
    pub(crate) distribution: Distribution,

    /// Type of the values
    #[arg(long, value_name = "TYPE", default_value = "int")]
    pub(crate) value: ValueKind,

    /// Length of each str, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub(crate) value_bytes: u32,

    /// Percentage of requests that are GET; the others are SET
    #[arg(long, value_name = "PERCENT", default_value_t = 90, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) mix: u8,

    /// Requests in flight per connection [default: 16, or 1 over HTTP]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) depth: Option<u32>,

    /// Number of connections
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(crate) connections: u32,

    /// Threads of the load generator [default: one for each core that the server does not use, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,

    /// Requests per second, sent whether or not the server keeps up (open loop) [default: as many as possible (closed
    /// loop)]
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<f64>,

    /// Duration of the measurement
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub(crate) duration: Duration,

    /// Duration of the warm-up before it
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time_or_none)]
    pub(crate) warmup: Duration,

    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Store every entry before the run; then a GET that finds none is an error
    #[arg(long, value_name = "YES", default_value = "on")]
    pub(crate) preload: Switch,

    /// Start with an empty server, store each entry once, and stop after the last one. Shows pauses during growth
    #[arg(long)]
    pub(crate) grow: bool,

    /// Do not pin threads and servers to cores
    #[arg(long)]
    pub(crate) no_pin: bool,

    /// Exit with 0 even if there are errors among the replies
    #[arg(long)]
    pub(crate) allow_errors: bool,

    /// Write the results to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write a self-contained HTML report with charts to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// Options of `compare`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// Only cells whose name contains one of these, such as `frames`, `REST`, `memory`, `depth 16`
    #[arg(value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// List the cells and exit
    #[arg(long)]
    pub(crate) list: bool,

    /// Number of rounds per cell; kvs and its peer alternate
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,

    /// Duration of each measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    pub(crate) seconds: f64,

    /// One round of one second, with a tenth of the keys: checks that everything works, not a result
    #[arg(long)]
    pub(crate) quick: bool,

    /// Random seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// The kvs program [default: the one beside this program; built first under `cargo run`]
    #[arg(long, value_name = "FILE", env = "LOADTEST_KVS")]
    pub(crate) kvs: Option<PathBuf>,

    /// Write the results, with every round, to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write the table to this file as HTML
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Write a picture of the ratios to this file as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// Options of `draw`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DrawArgs {
    /// Output file of `compare --json`
    #[arg(value_name = "FILE")]
    pub(crate) results: PathBuf,

    /// Write the self-contained picture to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: PathBuf,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub(crate) enum Switch {
    On,
    Off,
}

fn time_or_none(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|e| format!("{e}; expected a time such as 10s or 500ms"))
}

fn time(text: &str) -> Result<Duration, String> {
    time_or_none(text).and_then(|time| if time.is_zero() { Err("expected more than 0".into()) } else { Ok(time) })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
        let args = Args::try_parse_from(["loadtest"]).unwrap();
        assert!(args.command.is_none() && args.run.start == Start::Frames);
        assert!(Args::try_parse_from(["loadtest", "--target", "redis://127.0.0.1:1", "--start", "rest"]).is_err());
        assert!(Args::try_parse_from(["loadtest", "--duration", "0s"]).is_err());
    }
}
