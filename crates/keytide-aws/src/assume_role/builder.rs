//! How a role is asked for: [`AssumeRoleBuilder`].

use std::fmt;

use keytide_aws_policy::{IdentityTag, RoleArn, is_legal_in_name};
use keytide_core::{Cache, CredentialKind, Error, Subject, SubjectUse};

use super::{AssumeRole, RoleRequest};
use crate::session::{SessionRequestBuilder, session_setters};

use super::tags::Tags;

/// Builds an [`AssumeRole`]. Building contacts nobody.
#[must_use]
pub struct AssumeRoleBuilder {
    role_arn: String,
    base: Cache,
    session: SessionRequestBuilder,
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
            session: SessionRequestBuilder::new(),
            external_id: None,
            source_identity: true,
            tags: Tags::default(),
            chained: None,
        }
    }

    /// The base is itself a session of a role, for which an hour is the most. Where neither this nor
    /// [`not_chained`](Self::not_chained) is said, it is what the keys of the base say of themselves, whichever provider
    /// hands them on: those of an EC2 instance count as none, those of a task, a pod, a function, a token or another role
    /// as one. Keys that say nothing count as one where they have a session token.
    pub fn chained(mut self) -> Self {
        self.chained = Some(true);
        self
    }

    /// The base is no session that counts as one: see [`chained`](Self::chained).
    pub fn not_chained(mut self) -> Self {
        self.chained = Some(false);
        self
    }

    /// The external id that the trust policy of a foreign account asks for: 2 to 1224 characters out of
    /// `[A-Za-z0-9_+=,.@:/-]`. Defaults to none.
    pub fn external_id(mut self, external_id: impl Into<String>) -> Self {
        self.external_id = Some(external_id.into());
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

    /// The base has the tags of the identity already, as transitive ones, so they are not sent: STS refuses a key that is
    /// inherited. Where neither this nor [`identity_tags_not_inherited`](Self::identity_tags_not_inherited) is said, it is
    /// what the keys of the base say of themselves, whichever provider hands them on.
    pub fn identity_tags_inherited(mut self) -> Self {
        self.tags.inherited = Some(true);
        self
    }

    /// The base has no tags of the identity, so they are sent: see [`identity_tags_inherited`](Self::identity_tags_inherited).
    pub fn identity_tags_not_inherited(mut self) -> Self {
        self.tags.inherited = Some(false);
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

    /// Adds a session tag with the value of the agent's [label](keytide_core::AgentBuilder::label) of this name, which
    /// goes on to roles as the tags of the identity do. Labels are not sent unless they are named here: there may be more of
    /// them than STS takes tags. An agent without the label gets no session. Values are written as those of the identity
    /// are ([`tag_value`](keytide_aws_policy::tag_value)).
    pub fn label_tag(mut self, name: impl Into<String>) -> Self {
        self.tags.labels.push(name.into());
        self
    }

    session_setters!();

    /// Builds the provider.
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured), saying which parameter cannot be right: a typing error in
    /// the ARN, a policy that is no JSON, a duration out of range, one above an hour for what is said to be [chained](Self::chained), a base that holds no
    /// signing keys.
    pub fn build(self) -> Result<AssumeRole, Error> {
        let role = RoleArn::parse(&self.role_arn)?;
        let session = self.session.build()?;
        self.tags.check()?;
        if self.chained == Some(true) && session.duration.cut(true).is_some() {
            return Err(Error::misconfigured(
                "a session that is got with a session of a role (chained) lasts an hour at the most: shorten its duration",
            ));
        }
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
                external_id: self.external_id,
                source_identity: self.source_identity,
                tags: self.tags,
                chained: self.chained,
                ..RoleRequest::new(role, session)
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
