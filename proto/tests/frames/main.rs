//! The frame protocol: what goes in comes out, and whatever else comes is refused with the right error.
//!
//! ```text
//!   main.rs        properties
//!   malformed.rs   frames that are refused, with the exact errors
//!   vectors.rs     proto/frames.vectors holds what this codec encodes and decodes, of each kind one at least
//!   messages.rs    requests and replies that own their texts, and strategies for them
//!   check.rs       what must hold of any bytes; the fuzz targets assert the same
//! ```

mod check;
mod malformed;
mod messages;
mod vectors;

use bytes::BytesMut;
use messages::{any_answer, any_request};
use proptest::collection::vec;
use proptest::prelude::*;
use proto::frame::{
    ClientPreface, ErrorCode, Frames, PrefaceError, PrefaceStatus, RunDecoder, RunError, ServerPreface,
};
use testkit::arbitrary::cases;
use tokio_util::codec::Decoder;

/// Every frame that the decoder finds in `buffer`.
fn frames(decoder: &mut RunDecoder, buffer: &mut BytesMut) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some(run) = decoder.decode(buffer).expect("these are frames") {
        found.extend(run.frames().map(<[u8]>::to_vec));
    }
    found
}

/// Some changes to bytes: which byte, and what to flip in it.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
}

fn damaged(mut bytes: Vec<u8>, damage: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    for (at, flip) in damage {
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
    }
    bytes
}

