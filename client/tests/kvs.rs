//! The client and the real kvs.

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use client::{Client, ConnectError, Error, ErrorCode, Options, Value, ValueType};
use server::Kvs;

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(30);

async fn connect(kvs: &Kvs) -> Client {
    Client::connect(kvs.address.to_string()).await.unwrap()
}

fn map(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|(field, value)| (field.to_string(), value.to_string())).collect()
}

fn set(members: &[&str]) -> BTreeSet<String> {
    members.iter().map(|member| member.to_string()).collect()
}

#[tokio::test]
async fn entries_of_every_type_are_put_got_and_deleted() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    client.ping().await.unwrap();

    assert_eq!(client.get_int("k").await.unwrap(), None);
    client.put_int("k", i32::MIN).await.unwrap();
    assert_eq!(client.get_int("k").await.unwrap(), Some(i32::MIN));

    assert_eq!(client.get_uint("k").await.unwrap(), None);
    client.put_uint("k", u32::MAX).await.unwrap();
    assert_eq!(client.get_uint("k").await.unwrap(), Some(u32::MAX));

    assert_eq!(client.get_float("k").await.unwrap(), None);
    client.put_float("k", -0.5).await.unwrap();
    assert_eq!(client.get_float("k").await.unwrap(), Some(-0.5));

    assert_eq!(client.get_str("k").await.unwrap(), None);
    for text in ["", "ä", &"long ".repeat(100_000)] {
        client.put_str("k", text).await.unwrap();
        assert_eq!(client.get_str("k").await.unwrap().as_deref(), Some(text));
    }

    assert_eq!(client.get_map("k").await.unwrap(), None);
    let fields = map(&[("b", "2"), ("a", ""), ("", "ü")]);
    client.put_map("k", &fields).await.unwrap();
    assert_eq!(client.get_map("k").await.unwrap(), Some(fields));
    client.put_map("k", [("x", "1"), ("x", "2")]).await.unwrap();
    assert_eq!(client.get_map("k").await.unwrap(), Some(map(&[("x", "2")])));

    assert_eq!(client.get_set("k").await.unwrap(), None);
    client.put_set("k", ["b", "a", "", "b"]).await.unwrap();
    assert_eq!(client.get_set("k").await.unwrap(), Some(set(&["a", "b", ""])));
    client.put_set("k", &BTreeSet::<String>::new()).await.unwrap();
    assert_eq!(client.get_set("k").await.unwrap(), Some(BTreeSet::new()));

    for present in [true, false] {
        assert_eq!(client.del_int("k").await.unwrap(), present);
        assert_eq!(client.del_uint("k").await.unwrap(), present);
        assert_eq!(client.del_float("k").await.unwrap(), present);
        assert_eq!(client.del_str("k").await.unwrap(), present);
        assert_eq!(client.del_map("k").await.unwrap(), present);
        assert_eq!(client.del_set("k").await.unwrap(), present);
    }
    client.put_int("k", 1).await.unwrap();
    client.put_str("k", "").await.unwrap();
    assert!(client.del_all("k").await.unwrap());
    assert!(!client.del_all("k").await.unwrap());
    assert_eq!(client.get_int("k").await.unwrap(), None);
    client.close().await;
}

#[tokio::test]
async fn increments_answer_with_the_value_before_and_do_not_overflow() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    assert_eq!(client.incr_int("k").await.unwrap(), 0);
    assert_eq!(client.incr_int_by("k", -5).await.unwrap(), 1);
    assert_eq!(client.get_int("k").await.unwrap(), Some(-4));
    assert_eq!(client.incr_uint("k").await.unwrap(), 0);
    assert_eq!(client.incr_uint_by("k", i64::from(u32::MAX) - 1).await.unwrap(), 1);
    assert_eq!(client.get_uint("k").await.unwrap(), Some(u32::MAX));
    for result in [client.incr_uint("k").await.map(i64::from), client.incr_int_by("k", i64::MAX).await.map(i64::from)] {
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Refused { code: ErrorCode::Overflow, .. }) && !error.is_retryable(),
            "{error:?}"
        );
    }
    assert_eq!(client.get_uint("k").await.unwrap(), Some(u32::MAX));
}

