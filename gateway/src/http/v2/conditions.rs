//! Conditional requests: `If-Match` and `If-None-Match` (RFC 9110, section 13).

use engine::{Check, Condition, Stamp};
use hyper::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use proto::{Key, ValueType};

use super::token::{self, Tokens};
use crate::http::head::Head;
use crate::http::problem::Problem;

/// Most etags in a request.
const MAX_TAGS: usize = 100;

/// The conditions of a request.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    /// The entry must be one of these.
    matches: Option<Tags>,
    /// The entry must be none of these.
    none_match: Option<Tags>,
}

#[derive(Debug)]
enum Tags {
    /// `*`: any entry.
    Any,
    /// Those of this log. Others are the state of no entry here.
    These(Vec<Stamp>),
}

/// What conditions come to for a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    /// The client has this state already.
    NotModified,
    Fails,
}

impl Conditions {
    /// Those of a head. Etags are compared with those of this log.
    pub(super) fn of(head: &Head<'_>, tokens: &Tokens) -> Result<Self, Problem> {
        Ok(Self { matches: tags(head, &IF_MATCH, tokens)?, none_match: tags(head, &IF_NONE_MATCH, tokens)? })
    }

    /// The checks of a write.
    pub(super) fn checks<'c>(&'c self, ty: ValueType, key: Key<'c>) -> impl Iterator<Item = Check<'c>> {
        let matches = self.matches.as_ref().map(|tags| match tags {
            Tags::Any => Condition::Present,
            Tags::These(stamps) => Condition::OneOf(stamps),
        });
        let none_match = self.none_match.as_ref().map(|tags| match tags {
            Tags::Any => Condition::Absent,
            Tags::These(stamps) => Condition::NoneOf(stamps),
        });
        matches.into_iter().chain(none_match).map(move |condition| Check { ty, key, condition })
    }

    /// What they come to for a read of an entry that there is.
    pub(super) fn verdict(&self, stamp: Stamp) -> Verdict {
        match (&self.matches, &self.none_match) {
            (Some(Tags::These(stamps)), _) if !stamps.contains(&stamp) => Verdict::Fails,
            (_, Some(Tags::Any)) => Verdict::NotModified,
            (_, Some(Tags::These(stamps))) if stamps.contains(&stamp) => Verdict::NotModified,
            _ => Verdict::Holds,
        }
    }
}

/// The etags in the lines of a header; `None` if there is no such line.
fn tags(head: &Head<'_>, name: &HeaderName, tokens: &Tokens) -> Result<Option<Tags>, Problem> {
    let malformed =
        || Problem::Malformed(format!("{name}: expected *, or at most {MAX_TAGS} etags such as \"x\", in quotes"));
    let mut found: Option<Vec<Stamp>> = None;
    let mut count = 0;
    for line in head.values(name) {
        let stamps = found.get_or_insert_default();
        let mut rest = line.trim_ascii();
        if rest == b"*" {
            return Ok(Some(Tags::Any));
        }
        while !rest.is_empty() {
            let (weak, after) = match rest.strip_prefix(b"W/") {
                Some(after) => (true, after),
                None => (false, rest),
            };
            let after = after.strip_prefix(b"\"").ok_or_else(malformed)?;
            let end = after.iter().position(|byte| *byte == b'"').ok_or_else(malformed)?;
            // A weak one is never equal to one of ours in If-Match (RFC 9110, section 8.8.3.2).
            let counts = !weak || *name == IF_NONE_MATCH;
            stamps.extend(token::parse_etag(tokens, &after[..end]).ok().filter(|_| counts));
            rest = after[end + 1..].trim_ascii_start();
            rest = match rest.strip_prefix(b",") {
                Some(next) => next.trim_ascii_start(),
                None if rest.is_empty() => rest,
                None => return Err(malformed()),
            };
            count += 1;
            if count > MAX_TAGS {
                return Err(malformed());
            }
        }
    }
    if found.is_some() && count == 0 {
        return Err(malformed());
    }
    Ok(found.map(Tags::These))
}
