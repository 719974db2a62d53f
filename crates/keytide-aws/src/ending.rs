//! The end of one agent's sessions: [`SessionRevocation::of_agent`].

use keytide_core::{Agent, Error};

use crate::naming::{IdentityTag, session_name};
use crate::revocation::SessionRevocation;

impl SessionRevocation {
    /// The document that ends the sessions of this role which the agent's own providers got, by
    /// [`AssumeRole`](crate::AssumeRole) and [`WebIdentity`](crate::WebIdentity), and those that it got further with them
    /// where source identity and tags went along.
    ///
    /// It can be made before and after the agent ended, and names nothing secret. For the roles of platforms
    /// (instances, tasks, pods, functions), whose sessions have names of their own, see
    /// [`builder`](Self::builder).
    ///
    /// ```
    /// use keytide_aws::SessionRevocation;
    /// use keytide_core::{Agent, AgentIdentity, AgentType, Environment, Owner, Version};
    ///
    /// let identity = AgentIdentity::new(AgentType("invoice-reader"), Version("1"), Environment("prod"), Owner("payments"))?;
    /// let agent = Agent::builder(identity).build()?;
    ///
    /// let revocation = SessionRevocation::of_agent(&agent, "arn:aws:iam::123456789012:role/invoices")?;
    ///
    /// assert!(revocation.document().contains(&agent.instance().to_string()));
    /// # Ok::<(), keytide_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Misconfigured`](keytide_core::ErrorKind::Misconfigured): the ARN is not that of a role.
    pub fn of_agent(agent: &Agent, role_arn: impl Into<String>) -> Result<Self, Error> {
        let name = session_name(agent.identity(), agent.instance());
        Self::builder(role_arn)
            .session_name(name.as_str())
            .source_identity(name)
            .instance_tag(IdentityTag::Instance.key(), agent.instance().to_string())
            .build()
    }
}
