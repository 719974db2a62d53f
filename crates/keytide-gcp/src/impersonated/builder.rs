//! How an impersonation is described: [`ImpersonatedBuilder`].

use std::time::Duration;

use keytide_core::{Cache, CredentialKind, Error};
use keytide_issuer::IssuerClient;

use super::Impersonated;
use crate::hosts::Hosts;
use crate::impersonation::Plan;
use crate::token_purpose::TokenPurpose;

/// Builds an [`Impersonated`]. Building contacts nobody.
#[derive(Debug)]
#[must_use]
pub struct ImpersonatedBuilder {
    base: Cache,
    purpose: TokenPurpose,
    plan: Plan,
    hosts: Hosts,
    client: Option<IssuerClient>,
}

impl ImpersonatedBuilder {
    pub(super) fn new(base: Cache, account: String, purpose: TokenPurpose) -> Self {
        Self {
            base,
            purpose,
            plan: Plan::of(account),
            hosts: Hosts::default(),
            client: None,
        }
    }

    /// The accounts in between, by e-mail address: the base may impersonate the first, each the next, and the last the
    /// account itself. Defaults to none.
    pub fn delegates<D: Into<String>>(mut self, delegates: impl IntoIterator<Item = D>) -> Self {
        self.plan.delegates = delegates.into_iter().map(Into::into).collect();
        self
    }

    /// How long an access token lives, 1 s to 12 h, both inclusive. Defaults to 1 h. More than that needs the organisation
    /// policy `constraints/iam.allowServiceAccountCredentialLifetimeExtension` to name the account; less is always given.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.plan.lifetime = Some(lifetime);
        self
    }

    /// Leaves the e-mail address out of an identity token. Defaults to having it in.
    pub fn without_email(mut self) -> Self {
        self.plan.include_email = false;
        self
    }

    /// The origin of the API, such as `https://iamcredentials.europe-west1.rep.googleapis.com`. Defaults to
    /// `https://iamcredentials.googleapis.com`. One that Google does not document must be
    /// [allowed](Self::danger_allow_endpoint) too.
    pub fn endpoint(mut self, origin: impl Into<String>) -> Self {
        self.plan.url = Some(("the endpoint", origin.into()));
        self
    }

    /// Sends the base token to this origin too, though Google does not document it. Whoever answers there can use the
    /// token.
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
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), naming what is wrong: the scopes or the audience, an
    /// account, the lifetime, the endpoint; or the base, when it holds signing keys.
    pub fn build(self) -> Result<Impersonated, Error> {
        self.base.expect_kind(CredentialKind::BearerToken)?;
        let hosts = self.hosts.checked()?;
        let impersonation = self.plan.checked(self.purpose, &hosts)?;
        let client = self.client.unwrap_or_else(IssuerClient::shared);
        Ok(Impersonated::new(self.base, impersonation, client))
    }
}
