//! When the issuer is asked without a waiting reader: by the timer, by a read in passing, by a changed input.

use std::num::NonZeroU32;
use std::time::Duration;

use super::ask::can_help;
use super::effects::{Begin, Demand, Effects, Note};
use super::ended::Ended;
use super::pace::LONG_AGO;
use super::state::{Machine, Seen};
use crate::credential::Verdict;
use crate::event::Trigger;
use crate::sys::time::Boot;

/// A flight that nobody carries on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Orphan<'a> {
    pub(crate) number: NonZeroU32,
    pub(crate) trigger: Trigger,
    pub(crate) demand: Option<&'a Demand>,
    /// It was a call, so the next one keeps the minimum interval.
    pub(crate) paced: bool,
}

impl Machine {
    /// A read that does not wait found something due. `short`: what it asked for, where what is current does not last as
    /// long.
    pub(crate) fn read_in_passing(
        &mut self,
        seen: &Seen<'_>,
        short: Option<Duration>,
        effects: &mut Effects,
    ) {
        if self.ended != Ended::No || self.is_under_way(seen, effects) {
            return;
        }
        self.tell_expiry(seen, effects);
        let due = short
            .map(|_| Trigger::TooShort)
            .or_else(|| self.changed_unseen.then_some(Trigger::Changed))
            .or_else(|| self.due_now(seen))
            .filter(|trigger| can_help(*trigger, seen, short.unwrap_or_default()));
        let Some(trigger) = due else { return };
        self.resume(effects);
        let at = self.may_start(trigger, seen).err();
        // What is wanted already, and has its turn sooner, is not put off.
        let before = self.wanted.map(|wanted| self.may_start(wanted, seen).err());
        if at != Some(Boot::FAR) && before.is_none_or(|before| at < before) {
            self.wanted = Some(trigger);
        }
        if self.wanted.is_some() {
            self.plan_next(seen, effects);
        }
    }

    /// The instant has come that was to be looked at, or the clock has stepped.
    pub(crate) fn timer(&mut self, seen: &Seen<'_>, effects: &mut Effects) {
        self.due = Boot::FAR;
        if self.ended != Ended::No || self.is_under_way(seen, effects) {
            return;
        }
        self.tell_expiry(seen, effects);
        let ahead = self
            .due_now(seen)
            .filter(|trigger| is_worth_it(*trigger, seen));
        // What has to wait for its turn holds up nothing that is due by itself.
        let mut due = self.wanted.into_iter().chain(ahead);
        match due.find(|trigger| self.may_start(*trigger, seen).is_ok()) {
            Some(trigger) => {
                let by = self.wanted_by();
                self.begin(trigger, by.as_deref(), seen, effects);
            }
            None => self.plan_next(seen, effects),
        }
    }

    /// The provider's input changed: whatever the backoff, the issuer is asked, if anybody uses this.
    pub(crate) fn input_changed(&mut self, seen: &Seen<'_>, effects: &mut Effects) {
        if self.ended != Ended::No {
            return;
        }
        self.pace.reset(seen.options.min_interval());
        let in_use = match seen.current {
            Some(held) => seen.in_demand(held),
            None => {
                self.in_flight || self.pace.last_failure().is_some() || seen.withdrawn.is_some()
            }
        };
        if !in_use {
            self.changed_unseen = true;
            return;
        }
        self.wanted = Some(Trigger::Changed);
        if !self.in_flight {
            self.plan_next(seen, effects);
        }
    }

    /// A flight's runtime ended, is not polled, or is blocked: no failure of the issuer, so no backoff. Returns whether
    /// it was the one under way.
    pub(crate) fn orphaned(
        &mut self,
        orphan: &Orphan<'_>,
        seen: &Seen<'_>,
        effects: &mut Effects,
    ) -> bool {
        if !self.is_current(orphan.number) {
            return false;
        }
        self.in_flight = false;
        if self.ended == Ended::No {
            match orphan.demand {
                Some(demand) => self.want_for(&demand.origin),
                None => self.wanted = self.wanted.or(Some(orphan.trigger)),
            }
            // What one origin demanded has set no pace of others.
            if !orphan.paced && orphan.demand.is_none() {
                self.pace.last_start = LONG_AGO;
            }
            self.look_at(seen.now.boot, seen.now, effects);
        }
        true
    }

    /// Whoever was to look at the instant that is due is gone.
    pub(crate) fn rehomed(&mut self, seen: &Seen<'_>, effects: &mut Effects) {
        let due = std::mem::replace(&mut self.due, Boot::FAR);
        self.look_at(due, seen.now, effects);
    }

    /// Whether this is the flight that may publish.
    pub(super) fn is_current(&self, number: NonZeroU32) -> bool {
        self.in_flight && self.begun == number.get()
    }

