//! The AWS SDK for Rust over a cache: [`sdk_config`], [`SdkCredentials`].

use aws_config::ConfigLoader;
use aws_config::identity::IdentityCache;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use keytide_core::{Cache, CredentialKind, Error, ErrorKind};

use crate::keys;

/// Has every client of the AWS SDK that is made of this configuration sign with what `cache` holds at that moment.
///
/// It sets both that it takes: [`SdkCredentials`] as the credentials provider, and no identity cache. With the SDK's own
/// identity cache a client would go on with the keys that it got first until ten seconds before they end, whatever the
/// cache has meanwhile.
///
/// ```no_run
/// use aws_config::BehaviorVersion;
/// use keytide_aws::ContainerEndpoint;
/// use keytide_aws::bridge::sdk_config;
/// # use keytide_core::{Agent, Error};
///
/// # async fn example(agent: Agent) -> Result<(), Error> {
/// let role = agent.cache(ContainerEndpoint::new()).build()?;
///
/// let config = sdk_config(aws_config::defaults(BehaviorVersion::latest()), &role)?.load().await;
/// let sts = aws_sdk_sts::Client::new(&config);
/// # Ok(())
/// # }
/// ```
///
/// A configuration that was loaded elsewhere is changed by `config.into_builder()`, with the same two settings.
///
/// # Errors
/// [`Misconfigured`](ErrorKind::Misconfigured), where the cache holds no signing keys.
pub fn sdk_config(loader: ConfigLoader, cache: &Cache) -> Result<ConfigLoader, Error> {
    Ok(loader
        .credentials_provider(SdkCredentials::new(cache.clone())?)
        .identity_cache(IdentityCache::no_cache()))
}

/// A cache as a credentials provider of the AWS SDK for Rust.
///
/// The SDK asks it for each request, where its identity cache is off: [`sdk_config`] does both. A usable credential is
/// there at once; what the SDK is handed is a copy, which the SDK wipes when it is done with the request. Each request is
/// an event of exposure, named `aws sdk`. The account id goes along where it is known, for endpoints that need one
/// (`account_id_endpoint_mode`).
///
/// The SDK tells its provider nothing of a refused request: an `ExpiredToken` before its time does not make the cache ask
/// anew. Where that matters, send through [`SigV4`](keytide_sigv4::SigV4) over keytide's own client, or call
/// [`Cache::invalidate`].
///
/// Where the cache's provider is not configured, a chain of the SDK's providers ends here: whatever comes after it would be
/// another principal.
#[derive(Debug, Clone)]
pub struct SdkCredentials {
    cache: Cache,
}

impl SdkCredentials {
    /// What this cache holds.
    ///
    /// # Errors
    /// [`Misconfigured`](ErrorKind::Misconfigured), where the cache holds no signing keys.
    pub fn new(cache: Cache) -> Result<Self, Error> {
        cache.expect_kind(CredentialKind::SigningKey)?;
        Ok(Self { cache })
    }
}

impl ProvideCredentials for SdkCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // No future is boxed where the credential is there.
        if let Ok(credential) = self.cache.try_get() {
            let ready = keys::for_sdk(&credential, REASON);
            return future::ProvideCredentials::ready(ready.map_err(for_sdk));
        }
        future::ProvideCredentials::new(async {
            let credential = self.cache.get().await.map_err(for_sdk)?;
            keys::for_sdk(&credential, REASON).map_err(for_sdk)
        })
    }
}

fn for_sdk(error: Error) -> CredentialsError {
    match error.kind() {
        // `not_loaded` would lead a chain of the SDK on to the next provider.
        ErrorKind::NotConfigured | ErrorKind::Misconfigured | ErrorKind::InvalidArgument => {
            CredentialsError::invalid_configuration(error)
        }
        _ => CredentialsError::provider_error(error),
    }
}

const REASON: &str = "aws sdk";
