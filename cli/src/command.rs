//! The execution of commands.

use client::{Client, Condition, Error, ErrorCode, Scan, StepReply, Transacted, Transaction, Value, ValueType};
use serde_json::json;

use crate::args::{Command, Counter, MapAction, SetAction, When};
use crate::failure::Failure;
use crate::feed::{self, Wanted};
use crate::show::{self, Format};
use crate::{batch, transfer, value};

/// Entries of a table are collected up to this many before they are printed.
const SHOWN_AT_ONCE: usize = 10_000;

fn missing(ty: ValueType, key: &str) -> Failure {
    Failure::Missing(format!("there is no {} {key:?}", ty.name()))
}

/// Adds the condition of a write.
fn require(transaction: &mut Transaction, ty: ValueType, key: &str, when: When) {
    let condition = match when {
        When { if_absent: true, .. } => Condition::Absent,
        When { if_present: true, .. } => Condition::Present,
        When { if_etag: Some(etag), .. } => Condition::Is(etag),
        When { .. } => return,
    };
    transaction.require(ty, key, condition);
}

/// The result of the last step.
fn last(done: &mut Transacted) -> Result<StepReply, Failure> {
    match done.steps.pop().map(|step| step.result) {
        Some(Ok(reply)) => Ok(reply),
        Some(Err(no_room)) => Err(Failure::Refused(no_room.to_string())),
        None => Err(Failure::Refused("the server sent no result".into())),
    }
}

/// Executes a command.
pub(crate) async fn execute(client: &Client, command: Command, format: Format) -> Result<(), Failure> {
    match command {
        Command::Get { ty, key, entry } => {
            let ty = ty.into();
            let found = client.entry(ty, &key).await?.ok_or_else(|| missing(ty, &key))?;
            if entry { show::entry(ty, &key, &found, format) } else { show::value(&found.value, format) }
        }
        Command::Put { ty, key, value: argument, ttl, when } => {
            let ty = ty.into();
            let value = value::parse(ty, &value::text_of(&argument)?)?;
            let mut put = Transaction::new();
            require(&mut put, ty, &key, when);
            batch::refine(put.put(key, value), None, None, ttl.map(|ttl| ttl.0));
            let done = client.transact(&put).await?;
            show::done(if done.steps[0].existed { "replaced" } else { "created" }, format)
        }
        Command::Del { all: Some(key), .. } => match client.del_all(&key).await? {
            true => show::done("deleted", format),
            false => Err(Failure::Missing(format!("there is no entry {key:?} of any type"))),
        },
        Command::Del { ty: Some(ty), key: Some(key), when, .. } => {
            let (ty, mut del) = (ty.into(), Transaction::new());
            require(&mut del, ty, &key, when);
            del.del(ty, &key);
            match last(&mut client.transact(&del).await?)? {
                StepReply::Deleted(true) => show::done("deleted", format),
                _ => Err(missing(ty, &key)),
            }
        }
        Command::Del { .. } => Err(Failure::usage("expected a type and a key, or --all KEY")),
        Command::Incr { ty, key, by, min, max, ttl } => {
            let mut incr = Transaction::new();
            let step = match ty {
                Counter::Int => incr.incr_int(key, by),
                Counter::Uint => incr.incr_uint(key, by),
            };
            batch::refine(step, min, max, ttl.map(|ttl| ttl.0));
            let before = match last(&mut client.transact(&incr).await?)? {
                StepReply::Value(Value::Int(number)) => number.into(),
                StepReply::Value(Value::Uint(number)) => i64::from(number),
                other => return Err(Failure::Refused(format!("unexpected: {other:?}"))),
            };
            show::fact("value", &json!(before + by), format)
        }
        Command::Map { action } => map(client, action, format).await,
        Command::Set { action } => set(client, action, format).await,
        Command::Touch { ty, key, ttl } => {
            let (ty, mut touch) = (ty.into(), Transaction::new());
            touch.touch(ty, &key, ttl.0);
            match last(&mut client.transact(&touch).await?)? {
                StepReply::Stored => show::done("touched", format),
                _ => Err(missing(ty, &key)),
            }
        }
        Command::Scan { ty, prefix, values, limit } => {
            let mut scan = ty.map_or_else(Scan::all, |ty| Scan::of(ty.into())).prefix(prefix);
            if values {
                scan = scan.values();
            }
            list(client, scan, limit.unwrap_or(usize::MAX), format).await
        }
        Command::Batch { file } => batch::run(client, &value::read(&file)?).await,
        Command::Dump { ty, prefix } => transfer::dump(client, ty.map(Into::into), prefix).await,
        Command::Load { file, from } => transfer::load(client, &file, from, format).await,
        Command::Feed { ty, prefix, values, after, until_caught_up } => {
            let wanted = Wanted { ty: ty.map(Into::into), prefix, values, after, ends: until_caught_up };
            feed::follow(client, wanted, format).await
        }
        Command::Stat { ty: Some(ty), key: Some(key) } => {
            let ty = ty.into();
            let found = client.entry(ty, &key).await?.ok_or_else(|| missing(ty, &key))?;
            show::facts(ty, &key, &found, format)
        }
        Command::Health => {
            client.ping().await?;
            show::done("the server responds", format)
        }
        // Those for the operator's listener are executed by `operator`.
        Command::Stat { .. } | Command::Checkpoint { .. } | Command::Completions { .. } | Command::Man => {
            Err(Failure::usage("this is no command for the prompt"))
        }
    }
}

