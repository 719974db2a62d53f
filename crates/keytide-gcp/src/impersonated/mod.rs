//! Tokens of a service account that somebody else may act as: [`Impersonated`].

mod builder;

use keytide_core::{
    Cache, Error, Issued, Profile, ProvideCredential, Request, Subject, SubjectUse,
};
use keytide_issuer::IssuerClient;

use crate::impersonation::Impersonation;
use crate::token_purpose::TokenPurpose;

pub use builder::ImpersonatedBuilder;

/// Asks the IAM Credentials API for a token of a service account, with the access token of another cache, whose principal
/// may impersonate that account (`roles/iam.serviceAccountTokenCreator`).
///
/// ```
/// use keytide_core::{Agent, Error};
/// use keytide_gcp::{Impersonated, MetadataServer};
///
/// # fn caches(agent: &Agent) -> Result<(), Error> {
/// // All that the base token is for: the scope says so.
/// let base = MetadataServer::access_token(["https://www.googleapis.com/auth/iam"]).build()?;
/// let base = agent.cache(base).build()?;
///
/// let reader = Impersonated::access_token(
///     base,
///     "invoice-reader@project-1.iam.gserviceaccount.com",
///     ["https://www.googleapis.com/auth/devstorage.read_only"],
/// );
/// let token = agent.cache(reader.build()?).build()?;
/// # Ok(())
/// # }
/// ```
///
/// A base token that the API does not accept (401) is reported to its cache, which asks its own issuer anew.
///
/// # Errors
/// | what the API says | kind |
/// |---|---|
/// | `PERMISSION_DENIED`, `NOT_FOUND`, `INVALID_ARGUMENT`, `FAILED_PRECONDITION`, `UNAUTHENTICATED`, `SERVICE_DISABLED` and the like | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | `RESOURCE_EXHAUSTED`, `RATE_LIMIT_EXCEEDED`, 429 | [`Throttled`](keytide_core::ErrorKind::Throttled) |
/// | `UNAVAILABLE`, `INTERNAL`, any other failure, no answer, one that is no token | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
///
/// and those of the base cache. A base that is not configured here is
/// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured): a chain does not go on to another account.
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry): nobody can be told to take back one token. A shorter
/// [`lifetime`](ImpersonatedBuilder::lifetime) is what bounds the exposure; disabling the account takes effect within
/// minutes.
#[derive(Debug)]
pub struct Impersonated {
    base: Cache,
    subject: Subject,
    impersonation: Impersonation,
    client: IssuerClient,
}

impl Impersonated {
    /// An access token of this account with these scopes.
    pub fn access_token<S: Into<String>>(
        base: Cache,
        account: impl Into<String>,
        scopes: impl IntoIterator<Item = S>,
    ) -> ImpersonatedBuilder {
        ImpersonatedBuilder::new(base, account.into(), TokenPurpose::access(scopes))
    }

    /// An identity token of this account for this audience (also `roles/iam.serviceAccountOpenIdTokenCreator`).
    pub fn identity_token(
        base: Cache,
        account: impl Into<String>,
        audience: impl Into<String>,
    ) -> ImpersonatedBuilder {
        ImpersonatedBuilder::new(
            base,
            account.into(),
            TokenPurpose::Identity(audience.into()),
        )
    }

    fn new(base: Cache, impersonation: Impersonation, client: IssuerClient) -> Self {
        Self {
            subject: Subject::new(base.clone(), SubjectUse::Repeatable),
            base,
            impersonation,
            client,
        }
    }
}

impl ProvideCredential for Impersonated {
    fn profile(&self) -> Profile {
        Profile::bearer("impersonated")
            .issuer(self.impersonation.origin())
            .longest_lifetime(self.impersonation.lifetime())
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let base = self.subject.obtain(request).await?;
        let token = base.expose_bearer("base token of an impersonation")?;
        let asked = self
            .impersonation
            .generate(&self.client, request, token)
            .await;
        asked.map_err(|(error, base_refused)| {
            if base_refused {
                // The report counts; nobody waits for what comes of it.
                drop(
                    self.base
                        .rejected(base.generation(), &self.impersonation.origin()),
                );
            }
            error
        })
    }
}
