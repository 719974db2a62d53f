//! A credential of the Azure SDK as a provider: [`SdkProvider`].

mod builder;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use azure_core::credentials::TokenCredential;
use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use tokio::time::timeout;

pub use self::builder::SdkProviderBuilder;
use super::failure::explain;
use crate::resource::Resource;

/// Asks a credential of the Azure SDK: for sources that only it speaks to, such as Azure Pipelines.
///
/// Those credentials keep their tokens themselves, cannot be told to ask again, and let one scope wait for another. So a
/// new one is made for each call, which costs nothing but its making: share the transport among them.
///
/// ```
/// use std::sync::Arc;
/// use azure_core::credentials::TokenCredential;
/// use keytide_azure::bridge::SdkProvider;
///
/// fn provider(
///     make: impl Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync + 'static,
/// ) -> Result<SdkProvider, keytide_core::Error> {
///     SdkProvider::builder("https://vault.azure.net", make).build()
/// }
/// ```
///
/// # Limits
/// The SDK's credentials retry inside a call, some for more than a minute: a call is ended after a
/// [`time_limit`](SdkProviderBuilder::time_limit). They send no claims, and tell neither a hint for the next refresh nor how long to wait when throttled. What they say of a
/// failure holds bodies of answers: of it, only the status is passed on, and which tool of a developer's machine is missing
/// or has nobody signed in.
///
/// # Errors
/// 400, 401 and 403: [`Refused`](keytide_core::ErrorKind::Refused). 429: [`Throttled`](keytide_core::ErrorKind::Throttled).
/// Nobody is signed in to the Azure CLI or the Azure Developer CLI, where that is what was asked:
/// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), with the command that signs in; that program is not there:
/// [`NotConfigured`](keytide_core::ErrorKind::NotConfigured).
/// Anything else, and no end within the limit: [`Unavailable`](keytide_core::ErrorKind::Unavailable); a credential that cannot be made:
/// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured).
pub struct SdkProvider {
    resource: Resource,
    make: Box<Make>,
    time_limit: Duration,
}

type Make = dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync;

impl SdkProvider {
    /// A provider of tokens for this resource (`https://vault.azure.net`) or scope (`https://vault.azure.net/.default`), by a
    /// credential that `make` makes for each call. It must not block. Its error is
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured).
    pub fn builder(
        resource: impl Into<String>,
        make: impl Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync + 'static,
    ) -> SdkProviderBuilder {
        SdkProviderBuilder::new(resource.into(), Box::new(make))
    }

    async fn ask(&self) -> Result<Issued, Error> {
        let credential = (self.make)().map_err(|_| {
            Error::misconfigured(
                "the credential of the Azure SDK cannot be made: check what it is made from",
            )
        })?;
        let scope = self.resource.scope();
        let token = credential
            .get_token(&[&scope], None)
            .await
            .map_err(|error| explain(&error))?;
        let since = token.expires_on.unix_timestamp_nanos();
        let since = u64::try_from(since)
            .map(Duration::from_nanos)
            .unwrap_or_default();
        let secret = token.token.secret().to_owned();
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::unavailable(
                "the token of the Azure SDK holds bytes that no request can carry",
            ));
        }
        Ok(Issued::bearer(secret).expires_at(SystemTime::UNIX_EPOCH + since))
    }
}

impl ProvideCredential for SdkProvider {
    fn profile(&self) -> Profile {
        Profile::bearer("azure_sdk")
            .remedy("build the cache with long_lived(LongLived::Flag) to be served and told")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let answer = timeout(self.time_limit, self.ask()).await;
        answer.unwrap_or_else(|_| {
            Err(Error::unavailable(format!(
                "the Azure SDK gave no token within {:?}",
                self.time_limit
            )))
        })
    }
}

impl fmt::Debug for SdkProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdkProvider")
            .field("resource", &self.resource.as_str())
            .field("time_limit", &self.time_limit)
            .finish_non_exhaustive()
    }
}
