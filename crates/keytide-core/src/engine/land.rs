//! What becomes of a flight that has landed: an answer to be judged, or a failure with its pace.

use std::sync::Arc;
use std::time::Duration;

use super::decide::{Deferred, Words};
use super::flight::{Landed, Outcome};
use super::machine::{Demand, Effects, Failed, Landing};
use super::shared::Shared;
use super::state::State;
use super::watched::tell_watchers;
use crate::context::Context;
use crate::error::{Error, ErrorKind, RetryAfter};
use crate::profile::Profile;
use crate::provider::issued::Issued;
use crate::sync::bury_any;
use crate::sys;
use crate::sys::time::{Now, Wall};

impl Shared {
    /// A flight has landed. It counts only while it is the current one, by the same lock as the store. Returns what came of
    /// it, where it counts.
    pub(crate) fn land(
        self: &Arc<Self>,
        mut landed: Landed<'_>,
        result: Result<Issued, Error>,
    ) -> Option<Outcome> {
        let flight = landed.flight;
        let now = self.landed_at(&landed, &result);
        // Before the lock is taken: it may be a user's.
        let drawn = self.context.chance.injected_spread();
        let mut state = self.state.lock();
        let (mut after, none) = (Deferred::default(), Words::default());
        let mut effects = Effects::new(self.context.is_observed());
        let skew = landed.learned.skew;
        if !state.machine.landed(flight.number(), skew, &mut effects) {
            return None;
        }
        self.tell(&state, &mut effects, now, none);
        state.flight = None;
        if let Some(profile) = landed.learned.profile {
            self.context.set_profile(*profile);
            landed.profile = None;
        }
        let mut peeked = None;
        let arrival = Arrival {
            profile: match landed.profile {
                Some(profile) => profile,
                None => peeked.insert(self.context.peek_profile()),
            },
            sent: landed.sent.unwrap_or(now),
            demand: flight.demand(),
            drawn,
            now,
        };
        let context = landed.learned.context;
        let outcome = self.judge_landing(&mut state, &mut after, result, context, &arrival);
        // It is not to be found any more: who does not hold it by now will not wait for it.
        if Arc::strong_count(flight) > 1 {
            after.resolved = Some((Arc::clone(flight), outcome.clone()));
        }
        let (watchers, generation) = (state.watched(), state.machine.generation());
        let dependants = match (&mut state.rest, &outcome) {
            (Some(rest), Outcome::Issued(_)) => std::mem::take(&mut rest.dependants),
            _ => Vec::new(),
        };
        drop(state);
        after.run(self);
        // Who warms up looks again after every answer; who waits for a new generation goes on waiting.
        tell_watchers(watchers, generation);
        for dependant in dependants {
            dependant.notify();
        }
        Some(outcome)
    }

    /// When a flight landed. What was answered here within a tick of the kernel's clock, and lasts for long, landed when it was
    /// sent: reading both clocks anew would cost more than all that is reckoned with them. Observers are told exactly.
    fn landed_at(&self, landed: &Landed<'_>, result: &Result<Issued, Error>) -> Now {
        let clock = &self.context.clock;
        let lasts = |issued: &Issued| {
            issued.expires_at.is_none() && issued.expires_in.is_some_and(|life| life >= LONG)
        };
        match landed.sent {
            Some(sent)
                if landed.at_once
                    && result.as_ref().is_ok_and(lasts)
                    && !self.context.is_observed()
                    && clock.is_still(sent) =>
            {
                sent
            }
            _ => clock.now(),
        }
    }

    fn judge_landing(
        self: &Arc<Self>,
        state: &mut State,
        after: &mut Deferred,
        result: Result<Issued, Error>,
        context: Option<Arc<Context>>,
        arrival: &Arrival<'_>,
    ) -> Outcome {
        let accepted = match result {
            _ if self.context.is_foreign() => {
                let error = self.error(ErrorKind::ForeignInstance, "forked");
                Ok(Outcome::Failed(error))
            }
            Ok(issued) => self.accept(state, after, issued, context, arrival),
            Err(error) => Err(error),
        };
        match accepted {
            // With the publication it was settled what comes next.
            Ok(Outcome::Issued(credential)) => Outcome::Issued(credential),
            accepted => {
                let outcome =
                    accepted.unwrap_or_else(|error| self.fail(state, after, error, arrival));
                let none = Words::default();
                self.decide(state, after, arrival.now, none, |machine, seen, effects| {
                    machine.settled(seen, effects);
                });
                outcome
            }
        }
    }

    fn fail(
        self: &Arc<Self>,
        state: &mut State,
        after: &mut Deferred,
        error: Error,
        arrival: &Arrival<'_>,
    ) -> Outcome {
        let now = arrival.now;
        let landing = Landing {
            sent: arrival.sent,
            demand: arrival.demand,
            random: arrival.drawn.unwrap_or_else(sys::spread),
        };
        let error = error
            .of_provider()
            .named_after(arrival.profile.name)
            .out_of_cache();
        let repeated = state
            .last_error()
            .is_some_and(|last| last.same_refusal(&error));
        let failed = Failed {
            kind: error.kind(),
            repeated,
            until_changed: error.waits_for_change(),
            pause: asked_pause(&error, now),
            relative: matches!(error.retry_after(), Some(RetryAfter::Delay(_))),
        };
        let words = Words {
            error: Some(&error),
            ..Words::default()
        };
        self.decide(state, after, now, words, |machine, seen, effects| {
            machine.failed(failed, &landing, seen, effects);
        });
        if landing.demand.is_none() {
            // Its source is a user's type.
            bury_any(state.rest().last_error.replace(error.clone()));
        }
        Outcome::Failed(error)
    }

    pub(super) fn forget_error(&self, state: &mut State) {
        if let Some(rest) = &mut state.rest {
            bury_any(rest.last_error.take());
        }
    }
}

/// What landed, whose it is, and when.
pub(super) struct Arrival<'a> {
    pub(super) profile: &'a Profile,
    pub(super) sent: Now,
    demand: Option<&'a Demand>,
    /// A user's chance.
    drawn: Option<u32>,
    pub(super) now: Now,
}

/// How long the issuer asked to be left alone.
fn asked_pause(error: &Error, now: Now) -> Option<Duration> {
    error.retry_after().map(|asked| match asked {
        RetryAfter::Delay(delay) => delay,
        RetryAfter::At(instant) => now.wall.until(Wall::from(instant)),
    })
}

/// A life beside which a tick is nothing.
const LONG: Duration = Duration::from_secs(10);
