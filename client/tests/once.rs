//! Transactions whose outcome is unknown are sent again with their idempotency key; nothing else is.

mod peer;

use client::{Client, Error, ErrorCode, InvalidInput, Transacted, Transaction};
use peer::{Peer, Received, Session, int, options, welcome, within};
use proto::Reply;
use proto::frame::{EntryFacts, Request, ServerPreface, TOKEN_BYTES, TransactReply, encode_error};
use tokio::task::JoinHandle;

fn order() -> Transaction {
    let mut order = Transaction::new();
    order.incr_int("stock", -1).at_least(0);
    order.put("order", "1 piece");
    order
}

fn transacting(client: &Client, transaction: Transaction) -> JoinHandle<Result<Transacted, Error>> {
    let client = client.clone();
    tokio::spawn(async move { client.transact(&transaction).await })
}

async fn ended<T>(task: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    within("the request ends", task).await.expect("the task does not panic")
}

/// The idempotency key and the payload of a transaction.
fn sent(received: &Received) -> (Option<String>, Vec<u8>) {
    match received.frame().request {
        Request::Transact(items) => (items.once().map(|key| key.as_str().to_owned()), items.payload().to_vec()),
        other => panic!("{other:?}"),
    }
}

async fn done(session: &mut Session, received: &Received, replayed: bool, replies: &[Reply]) {
    let mut bytes = Vec::new();
    let mut reply = TransactReply::begin(&mut bytes, received.id(), &[7; TOKEN_BYTES], replayed);
    replies.iter().for_each(|step| reply.push(&mut bytes, Ok(step), &EntryFacts::default()));
    reply.finish(&mut bytes);
    session.write(&bytes).await;
}

async fn refuse(session: &mut Session, received: &Received, code: ErrorCode) {
    let mut bytes = Vec::new();
    encode_error(&mut bytes, received.id(), code, "because");
    session.write(&bytes).await;
}

#[tokio::test]
async fn a_transaction_is_sent_again_with_its_key_until_it_is_done() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let task = transacting(&client, order());
    let first = sent(&session.next().await);
    assert_eq!(first.0.as_ref().map(String::len), Some(32), "{first:?}");
    drop(session);
    let mut session = peer.welcome().await;
    let second = session.next().await;
    assert_eq!(sent(&second), first);
    refuse(&mut session, &second, ErrorCode::OutcomeUnknown).await;
    // That it cannot be done now says nothing of the first one.
    let third = session.next().await;
    refuse(&mut session, &third, ErrorCode::LogDown).await;
    let fourth = session.next().await;
    assert_eq!(sent(&fourth), first);
    done(&mut session, &fourth, true, &[int(5), Reply::Stored]).await;
    let transacted = ended(task).await.expect("it is done");
    assert!(transacted.replayed && transacted.steps.len() == 2);
    // The next one has another key.
    let task = transacting(&client, order());
    let other = session.next().await;
    assert_ne!(sent(&other).0, first.0);
    done(&mut session, &other, false, &[int(4), Reply::Stored]).await;
    assert!(!ended(task).await.expect("it is done").replayed);
}

#[tokio::test]
async fn it_is_sent_again_so_often_and_the_first_error_is_told() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.client(peer.options().resends(2)).await;
    let task = transacting(&client, order());
    for code in [ErrorCode::OutcomeUnknown, ErrorCode::OutcomeUnknown, ErrorCode::Busy] {
        let received = session.next().await;
        refuse(&mut session, &received, code).await;
    }
    let error = ended(task).await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { code: 0xC0, .. }), "{error:?}");
    // A refusal of the first one is final, and so is one that comes later: what became of the first one is still not known.
    let task = transacting(&client, order());
    let received = session.next().await;
    refuse(&mut session, &received, ErrorCode::Overflow).await;
    assert!(matches!(ended(task).await, Err(Error::Refused { code: ErrorCode::Overflow, .. })));
    let task = transacting(&client, order());
    for code in [ErrorCode::OutcomeUnknown, ErrorCode::Forbidden] {
        let received = session.next().await;
        refuse(&mut session, &received, code).await;
    }
    assert!(ended(task).await.unwrap_err().is_outcome_unknown());
    nothing_else(&client, &mut session).await;
}

/// Checks that nothing else was sent.
async fn nothing_else(client: &Client, session: &mut Session) {
    let client = client.clone();
    let task = tokio::spawn(async move { client.ping().await });
    let received = session.next().await;
    assert_eq!(received.frame().request, Request::Ping);
    session.reply(&received, &Reply::Stored).await;
    ended(task).await.expect("a ping");
}

