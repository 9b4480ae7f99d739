//! Places to begin from, and those that are refused.

use proto::frame::{Answer, ErrorCode, Follow, TOKEN_BYTES, Token, encode_follow};
use serde_json::{Value, json};

use crate::follower::{Follower, told_after};
use crate::frame_client::FrameClient;
use crate::harness::{Kvs, folder};
use crate::{ask, json, place};

pub(crate) fn refused(kvs: &Kvs, query: &str, status: u16, name: &str) -> Value {
    let follower = Follower::lines(kvs.addr, query);
    assert_eq!(
        (follower.status, &follower.refusal["type"]),
        (status, &json!(format!("/v2/problems/{name}"))),
        "{query}"
    );
    assert_eq!(follower.refusal["outcome"], "none");
    follower.refusal.clone()
}

pub(crate) fn over_frames(kvs: &Kvs, after: Option<&Token>) -> Option<ErrorCode> {
    let mut request = Vec::new();
    encode_follow(&mut request, 7, &Follow { ty: None, prefix: "", values: false, wait: 0, after });
    FrameClient::connect(kvs.frame_addr).exchange(&request).error()
}

/// A token of REST, as it is over frames.
pub(crate) fn place_bytes(token: &str) -> Token {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).expect("base64url");
    bytes.try_into().expect("a token has its size")
}

#[test]
fn what_is_no_place_of_this_log_is_refused() {
    let (here, there) = (folder(), folder());
    let (kvs, other) = (Kvs::start(here.path(), &[]), Kvs::start(there.path(), &[]));
    let foreign = place(&other);
    refused(&kvs, &format!("after={foreign}"), 410, "gone");
    refused(&kvs, "after=xyz", 400, "malformed");
    refused(&kvs, "after=", 400, "malformed");
    refused(&kvs, "type=ints", 400, "malformed");
    refused(&kvs, "wait=1", 400, "malformed");
    refused(&kvs, "limit=1", 400, "malformed");
    refused(&kvs, "values=maybe", 400, "malformed");
    let answer = ask(&mut kvs.connect(), "POST", "feed", &[], "");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    let answer = ask(&mut kvs.connect(), "GET", "feed", &[("Accept", "text/html")], "");
    assert_eq!(answer.status, 406);
    // An etag is no place.
    let mut client = kvs.connect();
    let put = ask(&mut client, "PUT", "int/a", &[], "1");
    refused(&kvs, &format!("after={}", put.header("etag").unwrap().trim_matches('"')), 400, "malformed");
    let head = ask(&mut client, "HEAD", "feed", &[], "");
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    assert_eq!(head.header("kvs-token"), put.header("kvs-token"));
    assert_eq!(ask(&mut client, "GET", "int/a", &[], "").status, 200, "the connection goes on");
    // The same over frames.
    assert_eq!(over_frames(&kvs, Some(&place_bytes(&foreign))), Some(ErrorCode::Gone));
    assert_eq!(over_frames(&kvs, Some(&[0; TOKEN_BYTES])), Some(ErrorCode::BadPayload));
    assert_eq!(over_frames(&kvs, None), None);
}

#[test]
fn without_a_log_there_is_no_feed() {
    let kvs = Kvs::try_start(Kvs::program().args(["--http-addr", "127.0.0.1:0", "--log", "off"])).expect("it starts");
    refused(&kvs, "", 409, "no-log");
    assert_eq!(over_frames(&kvs, None), Some(ErrorCode::NoLog));
    let page = json(&ask(&mut kvs.connect(), "GET", "keys", &[], ""));
    assert!(page.get("feed").is_none(), "{page}");
}

#[test]
fn the_id_of_the_last_event_comes_before_the_query() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &[]);
    let (begin, mut client) = (place(&kvs), kvs.connect());
    let tokens: Vec<String> = (0..3)
        .map(|n| ask(&mut client, "PUT", "int/n", &[], &n.to_string()).header("kvs-token").unwrap().to_owned())
        .collect();
    let query = format!("after={begin}&values=true&wait=0");
    let mut resumed = Follower::begin(kvs.addr, &query, &[("Last-Event-ID", &tokens[1])]).unwrap();
    assert_eq!(resumed.header("kvs-token"), Some(&*tokens[1]));
    assert_eq!(resumed.line().unwrap().as_deref(), Some("event: put"));
    let data = resumed.line().unwrap().expect("an event");
    assert!(data.contains("\"value\":2"), "{data}");
    // As in the HTML standard, an empty one says nothing.
    let whole = Follower::begin(kvs.addr, &query, &[("Last-Event-ID", "")]).unwrap();
    assert_eq!(whole.header("kvs-token"), Some(&*begin));
    for (number, token) in tokens.iter().enumerate() {
        let told = told_after(kvs.addr, token);
        assert_eq!(told.len(), 2 - number);
    }
}

#[test]
fn a_stop_of_the_server_ends_the_streams() {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), &["--drain-timeout", "60s"]);
    let mut followers: Vec<_> = (0..3).map(|_| Follower::lines(kvs.addr, "")).collect();
    let mut request = Vec::new();
    encode_follow(&mut request, 7, &Follow { ty: None, prefix: "", values: false, wait: 30_000, after: None });
    let mut frames = FrameClient::connect(kvs.frame_addr);
    frames.send(&request).expect("kvs reads");
    followers.iter_mut().for_each(|follower| assert_eq!(follower.next()["op"], "bookmark"));
    let began = std::time::Instant::now();
    let (status, diagnostics) = kvs.stop();
    assert!(status.success(), "{diagnostics}");
    assert!(began.elapsed().as_secs() < 20, "it did not wait for them");
    for mut follower in followers {
        let end = follower.next();
        assert_eq!((&end["op"], &end["status"]), (&json!("end"), &json!(503)), "{end}");
        assert_eq!(follower.try_next().expect("an orderly end"), None);
    }
    let reply = frames.receive().expect("a reply");
    assert!(matches!(reply.answer(), Answer::Changes(_)), "{:?}", reply.answer());
}
