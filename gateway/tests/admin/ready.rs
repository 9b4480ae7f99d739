//! Whether the server is ready, and who may ask.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Stdio};

use crate::harness::{Client, Kvs, ask_operator, eventually, field, folder, request_bytes};
use crate::txnd_server::{Certificates, Txnd};
use crate::{identities, serve};

/// The line of a check.
fn check(kvs: &Kvs, name: &str) -> String {
    let answer = kvs.operator("/readyz?verbose");
    let line = answer.text().lines().find(|line| line.contains(&format!("] {name}: ")));
    line.unwrap_or_else(|| panic!("no check {name}: {}", answer.text())).to_string()
}

fn is_ready(kvs: &Kvs) -> bool {
    let (short, verbose) = (kvs.operator("/readyz"), kvs.operator("/readyz?verbose"));
    assert_eq!(verbose.text().ends_with("\nready\n"), verbose.status == 200);
    assert!([200, 503].contains(&short.status));
    short.status == 200
}

#[test]
fn a_server_that_serves_is_ready_and_one_that_stops_is_not() {
    let (_folder, kvs) = serve(&[]);
    assert!(is_ready(&kvs));
    assert_eq!(kvs.operator("/livez").status, 200);
    for (name, words) in
        [("start", "serving"), ("log", "up; durable up to lsn 0"), ("memory", "no limit"), ("disk", "free")]
    {
        let line = check(&kvs, name);
        assert!(line.starts_with("[+]") && line.contains(words), "{line}");
    }
    assert!(check(&kvs, "connections").contains("0 of "));
    // A body that is on its way keeps the server from ending.
    let mut client = kvs.connect();
    let request = request_bytes("PUT", "str-put/k", &[], b"value");
    client.send(&request[..request.len() - 1]).expect("kvs reads");
    eventually("the request is seen", || check(&kvs, "connections").contains("1 of "));
    kvs.signal("TERM");
    eventually("it is not ready any more", || !is_ready(&kvs));
    assert!(check(&kvs, "start").starts_with("[-] start: draining"));
    assert_eq!(kvs.operator("/livez").status, 200);
    client.send(b"e").expect("kvs reads");
    assert_eq!(client.receive().expect("an answer").status, 200);
    drop(client);
    let (status, diagnostics) = kvs.wait();
    assert!(status.success(), "{diagnostics}");
}

/// A kvs that is starting; killed when dropped.
struct Starting {
    child: Child,
    admin_addr: SocketAddr,
}

