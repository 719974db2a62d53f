//! The shell of the machine: what it sees is gathered, and what it decides is carried out.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::flight::{Flight, Outcome};
use super::launch::{By, Launch};
use super::machine::{Effects, Machine, NextLook, Note, Seen, SlotChange};
use super::shared::Shared;
use super::state::{Locked, State};
use crate::credential::Credential;
use crate::error::Error;
use crate::event::EventKind;
use crate::home::{Resident, Timer};
use crate::sync::bury_any;
use crate::sync::slot::Borrowed;
use crate::sys::time::{Boot, Now};

/// What a decision leaves to be done once the lock is released: wakers, providers and other caches are called here.
#[derive(Default)]
#[must_use]
pub(crate) struct Deferred {
    pub(crate) retired: Option<Arc<Flight>>,
    pub(crate) resolved: Option<(Arc<Flight>, Outcome)>,
    pub(crate) launch: Option<Launch>,
}

/// The words of what is told.
#[derive(Clone, Copy, Default)]
pub(crate) struct Words<'a> {
    pub(crate) origin: &'a str,
    pub(crate) error: Option<&'a Error>,
    /// Whom the issuer named before, and whom it names now.
    pub(crate) principals: Option<(&'a str, &'a str)>,
    pub(crate) reads: u64,
}

impl Deferred {
    pub(crate) fn run(self, shared: &Arc<Shared>) {
        if let Some(flight) = self.retired {
            flight.retire();
        }
        if let Some((flight, outcome)) = self.resolved {
            flight.resolve(outcome);
        }
        if let Some(launch) = self.launch {
            launch.enter(shared, By::Decision);
        }
    }
}

