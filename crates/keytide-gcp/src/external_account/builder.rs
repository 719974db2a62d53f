//! How a federation is described: [`ExternalAccountBuilder`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keytide_core::{CredentialKind, Error, Subject};
use keytide_issuer::{FileWatch, IssuerClient};
use serde_json::json;
use zeroize::Zeroizing;

use super::ExternalAccount;
use super::config::{Described, ExternalAccountConfig};
use super::source::{Format, Source};
use crate::hosts::{Hosts, Role};
use crate::impersonation::Plan;
use crate::quota_project::QuotaProject;
use crate::token_purpose::{TokenPurpose, check_scopes};

/// What a subject token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectTokenType {
    /// A JWT: of Kubernetes, Entra, SPIFFE, or another OpenID Connect issuer.
    Jwt,
    /// An OpenID Connect identity token.
    IdToken,
    /// A SAML 2.0 response.
    Saml2,
    /// A signed `GetCallerIdentity` request of AWS.
    AwsRequest,
}

impl SubjectTokenType {
    /// As STS names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "urn:ietf:params:oauth:token-type:jwt",
            Self::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            Self::Saml2 => "urn:ietf:params:oauth:token-type:saml2",
            Self::AwsRequest => "urn:ietf:params:aws:token-type:aws4_request",
        }
    }

    const ALL: [Self; 4] = [Self::Jwt, Self::IdToken, Self::Saml2, Self::AwsRequest];
}

/// Builds an [`ExternalAccount`]. Building contacts nobody and reads no file.
#[must_use]
pub struct ExternalAccountBuilder {
    audience: String,
    subject_type: String,
    token_url: Option<String>,
    cache: Option<Arc<Subject>>,
    /// What a configuration names.
    described: Option<Described>,
    /// What the builder was told, and how often.
    told: Option<Described>,
    subjects: usize,
    scopes: Vec<String>,
    /// What a configuration plans.
    planned: Option<Plan>,
    account: Option<String>,
    lifetime: Option<Duration>,
    impersonation_endpoint: Option<String>,
    user_project: Option<String>,
    client_credentials: Option<(String, Zeroizing<String>)>,
    /// What a configuration says of its universe.
    universe: Option<Option<String>>,
    quota: Option<String>,
    heeded: QuotaProject,
    hosts: Hosts,
    client: Option<IssuerClient>,
}

impl ExternalAccountBuilder {
    pub(super) fn new(audience: String) -> Self {
        Self {
            audience,
            subject_type: SubjectTokenType::Jwt.as_str().to_owned(),
            token_url: None,
            cache: None,
            described: None,
            told: None,
            subjects: 0,
            scopes: Vec::new(),
            planned: None,
            account: None,
            lifetime: None,
            impersonation_endpoint: None,
            user_project: None,
            client_credentials: None,
            universe: None,
            quota: None,
            heeded: QuotaProject::default(),
            hosts: Hosts::default(),
            client: None,
        }
    }

    pub(super) fn of_config(config: ExternalAccountConfig) -> Self {
        Self {
            subject_type: config.subject_type,
            token_url: config.token_url,
            described: Some(config.source),
            planned: config.impersonation,
            user_project: config.user_project,
            client_credentials: config.client,
            universe: Some(config.universe),
            quota: config.quota_project,
            ..Self::new(config.audience)
        }
    }

    /// The subject token is the credential of another cache. It wins over what a configuration names. It must be a bearer
    /// token: where the workload has keys of AWS, it is the request that `CallerIdentityToken` of `keytide-aws` signs with
    /// them.
    ///
    /// A forced refresh asks that cache again first.
    pub fn subject(mut self, subject: Subject) -> Self {
        self.cache = Some(Arc::new(subject));
        self.subjects += 1;
        self
    }

    pub(crate) fn shared_subject(mut self, subject: Arc<Subject>) -> Self {
        self.cache = Some(subject);
        self
    }

    pub(crate) fn planned(mut self, plan: Plan) -> Self {
        self.planned = Some(plan);
        self
    }

    pub(crate) fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Somebody else sees to the project that pays.
    pub(crate) fn quota_project_is_seen_to(mut self) -> Self {
        self.quota = None;
        self
    }

