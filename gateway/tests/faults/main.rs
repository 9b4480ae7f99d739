//! Faults on purpose, beneath the real programs: a disk that forgets what was not synced, system calls that fail, a database
//! that comes back as its standby.
//!
//! In every life a client counts and writes down how far it has come (`ledger`). The next life must know what was acknowledged,
//! and must not know what was refused.
//!
//! ```text
//!   power.rs     the power goes, and with it what was not synced
//!   calls.rs     system calls that fail, stop half-way, or take long
//!   standby.rs   PostgreSQL fails over to a standby that lacks the end of the log
//! ```
//!
//! `KVS_FAULTS` sets how often each happens; `cargo xtask faults` makes the long run.

mod calls;
#[path = "../deployment/mod.rs"]
mod deployment;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../ledger/mod.rs"]
mod ledger;
mod power;
mod standby;
#[path = "../txnd_server/mod.rs"]
mod txnd_server;

/// How often something happens, of which a test does `few`.
fn times(few: u32) -> u32 {
    let times = std::env::var("KVS_FAULTS").ok().map(|times| times.parse().expect("KVS_FAULTS is a number"));
    times.unwrap_or(few)
}
