//! Random requests of every operation that concerns a key, with content that is easily spoilt on its way: by quoting,
//! escaping, trimming, normalising, or by what PostgreSQL, JSON and COPY give a meaning to.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::model::{Operation, Type, Value};

/// Keys of a run, besides the longest ones: few, so that requests meet.
const KEYS: usize = 8;

/// Length of the longest texts in bytes, at least.
const LONG: usize = 1 << 20;

/// Longest key, in bytes.
const LONGEST_KEY: usize = 512;

#[rustfmt::skip]
const TEXTS: [&str; 40] = [
    "", " ", " a ", "a", "A", "0", "-1", "null", "NULL", "true",
    "{}", "[]", r#"{"a"}"#, r#"{"a":"b"}"#, r#"["a"]"#, "{NULL}", "a,b", "(a)", r"\N", r"\.",
    r"\", r"\\", r"\x41", r"\u0041", "\"", "'", "''", "$$", "a\nb", "\n",
    "\t", "\r\n", "'; DROP TABLE int_keys; --", "\u{1}\u{7f}", "\u{fffd}\u{2028}\u{feff}", "\u{10ffff}", "😀", "\u{e9}", "e\u{301}", "../%2F?#&+",
];

/// Longer than what is kept in place.
const LINE: &str = "a text of more than thirty bytes, 'quoted' and \\escaped";

/// As a client writes them: limits, what has no exact form, and more digits than count.
const FLOATS: [&str; 12] = [
    "0",
    "-0",
    "1e-45",
    "1e-46",
    "3.4028235e38",
    "-3.4028235e+38",
    "1.17549435e-38",
    "16777217",
    "0.1",
    "2.718280e+00",
    "0.100000001490116119384765625",
    "-1.5",
];

