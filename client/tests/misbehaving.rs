//! A server that is slow, silent, wrong or gone: what each request ends with, and that others are not disturbed.

mod peer;

use std::time::{Duration, Instant};

use client::limits::MIN_KEEP_ALIVE;
use client::{Client, ConnectError, Error, ErrorCode, Lost, ProtocolError};
use peer::{Peer, asking, ended, int, poll_once, reply_bytes, vacant, within};
use proto::Reply;
use proto::frame::{Request, encode_error};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

/// Panics unless the client comes back by itself and gets an answer.
async fn comes_back(client: &Client, peer: &Peer) {
    let mut session = peer.welcome().await;
    let (task, asked) = asking(client, &mut session, "after").await;
    assert_eq!(asked.key(), "after", "what was sent before is not sent again");
    session.reply(&asked, &int(7)).await;
    assert_eq!(ended(task).await.unwrap(), Some(7));
}

#[tokio::test]
async fn replies_in_pieces_and_together() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let (a, first) = asking(&client, &mut session, "a").await;
    for byte in reply_bytes(first.id(), &int(1)) {
        session.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(ended(a).await.unwrap(), Some(1));

    let (b, second) = asking(&client, &mut session, "b").await;
    let (c, third) = asking(&client, &mut session, "c").await;
    let (d, fourth) = asking(&client, &mut session, "d").await;
    let replies = [(second, int(2)), (third, Reply::NoEntry), (fourth, int(4))];
    let bytes = replies.iter().flat_map(|(asked, reply)| reply_bytes(asked.id(), reply)).collect::<Vec<_>>();
    let (most, rest) = bytes.split_at(bytes.len() - 3);
    session.write(most).await;
    assert_eq!(ended(b).await.unwrap(), Some(2));
    assert_eq!(ended(c).await.unwrap(), None);
    assert!(!d.is_finished());
    session.write(rest).await;
    assert_eq!(ended(d).await.unwrap(), Some(4));
}

#[tokio::test]
async fn a_connection_cut_between_replies() {
    for cut in [0, 5] {
        let peer = Peer::new().await;
        let (client, mut session) = peer.usual_client().await;
        let (a, first) = asking(&client, &mut session, "a").await;
        let (b, second) = asking(&client, &mut session, "b").await;
        let (c, _) = asking(&client, &mut session, "c").await;
        session.reply(&first, &int(1)).await;
        session.write(&reply_bytes(second.id(), &int(2))[..cut]).await;
        drop(session);
        assert_eq!(ended(a).await.unwrap(), Some(1));
        for task in [b, c] {
            let error = ended(task).await.unwrap_err();
            assert!(matches!(error, Error::Unknown(Lost::ByServer | Lost::Io(_))), "{error:?}");
            assert!(error.is_outcome_unknown() && !error.is_retryable());
        }
        comes_back(&client, &peer).await;
    }
}

/// What two outstanding requests end with if these bytes come instead of the first one's reply.
async fn instead_of_a_reply(bytes: impl FnOnce(u32) -> Vec<u8>) -> ProtocolError {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let (a, first) = asking(&client, &mut session, "a").await;
    let (b, _) = asking(&client, &mut session, "b").await;
    session.write(&bytes(first.id())).await;
    let errors = [ended(a).await.unwrap_err(), ended(b).await.unwrap_err()];
    let [Error::Unknown(Lost::Protocol(a)), Error::Unknown(Lost::Protocol(b))] = errors else { panic!("{errors:?}") };
    assert_eq!(a, b);
    session.ended().await;
    comes_back(&client, &peer).await;
    a
}

