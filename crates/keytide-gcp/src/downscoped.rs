//! Tokens with less power than the one that they are made of: [`Downscoped`].

use std::time::Duration;

use keytide_core::{
    Cache, CredentialKind, Error, Issued, Profile, ProvideCredential, Request, Secret, Subject,
    SubjectUse,
};
use keytide_issuer::{Endpoint, IssuerClient};
use serde_json::Value;

use crate::boundary::AccessBoundary;
use crate::hosts::{Hosts, Role};
use crate::sts::{ACCESS_TOKEN, Exchange};

/// Exchanges the access token of another cache for one that can do no more than a Credential Access Boundary says, on Cloud
/// Storage.
///
/// ```
/// use keytide_core::{Agent, Cache, Error};
/// use keytide_gcp::{AccessBoundary, BoundaryRule, Downscoped};
///
/// # fn caches(agent: &Agent, base: Cache) -> Result<(), Error> {
/// let boundary = AccessBoundary::new([
///     BoundaryRule::bucket("invoices").role("roles/storage.objectViewer").objects_under("2026/"),
/// ])?;
/// let token = agent.cache(Downscoped::builder(base, boundary).build()?).build()?;
/// # Ok(())
/// # }
/// ```
///
/// The base is a token of a service account with the scope `cloud-platform`; what was downscoped once cannot be downscoped
/// again. Where STS does not say how long the token lives, it ends with its base.
///
/// # Errors
/// Those of [`ExternalAccount`](crate::ExternalAccount), and those of the base cache. A base that is not configured here is
/// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured): a chain does not go on to another account.
///
/// # Revocation
/// [`UntilExpiry`](keytide_core::Revocation::UntilExpiry): as with its base, nobody can be told to take it back.
#[derive(Debug)]
pub struct Downscoped {
    subject: Subject,
    options: Value,
    endpoint: Endpoint,
    client: IssuerClient,
}

impl Downscoped {
    /// A token within this boundary, made of that of `base`.
    pub fn builder(base: Cache, boundary: AccessBoundary) -> DownscopedBuilder {
        DownscopedBuilder {
            base,
            boundary,
            token_url: "https://sts.googleapis.com/v1/token".to_owned(),
            hosts: Hosts::default(),
            client: None,
        }
    }
}

impl ProvideCredential for Downscoped {
    fn profile(&self) -> Profile {
        Profile::bearer("downscoped").issuer(self.endpoint.origin())
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let base = self.subject.obtain(request).await?;
        let left = base.remaining();
        let exchange = Exchange {
            audience: None,
            scope: None,
            subject: base.expose_bearer("base token to be downscoped")?,
            subject_type: ACCESS_TOKEN,
            options: Some(&self.options),
            client: None,
        };
        let token = exchange.send(&self.client, &self.endpoint, request).await?;
        // Whatever was said, it does not outlive its base. What is left of that is a length of time, not an instant: the
        // end of the base may have been reckoned by another clock than that of STS.
        let lifetime = token.lifetime()?.unwrap_or(Duration::MAX).min(left);
        if lifetime == Duration::MAX {
            return Err(Error::unavailable(
                "neither the answer nor the base token says how long the token lives",
            ));
        }
        let issued =
            Issued::bearer(Secret::from(token.into_token().into_string())).expires_in(lifetime);
        Ok(match base.principal() {
            Some(principal) => issued.principal(principal),
            None => issued,
        })
    }
}

/// Builds a [`Downscoped`]. Building contacts nobody.
#[derive(Debug)]
#[must_use]
pub struct DownscopedBuilder {
    base: Cache,
    boundary: AccessBoundary,
    token_url: String,
    hosts: Hosts,
    client: Option<IssuerClient>,
}

impl DownscopedBuilder {
    /// The URL of STS, for a location. Defaults to `https://sts.googleapis.com/v1/token`.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = url.into();
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
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when the URL leads where it must not, or the base holds
    /// signing keys.
    pub fn build(self) -> Result<Downscoped, Error> {
        self.base.expect_kind(CredentialKind::BearerToken)?;
        let hosts = self.hosts.checked()?;
        let endpoint = hosts.endpoint(Role::Sts, "token_url", &self.token_url)?;
        Ok(Downscoped {
            subject: Subject::new(self.base, SubjectUse::Repeatable),
            options: self.boundary.options(),
            endpoint,
            client: self.client.unwrap_or_else(IssuerClient::shared),
        })
    }
}
