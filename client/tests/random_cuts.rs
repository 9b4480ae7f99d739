//! Connections that are cut at random places, while requests are cancelled at random: nothing is done twice, nothing
//! that was acknowledged is lost, nobody gets somebody else's reply.

mod peer;

use std::time::Duration;

use client::Error;
use peer::{Peer, Session, reply_bytes, seed, within};
use proto::frame::Request;
use proto::{Op, Reply};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

const TASKS: usize = 8;

/// Requests of each task.
const ROUNDS: usize = 300;

/// What the peer has counted, each task's by its key.
type Counters = [u32; TASKS];

/// Serves one connection until it cuts it, or the client has gone.
async fn serve_for_a_while(mut session: Session, counters: &mut Counters, random: &mut SmallRng) {
    let (mut left, mut replies) = (random.random_range(1..60), Vec::new());
    while let Ok(Some(asked)) = session.try_next().await {
        let Request::Op(Op::Incr { key, .. }) = asked.frame().request else { panic!("{:?}", asked.frame()) };
        let counter = &mut counters[key.as_str().parse::<usize>().expect("a task's number")];
        replies.extend(reply_bytes(asked.id(), &Reply::Value(proto::Value::Uint(*counter))));
        *counter += 1;
        left -= 1;
        if left == 0 {
            let cut = random.random_range(0..=replies.len());
            session.write(&replies[..cut]).await;
            return;
        }
        // Replies go out in runs, and sometimes in halves.
        if random.random_bool(0.5) || !session.has_more() {
            let half = random.random_range(0..=replies.len());
            session.write(&replies[..half]).await;
            session.write(&replies[half..]).await;
            replies.clear();
        }
    }
}

#[tokio::test]
async fn nothing_is_done_twice_and_nothing_is_lost() {
    let mut random = SmallRng::seed_from_u64(seed());
    let peer = Peer::new().await;
    let client = peer.options().max_outstanding(6).backoff(Duration::ZERO, Duration::from_millis(1)).start();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (client, mut random) = (client.clone(), SmallRng::seed_from_u64(random.random()));
        tasks.spawn(async move {
            let (name, mut done, mut unknown) = (task.to_string(), 0, 0);
            for _ in 0..ROUNDS {
                let patience = if random.random_bool(0.1) { random.random_range(0..2000) } else { 60_000_000 };
                match tokio::time::timeout(Duration::from_micros(patience), client.incr_uint(&name)).await {
                    Ok(Ok(before)) => {
                        assert!(
                            (done..=done + unknown).contains(&before),
                            "{before} of {done} + {unknown}: another's reply"
                        );
                        done += 1;
                    }
                    Ok(Err(Error::Unknown(_))) | Err(_) => unknown += 1,
                    Ok(Err(other)) => panic!("{other:?}"),
                }
            }
            (task, done, unknown)
        });
    }
    drop(client);
    let mut counters = [0; TASKS];
    let (mut ended, mut connections) = (Vec::new(), 0);
    let serving = async {
        while ended.len() < TASKS {
            tokio::select! {
                biased;
                Some(task) = tasks.join_next() => ended.push(task.expect("the task does not panic")),
                session = peer.welcome() => {
                    connections += 1;
                    serve_for_a_while(session, &mut counters, &mut random).await;
                }
            }
        }
    };
    within("all tasks end", serving).await;
    for (task, done, unknown) in ended {
        let counted = counters[task];
        assert!(counted >= done && counted <= done + unknown, "{counted} counted; {done} done, {unknown} unknown");
    }
    assert!(connections > 10, "{connections} connections");
}
