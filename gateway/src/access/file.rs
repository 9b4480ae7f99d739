//! The identities file: who may use the server. TOML, so that people can read, comment and edit it; `kvs token` changes it
//! and leaves everything else as it is.
//!
//! ```toml
//! key = "64 hexadecimal digits"          # of the hashes below
//!
//! [[identity]]
//! name = "reporting"
//! token = "64 hexadecimal digits"        # HMAC-SHA-256 of the token; or
//! # certificate = "reporting.example"    # a DNS name of the client's certificate
//! scopes = ["read"]                      # read, write, admin
//! types = ["int", "str"]                 # default: all
//! prefix = "user_"                       # default: all keys
//! expires = "2027-02-27T00:00:00Z"       # default: never
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use proto::{Micros, ValueType};
use serde::Deserialize;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::grant::{Grant, Scope, Scopes};
use super::identity::Identity;
use super::token::{self, HashKey, TokenHash};
use crate::clock;

/// Maximum number of identities in a file.
pub const MAX_IDENTITIES: usize = 1000;

/// Longest name of an identity, in characters.
const MAX_NAME_CHARS: usize = 100;

/// Mode of the file: its hashes are of no use, but its names are nobody's business.
const FILE_MODE: u32 = 0o600;

const HEADER: &str = "# The identities of a kvs: who may use it, and for what. `kvs token` changes this file; kvs reads it again by itself.\n";

/// Why a file of identities cannot be used or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentitiesError {
    /// It cannot be read.
    #[error("cannot read {}: {source}; make an identity with `kvs token new NAME --scope read,write --identities {}`",
        .path.display(), .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its content is wrong.
    #[error("{}: {what}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        what: String,
    },
    /// There is an identity of that name already.
    #[error("there is an identity {0:?} already; revoke it first, or choose another name")]
    Exists(String),
    /// There is no identity of that name.
    #[error("there is no identity {0:?}; `kvs token list` shows them")]
    Unknown(String),
    /// A name, or something else that was asked for, cannot be used.
    #[error("{0}")]
    Unusable(String),
}

/// How a client shows that it is an identity.
pub(super) enum Proof {
    Token(TokenHash),
    /// A DNS name of its certificate.
    Certificate(String),
}

/// What a file holds.
pub(super) struct Identities {
    pub(super) key: HashKey,
    pub(super) known: Vec<(Proof, Identity)>,
}

/// A new identity, as asked for.
#[derive(Clone, Debug)]
pub struct NewIdentity<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it may do.
    pub grant: Grant,
    /// When it ends, in Unix microseconds.
    pub expires: Option<Micros>,
    /// A DNS name of its certificate. Without one it gets a token.
    pub certificate: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    key: String,
    #[serde(default)]
    identity: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    token: Option<String>,
    certificate: Option<String>,
    scopes: Vec<String>,
    types: Option<Vec<String>>,
    prefix: Option<String>,
    expires: Option<String>,
}

/// Reads the text of a file. The error says what is wrong and never repeats a hash.
pub(super) fn parse(text: &str) -> Result<Identities, String> {
    let content: Content = toml_edit::de::from_str(text).map_err(|e| match e.span() {
        // The error's own text repeats the line.
        Some(span) => format!("line {}: {}", text[..span.start].lines().count().max(1), e.message()),
        None => e.message().to_string(),
    })?;
    if content.identity.len() > MAX_IDENTITIES {
        return Err(format!("{} identities; at most {MAX_IDENTITIES} are possible", content.identity.len()));
    }
    let key = HashKey::from_hex(&content.key).ok_or("key: expected 64 hexadecimal digits")?;
    let mut known: Vec<(Proof, Identity)> = Vec::with_capacity(content.identity.len());
    for entry in content.identity {
        let of = |what: String| format!("identity {:?}: {what}", entry.name);
        if known.iter().any(|(_, other)| other.name() == entry.name) {
            return Err(of("this name occurs twice".into()));
        }
        let identity = entry.identity().map_err(of)?;
        known.push((entry.proof().map_err(of)?, identity));
    }
    Ok(Identities { key, known })
}

