//! What the client sends: only what the server takes, marked as durable where that was asked for, in as many requests
//! as are needed.

mod peer;

use client::{Error, ErrorCode, InvalidInput, Value, ValueType};
use peer::{MAX_FRAME, Peer, Session, asking, ended, int, poll_once, vacant, welcome};
use proto::frame::{ManyReplies, Request, ServerPreface};
use proto::{Op, Reply};

#[tokio::test]
async fn what_a_server_would_refuse_by_its_form_is_not_sent() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let long = "x".repeat(513);
    let huge = "x".repeat(MAX_FRAME as usize);
    let invalid = |result: Result<(), Error>| match result {
        Err(Error::InvalidInput(invalid)) => invalid,
        other => panic!("{other:?}"),
    };
    assert!(matches!(invalid(client.put_int("", 1).await), InvalidInput::Key(_)));
    assert!(matches!(invalid(client.put_int(&long, 1).await), InvalidInput::Key(_)));
    assert!(matches!(invalid(client.put_int("a\0", 1).await), InvalidInput::Key(_)));
    assert!(matches!(invalid(client.put_str("a", "\0").await), InvalidInput::Text { what: "value", .. }));
    assert!(matches!(invalid(client.put_set("a", ["\0"]).await), InvalidInput::Text { what: "member", .. }));
    assert!(matches!(invalid(client.put_map("a", [("\0", "")]).await), InvalidInput::Text { what: "field", .. }));
    assert!(matches!(invalid(client.put_float("a", f32::NAN).await), InvalidInput::NotFinite));
    assert!(matches!(invalid(client.put_str("a", &huge).await), InvalidInput::TooLarge { .. }));
    let many = client.multi_put([("a", Value::from(1)), ("", Value::from(2))]).await;
    assert!(matches!(many, Err(Error::InvalidInput(InvalidInput::Key(_)))));
    let (task, asked) = asking(&client, &mut session, "a").await;
    assert_eq!(asked.id(), 0, "the first request that was sent");
    session.reply(&asked, &int(1)).await;
    ended(task).await.unwrap();
}

#[tokio::test]
async fn the_limit_of_a_server_that_comes_later_is_kept_to() {
    let address = vacant().await;
    let client = peer::options(address).start();
    let text = "x".repeat(2000);
    let (mut large, mut small) = (std::pin::pin!(client.put_str("a", &text)), std::pin::pin!(client.put_int("b", 1)));
    assert!(poll_once(&mut large).await.is_none() && poll_once(&mut small).await.is_none());
    let peer = Peer::at(address).await;
    let serving = async {
        let mut session = peer.accept().await;
        session.greet(ServerPreface { max_frame: 1000, ..welcome() }).await;
        let asked = session.next().await;
        assert_eq!(asked.key(), "b");
        session.reply(&asked, &Reply::Stored).await;
        session
    };
    let (large, small, _session) = tokio::join!(large, small, serving);
    assert!(matches!(large, Err(Error::InvalidInput(InvalidInput::TooLarge { most: 1000, .. }))), "{large:?}");
    small.unwrap();
}

#[tokio::test]
async fn durable_is_asked_for_with_writes_alone() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let durable = client.durable();
    let (task, asked) = asking(&durable, &mut session, "a").await;
    assert!(!asked.frame().durable);
    session.reply(&asked, &int(1)).await;
    ended(task).await.unwrap();
    for (client, expected) in [(&client, false), (&durable, true)] {
        let mut one = std::pin::pin!(client.put_int("a", 1));
        assert!(poll_once(&mut one).await.is_none());
        assert_eq!(session.next().await.frame().durable, expected);
        let mut many = std::pin::pin!(client.multi_put([("a", 1)]));
        assert!(poll_once(&mut many).await.is_none());
        assert_eq!(session.next().await.frame().durable, expected);
    }
}

/// Answers a multi-get: with at most `most` values, all equal to the number in the key; the rest does not fit.
async fn answer_multi_get(session: &mut Session, most: usize) -> usize {
    let asked = session.next().await;
    let frame = asked.frame();
    let Request::Multi(multi) = frame.request else { panic!("{frame:?}") };
    let mut bytes = Vec::new();
    let mut replies = ManyReplies::begin(&mut bytes, frame.id);
    for (at, op) in multi.ops().enumerate() {
        let Op::Get { key, .. } = op else { panic!("{op:?}") };
        match at < most {
            true => replies.push(&mut bytes, &int(key.as_str().parse().unwrap())),
            false => replies.push_error(&mut bytes, ErrorCode::TooLarge, "the answer is full"),
        }
    }
    replies.finish(&mut bytes);
    session.write(&bytes).await;
    multi.count()
}

#[tokio::test]
async fn many_entries_travel_in_as_many_requests_as_the_server_needs() {
    let peer = Peer::new().await;
    let connecting = async {
        let mut session = peer.accept().await;
        session.greet(ServerPreface { max_frame: 200, ..welcome() }).await;
        session
    };
    let (client, mut session) = tokio::join!(peer.options().connect(), connecting);
    let client = client.unwrap();
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let getting = client.multi_get(names.iter().map(|name| (ValueType::Int, name)));
    let (values, requests) = tokio::join!(getting, async {
        let (mut items, mut requests) = (0, 0);
        while items < 100 {
            items += answer_multi_get(&mut session, usize::MAX).await;
            requests += 1;
        }
        requests
    });
    assert!(requests > 1);
    for (number, value) in values.unwrap().into_iter().enumerate() {
        assert_eq!(value.unwrap(), Some(Value::Int(number as i32)));
    }
}

#[tokio::test]
async fn values_that_did_not_fit_into_an_answer_are_asked_for_again_as_long_as_that_helps() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let names = ["0", "1", "2", "3", "4"].map(|name| (ValueType::Int, name));
    let (values, ()) = tokio::join!(client.multi_get(names), async {
        for expected in [5, 3, 1] {
            assert_eq!(answer_multi_get(&mut session, 2).await, expected);
        }
    });
    let values: Vec<_> = values.unwrap().into_iter().map(|value| value.unwrap().unwrap()).collect();
    assert_eq!(values, [0, 1, 2, 3, 4].map(Value::Int));
    let (values, ()) = tokio::join!(client.multi_get(names), async {
        assert_eq!(answer_multi_get(&mut session, 2).await, 5);
        assert_eq!(answer_multi_get(&mut session, 0).await, 3);
    });
    let values = values.unwrap();
    assert!(values[1].is_ok() && values[2].is_err());
}

#[tokio::test]
async fn each_item_says_what_befell_its_request() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let names = [(ValueType::Int, "0"), (ValueType::Int, "1")];
    let (values, ()) = tokio::join!(client.multi_get(names), async {
        session.next().await;
        drop(session);
    });
    let values = values.unwrap();
    assert_eq!(values.len(), 2);
    assert!(values.iter().all(|value| matches!(value, Err(Error::Unknown(_)))), "{values:?}");
}
