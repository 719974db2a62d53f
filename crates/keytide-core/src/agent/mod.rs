//! The one who acts, and all that it holds: [`Agent`].

mod builder;
mod end;
mod together;
mod warm_up;

use std::fmt;
use std::sync::Arc;

pub use self::builder::AgentBuilder;
pub use self::end::{Terminating, TerminationReport};
use crate::cache::{CacheBuilder, CacheStatus, status_of};
use crate::engine::household::Household;
use crate::engine::shared::Shared;
use crate::identity::{AgentIdentity, InstanceId, Labels};
use crate::provider::ProvideCredential;

/// One running agent: who it is, what it holds, and who watches.
///
/// Clones are the same agent. Its caches, and clients made of them, keep it alive; it ends by
/// [`terminate`](Self::terminate), or when the last of all these is dropped.
///
/// ```
/// # use keytide_core::{Agent, AgentIdentity, TracingObserver};
/// let identity = AgentIdentity {
///     agent_type: "invoice-reader".into(),
///     version: "1.4.2".into(),
///     environment: "prod".into(),
///     owner: "payments".into(),
/// };
/// let agent = Agent::builder(identity).observe(TracingObserver::default()).build()?;
/// # Ok::<(), keytide_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Agent {
    pub(crate) inner: Arc<Household<Shared>>,
}

impl Agent {
    /// Builds an agent of this identity.
    pub fn builder(identity: AgentIdentity) -> AgentBuilder {
        AgentBuilder::new(identity)
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &AgentIdentity {
        &self.inner.actor.identity
    }

    /// What else is known of it.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.inner.actor.labels
    }

    /// Which instance of it this is: generated, unique.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.inner.actor.instance
    }

    /// A cache of this agent for one credential.
    pub fn cache(&self, provider: impl ProvideCredential) -> CacheBuilder {
        CacheBuilder::new(Arc::clone(&self.inner), provider)
    }

    /// What each of its caches is doing, in no particular order.
    #[must_use]
    pub fn status(&self) -> Vec<CacheStatus> {
        let caches = self.caches();
        let held = caches.iter().filter(|cache| cache.is_held());
        held.map(|cache| status_of(cache)).collect()
    }

    /// The caches that live. To hold one of these keeps no work of it going: that ends with the last handle of a user's.
    fn caches(&self) -> Vec<Arc<Shared>> {
        self.inner.caches()
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("identity", self.identity())
            .field("instance", &self.instance())
            .finish_non_exhaustive()
    }
}
