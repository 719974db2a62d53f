//! The clock of somebody else, as far as answers tell: [`RemoteClock`].

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use crate::sys::time::{Wall, nanos};

/// How far a clock elsewhere, an issuer's or a destination's, is ahead of ours: an estimate by what its answers showed.
///
/// What an answer shows is cut to the second, and was true at some moment between sending and receiving. What lies within
/// that is no difference; one of more than 24 h is taken for 24 h. Each answer replaces what was known before.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use keytide_core::RemoteClock;
///
/// let clock = RemoteClock::new();
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_514_520);
/// assert_eq!(clock.at(now), now);
///
/// clock.showed(now + Duration::from_secs(60), now, now);
/// assert_eq!(clock.at(now), now + Duration::from_secs(60));
/// ```
#[derive(Debug, Default)]
pub struct RemoteClock {
    /// In nanoseconds. A hint: nothing is ordered by it.
    ahead: AtomicI64,
}

impl RemoteClock {
    /// A clock of which nothing is known: taken for ours.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is ahead by so many nanoseconds.
    pub(crate) fn ahead_by(nanos: i64) -> Self {
        Self {
            ahead: AtomicI64::new(nanos),
        }
    }

    /// By how many nanoseconds it is ahead.
    pub(crate) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Learns from what it showed in an answer to what was sent and received at these times by ours.
    pub fn showed(&self, shown: SystemTime, sent: SystemTime, received: SystemTime) {
        let shown = Wall::from(shown);
        let ahead = shown.0.saturating_sub(Wall::from(received).0);
        let behind = shown
            .after(Duration::from_secs(1))
            .0
            .saturating_sub(Wall::from(sent).0);
        let bound = nanos(MOST);
        let measured = if ahead > 0 { ahead } else { behind.min(0) };
        self.ahead
            .store(measured.clamp(-bound, bound), Ordering::Relaxed);
    }

    /// What it shows when ours shows `now`, as far as is known.
    #[must_use]
    pub fn at(&self, now: SystemTime) -> SystemTime {
        Wall(Wall::from(now).0.saturating_add(self.ahead()))
            .system()
            .unwrap_or(now)
    }
}

const MOST: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_learned_beyond_what_is_uncertain_and_up_to_a_day() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        const T: u64 = 1_700_000_000_000;
        const HOUR: u64 = 3_600_000;

        for (shown, sent, now, ahead_millis) in [
            (T, T, T, 0),
            (T, T + 900, T + 950, 0),
            (T + 1000, T + 900, T + 1100, 0),
            (T + HOUR, T, T + 100, 3_599_900),
            (T - HOUR, T, T + 100, -3_599_000),
            (T + 99 * HOUR, T, T, 24 * 3_600_000),
            (T - 99 * HOUR, T, T, -24 * 3_600_000),
        ] {
            let clock = RemoteClock::ahead_by(7);
            clock.showed(at(shown), at(sent), at(now));

            let learned = clock.ahead();
            assert_eq!(learned, ahead_millis * 1_000_000, "{shown} {sent} {now}");
            let theirs = at(now.checked_add_signed(ahead_millis).unwrap());
            assert_eq!(clock.at(at(now)), theirs, "{shown} {sent} {now}");
        }
    }
}
