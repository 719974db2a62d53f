//! A token for the identity of the machine or the app itself: [`ManagedIdentity`].

mod app_service;
mod arc;
mod builder;
mod codes;
mod identity;
mod imds;
mod key_file;
mod platform;
mod rate_limit;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request, Trigger};
use keytide_issuer::{Endpoint, IssuerClient};

use crate::resource::Resource;
use app_service::AppService;
use arc::Arc;
use imds::Imds;
use key_file::KeyDirectory;
use platform::{Platform, PlatformSearch};

pub(crate) use platform::Machine;

pub use builder::ManagedIdentityBuilder;
use identity::Identity;

/// Asks the platform that this process runs on for a token of a managed identity.
///
/// Which platform that is, its environment says; it is looked at for each call, because the platform rotates what it puts
/// there.
///
/// | platform | how it is known | what is asked |
/// |---|---|---|
/// | App Service, Functions, Container Apps | `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` | that endpoint, `api-version` 2019-08-01 |
/// | Arc-enabled servers | `IDENTITY_ENDPOINT` and `IMDS_ENDPOINT`, or the agent's program is installed | that endpoint, or `http://127.0.0.1:40342`; `api-version` 2020-06-01, with the content of the key file that it names |
/// | VM, scale set, AKS node, Container Instances | none of those, and nothing at the path of that program | IMDS, `http://169.254.169.254`, `api-version` 2018-02-01 |
/// | Service Fabric, Machine Learning, Cloud Shell | their own variables | nothing: they are named and refused |
///
/// Variables that name a platform by halves (`IDENTITY_ENDPOINT` alone, `IDENTITY_HEADER` alone, `IMDS_ENDPOINT` alone,
/// `MSI_SECRET` alone) are an error that names them, and so is a place of Arc's agent that this process may not look at:
/// neither leads on to another identity. The endpoints that variables name are on the machine itself or at a link-local address:
/// another one is an error unless [code allows it](ManagedIdentityBuilder::danger_allow_endpoint), for `IDENTITY_HEADER` goes there. [`imds_endpoint`](ManagedIdentityBuilder::imds_endpoint) says that it is IMDS all
/// the same.
///
/// ```
/// use keytide_azure::ManagedIdentity;
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// let provider = ManagedIdentity::builder("https://vault.azure.net")
///     .client_id("2a6dd5ba-a0ac-4f7b-b0fc-8f0f3a8e1c11")
///     .build()?;
/// # Ok(())
/// # }
/// ```
///
/// # Lifetimes
/// The platform gives the same token, from a cache of its own that nobody can clear, for around 24 h. The lifetime policy
/// of a cache refuses that by default: say
/// [`long_lived(LongLived::Flag)`](keytide_core::CacheBuilder::long_lived) to be served, and told of it by an event. The
/// whole life counts, from when the token was made, so that the policy does not depend on how long it lay in that cache.
/// A token that the platform says is valid only from a moment on that our clock has not reached is served, for clocks
/// differ; what is left of its life is then reckoned by the clock that is ahead.
///
/// # Manners
/// IMDS answers 20 requests a second and 5 at a time. All caches of this process together keep to that, for each IMDS:
/// a call waits its turn. [`Profile::issuer`] names the endpoint, so calls are also sorted by urgency.
///
/// # Continuous access evaluation
/// A managed identity cannot answer a claims challenge: the platform gives the token that it has. A refresh that such a
/// challenge forced ends as [`Refused`](keytide_core::ErrorKind::Refused), without a call, and says so. Other
/// refreshes do not heed it, so that no destination can keep the rest from their tokens. Use
/// [`WorkloadIdentity`](crate::WorkloadIdentity) where the resource evaluates access continuously.
///
/// # Errors
/// | what the platform does | kind |
/// |---|---|
/// | 400, 401, 403 and other 4xx with an object of JSON: no such identity here, a wrong resource | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | 429, 503 with `Retry-After` | [`Throttled`](keytide_core::ErrorKind::Throttled) |
/// | 404, 410 (IMDS is being updated: for 70 s at the most, says its documentation), 408, 5xx, no answer, one that is no token | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
/// | a platform that is not spoken to or is named by halves, a variable that is not UTF-8 or leads elsewhere, an id that the platform does not take, a key file outside its directory, Arc's agent where this process may not look | [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) |
///
/// The pace is the cache's: a second, doubling to 30 s, for as long as there is demand, which covers the schedule of the
/// documentation of IMDS (0, 2, 6, 14 and 30 s; at least 70 s for 410).
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry): nobody can take back a token of a managed identity. Taking the
/// role assignments away shows at once where a resource looks them up itself, and else when the token ends, in up to
/// 24 h. Whoever can run code on the machine can ask for tokens.
pub struct ManagedIdentity {
    resource: Resource,
    identity: Identity,
    search: PlatformSearch,
    client: IssuerClient,
    keys: KeyDirectory,
    /// Whether an IMDS that nobody named and that is not there means that this provider is not configured.
    may_be_absent: bool,
    /// Whether an IMDS was there: then it is, and one that does not answer is in trouble.
    found: AtomicBool,
}

impl ManagedIdentity {
    /// A provider of tokens for this resource: its App ID URI, such as `https://vault.azure.net`, or the scope of it,
    /// with `/.default` behind. The system-assigned identity, unless the builder is told another.
    pub fn builder(resource: impl Into<String>) -> ManagedIdentityBuilder {
        ManagedIdentityBuilder::new(resource.into())
    }

    async fn ask(&self, request: &Request) -> Result<Issued, Error> {
        let identity = self.identity.resolved(&self.search.env)?;
        match self.search.find().await? {
            Platform::Imds { endpoint, named } => {
                let imds = Imds {
                    endpoint: &endpoint,
                    client: &self.client,
                };
                if !named && self.may_be_absent && !self.found.load(Ordering::Relaxed) {
                    imds.probe(request).await?;
                    self.found.store(true, Ordering::Relaxed);
                }
                imds.ask(&self.resource, &identity, request).await
            }
            Platform::AppService { endpoint, header } => {
                let service = AppService {
                    endpoint,
                    header,
                    client: &self.client,
                };
                service.ask(&self.resource, &identity, request).await
            }
            Platform::Arc(endpoint) => {
                let arc = Arc {
                    endpoint,
                    client: &self.client,
                    keys: &self.keys,
                    env: &self.search.env,
                };
                arc.ask(&self.resource, &identity, request).await
            }
        }
    }
}

impl ProvideCredential for ManagedIdentity {
    fn profile(&self) -> Profile {
        let profile = Profile::bearer("managed_identity").remedy(
            "the platform gives managed identities tokens of about 24 h: build the cache with long_lived(LongLived::Flag) \
             to be served and told, or use WorkloadIdentity, whose tokens live for about an hour",
        );
        match self.search.origin() {
            Some(origin) => profile.issuer(origin),
            None => profile,
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        if request.trigger() == Trigger::Rejected && request.claims().is_some() {
            return Err(Error::refused(
                "a destination demands claims, and a managed identity cannot ask for any: the platform gives the token that \
                 it has; use WorkloadIdentity for destinations with continuous access evaluation",
            ));
        }
        self.ask(request).await
    }
}

impl fmt::Debug for ManagedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentity")
            .field("resource", &self.resource.as_str())
            .field("identity", &self.identity)
            .field("search", &self.search)
            .finish_non_exhaustive()
    }
}

fn with_resource(endpoint: Endpoint, version: &str, resource: &Resource) -> Endpoint {
    endpoint
        .query("api-version", version)
        .query("resource", resource.as_str())
}

#[cfg(test)]
mod tests;
