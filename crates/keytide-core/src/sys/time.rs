//! Instants inside the engine: nanoseconds on two axes that must not be mixed up.
//!
//! The wall clock is what issuers speak of, and it may step. The boot clock counts suspends and never steps. Both
//! saturate: the year 9999 and the far past are instants like any other, only not to the nanosecond.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970 by the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wall(pub(crate) i64);

/// Nanoseconds since boot, suspends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Boot(pub(crate) i64);

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) wall: Wall,
    pub(crate) boot: Boot,
}

impl Wall {
    pub(crate) const FAR: Self = Self(i64::MAX);

    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// How long until `later`; zero when it has passed.
    pub(crate) fn until(self, later: Self) -> Duration {
        positive(later.0.saturating_sub(self.0))
    }

    pub(crate) fn system(self) -> Option<SystemTime> {
        match u64::try_from(self.0) {
            Ok(nanos) => UNIX_EPOCH.checked_add(Duration::from_nanos(nanos)),
            Err(_) => UNIX_EPOCH.checked_sub(Duration::from_nanos(self.0.unsigned_abs())),
        }
    }
}

impl From<SystemTime> for Wall {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(nanos(after)),
            Err(before) => Self(nanos(before.duration()).saturating_neg()),
        }
    }
}

impl Boot {
    pub(crate) const FAR: Self = Self(i64::MAX);

    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// How long until `later`; zero when it has passed.
    pub(crate) fn until(self, later: Self) -> Duration {
        positive(later.0.saturating_sub(self.0))
    }
}

impl Now {
    /// The distance between the two clocks: constant, but for steps of the wall clock.
    pub(crate) fn offset(self) -> i64 {
        self.wall.0.saturating_sub(self.boot.0)
    }
}

pub(crate) fn nanos(span: Duration) -> i64 {
    // In 64 bits: as_nanos() has 128.
    i64::try_from(span.as_secs())
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000_000)
        .saturating_add(i64::from(span.subsec_nanos()))
}

fn positive(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_of_any_length_is_counted_in_nanoseconds_or_as_the_longest() {
        let longest = i64::MAX.unsigned_abs();
        for (span, count) in [
            (Duration::ZERO, 0),
            (Duration::new(3, 7), 3_000_000_007),
            (Duration::from_nanos(longest), i64::MAX),
            (Duration::from_nanos(longest - 1), i64::MAX - 1),
            (Duration::from_nanos(longest + 1), i64::MAX),
            (Duration::from_secs(longest), i64::MAX),
            (Duration::MAX, i64::MAX),
        ] {
            assert_eq!(nanos(span), count, "{span:?}");
        }
    }
}
