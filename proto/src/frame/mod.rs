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
//!   transact.rs  requests for transactions
//!   selection.rs what requests for scans and for changes have in common
//!   scan.rs      requests for scans
//!   page.rs      pages of a scan
//!   follow.rs    requests for changes
//!   changes.rs   changes
//!   parts.rs     parts that several replies have
//!   rules.rs     what may be asked for beyond the form
//!   opaque.rs    what only the server understands
//!   error.rs     error codes and what they mean
//! ```

mod changes;
mod error;
mod follow;
mod limits;
mod opaque;
mod page;
mod parts;
mod preface;
mod reply;
mod request;
mod rules;
mod run;
mod scan;
mod selection;
mod transact;

pub use changes::{ChangeContent, ChangeItem, Changes};
pub use error::{ErrorCode, ReplyError, RequestError};
pub use follow::Follow;
pub use limits::{MAX_ETAGS, MAX_FOLLOW_WAIT_MILLIS, MAX_MULTI_ITEMS, MAX_SCAN_ENTRIES, MAX_TRANSACT_ITEMS};
pub use opaque::{CURSOR_BYTES, Cursor, ETAG_BYTES, Etag, TOKEN_BYTES, Token};
pub use page::{Page, ScannedEntry};
pub use preface::{ClientPreface, MAGIC, PrefaceError, PrefaceStatus, ServerPreface, VERSION};
pub use reply::{
    Answer, Answers, ChangesReply, EntryFacts, FoundEntry, MAX_REPLY_BYTES, ManyReplies, REPLY_HEADER_BYTES,
    REPLY_ITEM_HEADER_BYTES, ReplyFrame, StepResult, StepResults, TransactReply, encode_bounds, encode_condition,
    encode_done, encode_error, encode_page, encode_reply, payload_bytes,
};
pub use request::{
    BadRequest, MultiOps, REQUEST_HEADER_BYTES, Request, RequestFrame, encode_auth, encode_follow, encode_multi_get,
    encode_multi_put, encode_ping, encode_request, encode_scan, encode_transact, follow_bytes, multi_get_item_bytes,
    multi_put_item_bytes, request_bytes, scan_bytes, transact_bytes,
};
pub use run::{Frames, Run, RunDecoder, RunError};
pub use scan::Scan;
pub use transact::{CheckItem, CheckKind, StepItem, TransactItems, Ttl};
