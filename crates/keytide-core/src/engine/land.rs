//! What becomes of a provider's answer: judged and published, or a failure with its pace.

use std::sync::Arc;

use super::decide::{After, Words};
use super::flight::{Flight, Outcome};
use super::life::{Life, Times};
use super::machine::{Answer, Demand, Effects, Failed, Fault, Good, Landing, Named};
use super::shared::Shared;
use super::state::State;
use super::watched::tell_watchers;
use super::windows;
use crate::credential::{Credential, Parts};
use crate::error::{Error, ErrorKind, RetryAfter};
use crate::profile::Profile;
use crate::provider::issued::Issued;
use crate::provider::request::Request;
use crate::sync::{bury, bury_any};
use crate::sys;
use crate::sys::time::{Now, Wall};

impl Shared {
    /// A flight has landed. It counts only while it is the current one, by the same lock as the store.
    pub(crate) fn finish(
        self: &Arc<Self>,
        flight: &Arc<Flight>,
        request: Option<&Request>,
        result: Result<Issued, Error>,
    ) {
        let sent = flight.answered();
        let now = self.context.clock.now();
        // Before the lock is taken: it may be a user's.
        let drawn = self.context.chance.injected_spread();
        let mut state = self.state.lock();
        let skew = request.and_then(Request::measured_skew);
        let (mut after, none) = (After::default(), Words::default());
        let mut effects = Effects::new(self.context.is_observed());
        let current = state.machine.landed(flight.number(), skew, &mut effects);
        self.carry_out(&mut state, &mut after, effects, now, none);
        if !current {
            return;
        }
        state.flight = None;
        if let Some(profile) = request.and_then(Request::take_profile) {
            self.context.set_profile(profile);
        }
        let arrival = Arrival {
            profile: &self.context.profile(),
            sent: sent.unwrap_or(now),
            demand: flight.demand(),
            drawn,
            now,
        };
        let outcome = match result {
            _ if self.context.is_foreign() => {
                Outcome::Failed(self.error(ErrorKind::ForeignInstance, "forked"))
            }
            Ok(issued) => self
                .accept(&mut state, &mut after, issued, &arrival)
                .unwrap_or_else(|error| self.fail(&mut state, &mut after, error, &arrival)),
            Err(error) => self.fail(&mut state, &mut after, error, &arrival),
        };
        let published = matches!(outcome, Outcome::Issued(_));
        self.decide(
            &mut state,
            &mut after,
            now,
            none,
            |machine, seen, effects| {
                machine.settled(seen, effects);
            },
        );
        after.resolved = Some((Arc::clone(flight), outcome));
        let (watchers, generation) = (state.watched(), state.machine.generation());
        let dependants = match &mut state.rest {
            Some(rest) if published => std::mem::take(&mut rest.dependants),
            _ => Vec::new(),
        };
        drop(state);
        after.run();
        // Who warms up looks again after every answer; who waits for a new generation goes on waiting.
        tell_watchers(watchers, generation);
        for dependant in dependants {
            dependant.notify();
        }
    }

    /// Judges an answer, and publishes it if it is good and new.
    fn accept(
        self: &Arc<Self>,
        state: &mut State,
        after: &mut After,
        issued: Issued,
        arrival: &Arrival<'_>,
    ) -> Result<Outcome, Error> {
        let Arrival { now, sent, .. } = *arrival;
        let borrowed = self.slot.load();
        let known = borrowed.into_owned().or_else(|| state.withdrawn().cloned());
        let before = self.known_principal(state);
        let answer = self.answer(state, &issued, known.as_deref(), before.as_deref(), arrival);
        let words = Words {
            principals: before.as_deref().zip(issued.principal.as_deref()),
            ..Words::default()
        };
        let good = self.decide(state, after, now, words, |machine, seen, effects| {
            machine.judge_answer(&answer, sent, seen, effects)
        });
        let outcome = match good {
            Ok(Good::New(life)) => {
                bury_any(known);
                return Ok(self.publish(state, after, issued, (&answer, &life), before, arrival));
            }
            Ok(Good::Known) => {
                self.decide(state, after, now, words, |machine, seen, effects| {
                    machine.vouched(sent, seen, effects);
                });
                self.forget_error(state);
                Ok(Outcome::Unchanged)
            }
            Err(fault) => Err(self.faulty(fault, &issued, before.as_deref(), arrival.profile)),
        };
        // They may hold a closure of the provider's.
        bury(issued);
        bury_any(known);
        outcome
    }

