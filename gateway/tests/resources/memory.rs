//! The system gives no more memory.

use proto::frame::{Answer, ErrorCode};
use proto::{OpKind, ValueType};
use testkit::postgres_server::PostgresServer;

use crate::frame_client::{FrameClient, error_of, list, multi_put, op};
use crate::harness::{Kvs, folder};
use crate::{assert_kept, is_acknowledged, limit, value};

const VALUE_BYTES: usize = 1 << 20;

/// Stores a value under new keys of 16 bytes until there is no memory for more. Returns how many it was stored under.
fn fill(kvs: &Kvs, ty: ValueType, value: &[u8]) -> usize {
    // Requests that are so small that they take next to no memory.
    let at_once = (32 << 10) / (32 + value.len());
    let (mut client, mut stored) = (FrameClient::connect(kvs.frame_addr), 0);
    loop {
        let keys: Vec<String> = (0..at_once).map(|n| format!("key {:012}", stored + n)).collect();
        let reply = client.exchange(&multi_put(1, keys.iter().map(|key| (ty, key.as_str(), value))));
        let Answer::Many(answers) = reply.answer() else { panic!("{reply:?}") };
        let refused: Vec<ErrorCode> = answers.iter().filter_map(|answer| error_of(&answer)).collect();
        stored += at_once - refused.len();
        if !refused.is_empty() {
            assert!(refused.iter().all(|code| *code == ErrorCode::MemoryFull), "{refused:?}");
            return stored;
        }
    }
}

/// Whatever a server is filled with, what it takes of the system is what the operator allowed, give or take a tenth.
#[test]
fn the_limit_is_what_becomes_resident() {
    const LIMIT_MIB: u64 = 64;
    let fields: Vec<String> = (0..200).map(|n| format!("text {n:03}")).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let shapes = [
        ("an int", ValueType::Int, 7_i32.to_le_bytes().to_vec()),
        ("a str of 16 bytes", ValueType::Str, vec![b'x'; 16]),
        ("a str of 64 bytes", ValueType::Str, vec![b'x'; 64]),
        ("a str of 700 bytes", ValueType::Str, vec![b'x'; 700]),
        ("a str of 5,000 bytes", ValueType::Str, vec![b'x'; 5000]),
        ("a map of one field", ValueType::Map, list(&["field", "value"])),
        ("a set of one member", ValueType::Set, list(&["member"])),
        ("a map of 100 fields", ValueType::Map, list(&fields)),
        ("a set of 200 members", ValueType::Set, list(&fields)),
    ];
    for (shape, ty, value) in shapes {
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--log", "off", "--max-memory", &format!("{LIMIT_MIB}MiB")]);
        let kvs = Kvs::try_start(&mut command).expect("kvs starts");
        let before = kvs.resident_bytes();
        let entries = fill(&kvs, ty, &value);
        let grown = kvs.resident_bytes() - before;
        let share = grown as f64 / (LIMIT_MIB << 20) as f64;
        println!("{shape}: {entries} entries, {} bytes each, {share:.3} of the limit", grown / entries as u64);
        assert!((0.9..=1.1).contains(&share), "{shape}: {grown} bytes are resident");
    }
}

/// Keys that were deleted long ago, and keys of tables that kvs has met, take no more than the cache of their ids.
#[test]
fn keys_that_come_and_go_take_no_memory_with_a_log_in_tables() {
    const LIMIT: u64 = 16 << 20;
    /// Of the ids of keys, `DEFAULT_KEY_CACHE_BYTES` in txnd; and what else a writer of tables needs, about twice as much as was seen.
    const CACHE: u64 = 64 << 20;
    const OTHER: u64 = 32 << 20;
    const AT_ONCE: usize = 500;
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--max-memory", &LIMIT.to_string()]);
    command.args(["--log", &PostgresServer::shared().database()]);
    let kvs = Kvs::try_start(&mut command).expect("kvs starts");
    let (before, mut client) = (kvs.resident_bytes(), FrameClient::connect(kvs.frame_addr));
    let (mut met, mut grown) = (0, 0);
    // Twice what the cache holds.
    while met < 2 * CACHE {
        let keys: Vec<String> = (0..AT_ONCE).map(|n| format!("{:0>500}", met as usize + n)).collect();
        let puts = client.exchange(&multi_put(1, keys.iter().map(|key| (ValueType::Int, key.as_str(), &[0; 4][..]))));
        let Answer::Many(answers) = puts.answer() else { panic!("{puts:?}") };
        assert!(answers.iter().all(|answer| error_of(&answer).is_none()));
        let deletions =
            keys.iter().enumerate().map(|(n, key)| op(n as u32, OpKind::Del, Some(ValueType::Int), key, &[]));
        client.send(&deletions.collect::<Vec<_>>().concat()).expect("kvs reads");
        (0..AT_ONCE).for_each(|_| assert_eq!(client.receive().expect("a reply").error(), None));
        met += (AT_ONCE * 500) as u64;
        grown = grown.max(kvs.resident_bytes() - before);
    }
    println!("{} MiB for {} MiB of keys", grown >> 20, met >> 20);
    assert!(grown < LIMIT + CACHE + OTHER, "{grown} bytes");
}

/// Address space of a process, in bytes.
fn address_space(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmSize:")).expect("a size");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    kib * 1024
}

/// Puts values until one is refused or the connection ends. Returns which were acknowledged, and whether kvs still answers.
fn put_until_it_ends(kvs: &Kvs, most: usize) -> (Vec<usize>, bool) {
    let (mut client, mut acknowledged) = (kvs.connect(), Vec::new());
    for n in 0..most {
        match client.try_request("PUT", &format!("str-put/{n}"), value(n, VALUE_BYTES)) {
            Ok(answer) if is_acknowledged(&answer) => acknowledged.push(n),
            Ok(_) => return (acknowledged, true),
            Err(_) => return (acknowledged, false),
        }
    }
    panic!("the limit was never reached");
}

/// Above the limit of the operator nothing is written, long before the system has no more.
#[test]
fn the_limit_of_the_operator_comes_first() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--max-memory", "16MiB"]);
    limit(kvs.pid(), &format!("--as={}:", address_space(kvs.pid()) + (256 << 20)));
    let (acknowledged, answers) = put_until_it_ends(&kvs, 100);
    assert!(answers && (8..=16).contains(&acknowledged.len()), "{} values of 1 MiB", acknowledged.len());
    let mut client = kvs.connect();
    let refused = client.put("str-put/more", value(0, VALUE_BYTES));
    refused.assert_error(503, "PUT");
    assert!(refused.text().contains("memory"), "{}", refused.text());
    assert_eq!(client.delete("str-del/0").status, 200, "what needs no memory goes on");
    assert_eq!(client.put("str-put/0", value(0, VALUE_BYTES)).status, 200);
    assert!(kvs.stop().0.success());
    assert_kept(folder.path(), &acknowledged, VALUE_BYTES);
}

/// Without one the process ends when an allocation fails. It says so, and has lost nothing.
#[test]
fn an_end_for_lack_of_memory_loses_nothing() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    limit(kvs.pid(), &format!("--as={0}:{0}", address_space(kvs.pid()) + (64 << 20)));
    let (acknowledged, answers) = put_until_it_ends(&kvs, 2000);
    assert!(!answers, "nothing but the system limits it");
    let (status, said) = kvs.wait();
    assert!(!status.success() && said.contains("memory allocation of"), "{status}: {said}");
    assert!(!acknowledged.is_empty());
    assert_kept(folder.path(), &acknowledged, VALUE_BYTES);
}
