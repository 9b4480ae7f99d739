//! What only the server understands: states of entries, places in the log and in a scan.

/// Size of the state of an entry, in bytes.
pub const ETAG_BYTES: usize = 20;

/// Size of a place in the log, in bytes.
pub const TOKEN_BYTES: usize = 23;

/// The state of an entry, opaque to clients.
pub type Etag = [u8; ETAG_BYTES];

/// A place in the log, opaque to clients.
pub type Token = [u8; TOKEN_BYTES];

/// Size of a place in a scan, in bytes.
pub const CURSOR_BYTES: usize = 20;

/// A place in a scan, opaque to clients.
pub type Cursor = [u8; CURSOR_BYTES];
