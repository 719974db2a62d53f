//! A flight lands, in time or late, and what it brings is taken as a cache takes it.

use std::time::Duration;

use super::answers::Brought;
use super::readers::Outcome;
use super::trace::Input;
use super::world::{Credential, Flight, World};
use crate::engine::machine::{Answer, Failed, Fault, Good, Landing};
use crate::error::ErrorKind;
use crate::sys::time::{Now, nanos};

impl World {
    pub(super) fn land_current(&mut self) {
        match self.flight.clone() {
            Some(flight) if flight.launched.is_some() => {
                // As a rule an answer takes a while.
                if self.chance.one_in(2) {
                    let span = Duration::from_millis(self.chance.below(2000));
                    let until_look = self.now.boot.until(self.look);
                    self.pass(span.min(until_look));
                }
                self.land(&flight);
            }
            Some(_) => self.launch(),
            None => {}
        }
    }

    pub(super) fn land_late(&mut self) {
        if !self.late.is_empty() {
            let index = self.chance.place(self.late.len());
            let flight = self.late.swap_remove(index);
            self.land(&flight);
        }
    }

    fn land(&mut self, flight: &Flight) {
        let number = flight.begin.number;
        let skew = match self.chance.below(16) {
            0 => Some(nanos(Duration::from_secs(3))),
            1 => Some(-nanos(Duration::from_secs(90))),
            2 => Some(0),
            _ => None,
        };
        let input = Input::Land {
            number: number.get(),
            skew,
        };
        let counts = self.decide(input, |machine, _, effects| {
            machine.landed(number, skew, effects)
        });
        self.oracle
            .landed(number.get(), counts, self.flight.as_ref());
        if !counts {
            return;
        }
        self.flight = None;
        let sent = flight.launched.map_or(self.now, |(sent, _)| sent);
        let known = self.slot.as_ref().or(self.withdrawn.as_ref());
        let outcome = match self.issuer.bring(&mut self.chance, known, self.now) {
            Brought::Answer(answer) => self.accept(&answer, flight, sent),
            Brought::Failure(failed) => self.fail(failed, flight, sent),
        };
        self.decide(Input::Settle, |machine, seen, effects| {
            machine.settled(seen, effects);
        });
        let min_interval = self.options.min_interval();
        self.oracle
            .settled(&self.machine, flight.demand(), self.now, min_interval);
        self.resolve(number, flight.demand(), sent, outcome);
    }

    fn accept(&mut self, answer: &Answer, flight: &Flight, sent: Now) -> Outcome {
        let good = self.decide(Input::Judge, |machine, seen, effects| {
            machine.judge_answer(answer, sent, seen, effects)
        });
        match good {
            Ok(Good::New(life)) => {
                self.oracle.about_to_publish(answer, &life, &self.options);
                let held = self.decide(Input::Publish, |machine, seen, effects| {
                    machine.published(answer, &life, sent, seen, effects)
                });
                let windowed = life.hint.is_none();
                self.oracle.published(&held, sent, self.now, windowed);
                self.withdrawn = None;
                self.slot = Some(Credential {
                    held,
                    expires_at: life.expires_at,
                    marked: false,
                });
                self.issuer.took_down(None);
                Outcome::Issued
            }
            Ok(Good::Known) => {
                self.decide(Input::Vouch { sent }, |machine, seen, effects| {
                    machine.vouched(sent, seen, effects);
                });
                self.issuer.took_down(None);
                Outcome::Unchanged
            }
            Err(fault) => {
                let kind = match fault {
                    Fault::Empty | Fault::Expired => ErrorKind::Unavailable,
                    Fault::OtherKind => ErrorKind::Misconfigured,
                    Fault::Static => ErrorKind::StaticCredential,
                    Fault::TooLong(_) => ErrorKind::LifetimeTooLong,
                    Fault::OtherPrincipal => ErrorKind::PrincipalChanged,
                };
                let failed = self.issuer.faulty(kind);
                self.fail(failed, flight, sent)
            }
        }
    }

    fn fail(&mut self, failed: Failed, flight: &Flight, sent: Now) -> Outcome {
        let landing = Landing {
            sent,
            demand: flight.demand(),
            random: self.chance.draw() as u32,
        };
        let of_one = flight.demand().is_some();
        let next = self.machine.pace().next();
        self.decide(Input::Fail { failed, of_one }, |machine, seen, effects| {
            machine.failed(failed, &landing, seen, effects);
        });
        self.oracle.failed_for(of_one, next, &self.machine);
        if !of_one {
            self.issuer.took_down(Some(&failed));
        }
        Outcome::Failed {
            may_pass: failed.may_pass(),
        }
    }
}
