//! Listings: the entries of a type, or of all, page by page.

use proto::ValueType;
use proto::frame::{MAX_SCAN_ENTRIES, encode_scan, scan_bytes};

use crate::reply::Reply;
use crate::results::Scanned;
use crate::value::text;
use crate::{Client, Error};

/// Entries of a page if nothing else is asked for.
const DEFAULT_PAGE: u16 = 500;

/// Which entries to list.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    ty: Option<ValueType>,
    prefix: String,
    values: bool,
    page: Option<u16>,
}

/// A listing under way. Each entry that is there during all of it is returned exactly once, in no particular order; one that is
/// created or deleted meanwhile is returned or not.
#[derive(Clone, Debug)]
pub struct Pages {
    client: Client,
    scan: Scan,
    cursor: Option<proto::frame::Cursor>,
    ended: bool,
}

impl Scan {
    /// The entries of all types.
    pub fn all() -> Self {
        Self::default()
    }

    /// The entries of a type.
    pub fn of(ty: ValueType) -> Self {
        Self { ty: Some(ty), ..Self::default() }
    }

    /// Only those whose keys begin so.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// With their values.
    pub fn values(mut self) -> Self {
        self.values = true;
        self
    }

    /// Most entries of a page: 1 to 1,000; 500 if nothing is said.
    pub fn page(mut self, entries: u16) -> Self {
        self.page = Some(entries.clamp(1, MAX_SCAN_ENTRIES as u16));
        self
    }
}

impl Client {
    /// Begins a listing.
    ///
    /// ```no_run
    /// # async fn example(client: client::Client) -> Result<(), client::Error> {
    /// use client::{Scan, ValueType};
    ///
    /// let mut pages = client.scan(Scan::of(ValueType::Map).prefix("session_").values());
    /// while let Some(page) = pages.next().await? {
    ///     page.iter().for_each(|entry| println!("{}: {:?}", entry.key, entry.value));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn scan(&self, scan: Scan) -> Pages {
        Pages { client: self.clone(), scan, cursor: None, ended: false }
    }
}

impl Pages {
    /// The next page, which may be short or even empty; `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`Gone`](proto::frame::ErrorCode::Gone) if the server has been started again meanwhile: begin anew. After any other
    /// error the same page can be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<Scanned>>, Error> {
        if self.ended {
            return Ok(None);
        }
        let Scan { ty, prefix, values, page } = &self.scan;
        let prefix = text("prefix", prefix)?;
        let (limit, cursor) = (page.unwrap_or(DEFAULT_PAGE), self.cursor.as_ref());
        let scan = proto::frame::Scan { ty: *ty, prefix, limit, values: *values, cursor };
        let sent = self.client.pipeline().send(scan_bytes(&scan), |out, id| encode_scan(out, id, &scan));
        match sent.await?.reply().await? {
            Reply::Page { next, entries } => {
                (self.cursor, self.ended) = (next, next.is_none());
                Ok(Some(entries))
            }
            _ => Reply::unexpected("scan"),
        }
    }
}
