//! Parses paths into routes. Matches the raw path; a key is decoded once, after the path was split into segments.

use hyper::Method;
use proto::{CounterType, ValueType};

/// The base path of the API.
const BASE: &str = "/kvs/v1-0-0/";

/// The endpoint of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Route<'p> {
    Echo,
    Hello,
    Fibo,
    Entry(EntryRoute<'p>),
}

/// A path about an entry. `key` and `item` are still percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct EntryRoute<'p> {
    pub(super) verb: Verb,
    pub(super) key: &'p str,
    /// The member of a set or field of a map; empty for verbs without one.
    pub(super) item: &'p str,
}

/// What to do with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Verb {
    Get(ValueType),
    Put(ValueType),
    Del(ValueType),
    DelAll,
    Incr(CounterType),
    IncrBy(CounterType),
    SetAdd,
    SetRem,
    SetHas,
    MapGet,
    MapSet,
    MapDel,
}

impl<'p> Route<'p> {
    /// Parses a raw path; `None` if there is no such path.
    pub(super) fn parse(path: &'p str) -> Option<Self> {
        let mut segments = path.strip_prefix(BASE)?.split('/');
        let name = segments.next()?;
        let rest = [segments.next(), segments.next(), segments.next()];
        let entry = |verb, key, item| Some(Self::Entry(EntryRoute { verb, key, item }));
        match (name, rest) {
            ("echo", [None, ..]) => Some(Self::Echo),
            ("hello", [None, ..]) => Some(Self::Hello),
            ("fibo", [None, ..]) => Some(Self::Fibo),
            ("del", [Some(key), None, _]) => entry(Verb::DelAll, key, ""),
            ("uint", [Some(verb), Some(key), None]) => entry(Verb::on_value(ValueType::Uint, verb)?, key, ""),
            (name, [Some(key), None, _]) => entry(Verb::on_entry(name)?, key, ""),
            (name, [Some(key), Some(item), None]) => entry(Verb::on_item(name)?, key, item),
            _ => None,
        }
    }

    /// The method of the route. HEAD is allowed wherever GET is.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Echo | Self::Hello | Self::Fibo => Method::POST,
            Self::Entry(entry) => match entry.verb {
                Verb::Get(_) | Verb::SetHas | Verb::MapGet => Method::GET,
                Verb::Del(_) | Verb::DelAll | Verb::MapDel => Method::DELETE,
                Verb::Put(_) | Verb::Incr(_) | Verb::IncrBy(_) | Verb::SetAdd | Verb::SetRem | Verb::MapSet => {
                    Method::PUT
                }
            },
        }
    }

    /// Whether the route uses the body of the request.
    pub(in crate::http) fn takes_body(&self) -> bool {
        match self {
            Self::Echo => true,
            Self::Hello | Self::Fibo => false,
            Self::Entry(entry) => {
                matches!(entry.verb, Verb::Put(_) | Verb::IncrBy(_) | Verb::SetAdd | Verb::SetRem | Verb::MapSet)
            }
        }
    }
}

impl Verb {
    /// The verbs `put`, `get` and `del`, on whole values.
    fn on_value(ty: ValueType, verb: &str) -> Option<Self> {
        match verb {
            "put" => Some(Self::Put(ty)),
            "get" => Some(Self::Get(ty)),
            "del" => Some(Self::Del(ty)),
            _ => None,
        }
    }

    /// Names of the form `type-verb` that are followed by a key.
    fn on_entry(name: &str) -> Option<Self> {
        let (ty, verb) = name.split_once('-')?;
        let ty = ValueType::ALL.into_iter().find(|candidate| candidate.name() == ty)?;
        match (ty, verb) {
            (ty, "incr") => CounterType::of(ty).map(Self::Incr),
            (ty, "incrby") => CounterType::of(ty).map(Self::IncrBy),
            (ValueType::Set, "add") => Some(Self::SetAdd),
            (ValueType::Set, "rem") => Some(Self::SetRem),
            (ty, verb) => Self::on_value(ty, verb),
        }
    }

    /// Names that are followed by a key and a member or field.
    fn on_item(name: &str) -> Option<Self> {
        match name {
            "set-has" => Some(Self::SetHas),
            "map-get" => Some(Self::MapGet),
            "map-set" => Some(Self::MapSet),
            "map-del" => Some(Self::MapDel),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_do_not_exist() {
        for path in ["/", "/kvs", "/kvs/v1-0-0", "/kvs/v1-0-0/", "/kvs/v2/int-get/a", "/kvs/v1-0-0/int-get"] {
            assert_eq!(Route::parse(path), None, "{path}");
        }
        for name in ["int-get/a/b", "str-incr/a", "float-incrby/a", "set-has/a", "uint/incr/a", "echo/", "map-put/a/b"]
        {
            assert_eq!(Route::parse(&format!("{BASE}{name}")), None, "{name}");
        }
    }
}
