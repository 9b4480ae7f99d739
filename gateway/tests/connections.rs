//! Many clients, slow clients, rude clients; the start and the end of the server.

mod harness;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use harness::{BASE, Client, DEADLINE, Kvs, eventually, folder, request_bytes, room_for_connections};

/// How much later than its deadline a client may be cut off: the reaper's tick, and a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// Longest time that an undisturbed request may take on a busy machine.
const PROMPT: Duration = Duration::from_secs(2);

#[test]
fn increments_of_many_connections_are_all_counted_once() {
    const CONNECTIONS: usize = 64;
    const INCREMENTS: u32 = 100_000;
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--durability", "sync"]);
    let tickets = AtomicU32::new(0);
    let work = || {
        let mut client = kvs.connect();
        let mut seen = Vec::new();
        while tickets.fetch_add(1, Ordering::Relaxed) < INCREMENTS {
            seen.push(client.put("int-incr/n", "").text().parse::<u32>().expect("the value before"));
        }
        seen
    };
    let mut seen: Vec<u32> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("every increment is answered")).collect()
    });
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..INCREMENTS), "every value was answered to exactly one increment");
    assert_eq!(kvs.connect().get("int-get/n").text(), INCREMENTS.to_string());
    kvs.kill();

    let kvs = Kvs::start(folder.path(), &[]);
    assert_eq!(kvs.connect().get("int-get/n").text(), INCREMENTS.to_string(), "after kill -9");
}

#[test]
fn ten_thousand_idle_connections_are_held_while_others_are_served() {
    let connections = room_for_connections(10_000);
    println!("{connections} connections");
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let before = kvs.resident_bytes();
    let idle: Vec<TcpStream> = (0..connections)
        .map(|n| TcpStream::connect(kvs.addr).unwrap_or_else(|e| panic!("connection {n}: {e}")))
        .collect();
    // Nobody is kept who has never asked anything.
    for mut stream in &idle {
        stream.write_all(&request_bytes("POST", "hello", &[], b"")).expect("it is open");
    }
    for stream in &idle {
        let mut client = Client::on(stream.try_clone().expect("a socket can be cloned"));
        assert_eq!(client.receive().expect("an answer").status, 200);
    }
    let mut client = kvs.connect();
    for n in 0..200 {
        let began = Instant::now();
        assert_eq!(client.put("int-incr/n", "").text(), n.to_string());
        assert!(began.elapsed() < PROMPT, "a request took {:?}", began.elapsed());
    }
    let each = kvs.resident_bytes().saturating_sub(before) / connections;
    assert!(each < 32 << 10, "{each} bytes for each connection");

    // They are held, not just accepted: each still answers.
    for mut stream in idle.into_iter().step_by(100) {
        stream.set_read_timeout(Some(DEADLINE)).expect("a TCP socket");
        stream.write_all(&request_bytes("POST", "hello", &[("Connection", "close")], b"")).expect("it is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is answered");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

/// A client that sends some of its bytes at once and the others one by one, with a pause behind each.
struct Dripping {
    who: &'static str,
    at_once: Vec<u8>,
    /// How many requests are complete in `at_once`.
    complete: usize,
    one_by_one: Vec<u8>,
    /// What it is told before the connection is closed.
    told: Option<u16>,
}

impl Dripping {
    /// Sends until the server closes the connection; returns how long it took since the last complete request.
    fn until_cut_off(&self, addr: SocketAddr, pause: Duration) -> Duration {
        let mut client = Client::connect(addr);
        client.send(&self.at_once).expect("kvs reads");
        for _ in 0..self.complete {
            assert_eq!(client.receive().expect("an answer to a complete request").status, 200);
        }
        let began = Instant::now();
        client.stream.set_read_timeout(Some(pause)).expect("a TCP socket");
        for byte in &self.one_by_one {
            match client.send(&[*byte]).and_then(|()| client.receive()) {
                Err(e) if e.kind() == ErrorKind::WouldBlock || e.kind() == ErrorKind::TimedOut => {}
                Err(_) if self.told.is_none() => return began.elapsed(),
                Err(e) => panic!("slow {}: {e} without a word", self.who),
                Ok(answer) if Some(answer.status) == self.told => {
                    assert!(client.is_closed());
                    return began.elapsed();
                }
                Ok(answer) => panic!("slow {}: the request is not complete, but there is {answer:?}", self.who),
            }
        }
        panic!("slow {}: the server took {:?} of it", self.who, began.elapsed());
    }
}

#[test]
fn a_client_that_sends_too_slowly_is_cut_off_and_nobody_else_notices() {
    let timeout = Duration::from_secs(2);
    let pause = Duration::from_secs(1);
    let head = format!("PUT {BASE}/str-put/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n").into_bytes();
    let one_and_a_half = [request_bytes("POST", "hello", &[], b""), head[..20].to_vec()].concat();
    let slow = |who, at_once: &[u8], complete, one_by_one: &[u8], told| Dripping {
        who,
        at_once: at_once.into(),
        complete,
        one_by_one: one_by_one.into(),
        told,
    };
    let slow = [
        slow("in its head", b"", 0, &head, None),
        slow("before its head", b"", 0, &b"\r\n".repeat(50), None),
        slow("in a second request", &one_and_a_half, 1, &head[20..], None),
        slow("in its body", &head, 0, &[b'x'; 99], Some(408)),
    ];
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--request-timeout", "2s"]);
    let all_cut_off = AtomicBool::new(false);
    let undisturbed = || {
        let (mut client, mut served) = (kvs.connect(), 0);
        while !all_cut_off.load(Ordering::Relaxed) {
            let began = Instant::now();
            assert_eq!(client.put("int-incr/n", "").status, 200);
            assert!(began.elapsed() < PROMPT, "another client's request took {:?}", began.elapsed());
            served += 1;
        }
        served
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(undisturbed);
        let cut_off: Vec<_> = slow.iter().map(|slow| scope.spawn(|| slow.until_cut_off(kvs.addr, pause))).collect();
        let cut_off: Vec<_> = cut_off.into_iter().map(|slow| slow.join()).collect();
        all_cut_off.store(true, Ordering::Relaxed);
        for (Dripping { who, .. }, after) in slow.iter().zip(cut_off) {
            let after = after.unwrap_or_else(|_| panic!("slow {who}: not cut off"));
            assert!((timeout / 2..timeout + SLACK).contains(&after), "slow {who}: cut off after {after:?}");
        }
        let served = other.join().expect("the other client is served");
        assert!(served > 50, "{served} requests of the other client");
    });
}

#[test]
fn an_idle_connection_is_closed_after_the_idle_timeout() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--idle-timeout", "1s"]);
    let mut used = kvs.connect();
    assert_eq!(used.post("hello", "").status, 200);
    let began = Instant::now();
    for mut client in [used, kvs.connect()] {
        assert!(client.is_closed());
        let after = began.elapsed();
        assert!((Duration::from_millis(500)..Duration::from_secs(1) + SLACK).contains(&after), "after {after:?}");
    }
}

