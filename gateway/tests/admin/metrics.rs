//! Metrics are right, documented, and used by dashboard and alerts as they are.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

use proto::ValueType;

use crate::frame_client::{FrameClient, auth, get, incr, multi_get, put_str};
use crate::harness::{Kvs, ask_operator, eventually, field, folder};
use crate::txnd_server::{Certificates, Txnd};
use crate::{repository, serve};

/// The value of a sample; 0 if it is absent.
fn value(kvs: &Kvs, sample: &str) -> f64 {
    let scraped = kvs.operator("/metrics");
    let found = scraped.text().lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().expect("a number"))
}

/// The names that the server exports, as samples have them.
fn exported(scraped: &str) -> BTreeSet<String> {
    let types = scraped.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, ty)| if ty == "counter" { format!("{name}_total") } else { name.into() }).collect()
}

/// The names that docs/operations.md lists: those that both programs have, and those of one.
fn documented(program: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(repository("docs/operations.md")).expect("the document");
    let names = |section: &str| {
        let (_, section) = text.split_once(&format!("\n### {section}\n")).expect("the section");
        let section = section.split("\n#").next().expect("the section");
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let quoted =
            rows.flat_map(|line| line.split('|').nth(1).expect("the first column").split('`').skip(1).step_by(2));
        quoted.map(|name| name.split('{').next().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    [names("Of kvs and txnd"), names(&format!("Of {program} alone"))].concat().into_iter().collect()
}

#[test]
fn requests_are_counted_by_protocol_operation_type_and_result() {
    let (_folder, kvs) = serve(&[]);
    // Over several connections, so that more than one worker counts.
    for n in 0..20 {
        let mut client = kvs.connect();
        assert_eq!(client.put(&format!("int-put/{n}"), "1").status, 200);
        assert_eq!(client.get(&format!("int-get/{n}")).status, 200);
        assert_eq!(client.get(&format!("str-get/{n}")).status, 404);
        let mut client = FrameClient::connect(kvs.frame_addr);
        client.send(&[put_str(1, &n.to_string(), "x"), incr(2, &n.to_string())].concat()).expect("kvs reads");
        client.send(&multi_get(3, [(ValueType::Str, "0"), (ValueType::Str, "none")])).expect("kvs reads");
        for _ in 0..3 {
            client.receive().expect("a reply");
        }
    }
    let count = |protocol: &str, operation: &str, ty: &str, result: &str| {
        let labels = format!(r#"protocol="{protocol}",operation="{operation}",type="{ty}",result="{result}""#);
        value(&kvs, &format!("kvs_requests_total{{{labels}}}"))
    };
    assert_eq!(count("rest", "put", "int", "ok"), 20.0);
    assert_eq!(count("rest", "get", "int", "ok"), 20.0);
    assert_eq!(count("rest", "get", "str", "missing"), 20.0);
    assert_eq!(count("frames", "put", "str", "ok"), 20.0);
    assert_eq!(count("frames", "incr", "int", "ok"), 20.0);
    assert_eq!((count("frames", "get", "str", "ok"), count("frames", "get", "str", "missing")), (20.0, 20.0));
    let duration = |protocol: &str, waited: &str, what: &str| {
        let labels = format!(r#"protocol="{protocol}",waited_for_log="{waited}""#);
        value(&kvs, &format!("kvs_request_duration_seconds_{what}{{{labels}}}"))
    };
    assert_eq!((duration("rest", "yes", "count"), duration("rest", "no", "count")), (20.0, 40.0));
    assert_eq!(duration("frames", "yes", "count") + duration("frames", "no", "count"), 60.0);
    assert!(duration("rest", "yes", "sum") > 0.0 && duration("rest", "yes", "sum") < 30.0);
    assert_eq!(value(&kvs, r#"kvs_connections_accepted_total{protocol="rest"}"#), 20.0);
    eventually("connections have ended", || {
        ["rest", "frames"]
            .iter()
            .all(|protocol| value(&kvs, &format!("kvs_connections{{protocol=\"{protocol}\"}}")) == 0.0)
    });
    assert_eq!(value(&kvs, r#"kvs_entries{type="int"}"#), 20.0);
    assert_eq!(value(&kvs, r#"kvs_entries{type="str"}"#), 20.0);
    assert!(value(&kvs, r#"kvs_memory_bytes{type="int"}"#) > 0.0);
    assert_eq!(value(&kvs, r#"kvs_memory_bytes{type="map"}"#), 0.0);
    assert!(value(&kvs, "kvs_log_durable_after_seconds_count") >= 1.0);
    assert_eq!(value(&kvs, "kvs_log_durable_lsn"), value(&kvs, "kvs_log_last_lsn"));
    assert_eq!((value(&kvs, "kvs_log_pending_bytes"), value(&kvs, "kvs_log_lag_seconds")), (0.0, 0.0));
}

#[test]
fn refusals_are_counted_by_reason() {
    let secrets = folder();
    let file = secrets.path().join("token");
    std::fs::write(&file, "secret\n").expect("a file");
    let (_folder, kvs) = serve(&["--token-file", file.to_str().expect("a path"), "--max-memory", "4KiB"]);
    let refused = |protocol: &str, reason: &str| {
        value(&kvs, &format!(r#"kvs_refusals_total{{protocol="{protocol}",reason="{reason}"}}"#))
    };
    let put = |token: &str, value: &[u8]| {
        let headers = [("Authorization", format!("Bearer {token}"))];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        kvs.connect().exchange(&crate::harness::request_bytes("PUT", "str-put/k", &headers, value)).status
    };
    assert_eq!((put("wrong", b"x"), put("secret", &[b'x'; 10_000])), (401, 503));
    assert_eq!((refused("rest", "unauthenticated"), refused("rest", "memory")), (1.0, 1.0));
    assert_eq!(value(&kvs, "kvs_auth_failures_total"), 1.0);
    let mut client = FrameClient::connect(kvs.frame_addr);
    client.exchange(&auth(1, "secret"));
    client.exchange(&put_str(2, "k", &"x".repeat(10_000)));
    client.exchange(&get(3, ValueType::Str, "k"));
    client.exchange(&auth(4, "wrong"));
    assert_eq!((refused("frames", "unauthenticated"), refused("frames", "memory")), (1.0, 1.0));
    assert_eq!(value(&kvs, "kvs_memory_limit_bytes"), 4096.0);
}

#[test]
fn what_is_exported_is_documented_and_used() {
    let log = folder();
    let log = log.path().join("access.log");
    let access_log = ["--access-log", log.to_str().expect("a path")];
    let (_folder, kvs) = serve(&[&["--max-memory", "64MiB", "--checkpoint-after", "4KiB"], &access_log[..]].concat());
    for n in 0..100 {
        assert_eq!(kvs.connect().put(&format!("str-put/{n}"), "x".repeat(100)).status, 200);
    }
    eventually("there is a checkpoint", || value(&kvs, r#"kvs_checkpoints_total{outcome="written"}"#) > 0.0);
    let scraped = kvs.operator("/metrics").text().to_owned();
    let exported = exported(&scraped);
    assert_eq!(exported, documented("kvs"), "docs/operations.md and {scraped}");
    for file in ["docs/grafana.json", "docs/alerts.yml"] {
        let text = std::fs::read_to_string(repository(file)).expect("the file");
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let names: BTreeSet<&str> = text
            .split(|c| !is_part(c))
            .filter(|word| word.starts_with("kvs_") || word.starts_with("process_"))
            .collect();
        assert!(names.len() > 5, "{file}");
        for name in names {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(exported.contains(name) || exported.contains(base), "{file}: {name} is not exported");
        }
    }
    let dashboard = std::fs::read(repository("docs/grafana.json")).expect("the file");
    let dashboard: serde_json::Value = serde_json::from_slice(&dashboard).expect("JSON");
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() > 8));
}

/// Lines that say what the metric is, and the bounds of its buckets if it has any.
fn form(scraped: &str, name: &str) -> Vec<String> {
    let base = name.strip_suffix("_total").unwrap_or(name);
    let described = scraped.lines().filter(|line| {
        ["# HELP ", "# TYPE ", "# UNIT "]
            .iter()
            .any(|what| line.strip_prefix(what).is_some_and(|line| line.split(' ').next() == Some(base)))
    });
    let bounds =
        scraped.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix("_bucket{")?.split('}').next());
    described.chain(bounds).map(ToOwned::to_owned).collect()
}

#[test]
fn kvs_and_txnd_tell_the_same_by_the_same_names() {
    let (storage, folder) = (folder(), folder());
    let certificates = Certificates::make();
    let sink = format!("file:{}", storage.path().display());
    let any = ([127, 0, 0, 1], 0).into();
    let txnd = Txnd::start_at(any, &sink, &certificates, &["--admin-addr", "127.0.0.1:0"]);
    let line = txnd.says(&["serving health and metrics"]);
    let txnd_admin = field(&line, "admin_addr").and_then(|addr| addr.parse().ok()).expect("an address");
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--log", &txnd.url()]).args(certificates.flags("kvs"));
    let kvs = Kvs::try_start(command.current_dir(folder.path())).expect("kvs starts");
    for n in 0..20 {
        assert_eq!(kvs.connect().put(&format!("str-put/{n}"), "x").status, 200);
    }
    TcpStream::connect(txnd.addr)
        .and_then(|mut stream| stream.write_all(b"GET / HTTP/1.1\r\n\r\n"))
        .expect("txnd reads");
    txnd.says(&["it does not speak TLS"]);
    let of_txnd = ask_operator(txnd_admin, "/metrics").text().to_owned();
    assert_eq!(exported(&of_txnd), documented("txnd"), "docs/operations.md and {of_txnd}");
    let of_kvs = kvs.operator("/metrics").text().to_owned();
    let (ours, theirs) = (exported(&of_kvs), exported(&of_txnd));
    let both: Vec<_> = ours.intersection(&theirs).collect();
    assert!(both.len() > 16, "{both:?}");
    for name in both {
        assert_eq!(form(&of_kvs, name), form(&of_txnd, name), "{name}");
    }
    let of = |scraped: &str, sample: &str| {
        let found = scraped.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{sample} is not in {scraped}")).parse::<f64>().expect("a number")
    };
    for sample in ["kvs_log_up", "kvs_log_epoch", "kvs_log_last_lsn", "kvs_log_durable_lsn", "kvs_log_pending_bytes"] {
        assert_eq!(of(&of_kvs, sample), of(&of_txnd, sample), "{sample}");
    }
    assert_eq!((of(&of_txnd, "kvs_log_durable_lsn"), of(&of_txnd, "kvs_log_lag_seconds")), (20.0, 0.0));
    assert!(of(&of_txnd, "kvs_log_durable_after_seconds_count") >= 1.0);
    assert_eq!(of(&of_txnd, r#"kvs_connections{protocol="grpc"}"#), 1.0);
}

#[test]
fn slow_requests_are_logged() {
    // Every one is slow.
    let (_folder, kvs) = serve(&["--slow-request", "1us"]);
    assert_eq!(kvs.connect().put("str-put/slow", "v").status, 200);
    let line = kvs.says(&["a slow request"]);
    assert!(line.contains("/kvs/v1-0-0/str-put/slow") && line.contains("127.0.0.1") && line.contains("PUT"), "{line}");
    FrameClient::connect(kvs.frame_addr).exchange(&put_str(1, "k", "v"));
    assert!(kvs.says(&["slow requests over frames"]).contains("\"requests\":1"));
    let (_other, fast) = serve(&["--slow-request", "20s"]);
    assert_eq!(fast.connect().put("str-put/fast", "v").status, 200);
    let (_, diagnostics) = fast.stop();
    assert!(!diagnostics.contains("slow"), "{diagnostics}");
}

/// The tool that comes with Prometheus, if it is here.
#[test]
fn prometheus_takes_metrics_and_alerts() {
    let promtool = |args: &[&str]| Command::new("promtool").args(args).output();
    if promtool(&["--version"]).is_err() {
        return println!("skipped: there is no promtool (Debian's package prometheus has it)");
    }
    let rules = repository("docs/alerts.yml");
    let checked = promtool(&["check", "rules", rules.to_str().expect("a path")]).expect("it can be executed");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let (_folder, kvs) = serve(&[]);
    assert_eq!(kvs.connect().put("str-put/k", "v").status, 200);
    let addr = kvs.admin_addr.expect("it listens");
    let metrics = crate::harness::Client::connect(addr)
        .exchange(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n");
    let mut lint = Command::new("promtool");
    lint.args(["check", "metrics"]).stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut lint = lint.spawn().expect("it can be executed");
    lint.stdin.take().expect("stdin is piped").write_all(&metrics.body).expect("it reads");
    let said = lint.wait_with_output().expect("it ends");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}
