//! Two kvs on one log: the newer one has everything that was acknowledged, the older one says so and takes no more writes.

use std::time::Duration;

use crate::harness::Kvs;
use crate::load::{assert_holds, under_load};
use crate::proxy::Proxy;
use crate::site::{Site, everywhere};

/// Time for each piece on the older one's way to its log: longer than a newer one takes to start.
const DELAY: Duration = Duration::from_secs(2);

/// Checks that `older` has said who took over, takes no more writes, answers reads, and stops with an error.
fn assert_fenced(older: Kvs, read: &str) {
    let line = older.says(&["ERROR", "the log has failed"]);
    for words in ["epoch 2 has begun", "this writer's epoch is 1", "stop one of the two"] {
        assert!(line.contains(words), "{words:?} is expected in {line}");
    }
    let client = &mut older.connect();
    for path in ["str-put/late", "int-incr/late"] {
        client.put(path, "1").assert_error(503, path);
    }
    client.get("str-get/late").assert_error(404, "a refused write");
    assert_eq!(client.get(read).status, 200, "reads go on");
    let (status, diagnostics) = older.stop();
    assert_eq!(status.code(), Some(6), "{diagnostics}");
}

#[test]
fn under_load_the_newer_kvs_takes_over_everything_that_was_acknowledged() {
    everywhere(|place| {
        let site = Site::new(place);
        let older = site.start(&["--when-fenced", "read-only"]);
        let mut newer = None;
        let written = under_load(&older, |progress| {
            progress.grows_by(200);
            progress.may_end();
            newer = Some(site.start_direct(&[]));
        });
        let newer = newer.expect("it has started");
        assert_holds(&newer, &written);
        assert_fenced(older, "int-get/n_0");
        // The newer one writes on.
        let client = &mut newer.connect();
        assert_eq!(client.put("str-put/late", "1").status, 200, "{place:?}");
        let (status, diagnostics) = newer.stop();
        assert_eq!(status.code(), Some(0), "{diagnostics}");
    });
}

#[test]
fn a_write_that_was_under_way_is_not_acknowledged() {
    everywhere(|place| {
        let site = Site::new(place);
        let older = site.start(&["--when-fenced", "read-only"]);
        let client = &mut older.connect();
        assert_eq!(client.put("str-put/before", "1").status, 200);
        site.from_kvs.delay(DELAY);
        client.send_request("PUT", "str-put/under-way", b"1").expect("the put is sent");
        let newer = site.start_direct(&[]);
        let answer = client.receive().unwrap_or_else(|e| panic!("{place:?}: {e}"));
        answer.assert_error(504, "nothing can be said about a write that was under way");
        site.from_kvs.heal();
        site.from_txnd.iter().for_each(Proxy::heal);
        assert_fenced(older, "str-get/before");
        let client = &mut newer.connect();
        assert_eq!(client.get("str-get/before").status, 200);
        client.get("str-get/under-way").assert_error(404, "a write of the older one that came too late");
    });
}

#[test]
fn an_idle_kvs_learns_that_another_has_taken_over() {
    everywhere(|place| {
        let site = Site::new(place);
        let older = site.start(&["--when-fenced", "read-only"]);
        assert_eq!(older.connect().put("str-put/before", "1").status, 200, "{place:?}");
        let newer = site.start_direct(&[]);
        // Nobody writes, or asks for anything.
        assert_fenced(older, "str-get/before");
        assert_eq!(newer.connect().get("str-get/before").status, 200, "{place:?}");
    });
}
