//! How an agent's identity is written where AWS keeps it: the session name, the source identity, session tags.

use keytide_core::{AgentIdentity, InstanceId};

use crate::characters::{is_legal_in_name, is_legal_in_tag};

/// The name of each role session of one agent instance: its type and its instance id, as
/// `invoice-reader-0123456789abcdef0123456789abcdef`. It stands in the principal's ARN, in `aws:userid` and in
/// CloudTrail.
///
/// It has 34 to 64 characters out of `[A-Za-z0-9_+=,.@-]`, which is what STS takes: other characters of the type become
/// `-`, and a type of more than 31 characters is cut. The instance id is whole, so two agents of one type, or of two types
/// that look alike once cut, are told apart.
///
/// ```
/// use keytide_core::{Agent, AgentIdentity};
///
/// let identity = AgentIdentity {
///     agent_type: "invoice/reader".into(),
///     version: "1".into(),
///     environment: "prod".into(),
///     owner: "payments".into(),
/// };
/// let agent = Agent::builder(identity).build()?;
/// let name = keytide_aws_policy::session_name(agent.identity(), agent.instance());
/// assert_eq!(name, format!("invoice-reader-{}", agent.instance()));
/// # Ok::<(), keytide_core::Error>(())
/// ```
#[must_use]
pub fn session_name(identity: &AgentIdentity, instance: InstanceId) -> String {
    let kind: String = identity
        .agent_type
        .chars()
        .take(LONGEST_TYPE)
        .map(|c| if is_legal_in_name(c) { c } else { '-' })
        .collect();
    format!("{kind}-{instance}")
}

/// A session tag that says who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentityTag {
    /// `agent-type`: what kind of agent it is.
    Type,
    /// `agent-version`: which release of it runs.
    Version,
    /// `agent-environment`: where it runs.
    Environment,
    /// `agent-owner`: the team that answers for it.
    Owner,
    /// `agent-instance`: the id of the instance, 32 hexadecimal digits, as it stands in events.
    Instance,
}

impl IdentityTag {
    /// All of them, in the order in which they are sent.
    pub const ALL: [Self; 5] = [
        Self::Type,
        Self::Version,
        Self::Environment,
        Self::Owner,
        Self::Instance,
    ];

    /// The key of the tag, for `aws:PrincipalTag/…` in policies.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Type => "agent-type",
            Self::Version => "agent-version",
            Self::Environment => "agent-environment",
            Self::Owner => "agent-owner",
            Self::Instance => "agent-instance",
        }
    }

    /// The value of the tag: what AWS takes in no tag becomes `-`.
    #[must_use]
    pub fn value(self, identity: &AgentIdentity, instance: InstanceId) -> String {
        let text = match self {
            Self::Type => &identity.agent_type,
            Self::Version => &identity.version,
            Self::Environment => &identity.environment,
            Self::Owner => &identity.owner,
            Self::Instance => return instance.to_string(),
        };
        text.chars()
            .map(|c| if is_legal_in_tag(c) { c } else { '-' })
            .collect()
    }
}

/// 64 characters less a hyphen and 32 digits of the instance.
const LONGEST_TYPE: usize = 31;

#[cfg(test)]
mod tests {
    use keytide_core::Agent;
    use proptest::prelude::*;

    use super::*;

    fn agent(kind: &str, owner: &str) -> Agent {
        let identity = AgentIdentity {
            agent_type: kind.into(),
            version: "1.4.2+build.7".into(),
            environment: "prod".into(),
            owner: owner.into(),
        };
        Agent::builder(identity).build().unwrap()
    }

    proptest! {
        #[test]
        fn any_identity_gives_a_legal_name_and_legal_tags(kind in "[!-~]{1,128}", owner in "[!-~]{1,128}") {
            let agent = agent(&kind, &owner);

            let name = session_name(agent.identity(), agent.instance());

            prop_assert!((2..=64).contains(&name.len()));
            prop_assert!(name.chars().all(is_legal_in_name));
            prop_assert!(name.ends_with(&agent.instance().to_string()));
            for tag in IdentityTag::ALL {
                let value = tag.value(agent.identity(), agent.instance());
                prop_assert!(!value.is_empty() && value.len() <= 256);
                prop_assert!(value.chars().all(is_legal_in_tag));
            }
        }
    }

    #[test]
    fn a_name_tells_the_type_and_which_instance() {
        let (first, second) = (
            agent("invoice reader".replace(' ', "/").as_str(), "o"),
            agent("invoice/reader", "o"),
        );

        let name = |agent: &Agent| session_name(agent.identity(), agent.instance());

        assert!(
            name(&first).starts_with("invoice-reader-"),
            "{}",
            name(&first)
        );
        assert_ne!(name(&first), name(&second), "two agents of one type");
        assert_eq!(
            name(&first),
            name(&first),
            "the name of a session does not change"
        );
    }
}
