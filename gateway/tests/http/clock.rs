//! A clock that is off: before 1970, after 9999, and one that jumps while the server runs.

use crate::frame_client::{FrameClient, incr};
use crate::harness::{Kvs, eventually, folder};
use crate::odd_clock::OddClock;

#[test]
fn no_time_stops_the_server() {
    const NOV_1994: i64 = 784_111_777;
    let (folder, log) = (folder(), folder());
    let clock = OddClock::new(folder.path());
    for (round, (seconds, expected)) in [
        (-1, None),
        (-100_000_000_000, None),
        (0, Some("Thu, 01 Jan 1970 00:00:0")),
        (NOV_1994, Some("Sun, 06 Nov 1994 08:49:37 GMT")),
        (253_402_300_799, Some("Fri, 31 Dec 9999 23:59:59 GMT")),
        (253_402_300_800, None),
        (1 << 50, None),
    ]
    .into_iter()
    .enumerate()
    {
        clock.set(seconds);
        let mut command = Kvs::command(log.path());
        let kvs =
            Kvs::try_start(clock.on(&mut command)).unwrap_or_else(|e| panic!("kvs did not start at {seconds}: {e:?}"));
        // Over frames everything works at any time.
        let mut frames = FrameClient::connect(kvs.frame_addr);
        assert_eq!(frames.exchange(&incr(1, "n")).int(), round as i32, "at {seconds}, with the state of before");
        // Over HTTP what has no date is told to be wrong, in order.
        for (seconds, expected) in
            [(seconds, expected), (-5, None), (1 << 40, None), (NOV_1994, Some("Sun, 06 Nov 1994"))]
        {
            clock.set(seconds);
            let what = format!("the answer at {seconds}");
            eventually(&what, || {
                let answer = kvs.connect().post("hello", "");
                match expected {
                    Some(date) => {
                        answer.header("date").is_some_and(|told| told.starts_with(date)) && answer.status == 200
                    }
                    None => answer.status == 503 && answer.text().contains("clock"),
                }
            });
        }
        // A connection that is open when the clock jumps is ended in order.
        let mut client = kvs.connect();
        assert_eq!(client.post("hello", "").status, 200);
        clock.set(-5);
        client.post("hello", "").assert_error(503, "an odd clock");
        assert!(client.is_closed());
        let (status, diagnostics) = kvs.stop();
        assert!(status.success() && !diagnostics.contains("panicked"), "at {seconds}: {diagnostics}");
    }
}

#[test]
fn a_response_that_is_being_sent_is_cut_and_nothing_added() {
    const BYTES: usize = 15 << 20;
    let (folder, log) = (folder(), folder());
    let clock = OddClock::new(folder.path());
    clock.set(784_111_777);
    let mut command = Kvs::command(log.path());
    let kvs = Kvs::try_start(clock.on(&mut command)).expect("kvs starts");
    assert_eq!(kvs.connect().request("PUT", "str-put/long", vec![b'x'; BYTES]).status, 200);

    let mut client = kvs.connect();
    client.send_request("GET", "str-get/long", b"").expect("kvs reads");
    assert_eq!(client.receive_head().expect("the response begins").status, 200);
    clock.set(-5);
    eventually("kvs notices", || kvs.connect().post("hello", "").status == 503);
    let rest = client.receive_rest();
    assert!(rest.len() < BYTES && rest.iter().all(|byte| *byte == b'x'), "{} bytes", rest.len());
}
