//! End-to-end test of the deployment in compose.yaml: starts it, uses it, and kills its processes. It checks that what
//! was acknowledged is in PostgreSQL exactly once, that the service recovers by itself, and that nothing is exposed
//! unnecessarily.
//!
//! ```text
//!   mod.rs      the checks
//!   stack.rs    the running deployment
//!   rest.rs     a client of the REST API
//! ```

mod rest;
mod stack;

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use stack::{SERVICES, Stack};

use crate::docker::{Cleanup, engine_answers, run, wait_for};
use crate::{Failed, images};

/// Number of clients that write while processes are killed.
const WRITERS: usize = 4;

/// Acknowledged writes between two kills.
const WRITES_BETWEEN: u64 = 200;

/// Time until writes must be acknowledged again after a kill.
const RESUME_TIME: Duration = Duration::from_secs(120);

/// Builds the images, runs every check, and removes what it made, whatever happens.
pub(crate) fn test() -> Result<(), Failed> {
    if !engine_answers() {
        return Err(Failed("no Docker engine responds (docker info); start it, or get permission to use it".into()));
    }
    let project = format!("kvs-test-{}", std::process::id());
    let mut cleanup = Cleanup::new()?;
    images::kvs(&project, &mut cleanup)?;
    images::postgres(&mut cleanup)?;
    let stack = Stack::new(&project, &project, free_port()?, &mut cleanup)?;
    let result = check(&stack);
    if result.is_err() {
        let logs = stack.compose(60, &["logs", "--no-color", "--tail", "40"]);
        eprintln!("{}", logs.unwrap_or_else(|Failed(why)| why));
    }
    result
}

fn free_port() -> Result<u16, Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|e| Failed(format!("a free port: {e}")))
}

fn check(stack: &Stack) -> Result<(), Failed> {
    let step = |what: &str| eprintln!("xtask: {what}");
    step("start the deployment");
    stack.up()?;
    step("use it");
    answers(stack)?;
    step("look into the database");
    recorded(stack)?;
    step("look for what is open");
    confined(stack)?;
    secret(stack)?;
    stack.kill("kvs")?;
    remembers(stack)?;
    step("write, and kill what is written to");
    let writes = writes_under_kills(stack)?;
    exactly_once(stack, &writes)?;
    without_holes(stack)?;
    remembers(stack)?;
    step("stop and start it");
    stops_in_order(stack)?;
    stack.up()?;
    remembers(stack)?;
    step("back it up, lose the database, and restore it");
    restores(stack)?;
    step("remove it");
    stack.compose(120, &["--profile", "tools", "down", "--volumes"])?;
    expect("parts of it that are left", &stack.parts()?, "")
}

fn expect(what: &str, found: &str, expected: &str) -> Result<(), Failed> {
    match found == expected {
        true => Ok(()),
        false => Err(Failed(format!("{what}: expected {expected:?}, found {found:?}"))),
    }
}

/// One request and its expected response: the status, and the body if the status is 200.
fn ask(stack: &Stack, method: &str, path: &str, body: &str, expected: &str) -> Result<(), Failed> {
    let what = format!("{method} {path}");
    let (status, body) = stack.request(method, path, body).map_err(|e| Failed(format!("{what}: {e}")))?;
    let answer = if status == 200 { format!("200 {body}") } else { status.to_string() };
    expect(&what, &answer, expected)
}

