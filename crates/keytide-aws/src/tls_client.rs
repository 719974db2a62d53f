//! The client for what AWS serves over TLS, with the certificates that `AWS_CA_BUNDLE` names: [`TlsClient`].

use std::sync::{Arc, Mutex, PoisonError};

use keytide_core::Error;
use keytide_issuer::{Endpoint, Env, IssuerClient, IssuerClientBuilder, SmallFile};
use zeroize::Zeroizing;

/// One that was set, or else the default one of whoever asks: with the certificates of the bundle beside those of the
/// machine, where a bundle is named.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsClient {
    set: Option<IssuerClient>,
    /// What a profile has as `ca_bundle`, for where the variable is not set.
    pub(crate) bundle: Option<String>,
    made: Arc<Mutex<Option<Made>>>,
}

/// The client for what the bundle held when it was read last.
#[derive(Debug)]
struct Made {
    content: Arc<Zeroizing<Vec<u8>>>,
    client: IssuerClient,
}

impl TlsClient {
    /// The file is read for each call: what it holds may be replaced while the process runs.
    pub(crate) async fn client(
        &self,
        env: &Env,
        endpoint: &Endpoint,
        limits: impl Limits,
    ) -> Result<IssuerClient, Error> {
        if let Some(client) = &self.set {
            return Ok(client.clone());
        }
        if !endpoint.as_str().starts_with("https:") {
            return limits.default();
        }
        let (named, path) = match (env.get(VARIABLE)?, &self.bundle) {
            (Some(path), _) => (VARIABLE, path),
            (None, Some(path)) => ("the profile's ca_bundle", path.clone()),
            (None, None) => return limits.default(),
        };
        let file = SmallFile::new(&path, "the bundle of certificates of AWS").at_most(MOST);
        let content = file.find().await?.ok_or_else(|| {
            Error::misconfigured(format!("{named} names the file {path}, which is not there"))
        })?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.as_ref().filter(|made| made.content == content) {
            return Ok(made.client.clone());
        }
        let builder = limits
            .builder()
            .root_certificates(&content)
            .map_err(|error| {
                Error::misconfigured(format!(
                    "{named} names the file {path}, which holds no certificates in PEM"
                ))
                .caused_by(error)
            })?;
        let client = builder.build()?;
        *made = Some(Made {
            content,
            client: client.clone(),
        });
        Ok(client)
    }
}

impl From<IssuerClient> for TlsClient {
    fn from(client: IssuerClient) -> Self {
        Self {
            set: Some(client),
            ..Self::default()
        }
    }
}

/// The client that is the default, and how one like it is made.
pub(crate) trait Limits {
    fn default(&self) -> Result<IssuerClient, Error>;

    fn builder(&self) -> IssuerClientBuilder;
}

/// For an issuer somewhere in the network.
pub(crate) struct Remote;

impl Limits for Remote {
    fn default(&self) -> Result<IssuerClient, Error> {
        Ok(IssuerClient::shared())
    }

    fn builder(&self) -> IssuerClientBuilder {
        IssuerClient::builder()
    }
}

const VARIABLE: &str = "AWS_CA_BUNDLE";
/// Bytes: the roots of all that a machine trusts are a quarter of that.
const MOST: usize = 1 << 20;
