//! Calls of txn.v1 with any bodies, one after the other, to a service with a new log in files. The input is a byte of
//! flags, then the calls: a part each, whose first byte names the method. The rest is the body with the framing of gRPC.

#![no_main]

use std::cell::RefCell;
use std::time::Duration;

use bytes::Bytes;
use fuzz::folder::{begin_log, now, quick_folder, read};
use fuzz::{mend, parts};
use http_body_util::{BodyExt, Full};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;
use txnd::service::{Calls, LogThread, calls};
use txnd::{LogWriter, MIN_SEGMENT_BYTES, SegmentReader, SegmentSink};

const METHODS: [&str; 7] = [
    "Open",
    "WriteTransactions",
    "ReadTransactions",
    "ListCheckpoints",
    "ReadCheckpoint",
    "WriteCheckpoint",
    "KeepCheckpoint",
];

/// Flag: the checksums of batches are made right.
const MENDED: u8 = 1;

/// Time for a call to end, now that all of its messages were sent.
const PATIENCE: Duration = Duration::from_secs(4);

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().enable_time().build().expect("a runtime"));
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((flags, rest)) = bytes.split_first() else { return };
    let folder = quick_folder();
    begin_log(folder.path());
    RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async {
            let sink = SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES);
            let log = LogThread::start(sink).expect("a thread");
            let service = calls(&log);
            for (method, body) in parts::split(rest).filter_map(<[u8]>::split_first) {
                let body = if flags & MENDED != 0 { mend::messages(body) } else { body.to_vec() };
                call(&service, METHODS[usize::from(*method) % METHODS.len()], body).await;
            }
            assert!(log.stop(PATIENCE).await, "what was received becomes durable");
        });
    });
    // Whatever was sent, the log is whole.
    let mut sink = SegmentSink::new(folder.path(), MIN_SEGMENT_BYTES);
    let term = now(sink.open()).expect("the service's log can be opened");
    let (bounds, batches) = read(&sink.reader()).expect("and read");
    assert_eq!(bounds.durable, term.chain);
    batches.iter().for_each(|batch| batch.check().expect("every record can be read"));
});

/// Makes a call. It must end, and say how.
async fn call(service: &Calls<SegmentReader>, method: &str, body: Vec<u8>) {
    let request = http::Request::post(format!("/txn.v1.TransactionService/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from(body)))
        .expect("a request");
    let called = async {
        let response = service.clone().oneshot(request).await.expect("it never fails");
        let (head, body) = response.into_parts();
        let trailers = body.collect().await.expect("a whole response").trailers().cloned().unwrap_or_default();
        let status = head.headers.get("grpc-status").or(trailers.get("grpc-status"));
        assert!(status.is_some(), "{method} does not say how it ended: {head:?} {trailers:?}");
    };
    tokio::time::timeout(PATIENCE, called).await.unwrap_or_else(|_| panic!("{method} does not end"));
}
