//! One connection, from the prefaces to its end. Everything runs in one task, so nothing is passed between threads.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use proto::frame::{
    Answer, ClientPreface, ErrorCode, PrefaceStatus, ReplyFrame, RunDecoder, ServerPreface, VERSION, encode_auth,
    encode_ping,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::client::TlsStream;
use tokio_util::codec::Decoder;

use crate::limits::MAX_REPLY_BYTES;
use crate::pipeline::{Accepted, Pipeline};
use crate::queue::{Chunk, MAX_IDLE_BUFFER_BYTES};
use crate::{ConnectError, Lost, Options, ProtocolError};

/// Number of bytes per read.
const READ_BYTES: usize = 64 << 10;

/// Largest reply to an auth, in bytes.
const MAX_AUTH_REPLY_BYTES: usize = 64 << 10;

/// How long to keep reading replies from a connection that can no longer be written to. They have already been sent, so
/// this only allows for network delay.
const LAST_REPLIES_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that the server has accepted.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    pub(crate) accepted: Accepted,
}

impl Connection {
    /// Connects, exchanges prefaces, and sends the token if the server requires one.
    pub(crate) async fn open(options: &Options) -> Result<Self, ConnectError> {
        let address: Arc<str> = options.address.as_str().into();
        let io = |error| ConnectError::Io { address: Arc::clone(&address), error: Arc::new(error) };
        match timeout(options.connect_timeout, Self::handshake(options, &io)).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::Timeout { address, after: options.connect_timeout }),
        }
    }

    async fn handshake(
        options: &Options,
        io: &(impl Fn(std::io::Error) -> ConnectError + Sync),
    ) -> Result<Self, ConnectError> {
        let mut stream = TcpStream::connect(&options.address).await.map_err(io)?;
        stream.set_nodelay(true).map_err(io)?;
        let Some(tls) = &options.tls else {
            let accepted = greet(&mut stream, options, io).await?;
            return Ok(Self { stream: Stream::Plain(stream), accepted });
        };
        let mut stream = Box::new(tls.connect(stream, &options.address).await.map_err(io)?);
        let accepted = greet(&mut *stream, options, io).await?;
        Ok(Self { stream: Stream::Tls(stream), accepted })
    }

    /// Sends requests and receives replies until the connection ends. Returns whether the connection was useful, that
    /// is, brought at least one reply.
    pub(crate) async fn run(self, pipeline: &Pipeline) -> bool {
        pipeline.connected(self.accepted);
        match self.stream {
            Stream::Plain(mut stream) => {
                let (reading, writing) = stream.split();
                drive(reading, writing, pipeline).await
            }
            Stream::Tls(stream) => {
                let (reading, writing) = tokio::io::split(stream);
                drive(reading, writing, pipeline).await
            }
        }
    }
}

/// Exchanges prefaces, and sends the token if there is one.
async fn greet(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    options: &Options,
    io: &(impl Fn(std::io::Error) -> ConnectError + Sync),
) -> Result<Accepted, ConnectError> {
    stream.write_all(&ClientPreface::current().encode()).await.map_err(io)?;
    stream.flush().await.map_err(io)?;
    let mut preface = [0; ServerPreface::BYTES];
    stream.read_exact(&mut preface).await.map_err(io)?;
    let server = ServerPreface::decode(preface)?;
    match server.status {
        PrefaceStatus::Welcome if server.version == VERSION => {}
        PrefaceStatus::Welcome | PrefaceStatus::Version => {
            return Err(ConnectError::Version { server: server.version });
        }
        PrefaceStatus::NotThisProtocol => return Err(ConnectError::NotUnderstood),
        PrefaceStatus::TooManyConnections => return Err(ConnectError::TooManyConnections),
    }
    match &options.token {
        // A server that does not ask for a token is not shown it.
        Some(token) if server.auth_required || server.auth_offered => authenticate(stream, token, io).await?,
        None if server.auth_required => return Err(ConnectError::TokenRequired),
        _ => {}
    }
    Ok(Accepted { max_frame: server.max_frame as usize, keeps_outcomes: server.keeps_outcomes })
}

