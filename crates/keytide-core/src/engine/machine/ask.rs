//! What a waiting reader does next: take what is there, join the flight, have one begun, wait for its turn, or fail.

use std::time::Duration;

use super::effects::Effects;
use super::ended::Ended;
use super::state::{Machine, Seen};
use crate::credential::Verdict;
use crate::event::Trigger;
use crate::sys::time::Boot;

/// What a reader asks for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Want<'a> {
    /// How much life must be left.
    pub(crate) least: Duration,
    /// Where it is to be sent.
    pub(crate) origin: Option<&'a str>,
    /// The issuer must have been asked since this generation was used.
    pub(crate) beyond: Option<u64>,
    /// Ask the issuer in any case.
    pub(crate) by_name: bool,
    /// Until when the reader waits through failures that may pass; `None`: it is told of the first.
    pub(crate) until: Option<Boot>,
    /// Since when the reader waits: the failure of a call that was made after this is told to it, though it did not join.
    pub(crate) since: Option<Boot>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Take what is current: it lasts that long.
    Serve(Verdict),
    Fail(Why),
    /// Wait for the flight under way.
    Wait,
    /// Look again at this instant, or when there is a newer generation.
    Later(Boot),
}

/// Why a reader gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Revoked,
    ShutDown,
    /// What is current does not last as long as was asked.
    TooShort,
    /// The origin refused what is current.
    Rejected,
    /// The issuer is not asked before this instant (`FAR`: before its input has changed), for what failed last.
    Failed(Boot),
    /// It has expired within the shortest pace.
    Expired,
    /// The issuer is not asked again within the shortest pace.
    NotYet,
}

impl Machine {
    /// A reader waits. `answered`: the issuer has answered since it began to.
    pub(crate) fn ask(
        &mut self,
        seen: &Seen<'_>,
        want: &Want<'_>,
        answered: bool,
        effects: &mut Effects,
    ) -> Step {
        if self.ended == Ended::Revoked {
            return Step::Fail(Why::Revoked);
        }
        let trigger = match self.unmet(seen, want, answered) {
            Ok(verdict) => {
                self.refresh_behind(seen, effects);
                return Step::Serve(verdict);
            }
            Err(trigger) => trigger,
        };
        if self.ended == Ended::ShutDown {
            return Step::Fail(Why::ShutDown);
        }
        if self.is_under_way(seen, effects) {
            return Step::Wait;
        }
        // A call that did not help is not made again for the same wish.
        let helps = !answered || matches!(trigger, Trigger::Expired | Trigger::Invalidated);
        if !helps || !can_help(trigger, seen, want.least) {
            return Step::Fail(self.why(trigger, Boot::FAR));
        }
        let by_origin = self.pace_of_origin(trigger, seen, want.origin);
        if by_origin.is_some_and(|next| next > seen.now.boot) {
            return Step::Fail(self.why(trigger, Boot::FAR));
        }
        if let Err(at) = self.may_start(trigger, seen) {
            return if self.is_worth_the_wait(trigger, at, seen, want) {
                Step::Later(at)
            } else {
                Step::Fail(self.why(trigger, at))
            };
        }
        self.resume(effects);
        if trigger == Trigger::ByName {
            self.pace.reset(seen.options.min_interval());
        }
        self.begin(trigger, want.origin, seen, effects);
        Step::Wait
    }

    /// Starts the refresh that is due, for a reader who does not wait for it.
    fn refresh_behind(&mut self, seen: &Seen<'_>, effects: &mut Effects) {
        let Some(trigger) = self.due_now(seen) else {
            return;
        };
        let free = self.ended == Ended::No && !self.in_flight;
        if free && self.may_start(trigger, seen).is_ok() {
            self.resume(effects);
            self.begin(trigger, None, seen, effects);
        }
    }

    /// What of the wish the current credential does not meet, as the reason for a call.
    fn unmet(&self, seen: &Seen<'_>, want: &Want<'_>, answered: bool) -> Result<Verdict, Trigger> {
        if want.by_name && !answered {
            return Err(Trigger::ByName);
        }
        let Some(held) = seen.current else {
            return Err(seen.missing());
        };
        let verdict = self.judge(held, seen);
        if verdict == Verdict::Expired {
            return Err(Trigger::Expired);
        }
        if verdict.usable().unwrap_or_default() < want.least {
            return Err(Trigger::TooShort);
        }
        let asked_since = answered || want.beyond.is_none_or(|used| held.generation > used);
        if !asked_since || self.refuses(want.origin, held.generation) {
            return Err(Trigger::Rejected);
        }
        Ok(verdict)
    }

    /// Whether a reader waits for the next attempt: the rest of the minimum interval of forced calls, and through what may pass, for as
    /// long as an attempt fits into its patience.
    fn is_worth_the_wait(
        &self,
        trigger: Trigger,
        at: Boot,
        seen: &Seen<'_>,
        want: &Want<'_>,
    ) -> bool {
        // What is at hand is served, if it lasts; for more life than that nobody waits through an outage.
        if trigger == Trigger::TooShort {
            return false;
        }
        let forced = matches!(trigger, Trigger::Rejected | Trigger::Invalidated);
        let within_interval = forced
            && at <= self.forced_interval(seen.options.min_interval())
            && !self.has_failed_since(want.since);
        let fits = want
            .until
            .is_some_and(|end| at != Boot::FAR && at.after(self.usual()) < end);
        (within_interval && want.until.is_none_or(|end| at < end)) || (fits && self.pace.may_pass())
    }

    /// Whether a call that was made after the reader came has failed: that is what it waited for.
    fn has_failed_since(&self, since: Option<Boot>) -> bool {
        self.pace.last_failure().is_some()
            && since.is_some_and(|since| self.pace.last_start > since)
    }

    /// No call is made for this wish before `at`, or the one that was made did not help.
    fn why(&self, trigger: Trigger, at: Boot) -> Why {
        match (trigger, self.pace.last_failure()) {
            (Trigger::TooShort, _) => Why::TooShort,
            (Trigger::Rejected, _) => Why::Rejected,
            (_, Some(_)) => Why::Failed(at),
            (Trigger::Expired, None) => Why::Expired,
            (_, None) => Why::NotYet,
        }
    }
}

/// Whether a call could help a read that asked for more life: not where lifetimes are known to be shorter.
pub(super) fn can_help(trigger: Trigger, seen: &Seen<'_>, least: Duration) -> bool {
    trigger != Trigger::TooShort || seen.current.is_none_or(|held| held.lifetime() >= least)
}
