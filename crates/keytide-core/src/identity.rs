//! Who is acting: [`AgentIdentity`], required wherever a credential is issued.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;

macro_rules! part {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name<T: Into<String> = String>(
            /// The name: 1 to 128 printable ASCII characters without spaces.
            pub T,
        );
    };
}

part! {
    /// What kind of agent this is, such as `invoice-reader`.
    AgentType
}
part! {
    /// Which release of the agent's code runs, such as `1.4.2`.
    Version
}
part! {
    /// Where it runs, such as `prod`.
    Environment
}
part! {
    /// The team that answers for it, such as `payments`.
    Owner
}

/// The identity of one running agent: four required names, labels, and a generated instance id.
///
/// It reaches every provider call and every event, so that each issuance, use and refusal can be attributed.
///
/// ```
/// use keytide_core::{AgentIdentity, AgentType, Environment, Owner, Version};
///
/// let identity = AgentIdentity::new(
///     AgentType("invoice-reader"),
///     Version("1.4.2"),
///     Environment("prod"),
///     Owner("payments"),
/// )?
/// .label("data-class", "internal");
/// assert_eq!(identity.owner(), "payments");
/// # Ok::<(), keytide_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AgentIdentity {
    names: Arc<Names>,
    labels: Vec<(String, String)>,
}

#[derive(PartialEq, Eq)]
struct Names {
    agent_type: String,
    version: String,
    environment: String,
    owner: String,
}

impl AgentIdentity {
    /// Names an agent. The instance id is generated when the agent is built.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) when a name is empty, longer than 128 bytes, or holds anything but printable
    /// ASCII without spaces (names travel in headers, session names and log fields).
    pub fn new(
        agent_type: AgentType<impl Into<String>>,
        version: Version<impl Into<String>>,
        environment: Environment<impl Into<String>>,
        owner: Owner<impl Into<String>>,
    ) -> Result<Self, Error> {
        Ok(Self {
            names: Arc::new(Names {
                agent_type: checked("agent type", agent_type.0.into())?,
                version: checked("version", version.0.into())?,
                environment: checked("environment", environment.0.into())?,
                owner: checked("owner", owner.0.into())?,
            }),
            labels: Vec::new(),
        })
    }

    /// Adds a label, or replaces the one of that name.
    ///
    /// Labels keep the rule of [`AgentIdentity::new`], and there are at most 32:
    /// [`AgentBuilder::build`](crate::AgentBuilder::build) refuses others.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.labels.retain(|(known, _)| *known != name);
        self.labels.push((name, value.into()));
        self
    }

    /// What kind of agent this is.
    #[must_use]
    pub fn agent_type(&self) -> &str {
        &self.names.agent_type
    }

    /// Which release of it runs.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.names.version
    }

    /// Where it runs.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.names.environment
    }

    /// The team that answers for it.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.names.owner
    }

    /// The labels, in the order in which they were given.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn check_labels(&self) -> Result<(), Error> {
        if self.labels.len() > MAX_LABELS {
            return Err(Error::invalid(format!(
                "an agent has at most {MAX_LABELS} labels"
            )));
        }
        for (name, value) in &self.labels {
            check("label name", name)?;
            check("label value", value)?;
        }
        Ok(())
    }
}

impl fmt::Debug for AgentIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentIdentity")
            .field("agent_type", &self.names.agent_type)
            .field("version", &self.names.version)
            .field("environment", &self.names.environment)
            .field("owner", &self.names.owner)
            .field("labels", &self.labels)
            .finish()
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

fn checked(what: &str, name: String) -> Result<String, Error> {
    check(what, &name)?;
    Ok(name)
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
