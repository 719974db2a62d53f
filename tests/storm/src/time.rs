//! The clocks of a program that runs in real time.

#![expect(
    clippy::disallowed_methods,
    reason = "what is judged here is judged by clocks that keytide does not have its hands on"
)]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Nanoseconds of the wall clock since 1970.
pub(crate) fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
