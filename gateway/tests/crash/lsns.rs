//! What the log holds, asked of the log itself.

use proto::{Batch, Lsn};
use txnd::{LogReader, LogWriter, SegmentSink};

use crate::deployment::Deployment;

/// Types as their tables are named: those of the transactions, and those of the keys.
const TABLES: [(&str, &str); 6] = [
    ("integer_transactions", "int_keys"),
    ("uint_transactions", "uint_keys"),
    ("float_transactions", "float_keys"),
    ("string_transactions", "string_keys"),
    ("map_transactions", "map_keys"),
    ("set_transactions", "set_keys"),
];

/// Checks that each lsn that the log keeps is in it once, and returns the last one. Nobody may be writing any more.
pub(crate) fn last_lsn(deployment: &Deployment) -> Lsn {
    match (&deployment.segments, &deployment.tables) {
        (Some(folder), _) => last_lsn_of_segments(folder.path()),
        (_, Some(url)) => last_lsn_of_tables(deployment, url),
        _ => unreachable!("a log is segments or tables"),
    }
}

/// Reading checks the chain of checksums from one batch to the next.
fn last_lsn_of_segments(folder: &std::path::Path) -> Lsn {
    let mut sink = SegmentSink::new(folder, txnd::DEFAULT_SEGMENT_BYTES);
    let read = async {
        let opened = sink.open().await?;
        let oldest = sink.reader().bounds().await?.oldest;
        let mut last = oldest - 1;
        let mut visit = async |batch: &Batch| {
            for record in batch.records() {
                let lsn = record?.lsn;
                assert_eq!(lsn, last + 1, "a hole or a duplicate");
                last = lsn;
            }
            Ok(())
        };
        let end = sink.reader().read(oldest..=Lsn::MAX, &mut visit).await?.durable;
        assert_eq!((end, last), (opened.chain, end.lsn));
        Ok::<_, txnd::SinkError>(last)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(read).expect("the log can be read")
}

fn last_lsn_of_tables(deployment: &Deployment, url: &str) -> Lsn {
    let server = deployment.server.expect("tables have a server");
    // A del-all has a row in the table of each type besides its own.
    let of_types = TABLES.map(|(table, _)| format!("SELECT id FROM {table} WHERE transaction_type <> 'del-all'"));
    let lsns = format!("({} UNION ALL SELECT id FROM key_transactions) t", of_types.join(" UNION ALL "));
    let columns =
        "count(*), count(DISTINCT id), coalesce(max(id), 0), coalesce(min(id), 1), (SELECT max(lsn) FROM group_ends)";
    let found = server.psql(url, &format!("SELECT {columns} FROM {lsns}"));
    let last = found.rsplit('|').next().and_then(|lsn| lsn.parse().ok()).expect("the lsn of the last group's end");
    // As many different numbers as lie between 1 and the last one.
    assert_eq!(found, format!("{last}|{last}|{last}|1|{last}"), "a hole or a duplicate");

    for (_, keys) in TABLES {
        let holes = server.psql(url, &format!("SELECT count(*) <> coalesce(max(id), 0) FROM {keys}"));
        assert_eq!(holes, "f", "numbers of keys are given without holes: {keys}");
    }
    last
}
