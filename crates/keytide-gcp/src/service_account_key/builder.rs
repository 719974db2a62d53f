//! How a key is told what to ask for: [`ServiceAccountKeyBuilder`].

use keytide_core::Error;
use keytide_issuer::IssuerClient;

use super::ServiceAccountKey;
use super::assertion::Key;
use crate::hosts::Hosts;
use crate::token_purpose::TokenPurpose;

/// Builds a [`ServiceAccountKey`]. Building contacts nobody and reads no file.
#[derive(Debug)]
#[must_use]
pub struct ServiceAccountKeyBuilder {
    key: Key,
    purpose: TokenPurpose,
    subject: Option<String>,
    hosts: Hosts,
    client: Option<IssuerClient>,
}

impl ServiceAccountKeyBuilder {
    pub(super) fn new(key: Key) -> Self {
        Self {
            key,
            purpose: TokenPurpose::Access(Vec::new()),
            subject: None,
            hosts: Hosts::default(),
            client: None,
        }
    }

    /// Asks for an access token with these scopes. Scopes or an [`audience`](Self::audience) are required; the last that was
    /// given counts.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.purpose = TokenPurpose::access(scopes);
        self
    }

    /// Asks for an identity token for this audience.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.purpose = TokenPurpose::Identity(audience.into());
        self
    }

    /// Acts for this user of a Workspace domain, which must have delegated that to the account. Defaults to nobody.
    pub fn subject(mut self, user: impl Into<String>) -> Self {
        self.subject = Some(user.into());
        self
    }

    /// Sends assertions to this origin too, where the `token_uri` of the key leads to it, though Google does not document
    /// it. Whoever answers there can use each for an hour.
    pub fn danger_allow_endpoint(mut self, origin: impl Into<String>) -> Self {
        self.hosts.allow(origin.into());
        self
    }

    pub(crate) fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
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
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when neither scopes nor an audience are given, or one is
    /// none.
    pub fn build(self) -> Result<ServiceAccountKey, Error> {
        self.purpose.check()?;
        Ok(ServiceAccountKey {
            key: self.key,
            purpose: self.purpose,
            subject: self.subject,
            hosts: self.hosts.checked()?,
            client: self.client.unwrap_or_else(IssuerClient::shared),
            flagged: false.into(),
        })
    }
}
