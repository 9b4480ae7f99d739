//! State shared by all workers, and state shared by the sessions of one worker.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use engine::Engine;
use tokio::task::JoinSet;
use txnd::tls::Door;

use crate::access::Access;
use crate::access_log::{AccessLog, Scribe};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::Config;
use crate::connection::Reaper;
use crate::feed::Feed;
use crate::frames::Buffers;
use crate::helper::Helper;
use crate::listener::ConnectionLimit;
use crate::log::status::LogWatch;
use crate::log::thread::{Records, Recovered};
use crate::meters::WorkerMeters;
use crate::pulse::Pulse;
use crate::request_id::Ids;
use crate::ring::Driver;
use crate::service::Service;
use crate::token::Tokens;

/// State shared by all workers.
pub(crate) struct Shared {
    /// Makes and reads tokens.
    pub(crate) tokens: Tokens,
    pub(crate) config: Config,
    pub(crate) engine: Arc<Engine>,
    /// The time of operations.
    pub(crate) clock: Arc<Clock>,
    /// The log; `None` when it is off.
    pub(crate) log: Option<LogWatch>,
    /// What changes, for those who follow; `None` without a log.
    pub(crate) feed: Option<Arc<Feed>>,
    /// Who may use the server.
    pub(crate) access: Arc<Access>,
    /// The counters of each worker, then those of each helper.
    pub(crate) meters: Vec<Arc<WorkerMeters>>,
    /// Whether each worker still runs.
    pub(crate) pulses: Vec<Pulse>,
    /// TLS with clients, if there is.
    pub(crate) door: Option<Arc<Door>>,
    /// A line for each request, if that is asked for.
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) connections: ConnectionLimit,
    /// Memory limit for large request bodies and frames.
    pub(crate) request_memory: Arc<Budget>,
    /// Memory limit for large responses.
    pub(crate) response_memory: Arc<Budget>,
}

/// State shared by the sessions of one worker. Never leaves the worker's thread.
pub(crate) struct Worker {
    /// Carries out what takes long; `None` if this is the helper's own.
    pub(crate) helper: Option<Helper<Self>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) service: Service,
    pub(crate) reaper: Reaper,
    pub(crate) buffers: Buffers,
    /// Sends to clients and receives from them, unless epoll does.
    pub(crate) ring: Option<Rc<Driver>>,
    /// Makes ids of requests.
    pub(crate) ids: Ids,
    /// Writes the access log, if there is one.
    pub(crate) scribe: Option<Scribe>,
}

impl Shared {
    pub(crate) fn new(
        config: Config,
        recovered: Recovered,
        log: Option<(LogWatch, Records)>,
        access: Arc<Access>,
        door: Option<Door>,
        access_log: Option<Arc<AccessLog>>,
        workers: usize,
    ) -> Self {
        let response_memory = Budget::new(config.response_memory.as_u64() as usize);
        let (log, records) = log.unzip();
        let process = rand::random();
        let tokens = log.as_ref().map_or_else(|| Tokens::without_log(process), |log| log.tokens(process));
        let feed = log.clone().zip(records).map(|(log, records)| Feed::new(log, records, Arc::clone(&response_memory)));
        Self {
            tokens,
            engine: recovered.engine,
            clock: recovered.clock,
            log,
            feed,
            access,
            door: door.map(Arc::new),
            access_log,
            meters: (0..2 * workers).map(|_| Arc::default()).collect(),
            pulses: (0..workers).map(|_| Pulse::new()).collect(),
            connections: ConnectionLimit::new(&config),
            request_memory: Budget::new(config.request_memory.as_u64() as usize),
            response_memory,
            config,
        }
    }
}

impl Worker {
    /// On the worker's own thread; with a ring if it serves clients over io_uring.
    pub(crate) fn new(number: usize, shared: Arc<Shared>, helper: Helper<Self>, with_ring: bool) -> io::Result<Self> {
        let ring = with_ring.then(Driver::new).transpose()?;
        Ok(Self { ring, helper: Some(helper), ..Self::with_counters(number, shared) })
    }

    /// Starts the helper of the worker with this number.
    pub(crate) fn start_helper(number: usize, shared: Arc<Shared>) -> io::Result<Helper<Self>> {
        Helper::start(&format!("kvs-helper-{number}"), move |tasks| {
            let workers = shared.pulses.len();
            let worker = Rc::new(Self::with_counters(workers + number, shared));
            worker.follow_and_tick(tasks);
            worker
        })
    }

    /// Follows the log, and checks connections, in the background. Without that, nothing that waits would go on.
    pub(crate) fn follow_and_tick(self: &Rc<Self>, tasks: &mut JoinSet<()>) {
        let worker = Rc::clone(self);
        tasks.spawn_local(async move { worker.reaper.run().await });
        let worker = Rc::clone(self);
        tasks.spawn_local(async move { worker.service.follow_log().await });
    }

    fn with_counters(number: usize, shared: Arc<Shared>) -> Self {
        let config = &shared.config;
        let (engine, responses) = (Arc::clone(&shared.engine), Arc::clone(&shared.response_memory));
        let (log, meters) = (shared.log.clone(), Arc::clone(&shared.meters[number]));
        Self {
            helper: None,
            service: Service::new(
                engine,
                config.durability,
                responses,
                log,
                config.log_timeout,
                meters,
                shared.tokens.clone(),
            ),
            reaper: Reaper::new(config),
            buffers: Buffers::default(),
            ring: None,
            ids: Ids::default(),
            scribe: shared.access_log.clone().map(Scribe::new),
            shared,
        }
    }
}