impl Entry {
    fn proof(&self) -> Result<Proof, String> {
        match (&self.token, &self.certificate) {
            (Some(hash), None) => {
                let hash = TokenHash::from_hex(hash).ok_or("token: expected a hash of 64 hexadecimal digits")?;
                Ok(Proof::Token(hash))
            }
            (None, Some(name)) if !name.is_empty() => Ok(Proof::Certificate(name.clone())),
            _ => Err("expected either token, a hash, or certificate, a DNS name".into()),
        }
    }

    fn identity(&self) -> Result<Identity, String> {
        check_name(&self.name)?;
        let scopes: Scopes = self
            .scopes
            .iter()
            .map(|name| name.parse::<Scope>())
            .collect::<Result<_, _>>()
            .map_err(|e| format!("scopes: {e}"))?;
        let mut grant = Grant::of(scopes).with_prefix(self.prefix.as_deref().unwrap_or_default());
        if let Some(types) = &self.types {
            let types: Result<Vec<ValueType>, String> = types.iter().map(|name| value_type(name)).collect();
            grant = grant.with_types(types.map_err(|e| format!("types: {e}"))?);
        }
        let expires = self.expires.as_deref().map(time).transpose().map_err(|e| format!("expires: {e}"))?;
        Ok(Identity::new(&self.name, grant, expires))
    }
}

/// The value type of this name.
pub fn value_type(name: &str) -> Result<ValueType, String> {
    let names = || ValueType::ALL.map(ValueType::name).join(", ");
    ValueType::from_name(name).ok_or_else(|| format!("expected one of {}, found {name:?}", names()))
}

fn time(text: &str) -> Result<Micros, String> {
    let time = humantime::parse_rfc3339_weak(text)
        .map_err(|e| format!("expected a time (UTC) such as 2027-02-27T00:00:00Z: {e}"))?;
    Ok(clock::since_epoch(time).as_micros() as Micros)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    match name.len() {
        1..=MAX_NAME_CHARS if name.chars().all(is_part) => Ok(()),
        _ => Err(format!("a name has 1 to {MAX_NAME_CHARS} of the characters a-z, A-Z, 0-9, -, _, . and @")),
    }
}

/// Reads a file. Also returns its text, which tells whether it has changed.
pub(super) fn read(path: &Path) -> Result<(Identities, String), IdentitiesError> {
    let text = fs::read_to_string(path).map_err(|source| IdentitiesError::Read { path: path.into(), source })?;
    let identities = parse(&text).map_err(|what| IdentitiesError::Content { path: path.into(), what })?;
    Ok((identities, text))
}

/// Makes an identity, and the file if it is missing. Returns the token, which is stored nowhere.
pub fn add(path: &Path, new: &NewIdentity<'_>) -> Result<Option<String>, IdentitiesError> {
    check_name(new.name).map_err(IdentitiesError::Unusable)?;
    let mut document = match fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => empty(),
        Err(source) => return Err(IdentitiesError::Read { path: path.into(), source }),
        Ok(text) => checked(path, &text)?,
    };
    let key = document.get("key").and_then(Item::as_str).and_then(HashKey::from_hex).unwrap_or_else(HashKey::random);
    let list = list(&mut document);
    if list.iter().any(|entry| name_of(entry) == Some(new.name)) {
        return Err(IdentitiesError::Exists(new.name.into()));
    }
    if list.len() >= MAX_IDENTITIES {
        return Err(IdentitiesError::Unusable(format!("there are {MAX_IDENTITIES} identities; more are not possible")));
    }
    let token = new.certificate.is_none().then(token::random);
    let mut entry = Table::new();
    entry["name"] = value(new.name);
    match (&token, new.certificate) {
        (Some(token), _) => entry["token"] = value(key.hash(token.as_bytes()).to_hex()),
        (None, certificate) => entry["certificate"] = value(certificate.unwrap_or_default()),
    }
    entry["scopes"] = value(new.grant.scopes().names().collect::<toml_edit::Array>());
    if new.grant.types().count() < ValueType::ALL.len() {
        entry["types"] = value(new.grant.types().map(ValueType::name).collect::<toml_edit::Array>());
    }
    if !new.grant.prefix().is_empty() {
        entry["prefix"] = value(new.grant.prefix());
    }
    if let Some(expires) = new.expires {
        entry["expires"] = value(clock::shown(expires).to_string());
    }
    list.push(entry);
    write(path, &document.to_string())?;
    Ok(token)
}

