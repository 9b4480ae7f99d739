//! Connections cut at every byte, random bytes, spoilt requests: only complete and right requests are carried out, and the
//! server goes on.
//!
//! With `KVS_FUZZ_SECONDS` the random part runs for that long instead of a moment; `cargo xtask fuzz` does so.

use std::time::{Duration, Instant};

use proto::OpKind;
use proto::ValueType::{Int, Map, Set, Str};
use proto::frame::ClientPreface;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::frame_client::{FrameClient, auth, durable, get, incr, list, multi_get, multi_put, op, ping, put_str, raw};
use crate::harness::seed;
use crate::{assert_serves, serve, stop_unharmed};

/// Connections of a short run with random bytes.
const CONNECTIONS: u32 = 400;

/// Resident memory that random bytes may cost, in bytes: buffers of the workers, and what spoilt requests have stored.
const MOST_MEMORY: u64 = 128 << 20;

/// Writes, each to an entry of its own, and where each ends.
fn script(name: &str) -> (Vec<u8>, Vec<usize>) {
    let key = |n: usize| format!("{name} {n}");
    let requests = [
        put_str(0, &key(0), "value"),
        put_str(1, &key(1), ""),
        multi_put(2, [(Str, key(2).as_str(), &b"many"[..]), (Int, "counter", &[0; 4])]),
        durable(put_str(3, &key(3), "durable")),
        put_str(4, &key(4), "last"),
    ];
    let ends = requests.iter().scan(0, |end, request| {
        *end += request.len();
        Some(*end)
    });
    (requests.concat(), ends.collect())
}

/// How many of the script's entries there are; they must be the first ones. Asked for from the last to the first, so that
/// this holds while the script is being carried out, too.
fn applied(client: &mut FrameClient, name: &str) -> usize {
    let there: Vec<bool> = (0..5).rev().map(|n| client.get_str(&format!("{name} {n}")).is_some()).collect();
    assert!(there.is_sorted(), "{name}: a request was carried out before another: {there:?}, the last one first");
    there.into_iter().filter(|there| *there).count()
}

#[test]
fn a_connection_that_is_cut_anywhere_has_its_complete_requests_carried_out() {
    let preface = ClientPreface::current().encode();
    let (_folder, kvs) = serve(&[]);
    let mut other = FrameClient::connect(kvs.frame_addr);
    for cut in 0..=script("cut 000").0.len() {
        let name = format!("cut {cut:03}");
        let (script, ends) = script(&name);
        let complete = ends.iter().filter(|end| **end <= cut).count();
        let mut client = FrameClient::silent(kvs.frame_addr);
        client.send(&[&preface[..], &script[..cut]].concat()).expect("kvs reads");
        client.finish();
        client.receive_preface().expect("a preface");
        assert_eq!(client.receive_rest().len(), complete, "replies to {name}");
        assert_eq!(applied(&mut other, &name), complete, "{name}");
    }
    for cut in 0..preface.len() {
        let mut client = FrameClient::silent(kvs.frame_addr);
        client.send(&preface[..cut]).expect("kvs reads");
        client.finish();
        assert!(client.is_closed(), "a preface cut at {cut}");
    }
    // Without a word, and with replies unread: the connection is reset.
    for cut in 0..=script("reset 000").0.len() {
        let name = format!("reset {cut:03}");
        let (script, ends) = script(&name);
        FrameClient::silent(kvs.frame_addr).send(&[&preface[..], &script[..cut]].concat()).expect("kvs reads");
        let complete = ends.iter().filter(|end| **end <= cut).count();
        assert!(applied(&mut other, &name) <= complete, "{name}");
    }
    stop_unharmed(kvs);
}

/// A request that may be right.
fn request(rng: &mut StdRng) -> Vec<u8> {
    let keys = ["a", "b", "key", "schlüssel/🗝", ""];
    let key = *keys.choose(rng).expect("there are some");
    let id = rng.random();
    let number = rng.random::<i32>().to_le_bytes();
    let text = "x".repeat(rng.random_range(0..200));
    match rng.random_range(0..12) {
        0 => put_str(id, key, &text),
        1 => op(id, OpKind::Put, Some(Int), key, &number),
        2 => op(id, OpKind::Put, Some(Map), key, &list(&["a", &text, "b", ""])),
        3 => op(id, OpKind::SetAdd, Some(Set), key, &list(&["a", "b", &text])),
        4 => op(id, OpKind::MapSet, Some(Map), key, &list(&["field", &text])),
        5 => incr(id, key),
        6 => op(id, OpKind::DelAll, None, key, b""),
        7 => multi_get(id, [(Str, key), (Int, "b"), (Map, "key")]),
        8 => multi_put(id, [(Str, key, text.as_bytes()), (Int, "b", &number)]),
        9 => ping(id),
        10 => auth(id, &text),
        _ => durable(get(id, Str, key)),
    }
}

/// What a connection sends behind its preface.
fn bytes(rng: &mut StdRng) -> Vec<u8> {
    let length = rng.random_range(0..3000);
    let random: Vec<u8> = (0..length).map(|_| rng.random()).collect();
    if rng.random_ratio(1, 8) {
        return random;
    }
    if rng.random_ratio(1, 4) {
        // Headers that make sense as far as their length goes.
        let pieces = random.chunks(rng.random_range(1..100));
        return pieces.flat_map(|p| raw(7, p[0] % 50, p[p.len() / 2] % 8, 0, &p[..p.len() / 3], p)).collect();
    }
    let mut script: Vec<u8> = (0..rng.random_range(1..30)).flat_map(|_| request(rng)).collect();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..script.len());
        match rng.random_range(0..5) {
            0 => script[at] ^= 1 << rng.random_range(0..8),
            1 => script[at] = rng.random(),
            2 => drop(script.drain(at..script.len().min(at + rng.random_range(1..20)))),
            3 => script.insert(at, rng.random()),
            _ => {
                let piece = script[at..script.len().min(at + 40)].to_vec();
                let to = rng.random_range(0..=script.len());
                script.splice(to..to, piece);
            }
        }
        if script.is_empty() {
            break;
        }
    }
    script
}

#[test]
fn random_and_spoilt_bytes_harm_nobody() {
    let seconds = std::env::var("KVS_FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let (_folder, kvs) = serve(&["--max-memory", "64MiB"]);
    let mut witness = FrameClient::connect(kvs.frame_addr);
    let before = kvs.resident_bytes();
    let (mut connections, mut replies) = (0, 0);
    while end.map_or(connections < CONNECTIONS, |end| Instant::now() < end) {
        let sent = bytes(&mut rng);
        let mut client = FrameClient::silent(kvs.frame_addr);
        let preface = match rng.random_ratio(1, 20) {
            true => rng.random(),
            false => ClientPreface::current().encode(),
        };
        // The server may have closed the connection before it has read everything.
        let _ = client.send(&[&preface[..], &sent].concat());
        // Half of the clients go without having read anything.
        if rng.random_ratio(1, 2) {
            client.finish();
            // Replies are checked as they are read.
            replies += client.receive_preface().map_or(0, |_| client.receive_rest().len());
        }
        connections += 1;
        if connections % 20 == 0 {
            assert_serves(&kvs);
            assert_eq!(witness.exchange(&incr(1, "witness")).int(), connections as i32 / 20 - 1, "seed {seed}");
        }
    }
    println!("{connections} connections, {replies} replies");
    let used = kvs.resident_bytes().saturating_sub(before);
    assert!(used < MOST_MEMORY, "{used} bytes, seed {seed}");
    assert!(replies > connections as usize, "the requests are not spoilt beyond all sense");
    stop_unharmed(kvs);
}
