//! The request for a session, but for who asks: [`SessionRequest`].

use aws_sdk_sts::types::{Credentials, PolicyDescriptorType};
use keytide_aws_policy::{RoleArn, SessionPolicies, session_name};
use keytide_core::{Error, Profile, Request};

use super::duration::SessionDuration;
use super::role_session::{RoleSession, RoleSessions};
use crate::keys::Keys;
use crate::marks::Marks;
use crate::sts::{StsEndpoint, keys_of};

/// Which STS is asked, and what the session is cut down to.
#[derive(Debug, Clone)]
pub(crate) struct SessionRequest {
    pub(crate) sts: StsEndpoint,
    pub(crate) policies: SessionPolicies,
    pub(crate) duration: SessionDuration,
    pub(crate) sessions: RoleSessions,
}

impl SessionRequest {
    /// For all that the role may do, and for as long as STS has as its default.
    pub(crate) fn new(sts: StsEndpoint) -> Self {
        Self {
            sts,
            policies: SessionPolicies::default(),
            duration: SessionDuration::default(),
            sessions: RoleSessions::default(),
        }
    }

    /// The profile of a provider that asks for it.
    pub(crate) fn profile(&self, name: &'static str, chained: bool) -> Profile {
        let profile = Profile::signing_key(name).issuer(self.sts.issuer());
        match self.duration.longest(chained) {
            Some(longest) => profile.longest_lifetime(longest),
            None => profile,
        }
    }

    /// `RoleSessionName`.
    pub(crate) fn name(request: &Request) -> String {
        session_name(request.identity(), request.instance())
    }

    /// `DurationSeconds`.
    pub(crate) fn seconds(&self, chained: bool) -> Option<i32> {
        self.duration.seconds(chained)
    }

    /// `Policy`.
    pub(crate) fn policy(&self) -> Option<String> {
        self.policies.inline().map(str::to_owned)
    }

    /// `PolicyArns`.
    pub(crate) fn policy_arns(&self) -> Option<Vec<PolicyDescriptorType>> {
        let managed = self.policies.managed();
        let arns = managed
            .iter()
            .map(|arn| PolicyDescriptorType::builder().arn(arn).build());
        (!managed.is_empty()).then(|| arns.collect())
    }

    /// The keys of an answer. What STS said of the session is remembered.
    pub(crate) fn granted(&self, granted: Granted<'_>) -> Result<Keys, Error> {
        let cut_from = self.duration.cut(granted.chained);
        let session = granted.session;
        let principal = session.as_ref().map(|session| session.arn.clone());
        let keys = keys_of(granted.credentials, principal, granted.marks)?;
        if let Some(session) = session {
            let session = RoleSession {
                cut_from,
                ..session
            };
            self.sessions.tell(session, granted.role);
        }
        Ok(keys)
    }
}

/// What STS gave, and what was asked for.
pub(crate) struct Granted<'a> {
    pub(crate) role: &'a RoleArn,
    pub(crate) session: Option<RoleSession>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) marks: Marks,
    /// Whether it is the session of a session.
    pub(crate) chained: bool,
}
