//! kvs-cli as scripts run it: its output, its exit codes, wrong input, dumps.

#[path = "../../client/tests/server/mod.rs"]
mod server;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use server::Kvs;

/// What a run has come to.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("no signal"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

fn program(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kvs-cli"));
    command.args(["--addr", address]);
    command
}

/// Runs with arguments and with something on standard input.
fn fed(kvs: &Kvs, args: &[&str], input: &str) -> Run {
    let mut command = program(&kvs.address.to_string());
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("kvs-cli can be executed");
    // A run that refuses its arguments ends without reading.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends").into()
}

fn run(kvs: &Kvs, args: &[&str]) -> Run {
    fed(kvs, args, "")
}

/// The output of a run that succeeds.
fn out(kvs: &Kvs, args: &[&str]) -> String {
    let run = run(kvs, args);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}: {run:?}");
    run.out
}

/// A run that fails with an exit code and says something about it.
fn fails(kvs: &Kvs, args: &[&str], code: i32, says: &str) {
    let run = run(kvs, args);
    assert_eq!((run.code, run.out.as_str()), (code, ""), "{args:?}: {run:?}");
    assert!(run.err.contains(says), "{args:?}: {}", run.err);
}

#[test]
fn entries_of_every_type() {
    let kvs = Kvs::start();
    for (ty, value, shown) in [
        ("int", "-42", "-42\n"),
        ("uint", "4294967295", "4294967295\n"),
        ("float", "0.1", "0.1\n"),
        ("str", "two words\n", "two words\n\n"),
        ("map", r#"{"b":"2","a":"1"}"#, "{\"a\":\"1\",\"b\":\"2\"}\n"),
        ("set", r#"["y","x"]"#, "[\"x\",\"y\"]\n"),
    ] {
        fails(&kvs, &["get", ty, "k"], 1, &format!("there is no {ty} \"k\""));
        assert_eq!(out(&kvs, &["put", ty, "k", value]), "", "nothing but the exit code");
        assert_eq!(out(&kvs, &["get", ty, "k"]), shown);
        let json: serde_json::Value = serde_json::from_str(&out(&kvs, &["--json", "get", ty, "k"])).unwrap();
        assert_eq!(json.is_string(), ty == "str");
        assert_eq!(out(&kvs, &["--json", "del", ty, "k"]), "{\"done\":\"deleted\"}\n");
        fails(&kvs, &["del", ty, "k"], 1, "there is no");
    }
    out(&kvs, &["put", "int", "k", "1"]);
    out(&kvs, &["put", "str", "k", "x"]);
    out(&kvs, &["del", "--all", "k"]);
    fails(&kvs, &["del", "--all", "k"], 1, "there is no entry \"k\" of any type");
    // From standard input, and from a file.
    assert_eq!(fed(&kvs, &["put", "str", "k", "-"], "from a pipe").code, 0);
    assert_eq!(out(&kvs, &["get", "str", "k"]), "from a pipe\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "from a file").unwrap();
    out(&kvs, &["put", "str", "k", &format!("@{}", file.path().display())]);
    assert_eq!(out(&kvs, &["get", "str", "k"]), "from a file\n");
}

#[test]
fn elements_counters_and_conditions() {
    let kvs = Kvs::start();
    out(&kvs, &["map", "set", "ada", "name=Ada", "born=1815", "note=a=b"]);
    assert_eq!(out(&kvs, &["map", "get", "ada", "note"]), "a=b\n");
    assert_eq!(out(&kvs, &["map", "del", "ada", "note", "nothing"]), "1\n");
    fails(&kvs, &["map", "get", "ada", "note"], 1, "a field \"note\"");
    fails(&kvs, &["map", "set", "ada", "name"], 2, "FIELD=VALUE");
    assert_eq!(out(&kvs, &["set", "add", "langs", "rust", "go", "rust"]), "2\n");
    assert_eq!(out(&kvs, &["set", "has", "langs", "go"]), "true\n");
    assert_eq!(out(&kvs, &["--json", "set", "rem", "langs", "go", "c"]), "{\"removed\":1}\n");
    fails(&kvs, &["set", "has", "langs", "go"], 1, "has no member \"go\"");

    assert_eq!(out(&kvs, &["incr", "int", "stock"]), "1\n");
    assert_eq!(out(&kvs, &["incr", "int", "stock", "9", "--max", "10"]), "10\n");
    assert_eq!(out(&kvs, &["incr", "int", "stock", "-4"]), "6\n");
    fails(&kvs, &["incr", "int", "stock", "-7", "--min", "0"], 1, "beyond the bounds: the counter is 6");
    assert_eq!(out(&kvs, &["get", "int", "stock"]), "6\n");

    out(&kvs, &["put", "str", "lock", "a", "--if-absent"]);
    fails(&kvs, &["put", "str", "lock", "b", "--if-absent"], 1, "the condition does not hold");
    fails(&kvs, &["put", "str", "none", "b", "--if-present"], 1, "there is no such entry");
    let entry: serde_json::Value =
        serde_json::from_str(&out(&kvs, &["--json", "get", "str", "lock", "--entry"])).unwrap();
    let etag = entry["etag"].as_str().unwrap();
    out(&kvs, &["put", "str", "lock", "c", "--if-etag", etag]);
    fails(&kvs, &["del", "str", "lock", "--if-etag", etag], 1, "the condition does not hold");
    fails(&kvs, &["del", "str", "lock", "--if-etag", "0a"], 2, "expected a state");

    out(&kvs, &["put", "str", "session", "x", "--ttl", "1h"]);
    let expires = |entry: String| {
        let at = entry.lines().find_map(|line| line.strip_prefix("expires  ")).expect("a line").to_owned();
        humantime::parse_rfc3339(&at).ok()
    };
    let at = expires(out(&kvs, &["get", "str", "session", "--entry"])).expect("it expires");
    let left = at.duration_since(std::time::SystemTime::now()).unwrap();
    assert!((3500..=3600).contains(&left.as_secs()), "{left:?}");
    out(&kvs, &["touch", "str", "session", "none"]);
    assert_eq!(expires(out(&kvs, &["get", "str", "session", "--entry"])), None);
    fails(&kvs, &["touch", "str", "nothing", "1h"], 1, "there is no str \"nothing\"");
    fails(&kvs, &["touch", "str", "session", "soon"], 2, "expected a time such as 90s");
}

#[test]
fn batches() {
    let kvs = Kvs::start();
    let batch = r#"{"if": [{"type": "str", "key": "order", "absent": true}],
        "ops": [{"op": "incr", "type": "int", "key": "stock", "value": 3, "max": 5},
                {"op": "put", "type": "str", "key": "order", "value": "3 pieces", "ttl": "1h"},
                {"op": "get", "type": "str", "key": "nothing"}]}"#;
    let run = fed(&kvs, &["batch", "-"], batch);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let lines: Vec<serde_json::Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["value"], &lines[1]["existed"]), (3, &0.into(), &false.into()));
    assert!(lines[1]["expires_at"].is_string() && lines[2]["value"].is_null(), "{}", run.out);
    let run = fed(&kvs, &["batch", "-"], batch);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("the condition does not hold"), "{}", run.err);
    assert_eq!(out(&kvs, &["get", "int", "stock"]), "3\n");
    for (wrong, says) in [
        ("", "the batch: "),
        (r#"{"ops":[{"op":"put","type":"int","key":"k","value":"1"}]}"#, "expected an integer"),
        (r#"{"ops":[{"op":"put","type":"int","key":"k"}]}"#, "put needs a value"),
        (r#"{"ops":[{"op":"fetch","type":"int","key":"k"}]}"#, "expected get, put, del, incr or touch"),
        (r#"{"ops":[{"op":"get","type":"long","key":"k"}]}"#, "unknown type \"long\""),
        (r#"{"ops":[{"op":"get","type":"int","key":"k","tll":"1s"}]}"#, "unknown field `tll`"),
        (r#"{"if":[{"type":"int","key":"k"}],"ops":[]}"#, "a condition has one of"),
    ] {
        let run = fed(&kvs, &["batch", "-"], wrong);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{wrong}: {run:?}");
        assert!(run.err.contains(says), "{wrong}: {}", run.err);
    }
}

#[test]
fn a_dump_is_loaded_into_another_server() {
    let (from, to) = (Kvs::start(), Kvs::start());
    let mut commands = String::from("# comments and empty lines are skipped\n\n");
    for number in 0..700 {
        commands.push_str(&format!("put int n_{number} {number}\n"));
    }
    commands.push_str("put float f 0.1\nput str 'a \"key\"' 'two\tparts'\nput map m '{\"x\":\"1\"}'\n");
    commands.push_str("put set s '[\"a\"]' --ttl 1h\nput uint u 7\nexit\nput str never stored\n");
    let typed = fed(&from, &[], &commands);
    assert_eq!((typed.code, typed.err.as_str()), (0, ""));

    let sorted = |kvs: &Kvs| {
        let dump = out(kvs, &["dump"]);
        let mut lines: Vec<String> = dump.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let dump = out(&from, &["dump"]);
    assert_eq!(dump.lines().count(), 705);
    let loaded = fed(&to, &["load", "-"], &dump);
    assert_eq!((loaded.code, loaded.out.as_str()), (0, "705 entries stored, 0 had expired\n"), "{}", loaded.err);
    // Time to live is counted anew, to less than a second.
    let without_times = |lines: Vec<String>| -> Vec<serde_json::Value> {
        let mut lines: Vec<serde_json::Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter_mut().for_each(|line| drop(line.as_object_mut().unwrap().remove("expires_at")));
        lines
    };
    assert_eq!(without_times(sorted(&to)), without_times(sorted(&from)));
    assert_eq!(out(&to, &["get", "float", "f"]), "0.1\n");
    assert!(!out(&to, &["get", "set", "s", "--entry"]).contains("never"));
    assert_eq!(out(&to, &["dump", "int", "--prefix", "n_69"]).lines().count(), 11);
    assert_eq!(out(&to, &["scan", "uint"]), "uint\tu\n");
    assert_eq!(out(&to, &["scan", "--limit", "20"]).lines().count(), 20);
    assert_eq!(out(&to, &["scan", "float", "--values"]), "float\tf\t0.1\n");
    assert_eq!(out(&to, &["--json", "scan", "--prefix", "n_1"]).lines().count(), 111);

    // What is wrong in the middle is told with its line; what comes before it is there, and the rest can follow.
    let lines =
        "{\"type\":\"int\",\"key\":\"a\",\"value\":1}\nnot JSON\n{\"type\":\"int\",\"key\":\"b\",\"value\":2}\n";
    let broken = fed(&to, &["load", "-"], lines);
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("line 2: ") && broken.err.contains("1 entries are stored, go on with --from 2"));
    assert_eq!(out(&to, &["get", "int", "a"]), "1\n");
    fails(&to, &["get", "int", "b"], 1, "there is no");
    assert_eq!(fed(&to, &["load", "-", "--from", "3"], lines).out, "1 entries stored, 0 had expired\n");
    assert_eq!(out(&to, &["get", "int", "b"]), "2\n");
    let past = "{\"type\":\"int\",\"key\":\"past\",\"value\":1,\"expires_at\":\"2020-01-01T00:00:00Z\"}\n";
    assert_eq!(fed(&to, &["--json", "load", "-"], past).out, "{\"expired\":1,\"stored\":0}\n");
}

#[test]
fn exit_codes_and_wrong_input() {
    let kvs = Kvs::start();
    out(&kvs, &["health"]);
    for (args, says) in [
        (&["put", "int", "k", "1.5"] as &[_], "expected an integer from -2147483648"),
        (&["put", "uint", "k", "-1"], "expected an integer from 0"),
        (&["put", "set", "k", "{}"], "expected a JSON array"),
        (&["put", "long", "k", "1"], "[possible values: int, uint, float, str, map, set]"),
        (&["put", "str", "k", "x", "--if-absent", "--if-present"], "cannot be used with"),
        (&["put", "str", "k", "@/nowhere/file"], "/nowhere/file: No such file"),
        (&["put", "str", "", "x"], "key"),
        (&["del", "str"], "expected a type and a key, or --all KEY"),
        (&["load", "/nowhere/file"], "/nowhere/file: No such file"),
        (&["fly"], "unrecognized subcommand"),
        (&["--token-file", "/nowhere/token", "health"], "/nowhere/token: No such file"),
    ] {
        fails(&kvs, args, 2, says);
    }
    fails(&kvs, &["incr", "int", "k", "9223372036854775807"], 1, "overflow");
    let json = run(&kvs, &["--json", "get", "int", "nothing"]);
    assert_eq!(json.code, 1);
    let told: serde_json::Value = serde_json::from_str(&json.err).unwrap();
    assert_eq!((&told["error"], &told["message"]), (&"missing".into(), &"there is no int \"nothing\"".into()));
    // Commands of a pipe end with the first that fails.
    let stopped = fed(&kvs, &[], "put int a 1\nget int nothing\nput int b 1\n");
    assert_eq!(stopped.code, 1);
    fails(&kvs, &["get", "int", "b"], 1, "there is no");
    assert_eq!(fed(&kvs, &[], "put str 'open").code, 2);

    let address = kvs.address.to_string();
    kvs.kill();
    let gone: Run = program(&address).args(["get", "int", "a"]).output().unwrap().into();
    assert_eq!((gone.code, gone.out.as_str()), (3, ""), "{gone:?}");
}

/// Between the client and the server, somebody who passes on the greetings and the first request, and then hangs up.
#[test]
fn an_unknown_outcome_is_said_to_be_unknown() {
    let kvs = Kvs::start();
    let between = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, behind) = (between.local_addr().unwrap().to_string(), kvs.address);
    let relay = std::thread::spawn(move || {
        let (mut near, _) = between.accept().unwrap();
        let mut far = TcpStream::connect(behind).unwrap();
        let (mut client, mut server, mut request) = ([0; 8], [0; 16], [0; 4096]);
        near.read_exact(&mut client).unwrap();
        far.write_all(&client).unwrap();
        far.read_exact(&mut server).unwrap();
        near.write_all(&server).unwrap();
        let read = near.read(&mut request).unwrap();
        far.write_all(&request[..read]).unwrap();
        far.read_exact(&mut client).unwrap();
    });
    let cut: Run = program(&address).args(["--timeout", "10s", "put", "int", "k", "1"]).output().unwrap().into();
    relay.join().unwrap();
    assert_eq!((cut.code, cut.out.as_str()), (4, ""), "{cut:?}");
    assert!(cut.err.contains("unknown") || cut.err.contains("not known"), "{}", cut.err);
    assert_eq!(out(&kvs, &["get", "int", "k"]), "1\n", "it has happened");
}

#[test]
fn completions_a_manual_page_and_help_need_no_server() {
    let of = |args: &[&str]| -> Run { program("127.0.0.1:1").args(args).output().unwrap().into() };
    for (args, holds) in [
        (&["completions", "bash"] as &[_], "_kvs__cli()"),
        (&["man"], ".TH kvs-cli 1"),
        (&["--help"], "Exit codes: 0 done"),
        (&["put", "--help"], "--if-etag"),
    ] {
        let run = of(args);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
        assert!(run.out.contains(holds), "{args:?}: {}", run.out);
    }
    assert_eq!(of(&["health"]).code, 3);
}

#[test]
fn a_map_is_patched_in_one_step() {
    let kvs = Kvs::start();
    assert_eq!(out(&kvs, &["map", "patch", "m", r#"{"a":"1","b":"2","none":null}"#]), "2 set, 0 deleted\n");
    assert_eq!(
        fed(&kvs, &["--json", "map", "patch", "m", "-"], r#"{"a":null,"c":"3"}"#).out,
        "{\"deleted\":1,\"set\":1}\n"
    );
    assert_eq!(out(&kvs, &["get", "map", "m"]), "{\"b\":\"2\",\"c\":\"3\"}\n");
    assert_eq!(out(&kvs, &["map", "patch", "m", "{}"]), "0 set, 0 deleted\n");
    // A map of which no field stays as it was still expires.
    out(&kvs, &["put", "map", "session", r#"{"user":"ada"}"#, "--ttl", "1h"]);
    out(&kvs, &["map", "patch", "session", r#"{"name":"Ada","user":null}"#]);
    assert!(!out(&kvs, &["get", "map", "session", "--entry"]).contains("never"));
    fails(&kvs, &["map", "patch", "m", "{\"b\":null}", "--if-absent"], 1, "the condition does not hold");
    for wrong in ["", "[]", r#"{"a":1}"#, r#"{"a":{"b":"c"}}"#] {
        fails(&kvs, &["map", "patch", "m", wrong], 2, "expected a JSON object of strings and nulls");
    }
    assert_eq!(out(&kvs, &["get", "map", "m"]), "{\"b\":\"2\",\"c\":\"3\"}\n");
}

#[test]
fn facts_about_entries() {
    let kvs = Kvs::start();
    for (ty, value, fact) in [
        ("int", "-42", "value    -42"),
        ("str", "äb", "bytes    3"),
        ("map", r#"{"a":"1","b":"2"}"#, "fields   2"),
        ("set", r#"["a"]"#, "members  1"),
    ] {
        out(&kvs, &["put", ty, "k", value, "--ttl", "1h"]);
        let stat = out(&kvs, &["stat", ty, "k"]);
        let lines: Vec<&str> = stat.lines().collect();
        assert_eq!((lines[0], lines[1]), (format!("type     {ty}").as_str(), fact));
        assert!(lines[2].starts_with("etag     ") && lines[3].starts_with("expires  2"), "{stat}");
        let facts: serde_json::Value = serde_json::from_str(&out(&kvs, &["--json", "stat", ty, "k"])).unwrap();
        let entry: serde_json::Value =
            serde_json::from_str(&out(&kvs, &["--json", "get", ty, "k", "--entry"])).unwrap();
        assert_eq!((&facts["etag"], &facts["expires_at"]), (&entry["etag"], &entry["expires_at"]));
        let (name, size) = fact.split_once(' ').unwrap();
        assert_eq!(facts[name].to_string(), size.trim());
    }
    fails(&kvs, &["stat", "str", "nothing"], 1, "there is no str \"nothing\"");
    fails(&kvs, &["stat", "str"], 2, "KEY");
}

/// The program, which asks this listener.
fn ask_operator(listener: std::net::SocketAddr, args: &[&str]) -> Run {
    let mut command = program("127.0.0.1:1");
    command.args(["--admin-addr", &listener.to_string()]).args(args).output().expect("kvs-cli can be executed").into()
}

#[test]
fn figures_and_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let log = format!("file:{}", folder.path().display());
    let ports = ["--frame-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"];
    let kvs = Kvs::with(&[&ports[..], &["--checkpoint-after", "never", "--log", &log]].concat());
    for n in 0..3 {
        out(&kvs, &["--durable", "put", "int", &n.to_string(), "1"]);
    }
    let listener = kvs.admin.unwrap();
    let figures = |args: &[&str]| -> serde_json::Value {
        let run = ask_operator(listener, args);
        assert_eq!((run.code, run.err.as_str()), (0, ""));
        serde_json::from_str(&run.out).unwrap()
    };
    let before = figures(&["--json", "stat"]);
    assert_eq!((&before["entries"]["int"], &before["log_up"]), (&3.into(), &1.into()), "{before}");
    assert!(before["version"].is_string() && before["checkpoint_base_lsn"].is_null(), "{before}");
    let last = before["log_last_lsn"].as_u64().unwrap();
    assert_eq!(before["log_durable_lsn"], last);
    let lines = ask_operator(listener, &["stat"]).out;
    assert!(lines.lines().any(|line| line == "entries.int\t3"), "{lines}");
    assert!(lines.contains(&format!("\nlog_last_lsn\t{last}\n")), "{lines}");

    let waited = ask_operator(listener, &["checkpoint", "--wait", "30s"]);
    assert_eq!((waited.code, waited.out, waited.err.as_str()), (0, format!("{last}\n"), ""));
    assert_eq!(figures(&["--json", "stat"])["checkpoint_base_lsn"], last);
    let begun = ask_operator(listener, &["--json", "checkpoint"]);
    assert_eq!((begun.code, begun.out.as_str()), (0, "{\"done\":\"a checkpoint is begun\"}\n"));
    // At the prompt, too.
    let mut command = program(&kvs.address.to_string());
    command.env("KVS_CLI_ADMIN_ADDR", listener.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut prompt = command.spawn().unwrap();
    prompt.stdin.take().unwrap().write_all(b"put int 3 1\ncheckpoint --wait 30s\nstat int 3\n").unwrap();
    let run: Run = prompt.wait_with_output().unwrap().into();
    let (base, stat) = run.out.split_once('\n').unwrap();
    assert!(run.code == 0 && base.parse::<u64>().unwrap() > last && stat.starts_with("type     int\n"), "{run:?}");

    let off = Kvs::with(&[&ports[..], &["--log", "off"]].concat());
    let refused = ask_operator(off.admin.unwrap(), &["checkpoint", "--wait", "1s"]);
    assert!(refused.code == 1 && refused.err.contains("there is no log"), "{refused:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for args in [&["stat"][..], &["checkpoint"]] {
        let run = ask_operator(nobody, args);
        assert!(run.code == 3 && run.err.contains("--admin-addr"), "{run:?}");
    }
}

#[test]
fn a_checkpoint_needs_the_scope_admin() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, scope) in [("user", "read,write"), ("operator", "admin")] {
        let args = ["token", "new", name, "--scope", scope, "--identities", &path("identities")];
        let made = server::command(&args).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        std::fs::write(path(name), made.stdout).unwrap();
    }
    let log = format!("file:{}", path("log"));
    let ports = ["--frame-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"];
    let kvs = Kvs::with(&[&ports[..], &["--identities", &path("identities"), "--log", &log]].concat());
    let with =
        |token: &str| ask_operator(kvs.admin.unwrap(), &["--token-file", &path(token), "checkpoint", "--wait", "30s"]);
    let refused = with("user");
    assert!(refused.code == 1 && refused.err.contains("scope admin"), "{refused:?}");
    assert_eq!(with("operator").code, 0);
}

#[test]
fn changes_are_printed_and_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let log = format!("file:{}", folder.path().display());
    let kvs = Kvs::with(&["--frame-addr", "127.0.0.1:0", "--admin-addr", "off", "--log", &log]);
    let follow = |args: &[&str]| {
        let printed = out(&kvs, &[&["--json", "feed", "--until-caught-up", "--values"], args].concat());
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    let begin = follow(&[]);
    assert_eq!((begin.len(), &begin[0]["op"]), (1, &"bookmark".into()));
    let begin = begin[0]["token"].as_str().unwrap();
    out(&kvs, &["put", "int", "n", "1"]);
    out(&kvs, &["map", "set", "m", "a=1", "b=2"]);
    out(&kvs, &["del", "int", "n"]);
    let all = follow(&["--after", begin]);
    let said: Vec<_> = all.iter().map(|told| (told["op"].as_str().unwrap(), told["token"].is_string())).collect();
    assert_eq!(said, [("put", true), ("patch", false), ("patch", true), ("del", true)]);
    assert_eq!((&all[0]["value"], &all[1]["patch"]), (&1.into(), &serde_json::json!({"a": "1"})));
    let rest = follow(&["--after", all[2]["token"].as_str().unwrap()]);
    assert_eq!(rest, all[3..]);
    let lines = out(&kvs, &["feed", "map", "--prefix", "m", "--values", "--after", begin, "--until-caught-up"]);
    let lines: Vec<_> = lines.lines().map(|line| line.split_once('\t').unwrap().1).collect();
    assert_eq!(lines, ["patch\tmap\tm\t{\"a\":\"1\"}", "patch\tmap\tm\t{\"b\":\"2\"}"]);
    fails(&kvs, &["feed", "--after", "nothing"], 2, "expected a token");
    let other = Kvs::start();
    fails(&other, &["feed", "--until-caught-up"], 1, "no log");
}
