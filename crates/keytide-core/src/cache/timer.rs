//! When the issuer is asked without a waiting reader: by the timer, by a read in passing, by a changed input.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::flight::{Flight, Launch, Outcome};
use super::shared::{Ended, Shared, Verdict};
use super::state::{Due, LONG_AGO, State};
use crate::credential::Credential;
use crate::event::{EventKind, Trigger};
use crate::home::Resident;
use crate::policy::backoff;
use crate::time::{Boot, Now};

/// What a decision leaves to be done once the lock is released: wakers, providers and other caches are called here.
#[derive(Default)]
#[must_use]
pub(super) struct After {
    pub(super) retired: Option<Arc<Flight>>,
    pub(super) resolved: Option<(Arc<Flight>, Outcome)>,
    pub(super) launch: Option<Launch>,
}

impl After {
    pub(super) fn run(self) {
        if let Some(flight) = self.retired {
            flight.retire();
        }
        if let Some((flight, outcome)) = self.resolved {
            flight.resolve(outcome);
        }
        if let Some(launch) = self.launch {
            launch.enter(false);
        }
    }
}

impl Shared {
    /// A read that does not wait found something due. Lets the driver look, unless somebody is at it.
    pub(super) fn kick(self: &Arc<Self>, now: Now, trigger: Option<Trigger>, least: Duration) {
        let Some(mut state) = self.state.try_lock() else {
            return;
        };
        if self.ended() != Ended::No {
            return;
        }
        let mut after = After::default();
        if let Some(flight) = &state.flight {
            if !flight.is_overdue(now) {
                return;
            }
            after.retired = state.flight.take();
        }
        let borrowed = self.slot.load();
        let current = borrowed.get();
        self.tell_expiry(&mut state, current, now);
        let changed = self
            .changed_unseen
            .load(Ordering::Relaxed)
            .then_some(Trigger::Changed);
        let due = trigger
            .or(changed)
            .or_else(|| self.due_now(&state, current, now));
        if let Some(trigger) = due.filter(|trigger| self.can_help(*trigger, current, least)) {
            if std::mem::take(&mut state.idle) {
                self.tell(&state, now, EventKind::Resumed);
            }
            if let Ok(at) = self
                .may_start(&state, trigger, current, now)
                .map_or_else(Ok::<_, ()>, |()| Ok(now.boot))
                && at != Boot::FAR
            {
                state.wanted = Some(trigger);
                self.schedule(&mut state, at, now);
            }
        }
        drop(state);
        after.run();
    }

    /// The driver's call at the instant that was scheduled, or after a step of the clock.
    pub(crate) fn on_timer(self: &Arc<Self>, now: Now) {
        let mut state = self.state.lock();
        state.due = Due::default();
        let mut after = After::default();
        if self.ended() != Ended::No {
            return;
        }
        if let Some(flight) = &state.flight {
            if !flight.is_overdue(now) {
                return;
            }
            after.retired = state.flight.take();
        }
        let borrowed = self.slot.load();
        let current = borrowed.get();
        self.tell_expiry(&mut state, current, now);
        let wanted = state.wanted.take();
        let by = state.rare.as_mut().and_then(|rare| rare.wanted_by.take());
        let ahead = || {
            self.due_now(&state, current, now)
                .filter(|trigger| self.is_worth_it(*trigger, current, now))
        };
        match wanted.or_else(ahead) {
            Some(trigger) => match self.may_start(&state, trigger, current, now) {
                Ok(()) => {
                    let by = by.as_deref();
                    after.launch = Some(self.begin(&mut state, trigger, by, current, now));
                }
                Err(at) => {
                    state.wanted = wanted;
                    if by.is_some() {
                        state.rare().wanted_by = by;
                    }
                    self.schedule(&mut state, at, now);
                }
            },
            None => self.plan_next(&mut state, current, now),
        }
        drop(state);
        after.run();
    }

