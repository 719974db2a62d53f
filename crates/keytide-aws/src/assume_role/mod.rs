//! A session of a role, got with the keys of another principal: [`AssumeRole`].

mod ask;
mod base;
mod builder;
mod denied;
mod tags;

use std::fmt;

use keytide_core::{
    Cache, Error, Issued, Profile, ProvideCredential, Request, Revocation, Subject,
};

pub(crate) use self::ask::RoleRequest;
pub(crate) use self::base::Base;
pub use self::builder::AssumeRoleBuilder;
use crate::failure::beneath_role;
use crate::keys;
use crate::marks::Marks;
use crate::session::RoleSessions;

/// Asks STS for a session of a role (`AssumeRole`), signed with the keys of another cache.
///
/// Any cache of AWS keys can be the base, that of another `AssumeRole` too: roles chain. When the base rotates, the next
/// call is signed with the new keys; a forced refresh asks the base again first. Where STS says that the keys of the base are
/// expired or unknown, the base is told, and asks anew for the next attempt.
///
/// Who acts reaches AWS by three ways, each of which CloudTrail and policies see:
///
/// | what | holds | needs |
/// |---|---|---|
/// | session name | [`session_name`](keytide_aws_policy::session_name): the type and the instance; always | – |
/// | source identity | the same text; it stays through chains of roles | `sts:SetSourceIdentity` |
/// | session tags | [`IdentityTag`](crate::IdentityTag): type, version, environment, owner, instance; transitive, so they stay through chains | `sts:TagSession` |
///
/// Where the trust policy of the role does not allow the last two, STS answers `AccessDenied`, and the error holds the
/// statement to add. Each can be [turned off](AssumeRoleBuilder::without_source_identity). A source identity that the base
/// brings along (from the claims of an identity provider, say) cannot be changed: leave ours out then, or STS denies.
///
/// ```no_run
/// use keytide_aws::{AssumeRole, Imds};
/// use keytide_core::{Agent, AgentIdentity, Error};
///
/// # async fn example() -> Result<(), Error> {
/// let identity = AgentIdentity {
///     agent_type: "invoice-reader".into(),
///     version: "1.4.2".into(),
///     environment: "prod".into(),
///     owner: "payments".into(),
/// };
/// let agent = Agent::builder(identity).build()?;
///
/// let instance = agent.cache(Imds::new()).build()?;
/// let role = AssumeRole::builder("arn:aws:iam::123456789012:role/invoices", instance).build()?;
/// let session = role.sessions();
/// let invoices = agent.cache(role).build()?;
///
/// invoices.get().await?;
/// println!("{:?}", session.last());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// By the code of STS, whatever shape of XML it comes in: [the table](crate#errors). A refused `AccessDenied` names its
/// first suspects. A base that is not configured is [`Misconfigured`](keytide_core::ErrorKind::Misconfigured): a chain does
/// not pass over a role that somebody named.
///
/// # Revocation
/// No call takes a session back: the profile states [`UntilExpiry`](keytide_core::Revocation::UntilExpiry), and
/// [`Agent::terminate`](keytide_core::Agent::terminate) reports for how many seconds some session of the agent is still
/// accepted, over all that were issued and have not expired. An operator can end sessions by a deny policy on the role
/// ([`SessionRevocation`](keytide_aws_policy::SessionRevocation)), which takes effect in seconds to a few minutes.
pub struct AssumeRole {
    ask: RoleRequest,
    base: Subject,
    /// The cache under `base`.
    under: Cache,
}

impl AssumeRole {
    /// Starts a provider of sessions of this role, got with the keys of `base`.
    pub fn builder(role_arn: impl Into<String>, base: Cache) -> AssumeRoleBuilder {
        AssumeRoleBuilder::new(role_arn.into(), base)
    }

    /// What STS says of the sessions that it gives: the principal, how full the room for policies and tags is.
    #[must_use]
    pub fn sessions(&self) -> RoleSessions {
        self.ask.session.sessions.clone()
    }
}

impl ProvideCredential for AssumeRole {
    fn profile(&self) -> Profile {
        let chained = self.ask.chained == Some(true);
        let profile = self.ask.session.profile("assume_role", chained);
        profile.revocation(Revocation::UntilExpiry)
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let credential = self
            .base
            .obtain(request)
            .await
            .map_err(|error| beneath_role(self.ask.role.as_str(), error))?;
        let base = Base {
            principal: credential.principal().map(ToOwned::to_owned),
            keys: keys::signer(&credential, "signature of AssumeRole")?,
            marks: Marks::of(&credential),
            held: Some((self.under.clone(), credential.generation())),
        };
        let keys = self.ask.send(base, request).await?;
        Ok(keys.issued())
    }
}

impl fmt::Debug for AssumeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRole")
            .field("ask", &self.ask)
            .field("base", &self.under)
            .finish_non_exhaustive()
    }
}
