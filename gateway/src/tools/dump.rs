//! `kvs log dump`: the records of a log as lines of JSON.

use std::io::Write;

use proto::{Batch, Effect, Lsn, Op, Record, Strings, ValueRef, ValueType};
use serde::{Serialize, Serializer};
use txnd::{LogReader, SinkError, VisitError};

use super::error::ToolError;
use super::state::first_younger;
use crate::clock;
use crate::config::{Dump, Until};
use crate::http::JsonValue;

/// One record.
#[derive(Serialize)]
struct Line<'r> {
    lsn: Lsn,
    time: String,
    op: &'static str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    ty: Option<&'static str>,
    key: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<List<'r>>,
    /// What the entry or the field is after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<JsonValue<'r>>,
    /// When the entry expires after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// The types that a deletion of all types deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<&'static str>>,
}

struct List<'r>(Strings<'r>);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, json: S) -> Result<S::Ok, S::Error> {
        json.collect_seq(self.0.iter())
    }
}

impl<'r> From<Record<'r>> for Line<'r> {
    fn from(record: Record<'r>) -> Self {
        let Record { lsn, at, op, effect, options } = record;
        let mut line = Self {
            lsn,
            time: clock::exactly(at).to_string(),
            op: op.kind().name(),
            ty: op.value_type().map(ValueType::name),
            key: op.key().as_str(),
            by: None,
            field: None,
            member: None,
            members: None,
            value: effect.value().map(JsonValue),
            expires_at: options.expires.map(|at| clock::exactly(at).to_string()),
            types: None,
        };
        match op {
            Op::Get { .. }
            | Op::Del { .. }
            | Op::Incr { .. }
            | Op::Touch { .. }
            | Op::Expire { .. }
            | Op::Outcome { .. } => {}
            Op::Put { value, .. } => line.value = Some(JsonValue(value)),
            Op::DelAll { .. } => {
                if let Effect::Types(types) = effect {
                    line.types = Some(types.iter().map(ValueType::name).collect());
                }
            }
            Op::IncrBy { by, .. } => line.by = Some(by),
            Op::SetAdd { members, .. } | Op::SetRem { members, .. } => line.members = Some(List(members)),
            Op::SetHas { member, .. } => line.member = Some(member),
            Op::MapGet { field, .. } | Op::MapDel { field, .. } => line.field = Some(field),
            Op::MapSet { field, value, .. } => {
                (line.field, line.value) = (Some(field), Some(JsonValue(ValueRef::Str(value))));
            }
        }
        line
    }
}

pub(super) async fn run(log: &impl LogReader, wanted: &Dump, out: &mut impl Write) -> Result<(), ToolError> {
    let oldest = log.bounds().await?.oldest;
    let first = match wanted.from {
        None => oldest,
        Some(Until::Lsn(lsn)) => lsn.max(1),
        Some(Until::Time(time)) => first_younger(log, time - 1).await?.unwrap_or(Lsn::MAX),
    };
    let last = match wanted.to {
        None => Lsn::MAX,
        Some(Until::Lsn(lsn)) => lsn,
        Some(Until::Time(time)) => first_younger(log, time).await?.map_or(Lsn::MAX, |lsn| lsn - 1),
    };
    let is_wanted = |record: &Record<'_>| {
        (first..=last).contains(&record.lsn)
            && wanted.key.as_deref().is_none_or(|key| key == record.op.key().as_str())
            && wanted.ty.is_none_or(|ty| record.op.value_type().is_none_or(|of| of == ty))
    };
    let mut written = Ok(());
    let mut write = async |batch: &Batch| -> Result<(), VisitError> {
        for record in batch.records() {
            let record = record?;
            if is_wanted(&record) {
                let line = serde_json::to_writer(&mut *out, &Line::from(record)).map_err(std::io::Error::from);
                written = line.and_then(|()| out.write_all(b"\n"));
                if written.is_err() {
                    return Err(SinkError::Stopped.into());
                }
            }
        }
        Ok(())
    };
    let read = log.read(first..=last, &mut write).await;
    written?;
    Ok(read.map(drop)?)
}
