//! The clock steps forward and back while kvs writes.

use crate::harness::{Kvs, folder, output};
use crate::odd_clock::OddClock;

/// 15 January 2027, 08:00, in seconds since 1970.
const NOW: i64 = 1_800_000_000;

/// Steps from one write to the next, in seconds: small ones, days, and years.
const STEPS: [i64; 12] =
    [1, -1, 3600, -7200, 86_400, -86_400, 400_000_000, -800_000_000, 0, 2_100, -2_200, 400_000_000];

#[test]
fn the_log_has_every_write_in_its_order() {
    let (home, log) = (folder(), folder());
    let clock = OddClock::new(home.path());
    let (mut time, mut count, mut lsn) = (NOW, 0, 0);
    clock.set(time);
    for durability in ["sync", "async"] {
        let mut command = Kvs::command(log.path());
        command.args(["--segment-size", "64KiB", "--checkpoint-after", "never", "--durability", durability]);
        let kvs = Kvs::try_start(clock.on(&mut command)).expect("kvs starts");
        // An idle connection, which no step may end.
        let (mut client, mut idle) = (kvs.connect(), kvs.connect());
        assert_eq!(idle.get("int-get/none").status, 404);
        for step in STEPS {
            time += step;
            clock.set(time);
            for _ in 0..2 {
                // The value before.
                assert_eq!(client.put("int-incr/n", "").text(), count.to_string(), "after a step of {step} s");
                count += 1;
            }
            let long = client.put("str-put/long", format!("{time}{}", "x".repeat(8_000)));
            assert_eq!(long.status, 200);
            lsn += 3;
        }
        assert_eq!(idle.get("int-get/n").text(), count.to_string(), "the idle connection is still there");
        if durability == "sync" {
            kvs.kill();
        } else {
            assert!(kvs.stop().0.success());
        }
        // The log holds the operations in their order, with the times of the clock.
        let target = format!("file:{}", log.path().display());
        let (code, dumped) = output(&mut Kvs::tool(&["log", "dump", "--log", &target]));
        assert_eq!(code, Some(0), "{dumped}");
        let records: Vec<serde_json::Value> =
            dumped.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
        assert_eq!(records.len(), lsn);
        for (number, record) in (1_u64..).zip(&records) {
            assert_eq!(record["lsn"], number);
        }
        let values: Vec<i64> = records.iter().filter_map(|record| record["value"].as_i64()).collect();
        assert_eq!(values, (1..=count).collect::<Vec<i64>>());
        let first = records.first().and_then(|first| first["time"].as_str()).expect("a time");
        assert!(first.starts_with("2027-01-15T08:00:01"), "{first}");
    }
    let kvs = Kvs::start(log.path(), &[]);
    assert_eq!(kvs.connect().get("int-get/n").text(), count.to_string());
    assert!(kvs.connect().get("str-get/long").text().starts_with(&time.to_string()));
}