#[test]
fn a_client_that_reads_nothing_is_cut_off_and_costs_little_memory() {
    const MOST_MEMORY: u64 = 48 << 20;
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--request-timeout", "2s"]);
    let text = "x".repeat(1 << 20);
    kvs.connect().put("str-put/big", &text);
    // The text of a str is shared; the JSON of a map is made anew for each answer.
    kvs.connect().put("map-put/big", format!(r#"{{"a":"{text}"}}"#));
    let before = kvs.resident_bytes();
    let asks_and_never_reads = |path: &str| {
        let mut client = kvs.connect();
        let requests = request_bytes("GET", path, &[], b"").repeat(100);
        let began = Instant::now();
        while client.send(&requests).is_ok() {
            assert!(began.elapsed() < DEADLINE, "the server goes on reading requests");
        }
        began.elapsed()
    };
    std::thread::scope(|scope| {
        let rude = ["str-get/big", "map-get/big", "str-get/big", "map-get/big"]
            .map(|path| scope.spawn(move || asks_and_never_reads(path)));
        eventually("the clients are cut off", || {
            let used = kvs.resident_bytes().saturating_sub(before);
            assert!(used < MOST_MEMORY, "{used} bytes for four clients");
            rude.iter().all(|client| client.is_finished())
        });
        for client in rude {
            let after = client.join().expect("the client is cut off");
            assert!(after < Duration::from_secs(2) + 2 * SLACK, "after {after:?}");
        }
    });
    assert_eq!(kvs.connect().get("str-get/big").body.len(), text.len());
}

#[test]
fn one_connection_more_than_the_limit_gets_503() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--max-connections", "8"]);
    let mut clients: Vec<Client> = (0..8).map(|_| kvs.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.post("hello", "").status, 200);
    }
    for number in 0..100 {
        let mut ninth = kvs.connect();
        // Most clients send their request before they read, some in two parts, some with much behind it.
        let request = request_bytes("PUT", "str-put/a", &[], &vec![b'x'; [100, 4096, 1 << 20][number % 3]]);
        let (head, body) = request.split_at(150);
        if number % 4 > 0 {
            ninth.send(head).expect("kvs reads");
        }
        if number % 4 > 1 {
            ninth.send(body).expect("kvs reads");
        }
        let answer = ninth.receive().expect("an answer");
        answer.assert_error(503, "one connection too many");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(ninth.is_closed());
    }
    for client in &mut clients {
        assert_eq!(client.post("hello", "").status, 200, "those within the limit are served on");
    }
    clients.pop();
    eventually("there is room again", || {
        kvs.connect().try_request("POST", "hello", "").is_ok_and(|answer| answer.status == 200)
    });
}

