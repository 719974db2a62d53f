//! The one who acts, and all that it holds: [`Agent`].

mod builder;
mod end;
mod registry;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::builder::AgentBuilder;
pub use self::end::{Terminating, Termination};
pub(crate) use self::registry::Registry;
use crate::cache::{Cache, CacheStatus, Shared};
use crate::context::Actor;
use crate::credential::Ends;
use crate::engine::options::Options;
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::home::Homes;
use crate::identity::{AgentIdentity, InstanceId};
use crate::key::Key;
use crate::sys;

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
        self.caches().iter().map(Cache::status).collect()
    }

    /// Waits until every cache that the agent holds now has a usable credential, asking again at the pace of the
    /// backoff, for at most `limit`.
    ///
    /// # Errors
    /// [`TimedOut`](ErrorKind::TimedOut), with the last failure of a cache that has none as its source; or at once
    /// what no wait can heal: [`Revoked`](ErrorKind::Revoked), [`ShutDown`](ErrorKind::ShutDown),
    /// [`ForeignInstance`](ErrorKind::ForeignInstance).
    pub async fn warm_up(&self, limit: Duration) -> Result<(), Error> {
        self.inner.check_process()?;
        let end = sys::monotonic().checked_add(limit);
        let boot_end = self.inner.actor.clock.now().boot.after(limit);
        let caches = self.caches();
        for cache in &caches {
            // All are asked at once; the waits below overlap.
            let _ = cache.try_get();
        }
        for cache in &caches {
            loop {
                let by_clock = self.inner.actor.clock.now().boot.until(boot_end);
                let left = match end {
                    Some(end) => end
                        .saturating_duration_since(sys::monotonic())
                        .min(by_clock),
                    None => by_clock,
                };
                match cache.get_within(left, Duration::ZERO).await {
                    Ok(_) => break,
                    Err(error) if is_final(error.kind()) => return Err(error),
                    Err(error) if error.kind() == ErrorKind::TimedOut => {
                        return Err(timed_out(cache, limit, &error));
                    }
                    Err(error) => {
                        if !cache.shared.wait_for_pace(left).await {
                            return Err(timed_out(cache, limit, &error));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    pub(crate) fn caches(&self) -> Vec<Cache> {
        if self.inner.actor.is_foreign() {
            return Vec::new();
        }
        self.inner
            .registry
            .caches()
            .into_iter()
            .map(|shared| Cache { shared })
            .collect()
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

    /// Remembers until when something is accepted that no cache holds any more.
    pub(crate) fn remember(&self, left: Option<Ends>) {
        self.registry.remember(left);
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

fn is_final(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Revoked | ErrorKind::ShutDown | ErrorKind::ForeignInstance
    )
}

fn timed_out(cache: &Cache, limit: Duration, cause: &Error) -> Error {
    let message = format!("{}: not warm within {limit:?}", cache.key());
    let error = Error::new(ErrorKind::TimedOut, message);
    if cause.kind() == ErrorKind::TimedOut {
        error
    } else {
        error.caused_by(cause.clone())
    }
}
