//! When the issuer may be asked, by the contract: the minimum interval and what it excuses, the backoff, and that nothing is forgotten.

use std::time::Duration;

use super::oracle::{Oracle, Scene, Standing};
use super::rules::{fits, is_usable, left, may_pass};
use super::trace::Input;
use crate::credential::Held;
use crate::engine::machine::{Begin, Demand, Effects, Failed, Machine, Note};
use crate::event::Trigger;
use crate::sys::time::{Boot, Now};

/// Before every boot.
pub(super) const LONG_AGO: Boot = Boot(i64::MIN / 2);
/// The shortest pace of changes.
pub(super) const CHANGES: Duration = Duration::from_millis(100);
/// The longest pace while readers are without.
pub(super) const CAP: Duration = Duration::from_secs(30);

/// What was asked when, and what came of it.
#[derive(Debug)]
pub(super) struct Calls {
    begun: u32,
    /// The last call but for those that one origin demanded.
    pub(super) last: Boot,
    pub(super) last_forced: Boot,
    pub(super) failure: Option<Failure>,
    /// The issuer repeats itself: it is not asked ahead before this instant.
    pub(super) unchanged_until: Boot,
    /// How often what was invalidated was given again.
    rounds: u32,
    /// The last flight was lost without fault of the issuer.
    orphaned: bool,
    /// The input changed, or somebody asked by name: the backoff is forgotten.
    pub(super) freed: bool,
    /// The input changed while somebody used this, and no call was made since that is for all.
    pub(super) changed: bool,
    /// How long the last good answer took.
    usual: Duration,
}

/// The last failure since the last success.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) last: Failed,
    /// Not before this instant, as was told.
    pub(super) next: Boot,
    pub(super) while_usable: bool,
    /// In a row, of one phase.
    row: u32,
    /// Of the wall clock against the boot clock.
    pub(super) offset: i64,
    /// It came after expiry already, or the first attempt after expiry was made.
    pub(super) asked_after_expiry: bool,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            begun: 0,
            last: LONG_AGO,
            last_forced: LONG_AGO,
            failure: None,
            unchanged_until: LONG_AGO,
            rounds: 0,
            orphaned: false,
            freed: false,
            changed: false,
            usual: Duration::ZERO,
        }
    }
}

impl Calls {
    pub(super) fn vouched(&mut self, until: Boot, reinstated: bool) {
        self.failure = None;
        self.freed = false;
        self.unchanged_until = until;
        self.rounds += u32::from(reinstated);
    }

    pub(super) fn published(&mut self, latency: Duration) {
        self.failure = None;
        self.freed = false;
        self.unchanged_until = LONG_AGO;
        self.rounds = 0;
        self.usual = latency;
    }

    pub(super) fn freed(&mut self, freed: bool) {
        self.freed = freed;
        self.unchanged_until = LONG_AGO;
        if let Some(failure) = &mut self.failure {
            failure.row = 0;
        }
    }

    pub(super) fn stepped(&mut self, min_interval: Duration) {
        if self.failure.is_none() {
            self.unchanged_until = self.unchanged_until.min(self.last().after(min_interval));
        }
    }

    /// Asking again is useless before the input has changed.
    pub(super) fn is_dead(&self) -> bool {
        self.failure
            .as_ref()
            .is_some_and(|failure| failure.last.until_changed)
    }

    /// The last call that sets the minimum interval.
    pub(super) fn last(&self) -> Boot {
        if self.orphaned { LONG_AGO } else { self.last }
    }

    /// The pace of what is given again and invalidated again.
    pub(super) fn round_pace(&self, min_interval: Duration) -> Boot {
        let Some(doublings) = self.rounds.checked_sub(1) else {
            return LONG_AGO;
        };
        let pace = (min_interval * (1 << doublings.min(10))).min(CAP.max(min_interval));
        self.last().after(pace)
    }

    /// Whether some attempt fits into a patience, for whatever reason it is made.
    pub(super) fn attempt_fits(&self, until: Boot, min_interval: Duration) -> bool {
        let changes = self.last.after(min_interval.min(CHANGES));
        let paced = self.last().after(min_interval).max(changes);
        let paced = paced.max(self.last_forced.after(min_interval));
        let at = match &self.failure {
            Some(failure) if !may_pass(&failure.last) => return false,
            Some(failure) => paced.max(failure.next),
            None => paced.max(self.unchanged_until),
        };
        at.max(self.round_pace(min_interval)).after(self.usual) < until
    }
}

