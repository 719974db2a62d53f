//! A credential of the Azure SDK as a provider: [`SdkProvider`].

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use azure_core::credentials::TokenCredential;
use azure_core::http::StatusCode;
use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};

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
///     SdkProvider::new("https://vault.azure.net", make)
/// }
/// ```
///
/// # Limits
/// The SDK's credentials retry inside a call, some for more than a minute; the cache's limit ends the call before. They
/// send no claims, and tell neither a hint for the next refresh nor how long to wait when throttled. What they say of a
/// failure holds bodies of answers: of it, only the status is passed on.
///
/// # Errors
/// 400, 401 and 403: [`Refused`](keytide_core::ErrorKind::Refused). 429: [`Throttled`](keytide_core::ErrorKind::Throttled).
/// Anything else: [`Unavailable`](keytide_core::ErrorKind::Unavailable); a credential that cannot be made:
/// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured).
pub struct SdkProvider {
    resource: Resource,
    make: Box<dyn Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync>,
}

impl SdkProvider {
    /// A provider of tokens for this resource, by a credential that `make` makes for each call.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when the resource is none.
    pub fn new(
        resource: impl AsRef<str>,
        make: impl Fn() -> azure_core::Result<Arc<dyn TokenCredential>> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        Ok(Self {
            resource: Resource::parse(resource.as_ref())?,
            make: Box::new(make),
        })
    }
}

impl ProvideCredential for SdkProvider {
    fn profile(&self) -> Profile {
        Profile::bearer("azure_sdk")
            .remedy("build the cache with long_lived(LongLived::Flag) to be served and told")
    }

    async fn provide(&self, _: &Request) -> Result<Issued, Error> {
        let credential = (self.make)().map_err(|_| {
            Error::misconfigured(
                "the credential of the Azure SDK cannot be made: check what it is made from",
            )
        })?;
        let scope = self.resource.scope();
        let token = credential
            .get_token(&[&scope], None)
            .await
            .map_err(|error| failure(&error))?;
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

/// Of what went wrong in the SDK, the status alone: it stands on one of the sources.
fn failure(error: &azure_core::Error) -> Error {
    let first: &(dyn StdError + 'static) = error;
    let mut chain = std::iter::successors(Some(first), |error| (*error).source());
    let status = chain.find_map(|error| error.downcast_ref::<azure_core::Error>()?.http_status());
    match status {
        Some(StatusCode::TooManyRequests) => Error::throttled(
            None,
            "the issuer answers the Azure SDK 429: it asks for patience",
        ),
        Some(
            status @ (StatusCode::BadRequest | StatusCode::Unauthorized | StatusCode::Forbidden),
        ) => Error::refused(format!(
            "the issuer answers the Azure SDK {}: check the identity and the resource",
            u16::from(status)
        )),
        Some(status) => Error::unavailable(format!(
            "the issuer answers the Azure SDK {}",
            u16::from(status)
        )),
        None => Error::unavailable("the Azure SDK got no token"),
    }
}

impl fmt::Debug for SdkProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdkProvider")
            .field("resource", &self.resource.as_str())
            .finish_non_exhaustive()
    }
}
