//! What becomes of an answer: good and new, good and known, or a failure with its pace.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use super::effects::{Demand, Effects, Note, SlotChange};
use super::ended::Ended;
use super::pace::Failed;
use super::state::{Machine, Seen};
use crate::credential::{Held, Plan};
use crate::engine::backoff::{self, Failure, Sort};
use crate::engine::life::{Life, Times};
use crate::engine::options::LongLived;
use crate::engine::windows::Windows;
use crate::profile::CredentialKind;
use crate::sys::time::{Boot, Now, nanos};

/// A flight that has landed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Landing<'a> {
    pub(crate) sent: Now,
    pub(crate) demand: Option<&'a Demand>,
    /// Spreads the pause that may follow.
    pub(crate) random: u32,
}

/// An answer, as far as it is reckoned with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) kind: CredentialKind,
    /// What the provider promised.
    pub(crate) promised: CredentialKind,
    pub(crate) is_empty: bool,
    pub(crate) times: Times,
    /// Of whom it is.
    pub(crate) named: Named,
    /// Whether all else is that of the credential at hand, or of the withdrawn one, and when that ends.
    pub(crate) same: Option<Option<SystemTime>>,
    /// The advisory window that was configured, or that the provider states.
    pub(crate) advisory: Option<Duration>,
    /// Where in the spread this cache lies.
    pub(crate) phase: u32,
}

/// Of whom an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// Of whom the cache's credentials were before, or nobody said.
    AsBefore,
    /// Of another, who is accepted or not.
    Another { accepted: bool },
}

/// What a good answer is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Good {
    New(Life),
    /// The credential that is known.
    Known,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Empty,
    OtherKind,
    Expired,
    Static,
    TooLong(Duration),
    OtherPrincipal,
}

impl Machine {
    /// A flight has landed. Returns false where it is not the current one: then its answer counts for nothing.
    pub(crate) fn landed(
        &mut self,
        number: NonZeroU32,
        skew: Option<i64>,
        effects: &mut Effects,
    ) -> bool {
        if !self.is_current(number) {
            return false;
        }
        self.in_flight = false;
        if let Some(skew) = skew {
            self.learn_clock(skew, effects);
        }
        true
    }

    /// Judges an answer.
    pub(crate) fn judge_answer(
        &self,
        answer: &Answer,
        sent: Now,
        seen: &Seen<'_>,
        effects: &mut Effects,
    ) -> Result<Good, Fault> {
        if answer.is_empty {
            return Err(Fault::Empty);
        }
        if answer.kind != answer.promised {
            return Err(Fault::OtherKind);
        }
        let life = Life::of(&answer.times, self.skew(), sent, seen.now);
        if life.remaining.is_zero() {
            return Err(Fault::Expired);
        }
        if life.expires_at.is_none() {
            let accepted = seen.options.allow_static;
            effects.tell(Note::StaticCredentialSeen { accepted });
            if !accepted {
                return Err(Fault::Static);
            }
        } else if life.whole > seen.options.longest_lifetime.saturating_add(SLACK) {
            let accepted = seen.options.long_lived == LongLived::Flag;
            let lifetime = life.whole;
            effects.tell(Note::LifetimeTooLong { lifetime, accepted });
            if !accepted {
                return Err(Fault::TooLong(lifetime));
            }
        }
        if let Named::Another { accepted } = answer.named {
            effects.tell(Note::PrincipalChanged { accepted });
            if !accepted {
                return Err(Fault::OtherPrincipal);
            }
        }
        match answer.same {
            Some(end) if answer.times.same_end(end, life.expires_at) => Ok(Good::Known),
            _ => Ok(Good::New(life)),
        }
    }

    /// A good answer is new: it is the next generation, and the shell puts it where readers find it.
    pub(crate) fn published(
        &mut self,
        answer: &Answer,
        life: &Life,
        sent: Now,
        seen: &Seen<'_>,
        effects: &mut Effects,
    ) -> Held {
        let now = seen.now;
        let windows = Windows {
            lifetime: life.remaining,
            hint: life.hint,
            advisory: answer.advisory,
            mandatory: seen.options.mandatory_window,
            phase: answer.phase,
        };
        let mandatory = windows.mandatory();
        let plan = Plan::new(now.boot, windows.refresh_margin().max(mandatory));
        self.replaced(seen);
        self.generation += 1;
        self.pace.succeeded();
        self.idle = false;
        self.expiry_told = false;
        self.refused = false;
        let latency = sent.boot.until(now.boot);
        self.latency = u32::try_from(latency.as_millis()).unwrap_or(u32::MAX);
        let lifetime = (life.remaining != Duration::MAX).then_some(life.remaining);
        let generation = self.generation;
        effects.tell(Note::Issued {
            generation,
            lifetime,
            latency,
        });
        if let Some(lifetime) = lifetime {
            let after = lifetime.saturating_sub(plan.refresh_margin());
            effects.tell(Note::Scheduled { after });
        }
        Held {
            kind: answer.kind,
            generation,
            ends: life.ends,
            plan,
        }
    }

