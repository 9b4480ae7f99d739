//! Checkpoints on request.

use crate::harness::{Answer, Client, Kvs, folder};
use crate::{identities, serve};

fn ask(kvs: &Kvs, method: &str, headers: &str) -> Answer {
    let request = format!("{method} /checkpoint HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n{headers}\r\n");
    Client::connect(kvs.admin_addr.expect("it listens")).exchange(request.as_bytes())
}

#[test]
fn a_checkpoint_is_begun_on_request_and_no_web_page_can_ask_for_it() {
    let (_folder, kvs) = serve(&["--checkpoint-after", "never"]);
    assert_eq!(kvs.connect().put("int-put/a", "1").status, 200);
    for (method, headers, status) in
        [("GET", "", 405), ("PUT", "", 405), ("POST", "Origin: http://127.0.0.1\r\n", 403), ("POST", "", 202)]
    {
        let answer = ask(&kvs, method, headers);
        assert_eq!((answer.status, answer.header("allow").is_some()), (status, status == 405), "{method}: {answer:?}");
    }
    let wrote = kvs.says(&["wrote a checkpoint"]);
    assert!(wrote.contains("\"base\":1"), "{wrote}");
    assert!(kvs.operator("/metrics").text().contains("kvs_checkpoints_total{outcome=\"written\"} 1"));
    let mut command = Kvs::program();
    let off = Kvs::try_start(command.args(["--log", "off", "--http-addr", "127.0.0.1:0"])).expect("kvs starts");
    let answer = ask(&off, "POST", "");
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("no log"), "{}", answer.text());
}

#[test]
fn with_identities_the_scope_admin_is_needed_on_this_machine_too() {
    let folder = folder();
    let (file, tokens) = identities(folder.path());
    let [operator, user] = tokens.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let kvs = Kvs::start(&folder.path().join("log"), &["--identities", &file]);
    let statuses =
        ["", "Authorization: Bearer wrong\r\n", &user, &operator].map(|headers| ask(&kvs, "POST", headers).status);
    assert_eq!(statuses, [401, 401, 401, 202]);
}
