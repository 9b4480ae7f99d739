//! Processes: servers that end with this one, their cores, and their resource usage.
//!
//! ```text
//!   child.rs   a server process: started pinned, stopped whatever happens
//!   pin.rs     which cores a thread or process may run on
//!   usage.rs   CPU time and memory of processes
//! ```

pub(crate) mod child;
pub(crate) mod pin;
pub(crate) mod usage;
