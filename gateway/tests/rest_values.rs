//! Every row of REST API v1 where nothing goes wrong: values go in and come out, over a real socket.

mod harness;

use std::collections::BTreeMap;

use harness::{Answer, Client, Kvs, folder, percent_encoded, request_bytes, seed};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Longest key, in bytes.
const LONGEST_KEY: usize = 512;

/// The three paths of a value type in one spelling, and values: as they are sent, as they come back.
struct Row {
    put: &'static str,
    get: &'static str,
    del: &'static str,
    content_type: &'static str,
    values: [(&'static str, &'static str); 2],
}

const UINTS: [(&str, &str); 2] = [("4294967295", "4294967295"), ("0", "0")];

#[rustfmt::skip]
const ROWS: [Row; 7] = [
    Row { put: "int-put", get: "int-get", del: "int-del", content_type: TEXT,
          values: [("-2147483648", "-2147483648"), ("2147483647", "2147483647")] },
    Row { put: "uint-put", get: "uint-get", del: "uint-del", content_type: TEXT, values: UINTS },
    Row { put: "uint/put", get: "uint/get", del: "uint/del", content_type: TEXT, values: UINTS },
    Row { put: "float-put", get: "float-get", del: "float-del", content_type: TEXT,
          values: [("3.14159", "3.14159"), ("2.718280e+00", "2.71828")] },
    Row { put: "str-put", get: "str-get", del: "str-del", content_type: TEXT,
          values: [("a line\n", "a line\n"), ("", "")] },
    Row { put: "map-put", get: "map-get", del: "map-del", content_type: JSON,
          values: [(r#" { "name" : "Ada" } "#, r#"{"name":"Ada"}"#), ("{}", "{}")] },
    Row { put: "set-put", get: "set-get", del: "set-del", content_type: JSON,
          values: [(r#"["b", "a", "b"]"#, r#"["a","b"]"#), ("[]", "[]")] },
];

#[track_caller]
fn assert_stored(answer: &Answer) {
    assert_eq!((answer.status, answer.text(), answer.header("deleted")), (200, "", None));
}

#[track_caller]
fn assert_deleted(answer: &Answer, deleted: bool) {
    assert_eq!((answer.status, answer.text()), (200, ""));
    assert_eq!(answer.header("deleted"), deleted.then_some("true"));
}

#[track_caller]
fn assert_value(answer: &Answer, value: &str, content_type: &str) {
    assert_eq!((answer.status, answer.text()), (200, value));
    assert_eq!(answer.header("content-type"), Some(content_type));
    assert_eq!(answer.header("deleted"), None);
}

#[track_caller]
fn assert_text(answer: &Answer, text: &str) {
    assert_value(answer, text, TEXT);
}

#[track_caller]
fn assert_missing(answer: &Answer, key: &str) {
    answer.assert_error(404, key);
    assert_eq!(answer.text(), format!("Key {key} not found"));
}

/// A server of its own for one test.
fn serve(test: impl FnOnce(&mut Client)) {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--durability", "async"]);
    test(&mut kvs.connect());
}

#[test]
fn values_are_put_read_replaced_and_deleted() {
    serve(|client| {
        for (number, row) in ROWS.iter().enumerate() {
            let key = format!("key_{number}");
            let (put, get, del) =
                (format!("{}/{key}", row.put), format!("{}/{key}", row.get), format!("{}/{key}", row.del));
            assert_missing(&client.get(&get), &key);
            assert_deleted(&client.delete(&del), false);
            for (sent, value) in row.values {
                assert_stored(&client.put(&put, sent));
                assert_value(&client.get(&get), value, row.content_type);
            }
            assert_deleted(&client.delete(&del), true);
            assert_missing(&client.get(&get), &key);
            assert_deleted(&client.delete(&del), false);
        }
    });
}

#[test]
fn both_spellings_of_uint_mean_the_same_entry() {
    serve(|client| {
        client.put("uint/put/a", "7");
        assert_text(&client.get("uint-get/a"), "7");
        client.put("uint-put/a", "8");
        assert_text(&client.get("uint/get/a"), "8");
        assert_deleted(&client.delete("uint/del/a"), true);
        assert_missing(&client.get("uint-get/a"), "a");
    });
}

#[test]
fn the_example_session() {
    serve(|client| {
        assert_stored(&client.put("int-put/visits", "41"));
        assert_text(&client.put("int-incr/visits", ""), "41");
        assert_text(&client.get("int-get/visits"), "42");
        assert_stored(&client.put("map-put/user_1", r#"{"name":"Ada"}"#));
        assert_value(&client.get("map-get/user_1"), r#"{"name":"Ada"}"#, JSON);
        assert_deleted(&client.delete("map-del/user_1"), true);
    });
}

#[test]
fn the_deleted_header_is_spelled_as_the_first_clients_expect() {
    serve(|client| {
        client.put("int-put/a", "1");
        let delete = [
            request_bytes("DELETE", "int-del/a", &[], b""),
            request_bytes("DELETE", "int-del/a", &[("Connection", "close")], b""),
        ];
        client.send(&delete.concat()).expect("the requests are sent");
        let answers = String::from_utf8(client.receive_rest()).expect("answers are text");
        let (first, second) = answers[1..].split_once("HTTP/1.1").expect("two answers");
        assert!(first.contains("\r\nDeleted: true\r\n") && first.contains("\r\nContent-Length: 0\r\n"), "{first}");
        assert!(second.starts_with(" 200 ") && !second.to_lowercase().contains("deleted"), "{second}");
    });
}

#[test]
fn an_entry_is_named_by_type_and_key() {
    serve(|client| {
        let rows = || ROWS.iter().filter(|row| row.put != "uint/put");
        let put_all = |client: &mut Client| {
            for row in rows() {
                assert_stored(&client.put(&format!("{}/same", row.put), row.values[0].0));
            }
        };
        put_all(client);
        for deleted in rows() {
            for row in rows() {
                assert_value(&client.get(&format!("{}/same", row.get)), row.values[0].1, row.content_type);
            }
            assert_deleted(&client.delete(&format!("{}/same", deleted.del)), true);
            assert_missing(&client.get(&format!("{}/same", deleted.get)), "same");
            assert_stored(&client.put(&format!("{}/same", deleted.put), deleted.values[0].0));
        }

        assert_deleted(&client.delete("del/same"), true);
        for row in rows() {
            assert_missing(&client.get(&format!("{}/same", row.get)), "same");
        }
        assert_deleted(&client.delete("del/same"), false);
        client.put("set-put/only_one", "[]");
        assert_deleted(&client.delete("del/only_one"), true);
    });
}

#[test]
fn counters_answer_the_value_before() {
    serve(|client| {
        for ty in ["int", "uint"] {
            let (incr, incrby, get) = (format!("{ty}-incr/n"), format!("{ty}-incrby/n"), format!("{ty}-get/n"));
            assert_text(&client.put(&incr, ""), "0");
            assert_text(&client.put(&incr, ""), "1");
            assert_text(&client.put(&incrby, "40"), "2");
            assert_text(&client.put(&incrby, "-41"), "42");
            assert_text(&client.put(&incrby, "0"), "1");
            assert_text(&client.get(&get), "1");
            assert_text(&client.put(&format!("{ty}-incrby/first"), "5"), "0");
            assert_text(&client.get(&format!("{ty}-get/first")), "5");
        }
        assert_text(&client.put("int-incrby/n", "-100"), "1");
        assert_text(&client.get("int-get/n"), "-99");
    });
}

#[test]
fn counters_reach_both_ends_of_their_type() {
    serve(|client| {
        for (ty, start, by, end) in [
            ("int", "2147483646", "1", "2147483647"),
            ("int", "-2147483647", "-1", "-2147483648"),
            ("int", "-1", "-2147483647", "-2147483648"),
            ("uint", "4294967294", "1", "4294967295"),
            ("uint", "0", "4294967295", "4294967295"),
            ("uint", "4294967295", "-4294967295", "0"),
        ] {
            client.put(&format!("{ty}-put/n"), start);
            assert_text(&client.put(&format!("{ty}-incrby/n"), by), start);
            assert_text(&client.get(&format!("{ty}-get/n")), end);
        }
    });
}

#[test]
fn sets_grow_shrink_and_know_their_members() {
    serve(|client| {
        assert_missing(&client.get("set-has/s/a"), "s");
        assert_text(&client.put("set-rem/s", r#"["a"]"#), "0");
        assert_text(&client.put("set-add/s", r#"["b","a","b","ä","Z",""]"#), "5");
        assert_text(&client.put("set-add/s", r#"["a","c"]"#), "1");
        assert_value(&client.get("set-get/s"), r#"["","Z","a","b","c","ä"]"#, JSON);
        for (member, has) in [("a", "true"), ("%C3%A4", "true"), ("", "true"), ("A", "false"), ("a%2Fb", "false")] {
            assert_text(&client.get(&format!("set-has/s/{member}")), has);
        }
        assert_text(&client.put("set-rem/s", r#"["a","a","not there"]"#), "1");
        assert_text(&client.get("set-has/s/a"), "false");
        assert_text(&client.put("set-rem/s", r#"["","Z","b","c","ä"]"#), "5");
        assert_value(&client.get("set-get/s"), "[]", JSON);
    });
}

#[test]
fn map_fields_are_read_written_and_deleted_one_by_one() {
    serve(|client| {
        assert_missing(&client.get("map-get/m/a"), "m");
        assert_deleted(&client.delete("map-del/m/a"), false);
        assert_stored(&client.put("map-set/m/a", "one\n\"two\""));
        assert_text(&client.get("map-get/m/a"), "one\n\"two\"");
        assert_value(&client.get("map-get/m"), r#"{"a":"one\n\"two\""}"#, JSON);
        client.get("map-get/m/b").assert_error(404, "a missing field");

        assert_stored(&client.put("map-put/m", r#"{"b":"2","a/b":"3","":"4","c":"first","c":"last"}"#));
        for (field, value) in [("b", "2"), ("a%2Fb", "3"), ("", "4"), ("c", "last")] {
            assert_text(&client.get(&format!("map-get/m/{field}")), value);
        }
        assert_stored(&client.put("map-set/m/b", ""));
        assert_text(&client.get("map-get/m/b"), "");
        for field in ["b", "a%2Fb", "", "c"] {
            assert_deleted(&client.delete(&format!("map-del/m/{field}")), true);
            assert_deleted(&client.delete(&format!("map-del/m/{field}")), false);
        }
        assert_value(&client.get("map-get/m"), "{}", JSON);
        assert_deleted(&client.delete("map-del/m"), true);
    });
}

#[test]
fn a_map_may_have_ten_thousand_fields() {
    let mut fields: BTreeMap<String, String> =
        (0..10_000).map(|n| (format!("field {n}"), format!("value \"{n}\" ☃"))).collect();
    let read = |client: &mut Client| -> BTreeMap<String, String> {
        serde_json::from_slice(&client.get("map-get/big").body).expect("a JSON object of strings")
    };
    serve(|client| {
        assert_stored(&client.put("map-put/big", serde_json::to_vec(&fields).expect("strings are JSON")));
        assert_eq!(read(client), fields);
        assert_text(&client.get("map-get/big/field%209999"), "value \"9999\" ☃");
        assert_stored(&client.put("map-set/big/new", "here"));
        assert_deleted(&client.delete("map-del/big/field%205000"), true);
        fields.insert("new".into(), "here".into());
        fields.remove("field 5000");
        assert_eq!(read(client), fields);
    });
}

#[test]
fn json_strings_may_be_escaped_in_every_way() {
    serve(|client| {
        let escaped = r#"["\"\\\/\b\f\n\r\t","\u00e9\u00C9","\ud83d\ude00","\u0001","é😀"]"#;
        let plain = ["\"\\/\u{8}\u{c}\n\r\t", "éÉ", "😀", "\u{1}", "é😀"];
        assert_stored(&client.put("set-put/s", escaped));
        let members: Vec<String> = serde_json::from_slice(&client.get("set-get/s").body).expect("a JSON array");
        let mut expected = plain.map(String::from);
        expected.sort();
        assert_eq!(members, expected);

        assert_stored(&client.put("map-put/m", r#"{"\ud83d\ude00\u0022":"\u0041\n"}"#));
        assert_text(&client.get(&format!("map-get/m/{}", percent_encoded("😀\""))), "A\n");
    });
}

#[test]
fn strings_come_back_byte_by_byte() {
    serve(|client| {
        let long = "ein langes Wort 😀".repeat((1 << 20) / 20);
        let values = ["", " ", "\n", "\r\n\r\n", "\"quoted\"", "a\tb", "😀 ☃ ß", "\u{feff}", "%41+", "{}", &long];
        for value in values {
            assert_stored(&client.put("str-put/s", value));
            assert_text(&client.get("str-get/s"), value);
            assert_stored(&client.put("map-set/m/f", value));
            assert_text(&client.get("map-get/m/f"), value);
        }
    });
}

#[test]
fn keys_are_decoded_once_and_never_normalised() {
    let long = "k".repeat(LONGEST_KEY);
    let long_encoded = percent_encoded("ä".repeat(LONGEST_KEY / 2));
    let keys = [
        ("a%2Fb", "a/b"),
        ("%2F", "/"),
        ("..", ".."),
        (".", "."),
        ("%2e%2E%2f", "../"),
        ("%25", "%"),
        ("%2525", "%25"),
        ("a+b", "a+b"),
        ("a%20b", "a b"),
        ("%C3%A4", "ä"),
        ("a%CC%88", "a\u{308}"),
        ("%F0%9F%98%80", "😀"),
        ("%3Fn%3D1%23", "?n=1#"),
        ("%22%7B%7D%5C", "\"{}\\"),
        ("A", "A"),
        ("~!$&'()*,;=:@", "~!$&'()*,;=:@"),
        (&long, &long),
        (&long_encoded, &"ä".repeat(LONGEST_KEY / 2)),
    ];
    serve(|client| {
        for (sent, key) in keys {
            assert_missing(&client.get(&format!("str-get/{sent}")), key);
            assert_stored(&client.put(&format!("str-put/{sent}"), key));
        }
        for (sent, key) in keys {
            for spelling in [sent, &percent_encoded(key), &percent_encoded(key).to_lowercase()] {
                assert_text(&client.get(&format!("str-get/{spelling}")), key);
            }
            assert_text(&client.get(&format!("str-get/{sent}?query=ignored")), key);
        }
    });
}

/// Whether no text with fewer digits than `text` reads back as the same number.
fn is_shortest(text: &str, number: f32) -> bool {
    let mantissa = text.split('e').next().unwrap_or(text).trim_start_matches(['-', '0', '.']);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let trailing_zeros = if text.contains('.') { 0 } else { mantissa.len() - mantissa.trim_end_matches('0').len() };
    let significant = digits - trailing_zeros;
    significant <= 1 || format!("{number:.*e}", significant - 2).parse::<f32>() != Ok(number)
}

#[test]
fn floats_come_back_as_the_shortest_text_of_the_same_number() {
    serve(|client| {
        for (sent, answered) in [
            ("3.14159", "3.14159"),
            ("2.718280e+00", "2.71828"),
            ("0", "0"),
            ("-0", "-0"),
            ("-0.0", "-0"),
            ("1", "1"),
            ("+1.50", "1.5"),
            (".5", "0.5"),
            ("0.1", "0.1"),
            ("16777217", "16777216"),
            ("1E5", "1e5"),
        ] {
            assert_stored(&client.put("float-put/f", sent));
            assert_text(&client.get("float-get/f"), answered);
        }
        let mut random = StdRng::seed_from_u64(seed());
        let extremes = [f32::MAX, f32::MIN, f32::MIN_POSITIVE, f32::from_bits(1), 1e-40, f32::EPSILON, 1.0 / 3.0];
        let numbers = std::iter::repeat_with(|| f32::from_bits(random.random())).filter(|number| number.is_finite());
        for number in extremes.into_iter().chain(numbers.take(500)) {
            assert_stored(&client.put("float-put/f", format!("{number:.60e}")));
            let answer = client.get("float-get/f");
            let text = answer.text();
            assert_eq!(text.parse::<f32>().map(f32::to_bits), Ok(number.to_bits()), "{number:e} came back as {text}");
            assert!(is_shortest(text, number), "{text} is not the shortest text");
        }
    });
}

#[test]
fn echo_hello_and_fibo() {
    serve(|client| {
        for (sent, echoed) in [
            ("Hello, World 1!", "hELLO, wORLD 1!"),
            ("", ""),
            ("Äöü Ñandú", "äÖÜ ñANDÚ"),
            ("ПРИВЕТ мир", "привет МИР"),
            ("Σίσυφος", "σΊΣΥΦΟΣ"),
            ("😀 漢字\n", "😀 漢字\n"),
        ] {
            assert_text(&client.post("echo", sent), echoed);
        }
        assert_text(&client.post("hello", ""), "Hello from kvs:v1-0-0 service!");
        for (n, number) in [
            (0, "0"),
            (1, "1"),
            (2, "1"),
            (3, "2"),
            (10, "55"),
            (90, "2880067194370816120"),
            (100, "354224848179261915075"),
        ] {
            assert_text(&client.post(&format!("fibo?n={n}"), ""), number);
        }
        let largest = client.post("fibo?n=10000", "");
        assert_eq!(largest.text().len(), 2090);
        assert!(largest.text().starts_with("33644764876431783266"));
        assert!(largest.text().ends_with("66073310059947366875"));
    });
}

#[test]
fn head_answers_as_get_without_the_body() {
    serve(|client| {
        for row in &ROWS {
            client.put(&format!("{}/a", row.put), row.values[0].0);
        }
        let paths = ROWS.iter().map(|row| format!("{}/a", row.get));
        let more = ["map-get/a/name", "set-has/a/a", "int-get/missing", "map-get/a/missing"].map(String::from);
        for path in paths.chain(more) {
            let (get, head) = (client.get(&path), client.request("HEAD", &path, ""));
            assert_eq!(head.status, get.status, "{path}");
            for name in ["content-length", "content-type"] {
                assert_eq!(head.header(name), get.header(name), "{name} of {path}");
            }
        }
    });
}

/// Entries of every type, and every way of changing one.
fn write_everything(client: &mut Client) {
    for row in &ROWS {
        client.put(&format!("{}/kept", row.put), row.values[0].0);
        client.put(&format!("{}/replaced", row.put), row.values[0].0);
        client.put(&format!("{}/replaced", row.put), row.values[1].0);
        client.put(&format!("{}/deleted", row.put), row.values[0].0);
        client.delete(&format!("{}/deleted", row.del));
        client.put(&format!("{}/all%20gone", row.put), row.values[0].0);
    }
    client.delete("del/all%20gone");
    for ty in ["int", "uint"] {
        client.put(&format!("{ty}-incr/n"), "");
        client.put(&format!("{ty}-incrby/n"), "10");
        client.put(&format!("{ty}-incrby/n"), "-4");
    }
    client.put("set-add/s", r#"["a","b","c"]"#);
    client.put("set-rem/s", r#"["b"]"#);
    client.put("map-set/m/a", "1");
    client.put("map-set/m/%C3%A4", "2\n");
    client.delete("map-del/m/a");
    client.put("str-put/long", "x".repeat(1 << 20));
}

fn assert_everything_is_there(client: &mut Client) {
    for row in &ROWS {
        assert_value(&client.get(&format!("{}/kept", row.get)), row.values[0].1, row.content_type);
        assert_value(&client.get(&format!("{}/replaced", row.get)), row.values[1].1, row.content_type);
        assert_missing(&client.get(&format!("{}/deleted", row.get)), "deleted");
        assert_missing(&client.get(&format!("{}/all%20gone", row.get)), "all gone");
    }
    for ty in ["int", "uint"] {
        assert_text(&client.get(&format!("{ty}-get/n")), "7");
    }
    assert_value(&client.get("set-get/s"), r#"["a","c"]"#, JSON);
    assert_value(&client.get("map-get/m"), r#"{"ä":"2\n"}"#, JSON);
    assert_text(&client.get("str-get/long"), &"x".repeat(1 << 20));
}

#[test]
fn everything_is_there_after_a_stop_and_after_a_kill() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--durability", "sync"]);
    write_everything(&mut kvs.connect());
    assert_everything_is_there(&mut kvs.connect());
    kvs.kill();

    let kvs = Kvs::start(folder.path(), &[]);
    assert_everything_is_there(&mut kvs.connect());
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{diagnostics}");

    let kvs = Kvs::start(folder.path(), &[]);
    assert_everything_is_there(&mut kvs.connect());
}

#[test]
fn an_orderly_stop_keeps_asynchronous_writes() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--durability", "async"]);
    write_everything(&mut kvs.connect());
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{diagnostics}");
    let kvs = Kvs::start(folder.path(), &[]);
    assert_everything_is_there(&mut kvs.connect());
}
