//! Clocks of measurements: CPU time of a thread or the process, and the time that passes.

#![expect(
    clippy::disallowed_methods,
    reason = "measurements take the time themselves"
)]

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, Timespec, clock_gettime};

/// The CPU time that this thread has used: what other programs of the machine take is not in it.
#[must_use]
pub fn thread_cpu() -> Duration {
    span(clock_gettime(ClockId::ThreadCPUTime))
}

/// The CPU time that all threads of the process have used.
#[must_use]
pub fn process_cpu() -> Duration {
    span(clock_gettime(ClockId::ProcessCPUTime))
}

/// The time that passes.
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock.
#[must_use]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// Time since boot, suspends included.
#[must_use]
pub fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    span(clock_gettime(clock))
}

/// The wall clock in nanoseconds as of the last tick of the kernel, the cheapest clock there is.
#[inline]
#[must_use]
pub fn coarse_wall() -> i64 {
    #[cfg(target_os = "linux")]
    let clock = ClockId::RealtimeCoarse;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Realtime;
    nanos(clock_gettime(clock))
}

/// The wall clock in nanoseconds.
#[inline]
#[must_use]
pub fn precise_wall() -> i64 {
    nanos(clock_gettime(ClockId::Realtime))
}

/// Microseconds since the process began to measure.
pub(crate) fn micros() -> u64 {
    let since = now().saturating_duration_since(began());
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The instant of so many microseconds since the process began to measure; far in the future where it has none.
pub(crate) fn instant_at(micros: u64) -> Instant {
    const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    began() + Duration::from_micros(micros).min(FAR)
}

fn began() -> Instant {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    *BEGAN.get_or_init(now)
}

#[inline]
fn nanos(time: Timespec) -> i64 {
    time.tv_sec
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec)
}

fn span(time: Timespec) -> Duration {
    Duration::new(
        time.tv_sec.unsigned_abs(),
        time.tv_nsec.unsigned_abs() as u32,
    )
}