    fn publish(
        self: &Arc<Self>,
        state: &mut State,
        after: &mut After,
        issued: Issued,
        (answer, life): (&Answer, &Life),
        before: Option<Arc<str>>,
        arrival: &Arrival<'_>,
    ) -> Outcome {
        let Arrival { now, sent, .. } = *arrival;
        let mut effects = Effects::new(self.context.is_observed());
        let held = self.look(state, now, |machine, seen| {
            machine.published(answer, life, sent, seen, &mut effects)
        });
        let credential = Arc::new(Credential::new(Parts {
            held,
            secret: issued.secret,
            signing: issued.signing,
            expires_at: life.expires_at,
            principal: issued.principal,
            context: Arc::clone(&self.context),
            revoke: issued.revoke,
        }));
        let unnamed = before.filter(|_| credential.principal_arc().is_none());
        if unnamed.is_some() {
            state.rest().principal = unnamed;
        }
        if let Some(rest) = &mut state.rest {
            bury_any(rest.withdrawn.take());
        }
        bury_any(self.slot.swap(Some(Arc::clone(&credential))));
        self.forget_error(state);
        self.carry_out(state, after, effects, now, Words::default());
        Outcome::Issued(credential)
    }

    fn fail(
        self: &Arc<Self>,
        state: &mut State,
        after: &mut After,
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

    /// What the machine reckons with of an answer.
    fn answer(
        &self,
        state: &State,
        issued: &Issued,
        known: Option<&Credential>,
        before: Option<&str>,
        arrival: &Arrival<'_>,
    ) -> Answer {
        let named = match (before, &issued.principal) {
            (Some(from), Some(to)) if from != &**to => {
                let adopted = state
                    .rest
                    .as_ref()
                    .is_some_and(|rest| rest.adopted.contains(to));
                Named::Another {
                    accepted: adopted || self.options.principals.contains(to),
                }
            }
            _ => Named::AsBefore,
        };
        Answer {
            kind: issued.kind,
            promised: arrival.profile.kind,
            is_empty: issued.secret.is_empty(),
            times: Times {
                issued_at: issued.issued_at,
                expires_at: issued.expires_at,
                expires_in: issued.expires_in,
                refresh_at: issued.refresh_at,
                refresh_in: issued.refresh_in,
            },
            named,
            same: known
                .filter(|known| same_material(known, issued))
                .map(Credential::expires_at),
            advisory: self
                .options
                .advisory_window
                .or(arrival.profile.advisory_window),
            phase: windows::phase(self.context.instance.hash_seed(), &self.context.key),
        }
    }

    /// Whom the issuer named last.
    fn known_principal(&self, state: &State) -> Option<Arc<str>> {
        let rest = state.rest.as_ref();
        self.principal_of(state)
            .or_else(|| rest.and_then(|rest| rest.principal.clone()))
    }

    fn forget_error(&self, state: &mut State) {
        if let Some(rest) = &mut state.rest {
            bury_any(rest.last_error.take());
        }
    }

    /// What is wrong with an answer, in words.
    fn faulty(
        &self,
        fault: Fault,
        issued: &Issued,
        before: Option<&str>,
        profile: &Profile,
    ) -> Error {
        let remedy = profile
            .remedy
            .map(|remedy| format!("; {remedy}"))
            .unwrap_or_default();
        match fault {
            Fault::Empty => Error::unavailable("the issuer answered with an empty secret"),
            Fault::OtherKind => Error::misconfigured(format!(
                "the provider answered with a {:?}, but its profile promises a {:?}",
                issued.kind, profile.kind
            )),
            Fault::Expired => {
                Error::unavailable("the issuer answered with a credential that has expired already")
            }
            Fault::Static => {
                let message = format!(
                    "the credential from {} for cache {} never expires, and static credentials are refused unless \
                     the cache was built with danger_allow_static{remedy}",
                    profile.name, self.context.key
                );
                Error::new(ErrorKind::StaticCredential, message)
            }
            Fault::TooLong(lifetime) => {
                let message = format!(
                    "the credential lives {lifetime:?}, longer than the {:?} that the lifetime policy accepts{remedy}",
                    self.options.longest_lifetime
                );
                Error::new(ErrorKind::LifetimeTooLong, message)
            }
            Fault::OtherPrincipal => {
                let message = format!(
                    "the issuer answered for principal {}, but this cache holds one of {}",
                    issued.principal.as_deref().unwrap_or_default(),
                    before.unwrap_or_default()
                );
                Error::new(ErrorKind::PrincipalChanged, message)
            }
        }
    }
}

/// What landed, whose it is, and when.
struct Arrival<'a> {
    profile: &'a Profile,
    sent: Now,
    demand: Option<&'a Demand>,
    /// A user's chance.
    drawn: Option<u32>,
    now: Now,
}

/// Whether the issuer gave the secret that is known, with all that belongs to it but its end.
fn same_material(known: &Credential, issued: &Issued) -> bool {
    let same_signing = match (known.signing(), issued.signing.as_deref()) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.key_id == b.key_id
                && match (&a.session_token, &b.session_token) {
                    (None, None) => true,
                    (Some(a), Some(b)) => b.is(a.bytes()),
                    _ => false,
                }
        }
        _ => false,
    };
    same_signing && issued.secret.is(known.secret())
}

/// How long the issuer asked to be left alone.
fn asked_pause(error: &Error, now: Now) -> Option<std::time::Duration> {
    error.retry_after().map(|asked| match asked {
        RetryAfter::Delay(delay) => delay,
        RetryAfter::At(instant) => now.wall.until(Wall::from(instant)),
    })
}
