//! How a key is told what to ask for: [`ServiceAccountKeyBuilder`].

use keytide_core::Error;
use keytide_issuer::{FileWatch, IssuerClient};

use super::ServiceAccountKey;
use super::assertion::Key;
use crate::hosts::Hosts;
use crate::quota_project::QuotaProject;
use crate::token_purpose::TokenPurpose;

/// Builds a [`ServiceAccountKey`]. Building contacts nobody and reads no file.
#[derive(Debug)]
#[must_use]
pub struct ServiceAccountKeyBuilder {
    key: Key,
    scopes: Option<Vec<String>>,
    audience: Option<String>,
    subject: Option<String>,
    hosts: Hosts,
    client: Option<IssuerClient>,
}

impl ServiceAccountKeyBuilder {
    pub(super) fn new(key: Key) -> Self {
        Self {
            key,
            scopes: None,
            audience: None,
            subject: None,
            hosts: Hosts::default(),
            client: None,
        }
    }

    /// Asks for an access token with these scopes. Scopes or an [`audience`](Self::audience) are required, and not both.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// Asks for an identity token for this audience.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
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
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured) when not one of scopes and an audience is given, or one is
    /// none; or when the [`subject`](Self::subject) is no user.
    pub fn build(self) -> Result<ServiceAccountKey, Error> {
        let purpose = match (self.scopes, self.audience) {
            (Some(_), Some(_)) => {
                return Err(Error::misconfigured(
                    "there are scopes and an audience: a token is an access token or an identity token, so give one of them",
                ));
            }
            (scopes, None) => TokenPurpose::Access(scopes.unwrap_or_default()),
            (None, Some(audience)) => TokenPurpose::Identity(audience),
        };
        purpose.check()?;
        let is_user = |user: &str| {
            !user.is_empty() && !user.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        if self.subject.as_deref().is_some_and(|user| !is_user(user)) {
            return Err(Error::misconfigured(
                "the subject is empty, or holds white space or control characters: give the e-mail address of a user",
            ));
        }
        Ok(ServiceAccountKey {
            key: self.key,
            purpose,
            subject: self.subject,
            hosts: self.hosts.checked()?,
            client: self.client.unwrap_or_else(IssuerClient::shared),
            quota_project: QuotaProject::default(),
            watch: FileWatch::new(),
            flagged: false.into(),
        })
    }
}
