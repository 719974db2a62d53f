//! Certificates made on the spot, and handshakes that go wrong: [`TestCa`] and [`TlsFault`].

use std::fmt;
use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

/// How a TLS handshake goes wrong. See [`Fault::tls`](super::Fault::tls).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// The server answers in plain text.
    PlainText,
    /// A certificate for the right name that nobody vouches for.
    SelfSigned,
    /// A certificate that expired in 2001.
    Expired,
    /// A certificate for `wrong.invalid`.
    WrongName,
    /// The server never answers the client's hello.
    Hangs,
}

/// A certificate authority for tests, new for each test. Its root is what a client is told to trust.
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    pem: String,
}

impl TlsFault {
    /// Each of them.
    #[must_use]
    pub fn all() -> [Self; 5] {
        [
            Self::PlainText,
            Self::SelfSigned,
            Self::Expired,
            Self::WrongName,
            Self::Hangs,
        ]
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PlainText => "tls-plain-text",
            Self::SelfSigned => "tls-self-signed",
            Self::Expired => "tls-expired",
            Self::WrongName => "tls-wrong-name",
            Self::Hangs => "tls-hangs",
        }
    }
}

impl TestCa {
    /// A new authority, with a new key.
    ///
    /// # Panics
    /// When the machine gives no random bytes.
    #[must_use]
    pub fn new() -> Self {
        made(Self::try_new())
    }

    /// The root certificate, as DER.
    #[must_use]
    pub fn root_der(&self) -> &[u8] {
        &self.der
    }

    /// The root certificate, as PEM.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn acceptors(&self) -> Acceptors {
        made(self.try_acceptors())
    }

    fn try_new() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "keytide test authority");
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    fn try_acceptors(&self) -> Result<Acceptors, rcgen::Error> {
        let names = ["localhost", "127.0.0.1", "::1"];
        let good = server_params(&names)?;
        let mut expired = server_params(&names)?;
        expired.not_before = date_time_ymd(2000, 1, 1);
        expired.not_after = date_time_ymd(2001, 1, 1);
        let key = KeyPair::generate()?;
        let self_signed = good.self_signed(&key)?;
        Ok(Acceptors {
            self_signed: acceptor(self_signed.der(), &key),
            good: self.acceptor(&good)?,
            expired: self.acceptor(&expired)?,
            wrong_name: self.acceptor(&server_params(&["wrong.invalid"])?)?,
        })
    }

    fn acceptor(&self, params: &CertificateParams) -> Result<TlsAcceptor, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(acceptor(certificate.der(), &key))
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCa").finish_non_exhaustive()
    }
}

/// How TLS connections are accepted, by what goes wrong.
pub(super) struct Acceptors {
    good: TlsAcceptor,
    self_signed: TlsAcceptor,
    expired: TlsAcceptor,
    wrong_name: TlsAcceptor,
}

impl Acceptors {
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        fault: Option<TlsFault>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = match fault {
            Some(TlsFault::SelfSigned) => &self.self_signed,
            Some(TlsFault::Expired) => &self.expired,
            Some(TlsFault::WrongName) => &self.wrong_name,
            _ => &self.good,
        };
        acceptor.accept(stream).await
    }
}

fn server_params(names: &[&str]) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn acceptor(certificate: &CertificateDer<'_>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let chain = vec![certificate.clone().into_owned()];
    // The provider is named: a test's process may have chosen none, or another.
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    TlsAcceptor::from(Arc::new(made(config)))
}

fn made<T>(result: Result<T, impl fmt::Display>) -> T {
    match result {
        Ok(made) => made,
        Err(error) => panic!("a certificate for a test could not be made: {error}"),
    }
}
