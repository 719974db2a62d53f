//! When to ask again after a failure.

use std::time::Duration;

use crate::error::ErrorKind;

/// A failure as the backoff sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    pub(crate) sort: Sort,
    /// How many in a row, this one included: of this refusal for a refusal, else of any failure.
    pub(crate) count: u32,
    /// How long the credential at hand still lasts; `None` if there is none.
    pub(crate) remaining: Option<Duration>,
    /// How long the issuer asked to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// Whether that is the mandatory window.
    pub(crate) urgent: bool,
    /// How long the call took that failed.
    pub(crate) latency: Duration,
    /// The shortest pace.
    pub(crate) min_interval: Duration,
    /// The first pause of those that are shorter, where readers are without a credential.
    pub(crate) first: Option<Duration>,
}

/// The four sorts of failure. What is unknown is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Unavailable,
    Throttled,
    Refused,
    NotConfigured,
}

impl Sort {
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Throttled => Self::Throttled,
            ErrorKind::Refused
            | ErrorKind::Misconfigured
            | ErrorKind::PrincipalChanged
            | ErrorKind::StaticCredential
            | ErrorKind::LifetimeTooLong => Self::Refused,
            ErrorKind::NotConfigured => Self::NotConfigured,
            _ => Self::Unavailable,
        }
    }

    /// Whether the issuer, or the configuration, says no.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Refused | Self::NotConfigured)
    }
}

impl Failure {
    /// How long to wait. `random` is uniform in 0 ..= `u32::MAX`.
    ///
    /// While a credential is usable: at most an eighth of what remains beside the calls themselves, so that at least five attempts fit before it
    /// expires and readers never see an outage that ends in time. Without one: four short pauses, doubling, so that recovery takes
    /// no longer than the outage did; then doubling from the minimum interval to 30 s.
    pub(crate) fn delay(&self, random: u32) -> Duration {
        let room = self.remaining.map(|remaining| {
            let spare = remaining.saturating_sub(self.latency * ATTEMPTS);
            (spare / 8).max(self.min_interval)
        });
        if self.sort.is_refusal() {
            let pace = doubled(FIRST_REFUSAL, self.count, LONGEST_REFUSAL);
            let pause = spread(
                pace.min(room.unwrap_or(LONGEST_REFUSAL)),
                Duration::ZERO,
                random,
            );
            // Only the first is asked again under the minimum interval.
            return if self.count > 1 {
                pause.max(self.min_interval)
            } else {
                pause
            };
        }
        if let (Sort::Throttled, Some(asked)) = (self.sort, self.retry_after) {
            let longest = match self.remaining {
                Some(remaining) if self.urgent => remaining / 5,
                Some(remaining) => (remaining / 2).min(LONGEST_THROTTLE),
                None => CAP,
            };
            return jittered(asked, random).min(longest).max(self.min_interval);
        }
        let short = self
            .first
            .filter(|_| self.remaining.is_none() && self.sort == Sort::Unavailable);
        let count = match short {
            Some(first) if self.count <= SHORT_PAUSES => {
                return spread(
                    doubled(first, self.count, self.min_interval),
                    Duration::ZERO,
                    random,
                );
            }
            Some(_) => self.count - SHORT_PAUSES,
            None => self.count,
        };
        let pace = doubled(
            self.min_interval,
            count,
            room.unwrap_or(CAP).max(self.min_interval),
        );
        spread(pace, self.min_interval, random)
    }
}

/// After how long the same origin may force the next refresh, when it refused the credential for the `count`th time.
pub(crate) fn origin_pace(count: u32, vouched: bool, min_interval: Duration) -> Duration {
    let pace = doubled(min_interval, count, LONGEST_REFUSAL);
    if vouched { pace.max(VOUCHED) } else { pace }
}

/// After how long to ask again for what the issuer gave again, and was invalidated again, for the `rounds`th time.
pub(crate) fn reinstated_pace(rounds: u32, min_interval: Duration) -> Duration {
    doubled(min_interval, rounds, CAP.max(min_interval))
}

/// After how long to ask again when the issuer gave the same credential.
pub(crate) fn unchanged_pace(remaining: Duration, min_interval: Duration) -> Duration {
    (remaining / 5).max(min_interval)
}

fn doubled(first: Duration, count: u32, cap: Duration) -> Duration {
    let factor = 1_u32
        .checked_shl(count.saturating_sub(1))
        .unwrap_or(u32::MAX)
        .max(1);
    first.checked_mul(factor).unwrap_or(cap).min(cap)
}

/// Uniform in the upper half of `least ..= pace`.
fn spread(pace: Duration, least: Duration, random: u32) -> Duration {
    let half = pace.saturating_sub(least) / 2;
    pace - half + fraction(half, random)
}

/// At least what was asked, and up to a tenth more, so that all who were told the same do not come back together.
fn jittered(asked: Duration, random: u32) -> Duration {
    asked.saturating_add(fraction(asked / 10, random))
}

