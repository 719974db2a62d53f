//! What the caches of one agent share: [`Household`].

use std::sync::Arc;

use super::left::Left;
use super::machine::Ended;
use super::options::Options;
use super::registry::Registry;
use crate::context::Actor;
use crate::context::key::Key;
use crate::credential::Ends;
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::home::Homes;
use crate::profile::Profile;
use crate::sys::time::Now;

/// An agent, as its caches know it: it lives as long as the last of them, and does not know what they are.
pub(crate) struct Household<C> {
    pub(crate) actor: Arc<Actor>,
    pub(crate) homes: Homes,
    registry: Registry<C>,
    options: Arc<Options>,
}

impl<C> Household<C> {
    pub(crate) fn new(actor: Arc<Actor>, homes: Homes) -> Self {
        Self {
            actor,
            homes,
            registry: Registry::default(),
            options: Arc::new(Options::default()),
        }
    }

    /// The caches that live, in the order of their places.
    pub(crate) fn caches(&self) -> Vec<Arc<C>> {
        if self.actor.is_foreign() {
            return Vec::new();
        }
        self.registry.caches()
    }

    /// The caches that live, and until when something is accepted of those that are gone or revoked.
    pub(crate) fn caches_and_left(&self) -> (Vec<Arc<C>>, Option<Ends>) {
        self.registry.caches_and_left()
    }

    /// Lets no cache be made any more. Returns whether this was the first end of its sort.
    pub(crate) fn end(&self, ended: Ended) -> bool {
        self.registry.end(ended)
    }

    pub(crate) fn plain_options(&self) -> Arc<Options> {
        Arc::clone(&self.options)
    }

    /// Makes a cache under a key of its own.
    pub(crate) fn register(
        &self,
        key: Option<String>,
        profile: Profile,
        make: impl FnOnce(u32, Key, Arc<Profile>) -> Arc<C>,
    ) -> Result<Arc<C>, Error> {
        self.check_process()?;
        self.registry.insert(key, profile, make)
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

impl<C> Drop for Household<C> {
    fn drop(&mut self) {
        if !self.actor.is_foreign() && !self.registry.has_ended() {
            self.actor
                .emit(None, "", None, EventKind::Terminated { reason: None });
        }
    }
}
