//! Several operations, all or nothing, as JSON.

use client::{Client, Condition, Expiry, Step, StepDone, StepReply, Transaction, ValueType};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::args::Ttl;
use crate::failure::Failure;
use crate::show;
use crate::value::{from_json, parse_etag, shown_etag, type_named};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default, rename = "if")]
    conditions: Vec<Required>,
    ops: Vec<Wanted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Required {
    #[serde(rename = "type")]
    ty: String,
    key: String,
    etag: Option<String>,
    #[serde(default)]
    absent: bool,
    #[serde(default)]
    present: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    op: String,
    #[serde(rename = "type")]
    ty: String,
    key: String,
    value: Option<Json>,
    min: Option<i64>,
    max: Option<i64>,
    ttl: Option<String>,
}

impl Required {
    fn add(&self, transaction: &mut Transaction) -> Result<(), Failure> {
        let condition = match (&self.etag, self.absent, self.present) {
            (Some(etag), false, false) => Condition::Is(parse_etag(etag).map_err(Failure::usage)?),
            (None, true, false) => Condition::Absent,
            (None, false, true) => Condition::Present,
            _ => return Err(Failure::usage("a condition has one of etag, \"absent\":true and \"present\":true")),
        };
        transaction.require(type_named(&self.ty)?, &self.key, condition);
        Ok(())
    }
}

impl Wanted {
    fn add(&self, transaction: &mut Transaction) -> Result<(), Failure> {
        let ty = type_named(&self.ty)?;
        let expiry = match &self.ttl {
            None => None,
            Some(text) => Some(text.parse::<Ttl>().map_err(Failure::usage)?.0),
        };
        let by = || match &self.value {
            None => Ok(1),
            Some(value) => value.as_i64().ok_or_else(|| Failure::usage("the value of incr is an integer")),
        };
        let step = match (self.op.as_str(), ty) {
            ("get", _) => transaction.get(ty, &self.key),
            ("del", _) => transaction.del(ty, &self.key),
            ("put", _) => {
                let value = self.value.as_ref().ok_or_else(|| Failure::usage("put needs a value"))?;
                transaction.put(&self.key, from_json(ty, value)?)
            }
            ("incr", ValueType::Int) => transaction.incr_int(&self.key, by()?),
            ("incr", ValueType::Uint) => transaction.incr_uint(&self.key, by()?),
            ("touch", _) => {
                let expiry = expiry.ok_or_else(|| Failure::usage("touch needs a ttl"))?;
                transaction.touch(ty, &self.key, expiry)
            }
            (other, _) => {
                return Err(Failure::usage(format!(
                    "op {other:?} of {}: expected get, put, del, incr or touch",
                    self.ty
                )));
            }
        };
        refine(step, self.min, self.max, expiry);
        Ok(())
    }
}

/// Adds to a step what is wanted of it: bounds, and when its entry expires.
pub(crate) fn refine(step: &mut Step, min: Option<i64>, max: Option<i64>, expiry: Option<Expiry>) {
    if let Some(min) = min {
        step.at_least(min);
    }
    if let Some(max) = max {
        step.at_most(max);
    }
    if let Some(expiry) = expiry {
        step.expires(expiry);
    }
}

/// Carries out the batch of a text, and prints what each operation has come to, as lines of JSON.
pub(crate) async fn run(client: &Client, text: &str) -> Result<(), Failure> {
    let document: Document = serde_json::from_str(text).map_err(|e| Failure::usage(format!("the batch: {e}")))?;
    let mut transaction = Transaction::new();
    document.conditions.iter().try_for_each(|condition| condition.add(&mut transaction))?;
    document.ops.iter().try_for_each(|op| op.add(&mut transaction))?;
    let done = client.transact(&transaction).await?;
    done.steps.iter().try_for_each(|step| show::line(&shown(step).to_string()))
}

fn shown(step: &StepDone) -> Json {
    let mut shown = Map::new();
    let (name, result) = match &step.result {
        Ok(StepReply::Stored) => ("existed", json!(step.existed)),
        Ok(StepReply::Value(value)) => ("value", value.to_json()),
        Ok(StepReply::NoEntry | StepReply::NoField) => ("value", Json::Null),
        Ok(StepReply::Deleted(yes)) => ("deleted", json!(yes)),
        Ok(StepReply::Count(count)) => ("count", json!(count)),
        Ok(StepReply::Has(yes)) => ("has", json!(yes)),
        Ok(other) => ("result", json!(format!("{other:?}"))),
        Err(no_room) => ("error", json!(no_room.to_string())),
    };
    shown.insert(name.into(), result);
    step.etag.iter().for_each(|etag| drop(shown.insert("etag".into(), shown_etag(*etag).into())));
    step.expires.iter().for_each(|at| drop(shown.insert("expires_at".into(), show::time(*at).into())));
    shown.into()
}