/// Every type over REST.
fn answers(stack: &Stack) -> Result<(), Failed> {
    for (method, path, body, expected) in [
        ("PUT", "int-put/visits", "41", "200 "),
        ("PUT", "int-incr/visits", "", "200 41"),
        ("GET", "int-get/visits", "", "200 42"),
        ("GET", "int-get/none", "", "404"),
        ("PUT", "uint-put/size", "4294967295", "200 "),
        ("PUT", "float-put/pi", "3.25", "200 "),
        ("PUT", "str-put/name", "Ada\\\tLovelace \u{1f5a5}", "200 "),
        ("PUT", "map-put/user", r#"{"name":"Ada"}"#, "200 "),
        ("PUT", "map-set/user/born", "1815", "200 "),
        ("PUT", "set-put/langs", r#"["rust","go"]"#, "200 "),
        ("PUT", "set-add/langs", r#"["python","go"]"#, "200 1"),
        ("PUT", "int-put/gone", "1", "200 "),
        ("DELETE", "int-del/gone", "", "200 "),
    ] {
        ask(stack, method, path, body, expected)?;
    }
    Ok(())
}

/// Checks that what `answers` wrote is there.
fn remembers(stack: &Stack) -> Result<(), Failed> {
    for (path, expected) in [
        ("int-get/visits", "200 42"),
        ("uint-get/size", "200 4294967295"),
        ("float-get/pi", "200 3.25"),
        ("str-get/name", "200 Ada\\\tLovelace \u{1f5a5}"),
        ("map-get/user", r#"200 {"born":"1815","name":"Ada"}"#),
        ("set-get/langs", r#"200 ["go","python","rust"]"#),
        ("int-get/gone", "404"),
    ] {
        ask(stack, "GET", path, "", expected)?;
    }
    Ok(())
}

/// Checks the rows from the requests of `answers`, including reads, because the deployment records everything.
fn recorded(stack: &Stack) -> Result<(), Failed> {
    let history = |transactions: &str, keys: &str, key: &str| {
        format!(
            "SELECT string_agg(concat_ws(' ', transaction_type, value), ', ' ORDER BY t.id) \
             FROM {transactions} t JOIN {keys} k ON k.id = t.key_id WHERE k.key = '{key}'"
        )
    };
    for (query, expected) in [
        (history("integer_transactions", "int_keys", "visits"), "put 41, incr 42, get"),
        (history("integer_transactions", "int_keys", "gone"), "put 1, del"),
        (history("uint_transactions", "uint_keys", "size"), "put 4294967295"),
        (history("float_transactions", "float_keys", "pi"), "put 3.25"),
        (history("string_transactions", "string_keys", "name"), "put Ada\\\tLovelace \u{1f5a5}"),
        ("SELECT value FROM current_map WHERE key = 'user'".into(), r#"{"born": "1815", "name": "Ada"}"#),
        ("SELECT value FROM current_set WHERE key = 'langs'".into(), "{go,python,rust}"),
    ] {
        // Responses do not wait for the record of a read to become durable.
        let right = || stack.sql(&query).is_ok_and(|rows| rows == expected).then_some(());
        if wait_for(expected, Duration::from_secs(20), right).is_err() {
            expect(&query, &stack.sql(&query)?, expected)?;
        }
    }
    Ok(())
}

/// No process is root, may become root, or can change its file system; one port is open, to this machine only; the
/// clients' network does not reach the database.
fn confined(stack: &Stack) -> Result<(), Failed> {
    for service in SERVICES {
        let user = stack.exec(service, &["stat", "--format=%u", "/proc/1"])?;
        if user == "0" {
            return Err(Failed(format!("{service} runs as root")));
        }
        expect(
            &format!("file systems of {service}"),
            &stack.inspect(service, "{{.HostConfig.ReadonlyRootfs}}")?,
            "true",
        )?;
        if stack.exec(service, &["sh", "-c", ": > /file"]).is_ok() {
            return Err(Failed(format!("{service} can write to its file system")));
        }
        let status = stack.exec(service, &["sh", "-c", "grep -E '^(CapBnd|CapEff|NoNewPrivs):' /proc/1/status"])?;
        let status: Vec<_> = status.split_whitespace().collect();
        let none = "0000000000000000";
        expect(service, &status.join(" "), &format!("CapEff: {none} CapBnd: {none} NoNewPrivs: 1"))?;
        let ports = stack.inspect(
            service,
            "{{range $port, $bound := .NetworkSettings.Ports}}{{range $bound}}{{$port}}={{.HostIp}}:{{.HostPort}} {{end}}{{end}}",
        )?;
        let expected = if service == "kvs" { format!("8080/tcp=127.0.0.1:{}", stack.port) } else { String::new() };
        expect(&format!("published ports of {service}"), ports.trim_end(), &expected)?;
    }
    match stack.exec("kvs", &["getent", "hosts", "postgres"]) {
        Ok(address) => Err(Failed(format!("kvs sees postgres: {address}"))),
        Err(_) => Ok(()),
    }
}

/// Neither the image nor the environment of a container contains a password or a key.
fn secret(stack: &Stack) -> Result<(), Failed> {
    let passwords = stack.exec("postgres", &["sh", "-c", "cat \"$POSTGRES_PASSWORD_FILE\""])?;
    let pgpass = stack.exec("txnd", &["sh", "-c", "cat \"$PGPASSFILE\""])?;
    let secrets = [passwords.trim(), pgpass.rsplit(':').next().unwrap_or_default(), "PRIVATE KEY"];
    if secrets.iter().any(|secret| secret.len() < 8) {
        return Err(Failed("there is no password".into()));
    }
    for service in SERVICES {
        let image = stack.inspect(service, "{{.Image}}")?;
        let history = run(20, &["docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}", &image])?;
        let seen = history + &stack.inspect(service, "{{json .Config}}")?;
        if secrets.iter().any(|secret| seen.contains(secret)) {
            return Err(Failed(format!("the image or the configuration of {service} holds a secret")));
        }
    }
    Ok(())
}

/// The outcome of one write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Acknowledged,
    Refused,
    /// There was no response.
    Unknown,
}

/// Writes by several clients, each to its own key, while txnd and PostgreSQL are killed.
fn writes_under_kills(stack: &Stack) -> Result<HashMap<String, Outcome>, Failed> {
    let writes = Mutex::new(HashMap::new());
    let acknowledged = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let writer = |writer: usize| {
        for n in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let key = format!("w{writer}_{n}");
            let outcome = match stack.request("PUT", &format!("int-put/{key}"), &n.to_string()) {
                Ok((200, _)) => Outcome::Acknowledged,
                Ok(_) => Outcome::Refused,
                Err(_) => Outcome::Unknown,
            };
            writes.lock().unwrap().insert(key, outcome);
            match outcome {
                Outcome::Acknowledged => _ = acknowledged.fetch_add(1, Ordering::Relaxed),
                _ => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    };
    let more = || {
        let goal = acknowledged.load(Ordering::Relaxed) + WRITES_BETWEEN;
        wait_for("acknowledged writes", RESUME_TIME, || (acknowledged.load(Ordering::Relaxed) >= goal).then_some(()))
    };
    std::thread::scope(|scope| {
        let writer = &writer;
        for number in 0..WRITERS {
            scope.spawn(move || writer(number));
        }
        let result = more()
            .and_then(|()| stack.kill("txnd"))
            .and_then(|()| more())
            .and_then(|()| stack.kill("postgres"))
            .and_then(|()| more())
            .and_then(|()| stack.kill("kvs"))
            .and_then(|()| more());
        stop.store(true, Ordering::Relaxed);
        result
    })?;
    writes.into_inner().map_err(|_| Failed("a writer panicked".into()))
}

/// The log has no gaps, and no lsn beyond its end.
fn without_holes(stack: &Stack) -> Result<(), Failed> {
    let tables = ["integer", "uint", "float", "string", "map", "set", "key"];
    let ids = tables.map(|table| format!("SELECT id FROM {table}_transactions")).join(" UNION ");
    let query = format!(
        "SELECT lsn - count(id), lsn - max(id) FROM ({ids}) log, (SELECT max(lsn) AS lsn FROM group_ends) stored GROUP BY lsn"
    );
    expect("missing and last transactions of the log", &stack.sql(&query)?, "0|0")
}

/// Acknowledged writes are in PostgreSQL once, rejected ones not at all, those without a response at most once; and kvs
/// has the same values as PostgreSQL.
fn exactly_once(stack: &Stack, writes: &HashMap<String, Outcome>) -> Result<(), Failed> {
    let rows = stack.sql(
        "SELECT k.key, count(*) FROM integer_transactions t JOIN int_keys k ON k.id = t.key_id \
         WHERE k.key ~ '^w[0-9]+_' AND transaction_type = 'put' GROUP BY k.key",
    )?;
    let stored: HashMap<&str, &str> = rows.lines().filter_map(|row| row.split_once('|')).collect();
    let mut counts = [0; 3];
    for (key, outcome) in writes {
        counts[*outcome as usize] += 1;
        let times = stored.get(key.as_str()).copied().unwrap_or("0");
        let right = match outcome {
            Outcome::Acknowledged => times == "1",
            Outcome::Refused => times == "0",
            Outcome::Unknown => times == "0" || times == "1",
        };
        if !right {
            let what = ["acknowledged", "refused", "not answered"][*outcome as usize];
            return Err(Failed(format!("{key} was {what} and is {times} times in PostgreSQL")));
        }
        let value = key.rsplit('_').next().unwrap_or_default();
        let answer = if times == "1" { format!("200 {value}") } else { "404".to_owned() };
        ask(stack, "GET", &format!("int-get/{key}"), "", &answer)?;
    }
    let [acknowledged, refused, unknown] = counts;
    eprintln!("xtask: {acknowledged} writes acknowledged, {refused} rejected, {unknown} without a response");
    Ok(())
}

/// What was backed up comes back in a new database.
fn restores(stack: &Stack) -> Result<(), Failed> {
    let tool = |args: &[&str]| stack.compose(200, &[&["run", "--rm", "-T", "backup"], args].concat());
    let backup = tool(&[])?;
    eprintln!("{backup}");
    ask(stack, "PUT", "int-put/later", "1", "200 ")?;
    tool(&[])?;
    ask(stack, "PUT", "int-put/lost", "1", "200 ")?;
    let verified = tool(&["kvs", "backup", "verify", "/backup"])?;
    if !verified.contains("all right") {
        return Err(Failed(format!("a backup that cannot be verified: {verified}")));
    }
    stack.compose(200, &["down"])?;
    stack.remove_volume("postgres-data")?;
    eprintln!("{}", tool(&["kvs", "restore", "/backup", "--to", "https://txnd:5051"])?);
    stack.up()?;
    remembers(stack)?;
    ask(stack, "GET", "int-get/later", "", "200 1")?;
    ask(stack, "GET", "int-get/lost", "", "404")?;
    ask(stack, "PUT", "int-incr/later", "", "200 1")?;
    expect(
        "the restored present state",
        &stack.sql("SELECT value FROM current_set WHERE key = 'langs'")?,
        "{go,python,rust}",
    )?;
    expect("what came after it", &stack.sql("SELECT value FROM current_int WHERE key = 'later'")?, "2")
}

/// SIGTERM ends every service cleanly.
fn stops_in_order(stack: &Stack) -> Result<(), Failed> {
    stack.compose(200, &["stop"])?;
    for service in SERVICES {
        expect(&format!("exit code of {service}"), &stack.inspect(service, "{{.State.ExitCode}}")?, "0")?;
    }
    Ok(())
}
