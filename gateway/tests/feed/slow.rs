//! Those who read slowly, or not at all.

use std::io::Read;

use crate::follower::{Follower, told_after};
use crate::harness::{Kvs, eventually, folder};
use crate::{ask, place};

/// Bytes of a value.
const VALUE: usize = 100_000;

/// Writes so many values.
fn write(kvs: &Kvs, values: usize) {
    let mut client = kvs.connect();
    for n in 0..values {
        let put = ask(&mut client, "PUT", "str/k", &[], &format!("{n:06}{}", "x".repeat(VALUE)));
        assert!(put.status < 300, "{put:?}");
    }
}

#[test]
fn who_does_not_read_holds_nobody_up_and_is_cut_off_and_goes_on_where_it_was() {
    let folder = folder();
    let kvs = Kvs::start(
        folder.path(),
        &["--feed-memory", "1MiB", "--request-timeout", "1s", "--idle-timeout", "1s", "--retain", "all"],
    );
    let begin = place(&kvs);
    let stopped = Follower::lines(kvs.addr, &format!("after={begin}&values=true"));
    let mut reads = Follower::lines(kvs.addr, &format!("after={begin}"));
    let before = kvs.resident_bytes();
    let reader = std::thread::spawn(move || {
        for _ in 0..400 {
            reads.change();
        }
        reads
    });
    write(&kvs, 400);
    let mut reads = reader.join().expect("who reads is told all of it");
    let grown = kvs.resident_bytes().saturating_sub(before);
    assert!(grown < 24 << 20, "40 MB were written, and memory grew by {grown} bytes");
    // Who reads is not cut off, however little there is to tell.
    eventually("the connection that does not read is gone", || {
        let metrics = kvs.operator("/metrics");
        let followers = metrics.text().lines().find(|line| line.starts_with("kvs_feed_followers "));
        println!("{followers:?}");
        followers.expect("it is measured").trim_end_matches(".0").ends_with(" 1")
    });
    let mut rest = Vec::new();
    let _ = stopped.socket().read_to_end(&mut rest);
    assert!(rest.len() < 20 * VALUE, "{} bytes were on their way", rest.len());
    write(&kvs, 1);
    assert_eq!(reads.change()["op"], "put");
    let told = told_after(kvs.addr, &begin);
    let numbers: Vec<usize> = told.iter().map(|told| told["value"].as_str().unwrap()[..6].parse().unwrap()).collect();
    assert!(numbers.iter().copied().eq((0..400).chain([0])), "nothing is left out: {numbers:?}");
}

#[test]
fn values_that_are_larger_than_the_memory_of_the_feed_are_told() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--feed-memory", "1KiB"]);
    let mut live = Follower::lines(kvs.addr, "values=true");
    assert_eq!(live.next()["op"], "bookmark");
    let mut client = kvs.connect();
    let large = "y".repeat(3 << 20);
    for n in 0..3 {
        let put = ask(&mut client, "PUT", &format!("str/{n}"), &[], &large);
        assert_eq!(put.status, 201, "{put:?}");
    }
    for _ in 0..3 {
        assert_eq!(live.change()["value"].as_str().map(str::len), Some(3 << 20));
    }
}
