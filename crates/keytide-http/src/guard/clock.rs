//! The clocks of destinations, as far as their answers tell.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::DATE;

use super::{Attempt, Guard};
use crate::destination::Allowed;

impl Guard {
    /// Now, by the clock of a destination.
    pub(super) fn clock_of(&self, to: &Allowed) -> SystemTime {
        let (now, skew) = (self.sender.now(), to.skew());
        let by = Duration::from_nanos(skew.unsigned_abs());
        let theirs = if skew < 0 {
            now.checked_sub(by)
        } else {
            now.checked_add(by)
        };
        theirs.unwrap_or(now)
    }

    /// Learns from the `Date` of an answer, which came over TLS or from this machine.
    pub(super) fn learn_clock(&self, attempt: &Attempt, headers: &HeaderMap) {
        let Some(sent) = attempt.sent else {
            return;
        };
        let shown = headers
            .get(DATE)
            .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        if let Some(shown) = shown {
            self.to(attempt.to)
                .set_skew(skew(shown, sent, self.sender.now()));
        }
    }
}

/// How far a clock is ahead of ours that showed this, cut to the second, at some moment between two of ours. Within what
/// that leaves open it is taken for right.
fn skew(shown: SystemTime, sent: SystemTime, now: SystemTime) -> i64 {
    let bound = |by: Duration| i64::try_from(by.min(MOST).as_nanos()).unwrap_or(i64::MAX);
    if let Ok(ahead) = shown.duration_since(now)
        && !ahead.is_zero()
    {
        return bound(ahead);
    }
    match sent.duration_since(shown + Duration::from_secs(1)) {
        Ok(behind) => -bound(behind),
        Err(_) => 0,
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
            let learned = skew(at(shown), at(sent), at(now));
            assert_eq!(learned, ahead_millis * 1_000_000, "{shown} {sent} {now}");
        }
    }
}
