//! The two protocols that clients speak.

/// The protocol of a connection, determined by the address that the client connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// REST over HTTP/1.1.
    Rest,
    /// The frame protocol.
    Frames,
}

impl Protocol {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Rest, Self::Frames];

    /// The protocol's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Frames => "frames",
        }
    }

    /// The protocol's name for ALPN.
    pub(crate) fn alpn(self) -> &'static [u8] {
        match self {
            Self::Rest => b"http/1.1",
            Self::Frames => b"kvs-frames",
        }
    }
}
