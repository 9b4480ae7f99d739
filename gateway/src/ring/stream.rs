//! A connection whose input and output go through the ring.
//!
//! The ring is for what is short and of many. Much at once does not go through it, because that would only copy it once
//! more: where more is there than was received, it is read from the socket, and a long response is written to it, as far as
//! the kernel takes it. So is the response of a session that runs with few others: its client need not wait for the end of
//! the turn. What the kernel does not take yet waits in the ring.

use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;

use super::channel::{Channel, HELD_BYTES, Input, Next};
use super::driver::Driver;

/// A connection to a client.
pub(crate) struct RingStream {
    driver: Rc<Driver>,
    channel: Rc<Channel>,
}

impl RingStream {
    /// On a socket that does not block.
    pub(crate) fn new(driver: Rc<Driver>, socket: TcpStream) -> Self {
        Self { driver, channel: Rc::new(Channel::new(socket)) }
    }

    /// The TCP connection.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.channel.socket
    }

    /// Waits until there may be something to read.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut input = self.channel.input.borrow_mut();
        match &mut *input {
            Input::Quiet(next) => {
                self.channel.output.borrow_mut().check()?;
                match next {
                    Next::Receive => self.driver.receive(&self.channel, false),
                    Next::ReceiveLater => self.driver.receive(&self.channel, true),
                    Next::Watch => self.driver.watch(&self.channel),
                }
                *input = Input::Asked(cx.waker().clone());
                Poll::Pending
            }
            Input::Asked(waker) => {
                self.channel.output.borrow_mut().check()?;
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            Input::Arrived { .. } | Input::Flowing | Input::Ended(_) => Poll::Ready(Ok(())),
        }
    }

    fn read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_readable(cx))?;
            let mut input = self.channel.input.borrow_mut();
            match &mut *input {
                Input::Arrived { bytes, read, more } => {
                    let rest = &bytes[*read..];
                    let part = &rest[..rest.len().min(buf.remaining())];
                    buf.put_slice(part);
                    *read += part.len();
                    if *read == bytes.len() {
                        *input = if *more { Input::Flowing } else { Input::Quiet(Next::after(bytes.len())) };
                    }
                    return Poll::Ready(Ok(()));
                }
                Input::Flowing if buf.remaining() == 0 => return Poll::Ready(Ok(())),
                Input::Flowing => match receive(&self.channel.socket, buf) {
                    Ok(0) => *input = Input::Ended(Ok(())),
                    Ok(received) => {
                        if buf.remaining() > 0 {
                            *input = Input::Quiet(Next::after(received));
                        }
                        return Poll::Ready(Ok(()));
                    }
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                        *input = Input::Quiet(Next::ReceiveLater);
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => *input = Input::Ended(Err(e)),
                },
                Input::Ended(how) => return Poll::Ready(std::mem::replace(how, Ok(()))),
                Input::Quiet(_) | Input::Asked(_) => return Poll::Pending,
            }
        }
    }

    fn write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut output = self.channel.output.borrow_mut();
        output.check()?;
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if output.is_empty() && (bytes >= HELD_BYTES || self.driver.is_quiet()) {
            let mut socket = &self.channel.socket;
            let written = match parts {
                // A call that costs the kernel less.
                [all] => socket.write(all),
                parts => socket.write_vectored(parts),
            };
            match written {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
        let room = ready!(output.poll_room(cx.waker()));
        let (taken, next) = output.take(room, parts.iter().map(|part| &**part));
        if let Some(next) = next {
            self.driver.send(&self.channel, next);
        }
        Poll::Ready(Ok(taken))
    }
}

/// Receives once.
#[allow(unsafe_code)]
fn receive(socket: &TcpStream, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
    // SAFETY: nothing makes a byte of it uninitialised again.
    let room: &mut [MaybeUninit<u8>] = unsafe { buf.unfilled_mut() };
    let received = SockRef::from(socket).recv(room)?;
    // SAFETY: the kernel has written so many bytes.
    unsafe { buf.assume_init(received) };
    buf.advance(received);
    Ok(received)
}

impl AsyncRead for RingStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // A session whose client never pauses lets others work, as with the runtime's own sockets.
        let turn = ready!(poll_proceed(cx));
        let read = ready!(self.read(cx, buf));
        turn.made_progress();
        Poll::Ready(read)
    }
}

impl AsyncWrite for RingStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let turn = ready!(poll_proceed(cx));
        let written = ready!(self.write(cx, bufs));
        turn.made_progress();
        Poll::Ready(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What was taken is on its way.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.channel.output.borrow_mut().check())
    }

    /// Shuts down when everything was sent.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut output = self.channel.output.borrow_mut();
        output.check()?;
        if !output.is_empty() {
            output.wait(cx.waker());
            return Poll::Pending;
        }
        Poll::Ready(self.channel.socket.shutdown(Shutdown::Write))
    }
}

