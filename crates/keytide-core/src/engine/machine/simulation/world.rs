//! The pretend shell: what the machine decides is carried out here as the cache would, without a lock, a thread or a clock.

use std::time::{Duration, SystemTime};

use super::answers::Issuer;
use super::chance::Chance;
use super::oracle::{Oracle, Scene};
use super::readers::{At, Reader};
use super::rules::left;
use super::trace::{Input, Trace};
use crate::credential::Held;
use crate::engine::machine::{Begin, Demand, Effects, Machine, Seen, SlotChange};
use crate::engine::options::{LongLived, Options};
use crate::event::Trigger;
use crate::sys::time::{Boot, Now, Wall};

/// A credential without its secret.
#[derive(Debug, Clone)]
pub(super) struct Credential {
    pub(super) held: Held,
    pub(super) expires_at: Option<SystemTime>,
    /// The readers' hint that some origin refused it.
    pub(super) marked: bool,
}

/// A call under way, or one that was taken out and may land all the same.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) begin: Begin,
    /// When it was sent, and how long it may take; `None` while it waits for a place.
    pub(super) launched: Option<(Now, Duration)>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) now: Now,
    pub(super) machine: Machine,
    pub(super) options: Options,
    pub(super) issuer: Issuer,
    pub(super) slot: Option<Credential>,
    pub(super) withdrawn: Option<Credential>,
    pub(super) flight: Option<Flight>,
    /// Flights that were taken out.
    pub(super) late: Vec<Flight>,
    pub(super) readers: Vec<Reader>,
    /// When somebody last read.
    pub(super) read: Boot,
    /// The instant at which the driver was told to look.
    pub(super) look: Boot,
    /// The wall clock has stepped, and the driver has not noticed.
    pub(super) unnoticed: bool,
    /// Inputs since the end.
    pub(super) ended_for: u32,
    pub(super) oracle: Oracle,
    pub(super) trace: Trace,
}

impl World {
    pub(super) fn new(seed: u64, keep: usize) -> Self {
        let mut chance = Chance::new(seed);
        let options = options(&mut chance);
        let now = Now {
            wall: Wall(1_800_000_000_000_000_000),
            boot: Boot(1_000_000_000),
        };
        Self {
            now,
            machine: Machine::default(),
            issuer: Issuer::new(&mut chance, options.advisory_window),
            options,
            slot: None,
            withdrawn: None,
            flight: None,
            late: Vec::new(),
            readers: Vec::new(),
            read: Boot(i64::MIN),
            look: Boot::FAR,
            unnoticed: false,
            ended_for: 0,
            oracle: Oracle::default(),
            trace: Trace::new(keep),
            chance,
        }
    }

    /// Another cache, told other things, at the same time of day.
    pub(super) fn renew(&mut self) {
        let seed = self.chance.draw();
        let fresh = Self::new(seed, 0);
        let former = std::mem::replace(self, fresh);
        self.now = former.now;
        self.trace = former.trace;
    }

