//! The prefaces: the first bytes that each side of a connection sends.

/// The start of both prefaces.
pub const MAGIC: [u8; 4] = *b"KVSF";

/// The protocol version that this code implements.
pub const VERSION: u16 = 1;

// Flags of the server's preface.
const AUTH_REQUIRED: u32 = 1;
const READ_ONLY: u32 = 2;
const AUTH_OFFERED: u32 = 4;
const TRANSACTS: u32 = 8;
const KEEPS_OUTCOMES: u32 = 16;
const FOLLOWS: u32 = 32;

/// What a client sends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPreface {
    /// The protocol version of the client.
    pub version: u16,
}

/// The server's response to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerPreface {
    /// The protocol version of the server.
    pub version: u16,
    /// Whether it accepts this client.
    pub status: PrefaceStatus,
    /// Largest request frame that it accepts, in bytes.
    pub max_frame: u32,
    /// Whether the first request must be an auth.
    pub auth_required: bool,
    /// Whether the server knows identities: a client may send an auth, and may then do more.
    pub auth_offered: bool,
    /// Whether it no longer accepts writes, because it has lost its log.
    pub read_only: bool,
    /// Whether it knows transactions and scans, which the first servers of this version did not.
    pub transacts: bool,
    /// Whether transactions may have idempotency keys, which the first servers with transactions did not know.
    pub keeps_outcomes: bool,
    /// Whether it tells changes to those who follow: it knows the request, and has a log.
    pub follows: bool,
}

/// Whether the server accepts a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum PrefaceStatus {
    /// Accepted.
    Welcome = 0,
    /// The client's preface does not begin with the magic, or its reserved bytes are not zero.
    NotThisProtocol = 1,
    /// The client has a different version.
    Version = 2,
    /// There are too many connections; trying again later helps.
    TooManyConnections = 3,
}

/// Why bytes are not a usable preface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum PrefaceError {
    #[error("this is not the KVS frame protocol: expected a preface that starts with `KVSF`")]
    Magic,
    #[error("version {0} of the frame protocol is not supported; expected version {VERSION}")]
    Version(u16),
    #[error("unknown status {0} in the server's preface")]
    Status(u16),
}

impl PrefaceStatus {
    fn from_code(code: u16) -> Option<Self> {
        [Self::Welcome, Self::NotThisProtocol, Self::Version, Self::TooManyConnections]
            .into_iter()
            .find(|status| *status as u16 == code)
    }
}

impl From<PrefaceError> for PrefaceStatus {
    fn from(error: PrefaceError) -> Self {
        match error {
            PrefaceError::Version(_) => Self::Version,
            PrefaceError::Magic | PrefaceError::Status(_) => Self::NotThisProtocol,
        }
    }
}

impl ClientPreface {
    /// Size in bytes: magic, version, two zeros.
    pub const BYTES: usize = 8;

    /// The preface of this version.
    pub fn current() -> Self {
        Self { version: VERSION }
    }

    /// The preface as bytes.
    pub fn encode(self) -> [u8; Self::BYTES] {
        let [m0, m1, m2, m3] = MAGIC;
        let [v0, v1] = self.version.to_le_bytes();
        [m0, m1, m2, m3, v0, v1, 0, 0]
    }

    /// Decodes a preface and checks that this code supports its version.
    pub fn decode(bytes: [u8; Self::BYTES]) -> Result<Self, PrefaceError> {
        let [m0, m1, m2, m3, v0, v1, r0, r1] = bytes;
        if [m0, m1, m2, m3] != MAGIC || [r0, r1] != [0, 0] {
            return Err(PrefaceError::Magic);
        }
        match u16::from_le_bytes([v0, v1]) {
            VERSION => Ok(Self { version: VERSION }),
            other => Err(PrefaceError::Version(other)),
        }
    }
}

impl ServerPreface {
    /// Size in bytes: magic, version, status, largest frame, flags.
    pub const BYTES: usize = 16;

    /// The preface as bytes.
    pub fn encode(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&self.version.to_le_bytes());
        bytes[6..8].copy_from_slice(&(self.status as u16).to_le_bytes());
        bytes[8..12].copy_from_slice(&self.max_frame.to_le_bytes());
        let flag = |set, flag| if set { flag } else { 0 };
        let flags = flag(self.auth_required, AUTH_REQUIRED)
            | flag(self.read_only, READ_ONLY)
            | flag(self.auth_offered, AUTH_OFFERED)
            | flag(self.transacts, TRANSACTS)
            | flag(self.keeps_outcomes, KEEPS_OUTCOMES)
            | flag(self.follows, FOLLOWS);
        bytes[12..].copy_from_slice(&flags.to_le_bytes());
        bytes
    }

    /// Decodes a preface, whatever its version and status. Unknown flags are ignored.
    pub fn decode(bytes: [u8; Self::BYTES]) -> Result<Self, PrefaceError> {
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes[..4] != MAGIC {
            return Err(PrefaceError::Magic);
        }
        Ok(Self {
            version: half(4),
            status: PrefaceStatus::from_code(half(6)).ok_or(PrefaceError::Status(half(6)))?,
            max_frame: word(8),
            auth_required: word(12) & AUTH_REQUIRED != 0,
            auth_offered: word(12) & AUTH_OFFERED != 0,
            read_only: word(12) & READ_ONLY != 0,
            transacts: word(12) & TRANSACTS != 0,
            keeps_outcomes: word(12) & KEEPS_OUTCOMES != 0,
            follows: word(12) & FOLLOWS != 0,
        })
    }
}
