//! Commands and flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use client::{Expiry, ValueType};

/// A client of KVS. Without a command, on a terminal, it reads commands from a prompt.
///
/// Exit codes: 0 done; 1 refused, or there is no such entry; 2 wrong usage; 3 the server cannot be reached; 4 the outcome of a
/// write is not known.
#[derive(Debug, Parser)]
#[command(name = "kvs-cli", version, max_term_width = 110)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Print JSON, one document a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// The address of the server's frame protocol (its --frame-addr)
    #[arg(long, env = "KVS_CLI_ADDR", default_value = "127.0.0.1:8090", value_name = "HOST:PORT", global = true)]
    pub(crate) addr: String,
    /// The address of the server's operator's listener (its --admin-addr), for `stat` and `checkpoint`
    #[arg(long, env = "KVS_CLI_ADMIN_ADDR", default_value = "127.0.0.1:8091", value_name = "HOST:PORT", global = true)]
    pub(crate) admin_addr: String,
    /// Writes return when they are on disk, whatever the server is set to
    #[arg(long, global = true)]
    pub(crate) durable: bool,
    /// The longest wait for a reply
    #[arg(long, env = "KVS_CLI_TIMEOUT", default_value = "75s", value_parser = humantime::parse_duration, value_name = "TIME", global = true)]
    pub(crate) timeout: Duration,
    /// A file with the token to show
    #[arg(long, env = "KVS_CLI_TOKEN_FILE", value_name = "FILE", global = true)]
    pub(crate) token_file: Option<PathBuf>,
    /// Use TLS, and trust servers with a certificate of this CA (PEM)
    #[arg(long, env = "KVS_CLI_TLS_CA", value_name = "FILE", global = true)]
    pub(crate) tls_ca: Option<PathBuf>,
    /// The client's certificate (PEM)
    #[arg(
        long,
        env = "KVS_CLI_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key",
        requires = "tls_ca",
        global = true
    )]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, env = "KVS_CLI_TLS_KEY", value_name = "FILE", requires = "tls_cert", global = true)]
    pub(crate) tls_key: Option<PathBuf>,
}

/// A value type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Type {
    Int,
    Uint,
    Float,
    Str,
    Map,
    Set,
}

impl From<Type> for ValueType {
    fn from(ty: Type) -> Self {
        match ty {
            Type::Int => Self::Int,
            Type::Uint => Self::Uint,
            Type::Float => Self::Float,
            Type::Str => Self::Str,
            Type::Map => Self::Map,
            Type::Set => Self::Set,
        }
    }
}

/// A counter's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Counter {
    Int,
    Uint,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ttl(pub(crate) Expiry);

impl std::str::FromStr for Ttl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(Expiry::Never));
        }
        let time = humantime::parse_duration(text);
        time.map(|time| Self(Expiry::After(time)))
            .map_err(|e| format!("{e}; expected a time such as 90s or 30m, or none"))
    }
}

