//! When the issuer is asked without a waiting reader: by the timer, by a read in passing, by a changed input.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::decide::{Deferred, Words};
use super::flight::Flight;
use super::machine::Orphan;
use super::shared::Shared;
use crate::credential::Credential;
use crate::event::EventKind;
use crate::provider::request::Changed;
use crate::sys::time::Now;

impl Shared {
    /// A read that does not wait found something due. Lets the driver look, unless somebody is at it. `short`: what it asked
    /// for, where what is current does not last as long.
    pub(crate) fn kick(self: &Arc<Self>, now: Now, short: Option<Duration>) {
        let Some(state) = self.state.try_lock() else {
            return;
        };
        self.step(state, now, Words::default(), |machine, seen, effects| {
            machine.read_in_passing(seen, short, effects);
        });
    }

    /// The driver's call at the instant that was scheduled.
    pub(crate) fn on_timer(self: &Arc<Self>, now: Now) {
        let state = self.state.lock();
        self.step(state, now, Words::default(), |machine, seen, effects| {
            machine.timer(seen, effects);
        });
    }

    /// The wall clock stepped: the credential and the timer are judged anew, and what the wrong clock brought about is
    /// forgotten.
    pub(crate) fn clock_stepped(self: &Arc<Self>, now: Now) {
        self.state
            .lock()
            .machine
            .clock_stepped(self.options.min_interval());
        self.on_timer(now);
    }

    /// The flight's runtime ended, is not polled, or is blocked: no failure of the issuer, so no backoff.
    pub(crate) fn orphan(
        self: &Arc<Self>,
        flight: &Arc<Flight>,
        blocked_by: Option<&'static str>,
        paced: bool,
    ) {
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        let mut after = Deferred::default();
        let words = Words::default();
        let orphan = Orphan {
            number: flight.number(),
            trigger: flight.trigger,
            demand: flight.demand(),
            paced,
        };
        let orphaned = self.decide(
            &mut state,
            &mut after,
            now,
            words,
            |machine, seen, effects| machine.orphaned(&orphan, seen, effects),
        );
        if orphaned {
            state.flight = None;
            let principal = self.principal_of(&state);
            let kind = EventKind::Orphaned { blocked_by };
            self.context.emit_at(now, principal.as_ref(), kind);
        }
        drop(state);
        after.run(self);
        if orphaned {
            flight.retire();
        }
    }

    /// The home that held this cache's timer is gone.
    pub(crate) fn rehome(self: &Arc<Self>) {
        let now = self.context.clock.now();
        let state = self.state.lock();
        self.step(state, now, Words::default(), |machine, seen, effects| {
            machine.rehomed(seen, effects);
        });
    }

    /// Tells of reads past expiry, once a second at most.
    pub(crate) fn tell_past_expiry(self: &Arc<Self>, credential: &Credential, now: Now) {
        let reads = credential.past_expiry.load(Ordering::Relaxed);
        if reads == 0 {
            return;
        }
        let Some(state) = self.state.try_lock() else {
            return;
        };
        let words = Words {
            reads: u64::from(reads),
            ..Words::default()
        };
        let told = self.step(state, now, words, |machine, seen, effects| {
            machine.served_past_expiry(seen, effects)
        });
        if told {
            credential.past_expiry.fetch_sub(reads, Ordering::Relaxed);
        }
    }
}

impl Changed for Shared {
    fn input_changed(self: Arc<Self>) {
        let now = self.context.clock.now();
        let state = self.state.lock();
        self.step(state, now, Words::default(), |machine, seen, effects| {
            machine.input_changed(seen, effects);
        });
    }

    fn is_held(&self) -> bool {
        Self::is_held(self)
    }
}
