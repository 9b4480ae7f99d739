//! Where a log is, with proxies on the ways to it.

use tempfile::TempDir;

use crate::harness::{Kvs, folder};
use crate::proxy::Proxy;
use crate::txnd_server::{Certificates, Txnd};
use testkit::postgres_server::PostgresServer;

/// Where the log of a kvs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In segments, behind a txnd.
    TxndSegments,
    /// In tables, behind a txnd.
    TxndTables,
    /// In tables.
    Tables,
}

/// Runs a test once for every place, all at a time: most of it is waiting.
pub(crate) fn everywhere(test: impl Fn(Place) + Sync) {
    let test = &test;
    let places = [Place::TxndSegments, Place::TxndTables, Place::Tables];
    together(places.map(|place| move || test(place)));
}

/// Runs all of them at a time.
pub(crate) fn together(tests: impl IntoIterator<Item = impl FnOnce() + Send>) {
    std::thread::scope(|scope| {
        let running: Vec<_> = tests.into_iter().map(|test| scope.spawn(test)).collect();
        let failed = running.into_iter().filter_map(|test| test.join().err()).count();
        assert_eq!(failed, 0, "failed tests; see above");
    });
}

/// A log, and whatever processes keep it.
pub(crate) struct Site {
    pub(crate) place: Place,
    /// On the way from kvs to whoever it connects to.
    pub(crate) from_kvs: Proxy,
    /// On the way from txnd to PostgreSQL, if there is one.
    pub(crate) from_txnd: Option<Proxy>,
    pub(crate) txnd: Option<Txnd>,
    /// The database's URL, where there is one, without a proxy.
    pub(crate) database: String,
    pub(crate) certificates: Certificates,
    _folder: TempDir,
}

impl Site {
    pub(crate) fn new(place: Place) -> Self {
        let (certificates, folder) = (Certificates::make(), folder());
        let database = if place == Place::TxndSegments { String::new() } else { PostgresServer::shared().database() };
        let from_txnd = (place == Place::TxndTables).then(|| Proxy::to(address_of(&database)));
        let sink = match &from_txnd {
            Some(proxy) => with_port(&database, proxy.address.port()),
            None => format!("file:{}", folder.path().display()),
        };
        let txnd = (place != Place::Tables).then(|| Txnd::start(&sink, &certificates));
        let from_kvs = Proxy::to(txnd.as_ref().map_or_else(|| address_of(&database), |txnd| txnd.addr));
        Self { place, from_kvs, from_txnd, txnd, database, certificates, _folder: folder }
    }

    /// Starts a kvs that reaches its log through the proxy.
    pub(crate) fn start(&self, args: &[&str]) -> Kvs {
        self.start_at(self.from_kvs.address.port(), args)
    }

    /// Starts a kvs that reaches its log without a proxy.
    pub(crate) fn start_direct(&self, args: &[&str]) -> Kvs {
        let port = self.txnd.as_ref().map_or_else(|| address_of(&self.database), |txnd| txnd.addr).port();
        self.start_at(port, args)
    }

    fn start_at(&self, port: u16, args: &[&str]) -> Kvs {
        let log = match self.place {
            Place::Tables => with_port(&self.database, port),
            _ => format!("https://localhost:{port}"),
        };
        let mut command = Kvs::program();
        command.args(["--http-addr", "127.0.0.1:0", "--workers", "2", "--log", &log]);
        command.args(self.certificates.flags("kvs")).args(args);
        Kvs::try_start(&mut command).unwrap_or_else(|e| panic!("kvs did not start: {e:?}"))
    }

    pub(crate) fn txnd(&self) -> &Txnd {
        self.txnd.as_ref().expect("a txnd keeps this log")
    }

    /// Checks that the tables hold exactly the records 1 to `records`, where there are tables.
    pub(crate) fn check_tables(&self, records: u64) {
        if self.place == Place::TxndSegments {
            return;
        }
        let tables = ["integer", "uint", "float", "string", "map", "set"].map(|ty| format!("{ty}_transactions"));
        let ids = tables.map(|table| format!("SELECT id FROM {table}")).join(" UNION ALL ");
        let sql = format!("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM ({ids}) AS ids");
        let found = PostgresServer::shared().psql(&self.database, &sql);
        assert_eq!(found, format!("{records}|{records}|1|{records}"), "count, different ones, first and last");
    }
}

/// The address in a database's URL.
fn address_of(url: &str) -> std::net::SocketAddr {
    let (_, behind) = url.rsplit_once('@').expect("a user");
    let (address, _) = behind.split_once('/').expect("a database");
    address.parse().expect("an address")
}

fn with_port(url: &str, port: u16) -> String {
    let address = address_of(url);
    url.replace(&address.to_string(), &format!("{}:{port}", address.ip()))
}