/// Sends requests and receives replies until the connection ends.
async fn drive(reading: impl AsyncRead + Unpin, writing: impl AsyncWrite + Unpin, pipeline: &Pipeline) -> bool {
    let (mut chunk, mut useful) = (Chunk::default(), false);
    let lost = tokio::select! {
        Err(lost) = read(reading, pipeline, &mut useful) => lost,
        Err(lost) = write(writing, pipeline, &mut chunk) => lost,
        lost = silence(pipeline) => lost,
        never = keep_alive(pipeline) => match never {},
    };
    pipeline.disconnected(chunk, &lost);
    useful
}

async fn authenticate(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    token: &str,
    io: &impl Fn(std::io::Error) -> ConnectError,
) -> Result<(), ConnectError> {
    let mut request = Vec::new();
    encode_auth(&mut request, 0, token);
    stream.write_all(&request).await.map_err(io)?;
    stream.flush().await.map_err(io)?;
    let mut frame = vec![0; 4];
    stream.read_exact(&mut frame).await.map_err(io)?;
    let claimed = RunDecoder::replies(MAX_AUTH_REPLY_BYTES).claimed(&frame).map_err(ProtocolError::from)?;
    frame.resize(claimed.unwrap_or_default(), 0);
    stream.read_exact(&mut frame[4..]).await.map_err(io)?;
    match ReplyFrame::decode(&frame).map_err(ProtocolError::from)?.answer {
        Answer::Done => Ok(()),
        Answer::Refused { code: ErrorCode::Unauthenticated, message } => {
            Err(ConnectError::TokenRefused(message.into()))
        }
        Answer::Refused { code, message } => Err(ConnectError::Refused { code, message: message.into() }),
        _ => Err(ProtocolError::Unexpected("auth").into()),
    }
}

/// Receives replies until the connection ends.
async fn read(mut half: impl AsyncRead + Unpin, pipeline: &Pipeline, useful: &mut bool) -> Result<Infallible, Lost> {
    let mut decoder = RunDecoder::replies(MAX_REPLY_BYTES);
    let (mut buffer, mut entries) = (BytesMut::new(), Vec::new());
    loop {
        if buffer.is_empty() && buffer.capacity() > MAX_IDLE_BUFFER_BYTES {
            buffer = BytesMut::new();
        }
        buffer.reserve(READ_BYTES);
        if half.read_buf(&mut buffer).await? == 0 {
            return Err(Lost::ByServer);
        }
        pipeline.heard();
        while let Some(run) = decoder.decode(&mut buffer).map_err(ProtocolError::from)? {
            pipeline.answer(&run, &mut entries)?;
            *useful = true;
        }
    }
}

/// Sends requests until the connection ends. Requests that arrive during one write go out together in the next.
async fn write(mut half: impl AsyncWrite + Unpin, pipeline: &Pipeline, chunk: &mut Chunk) -> Result<Infallible, Lost> {
    loop {
        pipeline.wanted().await;
        if chunk.requests > 1 {
            // Let other tasks that are ready add their requests first: a run of replies has woken many, and has woken
            // this task before most of them.
            tokio::task::yield_now().await;
        }
        pipeline.take(chunk);
        while chunk.written < chunk.bytes.len() {
            let written = match half.write(&chunk.bytes[chunk.written..]).await {
                Ok(0) => Err(ErrorKind::WriteZero.into()),
                written => written,
            };
            match written {
                Ok(written) => chunk.written += written,
                Err(error) => {
                    sleep(LAST_REPLIES_TIMEOUT).await;
                    return Err(error.into());
                }
            }
        }
        // Of a plain connection there is nothing to flush.
        if let Err(error) = half.flush().await {
            sleep(LAST_REPLIES_TIMEOUT).await;
            return Err(error.into());
        }
        pipeline.written(chunk);
    }
}

/// Waits until the server has been silent for too long.
async fn silence(pipeline: &Pipeline) -> Lost {
    let most = pipeline.options.silence_timeout;
    loop {
        let now = Instant::now();
        let until = pipeline.silent_since().unwrap_or(now) + most;
        if until <= now {
            return Lost::Silent(most);
        }
        sleep_until(until).await;
    }
}

/// Sends a ping at regular intervals.
async fn keep_alive(pipeline: &Pipeline) -> Infallible {
    loop {
        sleep(pipeline.options.keep_alive).await;
        if let Ok(ping) = pipeline.send(proto::frame::REQUEST_HEADER_BYTES, encode_ping).await {
            // `silence` and `read` detect whether the connection is alive.
            let _ = ping.reply().await;
        }
    }
}
