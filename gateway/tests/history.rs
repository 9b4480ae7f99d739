//! What kvs has done is in its log: in PostgreSQL for anyone to see, and for a kvs that comes after, whatever ended the one
//! before. Random requests are sent one after the other; `model` says what each leads to.

mod deployment;
mod harness;
mod model;
mod requests;
mod txnd_server;

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use deployment::Deployment;
use harness::{Answer, Client, Kvs, seed};
use model::{Model, Operation, Reply, Type, Value};
use requests::Requests;
use serde_json::Value as Json;
use testkit::postgres_server::{PASSWORD, PostgresServer, USER};

/// Requests between two starts.
const REQUESTS: usize = 400;

/// One refused request among so many.
const REFUSED_EVERY: usize = 8;

/// A log, the requests that are recorded in it, and what it should hold.
struct History {
    deployment: Deployment,
    record: &'static str,
    requests: Requests,
    model: Model,
}

impl History {
    fn new(deployment: Deployment, record: &'static str) -> Self {
        println!("{} --record {record}", deployment.name);
        Self { deployment, record, requests: Requests::new(seed()), model: Model::new(record == "all") }
    }

    /// Starts a kvs, which must find as many records and entries as there should be.
    fn start(&self) -> Kvs {
        let kvs = self.deployment.start(&["--durability", "sync", "--record", self.record]);
        if self.model.lsn() > 0 {
            let report = kvs.lines.iter().find(|line| line.contains("recovered the state")).expect("a report");
            let found = |what: &str, count: u64| report.contains(&format!("\"{what}\":{count},"));
            assert!(found("lsn", self.model.lsn()) && found("entries", self.model.len() as u64), "{report}");
        }
        kvs
    }

    /// Sends random requests.
    fn go_on(&mut self, client: &mut Client) {
        for number in 0..REQUESTS {
            if number.is_multiple_of(REFUSED_EVERY) {
                let refused = self.requests.refused();
                let answer = client.request(refused.method, &refused.path, refused.body);
                answer.assert_error(refused.status, &refused.path);
            }
            let request = self.requests.any();
            self.send(client, &request);
        }
    }

    /// Reads every key as every type: what should be there is, what should not be there is not.
    fn check_entries(&mut self, client: &mut Client) {
        for key in self.requests.keys() {
            for ty in Type::ALL {
                let request = self.requests.get(ty, key.clone());
                self.send(client, &request);
            }
        }
    }

    fn send(&mut self, client: &mut Client, request: &requests::Request) {
        let answer = client.request(request.method, &request.path, &request.body);
        let expected = self.model.apply(&request.key, &request.ask);
        let found = reply(&request.ask, &expected, &answer);
        if found.as_ref() != Some(&expected) {
            let (asked, expected) = (short(&request.ask), short(&expected));
            panic!("lsn {}: {:?} {asked}: {expected} expected, not {}", self.model.lsn(), request.key, short(&answer));
        }
    }
}

/// What an answer means; `None` if nothing that goes with `expected`.
fn reply(ask: &Operation, expected: &Reply, answer: &Answer) -> Option<Reply> {
    match (answer.status, expected) {
        (200, Reply::Stored) if answer.body.is_empty() => Some(Reply::Stored),
        (200, Reply::Deleted(_)) if answer.body.is_empty() => Some(Reply::Deleted(answer.deleted())),
        (200, Reply::Text(_)) => Some(Reply::Text(answer.text().into())),
        (200, Reply::Value(_)) => Some(Reply::Value(match ask.ty()? {
            Type::Int => Value::Int(answer.text().parse().ok()?).json(),
            Type::Uint => Value::Uint(answer.text().parse().ok()?).json(),
            Type::Float => Value::Float(answer.text().parse().ok()?).json(),
            Type::Str => Value::Str(answer.text().into()).json(),
            Type::Map | Type::Set => serde_json::from_slice(&answer.body).ok()?,
        })),
        (404, _) => Some(Reply::NotFound),
        (409, _) => Some(Reply::Overflow),
        _ => None,
    }
}

/// A message of bearable length.
fn short(what: &impl std::fmt::Debug) -> String {
    let text = format!("{what:?}");
    match text.char_indices().nth(400) {
        None => text,
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
    }
}

/// Tables and columns of a value type.
struct Tables {
    keys: &'static str,
    transactions: &'static str,
    view: &'static str,
    /// The value so that JSON can hold it exactly.
    value: &'static str,
    operand: &'static str,
}