impl Drop for RingStream {
    fn drop(&mut self) {
        if self.channel.is_busy() {
            // Completes what is in flight, which keeps the socket open. An error means that the connection has ended already.
            let _ = self.channel.socket.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Read;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::pin::pin;
    use std::task::Waker;
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::ring::driver::FEW_SESSIONS;
    use crate::ring::probe;

    const DEADLINE: Duration = Duration::from_secs(30);

    /// A driver, unless the kernel has none.
    fn driver() -> Option<Rc<Driver>> {
        match probe() {
            Ok(()) => Some(Driver::new().expect("a ring")),
            Err(why) => {
                println!("skipped: {why}");
                None
            }
        }
    }

    fn pair(driver: &Rc<Driver>) -> (RingStream, UnixStream) {
        let (near, far) = UnixStream::pair().expect("sockets");
        near.set_nonblocking(true).expect("a socket");
        (RingStream::new(Rc::clone(driver), TcpStream::from(OwnedFd::from(near))), far)
    }

    fn run<T>(driver: &Driver, future: impl Future<Output = T>) -> T {
        let (mut future, began) = (pin!(future), Instant::now());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
            driver.turn().expect("the kernel");
            assert!(began.elapsed() < DEADLINE);
        }
    }

    #[test]
    fn more_connections_than_buffers_receive_at_once() {
        let Some(driver) = driver() else { return };
        let mut pairs: Vec<_> = (0..1000).map(|_| pair(&driver)).collect();
        for round in 0..3 {
            for (n, (_, far)) in pairs.iter_mut().enumerate() {
                far.write_all(format!("{round} {n:04}").as_bytes()).expect("room");
            }
            // All ask before any is looked at.
            let mut cx = Context::from_waker(Waker::noop());
            for (near, _) in &mut pairs {
                let _ = near.poll_readable(&mut cx);
            }
            for (n, (near, _)) in pairs.iter_mut().enumerate() {
                let mut word = [0; 6];
                run(&driver, near.read_exact(&mut word)).expect("input");
                assert_eq!(word, *format!("{round} {n:04}").as_bytes());
            }
        }
    }

    #[test]
    fn much_goes_both_ways_in_its_order() {
        let Some(driver) = driver() else { return };
        let (mut near, mut far) = pair(&driver);
        let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let sent = bytes.clone();
        let echo = std::thread::spawn(move || {
            far.write_all(&sent).expect("the other side reads");
            far.shutdown(Shutdown::Write).expect("a socket");
            let mut back = Vec::new();
            far.read_to_end(&mut back).expect("the other side writes");
            back
        });
        let mut received = Vec::new();
        run(&driver, near.read_to_end(&mut received)).expect("input");
        assert!(received == bytes);
        // Short and long writes, beside each other.
        let mut rest = &bytes[..];
        for size in [1, 70_000, 3, 16 << 10, 500, 20_000].into_iter().cycle() {
            let (part, others) = rest.split_at(size.min(rest.len()));
            run(&driver, near.write_all(part)).expect("room");
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        run(&driver, near.shutdown()).expect("all is sent");
        assert!(echo.join().expect("the echo") == bytes);
    }

    #[test]
    fn after_a_long_input_the_next_one_stays_in_the_socket() {
        let Some(driver) = driver() else { return };
        let (mut near, mut far) = pair(&driver);
        let mut cx = Context::from_waker(Waker::noop());
        for (bytes, stays) in [(100, false), (2000, false), (2000, true), (100, true), (100, false)] {
            assert!(near.poll_readable(&mut cx).is_pending());
            far.write_all(&vec![b'x'; bytes]).expect("room");
            run(&driver, poll_fn(|cx| near.poll_readable(cx))).expect("input");
            assert_eq!(matches!(*near.channel.input.borrow(), Input::Flowing), stays, "{bytes}");
            let mut all = vec![0; 10_000];
            assert_eq!(run(&driver, AsyncReadExt::read(&mut near, &mut all)).expect("input"), bytes);
        }
        assert!(near.poll_readable(&mut cx).is_pending());
        drop(far);
        assert_eq!(run(&driver, AsyncReadExt::read(&mut near, &mut [0])).expect("the end"), 0);
    }

    #[test]
    fn what_is_in_flight_outlives_its_session_and_not_the_ring() {
        let Some(driver) = driver() else { return };
        let (mut near, mut far) = pair(&driver);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(near.poll_readable(&mut cx).is_pending());
        // More than the other side has room for.
        let many = vec![0; 10 << 20];
        {
            let mut write = pin!(near.write_all(&many));
            for _ in 0..100 {
                assert!(write.as_mut().poll(&mut cx).is_pending());
                driver.turn().expect("the kernel");
            }
        }
        assert!(near.channel.is_busy());
        let channel = Rc::downgrade(&near.channel);
        drop(near);
        assert!(channel.upgrade().is_some(), "requests have it");
        let began = Instant::now();
        while channel.upgrade().is_some() {
            driver.turn().expect("the kernel");
            assert!(began.elapsed() < DEADLINE);
        }
        // It was closed: the other side gets what was sent, and the end.
        far.read_to_end(&mut Vec::new()).expect("the end");

        let (near, _far) = pair(&driver);
        assert!(near.poll_readable(&mut cx).is_pending());
        let channel = Rc::downgrade(&near.channel);
        drop((near, driver));
        assert!(channel.upgrade().is_none(), "the driver waited for the request");
    }

    #[test]
    fn a_failure_of_what_was_taken_is_heard_of() {
        let Some(driver) = driver() else { return };
        let (mut near, far) = pair(&driver);
        drop(far);
        // Much else is to be done in this turn, so the driver sends.
        let others: Vec<_> = (0..FEW_SESSIONS).map(|_| pair(&driver)).collect();
        for (other, _far) in &others {
            assert!(other.poll_readable(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        run(&driver, near.write_all(b"x")).expect("it is taken");
        let failed: io::Result<()> = run(&driver, async {
            loop {
                driver.turn()?;
                near.write_all(b"x").await?;
            }
        });
        assert!(failed.is_err());
    }
}
