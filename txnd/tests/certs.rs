//! Making certificates: what is made, who may read it, and what is never overwritten.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use txnd::tls::certs::{CertsError, Made, Request, Set, make};
use txnd::tls::{Acceptor, Leaf, TlsFiles};

fn request(folder: &Path) -> Request {
    let folder = folder.join("certs");
    Request { set: Set::LOG, folder, server_names: Vec::new(), days: 825, keep: false, renew: false }
}

fn leaf(request: &Request, name: &str) -> Leaf {
    Leaf::read(&CertificateDer::from_pem_file(request.folder.join(name)).unwrap()).unwrap()
}

fn everything(request: &Request) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(&request.folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn a_set_is_made_and_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request { server_names: vec!["log.example".into(), "10.1.2.3".into()], ..request(folder.path()) };
    assert_eq!(make(&request).unwrap(), Made::Everything);
    let names: Vec<String> = everything(&request).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["ca.key", "ca.pem", "kvs.key", "kvs.pem", "txnd.key", "txnd.pem"]);
    for name in names {
        let mode = fs::metadata(request.folder.join(&name)).unwrap().permissions().mode() & 0o777;
        match name.ends_with(".key") {
            true => assert_eq!(mode, 0o600, "{name}"),
            false => assert_eq!(mode & 0o133, 0, "{name}: {mode:o}"),
        }
    }
    let server = leaf(&request, "txnd.pem");
    assert_eq!(server.names, ["txnd", "localhost", "log.example"]);
    let addresses: Vec<String> = server.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["127.0.0.1", "::1", "10.1.2.3"]);
    assert_eq!(leaf(&request, "kvs.pem").names, ["kvs"]);
    let days = server.not_after.duration_since(SystemTime::now()).unwrap().as_secs_f64() / 86_400.0;
    assert!((824.9..=825.0).contains(&days), "{days}");
    Acceptor::new(TlsFiles::in_folder(&request.folder, "txnd"), vec!["kvs".into()]).unwrap();
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let request = request(folder.path());
    make(&request).unwrap();
    let before = everything(&request);
    assert!(matches!(make(&request), Err(CertsError::Exists(_))));
    assert_eq!(everything(&request), before);
    // One file of the set is enough.
    for (name, _) in &before[1..] {
        fs::remove_file(request.folder.join(name)).unwrap();
    }
    assert!(matches!(make(&request), Err(CertsError::Exists(path)) if path.ends_with("ca.key")));
    assert_eq!(everything(&request), before[..1]);
}

#[test]
fn a_good_set_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Request { keep: true, ..request(folder.path()) };
    assert_eq!(make(&keep).unwrap(), Made::Everything);
    let before = everything(&keep);
    // The CA's key may be somewhere else.
    fs::remove_file(keep.folder.join("ca.key")).unwrap();
    assert_eq!(make(&keep).unwrap(), Made::Nothing);
    assert_eq!(everything(&keep), before[1..]);

    fs::remove_file(keep.folder.join("kvs.key")).unwrap();
    let error = make(&keep).unwrap_err().to_string();
    assert!(error.contains("cannot be kept") && error.contains("kvs.key"), "{error}");
    fs::write(keep.folder.join("kvs.key"), fs::read(keep.folder.join("txnd.key")).unwrap()).unwrap();
    let error = make(&keep).unwrap_err().to_string();
    assert!(error.contains("does not belong to the certificate"), "{error}");
}

#[test]
fn certificates_are_renewed_under_the_same_ca_with_the_same_names() {
    let folder = tempfile::tempdir().unwrap();
    let first = Request { server_names: vec!["log.example".into()], days: 10, ..request(folder.path()) };
    make(&first).unwrap();
    let before = everything(&first);
    // Ten days are too few for --keep --renew, but enough for --keep alone.
    assert_eq!(make(&Request { keep: true, ..first.clone() }).unwrap(), Made::Nothing);
    let renew = Request { renew: true, keep: true, days: 825, server_names: vec!["more.example".into()], ..first };
    assert_eq!(make(&renew).unwrap(), Made::Certificates);
    let after = everything(&renew);
    assert_eq!(after.len(), 6);
    for ((name, old), (_, new)) in before.iter().zip(&after) {
        assert_eq!(old == new, name.starts_with("ca."), "{name}");
    }
    assert_eq!(leaf(&renew, "txnd.pem").names, ["txnd", "localhost", "more.example", "log.example"]);
    assert_eq!(fs::metadata(renew.folder.join("txnd.key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(make(&renew).unwrap(), Made::Nothing);

    // Nothing outlives the CA.
    let long = Request { keep: false, days: 36_500, ..renew };
    make(&long).unwrap();
    assert_eq!(leaf(&long, "kvs.pem").not_after, leaf(&long, "ca.pem").not_after);
    assert!(leaf(&long, "ca.pem").not_after > SystemTime::now() + Duration::from_secs(3600 * 24 * 3649));
}

#[test]
fn renewing_needs_the_cas_key() {
    let folder = tempfile::tempdir().unwrap();
    let renew = Request { renew: true, ..request(folder.path()) };
    assert_eq!(make(&renew).unwrap(), Made::Everything);
    fs::copy(renew.folder.join("kvs.key"), renew.folder.join("ca.key")).unwrap();
    assert!(make(&renew).unwrap_err().to_string().contains("does not belong to the certificate"));
    fs::remove_file(renew.folder.join("ca.key")).unwrap();
    assert!(make(&renew).unwrap_err().to_string().contains("ca.key"));
}

#[test]
fn a_name_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request { server_names: vec!["größe".into()], ..request(folder.path()) };
    assert!(matches!(make(&request), Err(CertsError::Make(_))));
    assert!(everything(&request).is_empty(), "nothing is half made");
}
