//! State shared by all workers, and state shared by the sessions of one worker.

use std::sync::{Arc, RwLock};

use engine::Engine;
use tracing::{info, warn};

use crate::auth::Token;
use crate::budget::Budget;
use crate::config::Config;
use crate::connection::Reaper;
use crate::frames::Buffers;
use crate::listener::ConnectionLimit;
use crate::log::status::LogWatch;
use crate::service::Service;

/// State shared by all workers.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) engine: Arc<Engine>,
    /// The log; `None` when it is off.
    pub(crate) log: Option<LogWatch>,
    /// The token that clients must present, if any.
    token: Option<RwLock<Arc<Token>>>,
    pub(crate) connections: ConnectionLimit,
    /// Memory limit for large request bodies and frames.
    pub(crate) request_memory: Arc<Budget>,
    /// Memory limit for large responses.
    pub(crate) response_memory: Arc<Budget>,
}

/// State shared by the sessions of one worker. Never leaves the worker's thread.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) service: Service,
    pub(crate) reaper: Reaper,
    pub(crate) buffers: Buffers,
}

impl Shared {
    pub(crate) fn new(config: Config, engine: Arc<Engine>, log: Option<LogWatch>, token: Option<Token>) -> Self {
        Self {
            engine,
            log,
            token: token.map(|token| RwLock::new(Arc::new(token))),
            connections: ConnectionLimit::new(&config),
            request_memory: Budget::new(config.request_memory.as_u64() as usize),
            response_memory: Budget::new(config.response_memory.as_u64() as usize),
            config,
        }
    }

    /// The token that clients must present, if any.
    pub(crate) fn token(&self) -> Option<Arc<Token>> {
        self.token.as_ref().map(|token| Arc::clone(&token.read().unwrap_or_else(|e| e.into_inner())))
    }

    /// Reads the token file again. Connections that are authenticated with the previous token stay so.
    pub(crate) fn reload_token(&self) {
        let (Some(file), Some(in_use)) = (&self.config.token_file, &self.token) else {
            return info!("SIGHUP: there is no token file to reload");
        };
        match Token::read(file) {
            Ok(token) => {
                *in_use.write().unwrap_or_else(|e| e.into_inner()) = Arc::new(token);
                info!("SIGHUP: the token was read again");
            }
            Err(e) => warn!("SIGHUP: the token cannot be used, the one of before stays in use: {e}"),
        }
    }
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let config = &shared.config;
        let (engine, responses) = (Arc::clone(&shared.engine), Arc::clone(&shared.response_memory));
        Self {
            service: Service::new(engine, config.durability, responses, shared.log.clone(), config.log_timeout),
            reaper: Reaper::new(config),
            buffers: Buffers::default(),
            shared,
        }
    }
}
