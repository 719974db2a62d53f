//! The one who acts, and all that it holds: [`Agent`].

mod builder;
mod end;
mod left;
mod registry;
mod together;
mod warm_up;

use std::fmt;
use std::sync::Arc;

pub use self::builder::AgentBuilder;
pub use self::end::{Terminating, Termination};
pub(crate) use self::left::{Correction, Left};
pub(crate) use self::registry::Registry;
use crate::cache::{CacheStatus, Shared};
use crate::context::Actor;
use crate::credential::Ends;
use crate::engine::options::Options;
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::home::Homes;
use crate::identity::{AgentIdentity, InstanceId};
use crate::key::Key;
use crate::time::Now;

/// One running agent: who it is, what it holds, and who watches.
///
/// Clones are the same agent. Its caches, and clients made of them, keep it alive; it ends by
/// [`terminate`](Self::terminate), or when the last of all these is dropped.
///
/// ```
/// # use keytide_core::{Agent, AgentIdentity, AgentType, Environment, Owner, TracingObserver, Version};
/// let identity = AgentIdentity::new(
///     AgentType("invoice-reader"),
///     Version("1.4.2"),
///     Environment("prod"),
///     Owner("payments"),
/// )?;
/// let agent = Agent::builder(identity).observe(TracingObserver::default()).build()?;
/// # Ok::<(), keytide_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Agent {
    pub(crate) inner: Arc<AgentInner>,
}

pub(crate) struct AgentInner {
    pub(crate) actor: Arc<Actor>,
    pub(crate) homes: Homes,
    registry: Registry,
    options: Arc<Options>,
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

    /// Which instance of it this is: generated, unique.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.inner.actor.instance
    }

    /// What each of its caches is doing, in no particular order.
    #[must_use]
    pub fn status(&self) -> Vec<CacheStatus> {
        let caches = self.caches();
        let held = caches.iter().filter(|cache| cache.is_held());
        held.map(|cache| cache.status()).collect()
    }

    /// The caches that live. To hold one of these keeps no work of it going: that ends with the last handle of a user's.
    fn caches(&self) -> Vec<Arc<Shared>> {
        if self.inner.actor.is_foreign() {
            return Vec::new();
        }
        self.inner.registry.caches()
    }
}

impl AgentInner {
    pub(crate) fn plain_options(&self) -> Arc<Options> {
        Arc::clone(&self.options)
    }

    /// Makes a cache under a key of its own.
    pub(crate) fn register(
        &self,
        key: Option<String>,
        provider: &'static str,
        make: impl FnOnce(u32, Key) -> Arc<Shared>,
    ) -> Result<Arc<Shared>, Error> {
        self.check_process()?;
        self.registry.insert(key, provider, make)
    }

    /// In a forked child no lock of its parent's may be taken: another thread may have held it.
    pub(crate) fn check_process(&self) -> Result<(), Error> {
        if !self.actor.is_foreign() {
            return Ok(());
        }
        let message =
            "this process was forked from the one that built the agent; build an agent here";
        Err(Error::new(ErrorKind::ForeignInstance, message))
    }

    pub(crate) fn forget(&self, place: u32, key: &Key, left: Option<Ends>) {
        self.registry.remove(place, key, left);
    }

    /// Remembers until when something is accepted that no cache serves any more.
    pub(crate) fn remember(&self, left: Option<Ends>) {
        self.registry.remember(left);
    }

    /// Remembers what no cache serves any more, and its issuer is to be told of.
    pub(crate) fn watch(&self, left: &Arc<Left>, now: Now) {
        self.registry.watch(Arc::clone(left), now);
    }
}

impl Drop for AgentInner {
    fn drop(&mut self) {
        if !self.actor.is_foreign() && !self.registry.has_ended() {
            self.actor
                .emit(None, "", None, EventKind::Terminated { reason: None });
        }
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
