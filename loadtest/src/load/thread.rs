//! One thread of the load: its connections in an event loop.

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::connection::{Connection, State, connect};
use super::plan::Plan;
use super::schedule::Schedule;
use super::tally::Tally;
use crate::distribution::Numbers;
use crate::keys::{Values, key};
use crate::protocol::{Protocol, Request};

/// Longest sleep: after it the thread checks whether it must stop.
const MAX_WAIT: Duration = Duration::from_millis(50);

/// Below this the thread polls without sleeping: epoll's timeout is in milliseconds, and a request that is sent late
/// would make the server look slow.
const MIN_WAIT: Duration = Duration::from_millis(1);

/// How long to wait for replies at the end of the load.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of events per poll.
const EVENTS: usize = 256;

/// State shared by the threads of a run.
#[derive(Debug)]
pub(crate) struct Shared<'r> {
    pub(crate) plan: &'r Plan,
    pub(crate) values: &'r Values,
    pub(crate) start: Instant,
    pub(crate) stop: &'r AtomicBool,
}

/// The requests of one thread.
#[derive(Debug)]
pub(crate) struct Requests {
    numbers: Numbers,
    /// Percentage of requests that are reads.
    gets: u8,
    mix: Xoshiro256PlusPlus,
}

impl Requests {
    /// Requests for the entries that `numbers` gives.
    pub(crate) fn new(numbers: Numbers, gets: u8, seed: u64) -> Self {
        Self { numbers, gets, mix: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// Adds the next request to those of a connection; returns whether there was one.
    fn queue_next<P: Protocol>(&mut self, values: &Values, connection: &mut Connection<P>, since: u64) -> bool {
        let Some(number) = self.numbers.next() else { return false };
        let get = match self.gets {
            0 => false,
            100 => true,
            gets => self.mix.random_range(0..100) < gets,
        };
        let request = if get { Request::Get } else { Request::Set(values.get(number)) };
        connection.queue(&key(number), request, since);
        true
    }
}

/// The event loop of one thread.
#[derive(Debug)]
pub(crate) struct Driver<'r, P> {
    shared: Shared<'r>,
    tally: &'r Mutex<Tally>,
    protocol: P,
    requests: Requests,
    connections: Vec<Connection<P>>,
    poll: Poll,
}

impl<'r, P: Protocol> Driver<'r, P> {
    /// Takes over `streams`, whose handshake is done.
    pub(crate) fn new(
        shared: Shared<'r>,
        tally: &'r Mutex<Tally>,
        protocol: P,
        requests: Requests,
        streams: Vec<TcpStream>,
    ) -> Result<Self, String> {
        let poll = Poll::new().map_err(|e| format!("epoll: {e}"))?;
        let connections = streams.into_iter().map(|stream| Connection::new(stream, protocol.clone())).collect();
        let mut driver = Self { shared, tally, protocol, requests, connections, poll };
        for n in 0..driver.connections.len() {
            driver.register(n)?;
        }
        Ok(driver)
    }

    fn register(&mut self, n: usize) -> Result<(), String> {
        let stream = &mut self.connections[n].stream;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(stream, Token(n), both).map_err(|e| format!("epoll: {e}"))
    }

