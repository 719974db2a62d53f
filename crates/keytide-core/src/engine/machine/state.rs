//! What a cache knows: [`Machine`], and what the shell saw: [`Seen`].

use std::time::Duration;

use super::effects::{Effects, NextLook, Note};
use super::ended::Ended;
use super::pace::Pace;
use super::refusals::Refusals;
use crate::credential::{Ends, Held, Verdict};
use crate::engine::options::Options;
use crate::event::Trigger;
use crate::sys::time::{Boot, Now};

/// The state of one cache, but for the credential itself.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The flight that may publish, if there is one: the last that was begun.
    pub(super) in_flight: bool,
    /// Somebody wants an answer without waiting for it.
    pub(super) wanted: Option<Trigger>,
    pub(super) idle: bool,
    pub(super) expiry_told: bool,
    /// The issuer said no since the last success: nothing is served past its expiry.
    pub(super) refused: bool,
    /// The provider's input changed while nobody read.
    pub(super) changed_unseen: bool,
    pub(super) ended: Ended,
    /// How many flights were begun.
    pub(super) begun: u32,
    /// How long the last good answer took, in milliseconds.
    pub(super) latency: u32,
    /// The number of the last published generation; 0 before the first.
    pub(super) generation: u64,
    /// When the shell is to look; `FAR` for never.
    pub(super) due: Boot,
    pub(super) pace: Pace,
    pub(super) cold: Option<Box<ColdState>>,
}

/// What most caches never need.
#[derive(Debug, Default)]
pub(super) struct ColdState {
    /// How far the issuer's clock is ahead of ours, as far as it told.
    pub(super) skew: i64,
    /// When a refusal or an invalidation last forced a call.
    pub(super) last_forced: Option<Boot>,
    /// How often in a row the issuer gave again what was invalidated.
    pub(super) reinstated: u32,
    /// All failures ever.
    pub(super) failures: u32,
    pub(super) refusals: Refusals,
    /// The latest end of a former generation: until then its issuer accepts it.
    pub(super) former: Option<Ends>,
    pub(super) past_expiry_told: Option<Boot>,
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

    /// All failures ever.
    pub(crate) fn failures(&self) -> u32 {
        self.cold.as_ref().map_or(0, |cold| cold.failures)
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
    pub(super) fn verdict(&self, seen: &Seen<'_>) -> Option<Verdict> {
        seen.current.map(|held| self.judge(held, seen))
    }

    /// How long the issuer usually takes.
    pub(super) fn usual(&self) -> Duration {
        Duration::from_millis(u64::from(self.latency))
    }

    pub(super) fn cold(&mut self) -> &mut ColdState {
        self.cold.get_or_insert_default()
    }

    /// Whether a flight is under way that somebody will answer. One that is overdue is retired: a suspend passed, and
    /// nobody will.
    pub(super) fn is_under_way(&mut self, seen: &Seen<'_>, effects: &mut Effects) -> bool {
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

    /// Has the shell look at `at`, and no more at the former instant.
    pub(super) fn look_at(&mut self, at: Boot, now: Now, effects: &mut Effects) {
        let late = self.due != Boot::FAR && self.due.until(now.boot) > LATE;
        // What is due already is not put off, or it would never be late.
        let is_due = self.due.max(at) <= now.boot;
        if (self.due == at || is_due) && !late {
            return;
        }
        let former = effects.look.map_or(self.due, |look| look.former);
        let late = late || effects.look.is_some_and(|look| look.late);
        effects.look = Some(NextLook { former, at, late });
        self.due = at;
    }

    /// Nobody could be had to look: the next decision that wants it tries again.
    pub(crate) fn nobody_looks(&mut self) {
        self.due = Boot::FAR;
    }

    /// Somebody reads again.
    pub(super) fn resume(&mut self, effects: &mut Effects) {
        if std::mem::take(&mut self.idle) {
            effects.tell(Note::Resumed);
        }
    }
}

impl Seen<'_> {
    /// Whether somebody read this recently enough to go on refreshing ahead of expiry.
    pub(super) fn in_demand(&self, held: &Held) -> bool {
        let idle_after = self.options.idle_after.unwrap_or_else(|| held.lifetime());
        self.read.until(self.now.boot) <= idle_after
    }

    /// The credential at hand, or the withdrawn one.
    pub(super) fn known(&self) -> Option<&Held> {
        self.current.or(self.withdrawn)
    }

    /// Why a call is needed where there is nothing to read.
    pub(super) fn missing(&self) -> Trigger {
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
/// A timer that is this late tells that nobody polls it.
const LATE: Duration = Duration::from_millis(100);