fn tables(ty: Type) -> Tables {
    let (keys, transactions, view) = match ty {
        Type::Int => ("int_keys", "integer_transactions", "current_int"),
        Type::Uint => ("uint_keys", "uint_transactions", "current_uint"),
        Type::Float => ("float_keys", "float_transactions", "current_float"),
        Type::Str => ("string_keys", "string_transactions", "current_string"),
        Type::Map => ("map_keys", "map_transactions", "current_map"),
        Type::Set => ("set_keys", "set_transactions", "current_set"),
    };
    let value = if ty == Type::Float { "encode(float4send(value), 'hex')" } else { "value" };
    let operand = if matches!(ty, Type::Float | Type::Str) { "NULL" } else { "operand" };
    Tables { keys, transactions, view, value, operand }
}

/// What a query gives, each row as one JSON value. On its way it is hexadecimal: psql leaves out characters such as U+10FFFF.
fn query(url: &str, row: &str, from: &str, order: &str) -> Vec<Json> {
    let json = format!("coalesce(json_agg({row} ORDER BY {order}), '[]')::text");
    let sql = format!("SELECT encode(convert_to({json}, 'UTF8'), 'hex') FROM {from}");
    let digits = PostgresServer::shared().psql(url, &sql);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let json: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    serde_json::from_slice(&json.expect("hexadecimal digits")).expect("JSON")
}

fn assert_same(what: &str, found: &[Json], expected: &[Json]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(found == expected, "{what}: {} expected, not {}", short(expected), short(found));
    }
    assert_eq!(found.len(), expected.len(), "number of rows: {what}");
}

/// Compares every table with what should be in it.
fn check_tables(url: &str, model: &Model) {
    for ty in Type::ALL {
        let Tables { keys, transactions, value, operand, .. } = tables(ty);
        let row = format!("json_build_array(t.id, transaction_type, key, {value}, {operand})");
        let from = format!("{transactions} t LEFT JOIN {keys} k ON k.id = key_id");
        assert_same(transactions, &query(url, &row, &from, "t.id"), model.rows(Some(ty)));
        // Keys are numbered from 1 in the order in which a row first refers to them.
        let mut seen = BTreeSet::new();
        let used = model.rows(Some(ty)).iter().filter_map(|row| row[2].as_str()).filter(|key| seen.insert(*key));
        let used: Vec<_> = used.zip(1..).map(|(key, id)| serde_json::json!([id, key])).collect();
        assert_same(keys, &query(url, "json_build_array(id, key)", keys, "id"), &used);
    }
    let row = "json_build_array(id, transaction_type, key, value, NULL)";
    assert_same("key_transactions", &query(url, row, "key_transactions", "id"), model.rows(None));
}

/// Every lsn is there once, but for the rows that a del-all has in the tables of types; each with the time of its request.
fn check_order(url: &str, model: &Model, began: u64) {
    let of_types =
        Type::ALL.map(|ty| format!("SELECT id, timestamp, transaction_type FROM {}", tables(ty).transactions));
    let all = format!(
        "(SELECT id, timestamp FROM ({}) t WHERE transaction_type <> 'del-all' \
         UNION ALL SELECT id, timestamp FROM key_transactions) t",
        of_types.join(" UNION ALL ")
    );
    let lsns: Vec<_> = (1..=model.lsn()).map(Json::from).collect();
    assert_same("lsns", &query(url, "id", &all, "id"), &lsns);
    let late = format!("{all} WHERE timestamp NOT BETWEEN to_timestamp({began}) AND now() + interval '1 s'");
    assert_same("times", &query(url, "id", &late, "id"), &[]);
}

/// Compares the views with the entries that there should be.
fn check_views(url: &str, model: &Model) {
    for ty in Type::ALL {
        let Tables { view, value, .. } = tables(ty);
        let row = format!("json_build_array(key, {value}, lsn)");
        assert_same(view, &query(url, &row, view, "key"), &model.present(ty));
    }
}

/// Sends requests to two servers, one after the other, with the same log, and compares its tables with them.
fn tables_hold_what_was_asked(record: &'static str) -> Vec<History> {
    let with_tables = deployment::all().into_iter().filter(|deployment| deployment.tables.is_some());
    with_tables
        .map(|deployment| {
            let began = SystemTime::now().duration_since(UNIX_EPOCH).expect("a present time").as_secs();
            let mut history = History::new(deployment, record);
            for _ in 0..2 {
                let kvs = history.start();
                let mut client = kvs.connect();
                history.check_entries(&mut client);
                history.go_on(&mut client);
                history.check_entries(&mut client);
                drop(client);
                let (status, diagnostics) = kvs.stop();
                assert!(status.success(), "{status}: {diagnostics}");
            }
            let url = history.deployment.tables.as_ref().expect("it has tables");
            check_tables(url, &history.model);
            check_order(url, &history.model, began);
            check_views(url, &history.model);
            history
        })
        .collect()
}

