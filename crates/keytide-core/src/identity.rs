//! Who is acting: [`AgentIdentity`], required wherever a credential is issued.

use std::fmt;

use crate::error::Error;

/// Who an agent is: four names, which [`AgentBuilder::build`](crate::AgentBuilder::build) checks.
///
/// It reaches every provider call and every event, so that each issuance, use and refusal can be attributed. The agent adds
/// an [`InstanceId`] of its own, and the [labels](crate::AgentBuilder::label) that it is given.
///
/// Each name is 1 to 128 printable ASCII characters without spaces: names travel in headers, session names and log fields.
///
/// ```
/// use keytide_core::{Agent, AgentIdentity};
///
/// let identity = AgentIdentity {
///     agent_type: "invoice-reader".into(),
///     version: "1.4.2".into(),
///     environment: "prod".into(),
///     owner: "payments".into(),
/// };
/// let agent = Agent::builder(identity).build()?;
/// assert_eq!(agent.identity().owner, "payments");
/// # Ok::<(), keytide_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AgentIdentity {
    /// What kind of agent this is, such as `invoice-reader`.
    pub agent_type: String,
    /// Which release of the agent's code runs, such as `1.4.2`.
    pub version: String,
    /// Where it runs, such as `prod`.
    pub environment: String,
    /// The team that answers for it, such as `payments`.
    pub owner: String,
}

impl AgentIdentity {
    pub(crate) fn check(&self) -> Result<(), Error> {
        check("agent type", &self.agent_type)?;
        check("version", &self.version)?;
        check("environment", &self.environment)?;
        check("owner", &self.owner)
    }
}

/// What else is to be known of an agent, by name, in the order in which it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// The value of the label of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All of them: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn set(&mut self, name: String, value: String) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value));
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.0.len() > MAX_LABELS {
            return Err(Error::invalid(format!(
                "an agent has at most {MAX_LABELS} labels"
            )));
        }
        for (name, value) in &self.0 {
            check("label name", name)?;
            check("label value", value)?;
        }
        Ok(())
    }
}

/// The id of one agent instance: 128 random bits, new with every agent that is built.
///
/// A process that forks does not share it: the parent's agents refuse to work in the child
/// ([`ErrorKind::ForeignInstance`](crate::ErrorKind::ForeignInstance)), and an agent built there has an id of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(u128);

impl InstanceId {
    pub(crate) fn drawn(number: u128) -> Self {
        Self(number)
    }

    pub(crate) fn hash_seed(self) -> u128 {
        self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn check(what: &str, name: &str) -> Result<(), Error> {
    let printable = name.bytes().all(|byte| byte.is_ascii_graphic());
    if name.is_empty() || name.len() > MAX_NAME || !printable {
        return Err(Error::invalid(format!(
            "the {what} must be 1 to {MAX_NAME} printable ASCII characters without spaces"
        )));
    }
    Ok(())
}

const MAX_NAME: usize = 128;
const MAX_LABELS: usize = 32;