impl Oracle {
    /// A call is made: may it?
    pub(super) fn begins(&mut self, begin: &Begin, input: &Input, scene: &Scene<'_>) {
        let (now, min_interval, trigger) = (scene.now, scene.options.min_interval(), begin.trigger);
        let number = self.calls.begun + 1;
        self.check(begin.number.get() == number, || {
            format!("flight {} follows {}", begin.number, number - 1)
        });
        self.calls.begun = number;
        self.demands(begin, input, scene);
        let least = match input {
            Input::Ask { least, .. } | Input::Passing(Some(least)) => *least,
            _ => Duration::ZERO,
        };
        let lives = scene.current.map_or(Duration::MAX, Held::lifetime);
        let helps = trigger != Trigger::TooShort || lives >= least;
        self.check(helps, || format!("{begin:?} cannot help: {input:?}"));
        let forced = matches!(trigger, Trigger::Rejected | Trigger::Invalidated);
        if forced {
            let keeps = self.calls.last_forced.after(min_interval) <= now.boot;
            self.check(keeps, || {
                format!("{begin:?} within the minimum interval of forced calls")
            });
            self.calls.last_forced = now.boot;
        }
        let why = self.calls.too_soon(trigger, scene);
        let calls = why.map(|_| format!("{:?}", self.calls)).unwrap_or_default();
        self.check(why.is_none(), || {
            format!("{begin:?} too soon: {why:?}; {calls}")
        });
        let usable = is_usable(scene);
        if let Some(failure) = &mut self.calls.failure {
            failure.asked_after_expiry |= !usable;
        }
        let generation = scene.current.map(|held| held.generation);
        for known in &mut self.standing {
            let meant = begin
                .demand
                .as_ref()
                .is_none_or(|it| &*it.origin == known.origin);
            if Some(known.generation) == generation && meant {
                known.fresh = false;
            }
        }
        if begin.demand.is_none() {
            self.calls.last = now.boot;
            self.calls.changed = false;
            self.calls.orphaned = false;
        }
        if trigger == Trigger::ByName {
            self.calls.freed(true);
        }
    }

    /// The claims of a challenge go with the calls that this refusal forces, and with no others.
    fn demands(&mut self, begin: &Begin, input: &Input, scene: &Scene<'_>) {
        let generation = scene.current.map(|held| held.generation);
        let stands = |origin: Option<&str>| self.refuses(origin, generation?)?.claims;
        let said = |origin: &str| {
            let said =
                |known: &&Standing| known.origin == origin && Some(known.generation) == generation;
            self.claimed.iter().find(said)?.claims
        };
        let sent = begin.demand.as_ref().map(|it| (&*it.origin, &*it.claims));
        let holds = match (sent, input) {
            (Some((origin, claims)), _) => {
                begin.trigger == Trigger::Rejected && said(origin) == Some(claims)
            }
            (None, Input::Ask { origin, .. }) => {
                begin.trigger != Trigger::Rejected || stands(*origin).is_none()
            }
            (None, _) => true,
        };
        self.check(holds, || format!("{begin:?} for {input:?}"));
    }

    /// A call has failed.
    pub(super) fn failure(
        &mut self,
        failed: &Failed,
        of_one: bool,
        effects: &Effects,
        scene: &Scene<'_>,
    ) {
        let told = effects.told.iter().find_map(|note| match note {
            Note::Failed { next_attempt, .. } => Some(*next_attempt),
            _ => None,
        });
        self.check(told.is_some(), || "a failure is not told".into());
        if of_one {
            return;
        }
        let (now, usable) = (scene.now, is_usable(scene));
        let row = match &self.calls.failure {
            Some(before) if before.while_usable == usable && !before.has_stepped(now) => {
                before.row + 1
            }
            _ => 1,
        };
        let next = told.flatten();
        let remaining = scene.current.map(|held| left(held.ends, now));
        let remaining = remaining.filter(|left| !left.is_zero());
        let fits = fits(failed, next, row, remaining, scene.options);
        self.check(fits, || format!("{failed:?} for the {row}. time: {next:?}"));
        self.calls.freed = false;
        self.calls.failure = Some(Failure {
            last: *failed,
            next: next.map_or(Boot::FAR, |pause| now.boot.after(pause)),
            while_usable: usable,
            row,
            offset: now.offset(),
            asked_after_expiry: !usable,
        });
    }

    /// What one origin's demand brought about costs no other anything.
    pub(super) fn failed_for(&mut self, of_one: bool, before: Boot, machine: &Machine) {
        let after = machine.pace().next();
        self.check(!of_one || before == after, || {
            format!("one origin's demand moves the pace of all from {before:?} to {after:?}")
        });
    }

    pub(super) fn orphaned(&mut self) {
        self.calls.orphaned = true;
        if let Some(failure) = &mut self.calls.failure {
            failure.asked_after_expiry = !failure.while_usable;
        }
    }

    /// A landing is over that says nothing to an origin which refused after it was sent: its turn is next.
    pub(super) fn settled(
        &mut self,
        machine: &Machine,
        demand: Option<&Demand>,
        now: Now,
        min_interval: Duration,
    ) {
        let passes = demand.is_some() || self.calls.failure.is_none();
        let waits =
            |known: &Standing| known.fresh && demand.is_none_or(|it| &*it.origin != known.origin);
        let waits = self.standing.iter().any(waits);
        let failed = self.calls.failure.as_ref().map_or(LONG_AGO, |it| it.next);
        let latest = failed.max(self.calls.last_forced.after(min_interval));
        let due = machine.due();
        let holds = !passes || !waits || self.ended.is_some() || due <= latest.max(now.boot);
        self.check(holds, || format!("nobody looks after who refused: {due:?}"));
    }
}
