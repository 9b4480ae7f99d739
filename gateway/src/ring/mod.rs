//! I/O with clients over io_uring: what many sessions of a worker send and receive in a turn costs one system call.
//!
//! ```text
//!   session ── read, write ──> stream.rs ──> channel.rs: what has arrived, what is being sent
//!                                  │             ▲
//!                                  ▼             │ completions
//!                              driver.rs, a task that runs after the sessions
//!                                  │             │
//!                                  ▼             │
//!                              queues.rs ──── the kernel
//!                              buffers.rs: where it puts input
//!
//!   probe.rs  whether the kernel does what this needs
//! ```

mod buffers;
mod channel;
mod driver;
mod probe;
mod queues;
mod stream;

pub(crate) use channel::HELD_BYTES;
pub(crate) use driver::Driver;
pub(crate) use probe::probe;
pub(crate) use stream::RingStream;
