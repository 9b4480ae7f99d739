//! Whether the kernel does what the driver needs: found out by doing it.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::driver::Driver;
use super::stream::RingStream;

/// How long the kernel may take for a few bytes within the process.
const DEADLINE: Duration = Duration::from_secs(5);

/// Carries out everything once. The error says why io_uring cannot be used.
pub(crate) fn probe() -> Result<(), String> {
    exchange().map_err(|e| {
        let why = match e.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::PERM | Errno::ACCESS) => "a seccomp filter or kernel.io_uring_disabled forbids it",
            Some(Errno::NOSYS) => "the kernel has none",
            Some(Errno::INVAL) => "the kernel is older than Linux 6.1",
            Some(Errno::NOMEM) => "too little memory may be locked (RLIMIT_MEMLOCK)",
            _ => "it does not do what is needed",
        };
        format!("{why}: {e}")
    })
}

/// Sends and receives a few bytes through a ring of its own.
fn exchange() -> io::Result<()> {
    const WORD: &[u8; 4] = b"ring";
    let driver = Driver::new()?;
    let (mut near, mut far) = pair(&driver)?;
    let (other, _far) = pair(&driver)?;
    far.write_all(WORD)?;
    let mut word = [0; WORD.len()];
    let mut echo = pin!(async {
        near.read_exact(&mut word).await?;
        // Two have something to do in this turn, so the driver sends.
        let asked = poll_fn(|cx| Poll::Ready(other.poll_readable(cx))).await;
        if asked.is_ready() {
            return Err(io::Error::other("input that nobody has sent"));
        }
        near.write_all(&word).await?;
        near.shutdown().await
    });
    let began = Instant::now();
    while echo.as_mut().poll(&mut Context::from_waker(Waker::noop()))?.is_pending() {
        driver.turn()?;
        if began.elapsed() > DEADLINE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::yield_now();
    }
    let mut echoed = Vec::new();
    far.read_to_end(&mut echoed)?;
    match echoed == WORD {
        true => Ok(()),
        false => Err(io::Error::other("other bytes than were sent")),
    }
}

/// A stream over the ring, and the other end. Its type says TCP, but what the ring uses is the same for all sockets.
fn pair(driver: &Rc<Driver>) -> io::Result<(RingStream, UnixStream)> {
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    Ok((RingStream::new(Rc::clone(driver), TcpStream::from(OwnedFd::from(near))), far))
}
