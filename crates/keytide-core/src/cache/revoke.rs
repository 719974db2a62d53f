//! Ends that are final: no reader gets the credential any more, and the issuer is told where it can be.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::decide::{After, Words};
use super::shared::{FOREIGN, Shared};
use super::state::State;
use super::tell::{Tells, tell};
use super::telling::{Revoked, Telling};
use super::watched::{END, tell_watchers};
use super::{Cache, Ended};
use crate::credential::{Credential, Ends};
use crate::engine::left::{Correction, Left};
use crate::error::ErrorKind;
use crate::home;
use crate::sync::bury;
use crate::time::Now;

impl Cache {
    /// Revokes the credential: when this returns, every read that starts fails, and no call under way can undo it.
    ///
    /// The secret is wiped when its last borrower lets go. Revoking twice is fine, and reports what is left then; it is not
    /// undone: build a new cache. The issuer is told by the future that is returned, where it can be told, within ten
    /// seconds; dropping it only omits that.
    pub fn revoke(&self) -> Telling {
        self.shared.revoke()
    }
}

impl Shared {
    pub(crate) fn revoke(self: &Arc<Self>) -> Telling {
        if self.context.is_foreign() {
            return self.nothing_to_revoke();
        }
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        if state.machine.ended() == Ended::Revoked {
            let left = state.rest.as_ref().and_then(|rest| rest.left.clone());
            drop(state);
            let left = left.map_or(Duration::ZERO, |left| left.ends().remaining(now));
            return Telling::of(self, self.ended_with(left, 0), None);
        }
        let current = self
            .slot
            .load()
            .into_owned()
            .or_else(|| state.withdrawn().cloned());
        let former = state.machine.former();
        let (mut after, none) = (After::default(), Words::default());
        let ends = self.decide(
            &mut state,
            &mut after,
            now,
            none,
            |machine, seen, effects| machine.revoked(seen, effects),
        );
        let watchers = state.watched();
        bury(state.rest.take());
        let correction = self.leave_behind(&mut state, current.as_deref(), ends, now);
        let residual_exposure = ends.map_or(Duration::ZERO, |ends| ends.remaining(now));
        drop(state);
        after.run();
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
        Telling::of(self, self.ended_with(residual_exposure, borrowers), telling)
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

    fn ended_with(&self, residual_exposure: Duration, borrowers: usize) -> Revoked {
        Revoked {
            cache: self.context.key.text(),
            residual_exposure,
            borrowers,
            issuer: None,
        }
    }

    /// In a forked child: what its parent holds is not the child's to end, and its locks may be held.
    fn nothing_to_revoke(&self) -> Telling {
        let error = self.error(ErrorKind::ForeignInstance, FOREIGN);
        let report = Revoked {
            issuer: Some(Err(error)),
            ..self.ended_with(Duration::ZERO, 0)
        };
        Telling::of(self, report, None)
    }

    /// Stops refreshing. What is at hand is served until it expires.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        if self.context.is_foreign() {
            return;
        }
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        let (mut after, none) = (After::default(), Words::default());
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
        after.run();
        tell_watchers(watchers, END);
    }

    pub(super) fn hold(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a user holds a handle. The library's own references, which it takes for moments, do not count.
    pub(crate) fn is_held(&self) -> bool {
        self.handles.load(Ordering::Acquire) > 0
    }

    /// A handle is dropped: with the last one all work ends, here and now, whoever else looks at the cache. Its key is free
    /// when this returns, and what it leaves behind is counted.
    pub(super) fn let_go(self: &Arc<Self>) {
        // AcqRel: who drops the last handle sees what was done with all others.
        if self.handles.fetch_sub(1, Ordering::AcqRel) > 1 || self.context.is_foreign() {
            return;
        }
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        let (mut after, none) = (After::default(), Words::default());
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
        after.run();
        home::forget(self.id);
        self.agent.forget(self.place, &self.context.key, left);
        tell_watchers(watchers, END);
    }
}
