//! What builders of providers set of a session: [`SessionRequestBuilder`].

use keytide_aws_policy::{SessionPolicies, SessionPoliciesBuilder};
use keytide_core::Error;

use super::duration::SessionDuration;
use super::request::SessionRequest;
use crate::sts::StsEndpoint;

/// A [`SessionRequest`] that is not checked yet.
#[derive(Debug)]
pub(crate) struct SessionRequestBuilder {
    pub(crate) sts: StsEndpoint,
    pub(crate) policies: SessionPoliciesBuilder,
    pub(crate) duration: SessionDuration,
}

impl SessionRequestBuilder {
    pub(crate) fn new() -> Self {
        Self {
            sts: StsEndpoint::default(),
            policies: SessionPolicies::builder(),
            duration: SessionDuration::default(),
        }
    }

    pub(crate) fn build(self) -> Result<SessionRequest, Error> {
        self.sts.check()?;
        let policies = self.policies.build()?;
        self.duration.check()?;
        Ok(SessionRequest {
            policies,
            duration: self.duration,
            ..SessionRequest::new(self.sts)
        })
    }
}

/// The setters of builders that have a `session: SessionRequestBuilder`.
macro_rules! session_setters {
    () => {
        /// How long a session lasts: 15 min to 12 h, both inclusive, and no longer than the role's own maximum. Defaults to
        /// what STS has as its default, 1 h.
        ///
        /// A session that is got with a session of another role lasts an hour at the most (role chaining); where more is set
        /// here, one hour is asked for, which is logged once as a warning and told by
        /// [`RoleSession::cut_from`](crate::RoleSession).
        pub fn duration(mut self, duration: std::time::Duration) -> Self {
            self.session.duration = $crate::session::SessionDuration::Of(duration);
            self
        }

        /// `DurationSeconds` as it is, unchecked and never cut: for test servers that give sessions of seconds.
        pub fn raw_duration_seconds(mut self, seconds: i32) -> Self {
            self.session.duration = $crate::session::SessionDuration::Raw(seconds);
            self
        }

        /// What the session may at most do, whatever the role may do. Defaults to none: all that the role may.
        ///
        /// A boundary and a [`policy`](Self::policy) take each other's place: the one that is set last is sent.
        pub fn boundary(mut self, boundary: &$crate::Boundary) -> Self {
            self.session.policies = self.session.policies.boundary(boundary);
            self
        }

        /// A session policy that was written by hand, as JSON of at most 2,048 characters: the session may do what the role
        /// *and* this allow. [`lint_policy`](keytide_aws_policy::lint_policy) finds what it lets out. Defaults to none.
        pub fn policy(mut self, json: impl Into<String>) -> Self {
            self.session.policies = self.session.policies.inline(json);
            self
        }

        /// A managed policy of the role's account that cuts the session down too. At most 10. Defaults to none.
        pub fn policy_arn(mut self, arn: impl Into<String>) -> Self {
            self.session.policies = self.session.policies.managed(arn);
            self
        }

        $crate::sts::sts_setters!(session.sts);
    };
}
pub(crate) use session_setters;
