//! Many requests at once: their order, their memory, multi-get and multi-put.

use std::time::{Duration, Instant};

use proto::ValueType::{self, Int, Map, Set, Str};
use proto::frame::{Answer, Answers, ErrorCode, MAX_MULTI_ITEMS, MAX_REPLY_BYTES};
use proto::{OpKind, ValueRef};

use crate::frame_client::{FrameClient, Reply, error_of, get, incr, list, multi_get, multi_put, op, ping, put_str};
use crate::{assert_serves, serve, stop_unharmed};

#[track_caller]
fn many(reply: &Reply) -> Vec<Answer<'_>> {
    match reply.answer() {
        Answer::Many(answers) => Answers::iter(answers).collect(),
        other => panic!("answers to many are expected, not {other:?}"),
    }
}

#[test]
fn requests_of_every_kind_are_answered_in_their_order() {
    // Several windows of operations, with what is no operation between them.
    const ROUNDS: u32 = 300;
    let (_folder, kvs) = serve(&[]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    let mut script = Vec::new();
    let round = |n: u32| {
        let (key, id) = (format!("{}", n % 7), 10 * n);
        [
            put_str(id, &key, &format!("value {n}")),
            get(id + 1, Str, &key),
            incr(id + 2, "n"),
            op(id + 3, OpKind::SetAdd, Some(Set), "s", &list(&[&format!("{n}")])),
            ping(id + 4),
            op(id + 5, OpKind::MapSet, Some(Map), &key, &list(&["field", &format!("field {n}")])),
            op(id + 6, OpKind::MapGet, Some(Map), &key, b"field"),
            multi_get(id + 7, [(Str, key.as_str()), (Int, "missing"), (Int, "n")]),
            op(id + 8, OpKind::Del, Some(Str), &key, b""),
            get(id + 9, Str, &key),
        ]
    };
    (0..ROUNDS).for_each(|n| script.extend(round(n).concat()));
    // In pieces that end anywhere.
    std::thread::scope(|scope| {
        let mut sending = client.stream.try_clone().expect("a socket can be cloned");
        scope.spawn(move || {
            for piece in script.chunks(1009) {
                std::io::Write::write_all(&mut sending, piece).expect("kvs reads");
            }
        });
        for n in 0..ROUNDS {
            let (value, field) = (format!("value {n}"), format!("field {n}"));
            let expected = [
                Answer::Done,
                Answer::Value(ValueRef::Str(&value)),
                Answer::Value(ValueRef::Int(n as i32)),
                Answer::Count(1),
                Answer::Done,
                Answer::Done,
                Answer::Value(ValueRef::Str(&field)),
            ];
            for (expected, id) in expected.into_iter().zip(10 * n..) {
                let reply = client.receive().expect("a reply");
                assert_eq!((reply.id(), reply.answer()), (id, expected));
            }
            let reply = client.receive().expect("a reply");
            let number = Answer::Value(ValueRef::Int(n as i32 + 1));
            assert_eq!(many(&reply), [Answer::Value(ValueRef::Str(&value)), Answer::NoEntry, number]);
            assert_eq!(client.receive().expect("a reply").answer(), Answer::Deleted(true));
            assert_eq!(client.receive().expect("a reply").answer(), Answer::NoEntry);
        }
    });
}

#[test]
fn a_hundred_thousand_requests_may_wait_for_a_client_that_takes_its_time() {
    const REQUESTS: u32 = 100_000;
    const MOST_MEMORY: u64 = 16 << 20;
    let (_folder, kvs) = serve(&["--request-timeout", "60s"]);
    let text = "x".repeat(1000);
    FrameClient::connect(kvs.frame_addr).exchange(&put_str(1, "text", &text));
    let mut client = FrameClient::connect(kvs.frame_addr);
    let mut script = Vec::new();
    (0..REQUESTS).for_each(|n| script.extend(if n % 2 == 0 { incr(n, "n") } else { get(n, Str, "text") }));
    let before = kvs.resident_bytes();
    std::thread::scope(|scope| {
        let mut sending = client.stream.try_clone().expect("a socket can be cloned");
        scope.spawn(move || std::io::Write::write_all(&mut sending, &script).expect("kvs takes all of them"));
        // The first reply shows that the server is at it; far more come than fit into the sockets' buffers.
        assert_eq!(client.receive().expect("a reply").int(), 0);
        for _ in 0..50 {
            assert_serves(&kvs);
            let used = kvs.resident_bytes().saturating_sub(before);
            assert!(used < MOST_MEMORY, "{used} bytes for replies that nobody takes");
        }
        let done = FrameClient::connect(kvs.frame_addr).get_int("n").expect("an int");
        assert!(done < REQUESTS as i32 / 2, "while replies wait, nothing more is carried out");
        for n in 1..REQUESTS {
            let reply = client.receive().expect("a reply");
            assert_eq!(reply.id(), n);
            match n % 2 {
                0 => assert_eq!(reply.int(), n as i32 / 2),
                _ => assert_eq!(reply.answer(), Answer::Value(ValueRef::Str(&text))),
            }
        }
    });
    stop_unharmed(kvs);
}

#[test]
fn increments_of_many_pipelining_clients_are_all_counted_once() {
    const CLIENTS: u32 = 8;
    const ROUNDS: u32 = 5000;
    const COUNTERS: u32 = 5;
    let (_folder, kvs) = serve(&[]);
    // Each client goes through the counters in an order of its own.
    let script = |client: u32| -> Vec<u8> {
        let key = |n: u32| format!("counter {}", (client * 3 + n * (1 + client % (COUNTERS - 1))) % COUNTERS);
        (0..ROUNDS).flat_map(|n| incr(n, &key(n))).collect()
    };
    let count = |client: u32| {
        let script = script(client);
        let mut client = FrameClient::connect(kvs.frame_addr);
        let mut sending = client.stream.try_clone().expect("a socket can be cloned");
        std::thread::scope(|scope| {
            scope.spawn(|| std::io::Write::write_all(&mut sending, &script).expect("kvs reads"));
            (0..ROUNDS).for_each(|n| assert_eq!(client.receive().map(|reply| reply.id()).ok(), Some(n)));
        });
    };
    let count = &count;
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || count(client));
        }
    });
    let mut client = FrameClient::connect(kvs.frame_addr);
    let counted = (0..COUNTERS).filter_map(|n| client.get_int(&format!("counter {n}")));
    assert_eq!(counted.sum::<i32>(), (CLIENTS * ROUNDS) as i32);
}

