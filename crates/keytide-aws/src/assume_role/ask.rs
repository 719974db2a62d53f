//! The request for a session of a role: [`RoleRequest`].

use aws_sdk_sts::operation::assume_role::AssumeRoleInput;
use keytide_aws_policy::RoleArn;
use keytide_core::{Error, Request};

use super::base::Base;
use super::denied::DeniedRole;
use super::tags::Tags;
use crate::keys::Keys;
use crate::marks::{Marks, SessionOf};
use crate::session::{Granted, SessionRequest, role_session};
use crate::sts::{Call, tagged, unwritten};

/// What is asked of STS, but for what the base and the agent add.
#[derive(Debug, Clone)]
pub(crate) struct RoleRequest {
    pub(crate) role: RoleArn,
    pub(crate) session: SessionRequest,
    pub(crate) external_id: Option<String>,
    pub(crate) source_identity: bool,
    pub(crate) tags: Tags,
    /// Whether the base is a session; `None`: what the base says of itself.
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
    pub(crate) async fn send(&self, base: Base<'_>, request: &Request) -> Result<Keys, Error> {
        let chained = base.is_chained(self.chained);
        let name = SessionRequest::name(request);
        let tags = self.tags.parameters(&base.marks, request)?;
        let input = AssumeRoleInput::builder()
            .role_arn(self.role.as_str())
            .role_session_name(name.as_str())
            .set_duration_seconds(self.session.seconds(chained))
            .set_external_id(self.external_id.clone())
            .set_policy(self.session.policy())
            .set_policy_arns(self.session.policy_arns())
            .set_source_identity(self.source_identity.then_some(name))
            .set_tags(tagged(tags.pairs())?)
            .set_transitive_tag_keys(tags.transitive_keys())
            .build()
            .map_err(unwritten)?;
        let denied = || {
            DeniedRole {
                role: &self.role,
                principal: base.principal.as_deref(),
                source_identity: self.source_identity,
                tags: tags.pairs().next().is_some(),
            }
            .advice()
        };
        let call = Call::new(&self.session.sts, Some(base.keys), request).await?;
        let output = match call.send(input, denied).await {
            Ok(output) => output,
            Err(error) => {
                if let Some((cache, generation)) = &base.held {
                    call.report(cache, *generation);
                }
                return Err(error);
            }
        };
        let marks = Marks {
            transitive_tags: tags.transitive(),
            ..Marks::of_session(SessionOf::Role)
        };
        self.session.granted(Granted {
            role: &self.role,
            session: role_session!(output),
            credentials: output.credentials,
            marks,
            chained,
        })
    }
}