/// Every bit flipped, one at a time.
fn each_flip(bytes: &[u8], mut check: impl FnMut(&[u8])) {
    let mut bytes = bytes.to_vec();
    for bit in 0..8 * bytes.len() {
        bytes[bit / 8] ^= 1 << (bit % 8);
        check(&bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn requests_come_back_as_they_were_encoded(requests in vec((any_request(), any::<u32>(), any::<bool>()), 0..8)) {
        let mut stream = Vec::new();
        requests.iter().for_each(|(request, id, durable)| request.encode(&mut stream, *id, *durable));
        let found = frames(&mut RunDecoder::requests(check::MOST), &mut stream[..].into());
        prop_assert_eq!(found.len(), requests.len());
        for (frame, (request, id, durable)) in found.iter().zip(&requests) {
            request.assert_is_in(frame, *id, *durable);
            check::request(frame);
        }
    }

    #[test]
    fn replies_come_back_as_they_were_encoded(answers in vec((any_answer(), any::<u32>()), 0..8)) {
        let mut stream = Vec::new();
        answers.iter().for_each(|(answer, id)| answer.encode(&mut stream, *id));
        let found = frames(&mut RunDecoder::replies(check::MOST), &mut stream[..].into());
        prop_assert_eq!(found.len(), answers.len());
        for (frame, (answer, id)) in found.iter().zip(&answers) {
            answer.assert_is_in(frame, *id);
            check::reply(frame);
        }
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..200)) {
        check::requests(&bytes);
        check::replies(&bytes);
        if bytes.len() >= 16 {
            check::request(&check::with_length(&bytes));
            check::reply(&check::with_length(&bytes));
        }
    }

    #[test]
    fn a_request_with_flipped_bits_is_refused_or_means_what_encodes_to_it(
        request in any_request(), behind in vec(any::<u8>(), 0..40), damage in damage(),
    ) {
        let mut frame = Vec::new();
        request.encode(&mut frame, 7, false);
        let several = damaged(frame.clone(), &damage);
        check::requests(&several);
        check::request(&check::with_length(&several));
        for end in 16..frame.len() {
            check::request(&check::with_length(&frame[..end]));
        }
        each_flip(&frame, |flipped| check::request(&check::with_length(flipped)));
        each_flip(&[&frame[..], &behind].concat(), check::requests);
    }

    #[test]
    fn a_reply_with_flipped_bits_is_refused_or_means_what_encodes_to_it(
        answer in any_answer(), behind in vec(any::<u8>(), 0..40), damage in damage(),
    ) {
        let mut frame = Vec::new();
        answer.encode(&mut frame, 7);
        let several = damaged(frame.clone(), &damage);
        check::replies(&several);
        check::reply(&check::with_length(&several));
        for end in 12..frame.len() {
            check::reply(&check::with_length(&frame[..end]));
        }
        each_flip(&frame, |flipped| check::reply(&check::with_length(flipped)));
        each_flip(&[&frame[..], &behind].concat(), check::replies);
    }

    #[test]
    fn prefaces_come_back_as_they_were_encoded(version: u16, max_frame: u32, flags: [bool; 6], status in 0..4usize) {
        use PrefaceStatus::{NotThisProtocol, TooManyConnections, Version, Welcome};
        let status = [Welcome, NotThisProtocol, Version, TooManyConnections][status];
        let [auth_required, auth_offered, read_only, transacts, keeps_outcomes, follows] = flags;
        let preface = ServerPreface {
            version, status, max_frame, auth_required, auth_offered, read_only, transacts, keeps_outcomes, follows,
        };
        prop_assert_eq!(ServerPreface::decode(preface.encode()), Ok(preface));
        let decoded = ClientPreface::decode(ClientPreface { version }.encode());
        match version {
            1 => prop_assert_eq!(decoded, Ok(ClientPreface::current())),
            other => prop_assert_eq!(decoded, Err(PrefaceError::Version(other))),
        }
    }
}

proptest! {
    // Each case reads its whole stream once for each place where it may be cut.
    #![proptest_config(cases(32))]

    #[test]
    fn wherever_the_bytes_are_cut_the_frames_are_the_same(requests in vec(any_request(), 1..5)) {
        let (mut stream, mut expected) = (Vec::new(), Vec::new());
        for (request, id) in requests.iter().zip(0..) {
            let start = stream.len();
            request.encode(&mut stream, id, false);
            expected.push(stream[start..].to_vec());
        }
        for cut in 0..=stream.len() {
            let mut decoder = RunDecoder::requests(check::MOST);
            let mut buffer = BytesMut::from(&stream[..cut]);
            let mut found = frames(&mut decoder, &mut buffer);
            buffer.extend_from_slice(&stream[cut..]);
            found.extend(frames(&mut decoder, &mut buffer));
            prop_assert!(buffer.is_empty());
            prop_assert_eq!(&found, &expected, "cut at {}", cut);
        }
        let mut decoder = RunDecoder::requests(check::MOST);
        let mut buffer = BytesMut::new();
        let mut found = Vec::new();
        for byte in &stream {
            buffer.extend_from_slice(&[*byte]);
            found.extend(frames(&mut decoder, &mut buffer));
        }
        prop_assert_eq!(&found, &expected, "byte by byte");
    }
}

#[test]
fn nothing_is_reserved_for_what_a_frame_claims() {
    for mut decoder in [RunDecoder::requests(1 << 30), RunDecoder::replies(1 << 30)] {
        let mut buffer = BytesMut::from(&[&(1u32 << 30).to_le_bytes()[..], &[0; 60]].concat()[..]);
        let before = buffer.capacity();
        assert!(decoder.decode(&mut buffer).expect("a frame may be this long").is_none());
        assert_eq!((buffer.len(), buffer.capacity()), (64, before));
    }
}

#[test]
fn a_length_is_accepted_from_a_header_to_the_limit() {
    for (decoder, least) in [(RunDecoder::requests(100), 16), (RunDecoder::replies(100), 12)] {
        for claimed in [0, 1, least - 1, least, 99, 100, 101, 1 << 31, u32::MAX as usize] {
            let bytes = (claimed as u32).to_le_bytes();
            let expected = match (least..=100).contains(&claimed) {
                true => format!("{:?}", Some(claimed)),
                false => format!("a frame claims {claimed} bytes; expected {least} to 100"),
            };
            let found = decoder.claimed(&bytes).map_or_else(|e| e.to_string(), |length| format!("{length:?}"));
            assert_eq!(found, expected);
            assert!((0..4).all(|cut| matches!(decoder.claimed(&bytes[..cut]), Ok(None))), "{claimed}, cut");
        }
    }
}

#[test]
fn complete_frames_before_an_impossible_one_are_not_lost() {
    let mut stream = Vec::new();
    proto::frame::encode_ping(&mut stream, 1);
    proto::frame::encode_ping(&mut stream, 2);
    let complete = stream.len();
    stream.extend(15u32.to_le_bytes());
    let mut buffer = BytesMut::from(&stream[..]);
    let mut decoder = RunDecoder::requests(check::MOST);
    let run = decoder.decode(&mut buffer).expect("complete frames come first").expect("there are some");
    assert_eq!((run.bytes(), run.frames().count()), (complete, 2));
    let impossible = decoder.decode(&mut buffer).expect_err("it is impossible");
    assert!(matches!(impossible, RunError::Length { claimed: 15, least: 16, most: check::MOST }), "{impossible}");
}

#[test]
fn an_iteration_over_what_is_not_frames_ends() {
    for bytes in [&[0; 40][..], &[3, 0, 0, 0, 9], &[200, 0, 0, 0, 9], &[1, 2]] {
        assert_eq!(Frames::new(bytes).count(), 0, "{bytes:?}");
    }
}

#[test]
fn a_preface_of_anything_else_is_refused() {
    let good = ClientPreface::current().encode();
    for at in 0..good.len() {
        let mut bytes = good;
        bytes[at] ^= 0x20;
        let expected = match at {
            4 => PrefaceError::Version(0x21),
            5 => PrefaceError::Version(0x2001),
            _ => PrefaceError::Magic,
        };
        assert_eq!(ClientPreface::decode(bytes), Err(expected), "byte {at}");
    }
    assert_eq!(ClientPreface::decode(*b"GET / HT"), Err(PrefaceError::Magic));

    let welcome = ServerPreface {
        version: 1,
        status: PrefaceStatus::Welcome,
        max_frame: 9,
        auth_required: true,
        auth_offered: true,
        read_only: true,
        transacts: true,
        keeps_outcomes: true,
        follows: true,
    };
    let mut later = welcome.encode();
    later[12..].fill(0xff);
    assert_eq!(ServerPreface::decode(later), Ok(welcome), "flags of later versions mean nothing");
    later[6] = 4;
    assert_eq!(ServerPreface::decode(later), Err(PrefaceError::Status(4)));
    assert_eq!(ServerPreface::decode(*b"HTTP/1.1 400 Bad"), Err(PrefaceError::Magic));
}

#[test]
fn codes_are_what_they_say() {
    for code in 0..=u8::MAX {
        match ErrorCode::from_code(code) {
            Some(error) => assert!(error as u8 == code && code >= 0x80),
            None => assert!(!ErrorCode::ALL.iter().any(|error| *error as u8 == code)),
        }
    }
    for error in ErrorCode::ALL {
        assert_eq!(error.is_retryable(), (0xa0..0xb0).contains(&(error as u8)), "{error:?}");
    }
}
