//! What a cache decides: a pure machine. A state, an input and the time give effects.
//!
//! There is no lock, no clock, no runtime, no callback and no type of a user in here, and no secret: credentials are known
//! by what [`Held`] tells of them, failures by their sort. The shell takes the lock, calls one method, carries out the
//! [`Effects`] (those that must not be seen out of order before it unlocks), and does the rest afterwards.

mod ask;
mod effects;
mod end;
mod land;
mod pace;
mod refusals;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod timer;

use std::time::Duration;

pub(crate) use self::ask::{Step, Want, Why};
pub(crate) use self::effects::{Begin, Effects, Look, Note, SlotChange};
pub(crate) use self::end::Ended;
pub(crate) use self::land::{Answer, Fault, Good, Landing, Named};
pub(crate) use self::pace::{Failed, Pace};
pub(crate) use self::refusals::Demand;
use self::refusals::Refusals;
use crate::credential::{Ends, Held, Verdict};
use crate::engine::options::Options;
use crate::event::Trigger;
use crate::time::{Boot, Now};

/// The state of one cache, but for the credential itself.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The flight that may publish, if there is one: the last that was begun.
    in_flight: bool,
    /// Somebody wants an answer without waiting for it.
    wanted: Option<Trigger>,
    idle: bool,
    expiry_told: bool,
    /// The issuer said no since the last success: nothing is served past its expiry.
    refused: bool,
    /// The provider's input changed while nobody read.
    changed_unseen: bool,
    ended: Ended,
    /// How many flights were begun.
    begun: u32,
    /// How long the last good answer took, in milliseconds.
    latency: u32,
    /// The number of the last published generation; 0 before the first.
    generation: u64,
    /// When the shell is to look; `FAR` for never.
    due: Boot,
    pace: Pace,
    cold: Option<Box<ColdState>>,
}

/// What most caches never need.
#[derive(Debug, Default)]
struct ColdState {
    /// How far the issuer's clock is ahead of ours, as far as it told.
    skew: i64,
    /// When a refusal or an invalidation last forced a call.
    last_forced: Option<Boot>,
    /// How often in a row the issuer gave again what was invalidated.
    reinstated: u32,
    refusals: Refusals,
    /// The latest end of a former generation: until then its issuer accepts it.
    former: Option<Ends>,
    past_expiry_told: Option<Boot>,
}

/// What the shell saw when it took the lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) now: Now,
    /// What readers get.
    pub(crate) current: Option<&'a Held>,
    /// What was invalidated, until there is another.
    pub(crate) withdrawn: Option<&'a Held>,
    /// When somebody last read.
    pub(crate) read: Boot,
    /// When the flight under way was sent, and how long it may take.
    pub(crate) launched: Option<(Now, Duration)>,
    pub(crate) options: &'a Options,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            in_flight: false,
            wanted: None,
            idle: false,
            expiry_told: false,
            refused: false,
            changed_unseen: false,
            ended: Ended::No,
            begun: 0,
            latency: 0,
            generation: 0,
            due: Boot::FAR,
            pace: Pace::default(),
            cold: None,
        }
    }
}

impl Machine {
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn ended(&self) -> Ended {
        self.ended
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        self.in_flight
    }

    /// Whether the issuer said no since the last success.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether the provider's input changed while nobody read.
    pub(crate) fn has_changed_unseen(&self) -> bool {
        self.changed_unseen
    }

    /// When the shell is to look; `FAR` for never.
    pub(crate) fn due(&self) -> Boot {
        self.due
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// How far the issuer's clock is ahead of ours, in nanoseconds, as far as it told.
    pub(crate) fn skew(&self) -> i64 {
        self.cold.as_ref().map_or(0, |cold| cold.skew)
    }

    /// The latest end of a former generation.
    pub(crate) fn former(&self) -> Option<Ends> {
        self.cold.as_ref()?.former
    }

    /// How long a call that starts now may take: at most a sixth of what remains of a usable credential, but a second, and
    /// twice what the issuer took the last time, so that a slow one is not cut off when little remains.
    pub(crate) fn flight_limit(&self, seen: &Seen<'_>) -> Duration {
        let longest = seen.options.flight_limit;
        match seen
            .current
            .and_then(|held| self.judge(held, seen).usable())
        {
            Some(remaining) => {
                longest.min((remaining / 6).max(SHORTEST_LIMIT).max(self.usual() * 2))
            }
            None => longest,
        }
    }

    pub(crate) fn judge(&self, held: &Held, seen: &Seen<'_>) -> Verdict {
        held.judge(seen.now, seen.options.static_stability, self.refused)
    }

    /// What readers get of the current credential.
    fn verdict(&self, seen: &Seen<'_>) -> Option<Verdict> {
        seen.current.map(|held| self.judge(held, seen))
    }

    /// How long the issuer usually takes.
    fn usual(&self) -> Duration {
        Duration::from_millis(u64::from(self.latency))
    }

    fn cold(&mut self) -> &mut ColdState {
        self.cold.get_or_insert_default()
    }

    /// Whether a flight is under way that somebody will answer. One that is overdue is retired: a suspend passed, and
    /// nobody will.
    fn is_under_way(&mut self, seen: &Seen<'_>, effects: &mut Effects) -> bool {
        let overdue = seen
            .launched
            .is_some_and(|(sent, limit)| seen.now.boot > sent.boot.after(limit).after(GRACE));
        if self.in_flight && overdue {
            self.in_flight = false;
            effects.retired = true;
            if self.ended == Ended::No {
                // Whoever looks may want nothing of it: what is at hand is looked at all the same.
                self.plan_next(seen, effects);
            }
        }
        self.in_flight
    }

    /// Somebody reads again.
    fn resume(&mut self, effects: &mut Effects) {
        if std::mem::take(&mut self.idle) {
            effects.tell(Note::Resumed);
        }
    }
}

impl Seen<'_> {
    /// Whether somebody read this recently enough to go on refreshing ahead of expiry.
    fn in_demand(&self, held: &Held) -> bool {
        let idle_after = self.options.idle_after.unwrap_or_else(|| held.lifetime());
        self.read.until(self.now.boot) <= idle_after
    }

    /// The credential at hand, or the withdrawn one.
    fn known(&self) -> Option<&Held> {
        self.current.or(self.withdrawn)
    }

    /// Why a call is needed where there is nothing to read.
    fn missing(&self) -> Trigger {
        if self.withdrawn.is_some() {
            Trigger::Invalidated
        } else {
            Trigger::FirstUse
        }
    }
}

/// What a flight may exceed its limit by before it is taken for lost.
const GRACE: Duration = Duration::from_secs(2);
const SHORTEST_LIMIT: Duration = Duration::from_secs(1);
