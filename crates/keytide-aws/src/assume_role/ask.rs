//! The request for a session of a role: [`RoleRequest`].

use keytide_aws_policy::RoleArn;
use keytide_core::{Error, Request};

use super::base::Base;
use super::denied::DeniedRole;
use super::tags::Tags;
use crate::keys::Keys;
use crate::marks::{Marks, SessionOf};
use crate::session::{Granted, SessionRequest};
use crate::sts::{Call, Parameters};

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
        let mut parameters = Parameters::of("AssumeRole");
        parameters.add("RoleArn", self.role.as_str());
        parameters.add("RoleSessionName", &name);
        self.session.add_to(&mut parameters, chained);
        parameters.add_some("ExternalId", self.external_id.as_deref());
        parameters.add_some(
            "SourceIdentity",
            self.source_identity.then_some(name.as_str()),
        );
        parameters.add_tags(tags.pairs());
        parameters.add_list("TransitiveTagKeys", tags.transitive_keys());
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
        let result = match call.send(parameters, denied).await {
            Ok(result) => result,
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
            result: &result,
            marks,
            chained,
        })
    }
}
