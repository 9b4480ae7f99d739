//! Certificates of every kind, valid and invalid, for the tests of TLS.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use txnd::tls::TlsFiles;
use x509_parser::time::ASN1Time;

/// The time this many seconds from now, as rcgen expects it.
macro_rules! at {
    ($seconds:expr) => {
        ASN1Time::from_timestamp(now() + $seconds).unwrap().to_datetime()
    };
}

pub const HOUR: i64 = 60 * 60;

/// A certificate authority.
pub struct Ca {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The content of a certificate; the default is a valid one for kvs. Times are in seconds from now.
pub struct Spec {
    pub names: Vec<&'static str>,
    pub purposes: Vec<ExtendedKeyUsagePurpose>,
    pub usages: Vec<KeyUsagePurpose>,
    pub from: i64,
    pub to: i64,
    pub serial: u64,
}

/// A certificate and its key, in PEM form.
pub struct Issued {
    pub pem: String,
    pub key: String,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            names: vec!["kvs"],
            purposes: vec![ExtendedKeyUsagePurpose::ClientAuth],
            usages: vec![KeyUsagePurpose::DigitalSignature],
            from: -HOUR,
            to: HOUR,
            serial: 1,
        }
    }
}

impl Spec {
    /// A valid certificate for txnd.
    pub fn server() -> Self {
        let purposes = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        Self { names: vec!["txnd", "localhost", "127.0.0.1"], purposes, serial: 2, ..Self::default() }
    }
}

impl Ca {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = (at!(-HOUR), at!(24 * HOUR));
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub fn issue(&self, spec: &Spec) -> Issued {
        let names: Vec<String> = spec.names.iter().map(|name| (*name).into()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.key_usages = spec.usages.clone();
        params.extended_key_usages = spec.purposes.clone();
        params.serial_number = Some(SerialNumber::from(spec.serial));
        (params.not_before, params.not_after) = (at!(spec.from), at!(spec.to));
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Issued { pem, key: key.serialize_pem() }
    }

    /// A revocation list with `serials`; the next update is due after `next` seconds.
    pub fn revoke(&self, serials: &[u64], next: i64) -> String {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: at!(-HOUR),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: at!(-2 * HOUR),
            next_update: at!(next),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|now| now.as_secs()).unwrap_or_default() as i64
}

/// Writes the files that one side needs into `folder`; `ca` is the authority that it trusts.
pub fn install(folder: &Path, name: &str, ca: &Ca, issued: &Issued) -> TlsFiles {
    let files = TlsFiles::in_folder(folder, name);
    std::fs::write(&files.ca, &ca.pem).unwrap();
    std::fs::write(&files.cert, &issued.pem).unwrap();
    std::fs::write(&files.key, &issued.key).unwrap();
    files
}

/// How long anything may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(30);
