//! The ways between kvs, txnd and PostgreSQL in trouble, with real processes: connections that are cut, slow, silent or refused,
//! peers that are stopped, strangers at the door, two writers on one log.
//!
//! ```text
//!   load.rs ──HTTP──> kvs ──proxy──> txnd ──proxy──> PostgreSQL
//!                      └──────────────proxy────────────┘
//!
//!   proxy.rs      a TCP proxy that cuts, delays, swallows and refuses
//!   site.rs       where a log is, with proxies on the ways to it
//!   load.rs       writers that remember what was acknowledged, and the check of what a fresh kvs recovers
//!   cuts.rs       connections that are cut again and again, or slow
//!   half_open.rs  ways where bytes vanish, and processes that are stopped
//!   outage.rs     the log is down for a while
//!   fencing.rs    two kvs on one log
//!   storm.rs      strangers that keep txnd's door busy
//!   once.rs       clients that send everything again, to a kvs that is killed again and again
//!   starting.rs   what an operator sees when something is not there
//! ```
//!
//! `KVS_NETWORK_CYCLES` sets how often connections are cut; `cargo xtask network` makes the long run.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../txnd_server/mod.rs"]
mod txnd_server;

mod cuts;
mod fencing;
mod half_open;
mod load;
mod once;
mod outage;
mod proxy;
mod site;
mod starting;
mod storm;