#[test]
fn every_request_is_in_the_tables_in_order() {
    for History { model, .. } in tables_hold_what_was_asked("all") {
        let rows = Type::ALL.iter().flat_map(|ty| model.rows(Some(*ty))).chain(model.rows(None));
        let kinds: BTreeSet<_> = rows.filter_map(|row| row[1].as_str()).collect();
        assert_eq!(kinds.len(), 12, "every kind of request was sent: {kinds:?}");
    }
}

#[test]
fn every_write_with_an_effect_is_in_the_tables_in_order() {
    for History { model, .. } in tables_hold_what_was_asked("writes") {
        assert!((1..2 * REQUESTS as u64).contains(&model.lsn()), "{}", model.lsn());
    }
}

#[test]
fn the_next_server_has_the_same_entries() {
    for deployment in deployment::all() {
        let mut history = History::new(deployment, "writes");
        for ended_by in ["TERM", "KILL", "TERM", "KILL"] {
            let kvs = history.start();
            let mut client = kvs.connect();
            history.check_entries(&mut client);
            history.go_on(&mut client);
            history.check_entries(&mut client);
            drop(client);
            kvs.signal(ended_by);
            let (status, diagnostics) = kvs.wait();
            assert_eq!(status.success(), ended_by == "TERM", "{ended_by}: {status}: {diagnostics}");
        }
        history.check_entries(&mut history.start().connect());
    }
}

/// Starts a kvs with this log, which must end with `code` and say `words`, but not the `secret`.
#[track_caller]
fn assert_refused(log: &str, code: i32, words: &[&str], secret: &str) {
    let mut command = Kvs::program();
    // From the environment, as in a deployment; messages go into logs that others read.
    let refused = match Kvs::try_start(command.args(["--http-addr", "127.0.0.1:0"]).env("KVS_LOG", log)) {
        Ok(_) => panic!("kvs has started with {log}"),
        Err(refused) => refused,
    };
    let said = &refused.diagnostics;
    assert_eq!(refused.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is expected in: {said}");
    }
    assert!(!said.contains(secret), "a password in: {said}");
}

#[test]
fn a_log_that_cannot_be_opened_is_refused_with_advice_and_without_the_password() {
    let server = PostgresServer::shared();
    let advice = ["check the password", "PGPASSFILE", USER];
    assert_refused(&server.url(USER, "a-wrong-secret", "postgres"), 4, &advice, "a-wrong-secret");
    assert_refused(&server.url(USER, PASSWORD, "nowhere"), 4, &["nowhere", "createdb"], PASSWORD);
    // Nothing listens on a port that only root may take, as a rule.
    let nobody = format!("postgres://{USER}:{PASSWORD}@127.0.0.1:1/postgres");
    assert_refused(&nobody, 4, &["cannot connect", "is PostgreSQL running"], PASSWORD);
}

#[test]
fn a_log_that_is_no_url_is_refused_without_the_password() {
    for log in ["postgres://kvs:the-secret@db.example:port/state", "postgre://kvs:the-secret@db.example/state"] {
        assert_refused(log, 2, &["KVS_LOG", "postgres://USER:PASSWORD@HOST:PORT/DATABASE"], "the-secret");
    }
}

#[test]
fn a_hole_in_the_tables_is_refused_and_named() {
    let deployment = deployment::postgres();
    let kvs = deployment.start(&[]);
    let mut client = kvs.connect();
    (1..=5).for_each(|number| assert_eq!(client.put("int-put/a", number.to_string()).status, 200));
    kvs.kill();
    let url = deployment.tables.as_ref().expect("it has tables");
    PostgresServer::shared().psql(url, "DELETE FROM integer_transactions WHERE id = 3");
    assert_refused(url, 5, &["lsn 3"], PASSWORD);
}

#[test]
fn the_help_does_not_show_the_password() {
    let mut command = Kvs::program();
    let help = command.arg("--help").env("KVS_LOG", "postgres://kvs:the-secret@db.example/state").output();
    let help = help.expect("kvs can be executed");
    let said = String::from_utf8([help.stdout, help.stderr].concat()).expect("the help is UTF-8");
    assert!(help.status.success() && said.contains("KVS_LOG"), "{said}");
    assert!(!said.contains("the-secret"), "{said}");
}
