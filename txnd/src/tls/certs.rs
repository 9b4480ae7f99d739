//! Makes a CA and the certificates that it signs: `txnd certs` and `kvs certs`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

use super::files::{CA_CERT, TlsError, TlsFiles};
use super::leaf::{Leaf, date};
use super::material::Material;
use super::pem;

/// The CA's key. Only needed to make more certificates. Anyone who has it can let any client in.
pub const CA_KEY: &str = "ca.key";
/// Name of kvs's certificate towards txnd, and the base name of its files.
pub const CLIENT: &str = "kvs";

/// Two certificates that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set {
    /// Base name of the server's files.
    pub server: &'static str,
    /// A DNS name of the server, besides `localhost` and loopback addresses.
    pub server_name: &'static str,
    /// Base name of the client's files, and the DNS name of its certificate.
    pub client: &'static str,
    /// Whether the server also connects to itself as a client.
    pub server_is_client: bool,
}

impl Set {
    /// Between kvs and txnd.
    pub const LOG: Self = Self { server: "txnd", server_name: "txnd", client: CLIENT, server_is_client: true };

    /// Between kvs and its clients.
    pub const CLIENTS: Self = Self { server: "server", server_name: "kvs", client: "client", server_is_client: false };
}

/// Validity of a CA, in days. Its certificates end with it at the latest.
const CA_DAYS: u64 = 3650;

/// Certificates are valid from slightly before now, because the clocks of two machines differ.
const BACKDATED: Duration = Duration::from_secs(60 * 60);

