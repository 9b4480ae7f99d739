//! Who may write, and to whom: real kvs and txnd processes, and certificates of every kind.
//!
//! The fault model: clients without a certificate, with one of another CA, out of date, revoked, or made for something else,
//! which speak gRPC as well as kvs does; a txnd that is not the right one; and certificates that are replaced or revoked while
//! kvs writes. What is asked for each time: it is refused, both sides' diagnostics say why, and nothing is stored.

mod harness;
mod stranger;
mod txnd_server;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use harness::{Answer, Client, Kvs, NotStarted, eventually, folder};
use proto::{Batch, BatchBuffer, Key, Op, ValueRef};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use stranger::Stranger;
use tempfile::TempDir;
use testkit::pki::{Ca, HOUR, Issued, Spec, install, now};
use tokio_rustls::rustls::SupportedProtocolVersion;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use txnd::MIN_SEGMENT_BYTES;
use txnd::tls::TlsFiles;
use txnd::{LogWriter, SegmentSink, Term};
use txnd_server::{Txnd, flags};

/// A kvs and a txnd on two machines, as it were: each has a folder with its files, and txnd has storage.
struct Site {
    kvs_folder: TempDir,
    txnd_folder: TempDir,
    storage: TempDir,
    kvs: TlsFiles,
    txnd: TlsFiles,
}

impl Site {
    /// Both sides trust `ca`.
    fn new(ca: &Ca, kvs: &Issued, txnd: &Issued) -> Self {
        let (kvs_folder, txnd_folder, storage) = (folder(), folder(), folder());
        let kvs = install(kvs_folder.path(), "kvs", ca, kvs);
        let txnd = install(txnd_folder.path(), "txnd", ca, txnd);
        Self { kvs_folder, txnd_folder, storage, kvs, txnd }
    }

    /// Both sides' certificates are good.
    fn good(ca: &Ca) -> Self {
        Self::new(ca, &ca.issue(&Spec::default()), &ca.issue(&Spec::server()))
    }

    /// Gives txnd this revocation list.
    fn revoke_at_txnd(&mut self, list: &str) {
        self.txnd.crl = Some(write(self.txnd_folder.path(), list));
    }

    /// Gives kvs this revocation list.
    fn revoke_at_kvs(&mut self, list: &str) {
        self.kvs.crl = Some(write(self.kvs_folder.path(), list));
    }

    fn start_txnd(&self) -> Txnd {
        let sink = format!("file:{}", self.storage.path().display());
        Txnd::start_as(([127, 0, 0, 1], 0).into(), &sink, &flags(&self.txnd), &[])
    }

    /// A kvs for `txnd` that shows `files`, in a folder of its own.
    fn kvs_as(&self, txnd: &Txnd, files: &TlsFiles) -> Command {
        let mut kvs = Kvs::program();
        kvs.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--log", &txnd.url()]).args(flags(files));
        kvs.current_dir(self.kvs_folder.path());
        kvs
    }

    fn start_kvs(&self, txnd: &Txnd) -> Kvs {
        Kvs::try_start(&mut self.kvs_as(txnd, &self.kvs)).unwrap_or_else(|e| panic!("kvs did not start: {e:?}"))
    }

    /// Panics unless kvs ends instead of starting, and its last words hold all of `words`.
    fn kvs_does_not_start(&self, txnd: &Txnd, files: &TlsFiles, words: &[&str]) {
        let Err(NotStarted { status, diagnostics }) = Kvs::try_start(&mut self.kvs_as(txnd, files)) else {
            panic!("kvs has started, though: {words:?}");
        };
        assert_eq!(status.code(), Some(4), "{diagnostics}");
        let last = diagnostics.lines().last().unwrap_or_default();
        assert!(words.iter().all(|word| last.contains(word)), "{words:?} is expected of {last}");
    }

    fn sink(&self) -> SegmentSink {
        SegmentSink::new(self.storage.path(), MIN_SEGMENT_BYTES)
    }
}

