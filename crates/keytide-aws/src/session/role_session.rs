//! What STS said of the session that it gave last: [`RoleSession`] and [`RoleSessions`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_sts::types::AssumedRoleUser;
use keytide_aws_policy::RoleArn;

/// What STS said of a role session, beside its keys. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoleSession {
    /// The principal: `arn:aws:sts::123456789012:assumed-role/reader/session-name`.
    pub arn: String,
    /// The id of the role and the session name, as `aws:userid` has them: `AROA…:session-name`. It is what a deny policy
    /// for this one session names.
    pub assumed_role_id: String,
    /// The source identity of the session, one that was set by an earlier role of a chain included.
    pub source_identity: Option<String>,
    /// How much of the room for session policies and tags is used once packed, in percent. STS refuses more than 100.
    pub packed_policy_percent: Option<u32>,
    /// The size of the session token in bytes, where STS says it.
    pub session_token_bytes: Option<u32>,
    /// How much of the largest session token that there can be this one takes, in percent, where STS says it.
    pub session_token_percent: Option<u32>,
    /// The duration that was set, where less was asked for: a session that is got with a session of a role lasts an hour
    /// at the most.
    pub cut_from: Option<Duration>,
}

impl RoleSession {
    /// `packed_policy_percent`, `session_token_bytes` and `session_token_percent` are the `sizes`, as the SDK has them. `None`
    /// where nobody is named.
    pub(crate) fn of(
        user: Option<&AssumedRoleUser>,
        source_identity: Option<String>,
        sizes: [Option<i32>; 3],
    ) -> Option<Self> {
        // In the SDK's type a member that is not there is empty.
        let user = user.filter(|user| !user.arn.is_empty() && !user.assumed_role_id.is_empty())?;
        let [
            packed_policy_percent,
            session_token_bytes,
            session_token_percent,
        ] = sizes.map(|size| size.and_then(|size| u32::try_from(size).ok()));
        Some(Self {
            arn: user.arn.clone(),
            assumed_role_id: user.assumed_role_id.clone(),
            source_identity,
            packed_policy_percent,
            session_token_bytes,
            session_token_percent,
            cut_from: None,
        })
    }
}

/// The session in an answer of STS. The types of its operations have the same fields, and no trait.
macro_rules! role_session {
    ($output:expr) => {{
        let output = &$output;
        #[expect(
            deprecated,
            reason = "partitions and servers that do not say session_token_utilization yet say session_token_size"
        )]
        let sizes = [
            output.packed_policy_size,
            output.session_token_size,
            output.session_token_utilization,
        ];
        let user = output.assumed_role_user.as_ref();
        $crate::session::RoleSession::of(user, output.source_identity.clone(), sizes)
    }};
}
pub(crate) use role_session;

/// Tells what STS said of the last session that a provider was given: got from the provider before a cache takes it.
#[derive(Debug, Clone, Default)]
pub struct RoleSessions(Arc<Mutex<Option<RoleSession>>>);

impl RoleSessions {
    /// The last session; `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<RoleSession> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Remembers a session, and warns once a provider nears the limit.
    pub(crate) fn tell(&self, session: RoleSession, role: &RoleArn) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let percent = session.packed_policy_percent.unwrap_or(0);
        let before = last.as_ref().and_then(|last| last.packed_policy_percent);
        if percent >= NEARLY_FULL && before.unwrap_or(0) < NEARLY_FULL {
            tracing::warn!(
                role_session = session.arn,
                packed_policy_percent = percent,
                "session policy and tags fill nearly all the room that STS has for them"
            );
        }
        let told = last.as_ref().is_some_and(|last| last.cut_from.is_some());
        if let (Some(set), false) = (session.cut_from, told) {
            tracing::warn!(
                role = role.as_str(),
                set_seconds = set.as_secs(),
                asked_seconds = 3600,
                "the duration of a role session is cut to an hour, for it is got with a session of another role (role chaining)"
            );
        }
        *last = Some(session);
    }
}

/// Percent. The rest is left for tags whose length varies.
const NEARLY_FULL: u32 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_nobody_is_none() {
        for (arn, id, named) in [("a", "i", true), ("", "i", false), ("a", "", false)] {
            let user = AssumedRoleUser::builder().arn(arn).assumed_role_id(id);
            let user = user.build().unwrap();
            let session = RoleSession::of(Some(&user), None, [Some(7), Some(-1), None]);
            assert_eq!(session.is_some(), named, "{arn} {id}");
            if let Some(session) = session {
                assert_eq!(session.packed_policy_percent, Some(7));
                assert_eq!(session.session_token_bytes, None);
            }
        }
        assert_eq!(RoleSession::of(None, None, [None; 3]), None);
    }
}
