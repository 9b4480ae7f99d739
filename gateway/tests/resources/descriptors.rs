//! No descriptor is left, while clients wait to be accepted.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{Client, Kvs, eventually, folder};
use crate::{assert_kept, is_acknowledged, limit, value};

const VALUE_BYTES: usize = 4 << 10;

/// Processor time of a process, in clock ticks of 10 ms.
fn processor_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    // The name may have spaces; user and system time are the 12th and 13th field after it.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [11, 12].map(|field: usize| fields[field].parse::<u64>().expect("a number")).iter().sum()
}

/// The first descriptor that a process has not open: one that it inherited may have any number.
fn first_free_descriptor(pid: u32) -> u32 {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs");
    let open: Vec<u32> = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    (0..).find(|number| !open.contains(number)).expect("there are fewer than there are numbers")
}

#[test]
fn whoever_is_connected_goes_on_and_the_rest_waits() {
    const SERVED: usize = 10;
    const WAITING: usize = 40;
    const WATCHED: Duration = Duration::from_secs(1);
    const BUSY_TICKS: u64 = 40;
    let folder = folder();
    let kvs =
        Kvs::start(folder.path(), &["--segment-size", "64KiB", "--checkpoint-after", "never", "--log-timeout", "1s"]);
    let (mut client, mut acknowledged) = (kvs.connect(), Vec::new());
    assert!(is_acknowledged(&client.put("str-put/0", value(0, VALUE_BYTES))));
    acknowledged.push(0);

    let mut served: Vec<Client> = (0..SERVED).map(|_| kvs.connect()).collect();
    served.iter_mut().for_each(|client| assert_eq!(client.get("str-get/0").status, 200));

    // None is left.
    limit(kvs.pid(), &format!("--nofile={}:", first_free_descriptor(kvs.pid())));
    let waiting: Vec<TcpStream> =
        (0..WAITING).map(|_| TcpStream::connect(kvs.addr).expect("the kernel accepts")).collect();
    kvs.says(&["cannot accept a connection", "Too many open files"]);
    // Several segments are filled.
    for n in 1..60 {
        if is_acknowledged(&client.put(&format!("str-put/{n}"), value(n, VALUE_BYTES))) {
            acknowledged.push(n);
        }
        assert_eq!(client.get("str-get/0").status, 200, "reads go on");
    }
    assert!(acknowledged.len() > 10, "the first segment has room for more: {acknowledged:?}");
    // A checkpoint needs a file. If it gets none, it says so, and nothing else happens.
    kvs.signal("USR1");
    kvs.says(&["checkpoint"]);
    let (began, ticks) = (Instant::now(), processor_ticks(kvs.pid()));
    eventually("a second has passed", || began.elapsed() > WATCHED);
    let busy = processor_ticks(kvs.pid()) - ticks;
    assert!(busy < BUSY_TICKS, "kvs is busy for {busy} of 100 ticks while clients wait");

    drop((waiting, served));
    eventually("a new client is served", || {
        kvs.connect().try_request("PUT", "int-put/after", "1").is_ok_and(|answer| answer.status == 200)
    });
    kvs.signal("USR1");
    kvs.says(&["wrote a checkpoint"]);
    kvs.kill();
    assert_kept(folder.path(), &acknowledged, VALUE_BYTES);
}
