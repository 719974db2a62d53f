//! What a cache knows beside its current credential: [`State`].

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::flight::Flight;
use super::left::Left;
use super::machine::Machine;
use super::watched::Watched;
use crate::credential::Credential;
use crate::error::Error;
use crate::home::TimerKey;
use crate::provider::request::ChangeNotifier;
use crate::sync::{self, LayToRest, Mutex, MutexGuard, discard};

/// All that is decided under one lock: held for one decision; never while a provider, an observer or a waiter runs, and
/// never across an await. The machine decides; the rest is what a decision is about.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) machine: Machine,
    /// The flight that the machine has begun last, while it is under way.
    pub(crate) flight: Option<Arc<Flight>>,
    /// When a home looks at it next.
    pub(crate) timer: TimerKey,
    pub(crate) rest: Option<Box<ColdState>>,
}

/// What most caches never need.
#[derive(Default)]
pub(crate) struct ColdState {
    /// The last failure since the last success.
    pub(crate) last_error: Option<Error>,
    /// What was invalidated: reinstated if the issuer gives it again.
    pub(crate) withdrawn: Option<Arc<Credential>>,
    /// Whom the issuer named, where its last answer named nobody.
    pub(crate) principal: Option<Arc<str>>,
    pub(crate) adopted: Vec<Arc<str>>,
    /// What a revocation left behind.
    pub(crate) left: Option<Arc<Left>>,
    /// Whoever watches for new generations.
    pub(crate) changes: Option<Arc<Watched>>,
    /// Caches whose providers wait for a newer credential of this one.
    pub(crate) dependants: Vec<ChangeNotifier>,
}

/// Both may hold what is a user's, and either may panic: one by one.
impl Drop for ColdState {
    fn drop(&mut self) {
        discard(self.last_error.take());
        discard(self.withdrawn.take());
    }
}

impl State {
    pub(crate) fn rest(&mut self) -> &mut ColdState {
        self.rest.get_or_insert_default()
    }

    pub(crate) fn withdrawn(&self) -> Option<&Arc<Credential>> {
        self.rest.as_ref()?.withdrawn.as_ref()
    }

    pub(crate) fn last_error(&self) -> Option<&Error> {
        self.rest.as_ref()?.last_error.as_ref()
    }

    pub(crate) fn watched(&self) -> Option<Arc<Watched>> {
        self.rest.as_ref()?.changes.clone()
    }

    /// What watchers look at, from now on.
    pub(crate) fn watch(&mut self) -> &Arc<Watched> {
        let seen = self.machine.generation();
        let changes = &mut self.rest().changes;
        changes.get_or_insert_with(|| Arc::new(Watched::new(seen)))
    }
}

/// The lock over a cache's [`State`]. What is buried under it is dropped when it is released: it may be a user's.
#[derive(Default)]
pub(crate) struct StateLock(Mutex<State>);

/// The state, while it is locked. The guard goes first.
pub(crate) struct Locked<'a> {
    state: MutexGuard<'a, State>,
    _after: LayToRest,
}

impl StateLock {
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked {
            state: sync::lock(&self.0),
            _after: LayToRest,
        }
    }

    pub(crate) fn try_lock(&self) -> Option<Locked<'_>> {
        Some(Locked {
            state: sync::try_lock(&self.0)?,
            _after: LayToRest,
        })
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