#[tokio::test]
async fn bytes_that_are_not_the_reply_end_the_connection_and_say_what_they_were() {
    let error = instead_of_a_reply(|id| reply_bytes(id + 1, &int(1))).await;
    assert!(matches!(error, ProtocolError::Id { .. }), "{error:?}");
    let error = instead_of_a_reply(|id| [reply_bytes(id + 1, &int(1)), reply_bytes(id, &int(1))].concat()).await;
    assert!(matches!(error, ProtocolError::Id { .. }), "{error:?}");
    let error = instead_of_a_reply(|_| vec![0xFF; 12]).await;
    assert!(matches!(error, ProtocolError::Run(_)), "{error:?}");
    let error = instead_of_a_reply(|_| vec![0; 12]).await;
    assert!(matches!(error, ProtocolError::Run(_)), "{error:?}");
    let unknown_status = |id: u32| [&12_u32.to_le_bytes()[..], &id.to_le_bytes(), &[0x7F, 0, 0, 0]].concat();
    let error = instead_of_a_reply(unknown_status).await;
    assert!(matches!(error, ProtocolError::Reply(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_cannot_read_on_ends_the_connection_and_says_why() {
    for answered in [0, 1, 2] {
        let peer = Peer::new().await;
        let (client, mut session) = peer.usual_client().await;
        let mut tasks = Vec::new();
        let mut bytes = Vec::new();
        for number in 0..3 {
            let (task, asked) = asking(&client, &mut session, "a").await;
            tasks.push(task);
            if number < answered {
                bytes.extend(reply_bytes(asked.id(), &int(number)));
            }
        }
        encode_error(&mut bytes, 0, ErrorCode::BadLength, "a frame claims 5 bytes");
        session.write(&bytes).await;
        for (number, task) in (0..).zip(tasks) {
            match ended(task).await {
                Ok(value) => assert!(number < answered && value == Some(number)),
                Err(error) => {
                    assert!(number >= answered && matches!(error, Error::Unknown(Lost::Refused(_))), "{error:?}");
                    assert!(error.to_string().contains("a frame claims 5 bytes"), "{error}");
                }
            }
        }
        session.ended().await;
        comes_back(&client, &peer).await;
    }
}

#[tokio::test]
async fn a_server_that_is_busy_says_so_to_the_request_that_it_refuses() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let (a, first) = asking(&client, &mut session, "a").await;
    let (b, _) = asking(&client, &mut session, "b").await;
    let mut refusal = Vec::new();
    encode_error(&mut refusal, first.id(), ErrorCode::Busy, "too many large requests");
    session.write(&refusal).await;
    drop(session);
    let error = ended(a).await.unwrap_err();
    assert!(matches!(error, Error::Refused { code: ErrorCode::Busy, .. }) && error.is_retryable(), "{error:?}");
    assert!(matches!(ended(b).await, Err(Error::Unknown(Lost::ByServer | Lost::Io(_)))));
    comes_back(&client, &peer).await;
}

#[tokio::test]
async fn a_reply_that_nobody_asked_for_ends_the_connection() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    session.write(&reply_bytes(0, &Reply::Stored)).await;
    session.ended().await;
    comes_back(&client, &peer).await;
}

#[tokio::test]
async fn a_reply_of_another_kind_is_the_error_of_its_request_alone() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    for wrong in [Reply::Stored, Reply::Count(1), Reply::Value(proto::Value::Uint(1))] {
        let (task, asked) = asking(&client, &mut session, "a").await;
        session.reply(&asked, &wrong).await;
        let error = ended(task).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(ProtocolError::Unexpected("get"))), "{error:?}");
    }
    let (task, asked) = asking(&client, &mut session, "a").await;
    session.reply(&asked, &int(1)).await;
    assert_eq!(ended(task).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_refusal_has_its_code_and_message() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    for (code, retryable) in [(ErrorCode::LogDown, true), (ErrorCode::Overflow, false), (ErrorCode::BadKey, false)] {
        let (task, asked) = asking(&client, &mut session, "a").await;
        let mut refusal = Vec::new();
        encode_error(&mut refusal, asked.id(), code, "because");
        session.write(&refusal).await;
        let error = ended(task).await.unwrap_err();
        assert_eq!(error.is_retryable(), retryable);
        assert_eq!(error.to_string(), "the server refused the request: because");
        assert!(matches!(error, Error::Refused { code: found, .. } if found == code));
    }
}

#[tokio::test]
async fn a_write_that_the_log_has_not_confirmed_has_an_unknown_outcome_and_harms_no_other_request() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let (task, asked) = asking(&client, &mut session, "a").await;
    let mut reply = Vec::new();
    encode_error(&mut reply, asked.id(), ErrorCode::OutcomeUnknown, "it may or may not have happened");
    session.write(&reply).await;
    let error = ended(task).await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert!(error.is_outcome_unknown() && !error.is_retryable());
    assert!(error.to_string().contains("it may or may not have happened"), "{error}");
    let (task, asked) = asking(&client, &mut session, "a").await;
    session.reply(&asked, &int(1)).await;
    assert_eq!(ended(task).await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_silent_server_times_out_and_a_late_reply_goes_to_nobody_else() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.client(peer.options().request_timeout(Duration::from_secs(1))).await;
    let (late, first) = asking(&client, &mut session, "late").await;
    let error = ended(late).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }) && error.is_outcome_unknown(), "{error:?}");
    let (task, second) = asking(&client, &mut session, "a").await;
    session.reply(&first, &int(1)).await;
    session.reply(&second, &int(2)).await;
    assert_eq!(ended(task).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_server_that_stays_silent_loses_the_connection() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.client(peer.options().silence_timeout(Duration::from_secs(1))).await;
    let (task, _) = asking(&client, &mut session, "a").await;
    let error = ended(task).await.unwrap_err();
    assert!(matches!(error, Error::Unknown(Lost::Silent(_))), "{error:?}");
    comes_back(&client, &peer).await;
    session.ended().await;
}

