//! How a role is asked for: [`AssumeRoleBuilder`].

use std::fmt;
use std::time::Duration;

use keytide_aws_policy::{
    Boundary, IdentityTag, RoleArn, SessionPolicies, SessionPoliciesBuilder, is_legal_in_name,
};
use keytide_core::{Cache, CredentialKind, Error, Subject, SubjectUse};

use super::{AssumeRole, RoleRequest};
use crate::duration::SessionDuration;
use crate::sts::{StsEndpoint, sts_setters};

use super::tags::Tags;

/// Builds an [`AssumeRole`]. Building contacts nobody.
#[must_use]
pub struct AssumeRoleBuilder {
    role_arn: String,
    base: Cache,
    sts: StsEndpoint,
    policies: SessionPoliciesBuilder,
    duration: SessionDuration,
    external_id: Option<String>,
    source_identity: bool,
    tags: Tags,
    chained: Option<bool>,
}

impl AssumeRoleBuilder {
    pub(super) fn new(role_arn: String, base: Cache) -> Self {
        Self {
            role_arn,
            base,
            sts: StsEndpoint::default(),
            policies: SessionPolicies::builder(),
            duration: SessionDuration::default(),
            external_id: None,
            source_identity: true,
            tags: Tags::default(),
            chained: None,
        }
    }

    /// How long a session lasts: 15 min to 12 h, both inclusive, and no longer than the role's own maximum. Defaults to
    /// what STS has as its default, 1 h.
    ///
    /// A session that is got with a session lasts an hour at the most; where more is set here, one hour is asked for.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = SessionDuration::Of(duration);
        self
    }

    /// `DurationSeconds` as it is, unchecked and never cut: for test servers that give sessions of seconds.
    pub fn raw_duration_seconds(mut self, seconds: i32) -> Self {
        self.duration = SessionDuration::Raw(seconds);
        self
    }

    /// Whether the base is itself a session, for which an hour is the most. Defaults to yes for a base with a session token,
    /// unless it is that of an instance, a task or a function.
    pub fn chained(mut self, chained: bool) -> Self {
        self.chained = Some(chained);
        self
    }

    /// The external id that the trust policy of a foreign account asks for: 2 to 1224 characters out of
    /// `[A-Za-z0-9_+=,.@:/-]`. Defaults to none.
    pub fn external_id(mut self, external_id: impl Into<String>) -> Self {
        self.external_id = Some(external_id.into());
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

    /// Sets no source identity, for a trust policy that does not allow `sts:SetSourceIdentity`. Then what the session does
    /// in roles that it assumes further cannot be told from what others do there.
    pub fn without_source_identity(mut self) -> Self {
        self.source_identity = false;
        self
    }

    /// Leaves out one of the tags of the identity.
    pub fn without_identity_tag(mut self, tag: IdentityTag) -> Self {
        self.tags.identity.retain(|known| *known != tag);
        self
    }

    /// Leaves out all tags of the identity, for a trust policy that does not allow `sts:TagSession`.
    pub fn without_identity_tags(mut self) -> Self {
        self.tags.identity.clear();
        self
    }

    /// Keeps the tags of the identity to this session: they do not go on to roles that it assumes. Defaults to going on.
    pub fn without_transitive_identity_tags(mut self) -> Self {
        self.tags.transitive = false;
        self
    }

    /// Whether the base has the tags of the identity already, as transitive ones, so that they are not sent: STS refuses a
    /// key that is inherited. Defaults to yes for a base that is a session of this agent got by `AssumeRole`.
    pub fn identity_tags_inherited(mut self, inherited: bool) -> Self {
        self.tags.inherited = Some(inherited);
        self
    }

    /// Adds a session tag, for policies that ask for `aws:PrincipalTag/…`. Keys are compared without case.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.own.push((key.into(), value.into(), false));
        self
    }

    /// Adds a session tag that goes on to roles that the session assumes.
    pub fn transitive_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.own.push((key.into(), value.into(), true));
        self
    }

    sts_setters!();

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), saying which parameter cannot be right: a typing error in
    /// the ARN, a policy that is no JSON, a duration out of range, a base that holds no signing keys.
    pub fn build(self) -> Result<AssumeRole, Error> {
        let role = RoleArn::parse(&self.role_arn)?;
        self.sts.check()?;
        let policies = self.policies.build()?;
        self.duration.check()?;
        self.tags.check()?;
        self.base.expect_kind(CredentialKind::SigningKey)?;
        if let Some(id) = &self.external_id {
            let legal = |c: char| is_legal_in_name(c) || c == ':' || c == '/';
            if !(2..=1224).contains(&id.len()) || !id.chars().all(legal) {
                return Err(Error::misconfigured(
                    "the external id has 2 to 1224 characters out of letters, digits and _+=,.@:/-",
                ));
            }
        }
        Ok(AssumeRole {
            ask: RoleRequest {
                policies,
                duration: self.duration,
                external_id: self.external_id,
                source_identity: self.source_identity,
                tags: self.tags,
                chained: self.chained,
                ..RoleRequest::new(role, self.sts)
            },
            under: self.base.clone(),
            base: Subject::new(self.base, SubjectUse::Repeatable),
        })
    }
}

impl fmt::Debug for AssumeRoleBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRoleBuilder")
            .field("role_arn", &self.role_arn)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
