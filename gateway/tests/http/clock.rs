//! A clock that is off: before 1970, after 9999, and one that jumps while the server runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Client, Kvs, eventually, folder};

/// The library that tells a program another time.
fn odd_clock(folder: &Path) -> PathBuf {
    let library = folder.join("odd_clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/odd_clock.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(compiled.expect("a C compiler, which linking Rust needs as well").success());
    library
}

fn date(client: &mut Client) -> String {
    client.post("hello", "").header("date").expect("a date").to_string()
}

#[test]
fn no_time_stops_the_server() {
    const FIRST: &str = "Thu, 01 Jan 1970 00:00:0";
    const LAST: &str = "Fri, 31 Dec 9999 23:59:59 GMT";
    let (folder, log) = (folder(), folder());
    let (library, time) = (odd_clock(folder.path()), folder.path().join("time"));
    let set = |seconds: i64| std::fs::write(&time, seconds.to_string()).expect("the time is set");
    for (round, (seconds, expected)) in [
        (-1, FIRST),
        (-100_000_000_000, FIRST),
        (0, FIRST),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (253_402_300_800, LAST),
        (1 << 50, LAST),
    ]
    .into_iter()
    .enumerate()
    {
        set(seconds);
        let mut command = Kvs::command(log.path());
        command.env("LD_PRELOAD", &library).env("ODD_CLOCK", &time);
        let kvs = Kvs::try_start(&mut command).unwrap_or_else(|e| panic!("kvs did not start at {seconds}: {e:?}"));
        let client = &mut kvs.connect();
        assert_eq!(client.put("int-incr/n", "").text(), round.to_string(), "at {seconds}, with the state of before");
        assert!(date(client).starts_with(expected), "at {seconds}: {}", date(client));
        // It jumps while connections are open.
        for (seconds, expected) in
            [(-5, FIRST), (1 << 40, LAST), (784_111_777, "Sun, 06 Nov 1994"), (seconds, expected)]
        {
            set(seconds);
            eventually("the date follows", || date(client).starts_with(expected));
            assert_eq!(kvs.connect().post("hello", "").status, 200);
        }
        let (status, diagnostics) = kvs.stop();
        assert!(status.success() && !diagnostics.contains("panicked"), "at {seconds}: {diagnostics}");
    }
}
