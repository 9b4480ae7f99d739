//! What an operator sees when something is not there, or not as it should be.

use std::net::TcpListener;

use crate::harness::{Kvs, folder};
use crate::txnd_server::{Certificates, Txnd, program};

/// Starts a kvs that cannot reach its log; returns its last line.
fn not_started(log: &str, certificates: &Certificates) -> String {
    let mut command = Kvs::program();
    command.args(["--http-addr", "127.0.0.1:0", "--log", log]).args(certificates.flags("kvs"));
    let refused = Kvs::try_start(&mut command).err().expect("it does not start");
    assert_eq!(refused.status.code(), Some(4), "{}", refused.diagnostics);
    refused.diagnostics.lines().last().expect("it says why").to_string()
}

#[track_caller]
fn assert_says(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "{word:?} is expected in: {line}");
    }
    assert!(!line.contains("transport error"), "noise in: {line}");
}

#[test]
fn a_kvs_whose_txnd_is_not_there_says_so_and_ends() {
    let certificates = Certificates::make();
    // A port that nobody listens on any more.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("it is bound").port();
    drop(taken);
    let line = not_started(&format!("https://localhost:{port}"), &certificates);
    assert_says(&line, &[&format!("txnd at localhost:{port} cannot be reached"), "refused", "is it running there?"]);

    let folder = folder();
    let txnd = Txnd::start(&format!("file:{}", folder.path().display()), &certificates);
    txnd.signal("STOP");
    let line = not_started(&txnd.url(), &certificates);
    assert_says(&line, &[&format!("txnd at localhost:{}", txnd.addr.port()), "no TLS handshake within 5s"]);
}

#[test]
#[cfg(target_os = "linux")] // Elsewhere 127.0.0.2 is no address of this machine.
fn a_kvs_that_reaches_txnd_under_another_name_learns_what_to_do() {
    let (certificates, folder) = (Certificates::make(), folder());
    let sink = format!("file:{}", folder.path().display());
    let txnd = Txnd::start_at(([127, 0, 0, 2], 0).into(), &sink, &certificates, &[]);
    let line = not_started(&format!("https://{}", txnd.addr), &certificates);
    assert_says(&line, &[", ::1, expected", "127.0.0.2", "`txnd certs DIR --renew --server-name NAME`"]);
}

#[test]
fn a_txnd_whose_port_is_taken_says_so_and_ends() {
    let (certificates, taken) = (Certificates::make(), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let address = taken.local_addr().expect("it is bound").to_string();
    let mut command = program();
    command.args(["--trace-format", "json", "--grpc-addr", &address]).args(certificates.flags("txnd"));
    let (status, said) = Txnd::try_start(&mut command).err().expect("it does not start");
    assert_eq!(status.code(), Some(3), "{said}");
    assert_says(&said, &[&address, "--grpc-addr"]);
}
