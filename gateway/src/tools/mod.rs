//! The commands of kvs that need no running server. Those on logs look at one, copy it, back it up and restore it.
//!
//! ```text
//!   source.rs   a log of any kind, as the commands read it
//!   info.rs     kvs log info, kvs log verify
//!   dump.rs     kvs log dump
//!   backup.rs   kvs backup, kvs backup verify
//!   copy.rs     kvs restore, kvs log copy
//!   token.rs    kvs token
//!   error.rs    why a command failed
//!   state.rs    the state at a point of a log
//! ```

mod backup;
mod copy;
mod dump;
mod error;
mod info;
mod source;
mod state;
mod token;

use std::io::Write;

use crate::config::{BackupCommand, Config, LogCommand, LogTarget, Tool};
use source::AnyReader;

pub use error::ToolError;

/// Runs `tool`, and writes its result to `out`.
pub async fn run(config: &Config, tool: &Tool, out: &mut impl Write) -> Result<(), ToolError> {
    let open = |target: &LogTarget| AnyReader::open(target, config.tls());
    match tool {
        Tool::Token(command) => token::run(config, command, out),
        Tool::Log(LogCommand::Info) => info::info(&open(&config.log)?, out).await,
        Tool::Log(LogCommand::Verify) => info::verify(&open(&config.log)?, out).await,
        Tool::Log(LogCommand::Dump(wanted)) => dump::run(&open(&config.log)?, wanted, out).await,
        Tool::Log(LogCommand::Copy(wanted)) => copy::run(config, wanted, out).await,
        Tool::Restore(wanted) => copy::restore(config, wanted, out).await,
        Tool::Backup(wanted) => match &wanted.command {
            Some(BackupCommand::Verify { dir }) => backup::verify(dir, out).await,
            None => backup::take(&open(&config.log)?, wanted, out).await,
        },
    }
}
