//! Which clients are accepted.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use super::leaf::Leaf;
use super::refusal::{Reason, Refusal, quoted};

/// The clients that are accepted, among those with a valid certificate.
#[derive(Debug)]
pub(super) struct AllowedNames {
    /// DNS names, one of which the certificate must have.
    pub(super) allowed: Vec<String>,
    /// The server's own certificate: the holder of its key may ask for the server's health.
    pub(super) own: CertificateDer<'static>,
}

/// An accepted client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guest {
    pub(super) name: String,
    pub(super) may_write: bool,
}

/// Checks a client's certificate first with webpki (CA, dates, revocation, purpose), then its key usage, which webpki
/// does not check, and its name. The server's own certificate may be for servers only. The check runs in the handshake,
/// so that an alert tells the client the result.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    webpki: Arc<dyn ClientCertVerifier>,
    guests: Arc<AllowedNames>,
}

impl AllowedNames {
    /// Decides whether to accept the holder of a valid certificate.
    pub(super) fn admit(&self, certificate: &CertificateDer<'_>) -> Result<Guest, Refusal> {
        let leaf = Leaf::read(certificate)
            .map_err(|what| Refusal::new(Reason::Malformed, format!("its certificate cannot be used: {what}")))?;
        if !leaf.may_sign {
            let sentence = "its certificate's key usage does not allow signatures (digitalSignature)";
            return Err(Refusal::new(Reason::KeyUsage, sentence.into()));
        }
        if let Some(name) = self.allowed.iter().find(|name| leaf.is_named(name)) {
            return Ok(Guest { name: name.clone(), may_write: true });
        }
        if *certificate == self.own {
            let name = leaf.names.into_iter().next().unwrap_or_else(|| "the server itself".into());
            return Ok(Guest { name, may_write: false });
        }
        let expected = quoted(&self.allowed, " or ");
        Err(Refusal::new(
            Reason::Name,
            match leaf.names.is_empty() {
                true => format!("its certificate carries no DNS name, expected {expected}"),
                false => format!("its certificate is for {}, expected {expected}", quoted(&leaf.names, ", ")),
            },
        ))
    }
}

impl ClientVerifier {
    pub(super) fn new(webpki: Arc<dyn ClientCertVerifier>, guests: Arc<AllowedNames>) -> Self {
        Self { webpki, guests }
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.webpki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = match self.webpki.verify_client_cert(end_entity, intermediates, now) {
            // A server's certificate need not be valid for a client. The holder of its key may still ask for the
            // server's health.
            Err(Error::InvalidCertificate(
                CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. },
            )) if *end_entity == self.guests.own => ClientCertVerified::assertion(),
            verified => verified?,
        };
        match self.guests.admit(end_entity) {
            Ok(_) => Ok(verified),
            Err(refusal) => Err(CertificateError::Other(OtherError(Arc::new(refusal))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
