//! Strangers that keep txnd's door busy while kvs writes.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use txnd::tls::{Limits, Timeouts, TlsFiles, connect};

use crate::harness::{eventually, resident_bytes};
use crate::load::{assert_recovered, under_load};
use crate::site::{Place, Site};
use crate::txnd_server::Certificates;

/// Strangers at a time, and all together.
const AT_A_TIME: usize = 150;
const STRANGERS: usize = 2_000;

/// How long the storm lasts at most.
const STORM: Duration = Duration::from_secs(6);

/// How long a stranger that was not turned away stays.
const STAY: Duration = Duration::from_millis(300);

/// The longest that a write may take meanwhile.
const SLOWEST: Duration = Duration::from_secs(8);

/// What txnd's memory may grow by.
const MOST_MEMORY: u64 = 64 << 20;

/// Files that txnd has open besides one for each connection.
const OTHER_FILES: usize = 64;

/// What the strangers are up to.
struct Plan {
    address: SocketAddr,
    hello: Vec<u8>,
    wrong: TlsFiles,
    right: TlsFiles,
    /// How many have got through the handshake.
    let_in: AtomicU32,
}

impl Plan {
    async fn stranger(&self, number: usize) {
        let authority = format!("localhost:{}", self.address.port());
        match number % 4 {
            // Silent, or with a part of a handshake.
            kind @ (0 | 1) => {
                let Ok(mut stream) = TcpStream::connect(self.address).await else { return };
                let part = kind * (1 + number % (self.hello.len() - 1));
                // It may be turned away meanwhile.
                let _ = stream.write_all(&self.hello[..part]).await;
                tokio::time::sleep(STAY).await;
            }
            2 => {
                let connected = connect(&self.wrong, &authority, Timeouts::default()).await;
                assert!(connected.is_err(), "a wrong certificate was let in");
            }
            _ => {
                // There may be too many.
                let Ok(_stream) = connect(&self.right, &authority, Timeouts::default()).await else { return };
                self.let_in.fetch_add(1, Ordering::Relaxed);
                // Stays to the end of the storm.
                std::future::pending().await
            }
        }
    }
}

/// The first message of a handshake.
fn client_hello(files: &TlsFiles) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let authority = listener.local_addr().expect("it is bound").to_string();
    let files = files.clone();
    let client = std::thread::spawn(move || {
        // Nobody answers.
        let _ = runtime().block_on(connect(&files, &authority, Timeouts::default()));
    });
    let (mut stream, _) = listener.accept().expect("a client");
    let mut hello = vec![0; 4096];
    let length = stream.read(&mut hello).expect("it begins");
    hello.truncate(length);
    drop(stream);
    client.join().expect("the client does not panic");
    hello
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Lets strangers come until there were enough of them, or time is up; calls `look` now and then.
async fn storm(plan: Arc<Plan>, mut look: impl FnMut()) -> usize {
    let (began, mut strangers, mut came) = (Instant::now(), JoinSet::new(), 0);
    let mut staying = 0;
    while came < STRANGERS && began.elapsed() < STORM {
        staying = staying.max(plan.let_in.load(Ordering::Relaxed) as usize);
        if strangers.len() - staying.min(strangers.len()) < AT_A_TIME {
            let plan = Arc::clone(&plan);
            strangers.spawn(async move { plan.stranger(came).await });
            came += 1;
        } else if let Ok(Some(stranger)) = tokio::time::timeout(Duration::from_millis(20), strangers.join_next()).await
        {
            stranger.expect("a stranger does not panic");
        }
        if came % 50 == 0 {
            look();
        }
    }
    came
}

fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the process runs").count()
}

#[test]
fn in_a_storm_of_strangers_writes_go_on_and_txnd_stays_bounded() {
    let site = Site::new(Place::TxndSegments);
    let (pid, other) = (site.txnd().pid(), Certificates::make());
    let right = TlsFiles {
        ca: site.certificates.path("ca.pem"),
        cert: site.certificates.path("kvs.pem"),
        key: site.certificates.path("kvs.key"),
        crl: None,
    };
    // It trusts txnd, but txnd does not trust it.
    let wrong = TlsFiles { cert: other.path("kvs.pem"), key: other.path("kvs.key"), ..right.clone() };
    let hello = client_hello(&right);
    let plan = Arc::new(Plan { address: site.txnd().addr, hello, wrong, right, let_in: AtomicU32::new(0) });
    let kvs = site.start(&[]);
    let (files, memory) = (open_files(pid), resident_bytes(pid));
    let most_files = Limits::default().connections + Limits::default().handshakes + OTHER_FILES;
    let written = under_load(&kvs, |progress| {
        progress.grows_by(50);
        let before = progress.acknowledged();
        let mut most_memory = memory;
        let came = runtime().block_on(storm(Arc::clone(&plan), || {
            let files = open_files(pid);
            assert!(files <= most_files, "{files} open files");
            most_memory = most_memory.max(resident_bytes(pid));
        }));
        let (let_in, writes) = (plan.let_in.load(Ordering::Relaxed), progress.acknowledged() - before);
        let grown = most_memory - memory;
        println!("{came} strangers, {let_in} let in, {writes} writes meanwhile, txnd has grown by {grown} bytes");
        assert!(grown < MOST_MEMORY, "txnd has grown by {grown} bytes");
        assert!(let_in > 0 && writes > 0, "{let_in} were let in, {writes} writes meanwhile");
        eventually("everybody has gone", || open_files(pid) <= files + 2);
        progress.grows_by(50);
    });
    let slowest = written.iter().map(|written| written.slowest).max();
    assert!(slowest < Some(SLOWEST), "{slowest:?}");
    assert_recovered(&site, kvs, &written);
}
