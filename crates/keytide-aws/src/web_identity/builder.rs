//! How a role is asked for by a token: [`WebIdentityBuilder`].

use std::fmt;
use std::time::Duration;

use keytide_aws_policy::{Boundary, RoleArn, SessionPolicies, SessionPoliciesBuilder};
use keytide_core::{CredentialKind, Error};

use super::{Ask, Token, WebIdentity};
use crate::duration::SessionDuration;
use crate::sts::{StsEndpoint, sts_setters};

/// Builds a [`WebIdentity`]. Building contacts nobody and reads no file.
#[must_use]
pub struct WebIdentityBuilder {
    role_arn: String,
    token: Token,
    sts: StsEndpoint,
    policies: SessionPoliciesBuilder,
    duration: SessionDuration,
}

impl WebIdentityBuilder {
    pub(super) fn new(role_arn: String, token: Token) -> Self {
        Self {
            role_arn,
            token,
            sts: StsEndpoint::default(),
            policies: SessionPolicies::builder(),
            duration: SessionDuration::default(),
        }
    }

    /// How long a session lasts: 15 min to 12 h, both inclusive, and no longer than the role's own maximum. Defaults to
    /// what STS has as its default, 1 h.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = SessionDuration::Of(duration);
        self
    }

    /// `DurationSeconds` as it is, unchecked: for test servers that give sessions of seconds.
    pub fn raw_duration_seconds(mut self, seconds: i32) -> Self {
        self.duration = SessionDuration::Raw(seconds);
        self
    }

    /// What the session may at most do, whatever the role may do. Defaults to none: all that the role may.
    ///
    /// A boundary and a [`policy`](Self::policy) take each other's place: the one that is set last is sent.
    pub fn boundary(mut self, boundary: &Boundary) -> Self {
        self.policies = self.policies.boundary(boundary);
        self
    }

    /// A session policy that was written by hand, as JSON of at most 2,048 characters: the session may do what the role
    /// *and* this allow. [`lint_policy`](keytide_aws_policy::lint_policy) finds what it lets out. Defaults to none.
    pub fn policy(mut self, json: impl Into<String>) -> Self {
        self.policies = self.policies.inline(json);
        self
    }

    /// A managed policy of the role's account that cuts the session down too. At most 10. Defaults to none.
    pub fn policy_arn(mut self, arn: impl Into<String>) -> Self {
        self.policies = self.policies.managed(arn);
        self
    }

    sts_setters!();

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), saying which parameter cannot be right, or
    /// that the cache of the token holds no bearer tokens.
    pub fn build(self) -> Result<WebIdentity, Error> {
        let role = RoleArn::parse(&self.role_arn)?;
        self.sts.check()?;
        let policies = self.policies.build()?;
        self.duration.check()?;
        if let Token::Subject(subject) = &self.token {
            subject.expect_kind(CredentialKind::BearerToken)?;
        }
        Ok(WebIdentity {
            token: self.token,
            ask: Ask {
                policies,
                duration: self.duration,
                ..Ask::new(Some(role), self.sts)
            },
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
