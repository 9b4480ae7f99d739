//! The rows of a COPY.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use bytes::{Buf, Bytes};
use proto::Lsn;

use tokio_stream::{Stream, StreamExt};

use super::binary::HEADER;
use super::errors::{error, step};
use super::session::Session;
use crate::{Location, SinkError};

/// Rows of a query in the binary format of COPY.
pub(super) struct CopyOut<'c> {
    source: &'static str,
    messages: Pin<Box<dyn Stream<Item = Result<Bytes, sqlx::Error>> + Send + 'c>>,
    begun: bool,
}

impl<'c> CopyOut<'c> {
    /// Runs a query; `source` is the table that an error names.
    pub(super) async fn start(source: &'static str, session: &'c mut Session, select: &str) -> Result<Self, SinkError> {
        let statement = format!("COPY ({select}) TO STDOUT (FORMAT binary)");
        Ok(Self { source, messages: step(session.connection.copy_out_raw(&statement)).await?, begun: false })
    }

    /// The fields of the next row, without the field count. The server sends each row in its own message, and the
    /// header before the first row.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, SinkError> {
        loop {
            // Most rows have already arrived, and a timer costs as much as a row.
            let received = poll_fn(|context| Poll::Ready(self.messages.as_mut().poll_next(context))).await;
            let message = match received {
                Poll::Ready(message) => message.transpose().map_err(|e| error(&e))?,
                Poll::Pending => step(async { self.messages.next().await.transpose() }).await?,
            };
            let Some(mut message) = message else { return Ok(None) };
            if !self.begun {
                if !message.starts_with(HEADER) {
                    return Err(corrupt(self.source, 0, &"COPY does not begin as expected"));
                }
                message.advance(HEADER.len());
                self.begun = true;
            }
            match message.try_get_i16() {
                Err(_) | Ok(-1) => {}
                Ok(_) => return Ok(Some(message)),
            }
        }
    }
}

/// The error for damaged data in a table.
pub(super) fn corrupt(table: &str, lsn: Lsn, what: &dyn std::fmt::Display) -> SinkError {
    let place = Location::Other(if table.starts_with("the ") { table.into() } else { format!("table {table}") });
    SinkError::Corrupt { place, lsn, what: what.to_string() }
}