#[tokio::test]
async fn members_and_fields() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    assert_eq!(client.set_has("k", "a").await.unwrap(), None);
    assert_eq!(client.set_add("k", ["c", "a", "a"]).await.unwrap(), 2);
    assert_eq!(client.set_add("k", ["b", "a"]).await.unwrap(), 1);
    assert_eq!(client.set_has("k", "a").await.unwrap(), Some(true));
    assert_eq!(client.set_rem("k", ["a", "x"]).await.unwrap(), 1);
    assert_eq!(client.set_has("k", "a").await.unwrap(), Some(false));
    assert_eq!(client.get_set("k").await.unwrap(), Some(set(&["b", "c"])));

    assert_eq!(client.map_get_field("k", "f").await.unwrap(), None);
    assert!(!client.map_del_field("k", "f").await.unwrap());
    client.map_set_field("k", "f", "1").await.unwrap();
    client.map_set_field("k", "g", "").await.unwrap();
    assert_eq!(client.map_get_field("k", "f").await.unwrap().as_deref(), Some("1"));
    assert!(client.map_del_field("k", "f").await.unwrap());
    assert_eq!(client.map_get_field("k", "f").await.unwrap(), None);
    assert_eq!(client.get_map("k").await.unwrap(), Some(map(&[("g", "")])));
}

#[tokio::test]
async fn many_entries_of_mixed_types() {
    let kvs = Kvs::start();
    let client = connect(&kvs).await;
    let values = [
        Value::from(-1),
        Value::from(2_u32),
        Value::from(0.5),
        Value::from("text"),
        Value::from(map(&[("b", "1"), ("a", "2")])),
        Value::from(set(&["y", "x"])),
    ];
    let stored = client.multi_put(values.iter().map(|value| ("k", value.clone()))).await.unwrap();
    assert_eq!(stored.len(), values.len());
    stored.into_iter().for_each(|stored| stored.unwrap());
    let names = ValueType::ALL.into_iter().map(|ty| (ty, "k")).chain([(ValueType::Int, "missing")]);
    let found: Vec<_> = client.multi_get(names).await.unwrap().into_iter().map(|value| value.unwrap()).collect();
    assert_eq!(found, values.into_iter().map(Some).chain([None]).collect::<Vec<_>>());
    assert!(client.multi_get::<&str>([]).await.unwrap().is_empty());
    assert!(client.multi_put::<&str, i32>([]).await.unwrap().is_empty());
}