impl Drop for Starting {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_server_that_waits_for_its_log_is_alive_and_not_ready() {
    let folder = folder();
    let certificates = Certificates::make();
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--wait-for-log", "60s", "--log"]);
    command.arg(format!("https://localhost:{}", nobody.port())).args(certificates.flags("kvs"));
    command.current_dir(folder.path()).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("kvs can be executed");
    let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
    let admin_addr = lines.find_map(|line| field(&line.expect("a line"), "admin_addr")?.parse().ok());
    let starting = Starting { child, admin_addr: admin_addr.expect("it listens") };
    assert_eq!(ask_operator(starting.admin_addr, "/livez").status, 200);
    let ready = ask_operator(starting.admin_addr, "/readyz?verbose");
    assert_eq!(ready.status, 503);
    assert!(ready.text().starts_with("[-] start: starting: opening the log\n"), "{}", ready.text());
    assert!(ask_operator(starting.admin_addr, "/metrics").text().contains("\nkvs_serving 0.0\n"));
}

#[test]
fn a_log_that_is_down_makes_the_server_not_ready() {
    let (storage, folder) = (folder(), folder());
    let certificates = Certificates::make();
    let sink = format!("file:{}", storage.path().display());
    let txnd = Txnd::start(&sink, &certificates);
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--log-timeout", "500ms", "--log", &txnd.url()]);
    command.args(certificates.flags("kvs")).current_dir(folder.path());
    let kvs = Kvs::try_start(&mut command).expect("kvs starts");
    assert_eq!(kvs.connect().put("str-put/k", "v").status, 200);
    assert!(is_ready(&kvs));
    let address = txnd.addr;
    txnd.kill();
    eventually("the log is down", || {
        kvs.connect().put("str-put/k", "v");
        !is_ready(&kvs)
    });
    assert!(check(&kvs, "log").starts_with("[-] log: down"), "{}", check(&kvs, "log"));
    let _txnd = Txnd::start_at(address, &sink, &certificates, &[]);
    eventually("the log is up again", || is_ready(&kvs));
    assert!(
        kvs.operator("/metrics")
            .text()
            .lines()
            .any(|line| line.starts_with("kvs_log_reconnects_total ") && !line.ends_with(" 0"))
    );
}

#[test]
fn a_fenced_server_is_not_ready() {
    let (storage, folder) = (folder(), folder());
    let certificates = Certificates::make();
    let txnd = Txnd::start(&format!("file:{}", storage.path().display()), &certificates);
    let start = |args: &[&str]| {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--log", &txnd.url()]).args(certificates.flags("kvs")).args(args);
        Kvs::try_start(command.current_dir(folder.path())).expect("kvs starts")
    };
    let before = start(&["--when-fenced", "read-only"]);
    assert!(is_ready(&before));
    let _after = start(&[]);
    eventually("it is fenced", || !is_ready(&before));
    assert!(check(&before, "log").starts_with("[-] log: fenced"), "{}", check(&before, "log"));
}

#[test]
fn what_is_nearly_full_is_a_warning() {
    let (_folder, kvs) = serve(&["--max-memory", "256KiB", "--max-connections", "10"]);
    let mut client = kvs.connect();
    let filled = (0..10_000).find(|n| client.put(&format!("str-put/{n}"), "x".repeat(1000)).status == 503);
    assert!(filled.is_some());
    assert!(check(&kvs, "memory").starts_with("[!]"), "{}", check(&kvs, "memory"));
    let _many: Vec<Client> = (0..9).map(|_| kvs.connect()).collect();
    eventually("connections are nearly used up", || check(&kvs, "connections").starts_with("[!]"));
    assert!(is_ready(&kvs), "reads and deletes still work");
}

#[test]
fn the_listener_answers_what_it_is_asked_for_and_no_web_page() {
    let (_folder, kvs) = serve(&[]);
    let addr = kvs.admin_addr.expect("it listens");
    let ask = |request: &str| Client::connect(addr).exchange(request.as_bytes());
    assert_eq!(ask("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 421);
    for host in ["localhost", "127.0.0.1:1", "[::1]:8091", "10.0.0.1"] {
        assert_eq!(ask(&format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n")).status, 200, "{host}");
    }
    assert_eq!(kvs.operator("/no-such").status, 404);
    let wrong = ask("POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD")));
    let accepts = |accept: &str| {
        let answer = ask(&format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n"));
        answer.header("content-type").expect("a type").to_string()
    };
    assert!(accepts("").starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(accepts("Accept: text/plain;version=0.0.4\r\n").starts_with("text/plain; version=0.0.4"));
    assert!(kvs.operator("/metrics").text().ends_with("# EOF\n"));
}

/// An address of this machine that is not a loopback address.
fn own_address() -> Option<IpAddr> {
    // Sends nothing: it only asks the kernel which address it would use.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[test]
fn from_other_machines_the_scope_admin_is_needed() {
    let folder = folder();
    let (file, [operator, user]) = identities(folder.path());
    let Some(address) = own_address() else { return println!("skipped: there is no other address") };
    let everywhere = format!("{address}:0");
    let open = Kvs::try_start(Kvs::program().args([
        "--log",
        "off",
        "--http-addr",
        "127.0.0.1:0",
        "--admin-addr",
        &everywhere,
    ]));
    assert!(open.is_err_and(|e| e.status.code() == Some(2) && e.diagnostics.contains("--identities")));
    let kvs = Kvs::start(&folder.path().join("log"), &["--identities", &file, "--admin-addr", &everywhere]);
    let ask = |path: &str, token: Option<&str>| {
        let header = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!("GET {path} HTTP/1.1\r\nHost: kvs.example\r\n{header}\r\n");
        Client::connect(kvs.admin_addr.expect("it listens")).exchange(request.as_bytes()).status
    };
    for path in ["/metrics", "/readyz?verbose"] {
        let statuses = [None, Some("wrong"), Some(&user[..]), Some(&operator[..])].map(|token| ask(path, token));
        assert_eq!(statuses, [401, 401, 401, 200], "{path}");
    }
    // A supervisor needs no token.
    assert_eq!((ask("/livez", None), ask("/readyz", None)), (200, 200));
}

#[test]
fn the_listener_can_be_off_and_its_default_may_be_taken() {
    let (_folder, off) = serve(&["--admin-addr", "off"]);
    assert_eq!(off.admin_addr, None);
    let _default = TcpListener::bind("127.0.0.1:8091");
    let mut command = Kvs::program();
    command.args(["--log", "off", "--http-addr", "127.0.0.1:0"]).env_remove("KVS_ADMIN_ADDR");
    let kvs = Kvs::try_start(&mut command).expect("kvs starts");
    assert_eq!(kvs.admin_addr, None);
    assert!(kvs.lines.iter().any(|line| line.contains("--admin-addr")), "{:?}", kvs.lines);
}