    /// The issuer gave the same credential again: it counts as asked, and what was withdrawn is reinstated.
    pub(crate) fn vouched(&mut self, sent: Now, seen: &Seen<'_>, effects: &mut Effects) {
        let Some(held) = seen.known() else { return };
        let (now, min_interval) = (seen.now, seen.options.min_interval());
        let pace = backoff::unchanged_pace(held.ends.remaining(now), min_interval);
        self.pace.succeeded();
        self.pace.next = now.boot.after(pace);
        self.refused = false;
        self.vouch(held.generation, sent, now, min_interval, effects);
        if seen.current.is_none() {
            let rounds = &mut self.cold().reinstated;
            *rounds = rounds.saturating_add(1);
            effects.slot = SlotChange::Reinstate;
        }
        self.pass_on(held.generation, None, now);
        effects.tell(Note::Unchanged {
            generation: held.generation,
        });
    }

    /// The call failed, or its answer is no good.
    pub(crate) fn failed(
        &mut self,
        failed: Failed,
        landing: &Landing<'_>,
        seen: &Seen<'_>,
        effects: &mut Effects,
    ) {
        let now = seen.now;
        if let Some(demand) = landing.demand {
            return self.failed_for_one(failed, demand, seen, effects);
        }
        let sort = Sort::of(failed.kind);
        if sort == Sort::Refused {
            self.refused = true;
        }
        let remaining = self.verdict(seen).and_then(|verdict| verdict.usable());
        self.count_failure();
        let count = self.pace.failed(failed, remaining.is_some(), now);
        let urgent = match (seen.current, remaining) {
            (Some(held), Some(remaining)) => remaining <= seen.options.urgent_margin(held),
            _ => false,
        };
        let failure = Failure {
            sort,
            count,
            remaining,
            retry_after: failed.pause,
            urgent,
            latency: landing.sent.boot.until(now.boot),
            min_interval: seen.options.min_interval(),
            first: seen.options.first_pause(),
        };
        let next_attempt = (!failed.until_changed).then(|| failure.delay(landing.random));
        self.pace.next = next_attempt.map_or(Boot::FAR, |delay| now.boot.after(delay));
        effects.tell(Note::Failed {
            next_attempt,
            remaining,
            urgent,
        });
    }

    /// The issuer does not give what one origin demands, or something between chokes on the demand: that says nothing of
    /// what it gives to all others, so neither the backoff nor static stability hears of it.
    fn failed_for_one(
        &mut self,
        failed: Failed,
        demand: &Demand,
        seen: &Seen<'_>,
        effects: &mut Effects,
    ) {
        let now = seen.now;
        self.count_failure();
        if let Some(held) = seen.current {
            self.pass_on(held.generation, Some(&demand.origin), now);
        }
        let next = self.put_off(demand, failed.pause, now);
        effects.tell(Note::Failed {
            next_attempt: next.map(|next| now.boot.until(next)),
            remaining: self.verdict(seen).and_then(|verdict| verdict.usable()),
            urgent: false,
        });
    }

    /// The landing is over: what comes next to what is current now.
    pub(crate) fn settled(&mut self, seen: &Seen<'_>, effects: &mut Effects) {
        if self.ended == Ended::No {
            self.plan_next(seen, effects);
        }
    }

    fn count_failure(&mut self) {
        let failures = &mut self.cold().failures;
        *failures = failures.saturating_add(1);
    }

    fn learn_clock(&mut self, skew: i64, effects: &mut Effects) {
        if self.skew().abs_diff(skew) > nanos(Duration::from_secs(1)).unsigned_abs() {
            effects.tell(Note::ClockSkew {
                by: Duration::from_nanos(skew.unsigned_abs()),
                issuer_ahead: skew > 0,
            });
        }
        if skew != self.skew() {
            self.cold().skew = skew;
        }
    }

    /// What is replaced may be accepted by its issuer for longer: remembered for the residual exposure.
    fn replaced(&mut self, seen: &Seen<'_>) {
        let ends = seen.known().map(|held| held.ends);
        if let Some(ends) = ends.filter(|ends| !ends.remaining(seen.now).is_zero()) {
            let former = self.former().map_or(ends, |former| former.later(ends));
            self.cold().former = Some(former);
        }
        if let Some(cold) = &mut self.cold {
            cold.reinstated = 0;
        }
    }
}

/// What clocks may differ by, so that a token of just the longest lifetime is not refused.
const SLACK: Duration = Duration::from_secs(60);
