//! What may be found: [`ApplicationDefaultBuilder`].

use std::fmt;
use std::sync::{Arc, OnceLock};

use keytide_core::{CredentialKind, Error, Subject};
use keytide_issuer::{Env, FileWatch, IssuerClient};

use super::ApplicationDefault;
use crate::hosts::Hosts;
use crate::metadata_server::MetadataServer;
use crate::quota_project::QuotaProject;
use crate::token_purpose::check_scopes;

/// Builds an [`ApplicationDefault`]. Building contacts nobody, and reads no variable and no file.
#[must_use]
pub struct ApplicationDefaultBuilder {
    scopes: Vec<String>,
    env: Env,
    hosts: Hosts,
    subject: Option<Arc<Subject>>,
    keys: bool,
    users: bool,
    token_uri: Option<String>,
    client: Option<IssuerClient>,
}

impl ApplicationDefaultBuilder {
    pub(super) fn new(scopes: Vec<String>) -> Self {
        Self {
            scopes,
            env: Env::process(),
            hosts: Hosts::default(),
            subject: None,
            keys: false,
            users: false,
            token_uri: None,
            client: None,
        }
    }

    /// The environment, which is read anew for each call. Defaults to that of the process.
    pub fn env(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// The subject token of a federation, in place of what its configuration names. A configuration for AWS needs it: a
    /// cache of `CallerIdentityToken` of `keytide-aws`.
    pub fn subject(mut self, subject: Subject) -> Self {
        self.subject = Some(Arc::new(subject));
        self
    }

    /// Uses the key of a service account too. It never expires, and whoever has it is the account: the cache must be built
    /// with [`danger_allow_static`](keytide_core::CacheBuilder::danger_allow_static) as well. Defaults to an error.
    pub fn danger_service_account_key(mut self) -> Self {
        self.keys = true;
        self
    }

    /// Uses the login of a person too, for a developer's own machine: the agent acts as that person. The cache must be built
    /// with [`danger_allow_static`](keytide_core::CacheBuilder::danger_allow_static) as well. Defaults to passing it over.
    pub fn danger_user_credentials(mut self) -> Self {
        self.users = true;
        self
    }

    /// The token endpoint of logins. Defaults to `https://oauth2.googleapis.com/token`.
    pub fn token_uri(mut self, url: impl Into<String>) -> Self {
        self.token_uri = Some(url.into());
        self
    }

    /// The universe that files may be of, as `apis.example`: see
    /// [`ExternalAccountBuilder::universe_domain`](crate::ExternalAccountBuilder::universe_domain). Keys and logins are
    /// exchanged in Google's own only. Defaults to `googleapis.com`; a file of another one is an error.
    pub fn universe_domain(mut self, domain: impl Into<String>) -> Self {
        self.hosts.of_universe(domain.into());
        self
    }

    /// Sends tokens to this origin too, where a file says so, though Google does not document it. Whoever answers there can
    /// use them.
    pub fn danger_allow_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.hosts.allow(origin.into());
        self
    }

    /// The client that asks all but the metadata server. Defaults to [`IssuerClient::shared`].
    pub fn client(mut self, client: IssuerClient) -> Self {
        self.client = Some(client);
        self
    }

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming what is wrong: the scopes, an endpoint, or the
    /// subject, when it is of signing keys. What a variable says is judged when the provider is asked.
    pub fn build(self) -> Result<ApplicationDefault, Error> {
        if let Some(subject) = &self.subject {
            subject.expect_kind(CredentialKind::BearerToken)?;
        }
        check_scopes(&self.scopes)?;
        let hosts = self.hosts.checked()?;
        Ok(ApplicationDefault {
            token_uri: ApplicationDefault::token_endpoint(&hosts, self.token_uri.as_deref())?,
            metadata: MetadataServer::access_token(&self.scopes)
                .env(self.env.clone())
                .build()?,
            scopes: self.scopes,
            env: self.env,
            hosts,
            subject: self.subject,
            keys: self.keys,
            users: self.users,
            client: self.client.unwrap_or_else(IssuerClient::shared),
            quota_project: QuotaProject::default(),
            watch: FileWatch::new(),
            chosen: OnceLock::new(),
        })
    }
}

impl fmt::Debug for ApplicationDefaultBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationDefaultBuilder")
            .field("scopes", &self.scopes)
            .field("keys", &self.keys)
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}
