//! The prompt: commands one after the other, with history and completion.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use clap::{CommandFactory, Parser};
use client::Client;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Context, Editor, Helper, Highlighter, Hinter, Validator};

use crate::args::{Args, Type};
use crate::failure::Failure;
use crate::operator::Operator;
use crate::show::Format;
use crate::{command, operator};

/// Completes the names of commands and types.
#[derive(Helper, Highlighter, Hinter, Validator)]
struct Words;

/// What a line may go on with after these words.
fn candidates(words: &[&str]) -> Vec<String> {
    let args = Args::command();
    let mut at = &args;
    for word in words {
        match at.find_subcommand(word) {
            Some(subcommand) => at = subcommand,
            None => return Vec::new(),
        }
    }
    let names = at.get_subcommands().map(|subcommand| subcommand.get_name().to_owned());
    let mut names: Vec<String> = names.filter(|name| !matches!(name.as_str(), "completions" | "man")).collect();
    if words.is_empty() {
        names.push("exit".into());
    }
    let takes_type = at.get_positionals().next().is_some_and(|first| first.get_id() == "ty");
    if takes_type {
        names.extend(<Type as clap::ValueEnum>::value_variants().iter().map(|ty| format!("{ty:?}").to_lowercase()));
    }
    names
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..at).unwrap_or(line);
        let begin = before.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let words: Vec<&str> = before[..begin].split_whitespace().collect();
        let fits = |name: &String| name.starts_with(&before[begin..]);
        Ok((begin, candidates(&words).into_iter().filter(fits).map(|name| name + " ").collect()))
    }
}

/// Where the history of commands is kept: below the state folder of the user.
fn history() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let folder = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home)?;
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join("kvs-cli-history"))
}

/// Reads commands until there are no more: from the prompt on a terminal, otherwise lines of standard input. Fails as the
/// first command of standard input does that fails.
pub(crate) async fn run(client: &Client, operator: &Operator, addr: &str, format: Format) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|e| Failure::usage(format!("standard input: {e}")))?;
            if !execute(client, operator, &line, format).await? {
                break;
            }
        }
        return Ok(());
    }
    let mut editor: Editor<Words, DefaultHistory> =
        Editor::new().map_err(|e| Failure::usage(format!("the terminal cannot be used: {e}")))?;
    editor.set_helper(Some(Words));
    let history = history();
    history.iter().for_each(|path| drop(editor.load_history(path)));
    println!("kvs at {addr}. `help` lists the commands, Tab completes, Ctrl-D ends.");
    loop {
        match editor.readline("kvs> ") {
            Ok(line) => {
                let _ = editor.add_history_entry(&line);
                match execute(client, operator, &line, format).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(failure) if failure.is_final() => return Err(failure),
                    Err(failure) => failure.tell(format),
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(e) => return Err(Failure::usage(format!("the terminal cannot be read: {e}"))),
        }
    }
    history.iter().for_each(|path| drop(editor.save_history(path)));
    Ok(())
}

/// Executes a line. False if it was the last one.
async fn execute(client: &Client, operator: &Operator, line: &str, format: Format) -> Result<bool, Failure> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(true);
    }
    if matches!(line, "exit" | "quit") {
        return Ok(false);
    }
    let words = shlex::split(line).ok_or_else(|| Failure::usage("a quotation mark is not closed"))?;
    let parsed = Args::try_parse_from(std::iter::once("kvs-cli".to_owned()).chain(words));
    match parsed {
        Ok(Args { command: Some(command), json, .. }) => {
            let format = if json { Format::Json } else { format };
            match command.is_for_operator() {
                true => operator::execute(operator, &command, format).await?,
                false => command::execute(client, command, format).await?,
            }
            Ok(true)
        }
        Ok(_) => Ok(true),
        // Help is no failure.
        Err(e) if !e.use_stderr() => {
            let _ = e.print();
            Ok(true)
        }
        Err(e) => Err(Failure::usage(e.render().to_string().trim_end().trim_start_matches("error: ").to_owned())),
    }
}
