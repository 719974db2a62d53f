//! The lease: why a read costs one load and one coarse clock.
//!
//! A read that finds itself inside the lease of a snapshot serves it unjudged. A lease lasts at most a second and is
//! cut where anything could change: at expiry by either clock, and at the refresh instant. A wall clock that steps
//! either way, a suspend, an expiry: all fall out of the lease, and the read judges anew.

use std::time::Duration;

use crate::sys::COARSE_LAG;
use crate::sys::time::{Wall, nanos};

/// No instant that a clock shows is within reach of this one.
pub(crate) const NO_LEASE: u64 = i64::MIN.cast_unsigned();

/// The furthest that the end of a lease may be ahead of the coarse clock.
const LONGEST: Duration = Duration::from_secs(1);

/// Whether a lease that ends at `until` covers `now`: it ends after `now`, and not by more than a second.
#[inline]
pub(crate) fn covers(until: u64, now: Wall) -> bool {
    until.wrapping_sub(now.0.cast_unsigned()).wrapping_sub(1) < LONGEST.as_nanos() as u64
}

/// The end of a lease granted now to a credential with `remaining` life, `to_refresh` before its refresh instant
/// (`None` when that has passed). The coarse clock lags, so the last moments of a life are judged read by read.
pub(crate) fn grant(now: Wall, remaining: Duration, to_refresh: Option<Duration>) -> u64 {
    let life = remaining.saturating_sub(COARSE_LAG * 2);
    let span = life
        .min(to_refresh.unwrap_or(LONGEST))
        .min(LONGEST - COARSE_LAG * 2);
    if span.is_zero() {
        NO_LEASE
    } else {
        now.0.wrapping_add(nanos(span)).cast_unsigned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const T: Wall = Wall(1_700_000_000 * SECOND);

    #[test]
    fn a_lease_covers_at_most_one_second() {
        let until = grant(T, Duration::from_secs(3600), None);

        assert!(covers(until, T));
        assert!(
            covers(until, Wall(T.0 - 10_000_000)),
            "the coarse clock lags by a tick"
        );
        assert!(!covers(until, Wall(T.0 + SECOND)));
        assert!(
            !covers(until, Wall(T.0 - SECOND)),
            "a step back of a second falls out"
        );
        assert!(!covers(until, Wall(T.0 - 7200 * SECOND)));
        assert!(!covers(until, Wall(T.0 + 7200 * SECOND)));
    }

    #[test]
    fn a_lease_is_cut_before_expiry_and_at_the_refresh_instant() {
        for millis in [1, 19, 20, 21, 300, 999, 2500] {
            let until = grant(T, Duration::from_millis(millis), None);
            let end = Wall(T.0 + i64::try_from(millis).unwrap() * 1_000_000);

            assert!(
                !covers(until, Wall(end.0 - 10_000_000)),
                "{millis} ms: a lagging clock reads an expired life"
            );
        }

        let until = grant(T, Duration::from_secs(60), Some(Duration::from_millis(400)));
        assert!(covers(until, Wall(T.0 + 399_000_000)));
        assert!(!covers(until, Wall(T.0 + 400_000_000)));
    }

    #[test]
    fn no_lease_covers_nothing_not_even_in_1970() {
        for now in [-SECOND, -1, 0, 1, SECOND, T.0, i64::MAX - SECOND] {
            assert!(!covers(NO_LEASE, Wall(now)), "{now}");
        }
        assert!(
            covers(grant(Wall(0), Duration::from_secs(9), None), Wall(0)),
            "1970 is a time like any other"
        );
        assert!(covers(
            grant(Wall(-SECOND / 2), Duration::from_secs(9), None),
            Wall(0)
        ));
    }
}