async fn map(client: &Client, action: MapAction, format: Format) -> Result<(), Failure> {
    match action {
        MapAction::Get { key, field } => match client.map_get_field(&key, &field).await? {
            Some(text) => show::value(&Value::Str(text), format),
            None => Err(Failure::Missing(format!("there is no map {key:?} with a field {field:?}"))),
        },
        MapAction::Set { key, fields } => {
            let mut set = Transaction::new();
            for (field, value) in fields {
                set.map_set_field(&key, field, value);
            }
            client.transact(&set).await?;
            show::done("stored", format)
        }
        MapAction::Del { key, fields } => {
            let mut del = Transaction::new();
            for field in fields {
                del.map_del_field(&key, field);
            }
            let done = client.transact(&del).await?;
            let deleted = done.steps.iter().filter(|step| step.result == Ok(StepReply::Deleted(true))).count();
            show::fact("deleted", &json!(deleted), format)
        }
        MapAction::Patch { key, patch, when } => {
            let fields = value::parse_patch(&value::text_of(&patch)?)?;
            let mut patch = Transaction::new();
            require(&mut patch, ValueType::Map, &key, when);
            // Deletions come last: a map that they leave without fields would be gone, and with it when it expires.
            let (set, deleted): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(_, value)| value.is_some());
            for (field, value) in &set {
                patch.map_set_field(&key, field, value.as_deref().unwrap_or_default());
            }
            for (field, _) in &deleted {
                patch.map_del_field(&key, field);
            }
            let done = client.transact(&patch).await?;
            let deleted = done.steps.iter().filter(|step| step.result == Ok(StepReply::Deleted(true))).count();
            show::patched(set.len(), deleted, format)
        }
    }
}

async fn set(client: &Client, action: SetAction, format: Format) -> Result<(), Failure> {
    match action {
        SetAction::Add { key, members } => show::fact("added", &json!(client.set_add(&key, members).await?), format),
        SetAction::Rem { key, members } => show::fact("removed", &json!(client.set_rem(&key, members).await?), format),
        SetAction::Has { key, member } => match client.set_has(&key, &member).await? {
            Some(true) => show::fact("has", &json!(true), format),
            Some(false) => Err(Failure::Missing(format!("the set {key:?} has no member {member:?}"))),
            None => Err(missing(ValueType::Set, &key)),
        },
    }
}

async fn list(client: &Client, scan: Scan, limit: usize, format: Format) -> Result<(), Failure> {
    let (mut pages, mut left, mut waiting) = (client.scan(scan), limit, Vec::new());
    while left > 0 {
        let Some(mut page) = pages.next().await.map_err(begin_anew)? else { break };
        page.truncate(left);
        left -= page.len();
        waiting.append(&mut page);
        if format != Format::Table || waiting.len() >= SHOWN_AT_ONCE {
            show::entries(&waiting, format)?;
            waiting.clear();
        }
    }
    if format == Format::Table && (!waiting.is_empty() || left == limit) {
        waiting.sort_by(|a, b| (a.ty as u8, &a.key).cmp(&(b.ty as u8, &b.key)));
        show::entries(&waiting, format)?;
    }
    Ok(())
}

/// What a failure in the middle of a listing means.
pub(crate) fn begin_anew(error: Error) -> Failure {
    match error {
        Error::Refused { code: ErrorCode::Gone, .. } => {
            Failure::Refused("the server was started again meanwhile; list from the beginning".into())
        }
        other => other.into(),
    }
}
