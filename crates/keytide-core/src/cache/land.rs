//! What becomes of a provider's answer: judged and published, or a failure with its pace.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::changes::tell_watchers;
use super::flight::{Demand, Flight, Outcome};
use super::shared::{Ended, Shared, Verdict};
use super::state::State;
use super::timer::After;
use crate::error::{Error, ErrorKind, RetryAfter};
use crate::event::EventKind;
use crate::issued::Issued;
use crate::policy::backoff::{Failure, Sort};
use crate::request::Request;
use crate::time::{Boot, Now, Wall, nanos};

impl Shared {
    /// A flight has landed. It counts only while it is the current one, by the same lock as the store.
    pub(crate) fn finish(
        self: &Arc<Self>,
        flight: &Arc<Flight>,
        request: Option<&Request>,
        result: Result<Issued, Error>,
    ) {
        flight.release_permit();
        let now = self.context.clock.now();
        // Drawn before the lock is taken: it may be a user's.
        let random = self.context.chance.spread();
        let mut state = self.state.lock();
        if !state
            .flight
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, flight))
        {
            return;
        }
        state.flight = None;
        if let Some(profile) = request.and_then(Request::take_profile) {
            self.context.set_profile(profile);
        }
        let profile = self.context.profile();
        self.learn_clock(&mut state, request, now);
        let sent = flight.sent().unwrap_or(now);
        let arrival = Arrival {
            provider: profile.name,
            sent,
            now,
            random,
        };
        let outcome = match result {
            _ if self.context.is_foreign() => {
                Outcome::Failed(self.error(ErrorKind::ForeignInstance, "forked"))
            }
            Ok(issued) => match self.accept(&mut state, issued, &profile, sent, now) {
                Ok(outcome) => outcome,
                Err(error) => self.fail(&mut state, flight, error, &arrival),
            },
            Err(error) => self.fail(&mut state, flight, error, &arrival),
        };
        let borrowed = self.slot.load();
        if self.ended() == Ended::No {
            self.plan_next(&mut state, borrowed.get(), now);
        }
        let published = match &outcome {
            Outcome::Issued(credential) => Some(credential.generation()),
            _ => None,
        };
        let (dependants, watchers) = match &mut state.rare {
            Some(rare) if published.is_some() => {
                (std::mem::take(&mut rare.dependants), rare.changes.clone())
            }
            Some(rare) => (Vec::new(), rare.changes.clone()),
            None => (Vec::new(), None),
        };
        let generation = state.generation;
        drop(state);
        After {
            resolved: Some((Arc::clone(flight), outcome)),
            ..After::default()
        }
        .run();
        // Who warms up looks again after every answer; who waits for a new generation goes on waiting.
        tell_watchers(watchers, generation);
        for dependant in dependants {
            dependant.notify();
        }
    }

    fn fail(&self, state: &mut State, flight: &Flight, error: Error, arrival: &Arrival) -> Outcome {
        let Arrival { sent, now, .. } = *arrival;
        let error = error
            .of_provider()
            .named_after(arrival.provider)
            .out_of_cache();
        if let Some(demand) = flight.demand() {
            return self.fail_for_one(state, demand, error, now);
        }
        let sort = Sort::of(error.kind());
        if sort == Sort::Refused {
            self.refused.store(true, Ordering::Relaxed);
        }
        let borrowed = self.slot.load();
        let current = borrowed.get();
        let remaining = current.and_then(|current| match self.judge(current, now) {
            Verdict::Usable(remaining) => Some(remaining),
            _ => None,
        });
        let count = state.pace.failed(&error, remaining.is_some());
        let urgent = match (current, remaining) {
            (Some(current), Some(remaining)) => remaining <= current.plan.mandatory(),
            _ => false,
        };
        let retry_after = asked_pause(&error, now);
        let latency = sent.boot.until(now.boot);
        let failure = Failure {
            sort,
            count,
            remaining,
            retry_after,
            urgent,
            latency,
            floor: self.options.floor,
        };
        let delay = (!error.waits_for_change()).then(|| failure.delay(arrival.random));
        state.pace.next = delay.map_or(Boot::FAR, |delay| now.boot.after(delay));
        self.tell(
            state,
            now,
            EventKind::Failed {
                error: error.kind(),
                message: error.to_string(),
                next_attempt: delay,
                remaining,
                urgent,
            },
        );
        Outcome::Failed(error)
    }

    /// The issuer does not give what one origin demands, or something between chokes on the demand: that says nothing of
    /// what it gives to all others, so neither the backoff nor static stability hears of it.
    fn fail_for_one(&self, state: &mut State, demand: &Demand, error: Error, now: Now) -> Outcome {
        state.pace.total = state.pace.total.saturating_add(1);
        let borrowed = self.slot.load();
        if let Some(current) = borrowed.get() {
            state.pass_on(current.generation(), Some(&demand.origin), now);
        }
        let rejections = &mut state.rare().rejections;
        let of_origin = rejections
            .iter_mut()
            .find(|rejection| rejection.origin == demand.origin);
        let next_attempt = of_origin.map(|rejection| {
            if let Some(asked) = asked_pause(&error, now) {
                let until = now.boot.after(asked.min(LONGEST_PAUSE));
                rejection.next = rejection.next.max(until);
            }
            now.boot.until(rejection.next)
        });
        let remaining = borrowed
            .get()
            .and_then(|current| match self.judge(current, now) {
                Verdict::Usable(remaining) => Some(remaining),
                _ => None,
            });
        self.tell(
            state,
            now,
            EventKind::Failed {
                error: error.kind(),
                message: error.to_string(),
                next_attempt,
                remaining,
                urgent: false,
            },
        );
        Outcome::Failed(error)
    }

    fn learn_clock(&self, state: &mut State, request: Option<&Request>, now: Now) {
        let Some(skew) = request.and_then(Request::measured_skew) else {
            return;
        };
        if state.skew().abs_diff(skew) > nanos(Duration::from_secs(1)).unsigned_abs() {
            let by = Duration::from_nanos(skew.unsigned_abs());
            let kind = EventKind::ClockSkew {
                by,
                issuer_ahead: skew > 0,
            };
            self.tell(state, now, kind);
        }
        state.rare().skew = skew;
    }
}

/// Whose failure it is, and when it came.
struct Arrival {
    provider: &'static str,
    sent: Now,
    now: Now,
    /// Spreads the pause that follows.
    random: u32,
}

/// How long the issuer asked to be left alone.
fn asked_pause(error: &Error, now: Now) -> Option<Duration> {
    error.retry_after().map(|asked| match asked {
        RetryAfter::Delay(delay) => delay,
        RetryAfter::At(instant) => now.wall.until(Wall::from(instant)),
    })
}

/// The longest that one origin's demand is left aside because the issuer asked for patience.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