/// On what a write depends.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(crate) struct When {
    /// Only if there is no such entry
    #[arg(long)]
    pub(crate) if_absent: bool,
    /// Only if there is such an entry
    #[arg(long)]
    pub(crate) if_present: bool,
    /// Only if the entry is in this state, as `get --entry` shows it
    #[arg(long, value_name = "ETAG", value_parser = crate::value::parse_etag)]
    pub(crate) if_etag: Option<client::Etag>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a value
    Get {
        #[arg(value_name = "TYPE")]
        ty: Type,
        key: String,
        /// With its state and when it expires
        #[arg(long)]
        entry: bool,
    },
    /// Store a value
    Put {
        #[arg(value_name = "TYPE")]
        ty: Type,
        key: String,
        /// The value; a map or a set as JSON. `-` reads it from standard input, `@FILE` from a file
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// For how long the entry lives: 90s, 30m, 1d, none
        #[arg(long)]
        ttl: Option<Ttl>,
        #[command(flatten)]
        when: When,
    },
    /// Delete an entry
    Del {
        #[arg(value_name = "TYPE", required_unless_present = "all")]
        ty: Option<Type>,
        key: Option<String>,
        /// Delete the entries of all types of this key
        #[arg(long, value_name = "KEY", conflicts_with = "ty")]
        all: Option<String>,
        #[command(flatten)]
        when: When,
    },
    /// Add to a counter, and print the new value; a missing one counts as 0
    Incr {
        #[arg(value_name = "TYPE")]
        ty: Counter,
        key: String,
        /// What to add; may be negative
        #[arg(default_value_t = 1, allow_hyphen_values = true)]
        by: i64,
        /// The smallest value that it may lead to
        #[arg(long, allow_hyphen_values = true)]
        min: Option<i64>,
        /// The largest value that it may lead to
        #[arg(long, allow_hyphen_values = true)]
        max: Option<i64>,
        /// For how long the entry lives then
        #[arg(long)]
        ttl: Option<Ttl>,
    },
    /// Fields of a map
    Map {
        #[command(subcommand)]
        action: MapAction,
    },
    /// Members of a set
    Set {
        #[command(subcommand)]
        action: SetAction,
    },
    /// Change only when an entry expires
    Touch {
        #[arg(value_name = "TYPE")]
        ty: Type,
        key: String,
        /// For how long it lives from now on: 90s, 30m, 1d, none
        ttl: Ttl,
    },
    /// List entries: each that is there all the time exactly once, in no particular order
    Scan {
        #[arg(value_name = "TYPE")]
        ty: Option<Type>,
        /// Only keys that begin so
        #[arg(long, default_value = "")]
        prefix: String,
        /// With their values
        #[arg(long)]
        values: bool,
        /// Most entries
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Carry out several operations, all or nothing
    ///
    /// A JSON document such as {"if":[{"type":"str","key":"a","absent":true}],"ops":[{"op":"put","type":"str","key":"a","value":"x","ttl":"90s"}]},
    /// from a file or, with `-`, from standard input. Operations: get, put, del, incr (value, min, max), touch
    Batch { file: PathBuf },
    /// Print all entries as lines of JSON, which `load` reads
    Dump {
        #[arg(value_name = "TYPE")]
        ty: Option<Type>,
        /// Only keys that begin so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Store the entries of a dump
    ///
    /// What is there under the same keys is replaced. If it is interrupted, it says from which line to go on
    Load {
        /// The file; `-` is standard input
        file: PathBuf,
        /// Begin with this line
        #[arg(long, default_value_t = 1, value_name = "LINE")]
        from: usize,
    },
    /// Print every change from now on, or from a place on, until Ctrl-C
    ///
    /// Each durable change once, in their order; connections that break are replaced. With --json, the documents of REST's feed: a
    /// change with a "token" ends its step, and --after TOKEN goes on behind it
    Feed {
        #[arg(value_name = "TYPE")]
        ty: Option<Type>,
        /// Only keys that begin so
        #[arg(long, default_value = "")]
        prefix: String,
        /// With what has changed
        #[arg(long)]
        values: bool,
        /// Begin after this place
        #[arg(long, value_name = "TOKEN", value_parser = crate::value::parse_token)]
        after: Option<client::Token>,
        /// End when there is nothing more to tell
        #[arg(long)]
        until_caught_up: bool,
    },
    /// Print facts about an entry or, without one, the figures of the server
    ///
    /// Of an entry: its state (etag), when it expires, and how large its value is. Of the server, as its operator's listener tells
    /// them: version, entries, memory, connections, log, checkpoints
    Stat {
        #[arg(value_name = "TYPE", requires = "key")]
        ty: Option<Type>,
        key: Option<String>,
    },
    /// Ask whether the server responds
    Health,
    /// Make the server write a checkpoint of its log now
    ///
    /// It is asked at its operator's listener. With identities, this needs a token with the scope admin
    Checkpoint {
        /// Wait until there is one of all that was there when it was asked for, at most so long
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        wait: Option<Duration>,
    },
    /// Print a script that completes commands in a shell
    Completions { shell: Shell },
    /// Print the manual page
    Man,
}

impl Command {
    /// Whether it is one for the operator's listener.
    pub(crate) fn is_for_operator(&self) -> bool {
        matches!(self, Self::Checkpoint { .. } | Self::Stat { ty: None, .. })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum MapAction {
    /// Print a field
    Get { key: String, field: String },
    /// Store fields, all in one step
    Set {
        key: String,
        #[arg(required = true, value_name = "FIELD=VALUE", value_parser = field_and_value)]
        fields: Vec<(String, String)>,
    },
    /// Delete fields, all in one step
    Del {
        key: String,
        #[arg(required = true)]
        fields: Vec<String>,
    },
    /// Store and delete fields, all in one step, and print how many
    Patch {
        key: String,
        /// A merge patch (RFC 7396): {"name":"Ada","email":null} stores `name` and deletes `email`. `-` reads it from standard
        /// input, `@FILE` from a file
        patch: String,
        #[command(flatten)]
        when: When,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SetAction {
    /// Add members, and print how many were new
    Add {
        key: String,
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Remove members, and print how many there were
    Rem {
        key: String,
        #[arg(required = true)]
        members: Vec<String>,
    },
    /// Ask whether there is a member
    Has { key: String, member: String },
}

fn field_and_value(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("expected FIELD=VALUE")?;
    Ok((field.to_owned(), value.to_owned()))
}
