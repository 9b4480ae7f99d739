//! The rows of the tables of transactions in lsn order, over as many connections as there are.
//!
//! Each connection streams one query. Where there are fewer connections than tables, several tables share one query, which
//! the server merges in the order of their primary keys. Their rows then have the same form, that of composite values:
//!
//! ```text
//!   composite := number of fields (i32) field*
//!   field     := type (oid, u32) length (i32, -1 for NULL) then that many bytes
//! ```

use std::ops::RangeInclusive;

use bytes::{BufMut, Bytes, BytesMut};
use proto::Lsn;

use super::binary::{Fields, RowError};
use super::copy_out::{CopyOut, corrupt};
use super::session::Session;
use super::tables::{Kind, TABLES, Table};
use crate::SinkError;

/// A row of a table of transactions: its fields in the format of COPY, the lsn first.
pub(super) struct Row {
    pub(super) lsn: Lsn,
    pub(super) table: &'static Table,
    pub(super) bytes: Bytes,
}

/// The rows of some tables, in lsn order.
pub(super) struct RowStream<'c> {
    tables: &'c [usize],
    rows: CopyOut<'c>,
    /// The next row; `None` at the end.
    pub(super) next: Option<Row>,
}

impl<'c> RowStream<'c> {
    /// Streams the rows of `tables`, indexes into [`TABLES`], within the session's transaction.
    pub(super) async fn start(
        tables: &'c [usize],
        session: &'c mut Session,
        lsns: &RangeInclusive<Lsn>,
    ) -> Result<Self, SinkError> {
        let (first, last) = (lsns.start(), lsns.end());
        let select = |columns: &str, table: &Table| {
            // The record of a deletion of a whole key is in its own table.
            let condition = match table.kind {
                Kind::Typed(_) => "AND transaction_type <> 'del-all'",
                Kind::Key | Kind::Outcome => "",
            };
            format!("SELECT {columns} FROM {} WHERE id BETWEEN {first} AND {last} {condition} ORDER BY id", table.name)
        };
        let (source, query) = match tables {
            [table] => (TABLES[*table].name, select(TABLES[*table].columns, &TABLES[*table])),
            tables => {
                // Each part is ordered, so that the server merges them instead of sorting the whole.
                let part = |index: &usize| {
                    let columns = TABLES[*index].columns;
                    format!("({})", select(&format!("id, {index}, record_send(ROW({columns}))"), &TABLES[*index]))
                };
                let parts: Vec<String> = tables.iter().map(part).collect();
                ("the tables", format!("{} ORDER BY id", parts.join(" UNION ALL ")))
            }
        };
        session.begin_transaction().await?;
        let mut stream = Self { tables, rows: CopyOut::start(source, session, &query).await?, next: None };
        stream.advance().await?;
        Ok(stream)
    }

    /// Returns the next row and advances.
    pub(super) async fn advance(&mut self) -> Result<Option<Row>, SinkError> {
        let following = match self.rows.next().await? {
            None => None,
            Some(bytes) => Some(self.row(bytes).map_err(|e| corrupt("the tables", 0, &e))?),
        };
        Ok(std::mem::replace(&mut self.next, following))
    }

    fn row(&self, bytes: Bytes) -> Result<Row, RowError> {
        let mut fields = Fields::of(&bytes);
        let lsn = fields.bigint()?.cast_unsigned();
        if let [table] = self.tables {
            return Ok(Row { lsn, table: &TABLES[*table], bytes });
        }
        let index = fields.int()?;
        let table = usize::try_from(index).ok().and_then(|index| TABLES.get(index)).ok_or(RowError::Form)?;
        let bytes = without_types(fields.next()?.ok_or(RowError::Form)?)?;
        Ok(Row { lsn, table, bytes })
    }
}

/// The fields of a composite value in the format of COPY.
fn without_types(composite: &[u8]) -> Result<Bytes, RowError> {
    let mut fields = Fields::of(composite);
    let mut bytes = BytesMut::with_capacity(composite.len());
    for _ in 0..fields.word()? {
        let _type = fields.word()?;
        match fields.next()? {
            None => bytes.put_i32(-1),
            Some(field) => {
                bytes.put_i32(field.len() as i32);
                bytes.put_slice(field);
            }
        }
    }
    Ok(bytes.freeze())
}
