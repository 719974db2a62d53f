//! What holds between two inputs.

use std::time::Duration;

use super::oracle::Oracle;
use super::readers::ORIGINS;
use super::rules::{is_in_demand, left};
use crate::engine::machine::{Ended, Machine, Seen};
use crate::sys::time::Boot;

impl Oracle {
    /// The machine, and what the shell has.
    pub(super) fn at_rest(
        &mut self,
        machine: &Machine,
        seen: &Seen<'_>,
        (in_flight, marked, unnoticed, look): (bool, bool, bool, Boot),
    ) {
        let (now, due) = (seen.now, machine.due());
        self.check(machine.is_in_flight() == in_flight, || {
            format!("a flight is under way: {in_flight}, and the machine has it otherwise")
        });
        let ended = self.ended.unwrap_or(Ended::No);
        self.check(machine.ended() == ended, || format!("{ended:?}"));
        self.check(due == look, || format!("due at {due:?}, set at {look:?}"));
        self.check(machine.generation() == self.generation, || {
            "generations were lost".into()
        });
        if ended != Ended::No {
            self.check(!in_flight && due == Boot::FAR, || {
                format!("something goes on after {ended:?}")
            });
        }
        if let Some(held) = seen.current {
            for origin in ORIGINS {
                let stands = self.refuses(Some(origin), held.generation).is_some();
                let says = machine.refuses(Some(origin), held.generation);
                self.check(stands == says && (!stands || marked), || {
                    format!("{origin} refuses: {stands}; machine: {says}; marked: {marked}")
                });
            }
        }
        self.accepted.retain(|ends| !left(*ends, now).is_zero());
        if ended != Ended::Revoked {
            let left = machine.left_behind(seen);
            let counted = self.accepted.iter().all(|ends| {
                left.is_some_and(|left| left.wall >= ends.wall && left.boot >= ends.boot)
            });
            let accepted = self.accepted.len();
            self.check(counted, || {
                format!("{left:?} of {accepted} that are accepted")
            });
        }
        if ended == Ended::No && !in_flight && !unnoticed {
            let min_interval = seen.options.min_interval();
            let calls = &self.calls;
            let failed = calls.failure.as_ref().map_or(Boot(i64::MIN), |it| it.next);
            let latest = calls
                .last
                .max(calls.last_forced)
                .after(min_interval)
                .max(failed);
            let asked_by_next_read = machine.has_changed_unseen();
            let in_demand = |held| is_in_demand(held, seen.read, now, seen.options);
            let in_use = seen.current.is_some_and(in_demand);
            let lost = calls.changed && in_use && !asked_by_next_read && due > latest.max(now.boot);
            self.check(!lost, || {
                format!("a change is forgotten: looked at at {due:?}, not {latest:?}")
            });
            self.never_forgotten(seen, due);
        }
    }

    /// What is usable and in demand is looked at before it ends.
    pub(super) fn never_forgotten(&mut self, seen: &Seen<'_>, due: Boot) {
        let Some(held) = seen.current else { return };
        let now = seen.now;
        let lasts = left(held.ends, now);
        let in_demand = is_in_demand(held, seen.read, now, seen.options);
        let concerns = !lasts.is_zero() && lasts != Duration::MAX && in_demand;
        let expiry = now.boot.after(lasts);
        let holds = !concerns || self.calls.is_dead() || due <= expiry;
        self.check(holds, || {
            format!("it ends at {expiry:?}, and is looked at at {due:?}")
        });
    }
}
