//! Checks every byte of a backup.

use std::path::Path;

use proto::{Batch, Lsn};

use super::reader::BackupReader;
use crate::sink::{Bounds, LogReader, SinkError};

/// A set that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The points of the log that it restores: from this lsn...
    pub from: Lsn,
    /// ... to this one.
    pub to: Lsn,
    /// Entries of its checkpoint.
    pub entries: u64,
    /// Records after it.
    pub records: u64,
    /// Size of its files, in bytes.
    pub bytes: u64,
}

/// Checks the hash of each file of the backup in `dir`, and decodes every entry and record.
pub async fn verify(dir: &Path) -> Result<Vec<Checked>, SinkError> {
    let mut checked = Vec::new();
    for reader in BackupReader::sets(dir)? {
        let set = reader.set();
        for file in set.files() {
            file.check_hash(dir, set.first())?;
        }
        let (mut from, mut entries, mut records) = (set.first() - 1, 0, 0);
        for checkpoint in reader.checkpoints().await? {
            from = checkpoint.end;
            let mut count = async |batch: &Batch| {
                entries += u64::from(batch.count());
                Ok(batch.check()?)
            };
            reader.read_checkpoint(&checkpoint, &mut count).await?;
        }
        let mut count = async |batch: &Batch| {
            records += batch.last_lsn() + 1 - batch.first_lsn().max(set.first());
            Ok(batch.check()?)
        };
        let Bounds { durable, .. } = reader.read(set.first()..=Lsn::MAX, &mut count).await?;
        checked.push(Checked {
            from,
            to: durable.lsn,
            entries,
            records,
            bytes: set.files().map(|file| file.bytes).sum(),
        });
    }
    Ok(checked)
}
