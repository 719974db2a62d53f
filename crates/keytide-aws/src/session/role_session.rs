//! What STS said of the session that it gave last: [`RoleSession`] and [`RoleSessions`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keytide_aws_policy::RoleArn;

use crate::sts::Element;

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
    /// What stands in the result of an operation; `None` where it names nobody.
    pub(crate) fn of(result: &Element, cut_from: Option<Duration>) -> Option<Self> {
        let user = result.child("AssumedRoleUser")?;
        let number = |name: &str| result.text(name).and_then(|text| text.parse().ok());
        Some(Self {
            arn: user.text("Arn")?.to_owned(),
            assumed_role_id: user.text("AssumedRoleId")?.to_owned(),
            source_identity: result.text("SourceIdentity").map(str::to_owned),
            packed_policy_percent: number("PackedPolicySize"),
            session_token_bytes: number("SessionTokenSize"),
            session_token_percent: number("SessionTokenUtilization"),
            cut_from,
        })
    }
}

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
