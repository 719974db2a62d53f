//! What happens to the pretend cache, one thing after another, by chance.

use std::time::Duration;

use super::answers::Mood;
use super::readers::ORIGINS;
use super::rules::{is_in_demand, left};
use super::trace::Input;
use super::world::World;
use crate::engine::machine::{Ended, Orphan};
use crate::sys::time::{Boot, Wall, nanos};

impl World {
    /// One step.
    pub(super) fn step(&mut self) {
        self.trace.step += 1;
        match self.chance.below(100) {
            0..=27 => self.advance(),
            28..=39 => self.new_reader(),
            40..=52 => self.poll_some(),
            53..=57 => self.read_in_passing(),
            58..=77 => self.land_current(),
            78..=79 => self.land_late(),
            80 => self.orphan(),
            81 => self.rehome(),
            82..=83 => self.change_input(),
            84..=90 => self.reject(),
            91..=92 => self.invalidate(),
            93..=94 => self.step_wall(),
            95 => self.notice_step(),
            96 => {
                let span = self.chance.span();
                self.pass(span);
            }
            97 => {
                let moods = [Mood::Well, Mood::Well, Mood::Down, Mood::Mixed];
                self.issuer.mood = self.chance.pick(&moods);
            }
            98 => self.adopt(),
            _ => self.end(),
        }
        self.wake_readers();
        self.examine();
        if self.machine.ended() != Ended::No {
            self.ended_for += 1;
            if self.ended_for > 60 && self.oracle.fault.is_none() {
                self.renew();
            }
        }
    }

    /// Time passes, as a rule until something is to happen.
    fn advance(&mut self) {
        let span = match self.chance.below(8) {
            0..=4 => self.next_event().map(|at| self.now.boot.until(at)),
            5 | 6 => Some(Duration::from_millis(self.chance.below(300))),
            _ => None,
        };
        let span = match span {
            Some(span) => span,
            None => self.chance.span(),
        };
        let to_look = self.now.boot.until(self.look);
        let punctual = self.look != Boot::FAR && to_look <= span && !self.chance.one_in(6);
        self.pass(if punctual { to_look } else { span });
        if self.unnoticed && self.chance.one_in(2) {
            self.notice_step();
        }
        if self.look <= self.now.boot && (punctual || self.chance.one_in(2)) {
            self.fire();
        }
    }

    fn fire(&mut self) {
        self.look = Boot::FAR;
        self.decide(Input::Timer, |machine, seen, effects| {
            machine.timer(seen, effects);
        });
    }

    fn read_in_passing(&mut self) {
        self.read = self.now.boot;
        let remaining = self.slot.as_ref().map(|known| {
            let lasts = left(known.held.ends, self.now);
            (lasts, lasts <= known.held.plan.refresh_margin())
        });
        let due = remaining.is_none_or(|(_, due)| due);
        if due || self.machine.has_changed_unseen() {
            self.pass_by(None);
            let in_flight = self.flight.is_some();
            self.oracle.passed(&self.machine, due, in_flight);
        }
        let least = self.chance.span();
        if remaining.is_some_and(|(lasts, _)| !lasts.is_zero() && lasts < least) {
            self.pass_by(Some(least));
        }
    }

    fn pass_by(&mut self, short: Option<Duration>) {
        self.decide(Input::Passing(short), |machine, seen, effects| {
            machine.read_in_passing(seen, short, effects);
        });
    }

    fn orphan(&mut self) {
        let current = self.flight.clone().filter(|_| !self.chance.one_in(3));
        let Some(flight) = current.or_else(|| self.late.last().cloned()) else {
            return;
        };
        let number = flight.begin.number;
        let orphaned = self.decide(Input::Orphan(number.get()), |machine, seen, effects| {
            let (trigger, demand) = (flight.trigger(), flight.demand());
            let orphan = Orphan {
                number,
                trigger,
                demand,
                paced: false,
            };
            machine.orphaned(&orphan, seen, effects)
        });
        self.oracle
            .landed(number.get(), orphaned, self.flight.as_ref());
        if orphaned && let Some(flight) = self.flight.take() {
            self.oracle.orphaned();
            self.retire(flight);
        }
    }

    fn rehome(&mut self) {
        self.look = Boot::FAR;
        self.decide(Input::Rehome, |machine, seen, effects| {
            machine.rehomed(seen, effects);
        });
    }

    fn change_input(&mut self) {
        self.decide(Input::Changed, |machine, seen, effects| {
            machine.input_changed(seen, effects);
        });
        let held = self.slot.as_ref().map(|known| known.held);
        let in_use =
            held.is_some_and(|held| is_in_demand(&held, self.read, self.now, &self.options));
        self.oracle.calls.changed |= in_use;
    }

    fn reject(&mut self) {
        let generation = self.some_generation();
        let origin = self.chance.pick(&ORIGINS);
        let claims = self.chance.pick(&[None, None, Some("x"), Some("y")]);
        let input = Input::Reject {
            generation,
            origin,
            claims,
        };
        self.decide(input, |machine, seen, effects| {
            machine.rejected(generation, origin, claims, seen, effects);
        });
    }

    fn invalidate(&mut self) {
        let generation = self.some_generation();
        let held = self.slot.as_ref().map(|known| known.held);
        let current = held.filter(|held| held.generation == generation);
        let in_demand =
            current.is_some_and(|held| is_in_demand(&held, self.read, self.now, &self.options));
        let input = Input::Invalidate(generation);
        let did = self.decide(input, |machine, seen, effects| {
            machine.invalidated(generation, seen, effects)
        });
        let about = (did, current.is_some(), in_demand);
        let min_interval = self.options.min_interval();
        self.oracle
            .invalidated(about, &self.machine, self.now, min_interval);
    }

    /// The current one as a rule, else the one before.
    fn some_generation(&mut self) -> u64 {
        let generation = self.machine.generation();
        generation.saturating_sub(u64::from(self.chance.one_in(6)))
    }

    fn step_wall(&mut self) {
        let by = nanos(self.chance.span());
        let by = if self.chance.one_in(2) { by } else { -by };
        self.now.wall = Wall(self.now.wall.0.saturating_add(by));
        self.unnoticed = true;
        if !self.chance.one_in(4) {
            self.notice_step();
        }
    }

    /// The driver notices that the wall clock has stepped.
    fn notice_step(&mut self) {
        self.unnoticed = false;
        let min_interval = self.options.min_interval();
        self.decide(Input::Stepped, |machine, _, _| {
            machine.clock_stepped(min_interval)
        });
        self.fire();
    }

    fn adopt(&mut self) {
        let min_interval = self.options.min_interval();
        self.decide(Input::Adopt, |machine, _, _| machine.adopted(min_interval));
    }

    fn end(&mut self) {
        if self.chance.one_in(6) {
            self.decide(Input::Revoke, |machine, seen, effects| {
                machine.revoked(seen, effects)
            });
        } else if self.chance.one_in(6) {
            self.decide(Input::ShutDown, |machine, seen, effects| {
                machine.shut_down(seen, effects);
            });
        }
    }
}
