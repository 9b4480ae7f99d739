//! What an identity may do.

use std::str::FromStr;

use proto::{Op, ValueType};

/// What an identity may do with entries and with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    /// Read entries.
    Read = 1,
    /// Write and delete entries. Their responses tell what REST v1 and frames say of a write, such as a counter's value.
    Write = 2,
    /// Use the operator's listener from other machines.
    Admin = 4,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The scope's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// Several scopes. As text: their names, with commas between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    pub const ALL: Self = Self(Scope::Read as u8 | Scope::Write as u8 | Scope::Admin as u8);

    /// What concerns entries.
    pub const ENTRIES: Self = Self(Scope::Read as u8 | Scope::Write as u8);

    /// Whether `scope` is one of them.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope as u8 != 0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope)).map(Scope::name)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope as u8))
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == name);
        found.ok_or_else(|| format!("expected {}, found {name:?}", Self::ALL.map(Self::name).join(", ")))
    }
}

impl FromStr for Scopes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::parse::<Scope>).collect()
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names().collect::<Vec<_>>().join(","))
    }
}

/// What an identity may do: its scopes, and which entries they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    scopes: Scopes,
    /// One bit a value type: `1 << code`.
    types: u8,
    /// How keys must begin.
    prefix: Box<str>,
}

fn bit(ty: ValueType) -> u8 {
    1 << ty as u8
}

fn every_type() -> u8 {
    ValueType::ALL.into_iter().fold(0, |bits, ty| bits | bit(ty))
}

impl Grant {
    /// These scopes, for all entries.
    pub fn of(scopes: Scopes) -> Self {
        Self { scopes, types: every_type(), prefix: "".into() }
    }

    /// Only entries of these types.
    pub fn with_types(self, types: impl IntoIterator<Item = ValueType>) -> Self {
        Self { types: types.into_iter().fold(0, |bits, ty| bits | bit(ty)), ..self }
    }

    /// Only keys that begin so.
    pub fn with_prefix(self, prefix: &str) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// The scopes.
    pub fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// The value types.
    pub fn types(&self) -> impl Iterator<Item = ValueType> {
        ValueType::ALL.into_iter().filter(|ty| self.types & bit(*ty) != 0)
    }

    /// How keys must begin.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether every operation is allowed.
    #[inline]
    pub fn allows_all(&self) -> bool {
        self.scopes.0 & Scopes::ENTRIES.0 == Scopes::ENTRIES.0 && self.prefix.is_empty() && self.types == every_type()
    }

    /// Whether this operation is allowed. A deletion of a key in all types needs all types.
    pub fn allows(&self, op: &Op<'_>) -> bool {
        let scope = if op.kind().writes() { Scope::Write } else { Scope::Read };
        let types = op.value_type().map_or_else(every_type, bit);
        self.includes(scope, types, op.key().as_str())
    }

    /// Whether an entry of this type and key, which may be empty, may be read.
    pub fn allows_listed(&self, ty: ValueType, key: &str) -> bool {
        self.includes(Scope::Read, bit(ty), key)
    }

    fn includes(&self, scope: Scope, types: u8, key: &str) -> bool {
        self.scopes.has(scope) && self.types & types == types && key.starts_with(&*self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proto::Key;

    use super::*;

    fn get(ty: ValueType, key: &str) -> Op<'_> {
        Op::Get { ty, key: Key::new(key.as_bytes()).unwrap() }
    }

    #[test]
    fn scopes_read_back() {
        for text in ["read", "read,write", "read,write,admin", "admin"] {
            assert_eq!(text.parse::<Scopes>().unwrap().to_string(), text);
        }
        for text in ["", "read,", "READ", "read write", "root"] {
            assert!(text.parse::<Scopes>().is_err_and(|e| e.contains("read, write, admin")), "{text}");
        }
    }

    #[test]
    fn a_grant_is_for_scopes_types_and_a_prefix() {
        let key = Key::new(b"user_1").unwrap();
        let (read, put, all) =
            (get(ValueType::Int, "user_1"), Op::Incr { ty: proto::CounterType::Int, key }, Op::DelAll { key });
        let everything = Grant::of(Scopes::ALL);
        assert!(everything.allows_all() && [read, put, all].iter().all(|op| everything.allows(op)));
        let reader = Grant::of("read".parse().unwrap());
        assert!(!reader.allows_all() && reader.allows(&read) && !reader.allows(&put));
        let ints = Grant::of(Scopes::ENTRIES).with_types([ValueType::Int]);
        assert!(
            !ints.allows_all() && ints.allows(&put) && !ints.allows(&all) && !ints.allows(&get(ValueType::Str, "k"))
        );
        let users = Grant::of(Scopes::ENTRIES).with_prefix("user_");
        assert!(!users.allows_all() && users.allows(&all) && !users.allows(&get(ValueType::Int, "user")));
        let operator = Grant::of("admin".parse().unwrap());
        assert!(!operator.allows_all() && !operator.allows(&read) && !operator.allows(&put));
    }
}
