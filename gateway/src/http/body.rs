//! Reading a request's body within its limits.
//!
//! Whatever the response will be, the body is received first: a client that is still sending could not read it. Only one that
//! asks before it sends (`Expect: 100-continue`) is told at once.

use std::io;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use httparse::Status;

use super::head::{Framing, Head};
use super::problem::Problem;
use super::stream::{HttpStream, NoInput};
use crate::budget::{Budget, Share};
use crate::config::{MAX_HEAD_BYTES, MAX_HEADERS, UNCOUNTED_BYTES};

/// Most bytes of a body that are received only to be dropped; a connection whose client sends more is closed.
const MAX_SKIPPED_BYTES: usize = 64 << 20;

/// Longest line that begins a chunk, in bytes.
const MAX_CHUNK_LINE_BYTES: usize = 1024;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A whole body, and its share of the memory for bodies.
pub(super) struct Body {
    whole: BytesMut,
    share: Share,
}

/// Why a body was not received.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error(transparent)]
    Failed(#[from] io::Error),
}

impl From<NoInput> for BodyError {
    fn from(no_input: NoInput) -> Self {
        match no_input {
            NoInput::End => Problem::Malformed("the body ended early; expected all of it".into()).into(),
            NoInput::TooSlow => Problem::TooSlow.into(),
            NoInput::Failed(e) => e.into(),
        }
    }
}

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.whole
    }

    /// Adds `data`; in all the body has at most `expected` bytes, as far as that is known.
    fn push(&mut self, data: BytesMut, expected: usize) -> Result<(), Problem> {
        let length = self.whole.len() + data.len();
        if self.whole.is_empty() && data.len() == expected {
            // It came as a whole.
            self.admit(length)?;
            self.whole = data;
            return Ok(());
        }
        if length > self.whole.capacity() {
            // Memory grows as bytes come in, whatever length the head claims.
            let capacity = (2 * self.whole.capacity()).min(expected).max(length);
            self.admit(capacity)?;
            let mut larger = BytesMut::with_capacity(capacity);
            larger.extend_from_slice(&self.whole);
            self.whole = larger;
        }
        self.whole.extend_from_slice(&data);
        Ok(())
    }

    fn admit(&mut self, bytes: usize) -> Result<(), Problem> {
        match bytes <= UNCOUNTED_BYTES || self.share.grow_to(bytes) {
            true => Ok(()),
            false => Err(Problem::Busy("too many large request bodies at a time; try again later")),
        }
    }
}

/// Where in a body the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the line that begins a chunk.
    ChunkLine,
    /// Within data, of which this many bytes are left.
    Data(u64),
    /// Before the line break after a chunk.
    ChunkEnd,
    /// After the last chunk.
    Trailers,
    /// Behind the body.
    End,
}

/// A body that comes in.
pub(super) struct IncomingBody {
    place: Place,
    is_chunked: bool,
    /// Whether the client waits for a word before it sends the body.
    must_ask: bool,
}

impl IncomingBody {
    pub(super) fn new(head: &Head<'_>) -> Self {
        let (place, is_chunked) = match head.framing {
            Framing::Length(0) => (Place::End, false),
            Framing::Length(length) => (Place::Data(length), false),
            Framing::Chunked => (Place::ChunkLine, true),
        };
        Self { place, is_chunked, must_ask: head.expects_continue && place != Place::End }
    }

    /// Whether all of it was received.
    pub(super) fn is_complete(&self) -> bool {
        self.place == Place::End
    }

    /// Reads it to its end, or says why not.
    pub(super) async fn read(
        &mut self,
        stream: &mut HttpStream,
        limit: usize,
        budget: &Arc<Budget>,
    ) -> Result<Body, BodyError> {
        let mut body = Body { whole: BytesMut::new(), share: budget.share() };
        match self.read_into(&mut body, stream, limit).await {
            Ok(()) => Ok(body),
            Err(BodyError::Problem(problem)) => {
                drop(body);
                if !matches!(problem, Problem::TooSlow) {
                    self.skip(stream).await?;
                }
                Err(problem.into())
            }
            Err(failed) => Err(failed),
        }
    }

    async fn read_into(&mut self, body: &mut Body, stream: &mut HttpStream, limit: usize) -> Result<(), BodyError> {
        let too_large = || Problem::BodyTooLarge { limit };
        let expected = match self.place {
            Place::Data(length) => {
                usize::try_from(length).ok().filter(|length| *length <= limit).ok_or_else(too_large)?
            }
            _ => limit,
        };
        if std::mem::take(&mut self.must_ask) && stream.input.is_empty() {
            stream.output.extend_from_slice(CONTINUE);
        }
        while let Some(data) = self.next_data(stream).await? {
            if body.whole.len() + data.len() > limit {
                return Err(too_large().into());
            }
            body.push(data, expected)?;
        }
        Ok(())
    }

    /// Receives what is left of it, to no use. It is left where it is if the client waits for a word, sends too much, too slowly or
    /// what is no body.
    pub(super) async fn skip(&mut self, stream: &mut HttpStream) -> io::Result<()> {
        let mut skipped = 0;
        while !self.must_ask && skipped < MAX_SKIPPED_BYTES {
            match self.next_data(stream).await {
                Ok(Some(data)) => skipped += data.len(),
                Ok(None) | Err(BodyError::Problem(_)) => break,
                Err(BodyError::Failed(e)) => return Err(e),
            }
        }
        Ok(())
    }

    /// Some more of the body; `None` at its end.
    async fn next_data(&mut self, stream: &mut HttpStream) -> Result<Option<BytesMut>, BodyError> {
        loop {
            let input = &mut stream.input;
            let is_stuck = match self.place {
                Place::End => return Ok(None),
                Place::Data(left) if !input.is_empty() => {
                    let here = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    self.place = match left - here as u64 {
                        0 if self.is_chunked => Place::ChunkEnd,
                        0 => Place::End,
                        left => Place::Data(left),
                    };
                    return Ok(Some(input.split_to(here)));
                }
                Place::Data(_) => true,
                Place::ChunkLine => match httparse::parse_chunk_size(input) {
                    Ok(Status::Complete((line, size))) => {
                        input.advance(line);
                        self.place = if size == 0 { Place::Trailers } else { Place::Data(size) };
                        false
                    }
                    Ok(Status::Partial) if input.len() <= MAX_CHUNK_LINE_BYTES => true,
                    _ => return Err(bad_chunk()),
                },
                Place::ChunkEnd => match &input[..] {
                    [b'\r', b'\n', ..] => {
                        input.advance(2);
                        self.place = Place::ChunkLine;
                        false
                    }
                    [] | [b'\r'] => true,
                    _ => return Err(bad_chunk()),
                },
                // They mean nothing to us.
                Place::Trailers => {
                    let mut trailers = [httparse::EMPTY_HEADER; MAX_HEADERS];
                    match httparse::parse_headers(input, &mut trailers) {
                        Ok(Status::Complete((length, _))) => {
                            input.advance(length);
                            self.place = Place::End;
                            false
                        }
                        Ok(Status::Partial) if input.len() <= MAX_HEAD_BYTES => true,
                        _ => {
                            return Err(
                                Problem::Malformed("the trailers after the last chunk are malformed".into()).into()
                            );
                        }
                    }
                }
            };
            if is_stuck {
                stream.fill_body().await?;
            }
        }
    }
}

fn bad_chunk() -> BodyError {
    let expected = "expected its length in hexadecimal, a line break, the data and a line break";
    Problem::Malformed(format!("a chunk of the body is malformed; {expected}")).into()
}
