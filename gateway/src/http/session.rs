//! One client's connection: one request after the other until it ends or the server stops.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;

use super::body::{Body, BodyError, IncomingBody};
use super::head::{self, Head, Method};
use super::problem::Problem;
use super::response::{Response, Sending};
use super::stream::{HttpStream, NoInput};
use super::{auth, hosts, v1};
use crate::config::MAX_HEAD_BYTES;
use crate::connection::{self, Activity, Watched};
use crate::durability::OutcomeUnknown;
use crate::worker::Worker;

/// A client that sends nothing for this long, while the server stops, is taken to send nothing more.
const QUIET: Duration = Duration::from_millis(200);

/// Why a session ended early.
#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Unknown(#[from] OutcomeUnknown),
}

/// Why there is no response of the wished kind.
enum Failure {
    Problem(Problem),
    Session(SessionError),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Problem(problem) => Self::Problem(problem),
            BodyError::Failed(e) => Self::Session(e.into()),
        }
    }
}

impl<E: Into<SessionError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Session(error.into())
    }
}

/// Serves one client until it goes or the server stops.
pub(crate) async fn serve(worker: Rc<Worker>, stream: TcpStream, activity: Rc<Activity>, stop: watch::Receiver<bool>) {
    let stream = HttpStream::new(Watched::new(stream, Rc::clone(&activity)), Rc::clone(&activity));
    let mut session = Session { stream, activity, worker: &worker, stop: stop.clone() };
    if let Err(e) = session.run(stop).await {
        debug!(error = %e, "connection ended");
    }
}

/// The bytes for a client when the connection limit is reached.
pub(crate) fn too_many_connections(worker: &Worker) -> Vec<u8> {
    let problem = Problem::Busy("too many connections; try again later");
    problem.into_response().into_last_bytes(worker.reaper.clock().date())
}

struct Session<'w> {
    stream: HttpStream,
    activity: Rc<Activity>,
    worker: &'w Worker,
    stop: watch::Receiver<bool>,
}

impl Session<'_> {
    async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), SessionError> {
        let mut stopping = pin!(stop.wait_for(|stop| *stop));
        let mut goes_on = true;
        while goes_on {
            goes_on = match self.receive_head(stopping.as_mut()).await {
                Ok(Some(bytes)) => self.answer(&bytes).await?,
                Ok(None) => false,
                Err(Failure::Problem(problem)) => self.refuse_head(problem).await?,
                Err(Failure::Session(e)) => return Err(e),
            };
        }
        self.stream.flush().await?;
        self.activity.closing();
        let quiet = if self.is_stopping() { QUIET } else { self.worker.shared.config.request_timeout };
        tokio::select! {
            biased;
            closed = connection::close(&mut self.stream.stream, quiet) => Ok(closed?),
            // Nobody waits for a client that does not go.
            _ = stopping, if quiet != QUIET => Ok(()),
        }
    }

    fn is_stopping(&self) -> bool {
        // An error means that the server is gone.
        self.stop.has_changed().unwrap_or(true)
    }

    /// Waits for a head; `None` when the client has gone, or when the server stops and no request has begun.
    async fn receive_head(&mut self, mut stopping: Pin<&mut impl Future>) -> Result<Option<BytesMut>, Failure> {
        let mut searched = 0;
        let mut checked = 0;
        loop {
            let input = &mut self.stream.input;
            // Some clients send an empty line after a body.
            let empty_lines = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            input.advance(empty_lines);
            if !input.is_empty() {
                self.activity.received();
                if let Some(length) = head::head_length(input, searched) {
                    return Ok(Some(input.split_to(length)));
                }
                searched = input.len();
                // What cannot become a head is refused at once. The effort stays proportional to its length.
                if searched >= 2 * checked || searched >= MAX_HEAD_BYTES {
                    checked = searched;
                    head::check_beginning(input)?;
                }
            }
            let has_begun = !input.is_empty();
            let more = match has_begun {
                true => self.stream.fill_until(std::future::pending::<()>()).await,
                false => self.stream.fill_until(stopping.as_mut()).await,
            };
            match more {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(NoInput::End) if has_begun => {
                    return Err(
                        Problem::Malformed("the head ended early; expected an empty line after it".into()).into()
                    );
                }
                Err(NoInput::End | NoInput::TooSlow) => return Ok(None),
                Err(NoInput::Failed(e)) => return Err(e.into()),
            }
        }
    }

    /// Answers a request whose head cannot be relied on, and ends the connection.
    async fn refuse_head(&mut self, problem: Problem) -> Result<bool, SessionError> {
        debug!(%problem, "refused a request");
        self.activity.answered();
        let sending = Sending {
            without_body: false,
            keep_alive: false,
            is_http_1_0: false,
            date: self.worker.reaper.clock().date(),
        };
        problem.into_response().send(&mut self.stream, sending).await?;
        Ok(false)
    }

    /// Answers the request with this head. Returns whether the connection goes on.
    async fn answer(&mut self, bytes: &[u8]) -> Result<bool, SessionError> {
        let head = match Head::parse(bytes) {
            Ok(head) => head,
            Err(problem) => return self.refuse_head(problem).await,
        };
        let mut body = IncomingBody::new(&head);
        let responded = self.respond(&head, &mut body).await;
        self.activity.answered();
        let response = match responded {
            Ok(response) => response,
            Err(Failure::Session(e)) => return Err(e),
            Err(Failure::Problem(problem)) => {
                debug!(%problem, "refused a request");
                problem.into_response()
            }
        };
        let sending = Sending {
            without_body: head.method == Method::Head,
            // The rest of a body that was not received may come or not.
            keep_alive: head.keep_alive && body.is_complete() && !self.is_stopping(),
            is_http_1_0: head.is_http_1_0,
            date: self.worker.reaper.clock().date(),
        };
        response.send(&mut self.stream, sending).await?;
        Ok(sending.keep_alive)
    }

    async fn respond(&mut self, head: &Head<'_>, incoming: &mut IncomingBody) -> Result<Response, Failure> {
        let shared = &self.worker.shared;
        let route = hosts::check(&shared.config, shared.token.is_some(), head)
            .and_then(|()| auth::check(shared.token.as_ref(), head.authorization));
        let route = route.and_then(|()| {
            self.activity.established();
            v1::route(head)
        });
        if !incoming.is_complete() {
            self.activity.transferring();
        }
        let route = match route {
            Ok(route) => route,
            Err(problem) => {
                incoming.skip(&mut self.stream).await?;
                return Err(problem.into());
            }
        };
        let body = match route.takes_body() {
            true => {
                let limit = shared.config.max_body.as_u64() as usize;
                Some(incoming.read(&mut self.stream, limit, &shared.bodies).await?)
            }
            false => {
                incoming.skip(&mut self.stream).await?;
                None
            }
        };
        self.activity.working();
        let operated = v1::execute(self.worker, head, route, body.as_ref().map_or(&[], Body::bytes))?;
        let mut response = operated.response;
        if head.method != Method::Head && !response.admit(&shared.answers) {
            return Err(Problem::Busy("too many large responses at a time; try again later").into());
        }
        drop(body);
        if let Some(lsn) = operated.awaits {
            // Right after the operation, as the gate wants it.
            let mut durable = pin!(self.worker.gate.wait(lsn));
            match poll_fn(|cx| Poll::Ready(durable.as_mut().poll(cx))).await {
                Poll::Ready(durable) => durable?,
                Poll::Pending => {
                    // Earlier responses do not wait with this one.
                    self.stream.flush().await?;
                    durable.await?;
                }
            }
        }
        Ok(response)
    }
}