#[tokio::test]
async fn keys_of_the_caller_and_none_where_they_are_of_no_use() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.client(peer.options().resends(0)).await;
    let mut keyed = order();
    keyed.once("order-1");
    let mut read = Transaction::new();
    read.get(client::ValueType::Int, "stock");
    let of_order = || vec![int(5), Reply::Stored];
    for (transaction, key, replies) in
        [(keyed, Some("order-1"), of_order()), (order(), None, of_order()), (read, None, vec![int(5)])]
    {
        let task = transacting(&client, transaction);
        let received = session.next().await;
        assert_eq!(sent(&received).0.as_deref(), key);
        done(&mut session, &received, false, &replies).await;
        ended(task).await.expect("it is done");
    }
    for key in ["", "a b", &"x".repeat(65)] {
        let mut bad = order();
        bad.once(key);
        let error = client.transact(&bad).await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(InvalidInput::IdempotencyKey)), "{error:?}");
    }
    // Unknown, and not sent again.
    let task = transacting(&client, order());
    let received = session.next().await;
    refuse(&mut session, &received, ErrorCode::OutcomeUnknown).await;
    assert!(ended(task).await.unwrap_err().is_outcome_unknown());
    nothing_else(&client, &mut session).await;
}

#[tokio::test]
async fn a_server_from_before_keys_gets_none() {
    let before = ServerPreface { keeps_outcomes: false, ..welcome() };
    let peer = Peer::new().await;
    let connecting = tokio::spawn(peer.options().connect());
    let mut session = peer.accept().await;
    session.greet(before).await;
    let client = ended(connecting).await.expect("welcomed");
    let task = transacting(&client, order());
    let received = session.next().await;
    assert_eq!(sent(&received).0, None);
    done(&mut session, &received, false, &[int(5), Reply::Stored]).await;
    ended(task).await.expect("it is done");
    // One that is not known yet refuses the key, and gets the same without.
    let peer = Peer::new().await;
    let client = options(peer.address).start();
    let task = transacting(&client, order());
    let mut session = peer.accept().await;
    session.greet(before).await;
    let received = session.next().await;
    assert!(sent(&received).0.is_some());
    refuse(&mut session, &received, ErrorCode::BadKey).await;
    let received = session.next().await;
    assert_eq!(sent(&received).0, None);
    done(&mut session, &received, false, &[int(5), Reply::Stored]).await;
    ended(task).await.expect("it is done");
}

#[tokio::test]
async fn what_the_server_would_not_keep_is_sent_without_a_key() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    for expected in [ErrorCode::TooLarge, ErrorCode::TooManyKeys] {
        let task = transacting(&client, order());
        let received = session.next().await;
        assert!(sent(&received).0.is_some());
        refuse(&mut session, &received, expected).await;
        let received = session.next().await;
        assert_eq!(sent(&received).0, None);
        refuse(&mut session, &received, expected).await;
        assert!(matches!(ended(task).await, Err(Error::Refused { code, .. }) if code == expected));
    }
}

#[tokio::test]
async fn single_writes_are_sent_again_if_that_is_asked_for() {
    let peer = Peer::new().await;
    let (client, session) = peer.usual_client().await;
    let incr = |client: Client| tokio::spawn(async move { client.incr_int("n").await });
    let (task, mut session) = (incr(client.once()), session);
    let first = sent(&session.next().await);
    drop(session);
    session = peer.welcome().await;
    let again = session.next().await;
    assert_eq!(sent(&again), first);
    done(&mut session, &again, true, &[int(41)]).await;
    assert_eq!(ended(task).await.expect("it is done"), 41);
    // Others are not.
    let task = incr(client.clone());
    let received = session.next().await;
    assert!(matches!(received.frame().request, Request::Op(_)));
    drop(session);
    assert!(ended(task).await.unwrap_err().is_outcome_unknown());
    let mut session = peer.welcome().await;
    nothing_else(&client, &mut session).await;
}

#[tokio::test]
async fn it_ends_with_the_request_timeout() {
    let peer = Peer::new().await;
    let timeout = std::time::Duration::from_millis(300);
    let (client, mut session) = peer.client(peer.options().request_timeout(timeout).resends(u32::MAX)).await;
    let (began, task) = (std::time::Instant::now(), transacting(&client, order()));
    let answering = async {
        loop {
            let received = session.next().await;
            refuse(&mut session, &received, ErrorCode::OutcomeUnknown).await;
        }
    };
    let error = tokio::select! {
        result = ended(task) => result.unwrap_err(),
        () = answering => unreachable!("it goes on for ever"),
    };
    assert!(matches!(error, Error::OutcomeUnknown { code: 0xC0, .. }), "{error:?}");
    assert!(began.elapsed() < 10 * timeout);
}