fn fraction(span: Duration, random: u32) -> Duration {
    let nanos = span.as_nanos() * u128::from(random) / u128::from(u32::MAX);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// How many attempts are to fit before expiry, each as slow as the last.
const ATTEMPTS: u32 = 5;
/// How many of the first pauses are shorter than the minimum interval.
const SHORT_PAUSES: u32 = 4;
/// The longest pace while there is no usable credential.
const CAP: Duration = Duration::from_secs(30);
/// The longest that a `Retry-After` is honoured while a credential is usable.
const LONGEST_THROTTLE: Duration = Duration::from_secs(300);
/// The pace of the first refusal, before it is spread over its upper half.
const FIRST_REFUSAL: Duration = Duration::from_secs(1);
/// The longest pace of a refusal that repeats.
const LONGEST_REFUSAL: Duration = Duration::from_secs(300);
/// The least pace of an origin that refuses what the issuer vouches for.
const VOUCHED: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const MIN_INTERVAL: Duration = Duration::from_secs(1);

    fn failure(sort: Sort, count: u32, remaining: Option<u64>) -> Failure {
        let remaining = remaining.map(Duration::from_secs);
        Failure {
            sort,
            count,
            remaining,
            retry_after: None,
            urgent: false,
            latency: Duration::ZERO,
            min_interval: MIN_INTERVAL,
            first: None,
        }
    }

    #[test]
    fn only_the_first_of_a_row_of_refusals_is_asked_again_under_the_floor() {
        for remaining in [None, Some(3), Some(3600)] {
            let first = failure(Sort::Refused, 1, remaining).delay(0);
            assert_eq!(first, MIN_INTERVAL / 2, "{remaining:?}");
            for count in 2..12 {
                let next = failure(Sort::Refused, count, remaining).delay(0);
                assert!(next >= MIN_INTERVAL, "{count}: {next:?} of {remaining:?}");
            }
        }
    }

    #[test]
    fn refusals_are_asked_again_after_half_a_second_doubling_to_five_minutes() {
        for remaining in [None, Some(12 * 3600)] {
            let delays =
                |random| move |count| failure(Sort::Refused, count, remaining).delay(random);
            assert_eq!((delays(0))(1), Duration::from_millis(500));
            assert_eq!((delays(u32::MAX))(1), Duration::from_secs(1));
            assert_eq!((delays(u32::MAX))(4), Duration::from_secs(8));
            assert_eq!((delays(u32::MAX))(40), Duration::from_secs(300));
        }
    }

    #[test]
    fn retry_after_is_honoured_within_its_bounds() {
        let asked = |seconds, remaining| Failure {
            retry_after: Some(Duration::from_secs(seconds)),
            ..failure(Sort::Throttled, 1, remaining)
        };

        assert_eq!(asked(30, Some(3600)).delay(0), Duration::from_secs(30));
        assert_eq!(
            asked(30, Some(3600)).delay(u32::MAX),
            Duration::from_secs(33),
            "never earlier than asked"
        );
        assert_eq!(
            asked(86_400, Some(3600)).delay(0),
            Duration::from_secs(300),
            "at most five minutes"
        );
        assert_eq!(
            asked(86_400, Some(100)).delay(0),
            Duration::from_secs(50),
            "at most half of what remains"
        );
        let urgent = Failure {
            urgent: true,
            ..asked(86_400, Some(50))
        };
        assert_eq!(
            urgent.delay(0),
            Duration::from_secs(10),
            "at most a fifth in the mandatory window"
        );
        assert_eq!(
            asked(86_400, None).delay(0),
            Duration::from_secs(30),
            "at most 30 s without a credential"
        );
        assert_eq!(
            asked(0, None).delay(0),
            MIN_INTERVAL,
            "never faster than the minimum interval"
        );
        assert_eq!(
            Failure {
                retry_after: Some(Duration::MAX),
                ..asked(0, None)
            }
            .delay(u32::MAX),
            CAP
        );
    }

    #[test]
    fn without_a_credential_the_pace_doubles_from_the_floor_to_thirty_seconds() {
        let delay = |count, random| failure(Sort::Unavailable, count, None).delay(random);

        assert_eq!(delay(1, u32::MAX), MIN_INTERVAL);
        assert_eq!(
            delay(1, 0),
            MIN_INTERVAL,
            "jitter stays above the minimum interval"
        );
        assert_eq!(delay(3, u32::MAX), Duration::from_secs(4));
        assert_eq!(delay(1000, u32::MAX), CAP);
        assert!(delay(1000, 0) >= CAP / 2);
    }

    #[test]
    fn at_least_five_attempts_fit_before_expiry() {
        for sort in [Sort::Unavailable, Sort::Refused, Sort::Throttled] {
            for random in [0, u32::MAX / 2, u32::MAX] {
                for latency in [0_u64, 100, 1000, 5000] {
                    for life in [5_u64, 6, 10, 30, 60, 300, 900, 3600, 43_200] {
                        let latency = Duration::from_millis(latency);
                        let life = Duration::from_secs(life);
                        if life < 5 * (MIN_INTERVAL + latency) {
                            continue;
                        }
                        let (mut left, mut attempts, mut count) = (life, 0, 1);
                        loop {
                            let delay = Failure {
                                remaining: Some(left),
                                latency,
                                ..failure(sort, count, None)
                            }
                            .delay(random);
                            assert!(
                                delay <= (left / 5).max(MIN_INTERVAL),
                                "{delay:?} of {left:?}"
                            );
                            let Some(after) = left.checked_sub(delay + latency) else {
                                break;
                            };
                            (left, attempts, count) = (after, attempts + 1, count + 1);
                            if after.is_zero() {
                                break;
                            }
                        }
                        assert!(
                            attempts >= 5,
                            "{attempts} attempts in {life:?} at {latency:?}, {sort:?}"
                        );
                    }
                }
            }
        }
    }
}
