//! What an origin's refusal brings about, and what the issuer's answer makes of it.

use std::sync::Arc;
use std::time::Duration;

use super::effects::{Demand, Effects, Note};
use super::ended::Ended;
use super::pace::LONG_AGO;
use super::state::{Machine, Seen};
use crate::engine::backoff;
use crate::event::Trigger;
use crate::sys::time::{Boot, Now};

impl Machine {
    /// An origin refused a generation. Costs nothing where that is not the current one.
    pub(crate) fn rejected(
        &mut self,
        generation: u64,
        origin: &str,
        claims: Option<&str>,
        seen: &Seen<'_>,
        effects: &mut Effects,
    ) {
        let Some(held) = seen.current.filter(|held| held.generation == generation) else {
            return;
        };
        let now = seen.now;
        let Some(known) = self.cold().refusals.entry(origin, generation, now) else {
            return;
        };
        if known.generation == generation && !known.vouched {
            known.last = now.boot;
            return;
        }
        // One that was in use for a while was not refused for what the origin is, but for what became of it.
        let served_well = held.plan.received.until(now.boot) >= held.lifetime() / 4;
        if served_well || known.last.until(now.boot) > FORGIVEN {
            known.count = 0;
            known.next = LONG_AGO;
        }
        known.generation = generation;
        known.vouched = false;
        known.claims = claims.map(Arc::from);
        known.reported = now.boot;
        known.last = now.boot;
        let (by, may_force) = (Arc::clone(&known.origin), known.next <= now.boot);
        effects.tell(Note::Rejected { generation });
        effects.marked = Some(true);
        if may_force && self.ended == Ended::No && !self.in_flight {
            self.want_for(&by);
            self.plan_next(seen, effects);
        }
    }

    /// Whether `origin` refused this generation, and the issuer was not asked since.
    pub(crate) fn refuses(&self, origin: Option<&str>, generation: u64) -> bool {
        let (Some(origin), Some(cold)) = (origin, &self.cold) else {
            return false;
        };
        cold.refusals
            .of(generation)
            .any(|refusal| refusal.origin.as_ref() == origin)
    }

    /// What the challenge of an origin demanded when it refused this generation.
    pub(super) fn demand_of(&self, origin: Option<&str>, generation: u64) -> Option<Demand> {
        let known = &self.cold.as_ref()?.refusals.known;
        let refusal = known.iter().find(|refusal| {
            Some(refusal.origin.as_ref()) == origin && refusal.generation == generation
        })?;
        Some(Demand {
            origin: Arc::clone(&refusal.origin),
            claims: refusal.claims.clone()?,
        })
    }

    /// When the origin that refused the current credential may force the next call.
    pub(super) fn pace_of_origin(
        &self,
        trigger: Trigger,
        seen: &Seen<'_>,
        origin: Option<&str>,
    ) -> Option<Boot> {
        if trigger != Trigger::Rejected {
            return None;
        }
        let generation = seen.current?.generation;
        let known = &self.cold.as_ref()?.refusals.known;
        let refusal = known.iter().find(|refusal| {
            Some(refusal.origin.as_ref()) == origin && refusal.generation == generation
        })?;
        Some(refusal.next)
    }

    /// A flight starts: each origin that refused this generation, or the one that it is for, waits longer before it may
    /// force another.
    pub(super) fn pace_refusals(
        &mut self,
        generation: Option<u64>,
        only: Option<&str>,
        now: Now,
        min_interval: Duration,
    ) {
        let Some(cold) = &mut self.cold else { return };
        cold.refusals.wanted_by = None;
        for refusal in &mut cold.refusals.known {
            let concerned = only.is_none_or(|only| refusal.origin.as_ref() == only);
            if Some(refusal.generation) == generation && !refusal.vouched && concerned {
                refusal.count = refusal.count.saturating_add(1);
                let pace = backoff::origin_pace(refusal.count, false, min_interval);
                refusal.next = now.boot.after(pace);
            }
        }
    }

    /// The call that one origin's demand forced has failed. Returns when that origin may force the next.
    pub(super) fn put_off(
        &mut self,
        demand: &Demand,
        pause: Option<Duration>,
        now: Now,
    ) -> Option<Boot> {
        let known = &mut self.cold.as_mut()?.refusals.known;
        let refusal = known
            .iter_mut()
            .find(|refusal| refusal.origin == demand.origin)?;
        if let Some(pause) = pause {
            let until = now.boot.after(pause.min(LONGEST_PAUSE));
            refusal.next = refusal.next.max(until);
        }
        Some(refusal.next)
    }

    /// The issuer gave again what these origins refused, when it was asked at `sent`.
    pub(super) fn vouch(
        &mut self,
        generation: u64,
        sent: Now,
        now: Now,
        min_interval: Duration,
        effects: &mut Effects,
    ) {
        let Some(cold) = &mut self.cold else { return };
        let mut answered = true;
        for refusal in &mut cold.refusals.known {
            if refusal.generation != generation || refusal.vouched {
                continue;
            }
            if refusal.reported > sent.boot {
                // The issuer was asked before this origin refused it.
                answered = false;
                continue;
            }
            refusal.vouched = true;
            let pace = backoff::origin_pace(refusal.count, true, min_interval);
            refusal.next = refusal.next.max(now.boot.after(pace));
        }
        if answered {
            effects.marked = Some(false);
        }
    }

    /// A call has landed that says nothing to some origins which refused this generation: the next of them has its turn.
    pub(super) fn pass_on(&mut self, generation: u64, but: Option<&str>, now: Now) {
        let Some(cold) = &self.cold else { return };
        let next = cold
            .refusals
            .of(generation)
            .find(|refusal| Some(refusal.origin.as_ref()) != but && refusal.next <= now.boot);
        if let Some(origin) = next.map(|refusal| Arc::clone(&refusal.origin)) {
            self.want_for(&origin);
        }
    }

    /// A call is wanted for the refusal of this origin. A changed input that was to be asked for is not forgotten.
    pub(super) fn want_for(&mut self, origin: &Arc<str>) {
        self.changed_unseen |= self.wanted == Some(Trigger::Changed);
        self.wanted = Some(Trigger::Rejected);
        self.cold().refusals.wanted_by = Some(Arc::clone(origin));
    }

    pub(super) fn wanted_by(&self) -> Option<Arc<str>> {
        self.cold.as_ref()?.refusals.wanted_by.clone()
    }
}

/// An origin that has not refused for this long is as good as one that never did.
const FORGIVEN: Duration = Duration::from_secs(600);
/// The longest that one origin's demand is left aside because the issuer asked for patience.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