    /// What is due, if anything, for a reader or by the clock.
    pub(super) fn due_now(&self, seen: &Seen<'_>) -> Option<Trigger> {
        let Some(held) = seen.current else {
            return Some(seen.missing());
        };
        match self.judge(held, seen) {
            Verdict::Usable(remaining) if remaining > held.plan.refresh_margin() => None,
            Verdict::Usable(remaining) if remaining > seen.options.urgent_margin(held) => {
                Some(Trigger::Ahead)
            }
            Verdict::Usable(_) => Some(Trigger::Urgent),
            Verdict::PastExpiry | Verdict::Expired => Some(Trigger::Expired),
        }
    }

    /// Makes a flight current. `by`: the origin whose refusal forces it.
    pub(super) fn begin(
        &mut self,
        trigger: Trigger,
        by: Option<&str>,
        seen: &Seen<'_>,
        effects: &mut Effects,
    ) {
        let now = seen.now;
        let generation = seen.current.map(|held| held.generation);
        let demand = generation
            .filter(|_| trigger == Trigger::Rejected)
            .and_then(|generation| self.demand_of(by, generation));
        self.in_flight = true;
        self.begun = self.begun.checked_add(1).unwrap_or(1);
        if demand.is_none() {
            // What one origin demands has the pace of that origin, and holds up no other call.
            self.pace.last_start = now.boot;
        }
        if matches!(trigger, Trigger::Rejected | Trigger::Invalidated) {
            self.cold().last_forced = Some(now.boot);
        }
        // What one origin demands says nothing of what the changed input gives to all.
        let changed = self.changed_unseen || self.wanted == Some(Trigger::Changed);
        self.changed_unseen = changed && demand.is_some();
        self.wanted = None;
        self.look_at(Boot::FAR, now, effects);
        let for_one = demand.as_ref().map(|demand| &*demand.origin);
        self.pace_refusals(generation, for_one, now, seen.options.min_interval());
        effects.begin = Some(Begin {
            number: NonZeroU32::new(self.begun).unwrap_or(NonZeroU32::MIN),
            trigger,
            demand,
            urgency: self.urgency(seen),
            limit: self.flight_limit(seen),
            skew: self.skew(),
        });
    }

    /// When a call becomes urgent that begins now: at once, where readers have nothing. So one that waits for its place has those
    /// behind it that came after its own cache's mandatory window began, whatever they have.
    fn urgency(&self, seen: &Seen<'_>) -> Boot {
        let usable = seen
            .current
            .and_then(|held| Some((held, self.judge(held, seen).usable()?)));
        usable.map_or(seen.now.boot, |(held, remaining)| {
            let margin = seen.options.urgent_margin(held);
            seen.now.boot.after(remaining.saturating_sub(margin))
        })
    }

    /// Has the shell look at what comes next to this credential.
    pub(super) fn plan_next(&mut self, seen: &Seen<'_>, effects: &mut Effects) {
        let now = seen.now;
        let wanted = self
            .wanted
            .map(|trigger| self.may_start(trigger, seen).err().unwrap_or(now.boot));
        let at = if let Some(held) = seen.current
            && let Verdict::Usable(remaining) = self.judge(held, seen)
        {
            let margin = held.plan.refresh_margin();
            let expiry = now.boot.after(remaining);
            let refresh = now.boot.after(remaining.saturating_sub(margin));
            if remaining == Duration::MAX {
                Boot::FAR
            } else if refresh <= now.boot && !seen.in_demand(held) {
                if wanted.is_none() && !std::mem::replace(&mut self.idle, true) {
                    effects.tell(Note::Idle);
                }
                expiry
            } else {
                let spaced = self.pace.last_start.after(seen.options.min_interval());
                refresh.max(self.pace.next).max(spaced).min(expiry)
            }
        } else {
            self.tell_expiry(seen, effects);
            Boot::FAR
        };
        let at = wanted.map_or(at, |wanted| wanted.min(at));
        self.look_at(at, now, effects);
    }

    /// Tells once that a credential ended before a newer one came.
    fn tell_expiry(&mut self, seen: &Seen<'_>, effects: &mut Effects) {
        if let Some(held) = seen.current
            && held.ends.remaining(seen.now).is_zero()
            && !std::mem::replace(&mut self.expiry_told, true)
        {
            effects.tell(Note::Expired {
                generation: held.generation,
            });
        }
    }

    /// Tells of reads past expiry, once a second at most. Returns whether it did.
    pub(crate) fn served_past_expiry(&mut self, seen: &Seen<'_>, effects: &mut Effects) -> bool {
        let Some(held) = seen.current else {
            return false;
        };
        let told = &mut self.cold().past_expiry_told;
        let again = told.is_none_or(|told| told.until(seen.now.boot) >= Duration::from_secs(1));
        if again {
            *told = Some(seen.now.boot);
            effects.tell(Note::ServedPastExpiry {
                generation: held.generation,
            });
        }
        again
    }
}

/// Whether a refresh ahead of expiry is worth a call: somebody read lately.
fn is_worth_it(trigger: Trigger, seen: &Seen<'_>) -> bool {
    matches!(trigger, Trigger::Ahead | Trigger::Urgent)
        && seen.current.is_some_and(|held| seen.in_demand(held))
}
