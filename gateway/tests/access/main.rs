//! Who may do what: every route and every opcode, with every kind of identity; what changes while the server runs.
//!
//! ```text
//!   main.rs       what the tests share
//!   refused.rs    each request without an identity, and with each that does not suffice: refused, and nothing told
//!   changes.rs    tokens that are revoked, expire or change while connections are open
//!   start.rs      addresses that other machines reach, `--allow-anonymous`, files that cannot be used
//!   command.rs    `kvs token`
//! ```

mod changes;
mod command;
#[path = "../frame_client/mod.rs"]
mod frame_client;
#[path = "../harness/mod.rs"]
mod harness;
mod refused;
mod start;

use std::path::PathBuf;

use frame_client::{FrameClient, auth};
use harness::{Answer, Kvs, folder, output, request_bytes};
use proto::frame::Answer as FrameAnswer;
use tempfile::TempDir;

/// A file of identities in a folder of its own.
struct Identities {
    _folder: TempDir,
    file: PathBuf,
}

impl Identities {
    fn new() -> Self {
        let folder = folder();
        let file = folder.path().join("identities.toml");
        Self { _folder: folder, file }
    }

    fn path(&self) -> &str {
        self.file.to_str().expect("a plain path")
    }

    /// `kvs token`.
    fn command(&self, args: &[&str]) -> (Option<i32>, String) {
        output(&mut Kvs::tool(&[&["token"], args, &["--identities", self.path()]].concat()))
    }

    /// Makes an identity, and returns its token.
    #[track_caller]
    fn token(&self, name: &str, args: &[&str]) -> String {
        let (code, said) = self.command(&[&["new", name], args].concat());
        assert_eq!(code, Some(0), "{said}");
        said.trim_end().to_string()
    }

    #[track_caller]
    fn revoke(&self, name: &str) {
        assert_eq!(self.command(&["revoke", name]), (Some(0), String::new()));
    }

    /// A server with these identities.
    fn serve(&self, args: &[&str]) -> (TempDir, Kvs) {
        let folder = folder();
        let kvs = Kvs::start(folder.path(), &[&["--durability", "async", "--identities", self.path()], args].concat());
        (folder, kvs)
    }
}

/// One request over REST on a connection of its own.
fn rest(kvs: &Kvs, method: &str, path: &str, token: Option<&str>, body: &[u8]) -> Answer {
    let header = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = header.iter().map(|value| ("Authorization", value.as_str())).collect();
    kvs.connect().exchange(&request_bytes(method, path, &headers, body))
}

/// A frame connection that has presented a token.
#[track_caller]
fn frames(kvs: &Kvs, token: &str) -> FrameClient {
    let mut client = FrameClient::connect(kvs.frame_addr);
    assert_eq!(client.exchange(&auth(1, token)).answer(), FrameAnswer::Done);
    client
}