#[tokio::test]
async fn a_dead_connection_is_noticed_without_requests() {
    let peer = Peer::new().await;
    let options = peer.options().keep_alive(Duration::from_millis(50)).silence_timeout(Duration::from_secs(1));
    let (_client, mut session) = peer.client(options).await;
    let ping = session.next().await;
    assert_eq!(ping.frame().request, Request::Ping);
    session.reply(&ping, &Reply::Stored).await;
    assert_eq!(session.next().await.frame().request, Request::Ping);
    peer.accept().await;
}

#[tokio::test]
async fn limits_that_are_out_of_reason_are_cut() {
    let peer = Peer::new().await;
    let options = peer.options().max_outstanding(usize::MAX).max_outgoing_bytes(usize::MAX);
    let (client, mut session) = peer.client(options.keep_alive(Duration::MAX)).await;
    let (task, asked) = asking(&client, &mut session, "a").await;
    session.reply(&asked, &int(1)).await;
    assert_eq!(ended(task).await.unwrap(), Some(1));
    within("the client closes", client.close()).await;
}

#[tokio::test]
async fn there_is_a_pause_between_pings() {
    let peer = Peer::new().await;
    let (_client, mut session) = peer.client(peer.options().keep_alive(Duration::ZERO)).await;
    let begin = Instant::now();
    for _ in 0..5 {
        let ping = session.next().await;
        session.reply(&ping, &Reply::Stored).await;
    }
    // The first may have been on its way before the clock was read.
    assert!(begin.elapsed() >= 4 * MIN_KEEP_ALIVE);
}

#[tokio::test]
async fn no_more_requests_are_outstanding_than_may_be() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.client(peer.options().max_outstanding(2)).await;
    let (a, first) = asking(&client, &mut session, "a").await;
    let (b, second) = asking(&client, &mut session, "b").await;
    let mut third = std::pin::pin!(client.get_int("c"));
    assert!(poll_once(&mut third).await.is_none());
    assert!(!session.has_more());
    session.reply(&first, &int(1)).await;
    assert_eq!(ended(a).await.unwrap(), Some(1));
    let (third, ()) = tokio::join!(third, async {
        let third = session.next().await;
        session.reply(&second, &int(2)).await;
        session.reply(&third, &int(3)).await;
    });
    assert_eq!(third.unwrap(), Some(3));
    assert_eq!(ended(b).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_request_that_waits_for_room_in_vain_is_not_sent() {
    let peer = Peer::new().await;
    let options = peer.options().max_outstanding(1).request_timeout(Duration::from_secs(1));
    let (client, mut session) = peer.client(options).await;
    let (a, first) = asking(&client, &mut session, "a").await;
    let error = within("it times out", client.get_int("b")).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { problem: None, .. }), "{error:?}");
    assert!(matches!(ended(a).await, Err(Error::Timeout { .. })));
    session.reply(&first, &int(1)).await;
    // Room again, now that the reply has come.
    let (task, third) = asking(&client, &mut session, "c").await;
    assert_eq!(third.key(), "c");
    session.reply(&third, &int(3)).await;
    assert_eq!(ended(task).await.unwrap(), Some(3));
}

#[tokio::test]
async fn bytes_that_wait_to_be_written_are_limited_and_a_larger_request_passes_alone() {
    let address = vacant().await;
    let client = peer::options(address).max_outgoing_bytes(1000).start();
    let text = "x".repeat(600);
    let mut first = std::pin::pin!(client.put_str("first", &text));
    assert!(poll_once(&mut first).await.is_none());
    let huge = "x".repeat(5000);
    let mut second = std::pin::pin!(client.put_str("second", &huge));
    assert!(poll_once(&mut second).await.is_none());
    let peer = Peer::at(address).await;
    let serving = async {
        let mut session = peer.welcome().await;
        for name in ["first", "second"] {
            let asked = session.next().await;
            assert_eq!(asked.key(), name);
            assert!(!session.has_more(), "the second waits until the first is written");
            session.reply(&asked, &Reply::Stored).await;
        }
        session
    };
    let (first, second, _session) = tokio::join!(first, second, serving);
    first.unwrap();
    second.unwrap();
}

