//! The request for a session of a role: [`RoleRequest`].

use keytide_aws_policy::{RoleArn, SessionPolicies, session_name};
use keytide_core::{Error, Request};

use super::base::Base;
use super::denied::DeniedRole;
use super::tags::Tags;
use crate::duration::SessionDuration;
use crate::keys::Keys;
use crate::session::{RoleSession, RoleSessions};
use crate::sts::{Call, StsEndpoint, keys_of, managed};

/// What is asked of STS, but for what the base and the agent add.
#[derive(Debug, Clone)]
pub(crate) struct RoleRequest {
    pub(crate) role: RoleArn,
    pub(crate) sts: StsEndpoint,
    pub(crate) policies: SessionPolicies,
    pub(crate) duration: SessionDuration,
    pub(crate) external_id: Option<String>,
    pub(crate) source_identity: bool,
    pub(crate) tags: Tags,
    /// Whether the base is a session; `None`: it is found out.
    pub(crate) chained: Option<bool>,
    pub(crate) sessions: RoleSessions,
}

impl RoleRequest {
    pub(crate) fn new(role: RoleArn, sts: StsEndpoint) -> Self {
        Self {
            role,
            sts,
            policies: SessionPolicies::default(),
            duration: SessionDuration::default(),
            external_id: None,
            source_identity: true,
            tags: Tags::default(),
            chained: None,
            sessions: RoleSessions::default(),
        }
    }

    /// Asks once.
    pub(crate) async fn send(&self, base: Base, request: &Request) -> Result<Keys, Error> {
        let chained = Base::is_chained(
            self.chained,
            base.provider,
            base.keys.session_token().is_some(),
        );
        let name = session_name(request.identity(), request.instance());
        let tags = self.tags.parameters(base.has_our_tags(request), request)?;
        let tagged = tags.tags.is_some();
        let call = Call::new(&self.sts, Some(base.keys), request)?;
        let asked = call
            .client
            .assume_role()
            .role_arn(self.role.as_str())
            .role_session_name(name.as_str())
            .set_duration_seconds(self.duration.seconds(chained))
            .set_external_id(self.external_id.clone())
            .set_policy(self.policies.inline().map(str::to_owned))
            .set_policy_arns(managed(&self.policies))
            .set_source_identity(self.source_identity.then(|| name.clone()))
            .set_tags(tags.tags)
            .set_transitive_tag_keys(tags.transitive)
            .send();
        let denied = || {
            DeniedRole {
                role: &self.role,
                principal: base.principal.as_deref(),
                source_identity: self.source_identity,
                tags: tagged,
            }
            .advice()
        };
        let output = match call.send(asked, denied).await {
            Ok(output) => output,
            Err(error) => {
                if let Some((cache, generation)) = &base.held {
                    call.report(cache, *generation);
                }
                return Err(error);
            }
        };
        let session = session_of(&output);
        let principal = session.as_ref().map(|session| session.arn.clone());
        let keys = keys_of(output.credentials, principal)?;
        if let Some(session) = session {
            self.sessions.tell(session);
        }
        Ok(keys)
    }
}

#[expect(
    deprecated,
    reason = "partitions and servers that do not say session_token_utilization yet say this"
)]
fn session_of(
    output: &aws_sdk_sts::operation::assume_role::AssumeRoleOutput,
) -> Option<RoleSession> {
    let user = output.assumed_role_user.as_ref()?;
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    Some(RoleSession {
        arn: user.arn.clone(),
        assumed_role_id: user.assumed_role_id.clone(),
        source_identity: output.source_identity.clone(),
        packed_policy_percent: number(output.packed_policy_size),
        session_token_bytes: number(output.session_token_size),
        session_token_percent: number(output.session_token_utilization),
    })
}
