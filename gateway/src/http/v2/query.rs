//! The query of a request. Names and values are percent-encoded; `+` is a plus sign.

use crate::http::head::Head;
use crate::http::percent::percent_decode;
use crate::http::problem::{Problem, bad_text};

/// The parameters of a query.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Those of a head, which may have these names, each once.
    pub(super) fn of(head: &Head<'_>, names: &'static [&'static str]) -> Result<Self, Problem> {
        let mut found = Vec::<(String, String)>::new();
        for part in head.query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let [name, value] = [decoded(name)?, decoded(value)?];
            if !names.contains(&&*name) {
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(Problem::Malformed(format!("unknown parameter {name:?} in the query; expected {names}")));
            }
            if found.iter().any(|(other, _)| *other == name) {
                return Err(Problem::Malformed(format!("the parameter {name} is in the query more than once")));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is there that stands alone, or is `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(other) => Err(Problem::Malformed(format!("{name}={other}: expected true or false"))),
        }
    }
}

fn decoded(part: &str) -> Result<String, Problem> {
    let bytes = percent_decode(part)?;
    let text = proto::check_text(&bytes).map_err(|e| bad_text("the query", e))?;
    Ok(text.to_owned())
}
