//! The identity that the environment gives: [`DefaultIdentity`].

mod secret;

use std::fmt;

use keytide_core::{Chain, Error, Issued, Profile, ProvideCredential, Request};
use keytide_issuer::{Env, IssuerClient};

use crate::hosts::Hosts;
use crate::managed_identity::{Machine, ManagedIdentity};
use crate::workload_identity::WorkloadIdentity;
use secret::ClientSecret;

/// Uses the identity that the environment of this process gives, and stays with what worked first.
///
/// | order | what is looked for | what becomes of it |
/// |---|---|---|
/// | 1 | `AZURE_CLIENT_SECRET` | refused by name, unless [`danger_client_secret`](DefaultIdentityBuilder::danger_client_secret) was called |
/// | 2 | `AZURE_CLIENT_CERTIFICATE_PATH`, `AZURE_PASSWORD` | refused by name |
/// | 3 | `AZURE_FEDERATED_TOKEN_FILE` | [`WorkloadIdentity`] |
/// | 4 | the variables of App Service, Functions, Container Apps or Arc, `AZURE_POD_IDENTITY_AUTHORITY_HOST`, Arc's agent | [`ManagedIdentity`] |
/// | 5 | an instance metadata service that answers within a second | [`ManagedIdentity`] |
///
/// `AZURE_CLIENT_ID`, where it is set, names the application to 1 and 3 and the user-assigned identity to 4 and 5, as it
/// does to Microsoft's libraries. What is not configured is passed over: its variables are not set, or empty, and nothing
/// has the name of its file. Any other failure ends the attempt: another identity never stands in for one that is
/// throttled, refused, configured wrongly or by halves (a file without a tenant, `IDENTITY_ENDPOINT` without
/// `IDENTITY_HEADER`), nor for one whose variable is no text or whose file cannot be looked at. Microsoft's libraries pass
/// over most of what is configured by halves. Where nothing is found, the error lists each with its reason. Developers'
/// tools (`az`, `azd`) are not looked for: what a person may do, an agent shall not do by accident.
///
/// ```
/// use keytide_azure::DefaultIdentity;
///
/// # fn main() -> Result<(), keytide_core::Error> {
/// let provider = DefaultIdentity::builder("https://vault.azure.net").build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DefaultIdentity {
    chain: Chain,
}

impl DefaultIdentity {
    /// A provider of tokens for this resource: its App ID URI, such as `https://vault.azure.net`, or the scope of it,
    /// with `/.default` behind.
    pub fn builder(resource: impl Into<String>) -> DefaultIdentityBuilder {
        DefaultIdentityBuilder {
            resource: resource.into(),
            client_id: None,
            allow_secret: false,
            capable: false,
            env: Env::process(),
            hosts: Hosts::default(),
            machine: Machine::default(),
            client: None,
        }
    }
}

impl ProvideCredential for DefaultIdentity {
    fn profile(&self) -> Profile {
        self.chain.profile()
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.chain.provide(request).await
    }
}

/// Builds a [`DefaultIdentity`]. Building contacts nobody and reads nothing.
#[must_use]
pub struct DefaultIdentityBuilder {
    resource: String,
    client_id: Option<String>,
    allow_secret: bool,
    capable: bool,
    env: Env,
    hosts: Hosts,
    machine: Machine,
    client: Option<IssuerClient>,
}

impl DefaultIdentityBuilder {
    /// The client id of the application, or of the user-assigned identity. Defaults to `AZURE_CLIENT_ID`; without it, to
    /// the system-assigned identity.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// Uses `AZURE_CLIENT_SECRET`, where it is set.
    ///
    /// The secret never expires before its date, and whoever has it is the application: the cache must be built with
    /// [`danger_allow_static`](keytide_core::CacheBuilder::danger_allow_static) too. Use workload identity federation,
    /// which has no secret. Defaults to refusing it.
    pub fn danger_client_secret(mut self) -> Self {
        self.allow_secret = true;
        self
    }

    /// Tells Entra that claims challenges are answered here, where it is Entra that is asked: see
    /// [`WorkloadIdentity`](WorkloadIdentity#continuous-access-evaluation). Defaults to not.
    pub fn continuous_access_evaluation(mut self) -> Self {
        self.capable = true;
        self
    }

    /// The environment that is read at each call. Defaults to that of the process.
    pub fn env(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// Goes where a variable (`AZURE_AUTHORITY_HOST`, `IDENTITY_ENDPOINT`, `AZURE_POD_IDENTITY_AUTHORITY_HOST`) leads, though that is none of the documented places. Whoever answers at this origin can use what is sent there, and gives out the tokens.
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
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the value that is wrong: the resource, the client
    /// id, an endpoint that is to be allowed.
    pub fn build(self) -> Result<DefaultIdentity, Error> {
        let client = self.client.unwrap_or_else(IssuerClient::shared);
        let hosts = self.hosts.checked()?;
        let secret = ClientSecret::new(
            &self.resource,
            self.client_id.clone(),
            self.allow_secret,
            self.capable,
            (self.env.clone(), hosts.clone()),
            client.clone(),
        )?;
        let mut workload = WorkloadIdentity::builder(&self.resource)
            .env(self.env.clone())
            .hosts(hosts.clone())
            .client(client.clone());
        if self.capable {
            workload = workload.continuous_access_evaluation();
        }
        let mut managed = ManagedIdentity::builder(&self.resource)
            .env(self.env)
            .hosts(hosts)
            .machine(self.machine)
            .client(client)
            .may_be_absent();
        match self.client_id {
            Some(id) => {
                workload = workload.client_id(&id);
                managed = managed.client_id(id);
            }
            None => managed = managed.client_id_of_environment(),
        }
        Ok(DefaultIdentity {
            chain: Chain::first(secret)
                .then(workload.build()?)
                .then(managed.build()?),
        })
    }
}

impl fmt::Debug for DefaultIdentityBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultIdentityBuilder")
            .field("resource", &self.resource)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
