//! The rules of pace, one by one.

use std::time::Duration;

use super::calls::{CAP, CHANGES, Calls, Failure};
use super::oracle::{Oracle, Scene};
use crate::credential::{Ends, Held};
use crate::engine::machine::{Failed, Machine};
use crate::engine::options::Options;
use crate::error::ErrorKind;
use crate::event::Trigger;
use crate::sys::time::{Boot, Now, Wall};

impl Calls {
    /// Why this call comes too soon, if it does.
    pub(super) fn too_soon(&self, trigger: Trigger, scene: &Scene<'_>) -> Option<&'static str> {
        let (now, min_interval) = (scene.now, scene.options.min_interval());
        let since = |span: Duration| self.last().after(span) <= now.boot;
        let soonest = min_interval.min(CHANGES);
        let asked_for = match &self.failure {
            Some(failure) if self.freed || failure.next <= now.boot => None,
            // What failed by a wrong clock sets no pace but the minimum interval.
            Some(failure) if failure.has_stepped(now) && !failure.asks_for_a_while() => {
                (!since(min_interval)).then_some("the minimum interval, after a step of the clock")
            }
            Some(_) => Some("the backoff"),
            None => None,
        };
        match trigger {
            Trigger::ByName => None,
            Trigger::Changed => (!since(soonest)).then_some("the minimum interval of changes"),
            Trigger::Rejected => asked_for,
            Trigger::Invalidated if self.failure.is_some() => asked_for,
            Trigger::Invalidated => {
                (self.round_pace(min_interval) > now.boot).then_some("the pace of rounds")
            }
            _ if self.is_first_after_expiry(scene) => None,
            _ if self.failure.is_some() => match asked_for {
                None if self.freed && !since(soonest) => Some("the minimum interval of changes"),
                other => other,
            },
            // A life that a clock cut short.
            Trigger::Expired
                if scene
                    .current
                    .is_some_and(|held| held.lifetime() > min_interval) =>
            {
                None
            }
            _ if !since(min_interval) => Some("the minimum interval"),
            _ if self.unchanged_until > now.boot => Some("the pace of what is unchanged"),
            _ => None,
        }
    }

    fn is_first_after_expiry(&self, scene: &Scene<'_>) -> bool {
        let first = |failure: &Failure| {
            failure.while_usable && !failure.asked_after_expiry && !failure.last.until_changed
        };
        !is_usable(scene) && self.failure.as_ref().is_some_and(first)
    }
}

impl Failure {
    pub(super) fn has_stepped(&self, now: Now) -> bool {
        self.offset.abs_diff(now.offset()) > 1_000_000_000
    }

    fn asks_for_a_while(&self) -> bool {
        let last = &self.last;
        last.until_changed || (last.relative && last.kind == ErrorKind::Throttled)
    }
}

impl Oracle {
    /// A credential was invalidated: whether that counts, and that the next call is not put off beyond its pace.
    pub(super) fn invalidated(
        &mut self,
        (did, is_current, in_demand): (bool, bool, bool),
        machine: &Machine,
        now: Now,
        min_interval: Duration,
    ) {
        self.check(did == is_current, || {
            format!("invalidated: {did}, and was the current one: {is_current}")
        });
        let latest = self.calls.last_forced.after(min_interval);
        let latest = latest
            .max(self.calls.round_pace(min_interval))
            .max(now.boot);
        let due = machine.due();
        let free = self.ended.is_none() && self.calls.failure.is_none();
        let asked = did && free && in_demand;
        self.check(!asked || due <= latest, || {
            format!("invalidated, and asked for at {due:?}: no later than {latest:?}")
        });
    }

    /// A reader in passing found something due.
    pub(super) fn passed(&mut self, machine: &Machine, due: bool, in_flight: bool) {
        let dead = self.calls.is_dead();
        let holds = !due || in_flight || dead || self.ended.is_some();
        self.check(holds || machine.due() != Boot::FAR, || {
            "something is due, and nobody looks".into()
        });
    }
}

/// Whether this is a pause that the contract allows, after so many failures in a row.
pub(super) fn fits(
    failed: &Failed,
    next: Option<Duration>,
    row: u32,
    remaining: Option<Duration>,
    options: &Options,
) -> bool {
    let Some(pause) = next else {
        return failed.until_changed;
    };
    let min_interval = options.min_interval();
    let refusal = !matches!(failed.kind, ErrorKind::Unavailable | ErrorKind::Throttled);
    let throttled = failed.kind == ErrorKind::Throttled;
    let longest = match remaining {
        Some(left) if throttled => left / 2,
        Some(left) => left / 5,
        None if refusal => Duration::from_secs(300),
        None => CAP,
    };
    // The first of a row only are shorter than the minimum interval.
    let least = if refusal && (!failed.repeated || row == 1) {
        min_interval.min(Duration::from_secs(1)) / 2
    } else if refusal
        || throttled
        || remaining.is_some()
        || options.min_interval.is_some()
        || row > 4
    {
        min_interval
    } else {
        Duration::from_millis(50) * (1 << (row - 1))
    };
    !failed.until_changed && pause >= least && pause <= longest.max(min_interval)
}

pub(super) fn may_pass(failed: &Failed) -> bool {
    let kinds = [ErrorKind::Unavailable, ErrorKind::Throttled];
    !failed.until_changed && kinds.contains(&failed.kind)
}

/// What is left of a life by the clock that leaves less. Not what the machine reckons with: that is judged.
pub(super) fn left(ends: Ends, now: Now) -> Duration {
    if (ends.wall, ends.boot) == (Wall::FAR, Boot::FAR) {
        return Duration::MAX;
    }
    let by_wall = ends.wall.0.saturating_sub(now.wall.0);
    let by_boot = ends.boot.0.saturating_sub(now.boot.0);
    Duration::from_nanos(by_wall.min(by_boot).max(0).unsigned_abs())
}

/// Whether somebody read lately.
pub(super) fn is_in_demand(held: &Held, read: Boot, now: Now, options: &Options) -> bool {
    let idle_after = options.idle_after.unwrap_or_else(|| held.lifetime());
    read.until(now.boot) <= idle_after
}

/// Whether something usable is at hand.
pub(super) fn is_usable(scene: &Scene<'_>) -> bool {
    let current = scene.current;
    current.is_some_and(|held| !left(held.ends, scene.now).is_zero())
}
