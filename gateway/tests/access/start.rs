//! Addresses that other machines reach, `--allow-anonymous`, files that cannot be used.

use proto::frame::{Answer as FrameAnswer, ErrorCode};

use crate::frame_client::{FrameClient, auth, put_str};
use crate::harness::{Kvs, NotStarted};
use crate::{Identities, rest};

fn start(args: &[&str]) -> Result<Kvs, NotStarted> {
    Kvs::try_start(Kvs::program().args(["--log", "off"]).args(args))
}

fn refused(args: &[&str]) -> NotStarted {
    match start(args) {
        Err(refused) => refused,
        Ok(_) => panic!("kvs has started with {args:?}"),
    }
}

#[test]
fn an_open_server_for_other_machines_must_be_meant() {
    for args in [["--http-addr", "0.0.0.0:0"], ["--http-addr", "[::]:0"], ["--http-addr", "192.0.2.1:0"]] {
        let refused = refused(&args);
        assert_eq!(refused.status.code(), Some(2), "{}", refused.diagnostics);
        for word in ["reached from other machines", "kvs token new", "--identities", "--allow-anonymous"] {
            assert!(refused.diagnostics.contains(word), "{word}: {}", refused.diagnostics);
        }
    }
    let put = |kvs: &Kvs, token: Option<&str>| rest(kvs, "PUT", "str-put/k", token, b"v").status;
    let get = |kvs: &Kvs, token: Option<&str>| rest(kvs, "GET", "str-get/k", token, b"").status;
    let open = start(&["--http-addr", "0.0.0.0:0", "--allow-anonymous"]).expect("kvs starts");
    assert_eq!((put(&open, None), get(&open, None), get(&open, Some("whatever"))), (200, 200, 200));
    let readable = start(&["--http-addr", "0.0.0.0:0", "--allow-anonymous=read"]).expect("kvs starts");
    assert_eq!((put(&readable, None), get(&readable, None)), (403, 404));
    let identities = Identities::new();
    let token = identities.token("some", &["--scope", "write"]);
    let args = ["--http-addr", "0.0.0.0:0", "--identities", identities.path()];
    let locked = start(&args).expect("kvs starts");
    assert_eq!((put(&locked, None), put(&locked, Some(&token)), get(&locked, Some(&token))), (401, 200, 403));
}

#[test]
fn clients_without_a_token_do_what_the_operator_allows() {
    let identities = Identities::new();
    let token = identities.token("some", &["--scope", "read,write"]);
    let (_folder, kvs) = identities.serve(&["--allow-anonymous=read"]);
    assert_eq!(rest(&kvs, "PUT", "str-put/k", Some(&token), b"v").status, 200);
    assert_eq!(rest(&kvs, "GET", "str-get/k", None, b"").text(), "v");
    assert_eq!(rest(&kvs, "PUT", "str-put/k", None, b"w").status, 401, "a token would help");
    assert_eq!(rest(&kvs, "GET", "str-get/k", Some("wrong"), b"").status, 401, "a wrong token is not none");
    let mut client = FrameClient::connect(kvs.frame_addr);
    assert_eq!(client.get_str("k").as_deref(), Some("v"));
    assert_eq!(client.exchange(&put_str(2, "k", "w")).error(), Some(ErrorCode::Unauthenticated));
    assert_eq!(client.exchange(&auth(3, &token)).answer(), FrameAnswer::Done);
    assert_eq!(client.exchange(&put_str(4, "k", "w")).answer(), FrameAnswer::Done);
    for scopes in ["admin", "read,admin", "all", ""] {
        let refused = refused(&[&format!("--allow-anonymous={scopes}")]);
        assert_eq!(refused.status.code(), Some(2), "{scopes}");
    }
}

#[test]
fn identities_that_cannot_be_used_are_said_at_the_start() {
    let identities = Identities::new();
    let missing = refused(&["--http-addr", "127.0.0.1:0", "--identities", identities.path()]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(missing.diagnostics.contains("kvs token new"), "{}", missing.diagnostics);
    let secret = "5".repeat(64);
    std::fs::write(&identities.file, format!("key = \"{secret}\"\n[[identity]]\nname = \"a\"\n")).expect("a file");
    let wrong = refused(&["--http-addr", "127.0.0.1:0", "--identities", identities.path()]);
    assert!(wrong.diagnostics.contains("missing field `scopes`"), "{}", wrong.diagnostics);
    assert!(!wrong.diagnostics.contains(&secret), "{}", wrong.diagnostics);
}
