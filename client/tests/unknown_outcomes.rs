//! A server that does not know what became of a write, or says so with a code that this client does not know: reported
//! as unknown, never as refused.

mod peer;

use client::{Error, Lost, ProtocolError, Value};
use peer::{Peer, asking, ended, int, within};
use proto::Reply;

/// The codes after which a request is known not to have been carried out. 0x80 is about the connection.
const LEFT_NO_TRACE: [u8; 18] =
    [0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x90, 0x91, 0x92, 0x93, 0x94, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xB0, 0xB1];

/// The code that the protocol has, or will have, for an outcome that the server does not know.
const OUTCOME_UNKNOWN: u8 = 0xC0;

/// A code that no version of the protocol has.
const NEVER_ASSIGNED: u8 = 0xEE;

fn error_reply(id: u32, code: u8, message: &str) -> Vec<u8> {
    let length = 12 + message.len() as u32;
    [&length.to_le_bytes()[..], &id.to_le_bytes(), &[code, 0, 0, 0], message.as_bytes()].concat()
}

#[tokio::test]
async fn a_write_whose_outcome_the_server_does_not_know_is_reported_as_unknown() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let write = tokio::spawn({
        let client = client.clone();
        async move { client.put_int("a", 1).await }
    });
    let first = session.next().await;
    let (read, second) = asking(&client, &mut session, "b").await;
    session.write(&error_reply(first.id(), OUTCOME_UNKNOWN, "the log did not say within 60 s")).await;
    let error = within("the write ends", write).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { code: OUTCOME_UNKNOWN, .. }), "{error:?}");
    assert!(error.is_outcome_unknown() && !error.is_retryable());
    assert_eq!(
        error.to_string(),
        "the server replied with error 0xc0: the log did not say within 60 s; it is not known whether the request was \
         carried out"
    );
    // Nobody else is affected: the connection goes on.
    session.reply(&second, &int(2)).await;
    assert_eq!(ended(read).await.unwrap(), Some(2));
}

#[tokio::test]
async fn only_codes_that_are_known_to_leave_no_trace_are_refusals() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    for code in 0x81..=0xFF {
        let (task, received) = asking(&client, &mut session, "a").await;
        session.write(&error_reply(received.id(), code, "because")).await;
        let error = ended(task).await.unwrap_err();
        let refused = matches!(error, Error::Refused { .. });
        assert_eq!(refused, LEFT_NO_TRACE.contains(&code), "{code:#x}: {error:?}");
        assert_eq!(error.is_outcome_unknown(), !refused, "{code:#x}: {error:?}");
    }
}

#[tokio::test]
async fn of_several_writes_with_an_unknown_code_among_them_none_is_reported_as_refused_or_stored() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let (results, ()) = tokio::join!(client.multi_put([("a", Value::from(1)), ("b", Value::from(2))]), async {
        let received = session.next().await;
        let stored = [0; 8];
        let unknown = [&[NEVER_ASSIGNED, 0, 0, 0, 4, 0, 0, 0][..], b"what"].concat();
        let items = [&stored[..], &unknown].concat();
        let length = 12 + items.len() as u32;
        let header = [&length.to_le_bytes()[..], &received.id().to_le_bytes(), &[7, 0, 0, 0]].concat();
        session.write(&[header, items].concat()).await;
    });
    for result in results.unwrap() {
        assert!(matches!(result, Err(Error::OutcomeUnknown { code: NEVER_ASSIGNED, .. })), "{result:?}");
    }
    let (task, received) = asking(&client, &mut session, "a").await;
    session.reply(&received, &Reply::NoEntry).await;
    assert_eq!(ended(task).await.unwrap(), None);
}

#[tokio::test]
async fn an_unknown_code_for_another_request_ends_the_connection() {
    let peer = Peer::new().await;
    let (client, mut session) = peer.usual_client().await;
    let (task, received) = asking(&client, &mut session, "a").await;
    session.write(&error_reply(received.id() + 1, NEVER_ASSIGNED, "because")).await;
    let error = ended(task).await.unwrap_err();
    assert!(matches!(error, Error::Unknown(Lost::Protocol(ProtocolError::Id { .. }))), "{error:?}");
    session.ended().await;
}
