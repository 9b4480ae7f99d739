//! The commands of kvs and their arguments.

use std::path::PathBuf;
use std::str::FromStr;

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use proto::{Lsn, Micros, ValueType};
use txnd::cli::certs::Certs;
use txnd::cli::flags::{at_least, unquoted};

use super::LogTarget;
use crate::access::Scopes;
use crate::access::file::{expiry, value_type};
use crate::clock;

/// Commands that run instead of the server.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Check whether the kvs at `--http-addr` responds or, with `--server-cert`, whether the one at `--admin-addr` is ready;
    /// exit code 0 if so, otherwise 1
    Health,
    /// Make a CA (ca.pem, ca.key) and certificates for TLS with clients: the server's (server.pem, server.key) and a
    /// client's (client.pem, client.key)
    Certs(Certs),
    /// A command that needs no running server.
    #[command(flatten)]
    Tool(Tool),
}

/// Commands that need no running server.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Tool {
    /// Make, list and revoke identities, in the file that `--identities` names. A running server notices it
    #[command(subcommand)]
    Token(TokenCommand),
    /// Look at the log that `--log` names, beside a server that uses it or without one, or copy a log
    #[command(subcommand)]
    Log(LogCommand),
    /// Copy the log that `--log` names into a folder, beside a server that uses it or without one: its latest checkpoint and
    /// the records after it. A later run adds what is new since
    Backup(Backup),
    /// Make a new log with the state that a backup has
    Restore(Restore),
}

/// What `kvs log` does.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum LogCommand {
    /// Show the log's id, which records it has, and its checkpoints
    Info,
    /// Read every checkpoint and every record, and check them; exit code 5 if something is damaged
    Verify,
    /// Print records as lines of JSON
    Dump(Dump),
    /// Make a new log with the state of another, or with its whole history
    Copy(Copy),
}

/// `kvs log dump`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Dump {
    /// Only records from here on: an lsn, or a time (UTC) such as `2026-01-31T12:00:00Z`
    #[arg(long, value_name = "LSN|TIME")]
    pub from: Option<Until>,

    /// Only records up to here
    #[arg(long, value_name = "LSN|TIME")]
    pub to: Option<Until>,

    /// Only records of this key
    #[arg(long)]
    pub key: Option<String>,

    /// Only records of this value type, and deletions of all types
    #[arg(long = "type", value_name = "TYPE", value_parser = value_type)]
    pub ty: Option<ValueType>,
}

/// `kvs log copy`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Copy {
    /// The log to copy, as for `--log`, or `backup:DIR`
    #[arg(value_parser = unquoted::<LogTarget>())]
    pub from: LogTarget,

    /// The new log, as for `--log`. It must not have records yet
    #[arg(value_parser = unquoted::<LogTarget>())]
    pub to: LogTarget,

    /// Copy the state at this point: an lsn, or a time (UTC) such as `2026-01-31T12:00:00Z` [default: the end]
    #[arg(long, value_name = "LSN|TIME")]
    pub until: Option<Until>,

    /// Copy every record instead of the state. The log must have all of them
    #[arg(long)]
    pub history: bool,
}

/// `kvs backup`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Backup {
    /// Work on a backup instead of taking one
    #[command(subcommand)]
    pub command: Option<BackupCommand>,

    /// Folder of the backup; created if it is missing
    #[arg(required = true)]
    pub dir: Option<PathBuf>,

    /// Begin with a new full copy, even if the last backup could be continued
    #[arg(long)]
    pub full: bool,

    /// Limit of what is copied, in bytes per second, so that a server beside it is not slowed down
    #[arg(long, default_value = "64MiB", value_name = "SIZE", value_parser = at_least::<1024>)]
    pub rate: ByteSize,
}

/// What `kvs backup` does besides taking one.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum BackupCommand {
    /// Check the hash of every file, and decode every entry and record; exit code 5 if something is damaged
    Verify {
        /// Folder of the backup
        dir: PathBuf,
    },
}

/// `kvs restore`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Restore {
    /// Folder of the backup
    pub dir: PathBuf,

    /// The new log, as for `--log`. It must not have records yet
    #[arg(long, value_name = "LOG", value_parser = unquoted::<LogTarget>())]
    pub to: LogTarget,

    /// Restore the state at this point: an lsn, or a time (UTC) such as `2026-01-31T12:00:00Z` [default: the end]
    #[arg(long, value_name = "LSN|TIME")]
    pub until: Option<Until>,
}

/// What `kvs token` does.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TokenCommand {
    /// Make an identity, and print its token, which is stored nowhere
    New(NewToken),
    /// Show the identities
    List,
    /// Remove an identity: it can do nothing any more, also over connections that are open
    Revoke {
        /// Its name
        name: String,
    },
}

/// `kvs token new`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct NewToken {
    /// Name of the identity, for lists and logs
    pub name: String,

    /// What it may do: `read`, `write`, `admin` (the operator's listener), with commas
    #[arg(long, value_name = "SCOPES")]
    pub scope: Scopes,

    /// Only entries of these value types, with commas [default: all]
    #[arg(long, value_name = "TYPE,...", value_delimiter = ',', value_parser = value_type)]
    pub types: Vec<ValueType>,

    /// Only keys that begin so [default: all]
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub prefix: String,

    /// When it ends: a time span such as `90d`, or a time (UTC) such as `2027-01-31T12:00:00Z` [default: never]
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub expires: Option<Micros>,

    /// No token: the identity is for clients whose certificate has this DNS name
    #[arg(long, value_name = "DNS-NAME")]
    pub certificate: Option<String>,
}

/// A point of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After the record with this lsn.
    Lsn(Lsn),
    /// Before the first record that is younger. Unix microseconds.
    Time(Micros),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(lsn) = text.parse() {
            return Ok(Self::Lsn(lsn));
        }
        let time = humantime::parse_rfc3339_weak(text).map_err(|e| {
            format!("expected an lsn, or a time (UTC) such as `2026-01-31T12:00:00Z` or `2026-01-31 12:00:00`: {e}")
        })?;
        Ok(Self::Time(clock::since_epoch(time).as_micros() as Micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_of_a_log_is_an_lsn_or_a_time() {
        assert_eq!("17".parse(), Ok(Until::Lsn(17)));
        for text in ["2023-11-14T22:13:20Z", "2023-11-14 22:13:20"] {
            assert_eq!(text.parse(), Ok(Until::Time(1_700_000_000_000_000)), "{text}");
        }
        for text in ["", "-1", "yesterday", "2023-11-14T22:13:20+01:00"] {
            assert!(text.parse::<Until>().is_err_and(|e| e.contains("UTC")), "{text}");
        }
    }
}
