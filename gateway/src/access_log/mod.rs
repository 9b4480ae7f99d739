//! The access log: a line of JSON for each request, for those who must know who did what. docs/operations.md has its fields.
//!
//! ```text
//!   http/noted.rs, frames/noted.rs ── line.rs ──> scribe.rs ══ queue ══> writer.rs ──> file, pipe or standard output
//!   (a worker's sessions)                         (one a worker)         (own thread)
//!
//!   line.rs    what a line says
//!   scribe.rs  a worker's end of the queue; drops lines if it is full
//!   writer.rs  the thread that writes, and may wait for a disk
//!   target.rs  where the lines go: opened, and opened again
//! ```

mod line;
mod scribe;
mod target;
mod writer;

pub(crate) use line::{Line, Lines};
pub(crate) use scribe::Scribe;
pub(crate) use writer::{AccessLog, Outcome};
