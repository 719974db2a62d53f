//! Tokens for a workload that is known elsewhere: [`ExternalAccount`], workload identity federation.

mod builder;
mod config;
mod source;

use std::fmt;

use keytide_core::{Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Endpoint, FileWatch, IssuerClient, TokenAnswer};
use serde_json::Value;
use zeroize::Zeroizing;

use self::source::Source;
use crate::impersonation::{IAM_SCOPE, Impersonation};
use crate::quota_project::QuotaProject;
use crate::sts::Exchange;

pub use builder::{ExternalAccountBuilder, SubjectTokenType};
pub use config::ExternalAccountConfig;

/// Exchanges what another issuer says of the workload for an access token of Google Cloud, without a key: workload
/// identity federation.
///
/// The subject token comes from any cache (a projected Kubernetes token, a signed request of AWS, a token of Entra or
/// SPIFFE), from a file that is read anew for each exchange, or from a URL.
///
/// ```
/// use keytide_core::{Agent, Cache, Error, Subject, SubjectUse};
/// use keytide_gcp::ExternalAccount;
///
/// # fn caches(agent: &Agent, projected: Cache) -> Result<(), Error> {
/// let provider = ExternalAccount::builder(
///     "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/agents/providers/cluster",
/// )
/// .subject(Subject::new(projected, SubjectUse::Repeatable))
/// .scopes(["https://www.googleapis.com/auth/devstorage.read_only"])
/// .impersonate("invoice-reader@project-1.iam.gserviceaccount.com")
/// .build()?;
/// let token = agent.cache(provider).build()?;
/// # Ok(())
/// # }
/// ```
///
/// With [`impersonate`](ExternalAccountBuilder::impersonate) each refresh is two calls: the exchange, for a token that can
/// do nothing but impersonate (scope `iam`), and `generateAccessToken` with it. The token in between is not kept.
///
/// # Errors
/// | what STS says | kind |
/// |---|---|
/// | `invalid_grant`, `invalid_target`, `invalid_request`, `invalid_scope`, `invalid_client`, `unauthorized_client`, `access_denied` | [`Refused`](keytide_core::ErrorKind::Refused) |
/// | 429, `RESOURCE_EXHAUSTED`, `slow_down` | [`Throttled`](keytide_core::ErrorKind::Throttled) |
/// | `server_error`, `temporarily_unavailable`, `internal_failure`, any failure without a known code, no answer, one that is no token | [`Unavailable`](keytide_core::ErrorKind::Unavailable) |
///
/// those of [`Impersonated`](crate::Impersonated), and those of the subject. A subject that is not configured here is
/// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured): a chain does not go on to another account. No failure is final: what was refused is asked
/// again by the next demand past the backoff.
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry): a federated token cannot be taken back. Disabling the pool or its
/// provider, or taking the binding away, takes effect within minutes.
pub struct ExternalAccount {
    endpoint: Endpoint,
    audience: String,
    subject_type: String,
    source: Source,
    scopes: Vec<String>,
    options: Option<Value>,
    client_credentials: Option<(String, Zeroizing<String>)>,
    impersonation: Option<Impersonation>,
    /// What the configuration names to pay.
    quota: Option<String>,
    quota_project: QuotaProject,
    watch: FileWatch,
    client: IssuerClient,
}

impl ExternalAccount {
    /// A federated token of this audience: the provider of a pool, as
    /// `//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub fn builder(audience: impl Into<String>) -> ExternalAccountBuilder {
        ExternalAccountBuilder::new(audience.into())
    }

    /// A federated token as a configuration file of type `external_account` describes it. What it says is not trusted: see
    /// [`ExternalAccountConfig`].
    pub fn from_config(config: ExternalAccountConfig) -> ExternalAccountBuilder {
        ExternalAccountBuilder::of_config(config)
    }

    /// The project that pays for requests, where the configuration names one (`quota_project_id`): see [`QuotaProject`].
    #[must_use]
    pub fn quota_project(&self) -> QuotaProject {
        self.quota_project.taken()
    }

    /// The token of the exchange itself.
    async fn federated(&self, request: &Request) -> Result<TokenAnswer, Error> {
        let scope = match self.impersonation {
            Some(_) => IAM_SCOPE.to_owned(),
            None => self.scopes.join(" "),
        };
        let subject = self.source.obtain(&self.client, request).await?;
        let exchange = Exchange {
            audience: Some(&self.audience),
            scope: Some(scope),
            subject: subject.bytes()?,
            subject_type: &self.subject_type,
            options: self.options.as_ref(),
            client: self.client_credentials.as_ref(),
        };
        exchange.send(&self.client, &self.endpoint, request).await
    }
}

impl ProvideCredential for ExternalAccount {
    fn profile(&self) -> Profile {
        let profile = Profile::bearer("external_account").issuer(self.endpoint.origin());
        let profile = match &self.impersonation {
            Some(impersonation) => profile.longest_lifetime(impersonation.lifetime()),
            None => profile,
        };
        if self.client_credentials.is_some() {
            profile
                .static_input("a client secret")
                .remedy("use a pool for workloads, which needs none")
        } else {
            profile
        }
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.watch.attempt(request, self.ask(request)).await
    }
}

impl ExternalAccount {
    /// One attempt, whose files somebody else may watch.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Issued, Error> {
        self.quota_project.note(self.quota.clone(), QUOTA)?;
        let token = self.federated(request).await?;
        let Some(impersonation) = &self.impersonation else {
            return token.issued();
        };
        let base = token.token().as_str().as_bytes();
        let generated = impersonation.generate(&self.client, request, base).await;
        generated.map_err(|(error, _)| error)
    }
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccount")
            .field("endpoint", &self.endpoint)
            .field("audience", &self.audience)
            .field("source", &self.source)
            .field("impersonation", &self.impersonation)
            .finish_non_exhaustive()
    }
}

const QUOTA: &str = "quota_project_id of the configuration of the external account";