#[tokio::test]
async fn more_entries_than_fit_into_a_request_or_an_answer() {
    const SMALL: i32 = 20_000;
    const LARGE: usize = 90;
    let kvs = Kvs::start();
    let client = Options::new(kvs.address.to_string()).request_timeout(DEADLINE).connect().await.unwrap();
    let stored = client.multi_put((0..SMALL).map(|number| (number.to_string(), number))).await.unwrap();
    assert!(stored.iter().all(Result::is_ok));
    let found = client.multi_get((0..SMALL).map(|number| (ValueType::Int, number.to_string()))).await.unwrap();
    assert!(found.into_iter().enumerate().all(|(number, value)| value.unwrap() == Some(Value::Int(number as i32))));

    let text = |number: usize| format!("{number}{}", "x".repeat(1_000_000));
    let stored = client.multi_put((0..LARGE).map(|number| (number.to_string(), text(number)))).await.unwrap();
    stored.into_iter().for_each(|stored| stored.unwrap());
    let found = client.multi_get((0..LARGE).map(|number| (ValueType::Str, number.to_string()))).await.unwrap();
    for (number, value) in found.into_iter().enumerate() {
        assert!(value.unwrap() == Some(Value::Str(text(number))), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_share_one_connection_and_each_gets_its_own_replies() {
    const TASKS: u32 = 64;
    const ROUNDS: u32 = 200;
    let kvs = Kvs::start();
    let client = Options::new(kvs.address.to_string()).max_outstanding(40).connect().await.unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                let own = format!("own:{task}");
                for round in 0..ROUNDS {
                    let value = format!("{task}/{round}");
                    client.put_str(&own, &value).await.unwrap();
                    let (text, before, other) =
                        tokio::join!(client.get_str(&own), client.incr_uint("shared"), client.get_int(&own));
                    assert_eq!(text.unwrap().as_deref(), Some(&*value));
                    assert!(before.unwrap() < TASKS * ROUNDS);
                    assert_eq!(other.unwrap(), None);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(client.get_uint("shared").await.unwrap(), Some(TASKS * ROUNDS));
}

#[tokio::test]
async fn a_token_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "secret\n").unwrap();
    let file = file.to_str().unwrap();
    let kvs = Kvs::with(&["--frame-addr", "127.0.0.1:0", "--log", "off", "--token-file", file]);
    let options = || Options::new(kvs.address.to_string());
    let client = options().token("secret").connect().await.unwrap();
    client.put_int("k", 1).await.unwrap();
    let error = options().token("wrong").connect().await.unwrap_err();
    assert!(matches!(error, Error::Connect(ConnectError::TokenRefused(_))), "{error:?}");
    let error = options().connect().await.unwrap_err();
    assert!(matches!(error, Error::Connect(ConnectError::TokenRequired)), "{error:?}");
}

/// What the tasks of the next test have seen of their counters.
#[derive(Default)]
struct Seen {
    done: u32,
    unknown: u32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kvs_is_killed_and_comes_back() {
    const TASKS: usize = 16;
    let folder = tempfile::tempdir().unwrap();
    let log = format!("file:{}", folder.path().join("log").display());
    let start = |address: &str| Kvs::with(&["--frame-addr", address, "--log", &log, "--durability", "async"]);
    let mut kvs = start("127.0.0.1:0");
    let address = kvs.address.to_string();
    let backoff = (Duration::from_millis(10), Duration::from_millis(100));
    let client =
        Options::new(&*address).request_timeout(DEADLINE).backoff(backoff.0, backoff.1).connect().await.unwrap();

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let (progress, mut progressed) = tokio::sync::mpsc::unbounded_channel();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (client, stopped, progress) = (client.durable(), stopped.clone(), progress.clone());
            tokio::spawn(async move {
                let (name, mut seen) = (format!("counter:{task}"), Seen::default());
                while !*stopped.borrow() {
                    match client.incr_uint(&name).await {
                        Ok(_) => seen.done += 1,
                        Err(Error::Unknown(_)) => seen.unknown += 1,
                        Err(other) => panic!("{other:?}"),
                    }
                    let _ = progress.send(());
                }
                (name, seen)
            })
        })
        .collect();
    for _ in 0..3 {
        let some = async {
            // What went before the kill is counted first, so that some of these come from the server that is up now.
            while progressed.try_recv().is_ok() {}
            for _ in 0..20 * TASKS {
                progressed.recv().await.unwrap();
            }
        };
        tokio::time::timeout(DEADLINE, some).await.expect("the tasks make progress");
        kvs.kill();
        kvs = start(&address);
    }
    stop.send_replace(true);
    for task in tasks {
        let (name, seen) = tokio::time::timeout(DEADLINE, task).await.expect("the task ends").unwrap();
        let counted = client.get_uint(&name).await.unwrap().unwrap_or(0);
        assert!(counted >= seen.done, "{name}: {counted}, but {} were acknowledged", seen.done);
        assert!(counted <= seen.done + seen.unknown, "{name}: {counted}, more than was asked for");
    }
}

#[tokio::test]
async fn tls_with_the_server_and_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = |args: &[&str]| {
        let output = server::command(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let (identities, tls, others) = (path("identities.toml"), path("tls"), path("others"));
    let token = run(&["token", "new", "app", "--scope", "read,write", "--prefix", "app_", "--identities", &identities]);
    let token = token.trim();
    run(&["certs", &tls]);
    run(&["certs", &others]);
    let (cert, key) = (path("tls/server.pem"), path("tls/server.key"));
    let flags = ["--frame-addr", "127.0.0.1:0", "--log", "off", "--identities", &identities, "--allow-anonymous=read"];
    let kvs = Kvs::with(
        &[&flags[..], &["--server-cert", &cert, "--server-key", &key, "--client-ca", &path("tls/ca.pem")]].concat(),
    );
    let options = || Options::new(format!("localhost:{}", kvs.address.port())).connect_timeout(DEADLINE);
    let read = |name: &str| std::fs::read(path(name)).unwrap();
    let trusting = |ca: &str| client::Tls::trusting(&read(ca)).unwrap();

    let client = options().tls(trusting("tls/ca.pem")).token(token).connect().await.unwrap();
    client.put_str("app_k", &"a".repeat(1 << 20)).await.unwrap();
    assert_eq!(client.get_str("app_k").await.unwrap().map_or(0, |text| text.len()), 1 << 20);
    let refused = client.put_str("other", "a").await.unwrap_err();
    assert!(matches!(refused, Error::Refused { code: ErrorCode::Forbidden, .. }), "{refused:?}");
    // Many at once.
    let puts = (0..1000).map(|n| {
        let client = client.clone();
        async move { client.put_int(&format!("app_{n}"), n).await }
    });
    for put in puts {
        put.await.unwrap();
    }
    let anonymous = options().tls(trusting("tls/ca.pem")).connect().await.unwrap();
    assert_eq!(anonymous.get_int("app_7").await.unwrap(), Some(7));
    assert!(anonymous.put_int("app_7", 8).await.is_err());
    let own =
        client::Tls::with_certificate(&read("tls/ca.pem"), &read("tls/client.pem"), &read("tls/client.key")).unwrap();
    assert_eq!(options().tls(own).connect().await.unwrap().get_int("app_7").await.unwrap(), Some(7));
    // Another server than the one that is trusted, or no TLS: nothing is sent.
    for options in [options().tls(trusting("others/ca.pem")), options()] {
        let refused = options.token(token).connect().await.err();
        assert!(matches!(refused, Some(Error::Connect(_))), "{refused:?}");
    }
    assert!(client::Tls::trusting(b"no certificate").is_err());
}