impl Shared {
    /// One decision, with all that it leaves to be done.
    pub(crate) fn step<R>(
        self: &Arc<Self>,
        mut state: Locked<'_>,
        now: Now,
        words: Words<'_>,
        decide: impl FnOnce(&mut Machine, &Seen<'_>, &mut Effects) -> R,
    ) -> R {
        let mut after = Deferred::default();
        let result = self.decide(&mut state, &mut after, now, words, decide);
        drop(state);
        after.run(self);
        result
    }

    /// Has the machine decide, and does what must be done under the lock. The rest is left in `after`.
    pub(crate) fn decide<R>(
        self: &Arc<Self>,
        state: &mut State,
        after: &mut Deferred,
        now: Now,
        words: Words<'_>,
        decide: impl FnOnce(&mut Machine, &Seen<'_>, &mut Effects) -> R,
    ) -> R {
        let borrowed = self.current(state);
        self.decide_on(borrowed.get(), state, after, now, words, decide)
    }

    /// The same, of what is current: it was loaded under this lock.
    pub(crate) fn decide_on<R>(
        self: &Arc<Self>,
        current: Option<&Credential>,
        state: &mut State,
        after: &mut Deferred,
        now: Now,
        words: Words<'_>,
        decide: impl FnOnce(&mut Machine, &Seen<'_>, &mut Effects) -> R,
    ) -> R {
        let mut effects = Effects::new(self.context.is_observed());
        let result = self.look(current, state, now, |machine, seen| {
            decide(machine, seen, &mut effects)
        });
        self.carry_out(state, after, effects, now, words);
        result
    }

    /// What readers get, for as long as the lock is held.
    pub(super) fn current(&self, state: &State) -> Borrowed<Credential> {
        if state.machine.generation() == 0 {
            // Nothing was ever there.
            Borrowed::nothing()
        } else {
            self.slot.load()
        }
    }

    /// Shows the machine what there is to be seen.
    pub(crate) fn look<R>(
        &self,
        current: Option<&Credential>,
        state: &mut State,
        now: Now,
        look: impl FnOnce(&mut Machine, &Seen<'_>) -> R,
    ) -> R {
        let withdrawn = state.rest.as_ref().and_then(|rest| rest.withdrawn.as_ref());
        let seen = Seen {
            now,
            current: current.map(|known| &known.held),
            withdrawn: withdrawn.map(|known| &known.held),
            read: Boot(self.read.load(Ordering::Relaxed)),
            launched: state.flight.as_ref().and_then(|flight| flight.launched()),
            options: &self.options,
        };
        look(&mut state.machine, &seen)
    }

    /// Does what must be done under the lock, and leaves the rest in `after`.
    pub(crate) fn carry_out(
        self: &Arc<Self>,
        state: &mut State,
        after: &mut Deferred,
        effects: Effects,
        now: Now,
        words: Words<'_>,
    ) {
        let principal = effects.observed.then(|| self.principal_of(state)).flatten();
        self.change_slot(state, effects.slot);
        if let Some(rejected) = effects.marked {
            let borrowed = self.slot.load();
            if let Some(current) = borrowed.get() {
                current.mark_rejected(rejected);
            }
        }
        if effects.retired {
            after.retired = state.flight.take();
        }
        if let Some(begin) = effects.begin {
            let launch = Launch::new(self, begin, now);
            state.flight = Some(Arc::clone(launch.flight()));
            after.launch = Some(launch);
        }
        if let Some(look) = effects.look {
            self.schedule(state, look);
        }
        for note in effects.told {
            let kind = words.spell_out(note);
            self.context.emit_at(now, principal.as_ref(), kind);
        }
        let machine = &state.machine;
        self.refused.store(machine.is_refused(), Ordering::Relaxed);
        self.changed_unseen
            .store(machine.has_changed_unseen(), Ordering::Relaxed);
        // Release: who sees the end sees the slot as the end left it.
        self.ended.store(machine.ended() as u8, Ordering::Release);
    }

    /// Tells what was decided so far, of whom the issuer has named so far.
    #[inline]
    pub(super) fn tell(&self, state: &State, effects: &mut Effects, now: Now, words: Words<'_>) {
        if !effects.told.is_empty() {
            self.tell_some(state, effects, now, words);
        }
    }

    #[cold]
    fn tell_some(&self, state: &State, effects: &mut Effects, now: Now, words: Words<'_>) {
        let principal = self.principal_of(state);
        for note in effects.told.drain(..) {
            let kind = words.spell_out(note);
            self.context.emit_at(now, principal.as_ref(), kind);
        }
    }

    fn change_slot(&self, state: &mut State, change: SlotChange) {
        match change {
            SlotChange::Keep => {}
            SlotChange::Withdraw => {
                let current = self.slot.swap(None);
                bury_any(std::mem::replace(&mut state.rest().withdrawn, current));
            }
            SlotChange::Reinstate => {
                if let Some(withdrawn) = state.rest().withdrawn.take() {
                    bury_any(self.slot.swap(Some(withdrawn)));
                }
            }
            SlotChange::Clear => {
                bury_any(self.slot.swap(None));
                if let Some(rest) = &mut state.rest {
                    bury_any(rest.withdrawn.take());
                }
            }
        }
    }

    /// Has the driver of a home look.
    fn schedule(self: &Arc<Self>, state: &mut State, look: NextLook) {
        let cache: Weak<dyn Resident> = self.weak();
        let timer = Timer {
            former: state.timer,
            due: look.at,
            late: look.late,
            cache,
        };
        let set = self.agent.homes.schedule(timer);
        if set.is_none() {
            state.machine.nobody_looks();
        }
        state.timer = set.unwrap_or_default();
    }

    /// Who the issuer says we are, as far as the answer said that is at hand.
    pub(crate) fn principal_of(&self, state: &State) -> Option<Arc<str>> {
        let borrowed = self.current(state);
        let known = borrowed
            .get()
            .or_else(|| state.withdrawn().map(Arc::as_ref));
        known.and_then(Credential::principal_arc).cloned()
    }
}

impl Words<'_> {
    fn spell_out(&self, note: Note) -> EventKind {
        match note {
            Note::Scheduled { after } => EventKind::Scheduled { after },
            Note::Issued {
                generation,
                lifetime,
                latency,
            } => EventKind::Issued {
                generation,
                lifetime,
                latency,
            },
            Note::Failed {
                next_attempt,
                remaining,
                urgent,
            } => EventKind::Failed {
                error: self
                    .error
                    .map_or(crate::ErrorKind::Unavailable, Error::kind),
                message: self.error.map(ToString::to_string).unwrap_or_default(),
                next_attempt,
                remaining,
                urgent,
            },
            Note::Unchanged { generation } => EventKind::Unchanged { generation },
            Note::ServedPastExpiry { generation } => EventKind::ServedPastExpiry {
                generation,
                reads: self.reads,
            },
            Note::Rejected { generation } => EventKind::Rejected {
                generation,
                origin: self.origin.to_owned(),
            },
            Note::Invalidated { generation } => EventKind::Invalidated { generation },
            Note::Revoked { residual_exposure } => EventKind::Revoked { residual_exposure },
            Note::Expired { generation } => EventKind::Expired { generation },
            Note::Idle => EventKind::Idle,
            Note::Resumed => EventKind::Resumed,
            Note::ClockSkew { by, issuer_ahead } => EventKind::ClockSkew { by, issuer_ahead },
            Note::PrincipalChanged { accepted } => {
                let (from, to) = self.principals.unwrap_or_default();
                EventKind::PrincipalChanged {
                    from: from.to_owned(),
                    to: to.to_owned(),
                    accepted,
                }
            }
            Note::StaticCredentialSeen { accepted } => EventKind::StaticCredentialSeen { accepted },
            Note::LifetimeTooLong { lifetime, accepted } => {
                EventKind::LifetimeTooLong { lifetime, accepted }
            }
        }
    }
}
