//! Reads one certificate.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::time::ASN1Time;

/// What a certificate says about its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// DNS names among the subject alternative names.
    pub names: Vec<String>,
    /// IP addresses among them.
    pub addresses: Vec<IpAddr>,
    /// Whether its key may sign, as every TLS 1.3 handshake requires: the certificate allows it, or does not restrict
    /// the use of its key.
    pub may_sign: bool,
    /// The certificate is valid from here,
    pub not_before: SystemTime,
    /// to here.
    pub not_after: SystemTime,
}

impl Leaf {
    /// Reads a certificate in DER form. The error says what is wrong with it.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, String> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|e| format!("it is malformed: {e}"))?;
        let malformed = |e| format!("an extension is malformed: {e}");
        let alternative = certificate.subject_alternative_name().map_err(malformed)?;
        let key_usage = certificate.key_usage().map_err(malformed)?;
        let mut leaf = Self {
            names: Vec::new(),
            addresses: Vec::new(),
            may_sign: key_usage.is_none_or(|usage| usage.value.digital_signature()),
            not_before: time(certificate.validity().not_before),
            not_after: time(certificate.validity().not_after),
        };
        for name in alternative.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::DNSName(name) => leaf.names.push((*name).into()),
                GeneralName::IPAddress(octets) => leaf.addresses.extend(address(octets)),
                _ => {}
            }
        }
        Ok(leaf)
    }

    /// Whether one of its DNS names is `name`. A wildcard only matches itself.
    pub fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// A host name or address that it is valid for, if there is one. A wildcard is valid for any label in its place.
    pub(super) fn some_host(&self) -> Option<String> {
        let names = self.names.iter().map(|name| match name.strip_prefix("*.") {
            Some(domain) => format!("txnd.{domain}"),
            None => name.clone(),
        });
        let addresses = self.addresses.iter().map(ToString::to_string);
        names.chain(addresses).find(|host| ServerName::try_from(host.as_str()).is_ok())
    }

    /// Checks that it is valid at `now`. The error says since or until when it is not.
    pub fn check_dates(&self, now: SystemTime) -> Result<(), String> {
        if now < self.not_before {
            return Err(format!("it is not valid before {}; check the clock", date(self.not_before)));
        }
        if now > self.not_after {
            return Err(format!("it has expired on {}", date(self.not_after)));
        }
        Ok(())
    }
}

/// When a revocation list in DER form was issued, and when the next one was due.
pub(super) fn updates(crl: &[u8]) -> Result<(SystemTime, Option<SystemTime>), String> {
    let (_, crl) = CertificateRevocationList::from_der(crl).map_err(|e| format!("it is malformed: {e}"))?;
    Ok((time(crl.last_update()), crl.next_update().map(time)))
}

/// Formats a time for messages.
pub(super) fn date(time: SystemTime) -> impl std::fmt::Display {
    humantime::format_rfc3339_seconds(time)
}

/// Times before 1970 become 1970.
fn time(time: ASN1Time) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}
