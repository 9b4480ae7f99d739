//! The table of routes, and how a path is matched with it. Matches the raw path; a key is decoded once, after the path was
//! split into segments. `description.rs` describes the same table.

use std::collections::HashMap;
use std::sync::LazyLock;

use ahash::RandomState;
use hyper::Method;
use proto::{CounterType, ValueType};

/// The base path of the API.
pub(super) const BASE: &str = "/kvs/v1-0-0/";

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

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    /// What comes after the base path, of one or two segments.
    pub(super) name: &'static str,
    /// The segments after it.
    pub(super) after: After,
    /// The route, with nothing in the place of the segments after the name.
    pub(super) route: Route<'static>,
}

/// The segments after the name of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum After {
    Nothing,
    Key,
    KeyAndMember,
    KeyAndField,
}

impl After {
    fn segments(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Key => 1,
            Self::KeyAndMember | Self::KeyAndField => 2,
        }
    }
}

const fn row(name: &'static str, after: After, verb: Verb) -> Endpoint {
    Endpoint { name, after, route: Route::Entry(EntryRoute { verb, key: "", item: "" }) }
}

const fn alone(name: &'static str, route: Route<'static>) -> Endpoint {
    Endpoint { name, after: After::Nothing, route }
}

/// The increments of a counter.
macro_rules! increments {
    (counter, $variant:ident, $name:literal) => {
        &[
            row(concat!($name, "-incr"), After::Key, Verb::Incr(CounterType::$variant)),
            row(concat!($name, "-incrby"), After::Key, Verb::IncrBy(CounterType::$variant)),
        ]
    };
    ($other:ident, $variant:ident, $name:literal) => {
        &[]
    };
}

macro_rules! endpoints_of_types {
    ($($(#[$doc:meta])* (
        $code:literal, $variant:ident, $name:literal, $field:ident, $owned:ty, $borrowed:ty, $packed:ty,
        $size:ident, $operations:ident, $keys:literal, $transactions:literal
    ))*) => {
        /// Those that every type has.
        const OF_VALUES: &[[Endpoint; 3]] = &[$([
            row(concat!($name, "-put"), After::Key, Verb::Put(ValueType::$variant)),
            row(concat!($name, "-get"), After::Key, Verb::Get(ValueType::$variant)),
            row(concat!($name, "-del"), After::Key, Verb::Del(ValueType::$variant)),
        ],)*];

        /// Those of counters.
        const OF_COUNTERS: &[&[Endpoint]] = &[$(increments!($operations, $variant, $name),)*];
    };
}

proto::for_each_value_type!(endpoints_of_types);

/// The others.
const OTHERS: [Endpoint; 13] = [
    row("uint/put", After::Key, Verb::Put(ValueType::Uint)),
    row("uint/get", After::Key, Verb::Get(ValueType::Uint)),
    row("uint/del", After::Key, Verb::Del(ValueType::Uint)),
    row("set-add", After::Key, Verb::SetAdd),
    row("set-rem", After::Key, Verb::SetRem),
    row("set-has", After::KeyAndMember, Verb::SetHas),
    row("map-get", After::KeyAndField, Verb::MapGet),
    row("map-set", After::KeyAndField, Verb::MapSet),
    row("map-del", After::KeyAndField, Verb::MapDel),
    row("del", After::Key, Verb::DelAll),
    alone("echo", Route::Echo),
    alone("hello", Route::Hello),
    alone("fibo", Route::Fibo),
];

/// Every endpoint, in the order of their names and of the number of segments after them.
pub(super) static ENDPOINTS: LazyLock<Vec<Endpoint>> = LazyLock::new(|| {
    let of_values = OF_VALUES.iter().flatten();
    let of_counters = OF_COUNTERS.iter().copied().flatten();
    let mut all: Vec<Endpoint> = of_values.chain(of_counters).chain(&OTHERS).copied().collect();
    all.sort_by_key(|endpoint| (endpoint.name, endpoint.after.segments()));
    all
});

/// The route of each endpoint, by its name and the number of segments after it.
static ROUTES: LazyLock<HashMap<(&str, usize), Route<'static>, RandomState>> = LazyLock::new(|| {
    ENDPOINTS.iter().map(|endpoint| ((endpoint.name, endpoint.after.segments()), endpoint.route)).collect()
});

impl<'p> Route<'p> {
    /// Parses a raw path; `None` if there is no such path.
    pub(super) fn parse(path: &'p str) -> Option<Self> {
        let path = path.strip_prefix(BASE)?;
        let end = path.find('/').unwrap_or(path.len());
        // A name of two segments begins like no name of one.
        let end = match &path[..end] {
            "uint" => end + 1 + path.get(end + 1..)?.find('/')?,
            _ => end,
        };
        let (name, rest) = path.split_at(end);
        let mut segments = rest.split('/').skip(1);
        let (key, item, none) = (segments.next(), segments.next(), segments.next());
        if none.is_some() {
            return None;
        }
        let routes: &HashMap<(&str, usize), Route<'static>, RandomState> = &ROUTES;
        Some(match *routes.get(&(name, usize::from(key.is_some()) + usize::from(item.is_some())))? {
            Route::Entry(EntryRoute { verb, .. }) => {
                Self::Entry(EntryRoute { verb, key: key.unwrap_or_default(), item: item.unwrap_or_default() })
            }
            Route::Echo => Self::Echo,
            Route::Hello => Self::Hello,
            Route::Fibo => Self::Fibo,
        })
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

    /// The entry whose whole value the route reads, with its key still percent-encoded.
    pub(in crate::http) fn reads(&self) -> Option<(ValueType, &'p str)> {
        match self {
            Self::Entry(EntryRoute { verb: Verb::Get(ty), key, .. }) => Some((*ty, key)),
            _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_found_at_its_path() {
        for endpoint in &*ENDPOINTS {
            let after = match endpoint.after {
                After::Nothing => "",
                After::Key => "/a%2Fb",
                After::KeyAndMember | After::KeyAndField => "/a%2Fb/c",
            };
            let found = Route::parse(&format!("{BASE}{}{after}", endpoint.name)).map(|route| format!("{route:?}"));
            let expected = match endpoint.route {
                Route::Entry(EntryRoute { verb, .. }) => {
                    let item = if endpoint.after.segments() == 2 { "c" } else { "" };
                    Route::Entry(EntryRoute { verb, key: "a%2Fb", item })
                }
                alone => alone,
            };
            assert_eq!(found, Some(format!("{expected:?}")), "{}", endpoint.name);
        }
        let names: std::collections::BTreeSet<_> =
            ENDPOINTS.iter().map(|endpoint| (endpoint.name, endpoint.after.segments())).collect();
        assert_eq!(names.len(), ENDPOINTS.len(), "no two have the same name");
    }

    #[test]
    fn paths_that_do_not_exist() {
        for path in ["/", "/kvs", "/kvs/v1-0-0", "/kvs/v1-0-0/", "/kvs/v2/int-get/a", "/kvs/v1-0-0/int-get"] {
            assert_eq!(Route::parse(path), None, "{path}");
        }
        for name in [
            "int-get/a/b",
            "str-incr/a",
            "float-incrby/a",
            "set-has/a",
            "uint/incr/a",
            "echo/",
            "map-put/a/b",
            "uint",
            "uint/put",
            "uint/put/a/b",
            "int/put/a",
            "set-has/a/b/c",
            "put/a",
            "",
            "uint-put/put/a",
        ] {
            assert_eq!(Route::parse(&format!("{BASE}{name}")), None, "{name}");
        }
    }
}
