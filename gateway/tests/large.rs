//! Large requests: other clients do not wait for them, and they are answered like any other.

#[path = "frame_client/mod.rs"]
mod frame_client;
mod harness;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use frame_client::{FrameClient, durable, get, incr, list, op, put_str};
use harness::{Client, Kvs, folder, request_bytes};
use proto::frame::{Answer, ErrorCode};
use proto::{OpKind, ValueRef, ValueType};
use serde_json::Value;

/// Members of a large set: a request with all of them takes about a second in these tests' builds.
const MEMBERS: usize = 500_000;

/// What nobody can tell from a machine that does something else for a moment.
const NOISE: Duration = Duration::from_millis(60);

/// Different names, in no order.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{:06x}", number * 40_503 % (1 << 24))).collect()
}

fn as_json<'n>(names: impl Iterator<Item = &'n String>) -> Vec<u8> {
    serde_json::to_vec(&names.collect::<Vec<_>>()).expect("strings are JSON")
}

/// As frames have them: in order.
fn packed<'n>(names: impl Iterator<Item = &'n String>) -> Vec<u8> {
    let mut names: Vec<&str> = names.map(|name| &**name).collect();
    names.sort_unstable();
    list(&names)
}

/// Another client's longest wait for a small value, one request after the other, while `large` is done.
fn longest_wait(addr: SocketAddr, large: impl FnOnce() + Send) -> (Duration, Duration) {
    let mut probe = Client::connect(addr);
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let began = Instant::now();
            large();
            began.elapsed()
        });
        let mut longest = Duration::ZERO;
        while !work.is_finished() {
            let began = Instant::now();
            assert_eq!(probe.get("int-get/probe").text(), "1");
            longest = longest.max(began.elapsed());
        }
        (work.join().expect("the large request succeeds"), longest)
    })
}

#[test]
fn others_do_not_wait_for_a_large_request() {
    let folder = folder();
    // All connections have the same worker.
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--workers", "1", "--durability", "async", "--log"]);
    let kvs = Kvs::try_start(command.arg(format!("file:{}", folder.path().display()))).expect("kvs starts");
    let (mut rest, mut frames) = (kvs.connect(), FrameClient::connect(kvs.frame_addr));
    assert_eq!(rest.put("int-put/probe", "1").status, 200);
    let names = names(MEMBERS);
    let all = as_json(names.iter());
    let [even, odd] = [0, 1].map(|first| as_json(names.iter().skip(first).step_by(2)));
    let fields =
        serde_json::to_vec(&names.iter().map(|name| (name, name)).collect::<std::collections::HashMap<_, _>>());
    let fields = fields.expect("strings are JSON");
    let frame = op(1, OpKind::Put, Some(ValueType::Set), "frames", &packed(names.iter()));
    let put = |rest: &mut Client, path: &str, body: &[u8]| assert_eq!(rest.put(path, body).status, 200, "{path}");

    let mut waits = Vec::new();
    let mut case = |name: &'static str, large: &mut (dyn FnMut() + Send)| {
        let (took, longest) = longest_wait(kvs.addr, large);
        println!("{name}: {took:?}, and others at most {longest:?}");
        waits.push((name, took, longest));
    };
    case("put a set", &mut || put(&mut rest, "set-put/s", &all));
    case("put it again", &mut || put(&mut rest, "set-put/s", &all));
    case("put a map", &mut || put(&mut rest, "map-put/m", &fields));
    case("put half a set", &mut || put(&mut rest, "set-put/h", &even));
    case("add the other half", &mut || assert_eq!(rest.put("set-add/h", &odd).text(), (MEMBERS / 2).to_string()));
    case("remove it", &mut || assert_eq!(rest.put("set-rem/h", &odd).text(), (MEMBERS / 2).to_string()));
    case("get a set", &mut || assert_eq!(rest.get("set-get/s").body.len(), all.len()));
    case("get a map", &mut || assert_eq!(rest.get("map-get/m").body.len(), fields.len()));
    case("put a set over frames", &mut || {
        assert_eq!(frames.exchange(&frame).answer(), Answer::Done);
    });
    for (name, took, longest) in waits {
        // Whoever had to wait for it would wait about as long as it takes.
        assert!(longest < (took / 2).max(NOISE), "{name} took {took:?}, and another client waited {longest:?}");
    }
}