/// A certificate is renewed, where allowed, when it has less time left than this.
const RENEWED_BEFORE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What to make.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which certificates.
    pub set: Set,
    /// The folder, which is created if missing.
    pub folder: PathBuf,
    /// Additional DNS names and IP addresses of the server.
    pub server_names: Vec<String>,
    /// Validity of the certificates.
    pub days: u32,
    /// If the set exists, complete and valid, do nothing.
    pub keep: bool,
    /// If there is a CA, replace the certificates under it.
    pub renew: bool,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// A CA and certificates.
    Everything,
    /// New certificates under the existing CA.
    Certificates,
    /// Nothing: the set was complete and valid.
    Nothing,
}

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertsError {
    /// The files exist; nothing is overwritten.
    #[error(
        "{} is there already, nothing was changed; use --keep to use what is there, --renew for new certificates under the same CA, \
         or another folder", .0.display()
    )]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The existing set is incomplete or invalid.
    #[error(
        "the certificates in {} cannot be kept: {why}. Give --renew too for new ones under the same CA, or use another folder",
        .folder.display()
    )]
    Unkept {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        why: TlsError,
    },
    /// The existing CA cannot be used.
    #[error(transparent)]
    Found(#[from] TlsError),
    /// A name that a certificate cannot contain, or a failure of the random source.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

/// Makes what `request` asks for.
pub fn make(request: &Request) -> Result<Made, CertsError> {
    let folder = &request.folder;
    let there: Vec<PathBuf> = files(request).into_iter().filter(|path| path.exists()).collect();
    if request.keep && !there.is_empty() {
        match check(request, if request.renew { RENEWED_BEFORE } else { Duration::ZERO }) {
            Ok(()) => return Ok(Made::Nothing),
            Err(why) if !request.renew => return Err(CertsError::Unkept { folder: folder.clone(), why }),
            Err(_) => {}
        }
    }
    fs::create_dir_all(folder).map_err(|source| CertsError::Write { path: folder.clone(), source })?;
    if request.renew && folder.join(CA_CERT).exists() {
        return renew(request).map(|()| Made::Certificates);
    }
    match there.into_iter().next() {
        Some(path) => Err(CertsError::Exists(path)),
        None => make_all(request).map(|()| Made::Everything),
    }
}

/// Checks that both certificates are usable for at least `left` more.
fn check(request: &Request, left: Duration) -> Result<(), TlsError> {
    for name in [request.set.server, request.set.client] {
        let files = TlsFiles::in_folder(&request.folder, name);
        let material = Material::load(&files)?;
        material.check_dates(SystemTime::now())?;
        if material.leaf.not_after < SystemTime::now() + left {
            let what = format!("it expires on {}", date(material.leaf.not_after));
            return Err(TlsError::Unusable { path: files.cert, what });
        }
        // Also checks that the key belongs to the certificate.
        material.client()?;
    }
    Ok(())
}

fn make_all(request: &Request) -> Result<(), CertsError> {
    let now = SystemTime::now();
    let not_after = now + DAY * CA_DAYS as u32;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // A unique name, so that certificates of another set are recognised as issued by another CA.
    params.distinguished_name = common_name(&format!("KVS CA {:08x}", rand::random::<u32>()));
    set_dates(&mut params, now, not_after);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    let ca = [key_file(CA_KEY, &key), certificate_file(CA_CERT, &certificate)];
    let leaves = make_leaves(request, &request.server_names, &Issuer::new(params, key), not_after)?;
    write_all(&request.folder, ca.into_iter().chain(leaves), Existing::Refuse)
}

fn renew(request: &Request) -> Result<(), CertsError> {
    let (cert_path, key_path) = (request.folder.join(CA_CERT), request.folder.join(CA_KEY));
    let bytes = pem::read(&cert_path)?;
    let ca = pem::certificates(&cert_path, &bytes)?.swap_remove(0);
    let unusable = |path: &Path, what: String| TlsError::Unusable { path: path.into(), what };
    let dates = Leaf::read(&ca).map_err(|what| unusable(&cert_path, what))?;
    dates
        .check_dates(SystemTime::now())
        .map_err(|what| unusable(&cert_path, format!("{what}; make a new set in another folder")))?;
    let key = String::from_utf8_lossy(&pem::read(&key_path)?).into_owned();
    let key = KeyPair::from_pem(&key).map_err(|e| unusable(&key_path, e.to_string()))?;
    if public_key(&ca).as_deref() != Some(key.public_key_raw()) {
        return Err(TlsError::KeyMismatch { key: key_path, cert: cert_path }.into());
    }
    // The names of the old certificate are kept.
    let mut names = request.server_names.clone();
    let old_path = request.folder.join(format!("{}.pem", request.set.server));
    if old_path.exists() {
        let old = pem::certificates(&old_path, &pem::read(&old_path)?)?.swap_remove(0);
        let old = Leaf::read(&old).map_err(|what| unusable(&old_path, what))?;
        names.extend(old.names);
        names.extend(old.addresses.iter().map(IpAddr::to_string));
    }
    let issuer = Issuer::from_ca_cert_der(&ca, key)?;
    let leaves = make_leaves(request, &names, &issuer, dates.not_after)?;
    write_all(&request.folder, leaves, Existing::Replace)
}

fn make_leaves(
    request: &Request,
    server_names: &[String],
    issuer: &Issuer<'_, KeyPair>,
    ca_ends: SystemTime,
) -> Result<Vec<NewFile>, CertsError> {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let Set { server, server_name, client, server_is_client } = request.set;
    let mut names: Vec<String> = [server_name, "localhost", "127.0.0.1", "::1"].map(String::from).to_vec();
    for name in server_names {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let purposes = if server_is_client { vec![ServerAuth, ClientAuth] } else { vec![ServerAuth] };
    let leaves = [(server, names, purposes), (client, vec![client.into()], vec![ClientAuth])];
    let mut files = Vec::new();
    for (name, names, purposes) in leaves {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = common_name(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = purposes;
        params.use_authority_key_identifier_extension = true;
        let now = SystemTime::now();
        set_dates(&mut params, now, ca_ends.min(now + DAY * request.days));
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, issuer)?;
        files.push(key_file(&format!("{name}.key"), &key));
        files.push(certificate_file(&format!("{name}.pem"), &certificate));
    }
    Ok(files)
}

fn key_file(name: &str, key: &KeyPair) -> NewFile {
    NewFile { name: name.into(), text: key.serialize_pem(), mode: 0o600 }
}

fn certificate_file(name: &str, certificate: &Certificate) -> NewFile {
    NewFile { name: name.into(), text: certificate.pem(), mode: 0o644 }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn set_dates(params: &mut CertificateParams, now: SystemTime, not_after: SystemTime) {
    let convert = |time: SystemTime| {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        ASN1Time::from_timestamp(i64::try_from(seconds).unwrap_or(i64::MAX)).map(|time| time.to_datetime())
    };
    // Both are within the range of dates of a certificate, up to the year 9999, because the number of days is limited.
    if let (Ok(from), Ok(to)) = (convert(now - BACKDATED), convert(not_after)) {
        params.not_before = from;
        params.not_after = to;
    }
}

fn public_key(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.public_key().subject_public_key.data.to_vec())
}

fn files(request: &Request) -> Vec<PathBuf> {
    let leaves = [request.set.server, request.set.client];
    let leaves = leaves.into_iter().flat_map(|name| [format!("{name}.pem"), format!("{name}.key")]);
    [CA_CERT, CA_KEY].map(String::from).into_iter().chain(leaves).map(|name| request.folder.join(name)).collect()
}

/// A file to be written. Nothing is written before everything has been made.
struct NewFile {
    name: String,
    text: String,
    /// Its access rights, set at creation.
    mode: u32,
}

/// What to do with an existing file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Refuse,
    Replace,
}

fn write_all(folder: &Path, files: impl IntoIterator<Item = NewFile>, existing: Existing) -> Result<(), CertsError> {
    for file in files {
        let path = folder.join(&file.name);
        file.write(&path, existing).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => CertsError::Exists(path),
            _ => CertsError::Write { path, source },
        })?;
    }
    Ok(())
}

impl NewFile {
    fn write(&self, path: &Path, existing: Existing) -> io::Result<()> {
        if existing == Existing::Refuse {
            return self.create(path);
        }
        // A reader sees either the old file or the new one.
        let new = path.with_added_extension("new");
        match fs::remove_file(&new) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => self.create(&new)?,
        }
        fs::rename(&new, path)
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(self.mode).open(path)?;
        file.write_all(self.text.as_bytes())?;
        file.sync_all()
    }
}