/// Writes a revocation list.
fn write(folder: &Path, list: &str) -> PathBuf {
    let path = folder.join("crl.pem");
    std::fs::write(&path, list).expect("a folder of the test's own");
    path
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// The one batch of one record that `term` expects: the int `stranger` becomes 1.
fn next_batch(term: &Term) -> Batch {
    let mut buffer = BatchBuffer::new(term.chain.lsn + 1, Vec::new());
    let key = Key::new(b"stranger").expect("a key");
    buffer.push(&Op::Put { key, value: ValueRef::Int(1) }, proto::Effect::None, 0).expect("there is room");
    buffer.seal(&term.chain, term.epoch, term.chain.lsn)
}

/// An identity that is refused.
struct Case {
    identity: Option<Issued>,
    version: &'static SupportedProtocolVersion,
    /// What txnd's diagnostics hold.
    logged: [&'static str; 2],
    /// What kvs's diagnostics hold, if kvs can be given this identity.
    told: Option<&'static str>,
}

/// A certificate that is not accepted in a TLS 1.3 handshake.
fn odd(identity: Issued, logged: [&'static str; 2], told: &'static str) -> Case {
    Case { identity: Some(identity), version: &TLS13, logged, told: Some(told) }
}

#[test]
fn no_odd_client_stores_anything() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other CA"));
    let (good, revoked) = (Spec::default, 13);
    let client = ca.issue(&good());
    let server = ca.issue(&Spec::server());
    let mut site = Site::new(&ca, &client, &server);
    site.revoke_at_txnd(&ca.revoke(&[revoked], HOUR));
    let txnd = site.start_txnd();
    // Strangers know the term, as if they had listened: nothing but their certificates is wrong.
    let writer = Stranger::new(&ca, Some(&client), &TLS13);
    let term = block_on(writer.open(txnd.addr)).outcome.expect("the good certificate");
    let batch = next_batch(&term);

    let cases = [
        Case {
            identity: None,
            version: &TLS13,
            logged: ["\"no_certificate\"", "no certificate was presented"],
            told: Some("kvs.pem: No such file"),
        },
        Case {
            identity: Some(ca.issue(&good())),
            version: &TLS12,
            logged: ["\"not_tls13\"", "it speaks TLS 1.2 or older"],
            told: None,
        },
        odd(other.issue(&good()), ["\"other_ca\"", "signed by another CA than"], "it does not know its CA"),
        odd(ca.issue(&Spec { to: -60, ..good() }), ["\"expired\"", "has expired on 20"], "it has expired"),
        odd(ca.issue(&Spec { from: 60, ..good() }), ["\"not_yet_valid\"", "only from 20"], "not yet valid"),
        odd(
            ca.issue(&Spec { names: vec!["someone"], ..good() }),
            ["\"name\"", r#"is for \"someone\", expected \"kvs\""#],
            "its name",
        ),
        odd(
            ca.issue(&Spec { purposes: vec![ExtendedKeyUsagePurpose::ServerAuth], ..good() }),
            ["\"purpose\"", "extended key usage"],
            "extended key usage",
        ),
        odd(
            ca.issue(&Spec { usages: vec![KeyUsagePurpose::KeyAgreement], ..good() }),
            ["\"key_usage\"", "digitalSignature"],
            "key usage",
        ),
        odd(ca.issue(&Spec { serial: revoked, ..good() }), ["\"revoked\"", "is revoked"], "it is revoked"),
        // The handshake lets in who has the server's own certificate; each call is refused.
        odd(server, ["refused a call", "may only ask for health"], "may only ask for health"),
    ];
    for Case { identity, version, logged, told } in &cases {
        let stranger = Stranger::new(&ca, identity.as_ref(), version);
        let opened = block_on(stranger.open(txnd.addr));
        assert!(opened.outcome.is_err(), "{logged:?}");
        txnd.says(&["WARN", &opened.from.to_string(), logged[0], logged[1]]);
        let written = block_on(stranger.write(txnd.addr, term, &batch));
        assert!(written.outcome.is_err(), "{logged:?}");
        txnd.says(&["WARN", &written.from.to_string(), logged[0], logged[1]]);

        let Some(told) = told else { continue };
        let folder = folder();
        let files = match identity {
            Some(identity) => install(folder.path(), "kvs", &ca, identity),
            None => TlsFiles { ca: site.kvs.ca.clone(), ..TlsFiles::in_folder(folder.path(), "kvs") },
        };
        site.kvs_does_not_start(&txnd, &files, &[told, "`txnd certs"]);
        if identity.is_some() {
            txnd.says(&["WARN", "127.0.0.1:", logged[0], logged[1]]);
        }
    }

    // Taking the term up again fails if another one has begun since.
    assert!(txnd.stop().success());
    assert_eq!(block_on(site.sink().resume(&term)), Ok(term.chain), "no term has begun, nothing is stored");
    assert_eq!(term.chain.lsn, 0);

    // The same batch with the good certificate is stored, and the kvs with the good certificate finds it.
    let txnd = site.start_txnd();
    assert_eq!(block_on(writer.write(txnd.addr, term, &batch)).outcome, Ok(1));
    let kvs = site.start_kvs(&txnd);
    assert_eq!(kvs.connect().get("int-get/stranger").text(), "1");
    assert!(kvs.stop().0.success() && txnd.stop().success());
    assert_eq!(block_on(site.sink().open()).expect("the log").chain.lsn, 1);
}

#[test]
fn kvs_warns_of_its_certificate_before_it_expires_and_then() {
    let ca = Ca::new("CA");
    let shown = ca.issue(&Spec { to: 10, ..Spec::default() });
    let site = Site::new(&ca, &shown, &ca.issue(&Spec::server()));
    let txnd = site.start_txnd();
    let kvs = site.start_kvs(&txnd);
    let line = kvs.lines.iter().find(|line| line.contains("kvs.pem expires on")).expect("a line at the start");
    assert!(line.contains("WARN") && line.contains("txnd certs DIR --renew"), "{line}");
    let line = kvs.says(&["kvs.pem has expired on"]);
    assert!(line.contains("ERROR"), "{line}");
}

#[test]
fn kvs_writes_to_no_odd_server() {
    let (ca, other) = (Ca::new("CA"), Ca::new("other CA"));
    let (good, revoked) = (Spec::server, 13);
    let soon = now() + 5;
    let cases = [
        (ca.issue(&Spec { to: soon - now(), ..good() }), "its certificate has expired on 20"),
        (other.issue(&good()), "its certificate is signed by another CA than"),
        (ca.issue(&Spec { names: vec!["log.example"], ..good() }), r#"is for \"log.example\", expected \"localhost\""#),
        (
            ca.issue(&Spec { purposes: vec![ExtendedKeyUsagePurpose::ClientAuth], ..good() }),
            "not meant for this side of a connection",
        ),
        (ca.issue(&Spec { serial: revoked, ..good() }), "its certificate is revoked"),
    ];
    for (server, told) in cases {
        let mut site = Site::new(&ca, &ca.issue(&Spec::default()), &server);
        site.revoke_at_kvs(&ca.revoke(&[revoked], HOUR));
        let before = names(site.kvs_folder.path());
        let txnd = site.start_txnd();
        if told.contains("expired") {
            eventually("the certificate expires", || now() > soon);
        }
        let files = site.kvs.clone();
        site.kvs_does_not_start(&txnd, &files, &[told, "`txnd certs", &txnd.url()["https://".len()..]]);
        txnd.says(&["WARN", "refused_by_peer", "it refused this side's certificate"]);
        assert_eq!(names(site.kvs_folder.path()), before, "kvs has written nothing");
        assert!(txnd.stop().success());
        assert_eq!(names(site.storage.path()), [""; 0], "no log was begun");
    }
}

#[test]
fn certificates_of_another_ca_are_taken_up_while_kvs_writes() {
    let (ca, next) = (Ca::new("CA"), Ca::new("next CA"));
    let site = Site::good(&ca);
    let txnd = site.start_txnd();
    let kvs = site.start_kvs(&txnd);
    let writers = Writers::start(&kvs);
    writers.make_progress();

    let old = std::fs::read_to_string(&site.kvs.cert).expect("a certificate");
    let old = Issued { pem: old, key: std::fs::read_to_string(&site.kvs.key).expect("a key") };
    install(site.kvs_folder.path(), "kvs", &next, &next.issue(&Spec::default()));
    install(site.txnd_folder.path(), "txnd", &next, &next.issue(&Spec::server()));
    txnd.says(&["certificates in use"]);
    txnd.says(&["a writer's stream begins"]);
    writers.make_progress();
    // Those of before are of no use any more.
    let stranger = Stranger::new(&next, Some(&old), &TLS13);
    assert!(block_on(stranger.open(txnd.addr)).outcome.is_err());
    txnd.says(&["WARN", "\"other_ca\""]);
    writers.make_progress();

    let acknowledged = writers.stop();
    kvs.kill();
    assert_all_are_there(&site.start_kvs(&txnd), &acknowledged);
}

#[test]
fn a_revoked_kvs_is_cut_off_and_goes_on_with_a_new_certificate() {
    let ca = Ca::new("CA");
    let revoked = 77;
    let client = ca.issue(&Spec { serial: revoked, ..Spec::default() });
    let mut site = Site::new(&ca, &client, &ca.issue(&Spec::server()));
    site.revoke_at_txnd(&ca.revoke(&[], HOUR));
    let txnd = site.start_txnd();
    let kvs = site.start_kvs(&txnd);
    let writers = Writers::start(&kvs);
    writers.make_progress();

    site.revoke_at_txnd(&ca.revoke(&[revoked], HOUR));
    txnd.says(&["WARN", "\"revoked\"", "its certificate is revoked"]);
    let mut refused = None;
    eventually("writes are refused", || {
        refused = answer_within(&kvs, Duration::from_millis(300)).filter(|answer| answer.status == 503);
        refused.is_some()
    });
    let refused = refused.expect("an answer");
    assert!(refused.text().contains("log is down"), "{}", refused.text());
    // Time for the writers to count the answers of before; then, time for kvs to show its certificate again.
    std::thread::sleep(Duration::from_millis(500));
    let before = writers.acknowledged();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(writers.acknowledged(), before, "nothing is acknowledged");
    assert_eq!(kvs.connect().get("int-get/w0k0").status, 200, "reads go on");

    install(site.kvs_folder.path(), "kvs", &ca, &ca.issue(&Spec::default()));
    txnd.says(&["a writer's stream begins"]);
    writers.make_progress();
    let acknowledged = writers.stop();
    kvs.kill();
    assert_all_are_there(&site.start_kvs(&txnd), &acknowledged);
}

/// The names of what is in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The answer to a write, if it comes in time.
fn answer_within(kvs: &Kvs, time: Duration) -> Option<Answer> {
    let mut probe = kvs.connect();
    probe.stream.set_read_timeout(Some(time)).expect("a socket");
    probe.try_request("PUT", "int-put/probe", "1").ok()
}

/// Clients that write one value after the other, each its own.
struct Writers {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    threads: Vec<JoinHandle<u64>>,
}

impl Writers {
    fn start(kvs: &Kvs) -> Self {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let write = |writer: usize| {
            let (client, stop, total) = (kvs.connect(), Arc::clone(&stop), Arc::clone(&acknowledged));
            std::thread::spawn(move || write_until(writer, client, &stop, &total))
        };
        let threads = (0..4).map(write).collect();
        Self { stop, acknowledged, threads }
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Waits until more is acknowledged.
    fn make_progress(&self) {
        let enough = self.acknowledged() + 200;
        eventually("writes are acknowledged", || self.acknowledged() >= enough);
    }

    /// How many values of each writer were acknowledged.
    fn stop(self) -> Vec<u64> {
        self.stop.store(true, Ordering::SeqCst);
        self.threads.into_iter().map(|thread| thread.join().expect("a writer")).collect()
    }
}

/// Writes until told to stop; a write that is refused because the log is down is made again.
fn write_until(writer: usize, mut client: Client, stop: &AtomicBool, total: &AtomicU64) -> u64 {
    let mut acknowledged = 0;
    while !stop.load(Ordering::SeqCst) {
        match client.put(&format!("int-put/w{writer}k{acknowledged}"), acknowledged.to_string()).status {
            200 => {
                acknowledged += 1;
                total.fetch_add(1, Ordering::SeqCst);
            }
            503 => std::thread::sleep(Duration::from_millis(5)),
            other => panic!("unexpected status {other}"),
        }
    }
    acknowledged
}

fn assert_all_are_there(kvs: &Kvs, acknowledged: &[u64]) {
    let mut client = kvs.connect();
    for (writer, count) in acknowledged.iter().enumerate() {
        for n in 0..*count {
            assert_eq!(client.get(&format!("int-get/w{writer}k{n}")).text(), n.to_string(), "w{writer}k{n} is lost");
        }
    }
}
