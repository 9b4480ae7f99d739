#![doc = include_str!("../../frames.md")]
//!
//! # Files
//!
//! ```text
//!   limits.rs    limits of the protocol
//!   preface.rs   the first bytes of each side
//!   run.rs       splits the bytes of a connection into runs of complete frames
//!   request.rs   requests: layout, encoding, decoding
//!   reply.rs     replies: layout, encoding, decoding
//!   error.rs     error codes and what they mean
//! ```

mod error;
mod limits;
mod preface;
mod reply;
mod request;
mod run;

pub use error::{ErrorCode, RequestError};
pub use limits::MAX_MULTI_ITEMS;
pub use preface::{ClientPreface, MAGIC, PrefaceError, PrefaceStatus, ServerPreface, VERSION};
pub use reply::{
    Answer, Answers, MAX_REPLY_BYTES, ManyReplies, REPLY_HEADER_BYTES, REPLY_ITEM_HEADER_BYTES, ReplyError, ReplyFrame,
    encode_done, encode_error, encode_reply, payload_bytes,
};
pub use request::{
    BadRequest, MultiOps, REQUEST_HEADER_BYTES, Request, RequestFrame, encode_auth, encode_multi_get, encode_multi_put,
    encode_ping, encode_request, multi_get_item_bytes, multi_put_item_bytes, request_bytes,
};
pub use run::{Frames, Run, RunDecoder, RunError};
