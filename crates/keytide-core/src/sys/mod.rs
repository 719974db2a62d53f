//! The operating system: clocks, randomness, the process id. The only file that reads the wall clock.

#![expect(
    clippy::disallowed_methods,
    reason = "this file is where clocks are read"
)]

pub(crate) mod chance;
pub(crate) mod clock;
pub(crate) mod remote;
pub(crate) mod time;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::sys::time::{Boot, Wall};

/// The wall clock.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

#[cfg(target_os = "linux")]
mod imp {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    use super::{Boot, Wall};

    /// The wall clock as of the last tick of the kernel: at most [`super::COARSE_LAG`] behind, and a quarter of the
    /// price.
    #[inline]
    pub(crate) fn coarse_wall() -> Wall {
        Wall(nanos(clock_gettime(ClockId::RealtimeCoarse)))
    }

    /// Time since boot, suspends included.
    pub(crate) fn boot() -> Boot {
        Boot(nanos(clock_gettime(ClockId::Boottime)))
    }

    pub(crate) fn precise_wall() -> Wall {
        Wall(nanos(clock_gettime(ClockId::Realtime)))
    }

    #[inline]
    fn nanos(time: Timespec) -> i64 {
        time.tv_sec
            .wrapping_mul(1_000_000_000)
            .wrapping_add(time.tv_nsec)
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::sync::OnceLock;
    use std::time::Instant;

    use super::{Boot, Wall};

    pub(crate) fn coarse_wall() -> Wall {
        precise_wall()
    }

    /// `Instant` counts suspends on Windows and, through `CLOCK_MONOTONIC`, on the BSDs; where it does not, the wall
    /// clock alone tells that one passed.
    pub(crate) fn boot() -> Boot {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = *START.get_or_init(Instant::now);
        Boot(i64::try_from(start.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }

    pub(crate) fn precise_wall() -> Wall {
        Wall::from(super::wall())
    }
}

pub(crate) use imp::{boot, coarse_wall, precise_wall};

/// How far [`coarse_wall`] may be behind: one tick at 100 Hz.
pub(crate) const COARSE_LAG: Duration = Duration::from_millis(10);

/// For waits of threads, which no clock of the agent governs.
pub(crate) fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}

fn process_id() -> u32 {
    std::process::id()
}

/// A process, told from its children and from its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    /// Counts forks: process ids are not told apart between namespaces.
    generation: u32,
    /// A process that is made past the C library's `fork` is not counted.
    id: u32,
}

impl Process {
    pub(crate) fn this() -> Self {
        Self {
            generation: keytide_fork::generation(),
            id: process_id(),
        }
    }

    /// A fork is noticed at once; a process made past the C library's `fork`, a tick later at most.
    #[inline]
    pub(crate) fn is_this(self) -> bool {
        self.generation == keytide_fork::generation()
            && (recent_process_id() == self.id || process_id() == self.id)
    }
}

/// The process id as of the last tick of the kernel's clock. A system call takes as long as all the rest of a slow read,
/// so it is made once a tick for all caches.
fn recent_process_id() -> u32 {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let tick = (coarse_wall().0 / 1_000_000) as u32;
    let seen = SEEN.load(Ordering::Relaxed);
    if (seen >> 32) as u32 == tick {
        return seen as u32;
    }
    let id = process_id();
    SEEN.store(u64::from(tick) << 32 | u64::from(id), Ordering::Relaxed);
    id
}

/// Unpredictable enough for an id that must be unique, and different in a forked child.
#[cfg(target_os = "linux")]
pub(crate) fn random_u128() -> u128 {
    let mut bytes = [0_u8; 16];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    if filled == Ok(bytes.len()) {
        u128::from_le_bytes(bytes)
    } else {
        hashed_u128()
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn random_u128() -> u128 {
    hashed_u128()
}

/// Spread evenly, and drawn without a system call.
pub(crate) fn spread() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(0_u8) >> 32) as u32
}

/// The standard library's hash keys come from the operating system, once a thread; process id and clock tell forks
/// and later calls apart.
fn hashed_u128() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    let state = RandomState::new();
    let now = (process_id(), precise_wall().0, boot().0);
    let half = |salt: u8| u128::from(state.hash_one((salt, now)));
    half(0) << 64 | half(1)
}
