//! A machine by itself, at a time that the test says.

use std::time::Duration;

use super::LIMIT;
use crate::credential::Held;
use crate::engine::life::Times;
use crate::engine::machine::{
    Answer, Demand, Effects, Failed, Good, Landing, Machine, Named, Seen, Step, Want,
};
use crate::engine::options::Options;
use crate::error::ErrorKind;
use crate::profile::CredentialKind;
use crate::sys::time::{Boot, Now, Wall};

/// A machine, and what its shell would hold.
pub(super) struct Given {
    pub(super) machine: Machine,
    options: Options,
    pub(super) now: Now,
    pub(super) current: Option<Held>,
    launched: Option<(Now, Duration)>,
    demand: Option<Demand>,
    /// What the last decision left to be done.
    pub(super) effects: Effects,
}

impl Given {
    pub(super) fn new() -> Self {
        Self {
            machine: Machine::default(),
            options: Options::default(),
            now: Now {
                wall: Wall(1_800_000_000_000_000_000),
                boot: Boot(1_000_000_000),
            },
            current: None,
            launched: None,
            demand: None,
            effects: Effects::default(),
        }
    }

    /// With a token of this lifetime.
    pub(super) fn with(lifetime: Duration) -> Self {
        let mut given = Self::new();
        assert_eq!(given.ask(&Want::default()), Step::Wait);
        given.issue(lifetime);
        given
    }

    pub(super) fn pass(&mut self, span: Duration) {
        self.now.boot = self.now.boot.after(span);
        self.now.wall = self.now.wall.after(span);
    }

    pub(super) fn decide<R>(
        &mut self,
        decide: impl FnOnce(&mut Machine, &Seen<'_>, &mut Effects) -> R,
    ) -> R {
        let mut effects = Effects::new(true);
        let seen = Seen {
            now: self.now,
            current: self.current.as_ref(),
            withdrawn: None,
            read: self.now.boot,
            launched: self.launched,
            options: &self.options,
        };
        let result = decide(&mut self.machine, &seen, &mut effects);
        if effects.retired {
            self.launched = None;
        }
        if let Some(begin) = &effects.begin {
            self.launched = Some((self.now, LIMIT));
            self.demand.clone_from(&begin.demand);
        }
        self.effects = effects;
        result
    }

    pub(super) fn ask(&mut self, want: &Want<'_>) -> Step {
        self.decide(|machine, seen, effects| machine.ask(seen, want, false, effects))
    }

    pub(super) fn timer(&mut self) -> Effects {
        self.decide(|machine, seen, effects| machine.timer(seen, effects));
        std::mem::take(&mut self.effects)
    }

    pub(super) fn reject(&mut self, origin: &str, claims: Option<&str>) {
        let generation = self.machine.generation();
        self.decide(|machine, seen, effects| {
            machine.rejected(generation, origin, claims, seen, effects);
        });
    }

    /// Whether the flight of this number counts.
    pub(super) fn lands(&mut self, number: u32) -> bool {
        let number = number.try_into().unwrap();
        self.decide(|machine, _, effects| machine.landed(number, None, effects))
    }

    pub(super) fn issue(&mut self, lifetime: Duration) {
        assert!(self.lands(self.machine.begun));
        let (sent, _) = self.launched.take().unwrap();
        let answer = Answer {
            kind: CredentialKind::BearerToken,
            promised: CredentialKind::BearerToken,
            is_empty: false,
            times: Times {
                expires_in: Some(lifetime),
                ..Times::default()
            },
            named: Named::AsBefore,
            same: None,
            advisory: None,
            phase: 0,
        };
        let held = self.decide(|machine, seen, effects| {
            let good = machine.judge_answer(&answer, sent, seen, effects);
            let Ok(Good::New(life)) = good else {
                panic!("{good:?}")
            };
            machine.published(&answer, &life, sent, seen, effects)
        });
        self.current = Some(held);
        self.settle();
    }

    pub(super) fn fail(&mut self, kind: ErrorKind, repeated: bool) {
        assert!(self.lands(self.machine.begun));
        let (sent, _) = self.launched.take().unwrap();
        let demand = self.demand.take();
        let failed = Failed {
            kind,
            repeated,
            until_changed: false,
            pause: None,
            relative: false,
        };
        let landing = Landing {
            sent,
            demand: demand.as_ref(),
            random: u32::MAX,
        };
        self.decide(|machine, seen, effects| machine.failed(failed, &landing, seen, effects));
        self.settle();
    }

    pub(super) fn settle(&mut self) {
        self.decide(|machine, seen, effects| machine.settled(seen, effects));
    }
}