    /// The subject token is in this file, as text, and read anew for each exchange. A cache of a provider that watches the
    /// file (`ProjectedToken` of `keytide-kubernetes`) notices a change sooner.
    pub fn subject_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.told = Some(Described::File(path.into(), Format::Text));
        self.subjects += 1;
        self
    }

    /// The subject token is what this URL answers, as text, and asked for anew for each exchange. Its origin must be
    /// [allowed](Self::danger_allow_endpoint) too.
    pub fn subject_url(mut self, url: impl Into<String>) -> Self {
        self.told = Some(Described::Url(url.into(), Vec::new(), Format::Text));
        self.subjects += 1;
        self
    }

    /// What the subject token is. Defaults to [`SubjectTokenType::Jwt`].
    pub fn subject_token_type(mut self, kind: SubjectTokenType) -> Self {
        self.subject_type = kind.as_str().to_owned();
        self
    }

    /// What the token shall be good for. Required: there is no default.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Impersonates this service account with the federated token (`roles/iam.workloadIdentityUser` for the subject).
    /// Defaults to none, or to the one that a configuration names.
    pub fn impersonate(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// How long the token of the impersonated account lives, 1 s to 12 h, both inclusive; more than 1 h needs an
    /// organisation policy. Defaults to 1 h, or to what a configuration says. A federated token lives for as long as STS
    /// wants.
    pub fn impersonated_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// The URL of STS, for a location. Defaults to that of a configuration, else to `https://sts.googleapis.com/v1/token`.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = Some(url.into());
        self
    }

    /// The origin of the IAM Credentials API. Defaults to `https://iamcredentials.googleapis.com`, or to that of a
    /// configuration.
    pub fn impersonation_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.impersonation_endpoint = Some(origin.into());
        self
    }

    /// The universe that the pool is in, as `apis.example`: the place of `googleapis.com` in the hosts that are asked. Only
    /// those are documented ones then. Defaults to `googleapis.com`; a configuration of another universe is an error, for
    /// who writes it would choose where tokens go.
    pub fn universe_domain(mut self, domain: impl Into<String>) -> Self {
        self.hosts.of_universe(domain.into());
        self
    }

    /// Sends tokens to this origin too, and takes subject tokens from it, though no cloud documents it. Whoever answers
    /// there can use the tokens, or have us act as somebody else.
    pub fn danger_allow_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.hosts.allow(origin.into());
        self
    }

    /// The client that asks. Defaults to [`IssuerClient::shared`].
    pub fn client(mut self, client: IssuerClient) -> Self {
        self.client = Some(client);
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming what is wrong: the audience, the scopes, a URL that
    /// leads where it must not, the account, the universe; or when there is no subject token or more than one, or signing
    /// keys in its place.
    pub fn build(self) -> Result<ExternalAccount, Error> {
        if let Some(subject) = &self.cache {
            subject.expect_kind(CredentialKind::BearerToken)?;
        }
        let hosts = self.hosts.checked()?;
        check_scopes(&self.scopes)?;
        if !self.audience.starts_with("//iam.") || self.audience.contains(char::is_whitespace) {
            return Err(Error::misconfigured(
                "the audience does not name the provider of a pool, as \
                 //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
            ));
        }
        let known = |kind: &SubjectTokenType| kind.as_str() == self.subject_type;
        if !SubjectTokenType::ALL.iter().any(known) {
            return Err(Error::misconfigured(
                "the subject_token_type is none that is exchanged here: jwt, id_token, saml2 or aws4_request",
            ));
        }
        if let Some(told) = &self.universe {
            hosts.expect_universe(told.as_deref())?;
        }
        if self.subjects > 1 {
            return Err(Error::misconfigured(
                "there is more than one subject token, and one is exchanged: give a cache, a file or a URL",
            ));
        }
        let url = self.token_url.unwrap_or_else(|| hosts.sts());
        let endpoint = hosts.endpoint(Role::Sts, "token_url", &url)?;
        let described = match self.told.or(self.described) {
            Some(described) => described.checked(&hosts)?,
            None => None,
        };
        let source = self.cache.map(Source::Cache).or(described).ok_or_else(|| {
            Error::misconfigured(
                "there is no subject token: give a cache of one by subject (for AWS, of keytide-aws's \
                 CallerIdentityToken), a file or a URL",
            )
        })?;
        let plan = match (self.planned, self.account) {
            // The place and the life that a configuration gives are those of any account.
            (Some(planned), Some(account)) => Some(Plan {
                account,
                delegates: Vec::new(),
                ..planned
            }),
            (None, Some(account)) => Some(Plan::of(account)),
            (None, None) if self.lifetime.is_some() || self.impersonation_endpoint.is_some() => {
                return Err(Error::misconfigured(
                    "a lifetime or an endpoint is given for an impersonation, but no account: say whom to impersonate",
                ));
            }
            (planned, None) => planned,
        };
        let impersonation = match plan {
            Some(mut plan) => {
                plan.lifetime = self.lifetime.or(plan.lifetime);
                let told = self.impersonation_endpoint;
                plan.url = told
                    .map(|origin| ("the endpoint of the impersonation", origin))
                    .or(plan.url);
                let purpose = TokenPurpose::Access(self.scopes.clone());
                Some(plan.checked(purpose, &hosts)?.by_federation())
            }
            None => None,
        };
        // The client's own project counts where a client shows who it is.
        let user_project = self
            .user_project
            .filter(|_| self.client_credentials.is_none());
        Ok(ExternalAccount {
            endpoint,
            audience: self.audience,
            subject_type: self.subject_type,
            source,
            scopes: self.scopes,
            options: user_project.map(|project| json!({ "userProject": project })),
            client_credentials: self.client_credentials,
            impersonation,
            quota: self.quota,
            quota_project: self.heeded,
            watch: FileWatch::new(),
            client: self.client.unwrap_or_else(IssuerClient::shared),
        })
    }
}

impl fmt::Debug for ExternalAccountBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccountBuilder")
            .field("audience", &self.audience)
            .field("scopes", &self.scopes)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}
