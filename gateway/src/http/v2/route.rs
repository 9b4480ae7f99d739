//! The paths of the API, and the methods of each. Matches the raw path; a key is decoded once, after the path was split into
//! segments. `description.rs` describes the same shapes.

use hyper::Method;
use proto::ValueType;

use super::media;
use crate::http::head::Head;

/// The base path of the API.
pub(super) const BASE: &str = "/v2/";

/// What a path is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `/v2/keys`
    Keys,
    /// `/v2/batch`
    Batch,
    /// `/v2/feed`
    Feed,
    /// `/v2/{type}`
    Type(ValueType),
    /// `/v2/{type}/{key}`
    Entry(ValueType),
    /// `/v2/map/{key}/{field}`
    Field,
    /// `/v2/set/{key}/{member}`
    Member,
}

/// A path with its segments, which are still percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Route<'p> {
    pub(super) shape: Shape,
    /// The key; empty where there is none.
    pub(super) key: &'p str,
    /// The field or the member.
    pub(super) item: &'p str,
    pub(super) method: RouteMethod,
}

/// A response of many documents that are made while they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Stream {
    /// Every change.
    Feed,
    /// Every entry of a type, or of all.
    Listing(Option<ValueType>),
}

/// A method that a path can have. HEAD is GET without the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RouteMethod {
    Get,
    Put,
    Delete,
    Patch,
    Post,
}

impl RouteMethod {
    pub(super) fn of(method: &Method) -> Option<Self> {
        Some(match *method {
            Method::GET | Method::HEAD => Self::Get,
            Method::PUT => Self::Put,
            Method::DELETE => Self::Delete,
            Method::PATCH => Self::Patch,
            Method::POST => Self::Post,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Delete => "delete",
            Self::Patch => "patch",
            Self::Post => "post",
        }
    }
}

impl Shape {
    /// Every shape.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let of_types = ValueType::ALL.into_iter().flat_map(|ty| [Self::Type(ty), Self::Entry(ty)]);
        [Self::Keys, Self::Batch, Self::Feed].into_iter().chain(of_types).chain([Self::Field, Self::Member])
    }

    /// Its path, with names in the place of segments.
    pub(super) fn path(self) -> String {
        match self {
            Self::Keys => format!("{BASE}keys"),
            Self::Batch => format!("{BASE}batch"),
            Self::Feed => format!("{BASE}feed"),
            Self::Type(ty) => format!("{BASE}{}", ty.name()),
            Self::Entry(ty) => format!("{BASE}{}/{{key}}", ty.name()),
            Self::Field => format!("{BASE}map/{{key}}/{{field}}"),
            Self::Member => format!("{BASE}set/{{key}}/{{member}}"),
        }
    }

    /// Its methods, but for HEAD, which is there wherever GET is.
    pub(super) fn methods(self) -> &'static [RouteMethod] {
        use RouteMethod::{Delete, Get, Patch as Change, Post, Put};
        match self {
            Self::Keys | Self::Feed | Self::Type(_) => &[Get],
            Self::Batch => &[Post],
            Self::Entry(_) => &[Get, Put, Delete, Change],
            Self::Field | Self::Member => &[Get, Put, Delete],
        }
    }

    /// The same for the header `Allow`.
    pub(super) fn allowed(self) -> &'static str {
        match self {
            Self::Keys | Self::Feed | Self::Type(_) => "GET, HEAD",
            Self::Batch => "POST",
            Self::Entry(_) => "GET, HEAD, PUT, DELETE, PATCH",
            Self::Field | Self::Member => "GET, HEAD, PUT, DELETE",
        }
    }

    /// The shape of a path, with its segments.
    pub(super) fn parse(path: &str) -> Option<(Self, &str, &str)> {
        let mut segments = path.strip_prefix(BASE)?.split('/');
        let (name, key, item) = (segments.next()?, segments.next(), segments.next());
        if segments.next().is_some() {
            return None;
        }
        let ty = ValueType::from_name(name);
        Some(match (name, ty, key, item) {
            ("keys", _, None, None) => (Self::Keys, "", ""),
            ("batch", _, None, None) => (Self::Batch, "", ""),
            ("feed", _, None, None) => (Self::Feed, "", ""),
            (_, Some(ty), None, None) => (Self::Type(ty), "", ""),
            (_, Some(ty), Some(key), None) => (Self::Entry(ty), key, ""),
            (_, Some(ValueType::Map), Some(key), Some(field)) => (Self::Field, key, field),
            (_, Some(ValueType::Set), Some(key), Some(member)) => (Self::Member, key, member),
            _ => return None,
        })
    }
}

impl<'p> Route<'p> {
    /// The entry whose whole value the route reads, with its key still percent-encoded.
    pub(in crate::http) fn reads(&self) -> Option<(ValueType, &'p str)> {
        match (self.shape, self.method) {
            (Shape::Entry(ty), RouteMethod::Get) => Some((ty, self.key)),
            _ => None,
        }
    }

    /// The stream that a request with this head asks for; `None` if its response is none.
    pub(in crate::http) fn stream(&self, head: &Head<'_>) -> Option<Stream> {
        match self.shape {
            Shape::Feed => Some(Stream::Feed),
            Shape::Keys if media::wants_lines(head) => Some(Stream::Listing(None)),
            Shape::Type(ty) if media::wants_lines(head) => Some(Stream::Listing(Some(ty))),
            _ => None,
        }
    }

    /// Whether the route uses the body of the request.
    pub(in crate::http) fn takes_body(&self) -> bool {
        match (self.shape, self.method) {
            (Shape::Entry(_) | Shape::Field, RouteMethod::Put) => true,
            (_, method) => matches!(method, RouteMethod::Patch | RouteMethod::Post),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_found_at_its_path() {
        for shape in Shape::all() {
            let path = shape.path().replace("{key}", "a%2Fb").replace("{field}", "c").replace("{member}", "c");
            assert_eq!(Shape::parse(&path).map(|(found, ..)| found), Some(shape), "{path}");
            let allowed: Vec<_> = shape.allowed().split(", ").filter(|method| *method != "HEAD").collect();
            let methods: Vec<_> = shape.methods().iter().map(|method| method.name().to_uppercase()).collect();
            assert_eq!(allowed, methods, "{path}");
        }
        assert_eq!(Shape::parse("/v2/map/a%2Fb/c"), Some((Shape::Field, "a%2Fb", "c")));
    }

    #[test]
    fn paths_that_do_not_exist() {
        for path in ["/v2/", "/v2/ints", "/v2/int/a/b", "/v2/keys/a", "/v2/batch/", "/v2/set/a/b/c", "/v2/problems"] {
            assert_eq!(Shape::parse(path), None, "{path}");
        }
    }
}