#[test]
fn many_values_are_put_and_read_at_once() {
    let (_folder, kvs) = serve(&[]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    let keys: Vec<String> = (0..MAX_MULTI_ITEMS).map(|n| format!("key {n}")).collect();
    let numbers: Vec<[u8; 4]> = (0..MAX_MULTI_ITEMS as u32).map(u32::to_le_bytes).collect();
    let puts = keys.iter().zip(&numbers).map(|(key, number)| (Int, key.as_str(), &number[..]));
    let reply = client.exchange(&multi_put(1, puts));
    assert!(many(&reply).into_iter().eq(std::iter::repeat_n(Answer::Done, MAX_MULTI_ITEMS)));
    let reply = client.exchange(&multi_get(2, keys.iter().map(|key| (Int, key.as_str()))));
    let numbers = (0..MAX_MULTI_ITEMS as i32).map(|number| Answer::Value(ValueRef::Int(number)));
    assert!(many(&reply).into_iter().eq(numbers));

    // In their order: the last of the same name counts. Each type goes with its own.
    let map = list(&["a", "1"]);
    let puts: [(ValueType, &str, &[u8]); 4] =
        [(Str, "k", b"first"), (Str, "k", b"last"), (Map, "k", &map), (Set, "k", b"")];
    assert_eq!(many(&client.exchange(&multi_put(3, puts))), [Answer::Done; 4]);
    let reply = client.exchange(&multi_get(4, [(Str, "k"), (Int, "k"), (Map, "k"), (Set, "k")]));
    let answers = many(&reply);
    assert_eq!(answers[..2], [Answer::Value(ValueRef::Str("last")), Answer::NoEntry]);
    assert!(matches!(answers[2], Answer::Value(ValueRef::Map(fields)) if fields.pairs().eq([("a", "1")])));
    assert!(matches!(answers[3], Answer::Value(ValueRef::Set(members)) if members.iter().count() == 0));
    for nothing in [multi_put(5, []), multi_get(6, [])] {
        assert_eq!(many(&client.exchange(&nothing)), []);
    }
}

#[test]
fn an_item_that_is_refused_does_not_hold_up_the_others() {
    let (_folder, kvs) = serve(&["--max-memory", "4MiB"]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    let large = vec![b'x'; 8 << 20];
    let puts: [(ValueType, &str, &[u8]); 3] = [(Str, "a", b"1"), (Str, "large", &large), (Str, "b", b"2")];
    let reply = client.exchange(&multi_put(1, puts));
    let answers = many(&reply);
    assert_eq!((&answers[0], &answers[2]), (&Answer::Done, &Answer::Done));
    assert_eq!(error_of(&answers[1]), Some(ErrorCode::MemoryFull));
    let reply = client.exchange(&multi_get(2, [(Str, "a"), (Str, "large"), (Str, "b")]));
    let found = [Answer::Value(ValueRef::Str("1")), Answer::NoEntry, Answer::Value(ValueRef::Str("2"))];
    assert_eq!(many(&reply), found);
}

#[test]
fn the_answer_to_a_multi_get_keeps_to_its_limit() {
    const ITEM: usize = 8;
    let (_folder, kvs) = serve(&[]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    // Four of them leave less room than what follows them needs.
    let bytes = MAX_REPLY_BYTES / 4 - 100;
    assert_eq!(client.exchange(&put_str(1, "large", &"x".repeat(bytes))).answer(), Answer::Done);
    assert_eq!(client.exchange(&put_str(2, "small", "small")).answer(), Answer::Done);
    let larges = std::iter::repeat_n((Str, "large"), 5);
    let others = [(Str, "small"), (Str, "missing")].into_iter().cycle().take(MAX_MULTI_ITEMS - 5);
    // The client refuses a reply that is longer than the limit.
    let reply = client.exchange(&multi_get(3, larges.chain(others)));
    let answers = many(&reply);
    assert_eq!(answers.len(), MAX_MULTI_ITEMS);
    let whole =
        answers.iter().filter(|answer| matches!(answer, Answer::Value(ValueRef::Str(text)) if text.len() == bytes));
    assert!(whole.count() >= 3, "what fits is answered");
    for answer in &answers {
        assert!(matches!(error_of(answer), None | Some(ErrorCode::TooLarge)), "{answer:?}");
    }
    assert!(reply.bytes() > 3 * (bytes + ITEM));
    assert_eq!(client.get_str("small").as_deref(), Some("small"), "the connection goes on");
    stop_unharmed(kvs);
}

#[test]
fn answers_for_which_there_is_no_room_are_not_made() {
    let (_folder, kvs) = serve(&[]);
    let mut client = FrameClient::connect(kvs.frame_addr);
    // To make all answers would take 13 GB, and keep the worker for a minute.
    let fields: Vec<String> = (0..100_000).map(|n| format!("{n:028}")).collect();
    let members: Vec<&str> = fields.iter().map(String::as_str).collect();
    let put = op(1, OpKind::Put, Some(Set), "large", &list(&members));
    assert_eq!(client.exchange(&put).answer(), Answer::Done);
    let began = Instant::now();
    let reply = client.exchange(&multi_get(2, std::iter::repeat_n((Set, "large"), MAX_MULTI_ITEMS)));
    let answers = many(&reply);
    assert_eq!(answers.len(), MAX_MULTI_ITEMS);
    let values = answers.iter().take_while(|answer| matches!(answer, Answer::Value(_))).count();
    assert!(values >= MAX_REPLY_BYTES / (4 << 20), "{values} values");
    assert!(answers[values..].iter().all(|answer| error_of(answer) == Some(ErrorCode::TooLarge)));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    stop_unharmed(kvs);
}
