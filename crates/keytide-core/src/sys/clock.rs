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
