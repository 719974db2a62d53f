//! How a role is asked for by a token: [`WebIdentityBuilder`].

use std::fmt;

use keytide_aws_policy::RoleArn;
use keytide_core::Error;
use keytide_issuer::FileWatch;

use super::{Claim, WebIdentity, WebIdentityToken};
use crate::session::{SessionRequestBuilder, session_setters};

/// Builds a [`WebIdentity`]. Building contacts nobody and reads no file.
#[must_use]
pub struct WebIdentityBuilder {
    role_arn: String,
    token: WebIdentityToken,
    session: SessionRequestBuilder,
}

impl WebIdentityBuilder {
    pub(super) fn new(role_arn: String, token: WebIdentityToken) -> Self {
        Self {
            role_arn,
            token,
            session: SessionRequestBuilder::new(),
        }
    }

    session_setters!();

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), saying which parameter cannot be right, or
    /// that the cache of the token holds no bearer tokens.
    pub fn build(self) -> Result<WebIdentity, Error> {
        let role = RoleArn::parse(&self.role_arn)?;
        let session = self.session.build()?;
        self.token.check()?;
        Ok(WebIdentity {
            claim: Claim::Given(role, self.token),
            session,
            watch: FileWatch::new(),
        })
    }
}

impl fmt::Debug for WebIdentityBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebIdentityBuilder")
            .field("role_arn", &self.role_arn)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
