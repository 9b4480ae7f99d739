//! A kvs that starts, serves clients and ends, again and again. When another one takes the log, it takes it back.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ::txnd::{RemoteSink, SinkError};
use clap::Parser;
use proto::{CounterType, Key, Op, Refusal, ValueRef, ValueType};
use rand::RngExt;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::storage::{self, Storage};
use super::txnd::Network;
use super::witness::{Shared, Witness, told};
use crate::access::Identity;
use crate::budget::Budget;
use crate::config::{Config, Durability};
use crate::log::meters::LogMeters;
use crate::log::status::LogHealth;
use crate::log::thread::LogThread;
use crate::protocol::Protocol;
use crate::service::{Options, Origin, Request, Service};

/// Clients of one kvs.
const CLIENTS: usize = 3;

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// Flags: checkpoints every few writes, and waits that end within a run.
const FLAGS: [&str; 11] = [
    "kvs",
    "--shards",
    "4",
    "--checkpoint-after",
    "4KiB",
    "--checkpoint-rate",
    "1GiB",
    "--wait-for-log",
    "5s",
    "--log-timeout",
    "3s",
];

/// The program of the host.
pub(super) async fn run<S: Storage>(world: Shared, storage: S, through: &'static str) -> turmoil::Result {
    loop {
        let pause = Witness::chance(&world).random_range(0..300);
        sleep(Duration::from_millis(pause)).await;
        live(&world, &storage, through).await;
    }
}

/// One life, from a start to an orderly stop, or to the end of the log's term.
async fn live<S: Storage>(world: &Shared, storage: &S, through: &'static str) {
    // The order of a checkpoint's entries is that of their hashes.
    let hash_seeds = Some(std::array::from_fn(|_| Witness::chance(world).random()));
    let config = Config { hash_seeds, ..Config::parse_from(FLAGS) };
    let meters = Arc::<LogMeters>::default();
    let last = world.borrow().last();
    let sink = RemoteSink::new(Network(through));
    let started = LogThread::start(sink, &config, Default::default(), Arc::clone(&meters));
    let (engine, log) = match started.expect("a task").recovered().await {
        Ok((recovered, log, _)) => (recovered.engine, log),
        Err(SinkError::Fenced { .. } | SinkError::Unavailable(_)) => return,
        Err(e) => return world.borrow_mut().is_wrong(format!("a start has failed: {e}")),
    };
    match storage::read(&storage.reader()).await {
        Ok(stored) => world.borrow_mut().recovered(&engine, last, &stored),
        Err(e) => return world.borrow_mut().is_wrong(format!("the log cannot be read: {e}")),
    }
    let (watch, timeout) = (log.watch(), config.log_timeout);
    let service = Rc::new(Service::new(
        engine,
        Durability::Sync,
        Budget::new(1 << 30),
        Some(watch.clone()),
        timeout,
        Arc::default(),
        watch.tokens(0),
    ));
    let mut tasks = JoinSet::new();
    for _ in 0..CLIENTS {
        tasks.spawn_local(client(Rc::clone(world), Rc::clone(&service)));
    }
    let follower = Rc::clone(&service);
    tasks.spawn_local(async move { follower.follow_log().await });
    let lifetime = Duration::from_millis(Witness::chance(world).random_range(50..1500));
    tokio::select! {
        biased;
        lost = watch.lost() => if lost == LogHealth::Failed {
            world.borrow_mut().is_wrong("the log has failed for good".into());
        },
        () = sleep(lifetime) => {}
    }
    world.borrow_mut().checkpoints(meters.checkpoints_written.get());
    // What it could not make durable by then nobody was told of.
    let _ = log.stop(Duration::from_secs(2)).await;
    tasks.shutdown().await;
}

/// Writes, and waits until it is told that the write is durable.
async fn client(world: Shared, service: Rc<Service>) {
    let everyone = Identity::everyone();
    let origin = Origin { identity: &everyone, protocol: Protocol::Frames };
    let options = Options { durability: Durability::Sync };
    loop {
        let text = world.borrow_mut().text();
        let (key, kind, pause) = {
            let mut chance = Witness::chance(&world);
            (chance.random_range(0..KEYS.len()), chance.random_range(0..10), chance.random_range(0..20))
        };
        sleep(Duration::from_millis(pause)).await;
        let key = Key::new(KEYS[key].as_bytes()).expect("a key");
        let op = match kind {
            0..6 => Op::Put { key, value: ValueRef::Str(&text) },
            6..9 => Op::Incr { ty: CounterType::Int, key },
            _ => Op::Del { ty: ValueType::Str, key },
        };
        match service.execute(origin, &Request { op, options }, 0) {
            Ok(done) => {
                let lsn = done.awaits.expect("a durable write waits");
                // Nobody knows what has become of it otherwise.
                if service.wait(lsn).await.is_ok()
                    && let Some(told) = told(&op, &done.reply)
                {
                    world.borrow_mut().acknowledge(lsn, told);
                }
            }
            Err(Refusal::LogDown | Refusal::LogBehind { .. }) => sleep(Duration::from_millis(50)).await,
            Err(Refusal::Fenced | Refusal::LogFailed | Refusal::LogClosed(_)) => return,
            Err(refusal) => return world.borrow_mut().is_wrong(format!("refused: {refusal}")),
        }
    }
}
