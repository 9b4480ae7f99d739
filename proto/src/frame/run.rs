//! Splits the bytes of a connection into runs of complete frames.
//!
//! A buffer is split once for all complete frames in it, not once per frame: `BytesMut::split_to` costs an atomic
//! operation each time. The frames borrow from the run.

use bytes::{Bytes, BytesMut};
use tokio_util::codec::Decoder;

use super::{REPLY_HEADER_BYTES, REQUEST_HEADER_BYTES};

const LENGTH_BYTES: usize = 4;

/// Splits runs of complete frames off a buffer. Reserves nothing, whatever length a frame claims.
#[derive(Clone, Copy, Debug)]
pub struct RunDecoder {
    least: usize,
    most: usize,
}

/// One or more complete frames, one after the other.
#[derive(Debug)]
pub struct Run(BytesMut);

/// The frames of a run, in order, including their headers.
#[derive(Clone, Debug)]
pub struct Frames<'r> {
    rest: &'r [u8],
}

/// The bytes cannot be split into frames; nothing after this point can be read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A frame claims an invalid length.
    #[error("a frame claims {claimed} bytes; expected {least} to {most}")]
    Length {
        /// The claimed length.
        claimed: usize,
        /// The size of a header.
        least: usize,
        /// The maximum length.
        most: usize,
    },
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl RunDecoder {
    /// For requests of at most `most` bytes each, including headers.
    pub fn requests(most: usize) -> Self {
        Self { least: REQUEST_HEADER_BYTES, most }
    }

    /// For replies of at most `most` bytes each, including headers.
    pub fn replies(most: usize) -> Self {
        Self { least: REPLY_HEADER_BYTES, most }
    }

    /// The length that the frame at the start of `bytes` claims, once enough bytes are there.
    pub fn claimed(self, bytes: &[u8]) -> Result<Option<usize>, RunError> {
        let Some(length) = bytes.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let claimed = u32::from_le_bytes(*length) as usize;
        match (self.least..=self.most).contains(&claimed) {
            true => Ok(Some(claimed)),
            false => Err(RunError::Length { claimed, least: self.least, most: self.most }),
        }
    }

    /// How many bytes at the start of `bytes` are complete frames. An invalid frame after complete ones is left to the
    /// next call, so that those are not lost.
    pub fn complete(self, bytes: &[u8]) -> Result<usize, RunError> {
        let mut end = 0;
        loop {
            match self.claimed(&bytes[end..]) {
                Ok(Some(length)) if length <= bytes.len() - end => end += length,
                Err(e) if end == 0 => return Err(e),
                _ => return Ok(end),
            }
        }
    }
}

impl Decoder for RunDecoder {
    type Item = Run;
    type Error = RunError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Run>, RunError> {
        let end = self.complete(bytes)?;
        Ok((end > 0).then(|| Run(bytes.split_to(end))))
    }
}

impl Run {
    /// The frames.
    pub fn frames(&self) -> Frames<'_> {
        Frames { rest: &self.0 }
    }

    /// Size of all frames, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl From<Run> for Bytes {
    fn from(Run(frames): Run) -> Self {
        frames.freeze()
    }
}

impl<'r> Frames<'r> {
    /// The frames in `bytes`, which must be complete frames and nothing else, as [`RunDecoder::complete`] finds them.
    pub fn new(bytes: &'r [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been iterated over yet.
    pub fn rest(&self) -> &'r [u8] {
        self.rest
    }
}

impl<'r> Iterator for Frames<'r> {
    type Item = &'r [u8];

    fn next(&mut self) -> Option<&'r [u8]> {
        let length = u32::from_le_bytes(*self.rest.first_chunk()?) as usize;
        // No decoder lets this through. It keeps an iteration over other bytes from looping forever.
        if length < LENGTH_BYTES {
            return None;
        }
        let (frame, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(frame)
    }
}
