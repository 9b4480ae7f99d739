//! Writes int puts into a log as fast as the log accepts them: the work of kvs without its sessions, engine included.
//!
//! `bench/ingest_vs_copy.sh` compares it with `psql \copy`. Prints one line: records, seconds, records per second, CPU
//! seconds of this process.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use engine::{Engine, LogBuffer, Options};
use proto::{Chain, Refusal};
use tokio::sync::Notify;
use txnd::remote::MutualTls;
use txnd::tls::TlsFiles;
use txnd::{InFlight, LogWriter, PostgresSink, RemoteSink, SegmentSink, SinkError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of records between append and durable: the default of kvs.
const BUDGET: usize = 64 << 20;

#[derive(Parser)]
struct Args {
    /// `file:DIR`, `postgres://...` or `https://...`
    log: String,
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    #[arg(long, default_value_t = 100_000)]
    keys: u64,
    /// Folder of `ca.pem`, `kvs.pem` and `kvs.key` for `https://...`
    #[arg(long, default_value = "certs")]
    certs: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let done = runtime.block_on(async {
        match args.log.split_once(':') {
            Some(("file", folder)) => ingest(SegmentSink::new(folder, txnd::DEFAULT_SEGMENT_BYTES), &args).await,
            Some(("postgres", _)) => ingest(args.log.parse::<PostgresSink>().map_err(SinkError::Failed)?, &args).await,
            Some(("https", _)) => {
                let connector = MutualTls::new(&args.log, TlsFiles::in_folder(&args.certs, "kvs"));
                ingest(RemoteSink::new(connector.map_err(SinkError::Failed)?), &args).await
            }
            _ => Err(SinkError::Failed(format!("unknown log {}", args.log))),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

async fn ingest(mut sink: impl LogWriter, args: &Args) -> Result<(), SinkError> {
    let opened = sink.open().await?;
    let filled = Arc::new(Notify::new());
    let wake = Arc::clone(&filled);
    let buffer = Arc::new(LogBuffer::new(opened.chain.lsn + 1, BUDGET, Box::new(move || wake.notify_one())));
    let mut engine = Engine::new(Options::default());
    engine.attach_log(Arc::clone(&buffer));
    let (records, keys) = (args.records, args.keys);
    let began = Instant::now();
    let writer = std::thread::spawn(move || {
        let names: Vec<String> = (0..keys).map(|n| format!("key:{n:08}")).collect();
        for n in 0..records {
            // 2 to the 64 divided by the golden ratio: keys recur in a scattered order.
            let name = &names[(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % keys) as usize];
            while let Err(refused) = engine.execute(&bench::put(name, n as i32), n as i64) {
                assert!(matches!(refused, Refusal::LogBehind { .. }), "{refused}");
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
        }
    });
    ship(&mut sink, opened.epoch, opened.chain, &buffer, &filled, opened.chain.lsn + records).await?;
    let seconds = began.elapsed().as_secs_f64();
    writer.join().expect("the writer does not panic");
    sink.close().await?;
    println!(
        "{records} records, {seconds:.3} s, {:.0} records/s, {:.2} s of CPU",
        records as f64 / seconds,
        cpu_seconds()
    );
    Ok(())
}

/// Sends batches to the sink until `last` is durable, like the shipper of kvs.
async fn ship(
    sink: &mut impl LogWriter,
    epoch: u64,
    mut chain: Chain,
    buffer: &LogBuffer,
    filled: &Notify,
    last: u64,
) -> Result<(), SinkError> {
    let mut in_flight = InFlight::beyond(chain.lsn);
    while in_flight.durable() < last {
        while in_flight.has_room()
            && let Some(taken) = buffer.take()
        {
            let batch = taken.seal(&chain, epoch, in_flight.durable());
            chain = chain.after(&batch);
            sink.append(&batch).await?;
            in_flight.push(batch.last_lsn(), batch);
        }
        if in_flight.is_empty() {
            filled.notified().await;
            continue;
        }
        tokio::select! {
            biased;
            durable = sink.durable() => {
                for batch in in_flight.settle(durable?) {
                    buffer.release(batch.body_bytes(), batch.into_memory());
                }
            }
            () = filled.notified(), if in_flight.has_room() => {}
        }
    }
    Ok(())
}

/// User and system time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The command's name may contain blanks and ends with the last parenthesis; fields 14 and 15 of proc(5) follow.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}
