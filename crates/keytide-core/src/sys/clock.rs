//! The clock that an agent lives by: [`Clock`] and [`SystemClock`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use crate::sync::{caught, discard};
use crate::sys;
use crate::sys::time::{Boot, Now, Wall, nanos};

/// Tells the time on two axes. The system's clock is the default; tests bring one that they can move.
///
/// It is read by every read, outside every lock: it must not block, and must not call into keytide. Where it panics, a reader
/// that judges a life by it panics too; for all else it said what it said before.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock, which may step either way.
    fn wall(&self) -> SystemTime;

    /// Time since a fixed instant of the past, counting suspends. It never goes back (Linux: `CLOCK_BOOTTIME`).
    fn since_boot(&self) -> Duration;
}

/// The clocks of the operating system.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> SystemTime {
        sys::wall()
    }

    fn since_boot(&self) -> Duration {
        Duration::from_nanos(u64::try_from(sys::boot().0).unwrap_or(0))
    }
}

/// The clock of one agent. Only the system's clock grants leases, so a test's clock costs the fast path nothing.
#[derive(Debug, Clone)]
pub(crate) enum AgentClock {
    System,
    Injected(Arc<Injected>),
}

/// A user's clock, and what it said last.
#[derive(Debug)]
pub(crate) struct Injected {
    /// There until this is dropped.
    clock: Option<Box<dyn Clock>>,
    wall: AtomicI64,
    boot: AtomicI64,
}

impl AgentClock {
    pub(crate) fn injected(clock: impl Clock) -> Self {
        Self::Injected(Arc::new(Injected {
            clock: Some(Box::new(clock)),
            wall: AtomicI64::new(0),
            boot: AtomicI64::new(0),
        }))
    }

    /// For what others depend on, whoever's thread this is: a user's clock that panics said what it said before.
    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System => system(),
            Self::Injected(injected) => {
                caught(|| injected.read()).unwrap_or_else(|| injected.last())
            }
        }
    }

    /// For a reader's own judgement: where a user's clock panics the reader does, for no life may be judged by a time that stands
    /// still.
    pub(crate) fn now_of_reader(&self) -> Now {
        match self {
            Self::System => system(),
            Self::Injected(injected) => injected.read(),
        }
    }

    /// Whether the kernel's clock has not ticked since `then`: what is reckoned by that instant is right to a tick. Never by a
    /// clock that is not the system's.
    pub(crate) fn is_still(&self, then: Now) -> bool {
        match self {
            Self::System => {
                let lag = then.wall.0.saturating_sub(sys::coarse_wall().0);
                // More is a step back of the wall clock.
                (0..=nanos(sys::COARSE_LAG)).contains(&lag)
            }
            Self::Injected(_) => false,
        }
    }

    pub(crate) fn wall(&self) -> SystemTime {
        match self {
            Self::System => sys::wall(),
            Self::Injected(injected) => {
                let clock = injected.clock.as_ref();
                clock.map_or(SystemTime::UNIX_EPOCH, |clock| clock.wall())
            }
        }
    }

    pub(crate) fn is_system(&self) -> bool {
        matches!(self, Self::System)
    }
}

fn system() -> Now {
    Now {
        wall: sys::precise_wall(),
        boot: sys::boot(),
    }
}

impl Injected {
    fn read(&self) -> Now {
        let Some(clock) = &self.clock else {
            return self.last();
        };
        let now = Now {
            wall: Wall::from(clock.wall()),
            boot: Boot(nanos(clock.since_boot())),
        };
        // Relaxed, as the reads of them: they stand in for a clock that is broken.
        self.wall.store(now.wall.0, Ordering::Relaxed);
        self.boot.store(now.boot.0, Ordering::Relaxed);
        now
    }

    fn last(&self) -> Now {
        Now {
            wall: Wall(self.wall.load(Ordering::Relaxed)),
            boot: Boot(self.boot.load(Ordering::Relaxed)),
        }
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        discard(self.clock.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_clock_stands_still_for_less_than_a_tick_and_after_no_step() {
        let clock = AgentClock::System;
        let later = |nanos: i64| {
            let Now { wall, boot } = clock.now();
            let wall = Wall(wall.0 + nanos);
            Now { wall, boot }
        };
        let second = 1_000_000_000;

        // A tick may come between the two; not a hundred times in a row.
        let still = (0..100).any(|_| clock.is_still(later(0)));
        assert!(still || !cfg!(target_os = "linux"));
        assert!(!clock.is_still(later(-second)), "a second has passed");
        assert!(!clock.is_still(later(second)), "the clock was set back");
    }

    #[test]
    fn a_clock_of_a_users_never_stands_still() {
        let clock = AgentClock::injected(SystemClock);

        assert!((0..100).all(|_| !clock.is_still(clock.now())));
    }
}
