//! A whole listing as a stream of lines: page after page, each made when the client has taken the one before.

use std::rc::Rc;

use bytes::Bytes;
use engine::Place;
use proto::ValueType;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::listing::{Listing, MAX_LIMIT};
use super::query::Query;
use super::recipient::{self, End, LINES, Recipient};
use super::{placed, token};
use crate::access::Caller;
use crate::context::Worker;
use crate::http::head::Head;
use crate::http::problem::Problem;
use crate::http::response::{Response, counted};
use crate::http::session::Session;

/// Responds with every entry of a type, or of all.
pub(super) async fn list(session: &Session<'_>, head: &Head<'_>, ty: Option<ValueType>) -> Result<Response, Problem> {
    let Session { worker, caller, .. } = *session;
    let query = Query::of(head, &["prefix", "cursor", "values"])?;
    let listing = Listing::of(worker, &query, ty)?;
    let as_of = worker.shared.engine.last_lsn();
    let mut lines = Vec::new();
    if let Some(feed) = listing.feed(worker, as_of) {
        add(&mut lines, &json!({"op": "begin", "feed": feed}));
    }
    let begin = listing.begin;
    let telling = Telling { worker: Rc::clone(worker), caller: Rc::clone(caller), listing };
    // What is refused now is refused before the stream begins.
    let first = telling.piece(begin, lines).await?;
    let recipient = Recipient::of(session);
    let response = recipient::respond(head, &LINES, |out| telling.run(recipient, first, out));
    Ok(placed(worker, response, as_of))
}

/// A client that is being told.
struct Telling {
    worker: Rc<Worker>,
    caller: Rc<Caller>,
    listing: Listing,
}

/// A page as lines.
struct Piece {
    lines: Bytes,
    /// Where the next one begins.
    next: Option<Place>,
}

impl Telling {
    /// Tells until the client has all of it or goes, the server stops, or nothing more can be told.
    async fn run(self, recipient: Recipient, first: Piece, out: mpsc::Sender<Bytes>) {
        let mut next = first.next;
        if out.send(first.lines).await.is_err() || next.is_none() {
            return;
        }
        if let Err(End::Told(mut end)) = recipient.while_served(self.tell(&mut next, &out)).await {
            end["next"] = next.map(|place| self.cursor(place)).into();
            let mut line = Vec::new();
            add(&mut line, &end);
            let _ = out.send(line.into()).await;
        }
    }

    /// Tells what comes from `next` on, which is moved with each piece that is sent.
    async fn tell(&self, next: &mut Option<Place>, out: &mpsc::Sender<Bytes>) -> Result<(), End> {
        while let Some(place) = *next {
            // Be fair to the other sessions of this worker.
            tokio::task::yield_now().await;
            let permit = out.reserve().await.map_err(|_| End::Silent)?;
            let made = self.piece(place, Vec::new()).await;
            let piece = made.map_err(|problem| End::Told(recipient::reason(problem.status(), &problem)))?;
            permit.send(piece.lines);
            *next = piece.next;
        }
        Ok(())
    }

    /// The page at a place, after these lines, once the log has confirmed what it shows.
    async fn piece(&self, place: Place, mut lines: Vec<u8>) -> Result<Piece, Problem> {
        let Self { worker, caller, listing } = self;
        let (entries, next) = listing.page(worker, caller, place, MAX_LIMIT)?;
        let confirmed = worker.service.shown().map(|lsn| worker.service.wait(lsn));
        entries.iter().for_each(|listed| add(&mut lines, &listing.shown(worker, listed)));
        drop(entries);
        add(
            &mut lines,
            &match next {
                Some(place) => json!({"op": "bookmark", "next": self.cursor(place)}),
                None => json!({"op": "end", "status": 200}),
            },
        );
        let lines = counted(lines.into(), &worker.service)?;
        if let Some(confirmed) = confirmed {
            confirmed.await.map_err(|_| Problem::NotDurable)?;
        }
        Ok(Piece { lines, next })
    }

    fn cursor(&self, place: Place) -> String {
        token::cursor(&self.worker.shared.tokens, place)
    }
}

fn add(lines: &mut Vec<u8>, document: &impl Serialize) {
    serde_json::to_writer(&mut *lines, document).expect("JSON can be written into memory");
    lines.push(b'\n');
}
