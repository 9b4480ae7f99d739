//! The access log, and ids of requests: a line for each request, whatever becomes of it, and nobody waits for the log.

#[path = "frame_client/mod.rs"]
mod frame_client;
#[path = "harness/mod.rs"]
mod harness;

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proto::ValueType;
use serde_json::Value;
use tempfile::TempDir;

use frame_client::{FrameClient, auth, get, multi_get, ping, put_str, raw};
use harness::{BASE, Client, Kvs, NotStarted, eventually, folder, output, request_bytes};

/// A kvs with an access log in a folder of its own.
struct Logged {
    kvs: Kvs,
    file: PathBuf,
    folder: TempDir,
}

impl Logged {
    fn start(args: &[&str]) -> Self {
        let folder = folder();
        let file = folder.path().join("access.log");
        let data = folder.path().join("data");
        let mut command = Kvs::command(&data);
        command.arg("--access-log").arg(&file).args(args);
        Self { kvs: Kvs::try_start(&mut command).expect("kvs starts"), file, folder }
    }

    /// The first `count` lines, once they are there.
    #[track_caller]
    fn lines(&self, count: usize) -> Vec<Value> {
        lines(&self.file, count)
    }
}

#[track_caller]
fn lines(file: &Path, count: usize) -> Vec<Value> {
    let read = || std::fs::read_to_string(file).expect("the access log");
    eventually("the lines are written", || read().lines().count() >= count);
    let text = read();
    assert_eq!(text.lines().count(), count, "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// What a line says of these fields.
fn picked<const N: usize>(line: &Value, fields: [&str; N]) -> [Value; N] {
    fields.map(|field| line.get(field).cloned().unwrap_or(Value::Null))
}

fn metric(kvs: &Kvs, sample: &str) -> f64 {
    let scraped = kvs.operator("/metrics");
    let found = scraped.text().lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().expect("a number"))
}

fn count(kvs: &Kvs, outcome: &str) -> f64 {
    metric(kvs, &format!("kvs_access_log_lines_total{{outcome=\"{outcome}\"}}"))
}

/// Sends a request with headers.
fn send(client: &mut Client, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> harness::Answer {
    client.exchange(&request_bytes(method, path, headers, body))
}

#[test]
fn every_request_over_rest_has_a_line() {
    let secrets = folder();
    let identities = secrets.path().join("identities.toml");
    let token = |name: &str, scope: &str| {
        let path = identities.to_str().expect("a path");
        let made = output(&mut Kvs::tool(&["token", "new", name, "--scope", scope, "--identities", path]));
        assert_eq!(made.0, Some(0), "{made:?}");
        format!("Bearer {}", made.1.trim())
    };
    let (ada, reader) = (token("ada", "read,write"), token("reader", "read"));
    let logged = Logged::start(&["--identities", identities.to_str().expect("a path")]);
    let client = &mut logged.kvs.connect();
    let put = |client: &mut Client, token: &str| {
        send(client, "PUT", "str-put/user%20%C3%BC%22", &[("Authorization", token)], b"secret value").status
    };
    assert_eq!((put(client, &ada), put(client, &reader), put(client, "Bearer kvs_wrong_1")), (200, 403, 401));
    assert_eq!(send(client, "GET", "str-get/user%20%C3%BC%22?q=1", &[("Authorization", &ada)], b"").status, 200);
    assert_eq!(send(client, "GET", "str-get/none", &[("Authorization", &ada)], b"").status, 404);
    assert_eq!(send(client, "PUT", "int-put/n", &[("Authorization", &ada)], b"x").status, 400);
    // Before anybody looks at who it is: not the identity of the request before.
    let twice = [("Authorization", ada.as_str()), ("Expect", "a"), ("Expect", "b")];
    assert_eq!(send(client, "GET", "int-get/n", &twice, b"").status, 400);
    let mut broken = logged.kvs.connect();
    assert_eq!(broken.exchange(b"GET / nonsense\r\n\r\n").status, 400);

    let path = |name: &str| Value::from(format!("{BASE}/{name}"));
    let key = "user%20%C3%BC%22";
    let fields = ["identity", "method", "path", "status", "bytes_in", "bytes_out"];
    let lines = logged.lines(8);
    let of_answers = lines.iter().map(|line| line["bytes_out"].clone()).collect::<Vec<_>>();
    let expected: [[Value; 6]; 7] = [
        ["ada".into(), "PUT".into(), path(&format!("str-put/{key}")), 200.into(), 12.into(), 0.into()],
        ["reader".into(), "PUT".into(), path(&format!("str-put/{key}")), 403.into(), 12.into(), of_answers[1].clone()],
        [
            "anonymous".into(),
            "PUT".into(),
            path(&format!("str-put/{key}")),
            401.into(),
            0.into(),
            of_answers[2].clone(),
        ],
        ["ada".into(), "GET".into(), path(&format!("str-get/{key}")), 200.into(), 0.into(), 12.into()],
        ["ada".into(), "GET".into(), path("str-get/none"), 404.into(), 0.into(), of_answers[4].clone()],
        ["ada".into(), "PUT".into(), path("int-put/n"), 400.into(), 1.into(), of_answers[5].clone()],
        [Value::Null, "GET".into(), path("int-get/n"), 400.into(), 0.into(), of_answers[6].clone()],
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(picked(line, fields), expected, "{line}");
        let time = line["time"].as_str().expect("a time");
        assert!(time.len() == 27 && time.ends_with('Z') && time.contains('T'), "{line}");
        assert_eq!(picked(line, ["remote", "protocol"]), ["127.0.0.1".into(), Value::from("rest")]);
        assert!(line["duration_us"].as_u64().is_some_and(|micros| (1..30_000_000).contains(&micros)), "{line}");
        assert_eq!(line["request_id"].as_str().map(str::len), Some(24), "{line}");
    }
    assert_eq!(
        picked(&lines[7], ["identity", "method", "path", "status"]),
        [Value::Null, Value::Null, Value::Null, 400.into()]
    );

    let text = std::fs::read_to_string(&logged.file).expect("the access log");
    assert!(!text.contains("secret") && !text.contains("Bearer") && !text.contains("kvs_"), "{text}");
    let mode = std::fs::metadata(&logged.file).expect("the access log").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    eventually("they are counted", || count(&logged.kvs, "written") == 8.0);
    assert_eq!((count(&logged.kvs, "dropped"), count(&logged.kvs, "failed")), (0.0, 0.0));
}

#[test]
fn every_operation_over_frames_has_a_line() {
    let secrets = folder();
    let file = secrets.path().join("token");
    std::fs::write(&file, "secret\n").expect("a file");
    let logged = Logged::start(&["--token-file", file.to_str().expect("a path")]);
    let client = &mut FrameClient::connect(logged.kvs.frame_addr);
    client.exchange(&auth(1, "secret"));
    let puts = [put_str(2, "a\n\"ü", "hidden"), get(3, ValueType::Str, "none"), ping(4)].concat();
    client.send(&puts).expect("kvs reads");
    client.send(&multi_get(5, [(ValueType::Str, "a\n\"ü"), (ValueType::Int, "x")])).expect("kvs reads");
    for _ in 2..=5 {
        client.receive().expect("a reply");
    }
    client.exchange(&raw(6, 99, 0, 0, b"", b""));
    // Another client pipelines what it may not do behind a wrong token, and a third one sends no frame.
    let mut wrong = FrameClient::connect(logged.kvs.frame_addr);
    wrong.send(&[auth(7, "wrong"), get(8, ValueType::Str, "a")].concat()).expect("kvs reads");
    assert_eq!(wrong.receive_rest().len(), 1);
    let mut odd = FrameClient::connect(logged.kvs.frame_addr);
    odd.send(&[1, 0, 0, 0]).expect("kvs reads");
    assert_eq!(odd.receive_rest().len(), 1);

    let fields = ["identity", "operation", "type", "key", "code", "bytes_in", "bytes_out"];
    let text = |text: &str| Value::from(text);
    let none = || Value::Null;
    // Connections may be served by different workers, so their lines come in any order.
    let mut lines = logged.lines(10);
    lines.sort_by_key(|line| {
        let id = line["request_id"].as_str().expect("an id");
        let number: u32 = id.split('-').nth(1).and_then(|id| id.parse().ok()).expect("the number of a frame");
        if number == 0 { u32::MAX } else { number }
    });
    let frame = |index: usize| lines[index]["bytes_out"].clone();
    let me = "token-file";
    let expected: [[Value; 7]; 10] = [
        [text(me), text("auth"), none(), none(), text("ok"), 22.into(), 12.into()],
        [text(me), text("put"), text("str"), text("a\n\"ü"), text("ok"), 27.into(), 12.into()],
        [text(me), text("get"), text("str"), text("none"), text("missing"), 20.into(), 12.into()],
        [text(me), text("ping"), none(), none(), text("ok"), 16.into(), 12.into()],
        [text(me), text("multi-get"), none(), none(), text("ok"), 30.into(), frame(4)],
        [text(me), text("get"), text("str"), text("a\n\"ü"), text("ok"), none(), none()],
        [text(me), text("get"), text("int"), text("x"), text("missing"), none(), none()],
        [text(me), none(), none(), none(), text("0x81"), 16.into(), frame(7)],
        [text("anonymous"), text("auth"), none(), none(), text("0xb0"), 21.into(), frame(8)],
        [text("anonymous"), none(), none(), none(), text("0x80"), none(), none()],
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(picked(line, fields), expected, "{line}");
        assert_eq!(
            picked(line, ["remote", "protocol", "method", "status"]),
            [text("127.0.0.1"), text("frames"), none(), none()]
        );
    }
    let id = |index: usize| lines[index]["request_id"].as_str().expect("an id").to_owned();
    let connection = |index: usize| id(index).split('-').next().expect("a part").to_owned();
    assert!(connection(0) == connection(7) && connection(0) != connection(8), "{} {}", id(0), id(8));
    assert!(id(4) == id(5) && id(5) == id(6) && id(4).ends_with("-5"), "{}", id(4));
    let text = std::fs::read_to_string(&logged.file).expect("the access log");
    assert!(!text.contains("secret") && !text.contains("hidden") && !text.contains("wrong"), "{text}");
}

#[test]
fn an_id_is_taken_over_or_made_and_is_the_same_everywhere() {
    let logged = Logged::start(&["--slow-request", "1us", "--trace", "debug"]);
    let client = &mut logged.kvs.connect();
    let with = |client: &mut Client, id: &str| send(client, "GET", "int-get/none", &[("X-Request-Id", id)], b"");
    let answer = with(client, "trace/1-\"a\"");
    assert_eq!(answer.header("x-request-id"), Some("trace/1-\"a\""));
    assert!(logged.kvs.says(&["a slow request"]).contains(r#""request_id":"trace/1-\"a\"""#));
    assert!(logged.kvs.says(&["refused a request"]).contains(r#""request_id":"trace/1-\"a\"""#));
    let mut made = Vec::new();
    let long = "x".repeat(129);
    for bad in ["two words", long.as_str(), "\u{fc}"] {
        let answer = with(client, bad);
        let id = answer.header("x-request-id").expect("an id").to_owned();
        assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{bad}: {id}");
        made.push(id);
    }
    made.push(client.put("int-put/n", "1").header("x-request-id").expect("a made one").to_owned());
    let lines = logged.lines(5);
    let logged_ids: Vec<_> = lines.iter().map(|line| line["request_id"].as_str().expect("an id")).collect();
    assert_eq!(logged_ids[0], "trace/1-\"a\"");
    assert_eq!(logged_ids[1..], made);
    assert_eq!(made.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
}

#[test]
fn without_logs_only_who_asks_or_fails_gets_an_id() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let client = &mut kvs.connect();
    assert_eq!(client.put("int-put/n", "1").header("x-request-id"), None);
    assert!(client.get("int-get/none").header("x-request-id").is_some_and(|id| id.len() == 24));
    let answer = send(client, "GET", "int-get/n", &[("x-request-id", "7")], b"");
    assert_eq!((answer.status, answer.header("x-request-id")), (200, Some("7")));
    let answer = send(client, "GET", "int-get/n", &[("x-request-id", "7"), ("X-Request-Id", "7")], b"");
    assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 24));
    assert!(!kvs.operator("/metrics").text().contains("kvs_access_log"));
}

#[test]
fn after_a_signal_the_file_is_opened_again() {
    let logged = Logged::start(&[]);
    assert_eq!(logged.kvs.connect().put("int-put/before", "1").status, 200);
    logged.lines(1);
    let moved = logged.folder.path().join("access.log.1");
    std::fs::rename(&logged.file, &moved).expect("it can be moved");
    assert_eq!(logged.kvs.connect().put("int-put/still", "1").status, 200);
    lines(&moved, 2);
    logged.kvs.signal("HUP");
    logged.kvs.says(&["is opened again"]);
    assert_eq!(logged.kvs.connect().put("int-put/after", "1").status, 200);
    assert!(logged.lines(1)[0]["path"].as_str().is_some_and(|path| path.ends_with("/after")));
    lines(&moved, 2);
    // If it cannot be opened, the lines go where they went.
    std::fs::rename(&logged.file, &moved).expect("it can be moved");
    std::fs::create_dir(&logged.file).expect("a folder in its place");
    logged.kvs.signal("HUP");
    logged.kvs.says(&["cannot open the access log", "the file of before stays in use"]);
    assert_eq!(logged.kvs.connect().put("int-put/last", "1").status, 200);
    lines(&moved, 2);
    // And a tool may truncate the file instead of moving it.
    File::create(&moved).expect("it can be truncated");
    assert_eq!(logged.kvs.connect().put("int-put/truncated", "1").status, 200);
    lines(&moved, 1);
}

#[test]
fn what_cannot_be_written_at_the_start_is_an_error() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo can be executed").success());
    let missing = folder.path().join("no/such/folder");
    for (target, why) in
        [(folder.path(), "Is a directory"), (&missing, "No such file or directory"), (&pipe, "nobody reads this pipe")]
    {
        let mut command = Kvs::command(&folder.path().join("data"));
        command.arg("--access-log").arg(target);
        let NotStarted { status, diagnostics } = Kvs::try_start(&mut command).map(drop).expect_err("it does not start");
        assert_eq!(status.code(), Some(2), "{diagnostics}");
        let expected = format!("cannot open the access log {}: {why}", target.display());
        assert!(diagnostics.contains(&expected), "{diagnostics}");
    }
}

#[test]
fn a_full_disk_costs_lines_and_no_requests() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--access-log", "/dev/full"]);
    let client = &mut kvs.connect();
    for n in 0..20 {
        assert_eq!(client.put(&format!("int-put/{n}"), "1").status, 200);
    }
    kvs.says(&["cannot write the access log to /dev/full", "No space left on device"]);
    eventually("lost lines are counted", || count(&kvs, "failed") == 20.0);
    assert_eq!((count(&kvs, "written"), count(&kvs, "dropped")), (0.0, 0.0));
}

#[test]
fn a_reader_that_does_not_read_stalls_nobody() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo can be executed").success());
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut reader = OpenOptions::new().read(true).custom_flags(nonblocking).open(&pipe).expect("a pipe");
    let kvs = Kvs::start(
        &folder.path().join("data"),
        &["--durability", "async", "--access-log", pipe.to_str().expect("a path")],
    );
    // Far more lines than the pipe and the queue hold: each of them has the key of 400 bytes.
    let key = "k".repeat(400);
    let gets: Vec<u8> = (1..=500).flat_map(|id| get(id, ValueType::Str, &key)).collect();
    let mut client = FrameClient::connect(kvs.frame_addr);
    let mut sent = 0.0;
    while count(&kvs, "dropped") == 0.0 {
        client.send(&gets).expect("kvs reads");
        for _ in 0..500 {
            client.receive().expect("a reply");
        }
        sent += 500.0;
        assert!(sent < 1e6, "more than the queue can hold");
    }
    assert_eq!(kvs.connect().put("int-put/n", "1").status, 200);
    kvs.says(&["written too slowly", "dropped"]);
    // Once somebody reads, what was queued comes, whole.
    let mut text = String::new();
    eventually("the rest is written", || {
        let mut bytes = vec![0; 1 << 20];
        while let Ok(read @ 1..) = reader.read(&mut bytes) {
            text.push_str(std::str::from_utf8(&bytes[..read]).expect("ASCII"));
        }
        count(&kvs, "written") + count(&kvs, "dropped") == sent + 1.0 && text.ends_with('\n')
    });
    assert_eq!(text.lines().count() as f64, count(&kvs, "written"));
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    // And stopping does not wait for it.
    let (status, _) = kvs.stop();
    assert!(status.success());
}

#[test]
fn standard_output_takes_lines_and_none_is_missing_at_the_end() {
    let folder = folder();
    let mut command = Kvs::command(&folder.path().join("data"));
    let file = folder.path().join("out");
    command.args(["--access-log", "-"]).stdout(Stdio::from(File::create(&file).expect("a file")));
    let kvs = Kvs::try_start(&mut command).expect("kvs starts");
    let client = &mut kvs.connect();
    for n in 0..100 {
        assert_eq!(client.put(&format!("int-put/{n}"), "1").status, 200);
    }
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{diagnostics}");
    assert_eq!(std::fs::read_to_string(&file).expect("the file").lines().count(), 100);
}

#[test]
fn a_client_that_does_not_wait_has_a_line_too() {
    let logged = Logged::start(&[]);
    let mut client = logged.kvs.connect();
    // Half of a body.
    let request = request_bytes("PUT", "str-put/k", &[], b"0123456789");
    client.send(&request[..request.len() - 5]).expect("kvs reads");
    drop(client);
    let line = &logged.lines(1)[0];
    assert!(line["path"].as_str().is_some_and(|path| path.ends_with("/k")), "{line}");
    assert!(line["status"] == 400 || line["status"].is_null(), "{line}");
}
