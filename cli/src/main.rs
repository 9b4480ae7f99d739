//! kvs-cli: entries of a kvs, from the command line, from scripts and from a prompt.
//!
//! ```text
//!   arguments ── args.rs ──> Command ── command.rs ──> client ──> Outcome ── show.rs ──> text, a table or JSON
//!   prompt.rs    reads commands, one after the other
//!   transfer.rs  dump and load: all entries as lines of JSON
//!   batch.rs     several operations, all or nothing, as JSON
//!   feed.rs      changes as they happen
//!   operator.rs  figures of the server, and checkpoints, from its operator's listener
//!   value.rs     values from arguments, files and standard input, and as JSON
//!   failure.rs   what can go wrong, and the exit codes
//! ```

mod args;
mod batch;
mod command;
mod failure;
mod feed;
mod operator;
mod prompt;
mod show;
mod transfer;
mod value;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use client::{Client, Options, Tls};

use crate::args::{Args, Command, Connection};
use crate::failure::Failure;
use crate::operator::Operator;
use crate::show::Format;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let format = Format::new(args.json, std::io::stdout().is_terminal());
    match run(args, format).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell(format);
            failure.exit_code()
        }
    }
}

async fn run(args: Args, format: Format) -> Result<(), Failure> {
    match &args.command {
        Some(Command::Completions { shell }) => {
            clap_complete::generate(*shell, &mut Args::command(), "kvs-cli", &mut std::io::stdout());
            return Ok(());
        }
        Some(Command::Man) => {
            return clap_mangen::Man::new(Args::command()).render(&mut std::io::stdout()).map_err(Failure::output);
        }
        _ => {}
    }
    let token = token(&args.connection)?;
    let operator = operator(&args.connection, token.clone());
    if let Some(command) = args.command.as_ref().filter(|command| command.is_for_operator()) {
        return operator::execute(&operator, command, format).await;
    }
    let client = connect(&args.connection, token).await?;
    let client = if args.connection.durable { client.durable() } else { client };
    let done = match args.command {
        Some(command) => command::execute(&client, command, format).await,
        None => prompt::run(&client, &operator, &args.connection.addr, format).await,
    };
    client.close().await;
    done
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| Failure::file(path, &e))
}

fn token(connection: &Connection) -> Result<Option<String>, Failure> {
    let token = connection.token_file.as_deref().map(read).transpose()?;
    Ok(token.map(|token| String::from_utf8_lossy(&token).trim().to_owned()))
}

fn operator(connection: &Connection, token: Option<String>) -> Operator {
    Operator { addr: connection.admin_addr.clone(), token, timeout: connection.timeout }
}

async fn connect(connection: &Connection, token: Option<String>) -> Result<Client, Failure> {
    let mut options = Options::new(connection.addr.clone()).request_timeout(connection.timeout);
    if let Some(token) = token {
        options = options.token(token);
    }
    if let Some(ca) = &connection.tls_ca {
        let tls = match (&connection.tls_cert, &connection.tls_key) {
            (Some(certificate), Some(key)) => Tls::with_certificate(&read(ca)?, &read(certificate)?, &read(key)?),
            _ => Tls::trusting(&read(ca)?),
        };
        options = options.tls(tls.map_err(|e| Failure::usage(format!("cannot use TLS: {e}")))?);
    }
    options.connect().await.map_err(Failure::from)
}