/// Removes an identity.
pub fn remove(path: &Path, name: &str) -> Result<(), IdentitiesError> {
    let text = fs::read_to_string(path).map_err(|source| IdentitiesError::Read { path: path.into(), source })?;
    let mut document = checked(path, &text)?;
    let list = list(&mut document);
    let before = list.len();
    list.retain(|entry| name_of(entry) != Some(name));
    if list.len() == before {
        return Err(IdentitiesError::Unknown(name.into()));
    }
    write(path, &document.to_string())
}

/// The identities of a file, each with how it is shown: `token`, or the DNS name of a certificate.
pub fn all(path: &Path) -> Result<Vec<(Identity, String)>, IdentitiesError> {
    let shown = |proof: Proof| match proof {
        Proof::Token(_) => "token".to_string(),
        Proof::Certificate(name) => format!("certificate {name}"),
    };
    Ok(read(path)?.0.known.into_iter().map(|(proof, identity)| (identity, shown(proof))).collect())
}

fn empty() -> DocumentMut {
    let mut document = DocumentMut::new();
    document["key"] = value(HashKey::random().to_hex());
    if let Some(mut key) = document.key_mut("key") {
        key.leaf_decor_mut().set_prefix(HEADER);
    }
    document
}

/// The document, once it is known that the server takes it.
fn checked(path: &Path, text: &str) -> Result<DocumentMut, IdentitiesError> {
    let content = |what: String| IdentitiesError::Content { path: path.into(), what };
    parse(text).map_err(content)?;
    text.parse().map_err(|e: toml_edit::TomlError| content(e.message().to_string()))
}

fn list(document: &mut DocumentMut) -> &mut ArrayOfTables {
    let item = document.entry("identity").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    if !item.is_array_of_tables() {
        // `identity = [{ ... }]` is the same, written in another way.
        let inline = std::mem::take(item).into_array_of_tables();
        *item = Item::ArrayOfTables(inline.unwrap_or_default());
    }
    item.as_array_of_tables_mut().expect("it was made one above")
}

fn name_of(entry: &Table) -> Option<&str> {
    entry.get("name").and_then(Item::as_str)
}

/// Replaces the file: a reader sees either the old one or the new one. Its mode stays.
fn write(path: &Path, text: &str) -> Result<(), IdentitiesError> {
    let new = path.with_added_extension("new");
    let mode = fs::metadata(path).map_or(FILE_MODE, |before| before.permissions().mode() & 0o777);
    let replace = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    };
    replace().map_err(|source| IdentitiesError::Write { path: path.into(), source })
}

