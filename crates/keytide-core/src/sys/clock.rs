//! The clock that an agent lives by: [`Clock`] and [`SystemClock`].

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::sys;
use crate::sys::time::{Boot, Now, Wall, nanos};

/// Tells the time on two axes. The system's clock is the default; tests bring one that they can move.
///
/// It is read by every read, outside every lock: it must not block, and must not call into keytide.
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
    Injected(std::sync::Arc<dyn Clock>),
}

impl AgentClock {
    pub(crate) fn now(&self) -> Now {
        match self {
            Self::System => Now {
                wall: sys::precise_wall(),
                boot: sys::boot(),
            },
            Self::Injected(clock) => Now {
                wall: Wall::from(clock.wall()),
                boot: Boot(nanos(clock.since_boot())),
            },
        }
    }

    pub(crate) fn wall(&self) -> SystemTime {
        match self {
            Self::System => sys::wall(),
            Self::Injected(clock) => clock.wall(),
        }
    }

    pub(crate) fn is_system(&self) -> bool {
        matches!(self, Self::System)
    }
}