    /// One decision, carried out and judged.
    pub(super) fn decide<R>(
        &mut self,
        input: Input,
        decide: impl FnOnce(&mut Machine, &Seen<'_>, &mut Effects) -> R,
    ) -> R {
        let mut effects = Effects::new(true);
        let seen = Seen {
            now: self.now,
            current: self.slot.as_ref().map(|known| &known.held),
            withdrawn: self.withdrawn.as_ref().map(|known| &known.held),
            read: self.read,
            launched: self.flight.as_ref().and_then(|flight| flight.launched),
            options: &self.options,
        };
        let result = decide(&mut self.machine, &seen, &mut effects);
        let scene = Scene {
            now: self.now,
            current: seen.current,
            withdrawn: seen.withdrawn,
            flight: self.flight.as_ref(),
            options: &self.options,
            look: self.look,
        };
        self.oracle.effects(&input, &effects, &scene);
        self.carry_out(&effects);
        self.trace.note(self.now, input, effects);
        result
    }

    /// After each whole step: what must hold at rest.
    pub(super) fn examine(&mut self) {
        let seen = Seen {
            now: self.now,
            current: self.slot.as_ref().map(|known| &known.held),
            withdrawn: self.withdrawn.as_ref().map(|known| &known.held),
            read: self.read,
            launched: self.flight.as_ref().and_then(|flight| flight.launched),
            options: &self.options,
        };
        let marked = self.slot.as_ref().is_some_and(|known| known.marked);
        let in_flight = self.flight.is_some();
        self.oracle.at_rest(
            &self.machine,
            &seen,
            (in_flight, marked, self.unnoticed, self.look),
        );
    }

    fn carry_out(&mut self, effects: &Effects) {
        match effects.slot {
            SlotChange::Keep => {}
            SlotChange::Withdraw => self.withdrawn = self.slot.take(),
            SlotChange::Reinstate => self.slot = self.withdrawn.take(),
            SlotChange::Clear => (self.slot, self.withdrawn) = (None, None),
        }
        if let (Some(marked), Some(current)) = (effects.marked, &mut self.slot) {
            current.marked = marked;
        }
        if effects.retired
            && let Some(flight) = self.flight.take()
        {
            self.retire(flight);
        }
        if let Some(begin) = &effects.begin {
            let begin = begin.clone();
            self.flight = Some(Flight {
                begin,
                launched: None,
            });
            if !self.chance.one_in(6) {
                self.launch();
            }
        }
        if let Some(look) = effects.look {
            self.look = look.at;
        }
    }

    /// The flight that waited for a place at its issuer has one.
    pub(super) fn launch(&mut self) {
        let seen = Seen {
            now: self.now,
            current: self.slot.as_ref().map(|known| &known.held),
            withdrawn: self.withdrawn.as_ref().map(|known| &known.held),
            read: self.read,
            launched: None,
            options: &self.options,
        };
        let limit = self.machine.flight_limit(&seen);
        if let Some(flight) = &mut self.flight {
            flight.launched = Some((self.now, limit));
        }
    }

    /// A flight is out of service: who waited for it looks again, and its answer may come all the same.
    pub(super) fn retire(&mut self, flight: Flight) {
        let number = flight.begin.number;
        for reader in &mut self.readers {
            if reader.at == At::Flight(number) {
                reader.at = At::Ready;
            }
        }
        self.late.push(flight);
        if self.late.len() > 4 {
            self.late.remove(0);
        }
    }

    /// The instants at which something is to happen.
    pub(super) fn next_event(&self) -> Option<Boot> {
        let held = self.slot.as_ref().map(|known| known.held);
        let lasts = held.map(|held| left(held.ends, self.now));
        let expiry = lasts.map(|lasts| self.now.boot.after(lasts));
        let refresh = held.zip(lasts).map(|(held, lasts)| {
            let ahead = lasts.saturating_sub(held.plan.refresh_margin());
            self.now.boot.after(ahead)
        });
        let waits = self.readers.iter().filter_map(|reader| match reader.at {
            At::Later(at, _) => Some(at),
            _ => reader.want.until,
        });
        let mut events: Vec<Boot> = waits.chain(expiry).chain(refresh).collect();
        events.push(self.look);
        events.retain(|at| *at > self.now.boot && *at != Boot::FAR);
        events.into_iter().min()
    }

    /// Both clocks go on.
    pub(super) fn pass(&mut self, span: Duration) {
        self.now = Now {
            wall: self.now.wall.after(span),
            boot: self.now.boot.after(span),
        };
    }
}

fn options(chance: &mut Chance) -> Options {
    let second = Duration::from_secs;
    let some = |chance: &mut Chance, from: &[u64]| {
        let seconds = chance.pick(from);
        (seconds > 0).then(|| second(seconds))
    };
    let intervals = [None, None, None, Some(100), Some(1000), Some(5000)];
    Options {
        advisory_window: some(chance, &[0, 0, 0, 1, 600, 100_000]),
        mandatory_window: some(chance, &[0, 0, 0, 30, 100_000]),
        idle_after: some(chance, &[0, 0, 30, 3600]),
        min_interval: chance.pick(&intervals).map(Duration::from_millis),
        flight_limit: second(chance.pick(&[3, 30])),
        static_stability: some(chance, &[0, 0, 20, 3600]),
        allow_static: chance.one_in(3),
        long_lived: chance.pick(&[LongLived::Refuse, LongLived::Flag]),
        ..Options::default()
    }
}

impl Flight {
    pub(super) fn demand(&self) -> Option<&Demand> {
        self.begin.demand.as_ref()
    }

    pub(super) fn trigger(&self) -> Trigger {
        self.begin.trigger
    }
}
