//! A table grows and shrinks by a bounded amount of work at a time, however large it is.

use std::time::Duration;

use engine::{Engine, Options};
use proto::{Key, Op, ValueRef, ValueType};
use rustix::time::{ClockId, clock_gettime};

/// That of kvs. Others give memory back to the system in the middle of a removal, as much as there is.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Entries of the one shard. To move all of them takes more than ten times [`LONGEST`].
const ENTRIES: usize = 1_000_000;

/// Entries that are left in the end.
const LEFT: usize = 1000;

/// Most processor time of an operation, with room for page faults and a slow machine.
const LONGEST: Duration = Duration::from_millis(5);

/// How often everything is repeated. What takes long each time is the operation, and not the machine.
const ROUNDS: usize = 3;

/// Processor time of this thread.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Carries out operations; the shortest time of each until now is in `times`.
fn timed(times: &mut [Duration], operations: impl Iterator<Item = impl FnOnce()>) {
    let mut last = now();
    for (time, operation) in times.iter_mut().zip(operations) {
        operation();
        let earlier = std::mem::replace(&mut last, now());
        *time = (*time).min(last - earlier);
    }
}

#[test]
fn no_operation_waits_for_a_whole_table() {
    let keys: Vec<String> = (0..ENTRIES).map(|n| format!("key {n}")).collect();
    let keys = || keys.iter().map(|key| Key::new(key.as_bytes()).expect("a key"));
    let [mut insertions, mut removals] = [(); 2].map(|()| vec![Duration::MAX; ENTRIES]);
    for _ in 0..ROUNDS {
        // A table grows at the same entries each time.
        let engine = Engine::new(Options { shards: 1, hash_seeds: Some([1, 2, 3, 4]), ..Options::default() });
        let execute = |op: Op<'_>| drop(engine.execute(&op, 0).expect("there is no limit"));
        timed(&mut insertions, keys().map(|key| move || execute(Op::Put { key, value: ValueRef::Int(1) })));
        assert_eq!(engine.len(), ENTRIES);
        let full = engine.meter().used();
        let removed = keys().skip(LEFT).map(|key| move || execute(Op::Del { ty: ValueType::Int, key }));
        timed(&mut removals[LEFT..], removed);
        assert_eq!(engine.len(), LEFT);
        let left = engine.meter().used();
        assert!(left < full / 100, "{left} bytes of {full} are left for {LEFT} of {ENTRIES} entries");
    }
    let longest = |times: &[Duration]| times.iter().max().copied().unwrap_or_default();
    let (insertion, removal) = (longest(&insertions), longest(&removals[LEFT..]));
    println!("longest insertion {insertion:?}, longest removal {removal:?}");
    assert!(insertion < LONGEST, "an insertion took {insertion:?}");
    assert!(removal < LONGEST, "a removal took {removal:?}");
}
