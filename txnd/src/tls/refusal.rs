//! Why a connection was refused, in words: for the server's log and for the client's.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_rustls::rustls::pki_types::UnixTime;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};

use super::leaf::date;

/// The kinds of refusals, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    NoCertificate,
    OtherCa,
    Expired,
    NotYetValid,
    Revoked,
    RevocationUnknown,
    Purpose,
    KeyUsage,
    Name,
    Malformed,
    NotTls13,
    NotTls,
    NotHttp2,
    RefusedByPeer,
    Timeout,
    HungUp,
    TooMany,
    Other,
}

/// A refusal. Its sentence calls the other side "it".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) sentence: String,
}

impl Reason {
    /// The value of the metric's label.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::OtherCa => "other_ca",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::Purpose => "purpose",
            Self::KeyUsage => "key_usage",
            Self::Name => "name",
            Self::Malformed => "malformed",
            Self::NotTls13 => "not_tls13",
            Self::NotTls => "not_tls",
            Self::NotHttp2 => "not_http2",
            Self::RefusedByPeer => "refused_by_peer",
            Self::Timeout => "timeout",
            Self::HungUp => "hung_up",
            Self::TooMany => "too_many",
            Self::Other => "other",
        }
    }
}

impl Refusal {
    pub(crate) fn new(reason: Reason, sentence: String) -> Self {
        Self { reason, sentence }
    }

    /// Explains a failed handshake, or the failed first read after it. `ca` is the file that the other side's
    /// certificate was checked with.
    pub(crate) fn of(error: &io::Error, ca: &Path) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => explain(error, ca),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::new(Reason::HungUp, "it hung up during the handshake".into())
            }
            None => Self::new(Reason::HungUp, format!("the connection broke during the handshake: {error}")),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Refusal {}

fn explain(error: &Error, ca: &Path) -> Refusal {
    use PeerIncompatible as Incompatible;
    let (reason, sentence) = match error {
        Error::InvalidCertificate(error) => return explain_certificate(error, ca),
        Error::NoCertificatesPresented => (Reason::NoCertificate, "no certificate was presented".into()),
        Error::AlertReceived(AlertDescription::ProtocolVersion)
        | Error::PeerIncompatible(
            Incompatible::SupportedVersionsExtensionRequired
            | Incompatible::Tls12NotOffered
            | Incompatible::Tls12NotOfferedOrEnabled
            | Incompatible::ServerDoesNotSupportTls12Or13
            | Incompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => (Reason::NotTls13, "it speaks TLS 1.2 or older, only TLS 1.3 is spoken here".into()),
        Error::AlertReceived(alert) => (Reason::RefusedByPeer, refused_by_peer(*alert)),
        Error::InvalidMessage(what) => (Reason::NotTls, format!("it does not speak TLS ({what:?})")),
        Error::NoApplicationProtocol => (Reason::NotHttp2, "it does not speak HTTP/2 (ALPN h2)".into()),
        Error::InvalidCertRevocationList(what) => {
            (Reason::RevocationUnknown, format!("the revocation list cannot be used: {what:?}"))
        }
        other => (Reason::Other, format!("the handshake failed: {other}")),
    };
    Refusal { reason, sentence }
}

fn explain_certificate(error: &CertificateError, ca: &Path) -> Refusal {
    use CertificateError::*;
    let ca = ca.display();
    let (reason, sentence) = match error {
        UnknownIssuer => (Reason::OtherCa, format!("its certificate is signed by another CA than {ca}")),
        BadSignature => {
            let sentence =
                format!("a signature is wrong: its certificate is signed by another CA of the same name as {ca}");
            (Reason::OtherCa, sentence)
        }
        ExpiredContext { not_after, .. } => {
            (Reason::Expired, format!("its certificate has expired on {}", date(time(*not_after))))
        }
        Expired => (Reason::Expired, "its certificate has expired".into()),
        NotValidYetContext { not_before, .. } => {
            let from = date(time(*not_before));
            (Reason::NotYetValid, format!("its certificate is not yet valid, only from {from}; check the clocks"))
        }
        NotValidYet => (Reason::NotYetValid, "its certificate is not yet valid; check the clocks".into()),
        Revoked => (Reason::Revoked, "its certificate is revoked".into()),
        UnknownRevocationStatus => {
            (Reason::RevocationUnknown, "its certificate's CA has no list in the file of revocation lists".into())
        }
        ExpiredRevocationListContext { next_update, .. } => {
            let due = date(time(*next_update));
            (Reason::RevocationUnknown, format!("the revocation list is out of date: a newer one was due on {due}"))
        }
        NotValidForNameContext { expected, presented } => {
            let presented = match presented.is_empty() {
                true => "no name".into(),
                false => presented.iter().map(|name| bare(name)).collect::<Vec<_>>().join(", "),
            };
            (Reason::Name, format!("its certificate is for {presented}, expected \"{}\"", expected.to_str()))
        }
        InvalidPurpose | InvalidPurposeContext { .. } => {
            let sentence = "its certificate is not meant for this side of a connection (extended key usage)";
            (Reason::Purpose, sentence.into())
        }
        Other(other) => match other.0.downcast_ref::<Refusal>() {
            Some(refusal) => return refusal.clone(),
            None => (Reason::Malformed, format!("its certificate cannot be used: {error}")),
        },
        other => (Reason::Malformed, format!("its certificate cannot be used: {other}")),
    };
    Refusal { reason, sentence }
}

/// What the other side's alert says about this side's certificate.
fn refused_by_peer(alert: AlertDescription) -> String {
    let what = match alert {
        AlertDescription::UnknownCA => "it does not know its CA, or has no revocation list of it",
        AlertDescription::CertificateExpired => "it has expired or is not yet valid",
        AlertDescription::CertificateRevoked => "it is revoked",
        AlertDescription::CertificateRequired => "none was presented",
        AlertDescription::UnsupportedCertificate => "it is meant for something else (extended key usage)",
        AlertDescription::DecryptError => "its signature is wrong: another CA of the same name, or another key",
        AlertDescription::CertificateUnknown | AlertDescription::AccessDenied => {
            "its name or its key usage is not accepted"
        }
        AlertDescription::BadCertificate => "it is malformed, or for another name",
        AlertDescription::NoApplicationProtocol => return "it does not speak HTTP/2 (ALPN h2)".into(),
        other => return format!("it ended the handshake: {other:?}"),
    };
    format!("it refused this side's certificate: {what}; its log may say more")
}

/// A name as webpki formats it, `DnsName("x")` or `IpAddress(y)`, without its kind. webpki formats addresses in an
/// unusual way, such as `0::1` for `::1`.
fn bare(name: &str) -> String {
    let inside = |kind: &str| name.strip_prefix(kind).and_then(|inner| inner.strip_suffix(')'));
    match inside("IpAddress(").map(|address| (address, address.parse::<IpAddr>())) {
        Some((_, Ok(address))) => address.to_string(),
        Some((address, Err(_))) => address.into(),
        None => inside("DnsName(").unwrap_or(name).into(),
    }
}

/// `names`, each in quotation marks.
pub(super) fn quoted(names: &[String], separator: &str) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(separator)
}

fn time(time: UnixTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(time.as_secs())
}
