//! Ends that are final: no reader gets the credential any more, and the issuer is told where it can be.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::decide::{Deferred, Words};
use super::left::{Correction, Left};
use super::machine::Ended;
use super::shared::{FOREIGN, Shared};
use super::state::State;
use super::tell::{Telling, Tells, tell};
use super::watched::{END, tell_watchers};
use crate::credential::{Credential, Ends};
use crate::error::{Error, ErrorKind};
use crate::home;
use crate::sync::bury_any;
use crate::sys::time::Now;

/// What a revocation leaves to be done and to be reported.
pub(crate) struct Ending {
    /// For how long something of it is accepted, unless its issuer is told.
    pub(crate) residual_exposure: Duration,
    /// How many held the last generation.
    pub(crate) borrowers: usize,
    /// Nothing was revoked, for that.
    pub(crate) refused: Option<Error>,
    pub(crate) telling: Option<Telling>,
}

impl Ending {
    fn without_telling(residual_exposure: Duration) -> Self {
        Self {
            residual_exposure,
            borrowers: 0,
            refused: None,
            telling: None,
        }
    }
}

impl Shared {
    pub(crate) fn revoke(self: &Arc<Self>) -> Ending {
        if self.context.is_foreign() {
            return self.nothing_to_revoke();
        }
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        if state.machine.ended() == Ended::Revoked {
            let left = state.rest.as_ref().and_then(|rest| rest.left.clone());
            drop(state);
            let left = left.map_or(Duration::ZERO, |left| left.ends().remaining(now));
            return Ending::without_telling(left);
        }
        let current = self
            .slot
            .load()
            .into_owned()
            .or_else(|| state.withdrawn().cloned());
        let former = state.machine.former();
        let (mut after, none) = (Deferred::default(), Words::default());
        let ends = self.decide(
            &mut state,
            &mut after,
            now,
            none,
            |machine, seen, effects| machine.revoked(seen, effects),
        );
        let watchers = state.watched();
        bury_any(state.rest.take());
        let correction = self.leave_behind(&mut state, current.as_deref(), ends, now);
        let residual_exposure = ends.map_or(Duration::ZERO, |ends| ends.remaining(now));
        drop(state);
        after.run(self);
        tell_watchers(watchers, END);
        // One is ours.
        let borrowers = current
            .as_ref()
            .map_or(0, |current| Arc::strong_count(current) - 1);
        let telling = current.zip(correction).map(|(credential, correction)| {
            let tells = Tells {
                credential,
                revocation: self.context.profile().revocation,
                former,
                context: Arc::clone(&self.context),
                correction,
            };
            tell(Arc::clone(&self.agent), tells, self.context.provider_name())
        });
        Ending {
            residual_exposure,
            borrowers,
            refused: None,
            telling,
        }
    }

    /// Remembers the worst case at the moment of the revocation: under the lock, so that whoever finds the cache revoked
    /// finds this too. Returns the right to correct it, where the issuer can be told.
    fn leave_behind(
        &self,
        state: &mut State,
        current: Option<&Credential>,
        ends: Option<Ends>,
        now: Now,
    ) -> Option<Correction> {
        let left = Left::new(ends?);
        state.rest().left = Some(Arc::clone(&left));
        if current.and_then(Credential::revoke_at).is_none() {
            self.agent.remember(ends);
            return None;
        }
        let correction = Correction::of(&left);
        self.agent.watch(&left, now);
        Some(correction)
    }

    /// In a forked child: what its parent holds is not the child's to end, and its locks may be held.
    fn nothing_to_revoke(&self) -> Ending {
        Ending {
            refused: Some(self.error(ErrorKind::ForeignInstance, FOREIGN)),
            ..Ending::without_telling(Duration::ZERO)
        }
    }

    /// Stops refreshing. What is at hand is served until it expires.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        if self.context.is_foreign() {
            return;
        }
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        let (mut after, none) = (Deferred::default(), Words::default());
        self.decide(
            &mut state,
            &mut after,
            now,
            none,
            |machine, seen, effects| {
                machine.shut_down(seen, effects);
            },
        );
        let watchers = state.watched();
        drop(state);
        after.run(self);
        tell_watchers(watchers, END);
    }

    pub(crate) fn hold(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a user holds a handle. The library's own references, which it takes for moments, do not count.
    pub(crate) fn is_held(&self) -> bool {
        // Acquire: who finds that nobody holds it sees what was done with the last handle.
        self.handles.load(Ordering::Acquire) > 0
    }

    /// A handle is dropped: with the last one all work ends, here and now, whoever else looks at the cache. Its key is free
    /// when this returns, and what it leaves behind is counted.
    pub(crate) fn let_go(self: &Arc<Self>) {
        // AcqRel: who drops the last handle sees what was done with all others.
        if self.handles.fetch_sub(1, Ordering::AcqRel) > 1 || self.context.is_foreign() {
            return;
        }
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        let (mut after, none) = (Deferred::default(), Words::default());
        // The credential stays, for a revocation that comes between counts it too. One that came before has counted it.
        let left = self.decide(
            &mut state,
            &mut after,
            now,
            none,
            |machine, seen, effects| {
                let left = machine.left_behind(seen);
                let revoked = machine.ended() == Ended::Revoked;
                machine.shut_down(seen, effects);
                left.filter(|_| !revoked)
            },
        );
        let watchers = state.watched();
        drop(state);
        after.run(self);
        home::forget(self.id);
        self.agent.forget(self.place, &self.context.key, left);
        tell_watchers(watchers, END);
    }
}
