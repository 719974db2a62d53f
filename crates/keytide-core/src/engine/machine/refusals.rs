//! Which origins refused which generation, and how often each may force a call: [`Refusals`].

use std::sync::Arc;
use std::time::Duration;

use super::effects::{Effects, Note};
use super::pace::LONG_AGO;
use super::{Ended, Machine, Seen};
use crate::engine::backoff;
use crate::event::Trigger;
use crate::time::{Boot, Now};

/// What the origins said that refused a credential.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    known: Vec<Refusal>,
    /// The origin whose refusal is the reason of what is wanted.
    wanted_by: Option<Arc<str>>,
}

/// What one origin said of one generation.
#[derive(Debug)]
struct Refusal {
    origin: Arc<str>,
    generation: u64,
    /// The issuer was asked since, and gave the same credential.
    vouched: bool,
    /// What its challenge demanded of the next credential: sent with the calls that this refusal forces, and no others.
    claims: Option<Arc<str>>,
    /// Refusals of this origin in a row.
    count: u32,
    /// When it refused this generation: a call that was sent before says nothing to that.
    reported: Boot,
    last: Boot,
    /// When this origin may force the next refresh.
    next: Boot,
}

/// What the challenge of an origin demanded when it refused a credential.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    pub(crate) origin: Arc<str>,
    pub(crate) claims: Arc<str>,
}

impl Refusals {
    /// What still stands against this generation.
    fn of(&self, generation: u64) -> impl Iterator<Item = &Refusal> {
        self.known
            .iter()
            .filter(move |refusal| refusal.generation == generation && !refusal.vouched)
    }

    /// The entry of this origin, made if there is room: what is known of this generation is never forgotten for another
    /// origin's sake.
    fn entry(&mut self, origin: &str, generation: u64, now: Now) -> Option<&mut Refusal> {
        let place = self
            .known
            .iter()
            .position(|known| known.origin.as_ref() == origin);
        let index = match place {
            Some(index) => index,
            None => {
                if self.known.len() >= MOST_ORIGINS {
                    let former = |known: &Refusal| known.generation != generation;
                    let spared = self.known.iter().position(former)?;
                    self.known.remove(spared);
                }
                self.known.push(Refusal {
                    origin: Arc::from(origin),
                    generation: 0,
                    vouched: false,
                    claims: None,
                    count: 0,
                    reported: now.boot,
                    last: now.boot,
                    next: LONG_AGO,
                });
                self.known.len() - 1
            }
        };
        self.known.get_mut(index)
    }
}

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
        floor: Duration,
    ) {
        let Some(cold) = &mut self.cold else { return };
        cold.refusals.wanted_by = None;
        for refusal in &mut cold.refusals.known {
            let concerned = only.is_none_or(|only| refusal.origin.as_ref() == only);
            if Some(refusal.generation) == generation && !refusal.vouched && concerned {
                refusal.count = refusal.count.saturating_add(1);
                let pace = backoff::origin_pace(refusal.count, false, floor);
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
        floor: Duration,
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
            let pace = backoff::origin_pace(refusal.count, true, floor);
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

/// More origins than a credential has destinations. The refusal of one more is not taken down while all these refuse the
/// current generation.
const MOST_ORIGINS: usize = 256;
/// An origin that has not refused for this long is as good as one that never did.
const FORGIVEN: Duration = Duration::from_secs(600);
/// The longest that one origin's demand is left aside because the issuer asked for patience.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