/// Refused requests: method, path with `KEY` in place of a key, body, status.
const REFUSED: [(&str, &str, &[u8], u16); 40] = [
    ("PUT", "int-put/KEY", b"2147483648", 422),
    ("PUT", "int-put/KEY", b"-2147483649", 422),
    ("PUT", "int-put/KEY", b"", 400),
    ("PUT", "int-put/KEY", b"1.5", 400),
    ("PUT", "uint-put/KEY", b"-1", 422),
    ("PUT", "uint/put/KEY", b"4294967296", 422),
    ("PUT", "uint-put/KEY", b"0x1", 400),
    ("PUT", "float-put/KEY", b"NaN", 422),
    ("PUT", "float-put/KEY", b"-inf", 422),
    ("PUT", "float-put/KEY", b"1e39", 422),
    ("PUT", "float-put/KEY", b"one", 400),
    ("PUT", "str-put/KEY", b"a\0b", 422),
    ("PUT", "str-put/KEY", b"\xff", 400),
    ("PUT", "map-put/KEY", b"{", 400),
    ("PUT", "map-put/KEY", b"[\"a\"]", 400),
    ("PUT", "map-put/KEY", br#"{"a":1}"#, 400),
    ("PUT", "map-put/KEY", br#"{"a":"\ud800"}"#, 400),
    ("PUT", "map-put/KEY", br#"{"a":"\u0000"}"#, 422),
    ("PUT", "map-put/KEY", br#"{"\u0000":"a"}"#, 422),
    ("PUT", "set-put/KEY", b"{}", 400),
    ("PUT", "set-put/KEY", b"[1]", 400),
    ("PUT", "set-put/KEY", br#"["\u0000"]"#, 422),
    ("PUT", "set-add/KEY", b"", 400),
    ("PUT", "set-add/KEY", br#"["\u0000"]"#, 422),
    ("PUT", "set-rem/KEY", b"\"a\"", 400),
    ("GET", "set-has/KEY/%00", b"", 422),
    ("GET", "map-get/KEY/%ff", b"", 400),
    ("PUT", "map-set/KEY/%00", b"a", 422),
    ("PUT", "map-set/KEY/a", b"\xc3", 400),
    ("DELETE", "map-del/KEY/%f", b"", 400),
    ("PUT", "int-incrby/KEY", b"2147483648", 422),
    ("PUT", "int-incrby/KEY", b"x", 400),
    ("PUT", "uint-incrby/KEY", b"-4294967296", 422),
    ("PUT", "uint-incrby/KEY", b"", 400),
    ("PUT", "str-put/", b"a", 400),
    ("PUT", "str-put/KEY%00", b"a", 400),
    ("DELETE", "del/%ff", b"", 400),
    ("GET", "str-put/KEY", b"", 405),
    ("PUT", "str-incr/KEY", b"", 404),
    ("DELETE", "del/KEY/a", b"", 404),
];

/// A request, and what it means.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    pub(crate) key: String,
    pub(crate) ask: Operation,
}

/// A request that is not carried out.
pub(crate) struct Refused {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: &'static [u8],
    pub(crate) status: u16,
}

/// Requests about a few keys, without end.
pub(crate) struct Requests {
    rng: StdRng,
    keys: Vec<String>,
}

impl Requests {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let texts: Vec<_> = TEXTS.iter().filter(|text| !text.is_empty()).collect();
        let mut keys: Vec<String> = texts.sample(&mut rng, KEYS).map(ToString::to_string).collect();
        let long = LINE.repeat(LONGEST_KEY / LINE.len() + 1);
        keys.extend([long[..LONGEST_KEY].into(), "🗝".repeat(LONGEST_KEY / "🗝".len()), "..".into()]);
        Self { rng, keys }
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.keys.clone()
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices.choose(&mut self.rng).expect("something to choose from").clone()
    }

    fn one_in(&mut self, times: u32) -> bool {
        self.rng.random_ratio(1, times)
    }

    /// Any request that is carried out, unless its result would overflow.
    pub(crate) fn any(&mut self) -> Request {
        let key = self.key();
        let ty = self.one_of(&Type::ALL);
        let counter = self.one_of(&[Type::Int, Type::Uint]);
        let ask = match self.rng.random_range(0..18) {
            0..5 => return self.put(ty, key),
            5 => Operation::Get(ty),
            6 => Operation::Del(ty),
            7 => Operation::DelAll,
            8 => Operation::Incr(counter),
            9 | 10 => Operation::IncrBy(counter, self.step(counter)),
            11 | 12 => Operation::SetAdd(self.texts()),
            13 => Operation::SetRem(self.texts()),
            14 => Operation::SetHas(self.text()),
            15 => Operation::MapGet(self.text()),
            16 => Operation::MapSet(self.text(), self.any_text()),
            _ => Operation::MapDel(self.text()),
        };
        self.request(key, ask)
    }

    /// A request for a value.
    pub(crate) fn get(&mut self, ty: Type, key: String) -> Request {
        self.request(key, Operation::Get(ty))
    }

    pub(crate) fn refused(&mut self) -> Refused {
        let (method, path, body, status) = self.one_of(&REFUSED);
        let key = self.key();
        Refused { method, path: path.replace("KEY", &self.segment(&key)), body, status }
    }

    fn key(&mut self) -> String {
        let number = self.rng.random_range(0..self.keys.len());
        self.keys[number].clone()
    }

    /// A short text.
    fn text(&mut self) -> String {
        match self.rng.random_range(0..4) {
            // Few, so that elements meet.
            0 | 1 => self.one_of(&TEXTS[..6]).into(),
            2 => self.one_of(&TEXTS).into(),
            _ => (0..self.rng.random_range(1..6)).map(|_| self.one_of(&TEXTS)).collect::<String>() + LINE,
        }
    }

    fn long_text(&mut self) -> String {
        let piece = self.text() + "x";
        piece.repeat(LONG.div_ceil(piece.len()))
    }

    fn any_text(&mut self) -> String {
        if self.one_in(20) { self.long_text() } else { self.text() }
    }

    /// Some texts, repeated ones among them; of the long ones one at most.
    fn texts(&mut self) -> Vec<String> {
        let mut texts: Vec<_> = (0..self.rng.random_range(0..6)).map(|_| self.text()).collect();
        if self.one_in(40) {
            texts.push(self.long_text());
        }
        texts
    }

    fn int(&mut self) -> i32 {
        let random = self.rng.random();
        self.one_of(&[i32::MIN, i32::MAX, -1, 0, 1, random])
    }

    fn uint(&mut self) -> u32 {
        let random = self.rng.random();
        self.one_of(&[0, 1, u32::MAX, u32::MAX - 1, random])
    }

    /// What to add to a counter.
    fn step(&mut self, counter: Type) -> i64 {
        match counter {
            Type::Uint => i64::from(self.uint()) * self.one_of(&[1, -1]),
            _ => i64::from(self.int()),
        }
    }

    fn put(&mut self, ty: Type, key: String) -> Request {
        let (value, body) = match ty {
            Type::Int => {
                let value = self.int();
                (Value::Int(value), value.to_string())
            }
            Type::Uint => {
                let value = self.uint();
                (Value::Uint(value), value.to_string())
            }
            Type::Float => {
                let text = self.one_of(&FLOATS);
                (Value::Float(text.parse().expect("a number")), text.into())
            }
            Type::Str => {
                let value = self.any_text();
                (Value::Str(value.clone()), value)
            }
            Type::Map => {
                let fields: Vec<_> = self.texts().into_iter().map(|field| (field, self.text())).collect();
                let members: Vec<_> = fields.iter().map(|(f, v)| self.json(f) + ":" + &self.json(v)).collect();
                // Of a field that is there twice the last value counts.
                let map: BTreeMap<_, _> = fields.into_iter().collect();
                (Value::Map(map), format!("{{{}}}", members.join(", ")))
            }
            Type::Set => {
                let members = self.texts();
                let body = self.array(&members);
                (Value::Set(BTreeSet::from_iter(members)), body)
            }
        };
        let path = self.path(ty.name(), "put", &key);
        Request { method: "PUT", path, body: body.into(), key, ask: Operation::Put(value) }
    }

    fn request(&mut self, key: String, ask: Operation) -> Request {
        let (method, type_name) = (method(&ask), ask.ty().map_or("", Type::name));
        let (path, body) = match &ask {
            Operation::Put(_) => unreachable!("put() makes these"),
            Operation::Get(_) | Operation::Del(_) => (self.path(type_name, ask.kind(), &key), String::new()),
            Operation::DelAll => (format!("del/{}", self.segment(&key)), String::new()),
            Operation::Incr(_) => (format!("{type_name}-incr/{}", self.segment(&key)), String::new()),
            Operation::IncrBy(_, by) => (format!("{type_name}-incrby/{}", self.segment(&key)), by.to_string()),
            Operation::SetAdd(members) | Operation::SetRem(members) => {
                (format!("{}/{}", ask.kind(), self.segment(&key)), self.array(members))
            }
            Operation::SetHas(item) | Operation::MapGet(item) | Operation::MapDel(item) => {
                (format!("{}/{}/{}", ask.kind(), self.segment(&key), self.segment(item)), String::new())
            }
            Operation::MapSet(field, value) => {
                (format!("map-set/{}/{}", self.segment(&key), self.segment(field)), value.clone())
            }
        };
        Request { method, path, body: body.into(), key, ask }
    }

    /// The path of a verb that every type has; for a uint in one of both spellings.
    fn path(&mut self, type_name: &str, verb: &str, key: &str) -> String {
        let between = if type_name == "uint" && self.one_in(2) { '/' } else { '-' };
        format!("{type_name}{between}{verb}/{}", self.segment(key))
    }

    /// A text as a segment of a path: percent-encoded where it must be, and here and there where it need not be.
    fn segment(&mut self, text: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.~".contains(&byte);
        let encode = |byte: u8| match plain(byte) && !self.one_in(4) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        text.bytes().map(encode).collect()
    }

    fn array(&mut self, texts: &[String]) -> String {
        let texts: Vec<_> = texts.iter().map(|text| self.json(text)).collect();
        format!("[{}]", texts.join(" ,"))
    }

    /// A JSON string, at times with every character escaped.
    fn json(&mut self, text: &str) -> String {
        match text.len() < LONG && self.one_in(4) {
            true => format!("\"{}\"", text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>()),
            false => serde_json::to_string(text).expect("a text can be written as JSON"),
        }
    }
}

fn method(ask: &Operation) -> &'static str {
    match ask {
        Operation::Get(_) | Operation::SetHas(_) | Operation::MapGet(_) => "GET",
        Operation::Del(_) | Operation::DelAll | Operation::MapDel(_) => "DELETE",
        Operation::Put(_)
        | Operation::Incr(_)
        | Operation::IncrBy(..)
        | Operation::SetAdd(_)
        | Operation::SetRem(_)
        | Operation::MapSet(..) => "PUT",
    }
}