#[test]
fn replies_are_in_order_around_large_requests() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let names = names(20_000);
    let (half, rest) = names.split_at(10_000);
    let set = |id, kind, names: &[String]| op(id, kind, Some(ValueType::Set), "s", &packed(names.iter()));
    let mut client = FrameClient::connect(kvs.frame_addr);
    let script = [
        incr(1, "n"),
        set(2, OpKind::Put, half),
        incr(3, "n"),
        set(4, OpKind::SetAdd, &names),
        durable(set(5, OpKind::SetRem, rest)),
        get(6, ValueType::Set, "s"),
        incr(7, "n"),
        put_str(8, "t", &"x".repeat(100_000)),
        get(9, ValueType::Int, "n"),
    ];
    client.send(&script.concat()).expect("kvs reads");
    let in_order = packed(half.iter());
    for id in 1..=9 {
        let reply = client.receive().expect("a reply");
        assert_eq!(reply.id(), id);
        match (id, reply.answer()) {
            (1 | 3 | 7 | 9, Answer::Value(ValueRef::Int(number))) => {
                assert_eq!(number, [0, 1, 2, 3][[1, 3, 7, 9].iter().position(|of| *of == id).unwrap()]);
            }
            (2 | 8, Answer::Done) => {}
            (4 | 5, Answer::Count(count)) => assert_eq!(count, 10_000),
            (6, Answer::Value(ValueRef::Set(members))) => assert_eq!(members.as_bytes(), in_order),
            (_, other) => panic!("{id}: {other:?}"),
        }
    }

    let mut client = kvs.connect();
    let (body, key) = (as_json(names.iter()), "the-same-request");
    let once = [("Idempotency-Key", key)];
    let script = [
        request_bytes("PUT", "int-incr/r", &[], b""),
        request_bytes("PUT", "set-add/r", &once, &body),
        request_bytes("PUT", "set-add/r", &once, &body),
        request_bytes("GET", "set-get/r", &[], b""),
        request_bytes("HEAD", "set-get/r", &[], b""),
        request_bytes("PUT", "set-put/r", &[], &[&body[..], b"]"].concat()),
        request_bytes("PUT", "int-incr/r", &[], b""),
    ];
    client.send(&script.concat()).expect("kvs reads");
    let mut next = || client.receive().expect("an answer");
    assert_eq!(next().text(), "0");
    assert_eq!(next().text(), "20000");
    assert_eq!(next().text(), "20000", "it is the same request");
    let members: Value = serde_json::from_str(next().text()).expect("JSON");
    assert_eq!(members.as_array().map(Vec::len), Some(20_000));
    let length = client.receive_head().expect("a head").header("content-length").map(str::to_owned);
    assert_eq!(length, Some((20_000 * 9 + 1).to_string()));
    client.receive().expect("an answer").assert_error(400, "a list with a bracket too much");
    assert_eq!(client.receive().expect("an answer").text(), "1");
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{diagnostics}");
    let kvs = Kvs::start(folder.path(), &[]);
    let members: Value = serde_json::from_str(kvs.connect().get("set-get/r").text()).expect("JSON");
    assert_eq!(members.as_array().map(Vec::len), Some(20_000));
}

#[test]
fn who_may_not_do_it_is_refused() {
    let folder = folder();
    let file = folder.path().join("identities");
    let file = file.to_str().expect("a path of text");
    let token = |name: &str, scope: &str| {
        let (status, said) =
            harness::output(&mut Kvs::tool(&["token", "new", name, "--scope", scope, "--identities", file]));
        assert_eq!(status, Some(0), "{said}");
        said.split_whitespace().find(|word| word.starts_with("kvs_")).expect("a token").to_owned()
    };
    let (reads, writes) = (token("reads", "read"), token("writes", "write"));
    let access_log = folder.path().join("access.log");
    let access_log = access_log.to_str().expect("a path of text");
    let args = ["--identities", file, "--access-log", access_log];
    let kvs = Kvs::start(&folder.path().join("data"), &args);
    let body = as_json(names(20_000).iter());
    let request = |method: &str, path: &str, token: &str, body: &[u8]| {
        let bearer = format!("Bearer {token}");
        kvs.connect().exchange(&request_bytes(method, path, &[("Authorization", &bearer)], body))
    };
    assert_eq!(request("PUT", "set-put/s", &writes, &body).status, 200);
    assert_eq!(request("PUT", "set-put/s", &reads, &body).status, 403);
    assert_eq!(request("PUT", "set-put/s", "wrong", &body).status, 401);
    assert_eq!(request("GET", "set-get/s", &writes, b"").status, 403);
    assert_eq!(request("GET", "set-get/s", &reads, b"").body.len(), body.len());
    let mut frames = FrameClient::connect(kvs.frame_addr);
    assert_eq!(frames.exchange(&frame_client::auth(1, &reads)).error(), None);
    let large = op(2, OpKind::Put, Some(ValueType::Set), "s", &packed(names(20_000).iter()));
    assert_eq!(frames.exchange(&large).error(), Some(ErrorCode::Forbidden));
    let lines = || std::fs::read_to_string(access_log).expect("the access log");
    harness::eventually("each has a line", || lines().lines().count() == 7);
    let lines = lines();
    let of = |what: &str| lines.lines().filter(|line| line.contains(what)).count();
    let large = format!("\"bytes_in\":{}", body.len());
    // What is refused by its head alone is not read.
    assert_eq!((of(&large), of("set-get/s"), of("\"protocol\":\"frames\"")), (2, 2, 2), "{lines}");
}