/// The time of an identity's end, from `90d` or a time.
pub fn expiry(text: &str) -> Result<Micros, String> {
    let now = clock::since_epoch(SystemTime::now());
    match humantime::parse_duration(text) {
        Ok(time) => Ok((now + time).as_micros().min(Micros::MAX as u128) as Micros),
        Err(_) => time(text).map_err(|e| format!("expected a time span such as 90d, or {}", &e["expected ".len()..])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "key = \"0000000000000000000000000000000000000000000000000000000000000000\"\n";

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        let hash = "0".repeat(64);
        let entry = |rest: &str| format!("{KEY}[[identity]]\nname = \"a\"\n{rest}");
        for (text, what) in [
            (String::new(), "key"),
            ("key = \"00\"".into(), "64 hexadecimal digits"),
            (format!("{KEY}unknown = 1"), "unknown field `unknown`"),
            (entry("scopes = [\"read\"]"), "either token"),
            (entry(&format!("token = \"{hash}\"\ncertificate = \"a\"\nscopes = []")), "either token"),
            (entry("token = \"secret\"\nscopes = []"), "token: expected a hash"),
            (entry(&format!("token = \"{hash}\"\nscopes = [\"root\"]")), "scopes: expected read, write, admin"),
            (entry(&format!("token = \"{hash}\"\nscopes = []\ntypes = [\"bool\"]")), "types: expected one of int"),
            (entry(&format!("token = \"{hash}\"\nscopes = []\nexpires = \"soon\"")), "expires: expected a time"),
            (
                entry(&format!("token = \"{hash}\"\nscopes = []\n[[identity]]\nname = \"a\"\nscopes = []")),
                "occurs twice",
            ),
            (format!("{KEY}[[identity]]\nname = \"a b\"\nscopes = []"), "a name has"),
            (format!("{KEY}[[identity]\n"), "line 2"),
        ] {
            let error = parse(&text).err().unwrap_or_else(|| panic!("accepted: {text}"));
            assert!(error.contains(what), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn changes_leave_comments_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identities.toml");
        let new = |name, certificate| NewIdentity {
            name,
            grant: Grant::of("read".parse().unwrap()).with_types([ValueType::Int]).with_prefix("user_"),
            expires: Some(1_800_000_000_000_000),
            certificate,
        };
        let token = add(&path, &new("first", None)).unwrap().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(HEADER) && !text.contains(&token), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, format!("{text}# the last line\n")).unwrap();
        assert_eq!(add(&path, &new("second", Some("a.example"))).unwrap(), None);
        assert!(matches!(add(&path, &new("second", None)), Err(IdentitiesError::Exists(_))));
        assert!(matches!(add(&path, &new("a b", None)), Err(IdentitiesError::Unusable(_))));
        assert!(fs::read_to_string(&path).unwrap().contains("# the last line"));
        let known = all(&path).unwrap();
        assert_eq!(known.iter().map(|(_, how)| how.as_str()).collect::<Vec<_>>(), ["token", "certificate a.example"]);
        let (first, _) = &known[0];
        assert_eq!((first.grant(), first.expires()), (&new("", None).grant, Some(1_800_000_000_000_000)));
        remove(&path, "first").unwrap();
        assert!(matches!(remove(&path, "first"), Err(IdentitiesError::Unknown(_))));
        assert_eq!(all(&path).unwrap().len(), 1);
        assert!(!fs::read_dir(folder.path()).unwrap().any(|file| file.unwrap().path().ends_with("new")));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in r#"(key = "[0-9a-f]{0,70}"\n)?(\[\[?identity\]\]?\n|[a-z]{1,8} = ("[^\n]{0,9}"|\[[^\n]{0,9}\]|[^\n]{0,9})\n|\PC{0,20}\n){0,9}"#) {
            if let Err(why) = parse(&text) {
                assert!(!why.is_empty() && why.len() < 500, "{why}");
            }
        }

        #[test]
        fn what_is_written_reads_back(name in "[a-zA-Z0-9_.@-]{1,100}", prefix in "\\PC{0,20}", scopes in 1u8..8, types in 1u8..63) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("identities.toml");
            let scopes: Scopes = Scope::ALL.into_iter().filter(|scope| scopes & *scope as u8 != 0).collect();
            let types = ValueType::ALL.into_iter().filter(|ty| types & 1 << (*ty as u8 - 1) != 0);
            let grant = Grant::of(scopes).with_types(types).with_prefix(&prefix);
            add(&path, &NewIdentity { name: &name, grant: grant.clone(), expires: None, certificate: None }).unwrap();
            let (identity, _) = &all(&path).unwrap()[0];
            assert_eq!((identity.name(), identity.grant()), (&name[..], &grant));
        }
    }

    #[test]
    fn an_end_is_a_span_or_a_time() {
        let now = clock::now();
        assert!((expiry("90d").unwrap() - now - 90 * 86_400_000_000).abs() < 60_000_000);
        assert_eq!(expiry("2027-01-15T08:00:00Z"), Ok(1_800_000_000_000_000));
        assert!(expiry("soon").is_err_and(|e| e.contains("90d") && e.contains("2027")));
    }
}
