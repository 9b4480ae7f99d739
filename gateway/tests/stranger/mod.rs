//! A client of txnd that is not kvs: it shows whatever certificate it has, and attempts everything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use proto::{Batch, Lsn};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio_stream::StreamExt;
use tonic::Status;
use tonic::transport::Channel;
use tower::service_fn;
use txnd::Term;
use txnd::remote::endpoint;
use txnd::wire::v1::transaction_service_client::TransactionServiceClient;
use txnd::wire::v1::write_transactions_request::Message as Request;
use txnd::wire::v1::write_transactions_response::Message as Response;
use txnd::wire::v1::{OpenRequest, WriteTransactionsRequest};

use crate::harness::DEADLINE;
use testkit::pki::{Ca, Issued};

/// What came of an attempt, and the address that it was made from.
pub(crate) struct Attempt<T> {
    pub(crate) outcome: Result<T, String>,
    pub(crate) from: SocketAddr,
}

/// An identity, good or odd. Each attempt has a connection of its own.
pub(crate) struct Stranger {
    config: Arc<ClientConfig>,
}

impl Stranger {
    /// Trusts a txnd under `ca`, shows `identity`, speaks `version`.
    pub(crate) fn new(ca: &Ca, identity: Option<&Issued>, version: &'static SupportedProtocolVersion) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&ca.pem)).expect("a CA");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .expect("the provider speaks it")
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(Issued { pem, key }) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                builder.with_client_auth_cert(vec![certificate(pem)], key).expect("the key is the certificate's")
            }
        };
        config.alpn_protocols = vec![b"h2".into()];
        Self { config: Arc::new(config) }
    }

    /// Begins a term.
    pub(crate) async fn open(&self, txnd: SocketAddr) -> Attempt<Term> {
        self.attempt(txnd, async |mut client| {
            let opened = client.open(OpenRequest {}).await?.into_inner();
            opened.term.expect("a term").try_into()
        })
        .await
    }

    /// Writes a batch in `term`, and waits until it is durable.
    pub(crate) async fn write(&self, txnd: SocketAddr, term: Term, batch: &Batch) -> Attempt<Lsn> {
        self.attempt(txnd, async |mut client| {
            let messages = [Request::Resume(term.into()), Request::Batch(batch.to_bytes())];
            let messages = messages.map(|message| WriteTransactionsRequest { message: Some(message) });
            // The stream stays open: its end would give it up.
            let messages = tokio_stream::iter(messages).chain(tokio_stream::pending());
            let mut answers = client.write_transactions(messages).await?.into_inner();
            while let Some(answer) = answers.message().await? {
                if let Some(Response::DurableLsn(lsn)) = answer.message {
                    return Ok(lsn);
                }
            }
            Err(Status::unavailable("the stream has ended"))
        })
        .await
    }

    async fn attempt<T>(
        &self,
        txnd: SocketAddr,
        call: impl AsyncFnOnce(TransactionServiceClient<Channel>) -> Result<T, Status>,
    ) -> Attempt<T> {
        let stream = TcpStream::connect(txnd).await.expect("txnd listens");
        let from = stream.local_addr().expect("a TCP socket");
        let attempt = async {
            let channel = self.channel(stream).await.map_err(|e| e.to_string())?;
            call(TransactionServiceClient::new(channel)).await.map_err(|status| status.to_string())
        };
        Attempt { outcome: timeout(DEADLINE, attempt).await.expect("txnd answers or hangs up"), from }
    }

    /// Speaks gRPC over `stream`. Does not wait to be let in: calls are on their way before the server has looked at the
    /// certificate, as far as the version of TLS allows.
    async fn channel(&self, stream: TcpStream) -> Result<Channel, Box<dyn std::error::Error>> {
        let name = ServerName::try_from("txnd").expect("a name");
        let stream = TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await?;
        let mut only = Some(TokioIo::new(stream));
        let connector = service_fn(move |_| {
            let stream = only.take().ok_or_else(|| io::Error::other("the one connection has ended"));
            async move { stream }
        });
        Ok(endpoint("http://txnd".parse()?).connect_with_connector(connector).await?)
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}
