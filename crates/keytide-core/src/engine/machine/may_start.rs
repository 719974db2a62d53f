//! Whether the issuer may be asked now; else when.

use std::time::Duration;

use super::pace::{LONG_AGO, changed_interval};
use super::state::{Machine, Seen};
use crate::engine::backoff;
use crate::event::Trigger;
use crate::sys::time::Boot;

impl Machine {
    /// Whether the issuer may be asked now; else when.
    pub(super) fn may_start(&self, trigger: Trigger, seen: &Seen<'_>) -> Result<(), Boot> {
        let (pace, now) = (&self.pace, seen.now);
        let min_interval = seen.options.min_interval();
        let spaced = pace.last_start.after(min_interval);
        let next = pace.next_by_this_clock(now, min_interval);
        let at = match (trigger, pace.last_failure()) {
            (Trigger::ByName, _) => return Ok(()),
            (Trigger::Changed, _) => pace.last_start.after(changed_interval(min_interval)),
            // Who refuses what the issuer gives again has a pace of its own.
            (Trigger::Rejected, None) => self.forced_interval(min_interval),
            (Trigger::Rejected | Trigger::Invalidated, Some(_)) => {
                next.max(self.forced_interval(min_interval))
            }
            (Trigger::Invalidated, None) => self
                .pace_of_rounds(min_interval)
                .max(self.forced_interval(min_interval)),
            (_, Some(failed)) => {
                let usable = self.verdict(seen).is_some_and(|it| it.usable().is_some());
                let first_after_expiry =
                    !usable && pace.failed_while_usable() && !failed.until_changed;
                if first_after_expiry { now.boot } else { next }
            }
            // A life that a clock cut short is worth a call at once; one shorter than the pace is not.
            (Trigger::Expired, None)
                if seen
                    .current
                    .is_some_and(|held| held.lifetime() > min_interval) =>
            {
                next.min(spaced)
            }
            (_, None) => next.max(spaced),
        };
        if at <= now.boot { Ok(()) } else { Err(at) }
    }

    /// What was given again, and invalidated again: nobody may use it, so the issuer is asked at a pace that grows from
    /// one round to the next, and not at that of what is served meanwhile.
    fn pace_of_rounds(&self, min_interval: Duration) -> Boot {
        match self.cold.as_ref().map_or(0, |cold| cold.reinstated) {
            0 => LONG_AGO,
            rounds => self
                .pace
                .last_start
                .after(backoff::reinstated_pace(rounds, min_interval)),
        }
    }

    /// Before this instant nobody forces another call, whoever forced the last one.
    pub(super) fn forced_interval(&self, min_interval: Duration) -> Boot {
        let forced = self.cold.as_ref().and_then(|cold| cold.last_forced);
        forced.map_or(LONG_AGO, |forced| forced.after(min_interval))
    }

    /// The wall clock stepped: what was reckoned by the wrong one sets no pace any more.
    pub(crate) fn clock_stepped(&mut self, min_interval: Duration) {
        self.pace.clock_stepped(min_interval);
    }
}
