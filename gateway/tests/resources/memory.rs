//! The system gives no more memory.

use crate::harness::{Kvs, folder};
use crate::{assert_kept, is_acknowledged, limit, value};

const VALUE_BYTES: usize = 1 << 20;

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