/// Sends the head of a put of `length` bytes and waits until the server has begun with it.
fn begin_put(kvs: &Kvs, path: &str, length: usize) -> Client {
    let mut client = kvs.connect();
    let head = format!(
        "PUT {BASE}/{path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    assert_eq!(client.exchange(head.as_bytes()).status, 100);
    client
}

#[test]
fn a_stop_finishes_what_has_begun_and_closes_the_rest() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--durability", "async"]);
    let (mut idle, mut unused) = (kvs.connect(), kvs.connect());
    assert_eq!(idle.put("int-put/before", "1").status, 200);
    let mut begun = begin_put(&kvs, "str-put/begun", 10);
    begun.send(b"12345").expect("half of the body is sent");

    kvs.signal("TERM");
    assert!(idle.is_closed() && unused.is_closed(), "idle connections are closed");
    eventually("new connections are refused", || TcpStream::connect(kvs.addr).is_err());
    let answer = begun.exchange(b"67890");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(begun.is_closed());
    let (status, diagnostics) = kvs.wait();
    assert_eq!(status.code(), Some(0), "{diagnostics}");

    let kvs = Kvs::start(folder.path(), &[]);
    assert_eq!(kvs.connect().get("str-get/begun").text(), "1234567890");
    assert_eq!(kvs.connect().get("int-get/before").text(), "1");
}

#[test]
fn a_stop_does_not_wait_forever_for_a_request() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--drain-timeout", "1s"]);
    let mut never_finished = begin_put(&kvs, "str-put/a", 10);
    let began = Instant::now();
    let (status, diagnostics) = kvs.stop();
    assert_eq!(status.code(), Some(0), "{diagnostics}");
    assert!(began.elapsed() < Duration::from_secs(1) + SLACK, "after {:?}", began.elapsed());
    assert!(never_finished.is_closed());
}

/// Runs kvs with these arguments only, to its end.
fn run(args: &[&str]) -> Output {
    Kvs::program().args(args).output().expect("kvs can be executed")
}

#[track_caller]
fn assert_not_started(args: &[&str], code: i32, message: &str) {
    let output = run(args);
    let diagnostics = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {diagnostics}");
    assert!(diagnostics.contains(message), "{args:?}: {message:?} is expected in: {diagnostics}");
}

#[test]
fn a_second_server_on_the_same_address_or_log_says_so() {
    let (first, second) = (folder(), folder());
    let kvs = Kvs::start(first.path(), &[]);
    let log = |folder: &tempfile::TempDir| format!("file:{}", folder.path().display());
    let (addr, own_log) = (kvs.addr.to_string(), log(&second));
    assert_not_started(&["--http-addr", &addr, "--log", &own_log], 3, &format!("cannot listen on {addr}"));
    assert_not_started(&["--http-addr", "127.0.0.1:0", "--log", &log(&first)], 4, &kvs.pid().to_string());
    assert_eq!(kvs.connect().put("int-put/a", "1").status, 200, "the first server is undisturbed");

    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("an address").to_string();
    assert_not_started(&["--http-addr", &addr, "--log", &own_log], 3, "--http-addr");
    let free = Kvs::start(second.path(), &[]);
    assert_eq!(free.connect().get("int-get/a").status, 404, "a start that failed leaves the log free");
}

#[test]
fn a_server_can_start_again_at_once_on_the_address_it_has_left() {
    let mut addr = "127.0.0.1:0".to_string();
    for _ in 0..3 {
        let mut command = Kvs::program();
        let kvs = Kvs::try_start(command.args(["--http-addr", &addr, "--log", "off"])).expect("the address is free");
        addr = kvs.addr.to_string();
        // The server closes first, so the address is left with connections in TIME_WAIT.
        let mut client = kvs.connect();
        client.exchange(&request_bytes("POST", "hello", &[("Connection", "close")], b""));
        assert!(client.is_closed() && kvs.stop().0.success());
    }
}

#[test]
fn wrong_usage_ends_with_2_and_a_hint() {
    for (args, hint) in [
        (["--log", "mysql://localhost/kvs"], "file:DIR"),
        (["--log", "file:"], "file:DIR"),
        (["--durability", "never"], "async"),
        (["--max-body", "17MiB"], "16.0 MiB"),
        (["--request-timeout", "0s"], "more than 0"),
        (["--log-budget", "1B"], "at least"),
        (["--http-addr", "localhost"], "--http-addr"),
        (["--workers", "0"], "1..=1024"),
    ] {
        assert_not_started(&args, 2, hint);
    }
    assert_not_started(&["--no-such-flag"], 2, "--no-such-flag");
}

#[test]
fn the_help_states_the_default_request_timeout() {
    let output = run(&["--help"]);
    let help = String::from_utf8(output.stdout).expect("help is text");
    let (_, from_flag) = help.split_once("--request-timeout").expect("the flag is there");
    let (section, _) = from_flag.split_once("\n      --").expect("flags follow");
    assert!(output.status.success() && section.contains("[default: 10s]"), "{section}");
}
