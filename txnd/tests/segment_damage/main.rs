//! What becomes of a log whose files were damaged: it comes back whole, or it is refused with the place of the damage.
//! Only a tail that was never acknowledged is cut off.
//!
//! The fault model: a crash or power cut leaves any part of what was not yet acknowledged; besides, files that were
//! acknowledged lose or change bits, or are lost, renamed, exchanged or cut.
//!
//! ```text
//!   cuts.rs       the last segment is cut at every byte
//!   flips.rs      every bit of every file is flipped
//!   missing.rs    files are missing, renamed, exchanged, of another log, of a newer format
//!   torn.rs       tails as crashes leave them
//!   proof.rs      damage to acknowledged records is noticed after any history of crashes
//! ```

mod cuts;
mod flips;
#[path = "../log_folder/mod.rs"]
mod log_folder;
mod missing;
mod proof;
mod torn;
#[path = "../writer/mod.rs"]
mod writer;