#[tokio::test]
async fn a_cancelled_request_is_not_sent_any_more() {
    let address = vacant().await;
    let client = peer::options(address).start();
    assert!(poll_once(client.put_int("cancelled", 1)).await.is_none());
    let mut request = std::pin::pin!(client.put_int("a", 1));
    assert!(poll_once(&mut request).await.is_none());
    assert!(poll_once(client.put_int("cancelled", 2)).await.is_none());
    let peer = Peer::at(address).await;
    let serving = async {
        let mut session = peer.welcome().await;
        let asked = session.next().await;
        assert_eq!(asked.key(), "a");
        session.reply(&asked, &Reply::Stored).await;
        session
    };
    let (stored, mut session) = tokio::join!(request, serving);
    stored.unwrap();
    let (task, asked) = asking(&client, &mut session, "b").await;
    assert_eq!(asked.key(), "b");
    session.reply(&asked, &int(1)).await;
    ended(task).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_cancelled_after_it_was_sent_disturbs_nobody() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let (a, first) = asking(&client, &mut session, "a").await;
    let (b, second) = asking(&client, &mut session, "b").await;
    let (c, third) = asking(&client, &mut session, "c").await;
    b.abort();
    assert!(b.await.unwrap_err().is_cancelled());
    for (asked, value) in [(first, 1), (second, 2), (third, 3)] {
        session.reply(&asked, &int(value)).await;
    }
    assert_eq!(ended(a).await.unwrap(), Some(1));
    assert_eq!(ended(c).await.unwrap(), Some(3));
}

#[tokio::test]
async fn requests_of_which_nothing_was_written_go_to_the_next_connection() {
    const REQUESTS: usize = 40;
    let peer = Peer::new().await;
    let (client, mut session) = peer.client(peer.options().max_outgoing_bytes(64 << 20)).await;
    let text = "x".repeat(1 << 20);
    let mut requests = JoinSet::new();
    for number in 0..REQUESTS {
        let (client, text) = (client.clone(), text.clone());
        requests.spawn(async move { (number, client.put_str(&number.to_string(), &text).await) });
    }
    // All requests are more than the system's buffers hold, so some are left when the connection ends.
    within("a part of a request", session.stream.read_exact(&mut [0; 1000])).await.unwrap();
    drop(session);
    let mut session = peer.welcome().await;
    let mut stored = Vec::new();
    let mut unknown = 0;
    while !requests.is_empty() {
        tokio::select! {
            asked = session.try_next() => {
                let asked = asked.unwrap().unwrap();
                session.reply(&asked, &Reply::Stored).await;
                stored.push(asked.key().to_string());
            }
            Some(ended) = requests.join_next() => match ended.unwrap() {
                (number, Ok(())) => assert!(stored.contains(&number.to_string()), "{number}"),
                (number, Err(Error::Unknown(_))) => {
                    assert!(!stored.contains(&number.to_string()), "{number} was sent twice");
                    unknown += 1;
                }
                (number, other) => panic!("{number}: {other:?}"),
            },
        }
    }
    assert!(unknown > 0 && !stored.is_empty(), "{unknown} unknown, {} stored", stored.len());
    assert!(stored.is_sorted_by_key(|number| number.parse::<usize>().unwrap()), "in their order: {stored:?}");
    assert_eq!(unknown + stored.len(), REQUESTS);
}

#[tokio::test]
async fn dropping_the_last_client_closes_the_connection() {
    let peer = Peer::new().await;
    let (client, session) = peer.usual_client().await;
    let other = client.durable();
    drop(client);
    let mut session = session;
    let (task, asked) = asking(&other, &mut session, "a").await;
    session.reply(&asked, &int(1)).await;
    ended(task).await.unwrap();
    drop(other);
    session.ended().await;
}

#[tokio::test]
async fn closing_waits_for_replies_and_ends_all_clones() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let (a, first) = asking(&client, &mut session, "a").await;
    let mut closing = std::pin::pin!(client.close());
    assert!(poll_once(&mut closing).await.is_none());
    assert!(matches!(client.clone().ping().await, Err(Error::Closed)));
    session.reply(&first, &int(1)).await;
    within("the client closes", closing).await;
    assert_eq!(ended(a).await.unwrap(), Some(1));
    session.ended().await;
    assert!(matches!(client.ping().await, Err(Error::Closed)));
    within("again", client.close()).await;
}

#[tokio::test]
async fn closing_does_not_wait_for_ever() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.client(peer.options().request_timeout(Duration::from_millis(200))).await;
    let (a, _) = asking(&client, &mut session, "a").await;
    within("the client closes", client.close()).await;
    assert!(ended(a).await.unwrap_err().is_outcome_unknown());
    session.ended().await;
}

#[tokio::test]
async fn errors_say_what_to_do() {
    let error = Error::from(ConnectError::TokenRequired);
    assert_eq!(error.to_string(), "the server asks for a token; give one with Options::token");
    let error = Error::Unknown(Lost::ByServer);
    assert_eq!(
        error.to_string(),
        "the server closed the connection; it is not known whether the request was or will be carried out"
    );
}
