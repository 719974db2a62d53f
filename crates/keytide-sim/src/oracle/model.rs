//! What the oracle knows of one cache: [`Model`].

use std::time::{Duration, SystemTime};

use keytide_core::Trigger;

use crate::answer::Sort;
use crate::trace::Want;

/// All clocks at one instant, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Now {
    /// Since the start of the world, by the time that the runtime's timers go by.
    pub(crate) run: i64,
    /// Since boot, suspends included.
    pub(crate) boot: i64,
    /// Since 1970, by the wall clock.
    pub(crate) wall: i64,
}

/// What a cache was built with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) issuer: usize,
    pub(crate) min_interval: i64,
    /// The user set the minimum interval: no pause is shorter, but that after a first refusal.
    pub(crate) min_interval_is_set: bool,
    pub(crate) flight_limit: i64,
    pub(crate) issuer_limit: usize,
    pub(crate) idle_after: Option<i64>,
    pub(crate) static_stability: Option<i64>,
    pub(crate) accepts_other: bool,
}

/// One cache, as the contract has it.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) terms: Terms,
    pub(crate) calls: Vec<Call>,
    /// What was published last, whatever became of it.
    pub(crate) current: Option<Current>,
    pub(crate) generation: u64,
    /// The current one was invalidated, and the issuer gave neither it again nor a newer one.
    pub(crate) withdrawn: bool,
    pub(crate) end: End,
    /// Whether the last principal that was named is the issuer's other one.
    pub(crate) other: Option<bool>,
    /// The issuer said no since it last gave something.
    pub(crate) said_no: bool,
    pub(crate) refusals: Vec<Refusal>,
    /// Failures in a row.
    pub(crate) failures: Vec<Failure>,
    /// As many in a row there may have been, with those that a suspend may have cost.
    pub(crate) row: u32,
    pub(crate) failed: u64,
    /// Calls that failed or were taken for lost after a suspend.
    pub(crate) lost: u64,
    /// No new reader finds it.
    pub(crate) dropped: bool,
    /// The greatest generation that any read returned.
    pub(crate) returned: u64,
    pub(crate) last_read: Option<Now>,
    /// Readers that wait.
    pub(crate) waiting: u64,
    /// Refreshes by name, and calls that they caused.
    pub(crate) names: u64,
    /// Readers that wait for a refresh by name.
    pub(crate) naming: u64,
    pub(crate) named_calls: u64,
    /// How long the last new credential took to come.
    pub(crate) latency: i64,
    /// Changes of the input.
    pub(crate) changes: u64,
    /// The backoff was forgotten since the last call.
    pub(crate) reset: bool,
    /// How often the issuer gave the current one again without being forced.
    pub(crate) repeats: u64,
    /// When the issuer last gave the current one again.
    pub(crate) repeated: Option<Now>,
}

/// A credential that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Current {
    /// The call that minted it.
    pub(crate) mint: u64,
    /// Whether it is for the issuer's other principal; `None`: nobody said for whom.
    pub(crate) other: Option<bool>,
    pub(crate) received: Now,
    /// Where its life ends, on both clocks.
    pub(crate) boot: i64,
    pub(crate) wall: i64,
    /// What is told of its end.
    pub(crate) told: i64,
    /// When somebody last read it before its window began.
    pub(crate) read_early: Option<Now>,
}

/// One call to the issuer, numbered from 1 in its cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) trigger: Trigger,
    pub(crate) claims: Option<usize>,
    pub(crate) start: Now,
    pub(crate) end: Option<Now>,
    pub(crate) outcome: Outcome,
    /// Taken out of service: its answer counts for nothing.
    pub(crate) retired: bool,
    /// When it was retired.
    pub(crate) retired_at: i64,
    /// A clock was moved while it ran.
    pub(crate) stepped: bool,
    /// It began the moment that another call to the issuer ended: it may have waited for its place.
    pub(crate) waited: bool,
    pub(crate) usable_at_start: bool,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Running,
    Void,
    Published,
    Again,
    Failed(Sort),
}

/// A failure in a row of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    pub(crate) sort: Sort,
    pub(crate) at: Now,
    /// Whether a credential was usable then.
    pub(crate) usable: bool,
}

/// What an origin refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) origin: usize,
    pub(crate) generation: u64,
    pub(crate) claims: bool,
    pub(crate) at: Now,
    /// The issuer was asked since, and gave the same.
    pub(crate) vouched: bool,
}

/// How a cache ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum End {
    #[default]
    No,
    ShutDown,
    Revoked,
}

/// A read that began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    pub(crate) reader: u64,
    pub(crate) want: Want,
    pub(crate) at: Now,
    /// The greatest generation that had been returned.
    pub(crate) generation: u64,
    pub(crate) usable: bool,
    pub(crate) end: End,
    pub(crate) withdrawn: bool,
    pub(crate) rotations: u64,
}

/// What a read gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) generation: u64,
    /// Which call minted its secret.
    pub(crate) mint: u64,
    /// Whether all its parts are of that call.
    pub(crate) whole: bool,
    pub(crate) told: Option<i64>,
    pub(crate) other: Option<bool>,
    pub(crate) remaining: i64,
}

impl Model {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms,
            ..Self::default()
        }
    }

    /// Whether a credential is published that is not past its end.
    pub(crate) fn is_usable(&self, now: Now) -> bool {
        self.end != End::Revoked && !self.withdrawn && self.remaining(now) > 0
    }

    /// What is left of what is published, by the clock that leaves less.
    pub(crate) fn remaining(&self, now: Now) -> i64 {
        self.current.map_or(0, |current| {
            (current.boot - now.boot)
                .min(current.wall - now.wall)
                .max(0)
        })
    }

    /// The calls that may still publish.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Call> {
        self.calls
            .iter()
            .rev()
            .take(RECENT)
            .filter(|call| call.end.is_none() && !call.retired)
    }

    /// Takes what runs out of service.
    pub(crate) fn retire(&mut self, now: Now) {
        for call in self.calls.iter_mut().rev().take(RECENT) {
            if call.end.is_none() && !call.retired {
                call.retired = true;
                call.retired_at = now.run;
            }
        }
    }
}

impl Current {
    /// How long it lasted when it came.
    pub(crate) fn life(&self) -> i64 {
        self.boot - self.received.boot
    }

    /// How much life is left when a refresh becomes due by default, at the earliest: rule 5.
    pub(crate) fn window(&self) -> i64 {
        let minute = 60 * SECOND;
        let by_life = match self.life() {
            life if life <= 20 * minute => 5 * minute,
            life if life <= 90 * minute => 15 * minute,
            _ => 60 * minute,
        };
        by_life.min(self.life() / 2)
    }
}

impl Now {
    /// Whether the wall clock was moved between the two by as much as the contract calls a step.
    pub(crate) fn has_stepped_since(self, before: Self) -> bool {
        let moved = (self.wall - self.boot) - (before.wall - before.boot);
        moved.abs() > SECOND
    }

    pub(crate) fn wall_of(time: SystemTime) -> i64 {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        }
    }
}

pub(crate) fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// Calls that can still run: older ones have ended.
const RECENT: usize = 16;
pub(crate) const SECOND: i64 = 1_000_000_000;
/// What timers, which tick in milliseconds, may add to a chain of waits.
pub(crate) const TICK: i64 = 10_000_000;

/// Whether somebody said that what is at hand is no good.
pub(super) fn is_forced(trigger: Trigger) -> bool {
    matches!(trigger, Trigger::Rejected | Trigger::Invalidated)
}
