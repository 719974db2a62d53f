//! Ends: of one generation, of refreshing, of everything.

use std::time::Duration;

use super::effects::{Effects, Note, SlotChange};
use super::ended::Ended;
use super::state::{Machine, Seen};
use crate::credential::Ends;
use crate::error::ErrorKind;
use crate::event::Trigger;
use crate::sys::time::Boot;

impl Machine {
    /// A generation is declared invalid. Returns whether it was the current one.
    pub(crate) fn invalidated(
        &mut self,
        generation: u64,
        seen: &Seen<'_>,
        effects: &mut Effects,
    ) -> bool {
        let current = seen.current.filter(|held| held.generation == generation);
        let Some(held) = current.filter(|_| self.ended != Ended::Revoked) else {
            return false;
        };
        let in_demand = seen.in_demand(held);
        effects.slot = SlotChange::Withdraw;
        self.take_out(effects);
        effects.tell(Note::Invalidated { generation });
        if in_demand && self.ended == Ended::No {
            self.wanted = Some(Trigger::Invalidated);
            let withdrawn = Seen {
                current: None,
                withdrawn: seen.current,
                ..*seen
            };
            let at = self.may_start(Trigger::Invalidated, &withdrawn).err();
            self.look_at(at.unwrap_or(seen.now.boot), seen.now, effects);
        }
        true
    }

    /// Nothing is refreshed any more. What is at hand is served until it expires.
    pub(crate) fn shut_down(&mut self, seen: &Seen<'_>, effects: &mut Effects) {
        if self.ended == Ended::No {
            self.ended = Ended::ShutDown;
        }
        self.take_out(effects);
        self.wanted = None;
        self.look_at(Boot::FAR, seen.now, effects);
    }

    /// Nobody reads it any more, for good. Returns until when something of it is accepted.
    pub(crate) fn revoked(&mut self, seen: &Seen<'_>, effects: &mut Effects) -> Option<Ends> {
        let left = self.left_behind(seen);
        let first = self.ended != Ended::Revoked;
        self.ended = Ended::Revoked;
        effects.slot = SlotChange::Clear;
        self.take_out(effects);
        self.wanted = None;
        self.look_at(Boot::FAR, seen.now, effects);
        if first {
            let residual_exposure =
                left.map_or_else(Default::default, |ends| ends.remaining(seen.now));
            effects.tell(Note::Revoked { residual_exposure });
        }
        left
    }

    /// Until when something is accepted of what was issued, at the latest.
    pub(crate) fn left_behind(&self, seen: &Seen<'_>) -> Option<Ends> {
        Ends::latest(seen.known().map(|held| held.ends), self.former())
    }

    /// Another principal is accepted from now on: what was refused for it is asked for again.
    pub(crate) fn adopted(&mut self, min_interval: Duration) {
        let refused = self
            .pace
            .last_failure()
            .is_some_and(|failed| failed.kind == ErrorKind::PrincipalChanged);
        if refused {
            self.pace.reset(min_interval);
        }
    }

    fn take_out(&mut self, effects: &mut Effects) {
        if std::mem::take(&mut self.in_flight) {
            effects.retired = true;
        }
    }
}
