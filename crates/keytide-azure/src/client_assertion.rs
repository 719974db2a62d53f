//! A token for a client that shows an assertion of another issuer: [`ClientAssertion`].

use std::fmt;

use keytide_core::{CredentialKind, Error, Issued, Profile, ProvideCredential, Request, Subject};
use keytide_issuer::IssuerClient;

use crate::entra::{AUTHORITY, Client, Exchange, Proof, REMEDY, Said};
use crate::resource::Resource;

/// Presents an assertion to Entra, whoever has signed it, and gets an access token for it.
///
/// The assertion is the credential of another cache: a token of a cluster, of SPIFFE, of AWS or Google, for which the
/// application has a federated credential; or one that a provider of your own signs with the key of a certificate. It is
/// obtained anew for each exchange. One whose end has come is not sent.
///
/// ```
/// use keytide_azure::ClientAssertion;
/// use keytide_core::{Cache, Error, Subject, SubjectUse};
///
/// fn vault(identity: Cache) -> Result<ClientAssertion, Error> {
///     ClientAssertion::builder(
///         "https://vault.azure.net",
///         "72f988bf-86f1-41af-91ab-2d7cd011db47",
///         "2a6dd5ba-a0ac-4f7b-b0fc-8f0f3a8e1c11",
///         Subject::new(identity, SubjectUse::Repeatable),
///     )
///     .build()
/// }
/// ```
///
/// Errors, continuous access evaluation and revocation are those of [`WorkloadIdentity`](crate::WorkloadIdentity).
pub struct ClientAssertion {
    client: Client,
    proof: Proof,
    exchange: Exchange,
}

impl ClientAssertion {
    /// A provider of tokens for this resource (its App ID URI, or the scope of it), for this client of this tenant.
    pub fn builder(
        resource: impl Into<String>,
        tenant_id: impl Into<String>,
        client_id: impl Into<String>,
        assertion: Subject,
    ) -> ClientAssertionBuilder {
        ClientAssertionBuilder {
            resource: resource.into(),
            tenant_id: tenant_id.into(),
            client_id: client_id.into(),
            assertion,
            authority: None,
            capable: false,
            client: None,
        }
    }
}

impl ProvideCredential for ClientAssertion {
    fn profile(&self) -> Profile {
        Profile::bearer("client_assertion")
            .issuer(self.client.endpoint.origin())
            .remedy(REMEDY)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        self.exchange.ask(&self.client, &self.proof, request).await
    }
}

/// Builds a [`ClientAssertion`]. Building contacts nobody.
#[must_use]
pub struct ClientAssertionBuilder {
    resource: String,
    tenant_id: String,
    client_id: String,
    assertion: Subject,
    authority: Option<String>,
    capable: bool,
    client: Option<IssuerClient>,
}

impl ClientAssertionBuilder {
    /// The origin of the cloud's login service. Defaults to `https://login.microsoftonline.com`.
    pub fn authority(mut self, origin: impl Into<String>) -> Self {
        self.authority = Some(origin.into());
        self
    }

    /// Tells Entra with each request that claims challenges are answered here (`cp1`): see
    /// [`WorkloadIdentity`](crate::WorkloadIdentity#continuous-access-evaluation). Defaults to not.
    pub fn continuous_access_evaluation(mut self) -> Self {
        self.capable = true;
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
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming the value that is wrong: the resource, the tenant,
    /// the client id, the authority; or when the cache of the assertion holds signing keys.
    pub fn build(self) -> Result<ClientAssertion, Error> {
        self.assertion.expect_kind(CredentialKind::BearerToken)?;
        let resource = Resource::parse(&self.resource)?;
        let authority = Said::new(self.authority.as_deref().unwrap_or(AUTHORITY), "authority");
        let tenant_id = Said::new(self.tenant_id, "the tenant_id");
        let client_id = Said::new(self.client_id, "the client_id");
        let client = self.client.unwrap_or_else(IssuerClient::shared);
        Ok(ClientAssertion {
            client: Client::new(&authority, &tenant_id, &client_id)?,
            proof: Proof::Subject(self.assertion),
            exchange: Exchange::new(resource, self.capable, client),
        })
    }
}

impl fmt::Debug for ClientAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAssertion")
            .field("client", &self.client)
            .field("proof", &self.proof)
            .field("exchange", &self.exchange)
            .finish()
    }
}

impl fmt::Debug for ClientAssertionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAssertionBuilder")
            .field("resource", &self.resource)
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
