//! Whether an answer is good, and whether it is new: published, or vouched for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::flight::Outcome;
use super::life::Life;
use super::shared::Shared;
use super::state::State;
use crate::credential::{Credential, Parts, Plan};
use crate::error::{Error, ErrorKind};
use crate::event::EventKind;
use crate::issued::Issued;
use crate::policy::backoff;
use crate::policy::options::LongLived;
use crate::policy::windows::Windows;
use crate::profile::Profile;
use crate::sync::bury;
use crate::time::Now;

impl Shared {
    /// Judges an answer, and publishes it if it is good and new.
    pub(super) fn accept(
        &self,
        state: &mut State,
        issued: Issued,
        profile: &Profile,
        sent: Now,
        now: Now,
    ) -> Result<Outcome, Error> {
        let known = match self.judge_answer(state, &issued, profile, sent, now) {
            Ok(Answer::New(life)) => {
                return Ok(self.publish(state, issued, &life, profile, sent, now));
            }
            Ok(Answer::Known(known)) => Ok(self.vouched(state, &known, sent, now)),
            Err(error) => Err(error),
        };
        // It may hold a closure of the provider's.
        bury(issued);
        known
    }

    fn judge_answer(
        &self,
        state: &State,
        issued: &Issued,
        profile: &Profile,
        sent: Now,
        now: Now,
    ) -> Result<Answer, Error> {
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
        let life = Life::of(issued, state.skew(), sent, now);
        if life.remaining.is_zero() {
            return Err(Error::unavailable(
                "the issuer answered with a credential that has expired already",
            ));
        }
        self.check_lifetime(state, &life, profile, now)?;
        self.check_principal(state, issued, now)?;
        if let Some(known) = self.known(state)
            && same(&known, issued, life.expires_at)
        {
            return Ok(Answer::Known(known));
        }
        Ok(Answer::New(life))
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
        let principal = issued.principal.or_else(|| self.principal_of(state));
        state.generation += 1;
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
            plan: Plan::new(now.boot, windows.refresh_margin().max(mandatory), mandatory),
            principal,
            context: Arc::clone(&self.context),
            revoke: issued.revoke,
        }));
        self.replaced(state, now);
        bury(self.slot.swap(Some(Arc::clone(&credential))));
        let lifetime = (life.remaining != Duration::MAX).then_some(life.remaining);
        let latency = sent.boot.until(now.boot);
        state.latency = u32::try_from(latency.as_millis()).unwrap_or(u32::MAX);
        let generation = state.generation;
        self.tell(
            state,
            now,
            EventKind::Issued {
                generation,
                lifetime,
                latency,
            },
        );
        if let Some(lifetime) = lifetime {
            let after = lifetime.saturating_sub(credential.plan.refresh_margin());
            self.tell(state, now, EventKind::Scheduled { after });
        }
        Outcome::Issued(credential)
    }

    /// The issuer gave the same credential again: it counts as asked, and what was withdrawn is reinstated.
    fn vouched(&self, state: &mut State, known: &Arc<Credential>, sent: Now, now: Now) -> Outcome {
        let remaining = known.remaining_at(now);
        state.pace.succeeded();
        state.pace.next = now
            .boot
            .after(backoff::unchanged_pace(remaining, self.options.floor));
        self.refused.store(false, Ordering::Relaxed);
        let generation = known.generation();
        if let Some(rare) = &mut state.rare {
            let mut answered = true;
            for rejection in &mut rare.rejections {
                if rejection.generation == generation && !rejection.vouched {
                    if rejection.reported > sent.boot {
                        // The issuer was asked before this origin refused it.
                        answered = false;
                        continue;
                    }
                    rejection.vouched = true;
                    let pace = backoff::origin_pace(rejection.count, true, self.options.floor);
                    rejection.next = rejection.next.max(now.boot.after(pace));
                }
            }
            if answered {
                known.clear_rejected();
            }
            if rare.withdrawn.take().is_some() {
                rare.reinstated = rare.reinstated.saturating_add(1);
                self.slot.store(Some(Arc::clone(known)));
            }
        }
        state.pass_on(generation, None, now);
        self.tell(state, now, EventKind::Unchanged { generation });
        Outcome::Unchanged
    }

    fn check_lifetime(
        &self,
        state: &State,
        life: &Life,
        profile: &Profile,
        now: Now,
    ) -> Result<(), Error> {
        let remedy = profile
            .remedy
            .map(|remedy| format!("; {remedy}"))
            .unwrap_or_default();
        let name = profile.name;
        if life.expires_at.is_none() {
            let accepted = self.options.allow_static;
            self.tell(state, now, EventKind::StaticCredentialSeen { accepted });
            if !accepted {
                let message = format!(
                    "the credential from {name} for cache {} never expires, and static credentials are refused unless \
                     the cache was built with danger_allow_static{remedy}",
                    self.context.key
                );
                return Err(Error::new(ErrorKind::StaticCredential, message));
            }
        } else if life.whole > self.options.longest_lifetime.saturating_add(SLACK) {
            let accepted = self.options.long_lived == LongLived::Flag;
            let lifetime = life.whole;
            self.tell(
                state,
                now,
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

    fn check_principal(&self, state: &State, issued: &Issued, now: Now) -> Result<(), Error> {
        let (Some(from), Some(to)) = (self.principal_of(state), &issued.principal) else {
            return Ok(());
        };
        if from == *to {
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
        self.context.emit_at(now, Some(&from), kind);
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
            bury(rare.withdrawn.take());
            rare.reinstated = 0;
        }
    }
}

/// What a good answer is.
enum Answer {
    New(Life),
    Known(Arc<Credential>),
}

/// Whether the issuer gave the credential that is known. An end that was reckoned from a lifetime may differ by the
/// latency of two calls.
fn same(known: &Credential, issued: &Issued, expires_at: Option<SystemTime>) -> bool {
    let same_signing = match (known.signing(), issued.signing.as_deref()) {
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

/// What clocks may differ by, so that a token of just the longest lifetime is not refused.
const SLACK: Duration = Duration::from_secs(60);
