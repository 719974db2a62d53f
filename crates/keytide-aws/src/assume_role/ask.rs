//! The request for a session of a role: [`RoleRequest`].

use keytide_aws_policy::RoleArn;
use keytide_core::{Error, Request};

use super::base::Base;
use super::denied::DeniedRole;
use super::tags::Tags;
use crate::keys::Keys;
use crate::session::{SessionRequest, role_session};
use crate::sts::Call;

/// What is asked of STS, but for what the base and the agent add.
#[derive(Debug, Clone)]
pub(crate) struct RoleRequest {
    pub(crate) role: RoleArn,
    pub(crate) session: SessionRequest,
    pub(crate) external_id: Option<String>,
    pub(crate) source_identity: bool,
    pub(crate) tags: Tags,
    /// Whether the base is a session; `None`: it is found out.
    pub(crate) chained: Option<bool>,
}

impl RoleRequest {
    pub(crate) fn new(role: RoleArn, session: SessionRequest) -> Self {
        Self {
            role,
            session,
            external_id: None,
            source_identity: true,
            tags: Tags::default(),
            chained: None,
        }
    }

    /// Asks once.
    pub(crate) async fn send(&self, base: Base, request: &Request) -> Result<Keys, Error> {
        let chained = Base::is_chained(
            self.chained,
            base.provider,
            base.keys.session_token().is_some(),
        );
        let name = SessionRequest::name(request);
        let tags = self.tags.parameters(base.has_our_tags(request), request)?;
        let tagged = tags.tags.is_some();
        let call = Call::new(&self.session.sts, Some(base.keys), request)?;
        let asked = call
            .client
            .assume_role()
            .role_arn(self.role.as_str())
            .role_session_name(name.as_str())
            .set_duration_seconds(self.session.seconds(chained))
            .set_external_id(self.external_id.clone())
            .set_policy(self.session.policy())
            .set_policy_arns(self.session.policy_arns())
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
        self.session
            .granted(role_session!(output), output.credentials)
    }
}
