//! HTTP/1.1 in front of the gateway, whatever the API: what heads mean, who may ask, how slow a client may be, how connections end.
//!
//! ```text
//!   main.rs      what the others share
//!   heads.rs     targets and headers of two meanings
//!   hosts.rs     the names of the server
//!   pace.rs      slow clients, and those that take nothing
//!   endings.rs   connections that are closed while input comes in
//!   clock.rs     a clock before 1970 and after 9999
//! ```

mod clock;
mod endings;
#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;
mod heads;
mod hosts;
#[path = "../odd_clock/mod.rs"]
mod odd_clock;
mod pace;

use harness::{Answer, BASE, Kvs, folder};

/// A server of its own for one test.
fn serve(args: &[&str]) -> (tempfile::TempDir, Kvs) {
    let folder = folder();
    let kvs = Kvs::start(folder.path(), args);
    (folder, kvs)
}

/// The answer to a request of these lines, with the base path in place of `BASE` and without a body unless the last line is one.
fn ask(kvs: &Kvs, lines: &[&str]) -> Answer {
    kvs.connect().exchange(&request(lines))
}

fn request(lines: &[&str]) -> Vec<u8> {
    (lines.join("\r\n") + "\r\n\r\n").replace("BASE", BASE).into_bytes()
}

/// A server with a token in a file, and the folder that it is in.
fn serve_with_token(token: &str, args: &[&str]) -> (tempfile::TempDir, tempfile::TempDir, Kvs) {
    let secrets = folder();
    let file = secrets.path().join("token");
    std::fs::write(&file, token).expect("the token is written");
    let (folder, kvs) = serve(&[&["--token-file", file.to_str().expect("a plain path")], args].concat());
    (secrets, folder, kvs)
}

/// Checks a refusal. What cannot be read as HTTP at all is refused by hyper, without a text.
fn assert_refused(answer: &harness::Answer, status: u16, request: &str) {
    match answer.body.is_empty() {
        true => assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{request}"),
        false => answer.assert_error(status, request),
    }
}
