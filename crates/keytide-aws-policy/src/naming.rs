//! How an agent's identity is written where AWS keeps it: the session name, the source identity, session tags.

use keytide_core::{AgentIdentity, InstanceId};
use sha2::{Digest, Sha256};

use crate::characters::{is_legal_in_name, is_legal_in_tag};

/// The name of each role session of one agent instance: its type and its instance id, as
/// `invoice-reader-0123456789abcdef0123456789abcdef`. It stands in the principal's ARN, in `aws:userid` and in
/// CloudTrail.
///
/// It has 34 to 64 characters out of `[A-Za-z0-9_+=,.@-]`, which is what STS takes. Two types never become one: each byte of
/// another character is written as `=` and two hexadecimal digits, and so is `=` itself (`invoice/reader` is
/// `invoice=2Freader`); a type that is longer than 31 characters once written ends in `=-` and 16 characters of its
/// SHA-256 instead. The instance id is whole, so two agents of one type are told apart too.
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
/// assert_eq!(name, format!("invoice=2Freader-{}", agent.instance()));
/// # Ok::<(), keytide_core::Error>(())
/// ```
#[must_use]
pub fn session_name(identity: &AgentIdentity, instance: InstanceId) -> String {
    let kind = written(&identity.agent_type, is_legal_in_name, LONGEST_TYPE);
    format!("{kind}-{instance}")
}

/// A text as the value of a session tag, which has at most 256 letters, digits, spaces and `_.:/=+-@`. Two texts never become
/// one: each byte of another character is written as `=` and two hexadecimal digits, and so is `=` itself (`payments!` is
/// `payments=21`); what is longer than 256 characters once written ends in `=-` and 16 characters of its SHA-256 instead.
#[must_use]
pub fn tag_value(text: &str) -> String {
    written(text, is_legal_in_tag, LONGEST_VALUE)
}

/// One text for one text: `=` begins an escape or, with `-` behind it, the digest of what is too long.
fn written(text: &str, legal: fn(char) -> bool, most: usize) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        if legal(c) && c != '=' {
            written.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                written.push_str(&format!("={byte:02X}"));
            }
        }
    }
    if written.chars().count() <= most {
        return written;
    }
    let kept = written.chars().take(most - DIGEST - 2);
    let mut cut: String = kept.collect();
    cut.push_str("=-");
    let digest = Sha256::digest(text.as_bytes());
    for byte in &digest[..DIGEST / 2] {
        cut.push_str(&format!("{byte:02x}"));
    }
    cut
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

    /// The value of the tag, written as [`tag_value`] writes it.
    #[must_use]
    pub fn value(self, identity: &AgentIdentity, instance: InstanceId) -> String {
        let text = match self {
            Self::Type => &identity.agent_type,
            Self::Version => &identity.version,
            Self::Environment => &identity.environment,
            Self::Owner => &identity.owner,
            Self::Instance => return instance.to_string(),
        };
        tag_value(text)
    }
}

/// 64 characters less a hyphen and 32 digits of the instance.
const LONGEST_TYPE: usize = 31;
/// API reference of AssumeRole, `Tags`.
const LONGEST_VALUE: usize = 256;
/// Hexadecimal digits: 64 bits tell the types of one owner apart, who chooses them.
const DIGEST: usize = 16;

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
    fn two_identities_never_become_one() {
        let long = "x".repeat(128);
        let texts = [
            "payments",
            "payments!",
            "payments-",
            "payments?",
            "payments/",
            "payments=21",
            "payments=",
            "payments=3D",
            "payments=-",
            &long[..31],
            &long[..32],
            &long[..127],
            &long,
            &"!".repeat(127),
            &"!".repeat(128),
        ];
        let mut names = std::collections::HashMap::new();
        let mut values = std::collections::HashMap::new();
        for text in texts {
            let agent = agent(text, text);
            let name = session_name(agent.identity(), agent.instance());
            let kind = name
                .strip_suffix(&format!("-{}", agent.instance()))
                .unwrap()
                .to_owned();
            assert_eq!(names.insert(kind, text), None, "{text}");
            let value = IdentityTag::Owner.value(agent.identity(), agent.instance());
            assert_eq!(values.insert(value, text), None, "{text}");
        }
        assert_eq!(values["payments=21"], "payments!");
        assert_eq!(values["payments=3D21"], "payments=21");
        assert_eq!(values["payments-"], "payments-");
    }

    proptest! {
        #[test]
        fn any_two_texts_are_written_as_two(one in "[!-~]{1,40}", other in "[!-~=]{1,40}") {
            prop_assume!(one != other);
            for most in [31, 256] {
                prop_assert_ne!(written(&one, is_legal_in_name, most), written(&other, is_legal_in_name, most));
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
            name(&first).starts_with("invoice=2Freader-"),
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