    fn now(&self) -> u64 {
        self.shared.start.elapsed().as_nanos() as u64
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    fn send(&mut self, n: usize) -> Result<(), String> {
        use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
        match self.connections[n].send() {
            Ok(()) => Ok(()),
            // Reading will report that the connection is closed.
            Err(e) if matches!(e.kind(), BrokenPipe | ConnectionReset) => Ok(()),
            Err(e) => Err(format!("sending: {e}")),
        }
    }

    /// Each connection sends `depth` requests at once, reads all replies, and repeats.
    pub(crate) fn closed_loop(mut self) -> Result<(), String> {
        for n in 0..self.connections.len() {
            self.next_batch(n)?;
        }
        let mut events = Events::with_capacity(EVENTS);
        let mut stopped_at = None;
        while self.connections.iter().any(|connection| connection.pending() > 0) {
            self.wait(&mut events, MAX_WAIT)?;
            for event in &events {
                let Token(n) = event.token();
                if event.is_writable() {
                    self.send(n)?;
                }
                if event.is_readable() {
                    self.receive(n)?;
                    if self.connections[n].pending() == 0 {
                        self.next_batch(n)?;
                    }
                }
            }
            if self.stopped() && stopped_at.get_or_insert_with(Instant::now).elapsed() > DRAIN_TIMEOUT {
                break;
            }
        }
        Ok(())
    }

    fn next_batch(&mut self, n: usize) -> Result<(), String> {
        if self.stopped() {
            return Ok(());
        }
        let since = self.now();
        for _ in 0..self.shared.plan.depth {
            if !self.requests.queue_next(self.shared.values, &mut self.connections[n], since) {
                break;
            }
        }
        self.send(n)
    }

    /// Requests are sent when they are due, on the connections in turn, with at most `depth` in flight per connection.
    pub(crate) fn open_loop(mut self, mut schedule: Schedule) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENTS);
        let (mut turn, count) = (0, self.connections.len());
        let mut stopped_at: Option<Instant> = None;
        loop {
            let over = self.stopped() || self.requests.numbers.is_at_end();
            let mut blocked = false;
            while !over && schedule.next() <= self.now() {
                let depth = self.shared.plan.depth;
                let free = (turn..turn + count).map(|n| n % count).find(|n| self.connections[*n].pending() < depth);
                let Some(n) = free else {
                    blocked = true;
                    break;
                };
                // All requests due now go to one connection, as far as it has room: several requests in one call.
                while self.connections[n].pending() < depth {
                    let Some(due) = schedule.take(self.now()) else { break };
                    if !self.requests.queue_next(self.shared.values, &mut self.connections[n], due) {
                        break;
                    }
                }
                self.send(n)?;
                turn = (n + 1) % count;
                if self.requests.numbers.is_at_end() {
                    break;
                }
            }
            if over {
                let waits = self.connections.iter().any(|connection| connection.pending() > 0);
                if !waits || stopped_at.get_or_insert_with(Instant::now).elapsed() > DRAIN_TIMEOUT {
                    return Ok(());
                }
            }
            let wait = if over || blocked { MAX_WAIT } else { schedule.wait(self.now()).min(MAX_WAIT) };
            self.wait(&mut events, if wait < MIN_WAIT { Duration::ZERO } else { wait - MIN_WAIT })?;
            for event in &events {
                let Token(n) = event.token();
                if event.is_writable() {
                    self.send(n)?;
                }
                if event.is_readable() {
                    self.receive(n)?;
                }
            }
        }
    }

    fn wait(&mut self, events: &mut Events, timeout: Duration) -> Result<(), String> {
        match self.poll.poll(events, Some(timeout)) {
            Err(e) if e.kind() != std::io::ErrorKind::Interrupted => Err(format!("epoll: {e}")),
            _ => Ok(()),
        }
    }

    /// Reads replies. A connection that the server has closed is reopened.
    fn receive(&mut self, n: usize) -> Result<(), String> {
        if self.connections[n].receive(self.shared.start, self.tally)? == State::Open {
            return Ok(());
        }
        let addr = self.shared.plan.target.addr;
        let stream =
            connect(&self.protocol, addr).map_err(|e| format!("the server closed a connection; {addr}: {e}"))?;
        let lost = self.connections[n].replace(stream, self.protocol.clone());
        self.register(n)?;
        let mut tally = self.tally.lock().map_err(|_| "another thread has failed")?;
        tally.reconnects += 1;
        tally.errors.lost += lost;
        if lost > 0 {
            tally.errors.first.get_or_insert_with(|| "the server closed a connection that waited for replies".into());
        }
        Ok(())
    }
}
