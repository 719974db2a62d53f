//! What becomes of a provider's answer: published, vouched for, refused or a failure.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::flight::{Flight, Outcome};
use super::shared::{Ended, Shared, Verdict};
use super::state::State;
use super::timer::After;
use crate::credential::{Credential, Ends, Parts, Plan};
use crate::error::{Error, ErrorKind, RetryAfter};
use crate::event::EventKind;
use crate::issued::Issued;
use crate::policy::backoff::{self, Failure, Sort};
use crate::policy::options::LongLived;
use crate::policy::windows::Windows;
use crate::profile::Profile;
use crate::request::Request;
use crate::sync::lock;
use crate::time::{Boot, Now, Wall, nanos};

/// When an answer ends, on all axes.
struct Life {
    expires_at: Option<SystemTime>,
    ends: Ends,
    /// From receipt to end.
    remaining: Duration,
    /// From making to end.
    whole: Duration,
    hint: Option<Duration>,
}

impl Shared {
    /// A flight has landed. It counts only while it is the current one, by the same lock as the store.
    pub(crate) fn finish(
        self: &Arc<Self>,
        flight: &Arc<Flight>,
        request: Option<&Request>,
        result: Result<Issued, Error>,
    ) {
        flight.release_permit();
        let profile = self.context.profile();
        let now = self.context.clock.now();
        let mut state = lock(&self.state);
        if !state
            .flight
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, flight))
        {
            return;
        }
        state.flight = None;
        self.learn_clock(&mut state, request);
        let sent = flight.sent().unwrap_or(now);
        let outcome = match result {
            _ if self.context.is_foreign() => {
                Outcome::Failed(self.error(ErrorKind::ForeignInstance, "forked"))
            }
            Ok(issued) => match self.accept(&mut state, issued, &profile, sent, now) {
                Ok(outcome) => outcome,
                Err(error) => self.fail(&mut state, error, &profile, sent, now),
            },
            Err(error) => self.fail(&mut state, error, &profile, sent, now),
        };
        let borrowed = self.slot.load();
        if self.ended() == Ended::No {
            self.plan_next(&mut state, borrowed.get(), now);
        }
        let published = match &outcome {
            Outcome::Issued(credential) => Some(credential.generation()),
            _ => None,
        };
        let dependants = match (published, &mut state.rare) {
            (Some(_), Some(rare)) => std::mem::take(&mut rare.dependants),
            _ => Vec::new(),
        };
        drop(state);
        After {
            resolved: Some((Arc::clone(flight), outcome)),
            ..After::default()
        }
        .run();
        if let Some(generation) = published {
            self.tell_watchers(generation);
        }
        for dependant in dependants {
            dependant.notify();
        }
    }

    /// Judges an answer, and publishes it if it is good and new.
    fn accept(
        &self,
        state: &mut State,
        issued: Issued,
        profile: &Profile,
        sent: Now,
        now: Now,
    ) -> Result<Outcome, Error> {
        if issued.secret.is_empty() {
            return Err(Error::unavailable(
                "the issuer answered with an empty secret",
            ));
        }
        if issued.kind != profile.kind {
            return Err(Error::misconfigured(format!(
                "the provider answered with a {:?}, but its profile promises a {:?}",
                issued.kind, profile.kind
            )));
        }
        let life = Life::of(&issued, state.skew, sent, now);
        if life.remaining.is_zero() {
            return Err(Error::unavailable(
                "the issuer answered with a credential that has expired already",
            ));
        }
        self.check_lifetime(state, &life, profile)?;
        self.check_principal(state, &issued)?;
        if let Some(known) = self.known(state)
            && same(&known, &issued, life.expires_at)
        {
            return Ok(self.vouched(state, &known, now));
        }
        Ok(self.publish(state, issued, &life, profile, sent, now))
    }

    fn publish(
        &self,
        state: &mut State,
        issued: Issued,
        life: &Life,
        profile: &Profile,
        sent: Now,
        now: Now,
    ) -> Outcome {
        let windows = Windows {
            lifetime: life.remaining,
            hint: life.hint,
            advisory: self.options.advisory_window.or(profile.advisory_window),
            mandatory: self.options.mandatory_window,
            phase: self.phase,
        };
        let principal = issued.principal.or_else(|| state.principal.clone());
        state.generation += 1;
        state.principal.clone_from(&principal);
        state.rotations = state.rotations.saturating_add(1);
        state.pace.succeeded();
        state.idle = false;
        state.expiry_told = false;
        self.refused.store(false, Ordering::Relaxed);
        let mandatory = windows.mandatory();
        let credential = Arc::new(Credential::new(Parts {
            kind: issued.kind,
            secret: issued.secret,
            signing: issued.signing,
            generation: state.generation,
            expires_at: life.expires_at,
            ends: life.ends,
            plan: Plan {
                received: now.boot,
                refresh_margin: windows.refresh_margin().max(mandatory),
                mandatory,
            },
            principal,
            context: Arc::clone(&self.context),
            revoke: issued.revoke,
        }));
        self.replaced(state, now);
        self.slot.store(Some(Arc::clone(&credential)));
        let lifetime = (life.remaining != Duration::MAX).then_some(life.remaining);
        let latency = sent.boot.until(now.boot);
        let generation = state.generation;
        self.context.emit(
            state.principal.as_ref(),
            EventKind::Issued {
                generation,
                lifetime,
                latency,
            },
        );
        if let Some(lifetime) = lifetime {
            let after = lifetime.saturating_sub(credential.plan.refresh_margin);
            self.context
                .emit(state.principal.as_ref(), EventKind::Scheduled { after });
        }
        Outcome::Issued(credential)
    }

    /// The issuer gave the same credential again: it counts as asked, and what was withdrawn is reinstated.
    fn vouched(&self, state: &mut State, known: &Arc<Credential>, now: Now) -> Outcome {
        let remaining = known.remaining_at(now);
        state.pace.succeeded();
        state.pace.next = now
            .boot
            .after(backoff::unchanged_pace(remaining, self.options.floor));
        self.refused.store(false, Ordering::Relaxed);
        let generation = known.generation();
        if let Some(rare) = &mut state.rare {
            for rejection in &mut rare.rejections {
                if rejection.generation == generation && !rejection.vouched {
                    rejection.vouched = true;
                    let pace = backoff::origin_pace(rejection.count, true, self.options.floor);
                    rejection.next = rejection.next.max(now.boot.after(pace));
                }
            }
            if rare.withdrawn.take().is_some() {
                self.slot.store(Some(Arc::clone(known)));
            }
        }
        self.context.emit(
            state.principal.as_ref(),
            EventKind::Unchanged { generation },
        );
        Outcome::Unchanged
    }

    fn fail(
        &self,
        state: &mut State,
        error: Error,
        profile: &Profile,
        sent: Now,
        now: Now,
    ) -> Outcome {
        let error = error.from_provider(profile.name);
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
            (Some(current), Some(remaining)) => remaining <= current.plan.mandatory,
            _ => false,
        };
        let retry_after = error.retry_after().map(|asked| match asked {
            RetryAfter::Delay(delay) => delay,
            RetryAfter::At(instant) => now.wall.until(Wall::from(instant)),
        });
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
        let delay = (!error.waits_for_change()).then(|| failure.delay(random()));
        state.pace.next = delay.map_or(Boot::FAR, |delay| now.boot.after(delay));
        self.context.emit(
            state.principal.as_ref(),
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

    fn check_lifetime(&self, state: &State, life: &Life, profile: &Profile) -> Result<(), Error> {
        let remedy = profile
            .remedy
            .map(|remedy| format!("; {remedy}"))
            .unwrap_or_default();
        let name = profile.name;
        if life.expires_at.is_none() {
            let accepted = self.options.allow_static;
            self.context.emit(
                state.principal.as_ref(),
                EventKind::StaticCredentialSeen { accepted },
            );
            if !accepted {
                let message = format!(
                    "the credential from {name} for cache {} never expires, and static credentials are refused unless \
                     the cache was built with danger_allow_static{remedy}",
                    self.context.key
                );
                return Err(Error::new(ErrorKind::StaticCredential, message));
            }
        } else if life.whole > self.options.longest_lifetime {
            let accepted = self.options.long_lived == LongLived::Flag;
            let lifetime = life.whole;
            self.context.emit(
                state.principal.as_ref(),
                EventKind::LifetimeTooLong { lifetime, accepted },
            );
            if !accepted {
                let message = format!(
                    "the credential lives {lifetime:?}, longer than the {:?} that the lifetime policy accepts{remedy}",
                    self.options.longest_lifetime
                );
                return Err(Error::new(ErrorKind::LifetimeTooLong, message));
            }
        }
        Ok(())
    }

    fn check_principal(&self, state: &State, issued: &Issued) -> Result<(), Error> {
        let (Some(from), Some(to)) = (&state.principal, &issued.principal) else {
            return Ok(());
        };
        if from == to {
            return Ok(());
        }
        let adopted = state
            .rare
            .as_ref()
            .is_some_and(|rare| rare.adopted.contains(to));
        let accepted = adopted || self.options.principals.contains(to);
        let kind = EventKind::PrincipalChanged {
            from: from.to_string(),
            to: to.to_string(),
            accepted,
        };
        self.context.emit(Some(from), kind);
        if accepted {
            return Ok(());
        }
        let message =
            format!("the issuer answered for principal {to}, but this cache holds one of {from}");
        Err(Error::new(ErrorKind::PrincipalChanged, message))
    }

    fn known(&self, state: &State) -> Option<Arc<Credential>> {
        self.slot
            .load()
            .into_owned()
            .or_else(|| state.withdrawn().cloned())
    }

    /// What is replaced may be accepted by its issuer for longer: remembered for the residual exposure.
    fn replaced(&self, state: &mut State, now: Now) {
        let borrowed = self.slot.load();
        let known = borrowed
            .get()
            .or_else(|| state.withdrawn().map(Arc::as_ref));
        let ends = known.map(|known| known.ends);
        if let Some(ends) = ends.filter(|ends| !ends.remaining(now).is_zero()) {
            let former = &mut state.rare().former;
            *former = Some(former.map_or(ends, |known| known.later(ends)));
        }
        if let Some(rare) = &mut state.rare {
            rare.withdrawn = None;
        }
    }

    fn learn_clock(&self, state: &mut State, request: Option<&Request>) {
        let Some(skew) = request.and_then(Request::measured_skew) else {
            return;
        };
        if state.skew.abs_diff(skew) > nanos(Duration::from_secs(1)).unsigned_abs() {
            let by = Duration::from_nanos(skew.unsigned_abs());
            let kind = EventKind::ClockSkew {
                by,
                issuer_ahead: skew > 0,
            };
            self.context.emit(state.principal.as_ref(), kind);
        }
        state.skew = skew;
    }
}