    /// The provider's input changed: whatever the backoff, the issuer is asked, if anybody uses this.
    pub(crate) fn input_changed(self: &Arc<Self>) {
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        if self.ended() != Ended::No {
            return;
        }
        state.pace.reset();
        let borrowed = self.slot.load();
        let in_use = match borrowed.get() {
            Some(current) => self.in_demand(current, now),
            None => {
                state.flight.is_some()
                    || state.pace.last_error().is_some()
                    || state.withdrawn().is_some()
            }
        };
        if in_use {
            state.wanted = Some(Trigger::Changed);
            if state.flight.is_none() {
                let at = state
                    .pace
                    .last_start
                    .after(self.changed_floor())
                    .max(now.boot);
                self.schedule(&mut state, at, now);
            }
        } else {
            self.changed_unseen.store(true, Ordering::Relaxed);
        }
    }

    /// The flight's runtime ended, is not polled, or is blocked: no failure of the issuer, so no backoff.
    /// `paced`: what it left behind was a call, so the next one keeps the floor.
    pub(crate) fn orphan(
        self: &Arc<Self>,
        flight: &Arc<Flight>,
        blocked_by: Option<&'static str>,
        paced: bool,
    ) {
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        if !state
            .flight
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, flight))
        {
            return;
        }
        state.flight = None;
        self.tell(&state, now, EventKind::Orphaned { blocked_by });
        if self.ended() == Ended::No {
            state.wanted = Some(flight.trigger);
            if let Some(demand) = flight.demand() {
                state.rare().wanted_by = Some(Arc::clone(&demand.origin));
            }
            if !paced {
                state.pace.last_start = LONG_AGO;
            }
            self.schedule(&mut state, now.boot, now);
        }
        drop(state);
        flight.retire();
    }

    /// The home that held this cache's timer is gone.
    pub(crate) fn rehome(self: &Arc<Self>) {
        let now = self.context.clock.now();
        let mut state = self.state.lock();
        let due = std::mem::take(&mut state.due).0;
        self.schedule(&mut state, due, now);
    }

    /// What is due, if anything, for a reader or by the clock.
    pub(super) fn due_now(
        &self,
        state: &State,
        current: Option<&Credential>,
        now: Now,
    ) -> Option<Trigger> {
        let Some(current) = current else {
            return Some(if state.withdrawn().is_some() {
                Trigger::Invalidated
            } else {
                Trigger::FirstUse
            });
        };
        match self.judge(current, now) {
            Verdict::Usable(remaining) if remaining > current.plan.refresh_margin() => None,
            Verdict::Usable(remaining) if remaining > current.plan.mandatory() => {
                Some(Trigger::Ahead)
            }
            Verdict::Usable(_) => Some(Trigger::Urgent),
            Verdict::PastExpiry | Verdict::Expired => Some(Trigger::Expired),
        }
    }

    /// Whether the issuer may be asked now; else when.
    pub(super) fn may_start(
        &self,
        state: &State,
        trigger: Trigger,
        current: Option<&Credential>,
        now: Now,
    ) -> Result<(), Boot> {
        let pace = &state.pace;
        let floored = pace.last_start.after(self.options.floor);
        let at = match (trigger, pace.last_error()) {
            (Trigger::ByName, _) => return Ok(()),
            (Trigger::Changed, _) => pace.last_start.after(self.changed_floor()),
            // Who refuses what the issuer gives again has a pace of its own.
            (Trigger::Rejected, None) => self.forced_floor(state),
            (Trigger::Rejected, Some(_)) => pace.next.max(self.forced_floor(state)),
            // It was given again, and invalidated again: nobody may use it, so the issuer is asked at a pace that grows
            // from one round to the next, and not at that of what is served meanwhile.
            (Trigger::Invalidated, None) => {
                let rounds = state.rare.as_ref().map_or(0, |rare| rare.reinstated);
                let pace_of_rounds = match rounds {
                    0 => LONG_AGO,
                    rounds => pace
                        .last_start
                        .after(backoff::reinstated_pace(rounds, self.options.floor)),
                };
                pace_of_rounds.max(self.forced_floor(state))
            }
            (Trigger::Invalidated, Some(_)) => pace.next.max(self.forced_floor(state)),
            (_, Some(error)) => {
                let usable = current
                    .is_some_and(|current| matches!(self.judge(current, now), Verdict::Usable(_)));
                let first_after_expiry =
                    !usable && pace.failed_while_usable() && !error.waits_for_change();
                if first_after_expiry {
                    now.boot
                } else {
                    pace.next
                }
            }
            // A life that a clock cut short is worth a call at once; one shorter than the pace is not.
            (Trigger::Expired, None)
                if current.is_some_and(|current| current.lifetime() > self.options.floor) =>
            {
                pace.next.min(floored)
            }
            (_, None) => pace.next.max(floored),
        };
        if at <= now.boot { Ok(()) } else { Err(at) }
    }

    /// Makes a flight current. It is launched once the lock is released. `by`: the origin whose refusal forces it.
    pub(super) fn begin(
        self: &Arc<Self>,
        state: &mut State,
        trigger: Trigger,
        by: Option<&str>,
        current: Option<&Credential>,
        now: Now,
    ) -> Launch {
        let demand = current
            .filter(|_| trigger == Trigger::Rejected)
            .and_then(|current| state.demand(by, current.generation()));
        let demanded_by = demand.as_ref().map(|demand| Arc::clone(&demand.origin));
        let flight = Arc::new(Flight::new(trigger, demand));
        state.flight = Some(Arc::clone(&flight));
        if demanded_by.is_none() {
            // What one origin demands has the pace of that origin, and holds up no other call.
            state.pace.last_start = now.boot;
        }
        if matches!(trigger, Trigger::Rejected | Trigger::Invalidated) {
            state.rare().last_forced = Some(now.boot);
        }
        state.wanted = None;
        self.changed_unseen.store(false, Ordering::Relaxed);
        self.schedule(state, Boot::FAR, now);
        if let Some(rare) = &mut state.rare {
            let asked = current.map(Credential::generation);
            rare.wanted_by = None;
            rare.pace_rejections(asked, demanded_by.as_deref(), now, self.options.floor);
        }
        let urgency = current.map_or(Boot(i64::MIN), |current| current.ends.boot);
        Launch::new(self, &flight, urgency)
    }

    /// Sets the timer for what comes next to this credential.
    pub(super) fn plan_next(
        self: &Arc<Self>,
        state: &mut State,
        current: Option<&Credential>,
        now: Now,
    ) {
        let floored = state.pace.last_start.after(self.options.floor);
        if let Some(trigger) = state.wanted {
            let at = self
                .may_start(state, trigger, current, now)
                .err()
                .unwrap_or(now.boot);
            return self.schedule(state, at, now);
        }
        let Some(current) = current else {
            return self.schedule(state, Boot::FAR, now);
        };
        let Verdict::Usable(remaining) = self.judge(current, now) else {
            self.tell_expiry(state, Some(current), now);
            return self.schedule(state, Boot::FAR, now);
        };
        if remaining == Duration::MAX {
            return self.schedule(state, Boot::FAR, now);
        }
        let expiry = now.boot.after(remaining);
        let refresh = now
            .boot
            .after(remaining.saturating_sub(current.plan.refresh_margin()));
        let at = if refresh <= now.boot && !self.in_demand(current, now) {
            if !std::mem::replace(&mut state.idle, true) {
                self.tell(state, now, EventKind::Idle);
            }
            expiry
        } else {
            refresh.max(state.pace.next).max(floored).min(expiry)
        };
        self.schedule(state, at, now);
    }

    /// Lets the driver look at `at`, and no more at the former instant.
    pub(super) fn schedule(self: &Arc<Self>, state: &mut State, at: Boot, now: Now) {
        let late = state.due.0.until(now.boot) > LATE && state.due.0 != Boot::FAR;
        // What is due already is not put off, or it would never be late.
        let is_due = state.due.0.max(at) <= now.boot;
        if (state.due.0 == at || is_due) && !late {
            return;
        }
        let weak: Weak<dyn Resident> = self.weak();
        let homes = &self.agent.homes;
        if homes.schedule(state.due.0, at, late, self.id, &weak) {
            state.due = Due(at);
        }
    }

    /// Tells once that a credential ended before a newer one came.
    pub(super) fn tell_expiry(&self, state: &mut State, current: Option<&Credential>, now: Now) {
        if let Some(current) = current
            && current.remaining_at(now).is_zero()
            && !std::mem::replace(&mut state.expiry_told, true)
        {
            self.tell(
                state,
                now,
                EventKind::Expired {
                    generation: current.generation(),
                },
            );
        }
    }

    /// Tells of reads past expiry, once a second at most.
    pub(super) fn tell_past_expiry(&self, now: Now) {
        if self.past_expiry.load(Ordering::Relaxed) == 0 {
            return;
        }
        let Some(mut state) = self.state.try_lock() else {
            return;
        };
        let borrowed = self.slot.load();
        let Some(current) = borrowed.get() else {
            return;
        };
        let told = &mut state.rare().past_expiry_told;
        if told.is_none_or(|told| told.until(now.boot) >= Duration::from_secs(1)) {
            *told = Some(now.boot);
            let reads = u64::from(self.past_expiry.swap(0, Ordering::Relaxed));
            let generation = current.generation();
            self.tell(
                &state,
                now,
                EventKind::ServedPastExpiry { generation, reads },
            );
        }
    }

    /// Whether a call could help a read that asked for more life: not where lifetimes are known to be shorter.
    pub(super) fn can_help(
        &self,
        trigger: Trigger,
        current: Option<&Credential>,
        least: Duration,
    ) -> bool {
        trigger != Trigger::TooShort || current.is_none_or(|current| current.lifetime() >= least)
    }

    /// Whether a refresh ahead of expiry is worth a call: somebody read lately.
    fn is_worth_it(&self, trigger: Trigger, current: Option<&Credential>, now: Now) -> bool {
        matches!(trigger, Trigger::Ahead | Trigger::Urgent)
            && current.is_some_and(|current| self.in_demand(current, now))
    }

    /// Before this instant nobody forces another call, whoever forced the last one.
    pub(super) fn forced_floor(&self, state: &State) -> Boot {
        let forced = state.rare.as_ref().and_then(|rare| rare.last_forced);
        forced.map_or(LONG_AGO, |forced| forced.after(self.options.floor))
    }

    fn changed_floor(&self) -> Duration {
        self.options.floor.min(CHANGED_FLOOR)
    }
}

impl super::state::Rare {
    /// A flight starts: each origin that refused this generation, or the one that it is for, waits longer before it may
    /// force another.
    fn pace_rejections(
        &mut self,
        asked: Option<u64>,
        only: Option<&str>,
        now: Now,
        floor: Duration,
    ) {
        for rejection in &mut self.rejections {
            let concerned = only.is_none_or(|only| rejection.origin.as_ref() == only);
            if Some(rejection.generation) == asked && !rejection.vouched && concerned {
                rejection.count = rejection.count.saturating_add(1);
                rejection.next =
                    now.boot
                        .after(backoff::origin_pace(rejection.count, false, floor));
            }
        }
    }
}

/// The shortest pace of changes of the input: a file that is written over and over.
const CHANGED_FLOOR: Duration = Duration::from_millis(100);
/// A timer that is this late tells that its home is not polled.
const LATE: Duration = Duration::from_millis(100);
