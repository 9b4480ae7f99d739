//! The loadtest program against real servers, for moments.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(20);

/// kvs beside the loadtest program; built if nobody has done so yet. (`cargo test --workspace` brings it up to date,
/// because the tests of gateway need it, too.)
fn kvs() -> &'static Path {
    static KVS: OnceLock<PathBuf> = OnceLock::new();
    KVS.get_or_init(|| {
        let loadtest = Path::new(env!("CARGO_BIN_EXE_loadtest"));
        let kvs = loadtest.with_file_name("kvs");
        if !kvs.is_file() {
            let folder = loadtest.parent().unwrap();
            let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.args(["build", "--package", "gateway", "--target-dir"]).arg(folder.parent().unwrap());
            if folder.file_name().unwrap() == "release" {
                command.arg("--release");
            }
            assert!(command.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success(), "kvs can be built");
        }
        kvs
    })
}

fn loadtest(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(args).env("LOADTEST_KVS", kvs()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Short, with few entries.
const SHORT: [&str; 8] = ["--keys", "20000", "--duration", "400ms", "--warmup", "50ms", "--connections", "4"];

fn output(command: &mut Command) -> Output {
    command.output().expect("loadtest can be executed")
}

/// Runs it; returns what the JSON says, after it has ended with `code`.
fn run(code: i32, args: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("result.json");
    let output = output(loadtest(&SHORT).args(args).arg("--json").arg(&file));
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{said}");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).expect("the file is JSON")
}

/// Checks what holds for every good run.
fn sane(report: &Value) {
    let result = &report["result"];
    assert!(result["answers"].as_u64().unwrap() > 0, "{result}");
    let (seconds, rate) = (result["seconds"].as_f64().unwrap(), result["throughput"].as_f64().unwrap());
    assert!((0.3..5.0).contains(&seconds), "{result}");
    assert!((rate * seconds / result["answers"].as_f64().unwrap() - 1.0).abs() < 1e-6);
    let latency = |name: &str| result["latency_us"][name].as_f64().unwrap();
    let order = ["p50", "p90", "p99", "p99.9", "p99.99"].map(latency);
    assert!(order.is_sorted() && order[0] > 0.0 && order[4] <= latency("max"), "{order:?}");
    for error in ["refused", "wrong", "lost"] {
        assert_eq!(result["errors"][error], 0, "{result}");
    }
    assert!(!report["timeline"].as_array().unwrap().is_empty());
    assert!(report["host"]["cpu"].is_string() && report["settings"]["seed"].is_u64());
}

#[test]
fn frames_in_a_closed_loop() {
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("report.html");
    let report = run(0, &["--mix", "50", "--distribution", "zipf", "--html", html.to_str().unwrap()]);
    sane(&report);
    assert_eq!(report["result"]["misses"], 0);
    assert!(report["server"].as_str().unwrap().starts_with("kvs "));
    assert!(report["result"]["server_cpu_seconds"].as_f64().unwrap() >= 0.0);
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(
        !page.contains("http://") && !page.contains("https://") && !page.contains("<script"),
        "it needs nothing else"
    );
    assert!(!page.contains("NaN") && !page.contains("inf,"));
}

#[test]
fn frames_in_an_open_loop() {
    let report = run(0, &["--rate", "2000", "--value", "str", "--value-bytes", "100"]);
    sane(&report);
    let rate = report["result"]["throughput"].as_f64().unwrap();
    assert!((1000.0..3000.0).contains(&rate), "{rate}");
}

#[test]
fn rest() {
    sane(&run(0, &["--start", "rest", "--mix", "50"]));
}

#[test]
fn growth_stores_each_entry_once() {
    let report = run(0, &["--grow", "--duration", "20s"]);
    assert_eq!(report["result"]["answers"], 20_000);
    assert!(report["memory"]["entries"] == 20_000 && report["memory_bytes_per_entry"].is_f64());
}

#[test]
fn misses_are_errors_only_if_everything_was_stored() {
    let report = run(0, &["--preload", "off", "--mix", "100"]);
    assert_eq!(report["result"]["misses"], report["result"]["answers"]);
}

#[test]
fn a_write_that_cannot_be_made_is_an_error() {
    // Nothing fits: storing ahead says why and ends.
    let refused = output(loadtest(&SHORT).args(["--log", "file:/proc/no-such-folder"]));
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("kvs did not start"), "{said}");
}

#[test]
fn a_target_that_is_not_there() {
    let refused = output(loadtest(&["--target", "frames://127.0.0.1:1"]).env_remove("LOADTEST_KVS"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cannot connect to frames://127.0.0.1:1"));
}

#[test]
fn peers() {
    for (peer, program) in
        [("redis", "redis-server"), ("memcached", "memcached"), ("nginx", "nginx"), ("webdis", "webdis")]
    {
        if !["/usr/bin", "/usr/sbin", "/usr/local/bin"].iter().any(|folder| Path::new(folder).join(program).is_file()) {
            println!("skipped: {program} is not installed");
            continue;
        }
        let report = run(0, &["--start", peer, "--mix", "50"]);
        sane(&report);
        assert_eq!(report["result"]["misses"], 0, "{peer}");
        if peer == "redis" {
            sane(&run(0, &["--start", peer, "--rate", "2000", "--value", "str"]));
        }
    }
}

#[test]
fn a_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let (json, html) = (folder.path().join("c.json"), folder.path().join("c.html"));
    let (svg, again) = (folder.path().join("c.svg"), folder.path().join("again.svg"));
    let mut command = loadtest(&["compare", "--quick", "--seconds", "0.4", "memory of an int", "depth 16, 2 workers"]);
    let output = output(command.arg("--json").arg(&json).arg("--html").arg(&html).arg("--svg").arg(&svg));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let comparison: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    let rows = comparison["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row["kvs"]["rounds"].as_array().unwrap().len() <= 1));
    assert!(std::fs::read_to_string(html).unwrap().contains("memory of an int"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("goals reached"));
    draw(&json, &again);
    assert_eq!(
        std::fs::read_to_string(svg).unwrap(),
        std::fs::read_to_string(again).unwrap(),
        "nothing is lost in the JSON"
    );
}

fn draw(results: &Path, svg: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let drawn = output(command.arg("draw").arg(results).arg("--svg").arg(svg));
    assert_eq!(drawn.status.code(), Some(0), "{}", String::from_utf8_lossy(&drawn.stderr));
}

#[test]
fn the_picture_in_the_docs_is_that_of_the_results_that_are_kept() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (results, drawn) = (root.join("bench/results/compare.json"), folder.path().join("drawn.svg"));
    draw(&results, &drawn);
    let [kept, drawn] = [root.join("docs/comparison.svg"), drawn].map(|file| std::fs::read_to_string(file).unwrap());
    assert!(
        kept == drawn,
        "draw it again: cargo run -p loadtest -- draw bench/results/compare.json --svg docs/comparison.svg"
    );
    let document = roxmltree::Document::parse(&kept).unwrap();
    let results: Value = serde_json::from_str(&std::fs::read_to_string(results).unwrap()).unwrap();
    let drawn: Vec<&str> =
        document.descendants().filter(|node| node.has_tag_name("title")).filter_map(|node| node.text()).collect();
    let missing = results["rows"].as_array().unwrap().iter().map(|row| row["cell"]["name"].as_str().unwrap());
    let missing: Vec<&str> = missing.filter(|name| !drawn.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_is_no_result_is_not_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.json");
    std::fs::write(&file, "{}").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let refused = output(command.arg("draw").arg(&file).arg("--svg").arg(folder.path().join("x.svg")));
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("results.json") && said.contains("compare --json"), "{said}");
}

fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let behind_name =
            stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().nth(1) == Some(&parent.to_string()));
        behind_name.unwrap_or_default()
    })
    .collect()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !done() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether this is a process that runs: neither gone nor waiting for its parent to notice its end.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| !fields.trim_start().starts_with('Z'))
}

fn is_kvs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "kvs")
}

/// Starts a long run and returns it together with its server.
fn long_run() -> (std::process::Child, u32) {
    let child = loadtest(&["--keys", "1000", "--duration", "60s"]).spawn().unwrap();
    let mut server = None;
    wait_until("a server", || {
        server = children(child.id()).into_iter().find(|pid| is_kvs(*pid));
        server.is_some()
    });
    (child, server.unwrap())
}

#[test]
fn the_server_ends_with_a_harness_that_is_killed() {
    let (mut child, server) = long_run();
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the server's end", || !runs(server));
}

#[test]
fn a_signal_ends_a_run_in_order() {
    let (child, server) = long_run();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!runs(server));
}
