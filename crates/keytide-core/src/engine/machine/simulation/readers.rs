//! Readers that wait, and follow what the machine says as those of a cache do.

use std::num::NonZeroU32;
use std::time::Duration;

use super::rules::left;
use super::trace::Input;
use super::world::World;
use crate::engine::machine::{Demand, Step, Want};
use crate::sys::time::{Boot, Now};

/// Where readers send it.
pub(super) const ORIGINS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    pub(super) want: Want<'static>,
    pub(super) since: Now,
    pub(super) answered: bool,
    pub(super) at: At,
}

/// What a reader waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Ready,
    Flight(NonZeroU32),
    /// This instant, or a newer generation than this.
    Later(Boot, u64),
}

/// How a flight ended, as its waiters see it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    Issued,
    Unchanged,
    Failed { may_pass: bool },
}

impl World {
    /// Somebody begins to wait.
    pub(super) fn new_reader(&mut self) {
        let chance = &mut self.chance;
        let generation = self.machine.generation();
        let origin = chance.one_in(2).then(|| chance.pick(&ORIGINS));
        let rejected = origin.is_some() && chance.one_in(4);
        let want = Want {
            least: if chance.one_in(5) {
                chance.span()
            } else {
                Duration::ZERO
            },
            origin,
            beyond: rejected.then_some(generation),
            by_name: chance.one_in(12),
            until: chance
                .one_in(2)
                .then(|| self.now.boot.after(chance.span() / 10)),
            since: Some(self.now.boot),
        };
        self.readers.push(Reader {
            want,
            since: self.now,
            answered: false,
            at: At::Ready,
        });
        self.poll_reader(self.readers.len() - 1);
    }

    /// Some reader that was woken looks again.
    pub(super) fn poll_some(&mut self) {
        let ready = |reader: &Reader| reader.at == At::Ready;
        let count = self.readers.iter().filter(|reader| ready(reader)).count();
        let nth = self.chance.place(count);
        let some = self.readers.iter().enumerate();
        let index = some.filter(|(_, reader)| ready(reader)).nth(nth);
        if let Some(index) = index.map(|(index, _)| index) {
            self.poll_reader(index);
        }
    }

    fn poll_reader(&mut self, index: usize) {
        let reader = self.readers[index];
        let (want, answered) = (reader.want, reader.answered);
        self.read = self.now.boot;
        let input = Input::Ask {
            least: want.least,
            origin: want.origin,
            beyond: want.beyond,
            by_name: want.by_name,
            until: want.until,
            answered,
        };
        let before = self.slot.as_ref().map(|known| known.held);
        let step = self.decide(input, |machine, seen, effects| {
            machine.ask(seen, &want, answered, effects)
        });
        let flight = self.flight.as_ref();
        self.oracle.said(
            step,
            &reader,
            (before.as_ref(), flight),
            self.now,
            &self.options,
        );
        let at = match step {
            Step::Serve(_) | Step::Fail(_) => {
                self.readers.swap_remove(index);
                return;
            }
            Step::Wait => self
                .flight
                .as_ref()
                .map_or(At::Ready, |flight| At::Flight(flight.begin.number)),
            Step::Later(at) => At::Later(at, self.machine.generation()),
        };
        self.readers[index].at = at;
    }

    /// Time has passed, or there is a newer generation: who waited for that is woken, and who has no patience left goes.
    pub(super) fn wake_readers(&mut self) {
        let (now, generation) = (self.now.boot, self.machine.generation());
        self.readers
            .retain(|reader| reader.want.until.is_none_or(|until| now < until));
        for reader in &mut self.readers {
            if let At::Later(at, seen) = reader.at
                && (at <= now || generation > seen)
            {
                reader.at = At::Ready;
            }
        }
        if self.readers.len() > 12 {
            let index = self.chance.place(self.readers.len());
            self.readers.swap_remove(index);
        }
    }

    /// A flight has ended: its waiters are told.
    pub(super) fn resolve(
        &mut self,
        number: NonZeroU32,
        demand: Option<&Demand>,
        sent: Now,
        outcome: Outcome,
    ) {
        let remaining = self
            .slot
            .as_ref()
            .map_or(Duration::ZERO, |known| left(known.held.ends, self.now));
        self.readers.retain_mut(|reader| {
            if reader.at != At::Flight(number) {
                return true;
            }
            reader.at = At::Ready;
            let want = &reader.want;
            match outcome {
                Outcome::Issued => {
                    reader.answered = true;
                    // One that is served, or told that it is too short, goes.
                    remaining.is_zero()
                }
                Outcome::Unchanged => {
                    reader.answered = want.beyond.is_none() || sent.boot >= reader.since.boot;
                    true
                }
                Outcome::Failed { may_pass } => {
                    let of_another =
                        demand.is_some_and(|demand| Some(demand.origin.as_ref()) != want.origin);
                    let waits =
                        may_pass && want.until.is_some() && want.beyond.is_none() && !want.by_name;
                    of_another || waits
                }
            }
        });
    }
}
