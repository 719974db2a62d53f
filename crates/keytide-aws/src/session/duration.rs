//! How long a role session is asked to last.

use std::time::Duration;

use keytide_core::Error;

/// How long a session is asked to last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SessionDuration {
    /// As STS has it: an hour.
    #[default]
    Unsaid,
    Of(Duration),
    /// Sent as it is.
    Raw(i32),
}

impl SessionDuration {
    pub(crate) fn check(self) -> Result<(), Error> {
        let Self::Of(duration) = self else {
            return Ok(());
        };
        if (SHORTEST..=LONGEST).contains(&duration) {
            return Ok(());
        }
        Err(Error::misconfigured(format!(
            "a role session lasts {} s to {} s, not {} s",
            SHORTEST.as_secs(),
            LONGEST.as_secs(),
            duration.as_secs()
        )))
    }

    /// `DurationSeconds`. A session of a session lasts an hour at the most; STS refuses more.
    pub(crate) fn seconds(self, chained: bool) -> Option<i32> {
        match self {
            Self::Unsaid => None,
            Self::Raw(seconds) => Some(seconds),
            Self::Of(duration) => {
                let most = if chained { LONGEST_CHAINED } else { LONGEST };
                i32::try_from(duration.min(most).as_secs()).ok()
            }
        }
    }

    /// What was set, where less is asked for.
    pub(crate) fn cut(self, chained: bool) -> Option<Duration> {
        match self {
            Self::Of(duration) if chained && duration > LONGEST_CHAINED => Some(duration),
            _ => None,
        }
    }

    /// The longest lifetime that STS will give, where it is known.
    pub(crate) fn longest(self, chained: bool) -> Option<Duration> {
        match self {
            Self::Unsaid => None,
            _ => self
                .seconds(chained)
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs),
        }
    }
}

/// API reference of AssumeRole, `DurationSeconds`; both are included.
const SHORTEST: Duration = Duration::from_secs(900);
const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// IAM user guide, role chaining.
const LONGEST_CHAINED: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chained_session_is_asked_for_an_hour_at_most() {
        let of = |seconds| SessionDuration::Of(Duration::from_secs(seconds));
        for (duration, chained, expected) in [
            (SessionDuration::Unsaid, true, None),
            (of(7200), false, Some(7200)),
            (of(7200), true, Some(3600)),
            (of(900), true, Some(900)),
            (SessionDuration::Raw(3), true, Some(3)),
            (SessionDuration::Raw(3), false, Some(3)),
        ] {
            assert_eq!(
                duration.seconds(chained),
                expected,
                "{duration:?} {chained}"
            );
        }
        for (seconds, good) in [(899, false), (900, true), (43_200, true), (43_201, false)] {
            assert_eq!(of(seconds).check().is_ok(), good, "{seconds}");
        }
    }
}