impl Life {
    /// A lifetime counts from the moment of sending; an instant is the issuer's, and an issuer whose clock is ahead
    /// of ours shortens what is left by ours.
    fn of(issued: &Issued, skew: i64, sent: Now, now: Now) -> Self {
        let elapsed = sent.boot.until(now.boot);
        let relative = issued
            .expires_in
            .map(|lifetime| lifetime.saturating_sub(elapsed));
        let absolute = issued.expires_at.map(|instant| {
            let ours = Wall(Wall::from(instant).0.saturating_sub(skew.max(0)));
            (instant, now.wall.until(ours), ours)
        });
        let (expires_at, wall, remaining) = match (absolute, relative) {
            (Some((instant, left, ours)), relative)
                if relative.is_none_or(|relative| left <= relative) =>
            {
                (Some(instant), ours, left)
            }
            (absolute, Some(relative)) => {
                let wall = now.wall.after(relative);
                (
                    wall.system()
                        .filter(|_| wall != Wall::FAR)
                        .or(absolute.map(|known| known.0)),
                    wall,
                    relative,
                )
            }
            (_, None) => (None, Wall::FAR, Duration::MAX),
        };
        let far = wall == Wall::FAR;
        let remaining = if far { Duration::MAX } else { remaining };
        let boot = if far {
            Boot::FAR
        } else {
            now.boot.after(remaining)
        };
        let whole = match (issued.issued_at, expires_at) {
            (Some(made), Some(end)) => end.duration_since(made).unwrap_or(remaining).max(remaining),
            _ => remaining,
        };
        let hint_in = issued.refresh_in.map(|after| after.saturating_sub(elapsed));
        let hint_at = issued.refresh_at.map(|instant| {
            now.wall
                .until(Wall(Wall::from(instant).0.saturating_sub(skew.max(0))))
        });
        Self {
            expires_at,
            ends: Ends { wall, boot },
            remaining,
            whole,
            hint: hint_in.or(hint_at),
        }
    }
}

/// Whether the issuer gave the credential that is known. An end that was reckoned from a lifetime may differ by the
/// latency of two calls.
fn same(known: &Credential, issued: &Issued, expires_at: Option<SystemTime>) -> bool {
    let same_signing = match (&known.signing, &issued.signing) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.key_id == b.key_id
                && match (&a.session_token, &b.session_token) {
                    (None, None) => true,
                    (Some(a), Some(b)) => a.same_as(b),
                    _ => false,
                }
        }
        _ => false,
    };
    let tolerance = if issued.expires_at.is_some() {
        Duration::ZERO
    } else {
        Duration::from_secs(2)
    };
    let same_end = match (known.expires_at(), expires_at) {
        (Some(a), Some(b)) => a
            .duration_since(b)
            .or_else(|_| b.duration_since(a))
            .is_ok_and(|d| d <= tolerance),
        (None, None) => true,
        _ => false,
    };
    same_signing && same_end && known.secret.same_as(&issued.secret)
}

fn random() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u8) as u32
}
